/* How a request is made: which sources may be asked for an item, the best of them, and what is sent
 * to it. */
#include <stdio.h>

#include "cmd/block-fetch/plan.h"

bool item_may_ask(const struct planner *p, unsigned source, uint32_t slot, enum item_kind kind)
{
	const struct slot *s = &p->slots[slot];
	const struct work *w = item_work(p, slot, kind);

	if (w && w->out >> source & 1)
		return false;
	return source_claims(p, &p->sources[source], slot, kind) ||
	    (s->facts & FACT_TIP && !(s->facts & FACT_NAMED));
}

bool item_offered(const struct planner *p, uint32_t slot, enum item_kind kind, uint64_t now)
{
	for (unsigned i = 0; i < p->n_sources; i++)
		if (source_usable(&p->sources[i], now) && item_may_ask(p, i, slot, kind))
			return true;
	return false;
}

int source_pick(const struct planner *p, uint32_t slot, enum item_kind kind, uint64_t now,
    int except)
{
	const struct work *w = item_work(p, slot, kind);
	double best = 0;
	int chosen = -1;

	for (unsigned i = 0; i < p->n_sources; i++) {
		const struct source *s = &p->sources[i];
		if ((int)i == except || !source_has_room(p, s, now) ||
		    !item_may_ask(p, i, slot, kind))
			continue;
		unsigned tries = w ? w->tries[i] : 0;
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

struct transfer *send_ask(struct planner *p, uint64_t now, unsigned source, enum ask ask,
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
	a = action_add(p, ACT_REQUEST);
	a->transfer = (unsigned)(t - p->transfers);
	a->source = source;
	a->ask = ask;
	memcpy(a->id, id, ID_LEN);
	if (slot < p->n_slots) {
		a->height = slot_height(p, slot);
		a->model = (enum model)p->slots[slot].model;
		memcpy(a->ch, p->slots[slot].ch, CH_LEN);
	}
	return t;
}

void send_stop(struct planner *p, struct transfer *t, const uint8_t stop[ID_LEN])
{
	struct action *a = &p->actions[(p->head + p->n_actions - 1) % p->cap_actions];

	memcpy(t->stop, stop, ID_LEN);
	memcpy(a->stop, stop, ID_LEN);
}

static void work_begin(struct work *w, const struct slot *s)
{
	if (w->begun)
		return;
	memcpy(w->cursor, s->end, ID_LEN);
	memset(w->stop, 0, ID_LEN);
	if (s->facts & FACT_STARTED && !id_is(s->start, s->end))
		memcpy(w->stop, s->start, ID_LEN);
	w->begun = true;
}

bool send_item(struct planner *p, uint64_t now, unsigned source, uint32_t slot,
    enum item_kind kind)
{
	const struct slot *s = &p->slots[slot];
	const uint8_t *id = s->start;
	struct work *w = NULL;
	struct transfer *t;

	if (kind != ITEM_START) {
		w = work_make(p, slot, kind);
		work_begin(w, s);
	}
	if (kind == ITEM_BODY)
		id = w->cursor;
	t = send_ask(p, now, source, (enum ask)kind, slot, id);
	if (!t)
		return false;
	if (w) {
		t->work = s->item[kind != ITEM_BODY].work;
		w->transfers++;
	}
	if (kind == ITEM_BODY)
		send_stop(p, t, w->stop);
	item_become(p, slot, kind, ST_ASKED);
	return true;
}

void planner_path(const struct action *a, char out[200])
{
	char id[2 * ID_LEN + 1], stop[2 * ID_LEN + 1];

	hex_of(id, a->id, ID_LEN);
	hex_of(stop, a->stop, ID_LEN);
	if (a->ask == ASK_INFO)
		snprintf(out, 200, "/v3/tenures/info");
	else if (a->ask == ASK_STREAM)
		snprintf(out, 200, "/v2/microblocks/confirmed/%s", id);
	else if (a->model == EPOCH2)
		snprintf(out, 200, "/v2/blocks/%s", id);
	else if (a->ask == ASK_START || a->ask == ASK_BLOCK)
		snprintf(out, 200, "/v3/blocks/%s", id);
	else if (id_zero(a->stop))
		snprintf(out, 200, "/v3/tenures/%s", id);
	else
		snprintf(out, 200, "/v3/tenures/%s?stop=%s", id, stop);
}

/* Next: cmd/block-fetch/schedule.c, what is asked next. */
