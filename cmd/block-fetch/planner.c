/* What is wanted: the picture of the burn chain, names from commits and tips, starts and ends.
 * planner.h says how it works; this file keeps the picture, answers.c changes it by what came,
 * schedule.c asks. */
#include <stdlib.h>

#include "cmd/block-fetch/plan.h"
#include "common/sys/log.h"

struct planner *planner_new(const struct network *net, uint64_t first_height, bool written_is_done,
    bool once)
{
	struct planner *p = xcalloc(1, sizeof(*p));
	uint32_t bit;

	p->net = net;
	p->first = first_height;
	p->written_is_done = written_is_done;
	p->once = once;
	p->room = true;
	for (unsigned k = 0; k < INV_POX; k++)
		inventory_bit(net, (enum inventory_kind)k, first_height, &p->base[k], &bit);
	return p;
}

void planner_free(struct planner *p)
{
	for (unsigned i = 0; i < p->n_sources; i++)
		claims_free(&p->sources[i]);
	for (unsigned k = 0; k < ITEM_KINDS; k++) {
		free(p->ready[k]);
		free(p->looks[k]);
		free(p->claimed[k]);
	}
	free(p->slots);
	free(p->index);
	free(p->unresolved);
	free(p->works);
	free(p->singles);
	free(p->actions);
	free(p);
}

/* Which model a winner's block is of.  Only first_height keeps epoch 2.x out: a planner that begins
 * at epoch 3.0 has no slot of it. */
static enum model model_at(const struct planner *p, uint64_t height)
{
	return network_models(p->net, height) & MODEL_BIT(EPOCH2) ? EPOCH2 : NAKAMOTO;
}

/* ---- the quorum's tip ---- */

/* All below the tip along the commits matters for the exit; tenures of abandoned forks do not. */
static void mark_main(struct planner *p, uint32_t i)
{
	while (!(p->slots[i].facts & FACT_MAIN)) {
		slot_facts(p, i, FACT_MAIN, 0);
		if (!p->slots[i].parent)
			break;
		i = p->slots[i].parent - 1;
	}
}

static void apply_tip(struct planner *p)
{
	struct slot *s = slot_find(p, p->tip.ch), *parent = slot_find(p, p->tip.parent_ch);
	uint32_t i;

	if (!s || !(s->facts & FACT_WON))
		return;
	i = slot_index(p, s);
	if (parent && !(parent->facts & FACT_NAMED) && !id_zero(p->tip.parent_start_id))
		slot_name(p, slot_index(p, parent), p->tip.parent_start_id, FACT_TIP);
	if (!id_zero(p->tip.start_id))
		slot_name(p, i, p->tip.start_id, FACT_TIP);
	else if (s->model == EPOCH2)
		slot_name(p, i, s->start, FACT_TIP);
	mark_main(p, i);
	if (slot_wanted(s))
		slot_end(p, i, p->tip.id, true);
}

/* The chain has grown: sources may have what they had not when they were asked last. */
static void infos_due(struct planner *p)
{
	for (unsigned i = 0; i < p->n_sources && !p->once; i++)
		p->sources[i].info_at = 0;
}

void planner_tip(struct planner *p, const struct plan_tip *tip)
{
	if (!p->has_tip || !id_is(p->tip.id, tip->id))
		infos_due(p);
	p->tip = *tip;
	p->has_tip = true;
	apply_tip(p);
}

/* ---- the view ---- */

/* The parent of a winner is in sight. */
static void slot_link(struct planner *p, uint32_t child, uint32_t parent,
    const uint8_t committed[ID_LEN])
{
	struct slot *c = &p->slots[child];

	c->parent = parent + 1;
	slot_crossing(p, child, committed);
	if (slot_wanted(c))
		slot_facts(p, parent, FACT_CHILD, 0);
	if (c->model == NAKAMOTO)
		slot_border(p, parent, committed);
	/* Of epoch 2.x only what a wanted block builds on is needed. */
	if (p->slots[parent].model == NAKAMOTO || slot_wanted(c))
		slot_name(p, parent, committed, FACT_NAMED);
	if (c->facts & FACT_MAIN)
		mark_main(p, parent);
	slot_stream(p, child);
}

