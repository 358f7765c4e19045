/* What is asked next.  In this order: bodies, lowest first (rarest first when following); start
 * blocks, which make ends known; microblock streams; then what is out at a slow source, from where
 * it stands.  A start block is asked for every fourth missing tenure only: the body above a tenure
 * brings its own start, which is the next end.  Sources that would be idle ask for the others too.
 */
#include "cmd/block-fetch/plan.h"

#define STRIDE 4
#define SCAN 512	/* items looked at in one turn */
#define LOOKS 8192	/* looks at the store in one turn */

/* One scan over the items of a kind. */
struct scan {
	enum item_kind kind;
	/* bodies: 0 any, else only those that so many sources have; starts: 1 also those that the
	 * body above would bring */
	unsigned choice;
	unsigned run;		/* adjacent starts before this one */
	int64_t last;		/* the slot seen last */
};

static unsigned free_places(const struct planner *p, uint64_t now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_sources; i++)
		if (source_has_room(p, &p->sources[i], now))
			n += source_window(p, &p->sources[i]) - p->sources[i].inflight;
	return n < MAX_TRANSFERS - p->in_flight ? n : MAX_TRANSFERS - p->in_flight;
}

static unsigned claimers(const struct planner *p, uint32_t slot, uint64_t now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_sources; i++)
		n += source_usable(&p->sources[i], now) && item_may_ask(p, i, slot, ITEM_BODY);
	return n;
}

/* ---- which items are due ---- */

/* The next item that is ready and that some source has claimed, or -1. */
static int64_t item_next(const struct planner *p, enum item_kind kind, uint32_t from)
{
	const uint64_t *ready = p->ready[kind], *claimed = p->any_url ? ready : p->claimed[kind];
	uint64_t above = ~0ull << from % 64;

	for (uint32_t w = from / 64; w * 64 < p->n_slots; w++, above = ~0ull) {
		uint64_t bits = ready[w] & claimed[w] & above;
		if (bits)
			return w * 64 + (uint32_t)__builtin_ctzll(bits);
	}
	return -1;
}

/* Whether the start of this slot makes an end known that nothing under way will tell. */
static bool start_tells(const struct planner *p, const struct slot *s)
{
	bool below = s->parent && p->slots[s->parent - 1].item[0].state == ST_WAIT;

	return s->item[0].state == ST_WAIT || (below && s->item[0].state != ST_ASKED);
}

/* Whether it makes sense to ask for an item that is ready. */
static bool item_due(const struct planner *p, uint32_t slot, enum item_kind kind)
{
	const struct slot *s = &p->slots[slot];

	return kind == ITEM_BODY  ? !slot_asks_start(s) :
	    kind == ITEM_START	  ? start_tells(p, s) :
				    stream_tells(p, s);
}

/* Of adjacent starts every fourth, and the highest. */
static bool start_chosen(const struct planner *p, uint32_t slot, struct scan *c)
{
	const struct slot *s = &p->slots[slot];
	bool adjacent = c->last >= 0 && s->parent == (uint32_t)c->last + 1;

	if (s->item[0].state != ST_WAIT && !(c->choice && start_tells(p, s))) {
		c->run = 0;
		return false;
	}
	c->run = adjacent ? c->run + 1 : 1;
	if (!c->choice && c->run < STRIDE && s->facts & FACT_CHILD)
		return false;
	c->run = 0;
	return true;
}

static bool item_chosen(const struct planner *p, uint32_t slot, uint64_t now, struct scan *c)
{
	const struct work *w = item_work(p, slot, c->kind);

	if (c->kind == ITEM_START ? !start_chosen(p, slot, c) : !item_due(p, slot, c->kind))
		return false;
	if (w && w->not_before > now)
		return false;
	return c->kind != ITEM_BODY || !c->choice || claimers(p, slot, now) == c->choice;
}

/* Ask for items of a kind, from the lowest on.  How many places are left. */
static unsigned ask_items(struct planner *p, uint64_t now, unsigned places, enum item_kind kind,
    unsigned choice)
{
	struct scan c = { .kind = kind, .choice = choice, .last = -1 };
	unsigned seen = 0;
	int64_t i;

	p->seen[kind] = 0;
	if (!p->n_ready[kind])
		return places;
	for (i = item_next(p, kind, p->scan[kind]); i >= 0 && places && seen < SCAN;
	     c.last = i, i = item_next(p, kind, (uint32_t)i + 1), seen++) {
		int source = item_chosen(p, (uint32_t)i, now, &c) ?
		    source_pick(p, (uint32_t)i, kind, now, -1) :
		    -1;
		if (source >= 0 && send_item(p, now, (unsigned)source, (uint32_t)i, kind))
			places--;
	}
	p->seen[kind] = i >= 0 ? (uint32_t)i : 0;
	return places;
}

/* ---- what is out at slow sources ---- */

bool transfer_lags(const struct planner *p, const struct transfer *t)
{
	return t->idle > 1000 || (p->sources[t->source].slow && t->age > 500) ||
	    (double)t->age > 1000 + 4 * p->body_ms;
}

