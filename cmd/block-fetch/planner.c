/* What is wanted: the slots of burn blocks, their names from commits and tips, starts and ends.
 * planner.h says how it works; this file keeps the picture, answers.c changes it by what came,
 * schedule.c asks. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/block-fetch/plan.h"
#include "common/sys/log.h"

struct planner *planner_new(const struct network *net, uint64_t first_height, bool written_is_done,
    bool once)
{
	struct planner *p = xcalloc(1, sizeof(*p));

	p->net = net;
	p->first = first_height;
	p->written_is_done = written_is_done;
	p->once = once;
	p->room = true;
	p->n_whys = 1;
	return p;
}

void planner_free(struct planner *p)
{
	for (unsigned i = 0; i < p->n_sources; i++) {
		for (unsigned c = 0; c < p->sources[i].n_claims; c++)
			free(p->sources[i].claims[c].bits);
		free(p->sources[i].claims);
	}
	free(p->slots);
	free(p->index);
	free(p->ready);
	free(p->starts);
	free(p->looks);
	free(p->unresolved);
	free(p->works);
	free(p->singles);
	free(p->actions);
	free(p);
}

size_t planner_memory(const struct planner *p)
{
	return sizeof(*p) + p->cap_slots * (sizeof(struct slot) + 1) +
	    p->index_size * sizeof(uint32_t) + p->n_works * sizeof(struct work) +
	    p->cap_actions * sizeof(struct action);
}

/* ---- slots and their index ---- */

static uint32_t *index_place(const struct planner *p, const uint8_t ch[CH_LEN])
{
	uint32_t i = get_be32(ch + 8) & (p->index_size - 1);

	while (p->index[i] && memcmp(p->slots[p->index[i] - 1].ch, ch, CH_LEN) != 0)
		i = (i + 1) & (p->index_size - 1);
	return &p->index[i];
}

static void index_build(struct planner *p)
{
	memset(p->index, 0, p->index_size * sizeof(*p->index));
	for (uint32_t i = 0; i < p->n_slots; i++)
		if (!all_zero(p->slots[i].ch, CH_LEN))
			*index_place(p, p->slots[i].ch) = i + 1;
}

struct slot *plan_slot(struct planner *p, const uint8_t ch[CH_LEN])
{
	if (!p->n_slots || all_zero(ch, CH_LEN))
		return NULL;
	uint32_t i = *index_place(p, ch);
	return i ? &p->slots[i - 1] : NULL;
}

uint32_t plan_index(const struct planner *p, const struct slot *s)
{
	return (uint32_t)(s - p->slots);
}
uint64_t plan_height(const struct planner *p, uint32_t slot) { return p->first + slot; }

bool plan_set_known(const struct planner *p, uint32_t slot)
{
	uint64_t cycle = network_cycle(p->net, plan_height(p, slot));
	return cycle < MAX_CYCLES && p->sets[cycle];
}

static bool slots_reach(struct planner *p, uint64_t height)
{
	if (height - p->first >= MAX_BURN_BLOCKS)
		return false;
	uint32_t need = (uint32_t)(height - p->first) + 1, old = p->cap_slots;

	if (need > p->cap_slots) {
		uint32_t cap = old ? old : 4096;
		while (cap < need)
			cap += cap / 2 / 64 * 64;
		p->slots = xrealloc(p->slots, cap * sizeof(*p->slots));
		memset(p->slots + old, 0, (cap - old) * sizeof(*p->slots));
		p->ready = xrealloc(p->ready, cap / 8);
		p->starts = xrealloc(p->starts, cap / 8);
		p->looks = xrealloc(p->looks, cap / 8);
		memset((uint8_t *)p->ready + old / 8, 0, (cap - old) / 8);
		memset((uint8_t *)p->starts + old / 8, 0, (cap - old) / 8);
		memset((uint8_t *)p->looks + old / 8, 0, (cap - old) / 8);
		p->cap_slots = cap;
	}
	if (need > p->n_slots)
		p->n_slots = need;
	if (p->index_size < 2 * p->n_slots) {
		p->index_size = p->index_size ? p->index_size * 2 : 8192;
		while (p->index_size < 2 * p->n_slots)
			p->index_size *= 2;
		p->index = xrealloc(p->index, p->index_size * sizeof(*p->index));
		index_build(p);
	}
	return true;
}

