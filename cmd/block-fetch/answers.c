/* What came: bytes, blocks, the ends of answers.  Every block that links by hash to what was asked
 * is taken; whether it is good is judged downstream, and a bad copy only costs its source this
 * tenure, never the tenure its other sources. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/block-fetch/plan.h"
#include "common/sys/log.h"

/* The transfer no longer serves its slot. */
static void detach(struct planner *p, struct transfer *t)
{
	struct work *w = t->work ? &p->works[t->work - 1] : NULL;

	t->work = 0;
	if (t->ask == ASK_START && t->slot < p->n_slots) {
		p->slots[t->slot].flags &= (uint16_t)~F_ASK_START;
		plan_refresh(p, t->slot);
	}
	if (!w || t->ask != ASK_BODY)
		return;
	if (--w->transfers == 0 && p->slots[w->slot].state == B_ASKED)
		plan_state(p, w->slot, B_READY);
}

void transfer_cancel(struct planner *p, unsigned i)
{
	struct transfer *t = &p->transfers[i];
	struct action *a;

	if (!t->used || t->cancelled)
		return;
	t->cancelled = true;
	detach(p, t);
	for (unsigned k = 0; t->ask == ASK_BLOCK && k < p->n_singles; k++)
		if (id_is(p->singles[k].id, t->first))
			p->singles[k].asked = false;
	a = plan_act(p, ACT_CANCEL);
	a->transfer = i;
	a->source = t->source;
}

bool slot_may_ask(const struct planner *p, unsigned source, uint32_t slot, bool start)
{
	const struct slot *s = &p->slots[slot];

	if (s->work && p->works[s->work - 1].out[start] >> source & 1)
		return false;
	return source_claims(p, &p->sources[source], slot) ||
	    (s->flags & F_TIP && !(s->flags & F_NAMED));
}

bool slot_offered(const struct planner *p, uint32_t slot, uint64_t now, bool start)
{
	for (unsigned i = 0; i < p->n_sources; i++)
		if (source_usable(&p->sources[i], now) && slot_may_ask(p, i, slot, start))
			return true;
	return false;
}

/* An answer for this slot failed: the source has used up one of its tries, the slot goes back to
 * the head. */
void slot_failed_at(struct planner *p, const struct transfer *t, uint64_t now, const char *why,
    bool for_good)
{
	struct work *w = plan_work(p, t->slot);
	unsigned tries = ++w->tries[t->source];
	bool others, start = t->ask == ASK_START;

	w->why = plan_why(p, why);
	w->out[start] |= 1ull << t->source;
	others = slot_offered(p, t->slot, now, start);
	if (!for_good && tries < (others ? 2u : MAX_TRIES))
		w->out[start] &= ~(1ull << t->source);
	w->not_before = others ? now : now + (50ull << (tries < 6 ? tries : 6));
	plan_refresh(p, t->slot);
	if (w->out[start] && !slot_offered(p, t->slot, now, start))
		plan_want(p, t->slot, WANT_UNAVAILABLE, why);
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
			p->transfers[i].what = still ? "stall" : "drip";
		}
		transfer_cancel(p, i);
	}
}

static void slot_whole(struct planner *p, uint64_t now, uint32_t i)
{
	struct slot *s = &p->slots[i];
	struct work *w = &p->works[s->work - 1];

	overtaken(p, now, i, ASK_BODY);
	w->begun = false;
	if (s->flags & F_NEWEND) {
		s->flags &= (uint16_t)~F_NEWEND;
		plan_state(p, i, p->written_is_done ? B_PROVEN : B_LOOK);
		if (p->written_is_done)
			plan_reopen(p, i, w->stop);
	} else {
		plan_state(p, i, p->written_is_done ? B_PROVEN : B_WRITTEN);
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
		p->slots[t->slot].awaiting++;
	}
	return t->complete ? TAKE_LAST : TAKE;
}

static enum plan_take wrong(struct planner *p, uint64_t now, struct transfer *t)
{
	t->wrong = true;
	if (t->ask != ASK_TIP)
		source_lie(p, &p->sources[t->source], now, FAULT_LYING, "wrong block", t->expect);
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
	if (b->start && s->flags & F_DISPUTED && memcmp(b->ch, s->ch, CH_LEN) == 0)
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
		plan_start_known(p, t->slot, b->parent, b->prev_ch);
		s->why = plan_why(p, "does not link down to the named start");
		plan_state(p, t->slot, B_FAILED);
		plan_want(p, t->slot, WANT_UNAVAILABLE, p->whys[s->why]);
		return verdict;
	}
	verdict = take(p, t, b, fresh);
	if (start && fresh) {
		plan_start_known(p, t->slot, b->parent, b->prev_ch);
		overtaken(p, now, t->slot, ASK_START);
	}
	if (t->complete && fresh)
		slot_whole(p, now, t->slot);
	return verdict;
}

