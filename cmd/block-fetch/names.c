/* Names, starts and ends: which tenure or block a slot stands for, and where it begins and ends. */
#include "cmd/block-fetch/plan.h"
#include "common/chain/hash.h"

/* At the last height below epoch 3.0's first the block may be of either (spec/blocks.md 8.6). */
static bool at_border(const struct planner *p, uint32_t i)
{
	return network_models(p->net, slot_height(p, i)) == ANY_MODEL;
}

/* ---- starts and ends ---- */

static void work_begin(struct planner *p, uint32_t i, const uint8_t old_end[ID_LEN])
{
	struct slot *s = &p->slots[i];
	struct work *w = work_make(p, i, ITEM_BODY);

	memset(w->stop, 0, ID_LEN);
	memcpy(w->cursor, s->end, ID_LEN);
	w->begun = true;
	if (p->written_is_done && !id_zero(old_end) && s->item[0].state == ST_PROVEN)
		memcpy(w->stop, old_end, ID_LEN);
	else if (s->facts & FACT_STARTED)
		memcpy(w->stop, s->start, ID_LEN);
}

void slot_reopen(struct planner *p, uint32_t i, const uint8_t old_end[ID_LEN])
{
	struct slot *s = &p->slots[i];
	struct item *body = &s->item[0];
	struct work *w = item_work(p, i, ITEM_BODY);

	if (body->state == ST_ASKED || body->state == ST_LOOKING) {
		body->due |= DUE_NEW_END;
		return;
	}
	if (w) {	/* who failed with the old end may have this one */
		w->out = 0;
		memset(w->tries, 0, sizeof(w->tries));
	}
	if ((s->facts & FACT_STORED || body->awaiting) && !p->written_is_done) {
		item_become(p, i, ITEM_BODY, ST_LOOK);
		return;
	}
	if (s->model == NAKAMOTO)
		work_begin(p, i, old_end);
	if (s->facts & FACT_STORED && p->written_is_done && body->state != ST_PROVEN)
		item_become(p, i, ITEM_BODY, ST_LOOK);
	else if (s->facts & FACT_STARTED && id_is(s->start, s->end))
		item_become(p, i, ITEM_BODY, p->written_is_done ? ST_PROVEN : ST_WRITTEN);
	else
		item_become(p, i, ITEM_BODY, ST_READY);
}

void slot_end(struct planner *p, uint32_t i, const uint8_t end[ID_LEN], bool provisional)
{
	struct slot *s = &p->slots[i];
	uint8_t old[ID_LEN];
	bool known = !id_zero(s->end);

	if (s->model == EPOCH2 || (known && !(s->facts & FACT_PROVISIONAL) && provisional))
		return;
	slot_facts(p, i, provisional ? FACT_PROVISIONAL : 0, provisional ? 0 : FACT_PROVISIONAL);
	if (known && id_is(s->end, end))
		return;
	memcpy(old, s->end, ID_LEN);
	memcpy(s->end, end, ID_LEN);
	s->item[0].due &= (uint8_t)~DUE_TOLD;
	if (slot_wanted(s))
		slot_reopen(p, i, old);
}

/* The start block of a tenure is here: it ends the tenure below.  Where the commit and the block
 * disagree on that tenure, one of them is wrong and it names an older one. */
void slot_start_known(struct planner *p, uint32_t i, const uint8_t parent_id[ID_LEN],
    const uint8_t prev_ch[CH_LEN])
{
	struct slot *s = &p->slots[i], *prev = slot_find(p, prev_ch);
	struct work *w = item_work(p, i, ITEM_BODY);
	bool sure = slot_wanted(s);

	slot_facts(p, i, FACT_STARTED, 0);
	if (s->item[0].state == ST_READY && id_is(s->start, s->end))
		item_become(p, i, ITEM_BODY, p->written_is_done ? ST_PROVEN : ST_WRITTEN);
	else if (s->item[0].state == ST_READY && w && id_zero(w->stop))
		memcpy(w->stop, s->start, ID_LEN);
	slot_refresh(p, i);
	if (s->model == EPOCH2)
		return;
	for (unsigned u = 0; u < p->n_unresolved; u++)
		if (p->unresolved[u].child == i) {
			memcpy(p->unresolved[u].end, parent_id, ID_LEN);
			p->unresolved[u].has_end = true;
		}
	if (s->parent && (!prev || s->parent - 1 > slot_index(p, prev)))
		prev = &p->slots[s->parent - 1];
	if (prev && slot_index(p, prev) < i)
		slot_end(p, slot_index(p, prev), parent_id, !sure);
	/* Nothing above it is in sight: the start is all that is known of it. */
	if (sure && !(s->facts & FACT_CHILD) && id_zero(s->end))
		slot_end(p, i, s->start, true);
}

