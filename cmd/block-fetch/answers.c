/* What came: bytes, blocks, the ends of answers.  Every block that links by hash to what was asked
 * is taken; whether it is good is judged downstream, and a bad copy only costs its source this
 * tenure, never the tenure its other sources. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/block-fetch/plan.h"
#include "common/sys/log.h"

/* The transfer no longer serves its item. */
void transfer_detach(struct planner *p, struct transfer *t)
{
	struct work *w = t->work ? &p->works[t->work - 1] : NULL;
	enum item_kind kind = (enum item_kind)t->ask;

	t->work = 0;
	if (t->ask == ASK_START && t->slot < p->n_slots && slot_asks_start(&p->slots[t->slot]))
		item_become(p, t->slot, ITEM_START, ST_READY);
	if (w && --w->transfers == 0 && slot_item(&p->slots[w->slot], kind)->state == ST_ASKED)
		item_become(p, w->slot, kind, ST_READY);
}

void transfer_cancel(struct planner *p, unsigned i)
{
	struct transfer *t = &p->transfers[i];
	struct action *a;

	if (!t->used || t->cancelled)
		return;
	t->cancelled = true;
	transfer_detach(p, t);
	for (unsigned k = 0; t->ask == ASK_BLOCK && k < p->n_singles; k++)
		if (id_is(p->singles[k].id, t->first))
			p->singles[k].asked = false;
	a = action_add(p, ACT_CANCEL);
	a->transfer = i;
	a->source = t->source;
}

void item_failed_at(struct planner *p, const struct transfer *t, uint64_t now, uint8_t why,
    bool for_good)
{
	enum item_kind kind = t->ask <= ASK_STREAM ? (enum item_kind)t->ask : ITEM_BODY;
	struct work *w = work_make(p, t->slot, kind);
	unsigned tries = ++w->tries[t->source];
	bool others;

	w->why = why;
	w->out |= 1ull << t->source;
	others = item_offered(p, t->slot, kind, now);
	if (!for_good &&
	    tries < (others				? 2u :
			slot_needed(&p->slots[t->slot]) ? MAX_TRIES :
							  SPARE_TRIES))
		w->out &= ~(1ull << t->source);
	w->not_before = others ? now : now + (50ull << (tries < 6 ? tries : 6));
	slot_refresh(p, t->slot);
	if (w->out && !item_offered(p, t->slot, kind, now))
		item_tell(p, t->slot, kind, WANT_UNAVAILABLE, why_text(p, why));
}

/* ---- blocks ---- */

/* Another source was faster: what is still out for the same is cut, and whoever stood still
 * meanwhile is noted. */
static void overtaken(struct planner *p, uint64_t now, uint32_t slot, enum ask ask)
{
	for (unsigned i = 0; i < MAX_TRANSFERS; i++) {
		struct transfer t = p->transfers[i];
		if (!t.used || t.cancelled || t.complete || t.ask != ask || t.slot != slot)
			continue;
		bool still = t.idle >= OVERTAKEN_MS,
		     drip = t.bytes && t.age - t.began >= OVERTAKEN_MS &&
		    (double)t.bytes * 1000 < DRIP_RATE * (double)(t.age - t.began) &&
		    (double)t.bytes * 64000 < p->median * (double)(t.age - t.began);
		if (t.since >= STALL_OTHERS && (still || drip)) {
			p->transfers[i].strike = t.bytes ? STRIKE_SOFT : STRIKE_HEAD;
			p->transfers[i].trouble = still ? TROUBLE_STALL : TROUBLE_DRIP;
		}
		transfer_cancel(p, i);
	}
}

static void item_whole(struct planner *p, uint64_t now, uint32_t i, enum item_kind kind)
{
	struct item *it = slot_item(&p->slots[i], kind);
	struct work *w = item_work(p, i, kind);

	overtaken(p, now, i, (enum ask)kind);
	w->begun = false;
	if (it->due & DUE_NEW_END) {
		uint8_t stop[ID_LEN];
		memcpy(stop, w->stop, ID_LEN);
		it->due &= (uint8_t)~DUE_NEW_END;
		item_become(p, i, kind, p->written_is_done ? ST_PROVEN : ST_LOOK);
		if (p->written_is_done)
			slot_reopen(p, i, stop);
	} else {
		item_become(p, i, kind, p->written_is_done ? ST_PROVEN : ST_WRITTEN);
	}
}

static enum plan_take take(struct planner *p, struct transfer *t, const struct plan_block *b,
    bool fresh)
{
	t->blocks++;
	if (!fresh)
		return t->complete ? STOP_QUIET : DUPLICATE;
	t->fresh++;
	if (!p->written_is_done) {
		p->awaiting++;
		p->slots[t->slot].item[t->ask == ASK_STREAM].awaiting++;
	}
	return t->complete ? TAKE_LAST : TAKE;
}