bool planner_expects(const struct planner *p, unsigned transfer, const uint8_t id[ID_LEN])
{
	const struct transfer *t = &p->transfers[transfer];

	return !t->cancelled && !t->complete && (t->ask != ASK_BODY || t->work) &&
	    id_is(id, t->expect);
}

enum plan_take planner_block(struct planner *p, uint64_t now, unsigned transfer,
    const struct plan_block *b)
{
	struct transfer *t = &p->transfers[transfer];
	struct slot *s;

	if (t->cancelled || t->complete)
		return STOP_QUIET;
	s = &p->slots[t->slot];
	if (t->ask == ASK_BODY)
		return t->work ? body_block(p, now, t, b) : STOP_QUIET;
	if (!id_is(b->id, t->expect))
		return wrong(p, now, t);
	if (t->ask == ASK_TIP) {
		memcpy(t->expect, b->parent, ID_LEN);
		t->complete = b->start || id_is(b->parent, t->stop);
		return take(p, t, b, true);
	}
	t->complete = true;
	if (t->ask == ASK_BLOCK)
		return take(p, t, b, true);
	enum plan_take verdict = take(p, t, b, !(s->flags & F_START));
	if (!(s->flags & F_START)) {
		plan_start_known(p, t->slot, b->parent, b->prev_ch);
		overtaken(p, now, t->slot, ASK_START);
	}
	return verdict;
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

/* ---- ends ---- */

static void answered(struct planner *p, struct source *s, const struct transfer *t, uint64_t now)
{
	source_ok(p, s, now);
	for (unsigned i = 0; i < MAX_TRANSFERS; i++)
		if (p->transfers[i].used && p->transfers[i].source != t->source)
			p->transfers[i].others++, p->transfers[i].since++;
	if (t->ask != ASK_BODY || !t->complete)
		return;
	p->body = p->body > 0 ? p->body * 0.95 + (double)t->bytes * 0.05 : (double)t->bytes;
	p->body_ms = p->body_ms > 0 ? p->body_ms * 0.95 + (double)(now - t->sent) * 0.05 :
				      (double)(now - t->sent);
}

static void status_failed(struct planner *p, struct source *s, const struct transfer *t,
    uint64_t now, unsigned status, unsigned retry_s)
{
	if (status == 404 || status == 400 || status == 410) {
		/* Its newest tenure may be partial, and what is near its top another fork's by now;
		 * what it does not claim it need not have, nor what a commit may have made up. */
		bool made_up = t->ask == ASK_START && p->slots[t->slot].flags & F_DISPUTED;
		bool claimed = !s->is_url && !made_up && source_claims(p, s, t->slot) &&
		    plan_height(p, t->slot) + p->net->stable_confirmations < s->top;
		s->missing += claimed;
		s->last = "404";
		slot_failed_at(p, t, now, "404",
		    s->is_url && plan_work(p, t->slot)->tries[t->source] >= 1);
	} else if (status == 429 || status == 503) {
		s->limited++;
		s->limited_at = now;
		source_fail(p, s, now, t->sent, status == 429 ? "429" : "503",
		    (uint64_t)(retry_s < 300 ? retry_s : 300) * 1000);
		plan_work(p, t->slot)->why = plan_why(p, status == 429 ? "429" : "503");
	} else {
		char why[24];
		snprintf(why, sizeof(why), "status %u", status);
		source_error(s, now, t);
		source_fail(p, s, now, t->sent, "server error", 0);
		slot_failed_at(p, t, now, why, false);
	}
	source_complain(p, s, now);
}

/* An answer that ended without all that was asked. */
static void fell_short(struct planner *p, struct source *s, const struct transfer *t, uint64_t now,
    const char *why, bool pause)
{
	source_error(s, now, t);
	s->last = why;
	if (pause)
		source_fail(p, s, now, t->sent, why, 0);
	if (!t->fresh)
		slot_failed_at(p, t, now, why, false);
	source_complain(p, s, now);
}

static void judge_end(struct planner *p, struct source *s, const struct transfer *t, uint64_t now,
    enum plan_end end, unsigned status, unsigned retry_s)
{
	if (t->complete || (end == END_DONE && status == 200 && t->fresh)) {
		answered(p, s, t, now);
		if (end == END_TRAILING || end == END_MORE)
			source_trailing(p, s, now, end == END_MORE);
		return;
	}
	switch (end) {
	case END_DONE:
		if (status == 200)
			fell_short(p, s, t, now, t->blocks ? "ends early" : "empty answer", false);
		else
			status_failed(p, s, t, now, status, retry_s);
		break;
	case END_CONNECT:
		if (s->inflight) {
			source_crowded(s);
			break;
		}
		source_error(s, now, t);
		source_fail(p, s, now, t->sent, "no connection", 0);
		plan_work(p, t->slot)->why = plan_why(p, "no connection");
		break;
	case END_UNRESOLVED:
		source_fail(p, s, now, t->sent, "cannot resolve", 0);
		plan_work(p, t->slot)->why = plan_why(p, "cannot resolve");
		break;
	case END_CUT:
	case END_TRAILING:
	case END_MORE:
		fell_short(p, s, t, now, "cut body", !t->fresh);
		break;
	case END_PROTOCOL:
		source_lie(p, s, now, FAULT_INVALID, "malformed HTTP", t->first);
		slot_failed_at(p, t, now, "malformed HTTP", true);
		break;
	case END_TOO_LARGE:
	case END_GARBAGE:
		source_lie(p, s, now, FAULT_INVALID,
		    end == END_GARBAGE ? "undecodable block" : "answer too large", t->first);
		slot_failed_at(p, t, now,
		    end == END_GARBAGE ? "undecodable block" : "answer too large", true);
		break;
	case END_PRIVATE:
		source_fault(p, s, FAULT_USELESS, "private url", "resolves to a private address");
		source_leave_out(p, s, now, "private url");
		break;
	case END_STOPPED:
		if (t->wrong)
			slot_failed_at(p, t, now, "wrong block", true);
		break;
	}
}

/* A source's own tip: nothing is owed for it, but what it
 * named itself a moment ago it should have. */
static void tip_end(struct planner *p, struct source *s, const struct transfer *t, uint64_t now,
    enum plan_end end, unsigned status)
{
	s->tip_asked = false;
	if (t->complete || (end == END_DONE && status == 200 && t->fresh)) {
		answered(p, s, t, now);
		s->tip_fails = 0;
	} else if (t->wrong || end == END_GARBAGE ||
	    (end == END_DONE && (status == 404 || status == 200))) {
		memcpy(s->tip_failed, t->first, ID_LEN);
		if (++s->tip_fails % 2 == 0)
			source_lie(p, s, now, FAULT_LYING, "tip", t->first);
	} else if (end != END_STOPPED) {
		source_error(s, now, t);
		source_fail(p, s, now, t->sent, "no tip", 0);
	}
}

static void single_end(struct planner *p, const struct transfer *t)
{
	for (unsigned i = 0; i < p->n_singles; i++) {
		struct single *one = &p->singles[i];
		if (!id_is(one->id, t->first))
			continue;
		if (!t->complete) {
			one->asked = false;
			if (++one->tries >= 3)
				plan_single_drop(p, i);
		} else if (p->written_is_done) {
			plan_single_drop(p, i);
		}
		return;
	}
}

void planner_end(struct planner *p, uint64_t now, unsigned transfer, enum plan_end end,
    unsigned status, unsigned retry_after_s)
{
	struct transfer t = p->transfers[transfer], *live = &p->transfers[transfer];
	struct source *s = &p->sources[t.source];

	source_clock(p, s, now);
	if (status > 1 && !t.cancelled)
		p->heard_at = now;
	s->inflight--;
	p->in_flight--;
	live->used = false;
	if (!t.cancelled && t.ask != ASK_INFO && t.ask != ASK_TIP)
		detach(p, live);
	if (t.cancelled) {
		/* Before the first byte a long way excuses; a head that has begun, and nothing
		 * behind it, is none. */
		if (t.strike && (t.strike != STRIKE_HEAD || status))
			source_strike(p, s, now, &t, t.strike != STRIKE_HARD && status != 1,
			    status || t.bytes, t.what);
		if (t.ask == ASK_TIP)
			s->tip_asked = false;
	} else if (t.ask == ASK_INFO) {
		s->info_at = now;
		if (end == END_DONE && status == 200)
			answered(p, s, &t, now);
		else if (end == END_CONNECT || end == END_UNRESOLVED)
			source_fail(p, s, now, t.sent,
			    end == END_CONNECT ? "no connection" : "cannot resolve", 0);
		return;
	} else if (t.ask == ASK_TIP) {
		tip_end(p, s, &t, now, end, status);
		return;
	} else {
		judge_end(p, s, &t, now, end, status, retry_after_s);
		if (t.ask == ASK_BLOCK)
			single_end(p, &t);
	}
	if (t.slot < p->n_slots)
		plan_settle(p, t.slot);
}

/* Next: cmd/block-fetch/verdicts.c, what the later stages made of it. */
