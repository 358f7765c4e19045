/* What the later stages made of it: verdicts, what the store has of a tenure, suspects, and what
 * sources say of their own tips. */
#include <stdio.h>

#include "cmd/block-fetch/plan.h"
#include "common/sys/log.h"

/* What a slot is to do next, once nothing of it is under way. */
void plan_settle(struct planner *p, uint32_t i)
{
	struct slot *s = &p->slots[i];

	if (s->awaiting || s->state == B_ASKED || s->state == B_LOOKING)
		return;
	if (s->flags & F_NEWEND && s->state == B_READY) {
		/* What was asked for was overtaken by a better end. */
		s->flags &= (uint16_t)~F_NEWEND;
		plan_reopen(p, i, s->end);
	} else if (s->flags & F_ASIDE && s->state == B_WRITTEN) {
		s->why = plan_why(p, "setaside");
		plan_state(p, i, B_FAILED);
		plan_want(p, i, WANT_SETASIDE, "the judge of one of its blocks crashed twice");
	} else if (s->flags & F_RELOOK && s->state == B_WAIT) {
		s->flags &= (uint16_t)~(F_RELOOK | F_START);
	} else if (s->flags & F_RELOOK &&
	    (s->state == B_READY || s->state == B_WRITTEN || s->state == B_PROVEN)) {
		s->flags &= (uint16_t)~F_RELOOK;
		plan_state(p, i, B_LOOK);
	}
	plan_refresh(p, i);
}

static void refused(struct planner *p, uint64_t now, uint32_t i, int source,
    const uint8_t id[ID_LEN], const uint8_t hash[32], const char *reason)
{
	struct slot *s = &p->slots[i];
	struct source *from = source >= 0 ? &p->sources[source] : NULL;
	struct work *w = plan_work(p, i);
	char why[48];

	snprintf(why, sizeof(why), "refused: %s", reason);
	w->why = plan_why(p, why);
	if (w->refused_by >= 0 && source >= 0 && w->refused_by != source &&
	    id_is(w->refused_id, id) && memcmp(w->refused_hash, hash, 32) == 0) {
		/* The same bytes from two sources: the block is bad, and they are as honest as the
		 * chain. */
		if (p->sources[w->refused_by].refused)
			p->sources[w->refused_by].refused--;
		s->why = w->why;
		plan_work_free(p, i);
		plan_state(p, i, B_FAILED);
		plan_want(p, i, WANT_UNAVAILABLE, why);
		return;
	}
	w->refused_by = source;
	memcpy(w->refused_id, id, ID_LEN);
	memcpy(w->refused_hash, hash, 32);
	s->flags |= F_RELOOK;
	if (!from)
		return;
	w->out[0] |= 1ull << source;
	w->out[1] |= 1ull << source;
	from->refused++;
	from->last = p->whys[w->why];
	if (from->lies + from->refused >= MAX_LIES)
		source_leave_out(p, from, now, "invalid blocks");
	if (!slot_offered(p, i, now, false))
		plan_want(p, i, WANT_UNAVAILABLE, why);
}

/* A copy that is not judged: another source's may have other bytes, so the rest are asked before
 * the tenure is given up. */
static void aside(struct planner *p, uint64_t now, uint32_t i, int source)
{
	struct slot *s = &p->slots[i];
	struct work *w;

	if (source >= 0 && slot_wanted(s) && s->state != B_FAILED) {
		w = plan_work(p, i);
		w->out[0] |= 1ull << source;
		w->out[1] |= 1ull << source;
		w->why = plan_why(p, "setaside");
	}
	s->flags |= slot_offered(p, i, now, false) ? F_RELOOK : F_ASIDE;
}

void planner_forgive(struct planner *p)
{
	for (uint32_t i = 0; i < p->n_slots; i++) {
		struct slot *s = &p->slots[i];
		if (!(s->flags & F_ASIDE))
			continue;
		s->flags &= (uint16_t)~(F_ASIDE | F_TOLD);
		if (s->work)
			p->works[s->work - 1].out[0] = p->works[s->work - 1].out[1] = 0;
		if (s->state == B_FAILED)
			plan_state(p, i, B_LOOK);
	}
	p->no_offer_known = false;
}