static enum plan_take wrong(struct planner *p, uint64_t now, struct transfer *t)
{
	t->wrong = true;
	if (t->ask != ASK_TIP)
		source_lie(p, &p->sources[t->source], now, FAULT_LYING, TROUBLE_WRONG, t->expect);
	return STOP_WRONG;
}

static enum plan_take body_block(struct planner *p, uint64_t now, struct transfer *t,
    const struct plan_block *b)
{
	struct work *w = &p->works[t->work - 1];
	struct slot *s = &p->slots[t->slot];
	enum plan_take verdict;
	bool fresh = id_is(t->expect, w->cursor), start;

	if (!id_is(b->id, t->expect))
		return wrong(p, now, t);
	if (b->start && s->facts & FACT_DISPUTED && memcmp(b->ch, s->ch, CH_LEN) == 0)
		memcpy(s->start, b->id, ID_LEN);
	start = id_is(b->id, s->start);
	memcpy(t->expect, b->parent, ID_LEN);
	t->complete = start || (!id_zero(w->stop) && id_is(b->parent, w->stop));
	if (fresh)
		memcpy(w->cursor, b->parent, ID_LEN);
	if (b->start && !start) {
		/* Another start than the named one: no way down from here. */
		t->complete = true;
		verdict = take(p, t, b, fresh);
		/* named or not, it ends the tenure below */
		slot_start_known(p, t->slot, b->parent, b->prev_ch);
		item_give_up(p, t->slot, ITEM_BODY, TROUBLE_OTHER_START);
		return verdict;
	}
	verdict = take(p, t, b, fresh);
	if (start && fresh) {
		slot_start_known(p, t->slot, b->parent, b->prev_ch);
		slot_header(p, t->slot, b->confirms);
		overtaken(p, now, t->slot, ASK_START);
	}
	if (t->complete && fresh)
		item_whole(p, now, t->slot, ITEM_BODY);
	return verdict;
}

bool planner_expects(const struct planner *p, unsigned transfer, const uint8_t id[ID_LEN])
{
	const struct transfer *t = &p->transfers[transfer];

	return !t->cancelled && !t->complete &&
	    ((t->ask != ASK_BODY && t->ask != ASK_STREAM) || t->work) && id_is(id, t->expect);
}

static enum plan_take start_block(struct planner *p, uint64_t now, struct transfer *t,
    const struct plan_block *b)
{
	bool fresh = !(p->slots[t->slot].facts & FACT_STARTED);
	enum plan_take verdict;

	t->complete = true;
	verdict = take(p, t, b, fresh);
	if (fresh) {
		slot_start_known(p, t->slot, b->parent, b->prev_ch);
		overtaken(p, now, t->slot, ASK_START);
	}
	return verdict;
}

static enum plan_take whole_stream(struct planner *p, uint64_t now, struct transfer *t,
    const struct plan_block *b)
{
	bool fresh = p->slots[t->slot].item[1].state == ST_ASKED;
	enum plan_take verdict;

	t->complete = true;
	verdict = take(p, t, b, fresh);
	if (fresh)
		item_whole(p, now, t->slot, ITEM_STREAM);
	return verdict;
}

enum plan_take planner_block(struct planner *p, uint64_t now, unsigned transfer,
    const struct plan_block *b)
{
	struct transfer *t = &p->transfers[transfer];

	if (t->cancelled || t->complete)
		return STOP_QUIET;
	if (t->ask == ASK_BODY)
		return t->work ? body_block(p, now, t, b) : STOP_QUIET;
	if (!id_is(b->id, t->expect))
		return wrong(p, now, t);
	switch (t->ask) {
	case ASK_START:
		return start_block(p, now, t, b);
	case ASK_STREAM:
		return t->work ? whole_stream(p, now, t, b) : STOP_QUIET;
	case ASK_TIP:
		memcpy(t->expect, b->parent, ID_LEN);
		t->complete = b->start || id_is(b->parent, t->stop);
		break;
	default:
		t->complete = true;
	}
	return take(p, t, b, true);
}

void planner_bytes(struct planner *p, uint64_t now, unsigned transfer, size_t n)
{
	struct transfer *t = &p->transfers[transfer];
	struct source *s = &p->sources[t->source];

	source_clock(p, s, now);
	if (!t->bytes) {
		double ms = (double)(now - t->sent);
		s->latency = s->latency > 0 ? s->latency * 0.8 + ms * 0.2 : ms;
		t->began = t->age;
		t->since = 0;
	}
	t->bytes += n;
	p->heard_at = now;
	t->idle = 0;
	t->others = 0;
	s->sample_bytes += n;
}

/* Next: cmd/block-fetch/ends.c, how answers ended. */
