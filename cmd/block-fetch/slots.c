/* Slots and their items: where they are found, which state may follow which, what is counted and
 * marked for it, and the works and actions that hang on them. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/block-fetch/plan.h"
#include "common/sys/log.h"

/* ---- slots by height and by consensus hash ---- */

static uint32_t *index_place(const struct planner *p, const uint8_t ch[CH_LEN])
{
	uint32_t i = get_be32(ch + 8) & (p->index_size - 1);

	while (p->index[i] && memcmp(p->slots[p->index[i] - 1].ch, ch, CH_LEN) != 0)
		i = (i + 1) & (p->index_size - 1);
	return &p->index[i];
}

void slots_index(struct planner *p)
{
	memset(p->index, 0, p->index_size * sizeof(*p->index));
	for (uint32_t i = 0; i < p->n_slots; i++)
		if (!all_zero(p->slots[i].ch, CH_LEN))
			slot_indexed(p, i);
}

void slot_indexed(struct planner *p, uint32_t i) { *index_place(p, p->slots[i].ch) = i + 1; }

struct slot *slot_find(const struct planner *p, const uint8_t ch[CH_LEN])
{
	if (!p->n_slots || all_zero(ch, CH_LEN))
		return NULL;
	uint32_t i = *index_place(p, ch);
	return i ? &p->slots[i - 1] : NULL;
}

uint32_t slot_index(const struct planner *p, const struct slot *s)
{
	return (uint32_t)(s - p->slots);
}

uint64_t slot_height(const struct planner *p, uint32_t slot) { return p->first + slot; }

static uint64_t *map_grow(uint64_t *map, uint32_t old, uint32_t cap)
{
	map = xrealloc(map, cap / 8);
	memset((uint8_t *)map + old / 8, 0, (cap - old) / 8);
	return map;
}

bool slots_reach(struct planner *p, uint64_t height)
{
	if (height - p->first >= MAX_BURN_BLOCKS)
		return false;
	uint32_t need = (uint32_t)(height - p->first) + 1, old = p->cap_slots;

	if (need > old) {
		uint32_t cap = old ? old : 4096;
		while (cap < need)
			cap += cap / 2 / 64 * 64;
		p->slots = xrealloc(p->slots, cap * sizeof(*p->slots));
		memset(p->slots + old, 0, (cap - old) * sizeof(*p->slots));
		for (unsigned k = 0; k < ITEM_KINDS; k++) {
			p->ready[k] = map_grow(p->ready[k], old, cap);
			p->looks[k] = map_grow(p->looks[k], old, cap);
			p->claimed[k] = map_grow(p->claimed[k], old, cap);
		}
		p->cap_slots = cap;
	}
	if (need > p->n_slots)
		p->n_slots = need;
	if (p->index_size < 2 * p->n_slots) {
		p->index_size = p->index_size ? p->index_size * 2 : 8192;
		while (p->index_size < 2 * p->n_slots)
			p->index_size *= 2;
		p->index = xrealloc(p->index, p->index_size * sizeof(*p->index));
		slots_index(p);
	}
	return true;
}

size_t planner_memory(const struct planner *p)
{
	size_t n = sizeof(*p) + p->cap_slots * sizeof(struct slot) +
	    3 * ITEM_KINDS * p->cap_slots / 8 + p->index_size * sizeof(uint32_t) +
	    p->n_works * sizeof(struct work) + p->cap_actions * sizeof(struct action);

	for (unsigned i = 0; i < p->n_sources; i++)
		n += claims_memory(&p->sources[i]);
	return n;
}

bool slot_judgeable(const struct planner *p, uint32_t slot)
{
	uint64_t cycle = network_cycle(p->net, slot_height(p, slot));

	return p->slots[slot].model == EPOCH2 || (cycle < MAX_CYCLES && p->sets[cycle]);
}

/* ---- states ---- */

/* One bit of a map, and the number of those that are set. */
static void bit_to(uint64_t *map, uint32_t *n, uint32_t i, bool on)
{
	uint64_t bit = 1ull << i % 64;

	if (!(map[i / 64] & bit) == !on)
		return;
	map[i / 64] ^= bit;
	*n += on ? 1 : -1u;
}

static void ready_to(struct planner *p, enum item_kind kind, uint32_t i, bool on)
{
	if ((p->ready[kind][i / 64] >> i % 64 & 1) == on)
		return;
	bit_to(p->ready[kind], &p->n_ready[kind], i, on);
	if (!slot_needed(&p->slots[i]))
		p->n_spare[kind] += on ? 1 : -1u;
}

static void look_to(struct planner *p, enum item_kind kind, uint32_t i, bool on)
{
	bit_to(p->looks[kind], &p->n_looks[kind], i, on);
}