/* ---- names ---- */

/* An epoch 2.x block that something wanted builds on is needed, and so is all below it. */
static void slot_need(struct planner *p, uint32_t i, uint16_t fact)
{
	for (;; fact = FACT_NAMED) {
		struct slot *s = &p->slots[i];
		bool was = slot_wanted(s);

		if (!(s->facts & FACT_WON))
			return;
		slot_facts(p, i, fact, 0);
		if (fact == FACT_TIP)
			slot_claimed(p, i);
		if (s->item[0].state == ST_NONE)
			slot_reopen(p, i, s->end);
		if (was || !s->parent)
			return;
		i = s->parent - 1;
	}
}

/* The winner is of a tenure: its slot begins anew. */
static void slot_is_tenure(struct planner *p, uint32_t i)
{
	struct slot *s = &p->slots[i], kept = *s;

	slot_stop(p, i);
	slot_empty(p, i);
	slot_model(p, i, NAKAMOTO);
	memcpy(s->ch, kept.ch, CH_LEN);
	s->parent = kept.parent;
	s->facts = kept.facts;
	slot_claimed(p, i);
}

void slot_crossing(struct planner *p, uint32_t i, const uint8_t committed[ID_LEN])
{
	const struct slot *s = &p->slots[i];

	if (s->model == EPOCH2 && at_border(p, i) &&
	    id_is(p->slots[s->parent - 1].start, committed))
		slot_is_tenure(p, i);
}

void slot_border(struct planner *p, uint32_t i, const uint8_t start[ID_LEN])
{
	const struct slot *s = &p->slots[i];

	if (s->model == EPOCH2 && s->facts & FACT_WON && at_border(p, i) && !s->parent &&
	    !id_is(s->start, start))
		slot_is_tenure(p, i);
}

void slot_name(struct planner *p, uint32_t i, const uint8_t start[ID_LEN], uint16_t fact)
{
	struct slot *s = &p->slots[i];

	slot_border(p, i, start);
	if (s->model == EPOCH2) {
		slot_need(p, i, fact);
		return;
	}
	/* A winner may name what it likes, also what nobody has; which name is right shows from
	 * below the end. */
	if (id_zero(s->start))
		memcpy(s->start, start, ID_LEN);
	else if (!id_is(s->start, start))
		slot_facts(p, i, FACT_DISPUTED, 0);
	slot_facts(p, i, fact, 0);
	if (fact == FACT_TIP)
		slot_claimed(p, i);
	slot_refresh(p, i);
	if (s->parent)
		slot_facts(p, s->parent - 1, FACT_CHILD, 0);
	if (s->parent && p->slots[s->parent - 1].model == EPOCH2)
		slot_need(p, s->parent - 1, FACT_NAMED);
	if (s->item[0].state != ST_NONE)
		return;
	item_become(p, i, ITEM_BODY, ST_WAIT);
	if (!id_zero(s->end))
		slot_reopen(p, i, s->end);
}

/* ---- epoch 2.x ---- */

void slot_offer(struct planner *p, uint32_t i)
{
	struct slot *s = &p->slots[i];

	if (s->model == EPOCH2 && s->facts & FACT_WON && s->item[0].state == ST_NONE)
		slot_reopen(p, i, s->end);
}

/* A stream leads from the parent's block: below the first wanted height there is none to get. */
void slot_stream(struct planner *p, uint32_t i)
{
	struct slot *s = &p->slots[i];

	if (s->model == EPOCH2 && s->facts & FACT_CONFIRMS && s->parent &&
	    s->item[1].state == ST_NONE)
		item_become(p, i, ITEM_STREAM, s->facts & FACT_STORED ? ST_LOOK : ST_READY);
}

void slot_header(struct planner *p, uint32_t i, bool confirms)
{
	if (confirms)
		slot_facts(p, i, FACT_CONFIRMS, 0);
	slot_stream(p, i);
}

/* Its own commit names the block, which is a tenure of one: start and end are known at once. */
void slot_epoch2(struct planner *p, uint32_t i, const uint8_t committed[ID_LEN])
{
	struct slot *s = &p->slots[i];

	hash_block_id(s->start, committed, s->ch);
	memcpy(s->end, s->start, ID_LEN);
}

/* Next: cmd/block-fetch/claims.c, who has what. */
