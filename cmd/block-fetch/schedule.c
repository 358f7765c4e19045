/* What is asked next.  In this order: bodies whose end is known, lowest first (rarest first when
 * following); start blocks, which make ends known; then what is out at a slow source, from where it
 * stands. A start block is asked for every fourth missing tenure only: the body above a tenure
 * brings its own start, which is the next end.  Sources that would be idle ask for the others too.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/block-fetch/plan.h"

#define STRIDE 4
#define SCAN 512	/* slots looked at in one turn */
#define LOOKS 8192	/* looks at the store in one turn */

static bool has_room(const struct planner *p, const struct source *s, uint64_t now)
{
	return source_usable(s, now) && s->not_before <= now && s->inflight < source_window(p, s);
}

static unsigned free_places(const struct planner *p, uint64_t now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_sources; i++)
		if (has_room(p, &p->sources[i], now))
			n += source_window(p, &p->sources[i]) - p->sources[i].inflight;
	return n < MAX_TRANSFERS - p->in_flight ? n : MAX_TRANSFERS - p->in_flight;
}

/* The source that will have it first, as far as we know them. */
static int pick(const struct planner *p, uint32_t slot, uint64_t now, bool start, int except)
{
	double best = 0;
	int chosen = -1;

	for (unsigned i = 0; i < p->n_sources; i++) {
		const struct source *s = &p->sources[i];
		if ((int)i == except || !has_room(p, s, now) || !slot_may_ask(p, i, slot, start))
			continue;
		unsigned tries =
		    p->slots[slot].work ? p->works[p->slots[slot].work - 1].tries[i] : 0;
		double rate = s->rate > 0 ? s->rate : p->mean > 0 ? p->mean : 1e6;
		double score = rate * (source_trust(s, now) + 0.01) / (s->inflight + 1) /
		    (1 + 4 * tries) * (s->slow ? 0.1 : 1);
		if (score > best) {
			best = score;
			chosen = (int)i;
		}
	}
	return chosen;
}

/* ---- sending ---- */

static struct transfer *send_ask(struct planner *p, uint64_t now, unsigned source, enum ask ask,
    uint32_t slot, const uint8_t *id)
{
	struct source *s = &p->sources[source];
	struct transfer *t = NULL;
	struct action *a;

	for (unsigned i = 0; i < MAX_TRANSFERS && !t; i++)
		if (!p->transfers[i].used)
			t = &p->transfers[i];
	if (!t)
		return NULL;
	source_clock(p, s, now);
	*t = (struct transfer){
		.used = true, .source = source, .ask = ask, .slot = slot, .sent = now
	};
	memcpy(t->expect, id, ID_LEN);
	memcpy(t->first, id, ID_LEN);
	s->inflight++;
	p->in_flight++;
	a = plan_act(p, ACT_REQUEST);
	a->transfer = (unsigned)(t - p->transfers);
	a->source = source;
	a->ask = ask;
	memcpy(a->id, id, ID_LEN);
	if (slot < p->n_slots) {
		a->height = plan_height(p, slot);
		memcpy(a->ch, p->slots[slot].ch, CH_LEN);
	}
	return t;
}

static struct action *last_action(struct planner *p)
{
	return &p->actions[(p->head + p->n_actions - 1) % p->cap_actions];
}

static void send_body(struct planner *p, uint64_t now, unsigned source, uint32_t slot)
{
	struct slot *s = &p->slots[slot];
	struct work *w = plan_work(p, slot);
	struct transfer *t;

	if (!w->begun) {
		memcpy(w->cursor, s->end, ID_LEN);
		memset(w->stop, 0, ID_LEN);
		if (s->flags & F_START && !id_is(s->start, s->end))
			memcpy(w->stop, s->start, ID_LEN);
		w->begun = true;
	}
	t = send_ask(p, now, source, ASK_BODY, slot, w->cursor);
	if (!t)
		return;
	t->work = s->work;
	memcpy(t->stop, w->stop, ID_LEN);
	memcpy(last_action(p)->stop, w->stop, ID_LEN);
	w->transfers++;
	plan_state(p, slot, B_ASKED);
}

static void send_start(struct planner *p, uint64_t now, unsigned source, uint32_t slot)
{
	if (!send_ask(p, now, source, ASK_START, slot, p->slots[slot].start))
		return;
	p->slots[slot].flags |= F_ASK_START;
	plan_refresh(p, slot);
}

void planner_path(const struct action *a, char out[200])
{
	char id[2 * ID_LEN + 1], stop[2 * ID_LEN + 1];

	hex_of(id, a->id, ID_LEN);
	hex_of(stop, a->stop, ID_LEN);
	if (a->ask == ASK_INFO)
		snprintf(out, 200, "/v3/tenures/info");
	else if (a->ask == ASK_START || a->ask == ASK_BLOCK)
		snprintf(out, 200, "/v3/blocks/%s", id);
	else if (id_zero(a->stop))
		snprintf(out, 200, "/v3/tenures/%s", id);
	else
		snprintf(out, 200, "/v3/tenures/%s?stop=%s", id, stop);
}

/* ---- bodies and starts ---- */