static bool to_look(const struct item *it)
{
	return !it->awaiting &&
	    (it->state == ST_LOOK || it->state == ST_UNPROVEN || it->state == ST_WRITTEN);
}

/* A start is asked for by itself only while its body may need it. */
static bool start_ready(const struct slot *s)
{
	return s->item[1].state == ST_READY && !(s->facts & FACT_DISPUTED) &&
	    s->item[0].state != ST_PROVEN && s->item[0].state != ST_FAILED;
}

void slot_refresh(struct planner *p, uint32_t i)
{
	struct slot *s = &p->slots[i];
	struct item *body = &s->item[0], *other = &s->item[1];
	bool free = slot_judgeable(p, i) && !(body->due & DUE_HELD);

	ready_to(p, ITEM_BODY, i, free && body->state == ST_READY);
	look_to(p, ITEM_BODY, i, to_look(body));
	if (other->kind == ITEM_START) {
		if (other->state != ST_ASKED)
			other->state = s->facts & FACT_STARTED ? ST_PROVEN :
			    slot_wanted(s)		       ? ST_READY :
								 ST_NONE;
		ready_to(p, ITEM_START, i, free && start_ready(s));
	} else if (other->kind == ITEM_STREAM) {
		ready_to(p, ITEM_STREAM, i, free && other->state == ST_READY);
		look_to(p, ITEM_STREAM, i, to_look(other));
	}
	planner_changed(p);
}

/* The table of planner.h: a state, and those that may follow it.  REOPENED: another end, and PROVEN
 * without verdicts. */
#define TO(x) (1u << (x))
#define REOPENED (TO(ST_READY) | TO(ST_LOOK) | TO(ST_WRITTEN) | TO(ST_PROVEN))
static const uint16_t next_states[ITEM_STATES] = {
	[ST_NONE] = TO(ST_WAIT) | REOPENED,
	[ST_WAIT] = TO(ST_FAILED) | REOPENED,
	[ST_READY] = TO(ST_ASKED) | TO(ST_FAILED) | REOPENED,
	[ST_ASKED] = TO(ST_FAILED) | REOPENED,
	[ST_WRITTEN] = TO(ST_LOOKING) | TO(ST_FAILED) | REOPENED,
	[ST_LOOK] = TO(ST_LOOKING) | TO(ST_FAILED) | REOPENED,
	[ST_LOOKING] = TO(ST_UNPROVEN) | TO(ST_FAILED) | (REOPENED & ~TO(ST_WRITTEN)),
	[ST_UNPROVEN] = TO(ST_LOOKING) | TO(ST_FAILED) | REOPENED,
	[ST_PROVEN] = REOPENED,
	[ST_FAILED] = REOPENED,
};

/* An item goes from one state to another, for the counts; ST_NONE: it is not counted. */
static void count(struct planner *p, const struct slot *s, unsigned kind, enum item_state from,
    enum item_state to)
{
	struct tally *t = slot_needed(s) ? &p->tally[kind] : &p->offered[kind];

	t->wanted += (unsigned)(to != ST_NONE) - (from != ST_NONE);
	t->proven += (unsigned)(to == ST_PROVEN) - (from == ST_PROVEN);
	t->failed += (unsigned)(to == ST_FAILED) - (from == ST_FAILED);
}

static void count_needed(struct planner *p, const struct slot *s, uint32_t by)
{
	uint32_t i = slot_index(p, s);

	for (unsigned k = 0; k < 2; k++) {
		enum item_kind kind = (enum item_kind)s->item[k].kind;
		if (by == 1)
			count(p, s, kind, ST_NONE, s->item[k].state);
		else
			count(p, s, kind, s->item[k].state, ST_NONE);
		if (!slot_needed(s) && p->ready[kind][i / 64] >> i % 64 & 1)
			p->n_spare[kind] += by;
	}
	p->needed += slot_wanted(s) ? by : 0;
	p->winners += s->facts & FACT_WON ? by : 0;
}

void item_become(struct planner *p, uint32_t i, enum item_kind kind, enum item_state state)
{
	struct slot *s = &p->slots[i];
	struct item *it = slot_item(s, kind);

	if (state != ST_NONE && state != it->state && !(next_states[it->state] & TO(state)))
		BUG("item %u of burn height %llu: state %u after %u", kind,
		    (unsigned long long)slot_height(p, i), state, it->state);
	if (kind != ITEM_START)
		count(p, s, kind, it->state, state);
	it->state = (uint8_t)state & 15;
	if (state == ST_PROVEN) {
		work_free(p, i, kind);
		if (kind == ITEM_BODY && slot_has(s, ITEM_START))
			work_free(p, i, ITEM_START);
	}
	slot_refresh(p, i);
}

