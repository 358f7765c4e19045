/* What the later stages made of it: verdicts, what the store has of an item, suspects, and what
 * sources say of their own tips. */
#include <stdio.h>

#include "cmd/block-fetch/plan.h"
#include "common/sys/log.h"

void item_settle(struct planner *p, uint32_t i, enum item_kind kind)
{
	struct slot *s = &p->slots[i];
	struct item *it = slot_item(s, kind);

	if (it->awaiting || it->state == ST_ASKED || it->state == ST_LOOKING)
		return;
	if (it->due & DUE_NEW_END && it->state == ST_READY) {
		/* What was asked for was overtaken by a better end. */
		it->due &= (uint8_t)~DUE_NEW_END;
		slot_reopen(p, i, s->end);
	} else if (it->due & DUE_ASIDE && it->state == ST_WRITTEN) {
		it->why = TROUBLE_ASIDE;
		item_become(p, i, kind, ST_FAILED);
		item_tell(p, i, kind, WANT_SETASIDE, trouble_name(TROUBLE_CRASHED));
	} else if (it->due & DUE_RELOOK && it->state == ST_WAIT) {
		it->due &= (uint8_t)~DUE_RELOOK;
		slot_facts(p, i, 0, FACT_STARTED);
	} else if (it->due & DUE_RELOOK &&
	    (it->state == ST_READY || it->state == ST_WRITTEN || it->state == ST_PROVEN)) {
		it->due &= (uint8_t)~DUE_RELOOK;
		item_become(p, i, kind, ST_LOOK);
	}
	slot_refresh(p, i);
}

/* A source's copy of one item is of no use: another of its slot that comes the same way is not
 * asked of it either. */
static void shun(struct planner *p, uint32_t i, enum item_kind kind, unsigned source)
{
	work_make(p, i, kind)->out |= 1ull << source;
	if (kind == ITEM_BODY && slot_has(&p->slots[i], ITEM_START))
		work_make(p, i, ITEM_START)->out |= 1ull << source;
}

/* Whether a verdict on this item is of interest: it may be on offer, or gone from the view. */
static bool matters(const struct slot *s, const struct item *it)
{
	return s->model == NAKAMOTO ? slot_wanted(s) : it->state != ST_NONE;
}

static void source_refused(struct planner *p, struct source *s, uint64_t now, uint8_t why)
{
	s->last = why;
	s->refused++;
	if (s->lies + s->refused >= MAX_LIES)
		source_leave_out(p, s, now, TROUBLE_INVALID);
}

static void refused(struct planner *p, uint64_t now, uint32_t i, const struct plan_judged *v)
{
	struct item *it = slot_item(&p->slots[i], v->kind);
	struct source *from = v->source >= 0 ? &p->sources[v->source] : NULL;
	struct work *w;
	char why[48];

	snprintf(why, sizeof(why), "refused: %s", v->reason);
	if (it->state == ST_PROVEN) {
		/* It came as a source's own tip: no matter for what is proven. */
		if (from)
			source_refused(p, from, now, why_of(p, why));
		return;
	}
	w = work_make(p, i, v->kind);
	w->why = why_of(p, why);
	if (v->kind == ITEM_BODY && w->refused_by >= 0 && v->source >= 0 &&
	    w->refused_by != v->source && id_is(w->refused_id, v->id) &&
	    memcmp(w->refused_hash, v->hash, 32) == 0) {
		/* The same bytes from two sources: the block is bad, and they are as honest as the
		 * chain.  (A stream that the chain has wrong is not refused: its block is.) */
		uint8_t reason = w->why;
		if (p->sources[w->refused_by].refused)
			p->sources[w->refused_by].refused--;
		work_free(p, i, v->kind);
		item_give_up(p, i, v->kind, reason);
		return;
	}
	w->refused_by = v->source;
	memcpy(w->refused_id, v->id, ID_LEN);
	memcpy(w->refused_hash, v->hash, 32);
	it->due |= DUE_RELOOK;
	if (!from)
		return;
	shun(p, i, v->kind, (unsigned)v->source);
	source_refused(p, from, now, why_of(p, why));
	if (!item_offered(p, i, v->kind, now))
		item_tell(p, i, v->kind, WANT_UNAVAILABLE, why);
}

/* A copy that is not judged: another source's may have other bytes, so the rest are asked before
 * the tenure is given up. */