void planner_verdict(struct planner *p, uint64_t now, uint64_t height, const uint8_t ch[CH_LEN],
    int source, enum plan_verdict v, const uint8_t id[ID_LEN], const uint8_t hash[32],
    const char *reason)
{
	struct slot *s = plan_slot(p, ch);
	uint32_t i;

	p->awaiting -= p->awaiting > 0;
	p->news_at = now;
	p->judged |= v != VERDICT_ASIDE;
	for (unsigned k = 0; k < p->n_singles; k++)
		if (id_is(p->singles[k].id, id) && p->singles[k].asked)
			plan_single_drop(p, k--);
	if (!s || plan_height(p, plan_index(p, s)) != height)
		return;
	i = plan_index(p, s);
	s->awaiting -= s->awaiting > 0;
	if (v == VERDICT_STORED) {
		s->flags |= F_STORED;
		for (unsigned k = 0; k < p->n_sources; k++)
			p->sources[k].has_claim &= !id_is(p->sources[k].tip_id, id);
	} else if (v == VERDICT_REFUSED && slot_wanted(s) && s->state != B_FAILED) {
		refused(p, now, i, source, id, hash, reason);
	} else if (v == VERDICT_UNDECIDED && slot_wanted(s)) {
		s->flags |= F_RELOOK;
		plan_work(p, i)->not_before = now + 5000;
		plan_work(p, i)->why = plan_why(p, reason);
	} else if (v == VERDICT_ASIDE) {
		aside(p, now, i, source);
	}
	plan_settle(p, i);
}

void planner_looked(struct planner *p, uint64_t now, uint64_t height, const struct plan_look *look)
{
	uint32_t i = (uint32_t)(height - p->first);
	struct slot *s = &p->slots[i];
	struct work *w;

	if (height < p->first || i >= p->n_slots || s->state != B_LOOKING)
		return;
	if (s->flags & F_NEWEND) {
		s->flags &= (uint16_t)~F_NEWEND;
		plan_state(p, i, B_LOOK);
	} else if (look->proven) {
		plan_state(p, i, B_PROVEN);
	} else if (look->whole) {
		s->why = plan_why(p, look->why[0] ? look->why : "not proven");
		plan_state(p, i, B_UNPROVEN);
	} else {
		w = plan_work(p, i);
		memcpy(w->cursor, look->cursor, ID_LEN);
		memcpy(w->stop, look->stop, ID_LEN);
		w->begun = true;
		plan_state(p, i, B_READY);
		if (++w->rounds > 8) {
			s->why =
			    w->why ? w->why : plan_why(p, "its blocks do not stay in the store");
			plan_state(p, i, B_FAILED);
			plan_want(p, i, WANT_UNAVAILABLE, p->whys[s->why]);
		}
	}
}

void planner_recheck(struct planner *p)
{
	for (uint32_t i = 0; i < p->n_slots; i++)
		if (p->slots[i].state == B_PROVEN)
			plan_state(p, i, B_LOOK);
}

void planner_relook(struct planner *p, const uint8_t ch[CH_LEN])
{
	struct slot *s = plan_slot(p, ch);

	if (s && s->state == B_PROVEN)
		plan_state(p, plan_index(p, s), B_LOOK);
}

/* The others keep their order: the least suspected first. */
void plan_single_drop(struct planner *p, unsigned i)
{
	memmove(&p->singles[i], &p->singles[i + 1], (--p->n_singles - i) * sizeof(*p->singles));
}

void planner_suspect(struct planner *p, const uint8_t ch[CH_LEN], const uint8_t id[ID_LEN],
    const char *avoid)
{
	struct slot *slot = plan_slot(p, ch);
	struct single *s;

	p->singles = xrealloc(p->singles, (p->n_singles + 1) * sizeof(*p->singles));
	s = &p->singles[p->n_singles++];
	*s = (struct single){ .tries = 0 };
	memcpy(s->id, id, ID_LEN);
	memcpy(s->ch, ch, CH_LEN);
	snprintf(s->avoid, sizeof(s->avoid), "%s", avoid);
	if (!slot)
		return;
	slot->flags |= F_HELD;
	p->holds = true;
	plan_refresh(p, plan_index(p, slot));
}

void planner_claim(struct planner *p, uint64_t now, unsigned source, const uint8_t ch[CH_LEN],
    const uint8_t id[ID_LEN], const uint8_t *stop)
{
	struct source *s = &p->sources[source];
	struct slot *slot = plan_slot(p, ch);

	if (!slot || !(slot->flags & F_WON) || s->tip_asked || id_is(slot->end, id) ||
	    (id_is(s->tip_failed, id) && s->tip_fails % 2 == 0))
		return;
	s->has_claim = true;
	memcpy(s->tip_ch, ch, CH_LEN);
	memcpy(s->tip_id, id, ID_LEN);
	if (stop)
		memcpy(s->tip_stop, stop, ID_LEN);
	else
		memset(s->tip_stop, 0, ID_LEN);
}

/* Next: cmd/block-fetch/schedule.c, what is asked next. */