void slot_facts_change(struct planner *p, uint32_t i, uint16_t facts)
{
	struct slot *s = &p->slots[i];

	if (s->model == EPOCH2)
		count_needed(p, s, -1u);
	s->facts = facts;
	if (s->model == EPOCH2)
		count_needed(p, s, 1);
}

void slot_empty(struct planner *p, uint32_t i)
{
	struct slot *s = &p->slots[i];

	slot_facts(p, i, 0, s->facts);
	for (unsigned k = 0; k < ITEM_KINDS; k++) {
		ready_to(p, (enum item_kind)k, i, false);
		look_to(p, (enum item_kind)k, i, false);
	}
	memset(s, 0, sizeof(*s));
	planner_changed(p);
}

void slot_model(struct planner *p, uint32_t i, enum model model)
{
	struct slot *s = &p->slots[i];

	s->model = (uint8_t)model;
	s->item[0].kind = ITEM_BODY;
	s->item[1].kind = (model == NAKAMOTO ? ITEM_START : ITEM_STREAM) & 15;
}

void slot_stop(struct planner *p, uint32_t i)
{
	struct slot *s = &p->slots[i];

	slot_facts(p, i, 0, FACT_NAMED | FACT_TIP);
	for (unsigned k = 0; k < 2; k++) {
		work_free(p, i, (enum item_kind)s->item[k].kind);
		item_become(p, i, (enum item_kind)s->item[k].kind, ST_NONE);
	}
	for (unsigned t = 0; t < MAX_TRANSFERS; t++)
		if (p->transfers[t].used && p->transfers[t].slot == i &&
		    p->transfers[t].ask != ASK_INFO)
			transfer_cancel(p, t);
}

void item_give_up(struct planner *p, uint32_t i, enum item_kind kind, uint8_t why)
{
	slot_item(&p->slots[i], kind)->why = why;
	item_become(p, i, kind, ST_FAILED);
	item_tell(p, i, kind, WANT_UNAVAILABLE, why_text(p, why));
}

/* ---- reasons ---- */

uint8_t why_of(struct planner *p, const char *text)
{
	unsigned i;

	for (i = 0; i < p->n_whys; i++)
		if (strcmp(p->whys[i], text) == 0)
			return (uint8_t)(TROUBLES + i);
	if (p->n_whys == sizeof(p->whys) / sizeof(p->whys[0]))
		return TROUBLE_NONE;
	snprintf(p->whys[p->n_whys++], sizeof(p->whys[0]), "%s", text);
	return (uint8_t)(TROUBLES + i);
}

const char *why_text(const struct planner *p, uint8_t why)
{
	return why < TROUBLES ? trouble_name((enum trouble)why) : p->whys[why - TROUBLES];
}

/* ---- works ---- */

struct work *work_make(struct planner *p, uint32_t slot, enum item_kind kind)
{
	struct item *it = slot_item(&p->slots[slot], kind);
	uint32_t i = it->work;

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
	it->work = (i + 1) & 0xffffff;
	return &p->works[i];
}

void work_free(struct planner *p, uint32_t slot, enum item_kind kind)
{
	struct item *it = slot_item(&p->slots[slot], kind);
	uint32_t i = it->work;

	if (!i)
		return;
	for (unsigned t = 0; t < MAX_TRANSFERS; t++)
		if (p->transfers[t].used && p->transfers[t].work == i) {
			p->transfers[t].work = 0;
			transfer_cancel(p, t);
		}
	p->works[i - 1].used = false;
	it->work = 0;
	if (i - 1 < p->free_work)
		p->free_work = i - 1;
}

/* ---- actions ---- */

struct action *action_add(struct planner *p, enum action_kind kind)
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

void item_tell(struct planner *p, uint32_t i, enum item_kind kind, enum want_state state,
    const char *why)
{
	struct slot *s = &p->slots[i];
	/* A start that is missing is news of the body that needs it. */
	struct item *it = slot_item(s, kind == ITEM_STREAM ? ITEM_STREAM : ITEM_BODY);
	struct action *a;

	if (it->due & DUE_TOLD || !slot_needed(s))
		return;
	it->due |= DUE_TOLD;
	a = action_add(p, ACT_WANT);
	a->item = (enum item_kind)it->kind;
	a->height = slot_height(p, i);
	memcpy(a->ch, s->ch, CH_LEN);
	memcpy(a->start, s->start, ID_LEN);
	memcpy(a->end, s->end, ID_LEN);
	a->want = state;
	snprintf(a->text, sizeof(a->text), "%s", why);
}

/* Next: cmd/block-fetch/planner.c, what is wanted. */