static unsigned claimers(const struct planner *p, uint32_t slot, uint64_t now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_sources; i++)
		n += source_usable(&p->sources[i], now) && slot_may_ask(p, i, slot, false);
	return n;
}

/* rarity 0: any slot; else only slots that so many sources have. */
static unsigned ask_bodies(struct planner *p, uint64_t now, unsigned places, unsigned rarity)
{
	unsigned seen = 0;

	for (int64_t i = bit_next(p->ready, p->n_slots, 0); i >= 0 && places && seen < SCAN;
	     i = bit_next(p->ready, p->n_slots, (uint32_t)i + 1), seen++) {
		uint32_t slot = (uint32_t)i, work = p->slots[slot].work;
		if (p->slots[slot].flags & F_ASK_START ||
		    (work && p->works[work - 1].not_before > now))
			continue;
		if (rarity && claimers(p, slot, now) != rarity)
			continue;
		int source = pick(p, slot, now, false, -1);
		if (source < 0)
			continue;
		send_body(p, now, (unsigned)source, slot);
		places--;
	}
	return places;
}

/* Whether the start of this slot makes an end known that nothing under way will tell. */
static bool start_tells(const struct planner *p, const struct slot *s)
{
	bool below = s->parent && p->slots[s->parent - 1].state == B_WAIT;

	return s->state == B_WAIT || (below && s->state != B_ASKED);
}

static unsigned ask_starts(struct planner *p, uint64_t now, unsigned places, bool all)
{
	unsigned seen = 0, run = 0;
	int64_t last = -1, i;

	for (i = bit_next(p->starts, p->n_slots, 0); i >= 0 && places && seen < SCAN;
	     last = i, i = bit_next(p->starts, p->n_slots, (uint32_t)i + 1), seen++) {
		uint32_t slot = (uint32_t)i;
		struct slot *s = &p->slots[slot];
		if (s->state != B_WAIT && !(all && start_tells(p, s))) {
			run = 0;
			continue;
		}
		run = last >= 0 && s->parent == (uint32_t)last + 1 ? run + 1 : 1;
		if (!all && run < STRIDE && s->flags & F_CHILD)
			continue;
		run = 0;
		if (s->work && p->works[s->work - 1].not_before > now)
			continue;
		int source = pick(p, slot, now, true, -1);
		if (source < 0)
			continue;
		send_start(p, now, (unsigned)source, slot);
		places--;
	}
	return places;
}

/* ---- what is out at slow sources ---- */

static bool lags(const struct planner *p, const struct transfer *t)
{
	return t->idle > 1000 || (p->sources[t->source].slow && t->age > 500) ||
	    (double)t->age > 1000 + 4 * p->body_ms;
}

static unsigned steal(struct planner *p, uint64_t now, unsigned places)
{
	for (unsigned i = 0; i < MAX_TRANSFERS && places; i++) {
		struct transfer *t = &p->transfers[i];
		unsigned same = 0;
		if (!t->used || t->cancelled || t->complete ||
		    (t->ask != ASK_BODY && t->ask != ASK_START) || !lags(p, t))
			continue;
		for (unsigned k = 0; k < MAX_TRANSFERS; k++)
			same += p->transfers[k].used && !p->transfers[k].cancelled &&
			    p->transfers[k].slot == t->slot && p->transfers[k].ask == t->ask;
		if (same > 1 || p->slots[t->slot].flags & F_ASK_START ?
			same > 1 :
			p->slots[t->slot].state != B_ASKED)
			continue;
		int source = pick(p, t->slot, now, t->ask == ASK_START, (int)t->source);
		if (source < 0 || p->sources[source].slow)
			continue;
		if (t->ask == ASK_BODY)
			send_body(p, now, (unsigned)source, t->slot);
		else
			send_start(p, now, (unsigned)source, t->slot);
		places--;
	}
	return places;
}

/* ---- suspects, tips, infos ---- */

static void ask_single(struct planner *p, uint64_t now)
{
	struct single *one = &p->singles[0];
	struct slot *slot = plan_slot(p, one->ch);
	int source = -1;

	if (one->asked)
		return;
	if (!slot || !slot_offered(p, plan_index(p, slot), now, false)) {
		plan_single_drop(p, 0);
		return;
	}
	for (unsigned i = 0; i < p->n_sources && source < 0; i++)
		if (has_room(p, &p->sources[i], now) &&
		    slot_may_ask(p, i, plan_index(p, slot), false) &&
		    strcmp(p->sources[i].name, one->avoid) != 0)
			source = (int)i;
	if (source < 0)
		source = pick(p, plan_index(p, slot), now, false, -1);
	if (source >= 0 &&
	    send_ask(p, now, (unsigned)source, ASK_BLOCK, plan_index(p, slot), one->id))
		one->asked = true;
}

/* Another source's word for the same tenure is being tried: if that brings this tip too, it need
 * not travel again. */
static bool tip_under_way(const struct planner *p, uint32_t slot)
{
	for (unsigned i = 0; i < MAX_TRANSFERS; i++) {
		const struct transfer *t = &p->transfers[i];
		if (t->used && !t->cancelled && t->ask == ASK_TIP && t->slot == slot && !lags(p, t))
			return true;
	}
	return p->slots[slot].awaiting > 0;
}