static void bit_to(uint64_t *map, uint32_t i, bool on)
{
	if (on)
		map[i / 64] |= 1ull << i % 64;
	else
		map[i / 64] &= ~(1ull << i % 64);
}

void plan_refresh(struct planner *p, uint32_t i)
{
	struct slot *s = &p->slots[i];
	bool was = p->ready[i / 64] >> i % 64 & 1, set = plan_set_known(p, i),
	    ready = s->state == B_READY && set && !(s->flags & F_HELD);

	bit_to(p->ready, i, ready);
	bit_to(p->looks, i,
	    (s->state == B_LOOK || s->state == B_UNPROVEN || s->state == B_WRITTEN) &&
		!s->awaiting);
	bit_to(p->starts, i, set && slot_wanted(s) &&
	    !(s->flags & (F_START | F_ASK_START | F_DISPUTED | F_HELD)) && s->state != B_PROVEN &&
	    s->state != B_FAILED);
	p->n_ready += (unsigned)ready - was;
	p->no_offer_known = false;
}

void plan_state(struct planner *p, uint32_t i, enum body_state state)
{
	struct slot *s = &p->slots[i];

	p->proven += (unsigned)(state == B_PROVEN) - (s->state == B_PROVEN);
	p->failed += (unsigned)(state == B_FAILED) - (s->state == B_FAILED);
	p->wanted += (unsigned)(state != B_NONE) - (s->state != B_NONE);
	s->state = state;
	if (state == B_PROVEN)
		plan_work_free(p, i);
	plan_refresh(p, i);
}

uint8_t plan_why(struct planner *p, const char *why)
{
	for (unsigned i = 1; i < p->n_whys; i++)
		if (strcmp(p->whys[i], why) == 0)
			return (uint8_t)i;
	if (p->n_whys == 64)
		return 0;
	snprintf(p->whys[p->n_whys], sizeof(p->whys[0]), "%s", why);
	return (uint8_t)p->n_whys++;
}

/* ---- work entries and actions ---- */

struct work *plan_work(struct planner *p, uint32_t slot)
{
	uint32_t i = p->slots[slot].work;

	if (i)
		return &p->works[i - 1];
	for (i = p->free_work; i < p->n_works && p->works[i].used; i++)
		;
	if (i == p->n_works) {
		p->n_works = p->n_works ? p->n_works * 2 : 64;
		p->works = xrealloc(p->works, p->n_works * sizeof(*p->works));
		memset(p->works + i, 0, (p->n_works - i) * sizeof(*p->works));
	}
	p->free_work = i + 1;
	p->works[i] = (struct work){ .used = true, .slot = slot, .refused_by = NO_SOURCE };
	p->slots[slot].work = i + 1;
	return &p->works[i];
}

void plan_work_free(struct planner *p, uint32_t slot)
{
	uint32_t i = p->slots[slot].work;

	if (!i)
		return;
	for (unsigned t = 0; t < MAX_TRANSFERS; t++)
		if (p->transfers[t].used && p->transfers[t].work == i) {
			p->transfers[t].work = 0;
			transfer_cancel(p, t);
		}
	p->works[i - 1].used = false;
	p->slots[slot].work = 0;
	if (i - 1 < p->free_work)
		p->free_work = i - 1;
}

struct action *plan_act(struct planner *p, enum action_kind kind)
{
	if (p->n_actions == p->cap_actions) {
		unsigned cap = p->cap_actions ? p->cap_actions * 2 : 64;
		struct action *a = xmalloc(cap * sizeof(*a));
		for (unsigned i = 0; i < p->n_actions; i++)
			a[i] = p->actions[(p->head + i) % p->cap_actions];
		free(p->actions);
		p->actions = a;
		p->cap_actions = cap;
		p->head = 0;
	}
	struct action *a = &p->actions[(p->head + p->n_actions++) % p->cap_actions];
	memset(a, 0, sizeof(*a));
	a->kind = kind;
	return a;
}