static void resolve(struct planner *p, uint32_t i)
{
	struct slot *s = &p->slots[i];

	for (unsigned u = 0; u < p->n_unresolved; u++) {
		struct unresolved r = p->unresolved[u];
		if (memcmp(r.parent_ch, s->ch, CH_LEN) != 0)
			continue;
		p->unresolved[u--] = p->unresolved[--p->n_unresolved];
		slot_link(p, r.child, i, r.committed);
		if (r.has_end)
			slot_end(p, i, r.end, !slot_wanted(&p->slots[r.child]));
	}
}

static void slot_clear(struct planner *p, uint32_t i)
{
	for (unsigned u = 0; u < p->n_unresolved; u++)
		if (p->unresolved[u].child == i)
			p->unresolved[u--] = p->unresolved[--p->n_unresolved];
	slot_stop(p, i);
	slot_empty(p, i);
}

/* What the slots that are left name, now that those above are gone. */
static void names_anew(struct planner *p)
{
	for (uint32_t i = 0; i < p->n_slots; i++)
		slot_facts(p, i, 0, FACT_CHILD | FACT_MAIN | FACT_NAMED | FACT_TIP);
	for (uint32_t i = p->n_slots; i-- > 0;) {
		const struct slot *s = &p->slots[i];
		bool wanted = slot_wanted(s);
		if (s->parent && (wanted || p->slots[s->parent - 1].model == NAKAMOTO))
			slot_facts(p, s->parent - 1,
			    wanted ? FACT_NAMED | FACT_CHILD : FACT_NAMED, 0);
	}
	/* What was the end under a tenure that is gone need not be the end now. */
	for (uint32_t i = 0; i < p->n_slots; i++)
		if (!(p->slots[i].facts & FACT_CHILD))
			slot_facts(p, i, FACT_PROVISIONAL, 0);
	for (uint32_t i = 0; i < p->n_slots; i++) {
		const struct slot *s = &p->slots[i];
		if (s->item[0].state != ST_NONE && s->item[0].state != ST_PROVEN &&
		    !slot_wanted(s) && s->model == NAKAMOTO) {
			work_free(p, i, ITEM_BODY);
			work_free(p, i, ITEM_START);
			item_become(p, i, ITEM_BODY, ST_NONE);
		}
	}
}

void planner_unlearn(struct planner *p, uint64_t height)
{
	uint32_t keep = height < p->first ? 0 : (uint32_t)(height - p->first + 1);

	if (keep >= p->n_slots)
		return;
	for (uint32_t i = keep; i < p->n_slots; i++)
		slot_clear(p, i);
	p->n_slots = keep;
	names_anew(p);
	slots_index(p);
	if (p->has_tip)
		apply_tip(p);
}

/* Another sortition at this height, or with this consensus hash elsewhere, gives way. */
static void give_way(struct planner *p, uint64_t height, const uint8_t ch[CH_LEN])
{
	const struct slot *s = slot_find(p, ch);
	uint64_t was = s ? slot_height(p, slot_index(p, s)) : height;
	uint32_t i = (uint32_t)(height - p->first);

	if (s)
		planner_unlearn(p, (height < was ? height : was) - 1);
	if (i < p->n_slots && !all_zero(p->slots[i].ch, CH_LEN))
		planner_unlearn(p, height - 1);
}

/* It says what it builds on: that has a name by it.  The row of what waits for the tenure below to
 * come into sight, or NULL. */
static struct unresolved *slot_builds_on(
    struct planner *p, uint32_t i, const uint8_t parent_ch[CH_LEN], const uint8_t committed[ID_LEN])
{
	struct slot *parent = slot_find(p, parent_ch);

	if (parent && slot_index(p, parent) < i) {
		slot_link(p, i, slot_index(p, parent), committed);
	} else if (p->n_unresolved < MAX_UNRESOLVED) {
		p->unresolved =
		    xrealloc(p->unresolved, (p->n_unresolved + 1) * sizeof(*p->unresolved));
		struct unresolved *u = &p->unresolved[p->n_unresolved++];
		*u = (struct unresolved){ .child = i };
		memcpy(u->parent_ch, parent_ch, CH_LEN);
		memcpy(u->committed, committed, ID_LEN);
		return u;
	}
	return NULL;
}