static void ask_tips(struct planner *p, uint64_t now)
{
	static const uint8_t none[ID_LEN];
	bool near = plan_near_tip(p);

	for (unsigned i = 0; i < p->n_sources; i++) {
		struct source *s = &p->sources[i];
		if (!has_room(p, s, now))
			continue;
		if (s->has_claim) {
			struct slot *slot = plan_slot(p, s->tip_ch);
			if (slot && tip_under_way(p, plan_index(p, slot)))
				continue;
			s->has_claim = false;
			if (!slot || id_is(slot->end, s->tip_id) ||
			    !plan_set_known(p, plan_index(p, slot)))
				continue;
			struct transfer *t =
			    send_ask(p, now, i, ASK_TIP, plan_index(p, slot), s->tip_id);
			if (!t)
				return;
			s->tip_asked = true;
			memcpy(t->stop, s->tip_stop, ID_LEN);
			memcpy(last_action(p)->stop, s->tip_stop, ID_LEN);
		} else if (near && !s->tip_asked &&
		    (p->once ? p->ended && !p->has_tip && !s->info_at :
			       s->info_at + INFO_MS <= now)) {
			s->info_at = now ? now : 1;
			send_ask(p, now, i, ASK_INFO, UINT32_MAX, none);
		}
	}
}

static void ask_looks(struct planner *p, uint64_t now)
{
	bool again = now >= p->relook_at + 200;
	unsigned n = 0;

	if (again)
		p->relook_at = now;
	for (int64_t i = bit_next(p->looks, p->n_slots, 0); i >= 0 && n < LOOKS;
	     i = bit_next(p->looks, p->n_slots, (uint32_t)i + 1)) {
		struct slot *s = &p->slots[i];
		if (s->state == B_UNPROVEN && !again)
			continue;
		struct action *a = plan_act(p, ACT_LOOK);
		a->height = plan_height(p, (uint32_t)i);
		memcpy(a->ch, s->ch, CH_LEN);
		memcpy(a->start, s->start, ID_LEN);
		memcpy(a->end, s->end, ID_LEN);
		plan_state(p, (uint32_t)i, B_LOOKING);
		n++;
	}
}

void planner_room(struct planner *p, uint64_t now, bool room)
{
	for (unsigned i = 0; room != p->room && i < p->n_sources; i++)
		source_clock(p, &p->sources[i], now);
	p->room = room;
}

/* Once the judges are seen at work.  Where suspects are all that is on offer one may show it for
 * another; a lone one is tried when the judges have not crashed by themselves. */
static bool singles_due(struct planner *p, uint64_t now)
{
	return p->judged || p->singles[0].asked ||
	    ((p->n_singles > 1 || now >= p->began + CONTROL_MS) && !p->awaiting && !p->in_flight &&
	    !plan_offers(p, now));
}

static void holds_end(struct planner *p)
{
	p->holds = false;
	for (uint32_t i = 0; i < p->n_slots; i++)
		if (p->slots[i].flags & F_HELD) {
			p->slots[i].flags &= (uint16_t)~F_HELD;
			plan_refresh(p, i);
		}
}

void planner_turn(struct planner *p, uint64_t now)
{
	uint64_t spent = p->turned && now > p->turned ? now - p->turned : 0;
	unsigned places;

	p->turned = now;
	if (!p->began)
		p->began = now;
	if (p->room)
		plan_patience(p, now, spent < MOST_TURN_MS ? spent : MOST_TURN_MS);
	if (now >= p->stats_at + 250)
		source_statistics(p, now);
	if (!p->once && now >= p->retry_at)
		plan_retry(p, now);
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
	places = free_places(p, now);
	if (places && !plan_catching_up(p))
		for (unsigned rarity = 1; rarity < p->n_sources && places; rarity++)
			places = ask_bodies(p, now, places, rarity);
	if (places)
		places = ask_bodies(p, now, places, 0);
	if (places && p->n_ready < 2 * MAX_TRANSFERS)
		places = ask_starts(p, now, places, false);
	if (places && p->n_ready < 2 * MAX_TRANSFERS)
		places = ask_starts(p, now, places, true);
	if (places)
		steal(p, now, places);
	if (places)
		ask_tips(p, now);
}

bool plan_offers(struct planner *p, uint64_t now)
{
	int64_t i;

	if (p->no_offer_known && p->no_offer && p->once)
		return false;
	for (i = bit_next(p->ready, p->n_slots, 0); i >= 0;
	     i = bit_next(p->ready, p->n_slots, (uint32_t)i + 1))
		if (slot_offered(p, (uint32_t)i, now, false))
			return true;
	for (i = bit_next(p->starts, p->n_slots, 0); i >= 0;
	     i = bit_next(p->starts, p->n_slots, (uint32_t)i + 1))
		if (start_tells(p, &p->slots[i]) && slot_offered(p, (uint32_t)i, now, true))
			return true;
	p->no_offer_known = p->no_offer = true;
	return false;
}

/* Next: cmd/block-fetch/patience.c, when it takes too long. */
