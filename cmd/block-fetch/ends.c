/* How answers ended, and what that says of their sources. */
#include <stdio.h>

#include "cmd/block-fetch/plan.h"

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

/* Whether the answer was asked for as an item; a suspect is one block of a body. */
static enum item_kind kind_of(const struct transfer *t)
{
	return t->ask <= ASK_STREAM ? (enum item_kind)t->ask : ITEM_BODY;
}

/* Whether it said itself that it has what it does not give.  Its newest tenure may be partial, and
 * what is near its top another fork's by now; what it does not claim it need not have, nor what a
 * commit may have made up; a stream may be gone where its block is there. */
static bool breaks_word(const struct planner *p, const struct source *s, const struct transfer *t)
{
	bool made_up = t->ask == ASK_START && p->slots[t->slot].facts & FACT_DISPUTED;

	return t->ask != ASK_STREAM && !s->is_url && !made_up &&
	    source_claims(p, s, t->slot, ITEM_BODY) &&
	    slot_height(p, t->slot) + p->net->stable_confirmations <
		s->top[claim_kind(p, t->slot, ITEM_BODY)];
}

static void absent(struct planner *p, struct source *s, const struct transfer *t, uint64_t now)
{
	bool again = !s->is_url && t->ask != ASK_STREAM;

	s->missing += breaks_word(p, s, t);
	s->last = TROUBLE_404;
	item_failed_at(p, t, now, TROUBLE_404,
	    !again && work_make(p, t->slot, kind_of(t))->tries[t->source] >= 1);
}

static void status_failed(struct planner *p, struct source *s, const struct transfer *t,
    uint64_t now, unsigned status, unsigned retry_s)
{
	enum trouble limited = status == 429 ? TROUBLE_429 : TROUBLE_503;

	if (status == 404 || status == 400 || status == 410) {
		absent(p, s, t, now);
	} else if (status == 429 || status == 503) {
		s->limited++;
		s->limited_at = now;
		source_fail(p, s, now, t->sent, limited,
		    (uint64_t)(retry_s < 300 ? retry_s : 300) * 1000);
		work_make(p, t->slot, kind_of(t))->why = (uint8_t)limited;
	} else {
		char why[24];
		snprintf(why, sizeof(why), "status %u", status);
		source_error(s, now, t);
		source_fail(p, s, now, t->sent, TROUBLE_SERVER, 0);
		item_failed_at(p, t, now, why_of(p, why), false);
	}
	source_complain(p, s, now);
}

/* An answer that ended without all that was asked. */
static void fell_short(struct planner *p, struct source *s, const struct transfer *t, uint64_t now,
    enum trouble trouble, bool pause)
{
	source_error(s, now, t);
	s->last = (uint8_t)trouble;
	if (pause)
		source_fail(p, s, now, t->sent, trouble, 0);
	if (!t->fresh)
		item_failed_at(p, t, now, (uint8_t)trouble, false);
	source_complain(p, s, now);
}

static void not_reached(struct planner *p, struct source *s, const struct transfer *t,
    uint64_t now, enum trouble trouble)
{
	if (trouble == TROUBLE_CONNECTION && s->inflight) {
		source_crowded(s);
		return;
	}
	if (trouble == TROUBLE_CONNECTION)
		source_error(s, now, t);
	source_fail(p, s, now, t->sent, trouble, 0);
	work_make(p, t->slot, kind_of(t))->why = (uint8_t)trouble;
}

static void broken(struct planner *p, struct source *s, const struct transfer *t, uint64_t now,
    enum trouble trouble)
{
	source_lie(p, s, now, FAULT_INVALID, trouble, t->first);
	item_failed_at(p, t, now, (uint8_t)trouble, true);
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
			fell_short(p, s, t, now, t->blocks ? TROUBLE_EARLY : TROUBLE_EMPTY, false);
		else
			status_failed(p, s, t, now, status, retry_s);
		break;
	case END_CONNECT:
		not_reached(p, s, t, now, TROUBLE_CONNECTION);
		break;
	case END_UNRESOLVED:
		not_reached(p, s, t, now, TROUBLE_NAME);
		break;
	case END_CUT:
	case END_TRAILING:
	case END_MORE:
		fell_short(p, s, t, now, TROUBLE_CUT, !t->fresh);
		break;
	case END_PROTOCOL:
		broken(p, s, t, now, TROUBLE_HTTP);
		break;
	case END_TOO_LARGE:
		broken(p, s, t, now, TROUBLE_LARGE);
		break;
	case END_GARBAGE:
		broken(p, s, t, now, TROUBLE_GARBAGE);
		break;
	case END_PRIVATE:
		source_fault(p, s, FAULT_USELESS, TROUBLE_PRIVATE, "resolves to a private address");
		source_leave_out(p, s, now, TROUBLE_PRIVATE);
		break;
	case END_STOPPED:
		if (t->wrong)
			item_failed_at(p, t, now, TROUBLE_WRONG, true);
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
			source_lie(p, s, now, FAULT_LYING, TROUBLE_TIP, t->first);
	} else if (end != END_STOPPED) {
		source_error(s, now, t);
		source_fail(p, s, now, t->sent, TROUBLE_NO_TIP, 0);
	}
}

static void info_end(struct planner *p, struct source *s, const struct transfer *t, uint64_t now,
    enum plan_end end, unsigned status)
{
	s->info_at = now;
	if (end == END_DONE && status == 200)
		answered(p, s, t, now);
	else if (end == END_CONNECT || end == END_UNRESOLVED)
		source_fail(p, s, now, t->sent,
		    end == END_CONNECT ? TROUBLE_CONNECTION : TROUBLE_NAME, 0);
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
				single_drop(p, i);
		} else if (p->written_is_done) {
			single_drop(p, i);
		}
		return;
	}
}

/* A transfer that we had cut: whose fault it was. */
static void cut_end(struct planner *p, struct source *s, const struct transfer *t, uint64_t now,
    unsigned status)
{
	/* Before the first byte a long way excuses; a head that has begun, and nothing behind it,
	 * is none. */
	if (t->strike && (t->strike != STRIKE_HEAD || status))
		source_strike(p, s, now, t, t->strike != STRIKE_HARD && status != 1,
		    status || t->bytes);
	if (t->ask == ASK_TIP)
		s->tip_asked = false;
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
		transfer_detach(p, live);
	if (t.cancelled) {
		cut_end(p, s, &t, now, status);
	} else if (t.ask == ASK_INFO) {
		info_end(p, s, &t, now, end, status);
		return;
	} else if (t.ask == ASK_TIP) {
		tip_end(p, s, &t, now, end, status);
		return;
	} else {
		judge_end(p, s, &t, now, end, status, retry_after_s);
		if (t.ask == ASK_BLOCK)
			single_end(p, &t);
	}
	if (t.slot < p->n_slots) {
		item_settle(p, t.slot, ITEM_BODY);
		if (t.ask == ASK_STREAM)
			item_settle(p, t.slot, ITEM_STREAM);
	}
}

/* Next: cmd/block-fetch/verdicts.c, what the later stages made of it. */