static void slot_won(
    struct planner *p, uint32_t i, const uint8_t parent_ch[CH_LEN], const uint8_t committed[ID_LEN])
{
	slot_facts(p, i, FACT_WON, 0);
	if (p->slots[i].model == EPOCH2)
		slot_epoch2(p, i, committed);
	slot_builds_on(p, i, parent_ch, committed);
}

void planner_shadow(struct planner *p, const uint8_t ch[CH_LEN], const uint8_t prev_ch[CH_LEN],
    const uint8_t committed[ID_LEN], const uint8_t parent_id[ID_LEN])
{
	struct slot *s = slot_find(p, ch);
	struct unresolved *waits;

	if (!s || s->facts & FACT_WON || s->parent)
		return;
	for (unsigned u = 0; u < p->n_unresolved; u++)
		if (p->unresolved[u].child == slot_index(p, s))
			return;
	waits = slot_builds_on(p, slot_index(p, s), prev_ch, committed);
	if (waits) {
		memcpy(waits->end, parent_id, ID_LEN);
		waits->has_end = true;
	}
}

void planner_sortition(struct planner *p, uint64_t height, const uint8_t ch[CH_LEN], bool won,
    const uint8_t parent_ch[CH_LEN], const uint8_t committed[ID_LEN])
{
	const struct slot *s = slot_find(p, ch);
	uint32_t i;

	infos_due(p);
	if (height < p->first || all_zero(ch, CH_LEN) ||
	    (s && slot_height(p, slot_index(p, s)) == height) || !slots_reach(p, height))
		return;
	give_way(p, height, ch);
	slots_reach(p, height);
	i = (uint32_t)(height - p->first);
	slot_model(p, i, model_at(p, height));
	memcpy(p->slots[i].ch, ch, CH_LEN);
	slot_indexed(p, i);
	if (won)
		slot_won(p, i, parent_ch, committed);
	slot_claimed(p, i);
	resolve(p, i);
	if (p->has_tip && memcmp(p->tip.ch, ch, CH_LEN) == 0)
		apply_tip(p);
}

void planner_no_news(struct planner *p) { p->ended = true; }

void planner_reward_set(struct planner *p, uint64_t cycle)
{
	uint64_t from = network_cycle_start(p->net, cycle),
		 to = network_cycle_start(p->net, cycle + 1);

	if (cycle >= MAX_CYCLES || p->sets[cycle])
		return;
	p->sets[cycle] = true;
	for (uint64_t h = from < p->first ? p->first : from; h < to && h - p->first < p->n_slots;
	     h++)
		slot_refresh(p, (uint32_t)(h - p->first));
}

/* What is asked for already is not looked for. */
static void look_instead(struct planner *p, uint32_t i, enum item_kind kind)
{
	const struct work *w = item_work(p, i, kind);

	if (slot_item(&p->slots[i], kind)->state == ST_READY && (!w || !w->transfers))
		item_become(p, i, kind, ST_LOOK);
}

void planner_held_stream(struct planner *p, const uint8_t ch[CH_LEN])
{
	const struct slot *s = slot_find(p, ch);

	if (s && slot_has(s, ITEM_STREAM))
		look_instead(p, slot_index(p, s), ITEM_STREAM);
}

void planner_held(struct planner *p, const uint8_t ch[CH_LEN], bool start_held,
    const uint8_t parent_id[ID_LEN], const uint8_t prev_ch[CH_LEN])
{
	struct slot *s = slot_find(p, ch);
	uint32_t i;

	if (!s)
		return;
	i = slot_index(p, s);
	slot_facts(p, i, FACT_STORED, 0);
	if (start_held)
		slot_start_known(p, i, parent_id, prev_ch);
	look_instead(p, i, ITEM_BODY);
}

/* Next: cmd/block-fetch/names.c, what a slot stands for. */