static unsigned steal(struct planner *p, uint64_t now, unsigned places)
{
	for (unsigned i = 0; i < MAX_TRANSFERS && places; i++) {
		struct transfer *t = &p->transfers[i];
		unsigned same = 0;
		if (!t->used || t->cancelled || t->complete || t->ask > ASK_STREAM ||
		    !transfer_lags(p, t))
			continue;
		enum item_kind kind = (enum item_kind)t->ask;
		for (unsigned k = 0; k < MAX_TRANSFERS; k++)
			same += p->transfers[k].used && !p->transfers[k].cancelled &&
			    p->transfers[k].slot == t->slot && p->transfers[k].ask == t->ask;
		if (same > 1 || slot_item(&p->slots[t->slot], kind)->state != ST_ASKED)
			continue;
		int source = source_pick(p, t->slot, kind, now, (int)t->source);
		if (source < 0 || p->sources[source].slow)
			continue;
		if (send_item(p, now, (unsigned)source, t->slot, kind))
			places--;
	}
	return places;
}

/* ---- looks at the store ---- */

static void look_at_item(struct planner *p, uint32_t i, enum item_kind kind)
{
	const struct slot *s = &p->slots[i];
	struct action *a = action_add(p, ACT_LOOK);

	a->item = kind;
	a->model = (enum model)s->model;
	a->height = slot_height(p, i);
	memcpy(a->ch, s->ch, CH_LEN);
	memcpy(a->start, s->start, ID_LEN);
	memcpy(a->end, s->end, ID_LEN);
	item_become(p, i, kind, ST_LOOKING);
}

static void ask_looks(struct planner *p, uint64_t now)
{
	bool again = now >= p->relook_at + 200;
	unsigned n = 0;

	if (again)
		p->relook_at = now;
	for (unsigned k = 0; k < ITEM_KINDS; k++)
		for (int64_t i = p->n_looks[k] ? bit_next(p->looks[k], p->n_slots, 0) : -1;
		     i >= 0 && n < LOOKS;
		     i = bit_next(p->looks[k], p->n_slots, (uint32_t)i + 1)) {
			enum item_kind kind = (enum item_kind)k;
			if (slot_item(&p->slots[i], kind)->state == ST_UNPROVEN && !again)
				continue;
			look_at_item(p, (uint32_t)i, kind);
			n++;
		}
}

/* ---- a turn ---- */

void planner_room(struct planner *p, uint64_t now, bool room)
{
	for (unsigned i = 0; room != p->room && i < p->n_sources; i++)
		source_clock(p, &p->sources[i], now);
	p->room = room;
}

/* So many bodies are at hand that no more ends need be known. */
static bool bodies_enough(const struct planner *p)
{
	unsigned n = 0;

	if (p->n_ready[ITEM_BODY] < 2 * MAX_TRANSFERS)
		return false;
	for (int64_t i = item_next(p, ITEM_BODY, 0); i >= 0 && n < 2 * MAX_TRANSFERS; n++)
		i = item_next(p, ITEM_BODY, (uint32_t)i + 1);
	return n == 2 * MAX_TRANSFERS;
}

static void ask_all(struct planner *p, uint64_t now)
{
	unsigned places = free_places(p, now), before = p->in_flight;

	if (places && !planner_catching_up(p))
		for (unsigned rarity = 1; rarity < p->n_sources && places; rarity++)
			places = ask_items(p, now, places, ITEM_BODY, rarity);
	if (places)
		places = ask_items(p, now, places, ITEM_BODY, 0);
	for (unsigned all = 0; all < 2; all++)
		if (places && !bodies_enough(p))
			places = ask_items(p, now, places, ITEM_START, all);
	if (places)
		places = ask_items(p, now, places, ITEM_STREAM, 0);
	/* Where so many cannot be asked for that a turn does not see all, the next one goes on. */
	for (unsigned k = 0; k < ITEM_KINDS; k++)
		p->scan[k] = places && p->in_flight == before ? p->seen[k] : 0;
	if (places)
		steal(p, now, places);
	if (places)
		ask_tips(p, now);
}

void planner_turn(struct planner *p, uint64_t now)
{
	uint64_t spent = p->turned && now > p->turned ? now - p->turned : 0;

	p->turned = now;
	if (!p->began)
		p->began = now;
	if (p->room)
		planner_patience(p, now, spent < MOST_TURN_MS ? spent : MOST_TURN_MS);
	if (now >= p->stats_at + 250)
		sources_measure(p, now);
	if (!p->once && now >= p->retry_at)
		planner_retry(p, now);
	ask_looks(p, now);
	if (!p->room)
		return;
	if (p->n_singles && singles_due(p, now)) {
		if (!p->awaiting && !p->in_flight)
			ask_single(p, now);
		return;
	}
	if (p->holds && !p->n_singles)
		holds_end(p);
	ask_all(p, now);
}

bool planner_offers(struct planner *p, uint64_t now)
{
	if (p->no_offer && p->once)
		return false;
	for (unsigned k = 0; k < ITEM_KINDS; k++)
		for (int64_t i = p->n_ready[k] ? item_next(p, (enum item_kind)k, 0) : -1; i >= 0;
		     i = item_next(p, (enum item_kind)k, (uint32_t)i + 1)) {
			enum item_kind kind = (enum item_kind)k;
			if ((kind == ITEM_BODY || item_due(p, (uint32_t)i, kind)) &&
			    item_offered(p, (uint32_t)i, kind, now))
				return true;
		}
	p->no_offer = true;
	return false;
}

/* Next: cmd/block-fetch/singles.c, what is asked for by itself. */