bool planner_action(struct planner *p, struct action *out)
{
	if (!p->n_actions)
		return false;
	*out = p->actions[p->head];
	p->head = (p->head + 1) % p->cap_actions;
	p->n_actions--;
	return true;
}

void plan_want(struct planner *p, uint32_t slot, enum want_state state, const char *why)
{
	struct slot *s = &p->slots[slot];
	struct action *a;

	if (s->flags & F_TOLD)
		return;
	s->flags |= F_TOLD;
	a = plan_act(p, ACT_WANT);
	a->height = plan_height(p, slot);
	memcpy(a->ch, s->ch, CH_LEN);
	memcpy(a->start, s->start, ID_LEN);
	memcpy(a->end, s->end, ID_LEN);
	a->want = state;
	snprintf(a->text, sizeof(a->text), "%s", why);
}

/* ---- starts and ends ---- */

/* A tenure is to be fetched, or fetched further, for its end is another one now. */
void plan_reopen(struct planner *p, uint32_t i, const uint8_t old_end[ID_LEN])
{
	struct slot *s = &p->slots[i];
	struct work *w;

	if (s->state == B_ASKED || s->state == B_LOOKING) {
		s->flags |= F_NEWEND;
		return;
	}
	if (s->work) {	/* who failed with the old end may have this one */
		p->works[s->work - 1].out[0] = 0;
		memset(p->works[s->work - 1].tries, 0, MAX_SOURCES);
	}
	if ((s->flags & F_STORED || s->awaiting) && !p->written_is_done) {
		plan_state(p, i, B_LOOK);
		return;
	}
	w = plan_work(p, i);
	memset(w->stop, 0, ID_LEN);
	memcpy(w->cursor, s->end, ID_LEN);
	w->begun = true;
	if (p->written_is_done && !id_zero(old_end) && s->state == B_PROVEN)
		memcpy(w->stop, old_end, ID_LEN);
	else if (s->flags & F_START)
		memcpy(w->stop, s->start, ID_LEN);
	if (s->flags & F_STORED && p->written_is_done && s->state != B_PROVEN)
		plan_state(p, i, B_LOOK);
	else if (s->flags & F_START && id_is(s->start, s->end))
		plan_state(p, i, p->written_is_done ? B_PROVEN : B_WRITTEN);
	else
		plan_state(p, i, B_READY);
}

static void set_end(struct planner *p, uint32_t i, const uint8_t end[ID_LEN], bool provisional)
{
	struct slot *s = &p->slots[i];
	uint8_t old[ID_LEN];
	bool known = !id_zero(s->end);

	if (known && !(s->flags & F_PROVISIONAL) && provisional)
		return;
	s->flags = (uint16_t)(provisional ? s->flags | F_PROVISIONAL : s->flags & ~F_PROVISIONAL);
	if (known && id_is(s->end, end))
		return;
	memcpy(old, s->end, ID_LEN);
	memcpy(s->end, end, ID_LEN);
	s->flags &= (uint16_t)~F_TOLD;
	if (slot_wanted(s))
		plan_reopen(p, i, old);
}

/* The start block of a tenure is here: it ends the tenure below.  Where the commit and the block
 * disagree on that tenure, one of them is wrong and it names an older one. */