static void aside(struct planner *p, uint64_t now, uint32_t i, const struct plan_judged *v)
{
	struct slot *s = &p->slots[i];
	struct item *it = slot_item(s, v->kind);

	if (v->source >= 0 && matters(s, it) && it->state != ST_FAILED) {
		shun(p, i, v->kind, (unsigned)v->source);
		item_work(p, i, v->kind)->why = TROUBLE_ASIDE;
	}
	it->due |= item_offered(p, i, v->kind, now) ? DUE_RELOOK : DUE_ASIDE;
}

void planner_forgive(struct planner *p)
{
	for (uint32_t i = 0; i < p->n_slots; i++)
		for (unsigned k = 0; k < 2; k++) {
			struct item *it = &p->slots[i].item[k];
			if (!(it->due & DUE_ASIDE))
				continue;
			it->due &= (uint8_t)~(DUE_ASIDE | DUE_TOLD);
			for (unsigned m = 0; m < 2; m++)
				if (p->slots[i].item[m].work)
					p->works[p->slots[i].item[m].work - 1].out = 0;
			if (it->state == ST_FAILED)
				item_become(p, i, (enum item_kind)it->kind, ST_LOOK);
		}
	planner_changed(p);
}

void planner_verdict(struct planner *p, uint64_t now, enum plan_verdict verdict,
    const struct plan_judged *v)
{
	struct slot *s = slot_find(p, v->ch);
	struct item *it;
	uint32_t i;

	p->awaiting -= p->awaiting > 0;
	p->news_at = now;
	p->judged |= verdict != VERDICT_ASIDE;
	for (unsigned k = 0; k < p->n_singles; k++)
		if (id_is(p->singles[k].id, v->id) && p->singles[k].asked)
			single_drop(p, k--);
	if (!s || slot_height(p, slot_index(p, s)) != v->height)
		return;
	i = slot_index(p, s);
	it = slot_item(s, v->kind);
	it->awaiting = (uint16_t)(it->awaiting - (it->awaiting > 0));
	if (verdict == VERDICT_STORED) {
		if (v->kind == ITEM_BODY)
			slot_facts(p, i, FACT_STORED, 0);
		for (unsigned k = 0; k < p->n_sources; k++)
			p->sources[k].has_claim &= !id_is(p->sources[k].tip_id, v->id);
	} else if (verdict == VERDICT_REFUSED && matters(s, it) && it->state != ST_FAILED) {
		refused(p, now, i, v);
	} else if (verdict == VERDICT_UNDECIDED && matters(s, it)) {
		it->due |= DUE_RELOOK;
		work_make(p, i, v->kind)->not_before = now + 5000;
		work_make(p, i, v->kind)->why = why_of(p, v->reason);
		if (v->kind == ITEM_STREAM)	/* the block may not count as proven any more */
			slot_recheck(p, i);
	} else if (verdict == VERDICT_ASIDE) {
		aside(p, now, i, v);
	}
	item_settle(p, i, v->kind);
}

void planner_looked(struct planner *p, uint64_t now, uint64_t height, enum item_kind kind,
    const struct plan_look *look)
{
	uint32_t i = (uint32_t)(height - p->first);
	struct item *it;
	struct work *w;

	if (height < p->first || i >= p->n_slots || !slot_has(&p->slots[i], kind))
		return;
	it = slot_item(&p->slots[i], kind);
	if (it->state != ST_LOOKING)
		return;
	if (kind == ITEM_BODY)
		slot_header(p, i, look->confirms);
	if (it->due & DUE_NEW_END) {
		it->due &= (uint8_t)~DUE_NEW_END;
		item_become(p, i, kind, ST_LOOK);
	} else if (look->proven) {
		item_become(p, i, kind, ST_PROVEN);
	} else if (look->whole) {
		it->why = look->why[0] ? why_of(p, look->why) : TROUBLE_UNPROVEN;
		item_become(p, i, kind, ST_UNPROVEN);
	} else {
		w = work_make(p, i, kind);
		memcpy(w->cursor, look->cursor, ID_LEN);
		memcpy(w->stop, look->stop, ID_LEN);
		w->begun = true;
		item_become(p, i, kind, ST_READY);
		if (++w->rounds > 8)
			item_give_up(p, i, kind, w->why ? w->why : TROUBLE_LOST);
	}
}

void planner_recheck(struct planner *p)
{
	for (uint32_t i = 0; i < p->n_slots; i++)
		slot_recheck(p, i);
}

void planner_relook(struct planner *p, const uint8_t ch[CH_LEN])
{
	struct slot *s = slot_find(p, ch);

	if (s)
		slot_recheck(p, slot_index(p, s));
}

/* Next: cmd/block-fetch/asks.c, how a request is made. */