void plan_start_known(struct planner *p, uint32_t i, const uint8_t parent_id[ID_LEN],
    const uint8_t prev_ch[CH_LEN])
{
	struct slot *s = &p->slots[i], *prev = plan_slot(p, prev_ch);
	bool sure = slot_wanted(s);

	s->flags |= F_START;
	if (s->state == B_READY && id_is(s->start, s->end))
		plan_state(p, i, p->written_is_done ? B_PROVEN : B_WRITTEN);
	else if (s->state == B_READY && s->work && id_zero(p->works[s->work - 1].stop))
		memcpy(p->works[s->work - 1].stop, s->start, ID_LEN);
	plan_refresh(p, i);
	for (unsigned u = 0; u < p->n_unresolved; u++)
		if (p->unresolved[u].child == i) {
			memcpy(p->unresolved[u].end, parent_id, ID_LEN);
			p->unresolved[u].has_end = true;
		}
	if (s->parent && (!prev || s->parent - 1 > plan_index(p, prev)))
		prev = &p->slots[s->parent - 1];
	if (prev && plan_index(p, prev) < i)
		set_end(p, plan_index(p, prev), parent_id, !sure);
	/* Nothing above it is in sight: the start is all that is known of it. */
	if (sure && !(s->flags & F_CHILD) && id_zero(s->end))
		set_end(p, i, s->start, true);
}

static void name_slot(struct planner *p, uint32_t i, const uint8_t start[ID_LEN], uint16_t flag)
{
	struct slot *s = &p->slots[i];

	/* A winner may name what it likes, also what nobody has; which name is right shows from
	 * below the end. */
	if (id_zero(s->start))
		memcpy(s->start, start, ID_LEN);
	else if (!id_is(s->start, start))
		s->flags |= F_DISPUTED;
	s->flags |= flag;
	plan_refresh(p, i);
	if (s->parent)
		p->slots[s->parent - 1].flags |= F_CHILD;
	if (s->state != B_NONE)
		return;
	plan_state(p, i, B_WAIT);
	if (!id_zero(s->end))
		plan_reopen(p, i, s->end);
}

/* ---- the view ---- */

/* All below the tip along the commits matters for the exit; tenures of abandoned forks do not. */
static void mark_main(struct planner *p, uint32_t i)
{
	while (!(p->slots[i].flags & F_MAIN)) {
		p->slots[i].flags |= F_MAIN;
		if (!p->slots[i].parent)
			break;
		i = p->slots[i].parent - 1;
	}
}

static void apply_tip(struct planner *p)
{
	struct slot *s = plan_slot(p, p->tip.ch), *parent = plan_slot(p, p->tip.parent_ch);
	uint32_t i;

	if (!s || !(s->flags & F_WON))
		return;
	i = plan_index(p, s);
	if (parent && !(parent->flags & F_NAMED) && !id_zero(p->tip.parent_start_id))
		name_slot(p, plan_index(p, parent), p->tip.parent_start_id, F_TIP);
	if (!id_zero(p->tip.start_id))
		name_slot(p, i, p->tip.start_id, F_TIP);
	mark_main(p, i);
	if (slot_wanted(s))
		set_end(p, i, p->tip.id, true);
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

static void resolve(struct planner *p, uint32_t i)
{
	struct slot *s = &p->slots[i];

	for (unsigned u = 0; u < p->n_unresolved; u++) {
		struct unresolved r = p->unresolved[u];
		if (memcmp(r.parent_ch, s->ch, CH_LEN) != 0)
			continue;
		p->unresolved[u--] = p->unresolved[--p->n_unresolved];
		p->slots[r.child].parent = i + 1;
		if (p->slots[r.child].flags & (F_NAMED | F_TIP))
			s->flags |= F_CHILD;
		name_slot(p, i, r.committed, F_NAMED);
		if (p->slots[r.child].flags & F_MAIN)
			mark_main(p, i);
		if (r.has_end)
			set_end(p, i, r.end, !slot_wanted(&p->slots[r.child]));
	}
}

static void clear_slot(struct planner *p, uint32_t i)
{
	struct slot *s = &p->slots[i];

	for (unsigned u = 0; u < p->n_unresolved; u++)
		if (p->unresolved[u].child == i)
			p->unresolved[u--] = p->unresolved[--p->n_unresolved];
	plan_work_free(p, i);
	plan_state(p, i, B_NONE);
	for (unsigned t = 0; t < MAX_TRANSFERS; t++)
		if (p->transfers[t].used && p->transfers[t].slot == i &&
		    p->transfers[t].ask != ASK_INFO)
			transfer_cancel(p, t);
	memset(s, 0, sizeof(*s));
	plan_refresh(p, i);
}

void planner_unlearn(struct planner *p, uint64_t height)
{
	uint32_t keep = height < p->first ? 0 : (uint32_t)(height - p->first + 1);

	if (keep >= p->n_slots)
		return;
	for (uint32_t i = keep; i < p->n_slots; i++)
		clear_slot(p, i);
	p->n_slots = keep;
	for (uint32_t i = 0; i < keep; i++)
		p->slots[i].flags &= (uint16_t)~(F_CHILD | F_MAIN | F_NAMED | F_TIP);
	for (uint32_t i = keep; i-- > 0;)
		if (p->slots[i].parent)
			p->slots[p->slots[i].parent - 1].flags |=
			    slot_wanted(&p->slots[i]) ? F_NAMED | F_CHILD : F_NAMED;
	/* What was the end under a tenure that is gone need not be the end now. */
	for (uint32_t i = 0; i < keep; i++)
		if (!(p->slots[i].flags & F_CHILD))
			p->slots[i].flags |= F_PROVISIONAL;
	for (uint32_t i = 0; i < keep; i++)
		if (p->slots[i].state != B_NONE && p->slots[i].state != B_PROVEN &&
		    !slot_wanted(&p->slots[i])) {
			plan_work_free(p, i);
			plan_state(p, i, B_NONE);
		}
	index_build(p);
	if (p->has_tip)
		apply_tip(p);
}

void planner_sortition(struct planner *p, uint64_t height, const uint8_t ch[CH_LEN], bool won,
    const uint8_t parent_ch[CH_LEN], const uint8_t committed[ID_LEN])
{
	struct slot *s = plan_slot(p, ch), *parent;
	uint32_t i;

	infos_due(p);
	if (height < p->first || all_zero(ch, CH_LEN) ||
	    (s && plan_height(p, plan_index(p, s)) == height) || !slots_reach(p, height))
		return;
	if (s)
		planner_unlearn(p,
		    (height < plan_height(p, plan_index(p, s)) ? height :
								 plan_height(p, plan_index(p, s))) -
			1);
	i = (uint32_t)(height - p->first);
	if (i < p->n_slots && !all_zero(p->slots[i].ch, CH_LEN))
		planner_unlearn(p, height - 1);
	slots_reach(p, height);
	s = &p->slots[i];
	memcpy(s->ch, ch, CH_LEN);
	*index_place(p, ch) = i + 1;
	if (won) {
		s->flags |= F_WON;
		parent = plan_slot(p, parent_ch);
		if (parent && plan_index(p, parent) < i) {
			s->parent = plan_index(p, parent) + 1;
			name_slot(p, s->parent - 1, committed, F_NAMED);
		} else if (p->n_unresolved < MAX_UNRESOLVED) {
			p->unresolved =
			    xrealloc(p->unresolved, (p->n_unresolved + 1) * sizeof(*p->unresolved));
			struct unresolved *u = &p->unresolved[p->n_unresolved++];
			*u = (struct unresolved){ .child = i };
			memcpy(u->parent_ch, parent_ch, CH_LEN);
			memcpy(u->committed, committed, ID_LEN);
		}
	}
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
		plan_refresh(p, (uint32_t)(h - p->first));
}

void planner_held(struct planner *p, const uint8_t ch[CH_LEN], bool start_held,
    const uint8_t parent_id[ID_LEN], const uint8_t prev_ch[CH_LEN])
{
	struct slot *s = plan_slot(p, ch);

	if (!s)
		return;
	s->flags |= F_STORED;
	if (start_held)
		plan_start_known(p, plan_index(p, s), parent_id, prev_ch);
	if (s->state == B_READY && (!s->work || !p->works[s->work - 1].transfers))
		plan_state(p, plan_index(p, s), B_LOOK);
}

/* Next: cmd/block-fetch/sources.c, whom we ask. */
