/* How far it is, whether it is over, and what is missing and why. */
#include <stdio.h>

#include "cmd/block-fetch/plan.h"

#define FOLLOWING 4	/* so few tenures missing: following */
#define MAX_TOLD 1000	/* missing tenures that are told one by one */

bool planner_catching_up(const struct planner *p)
{
	const struct tally *t = &p->tally[ITEM_BODY];

	return t->wanted - t->proven - t->failed > FOLLOWING;
}

bool planner_near_tip(const struct planner *p)
{
	return p->n_ready[ITEM_BODY] == p->n_spare[ITEM_BODY] && !planner_catching_up(p);
}

static bool tips_pending(const struct planner *p, uint64_t now)
{
	for (unsigned i = 0; i < p->n_sources; i++) {
		const struct source *s = &p->sources[i];
		if (source_usable(s, now) &&
		    (s->has_claim ||
			(p->once && p->ended && !p->has_tip && !s->info_at && planner_near_tip(p))))
			return true;
	}
	return false;
}

/* Whether a look at the store may yet bring news: what is whole and not proven is looked at again
 * and again, until nothing else is heard. */
static bool looks_pending(const struct planner *p, uint64_t now)
{
	for (unsigned k = 0; k < ITEM_KINDS; k++)
		for (int64_t i = p->n_looks[k] ? bit_next(p->looks[k], p->n_slots, 0) : -1; i >= 0;
		     i = bit_next(p->looks[k], p->n_slots, (uint32_t)i + 1))
			if (p->slots[i].item[k != ITEM_BODY].state != ST_UNPROVEN ||
			    now < p->news_at + 1000)
				return true;
	return false;
}

void planner_state(struct planner *p, uint64_t now, struct plan_state *out)
{
	const struct tally *body = &p->tally[ITEM_BODY], *stream = &p->tally[ITEM_STREAM];

	*out = (struct plan_state){ .wanted = body->wanted,
		.proven = body->proven,
		.unavailable = body->failed,
		.missing = body->wanted - body->proven - body->failed,
		.streams = stream->wanted - stream->proven,
		.offered = p->offered[ITEM_BODY].wanted,
		.in_flight = p->in_flight,
		.awaiting = p->awaiting,
		.view = p->n_slots > 0,
		.catching_up = planner_catching_up(p),
		.body = p->body,
		.suspects = p->n_singles };
	out->unclaimed = p->winners - p->needed - out->offered;
	for (unsigned i = 0; i < p->n_sources; i++)
		out->sources += source_usable(&p->sources[i], now);
	out->idle = !p->in_flight && !p->awaiting && !p->n_actions && !p->n_singles &&
	    !planner_offers(p, now) && !tips_pending(p, now) && !looks_pending(p, now);
}

static const char *missing_why(const struct planner *p, uint32_t i, enum item_kind kind)
{
	const struct slot *s = &p->slots[i];
	const struct item *it = &s->item[kind != ITEM_BODY];
	const struct work *w = item_work(p, i, kind);

	if (it->state == ST_FAILED || it->state == ST_UNPROVEN)
		return why_text(p, it->why);
	if (!slot_judgeable(p, i))
		return "its reward set is unknown";
	if (w && w->why)
		return why_text(p, w->why);
	if (kind == ITEM_BODY && slot_has(s, ITEM_START) && (w = item_work(p, i, ITEM_START)) &&
	    w->why)
		return why_text(p, w->why);
	if (kind == ITEM_STREAM && !stream_tells(p, s))
		return s->item[0].state != ST_PROVEN ? "its block is not proven" :
						       "the block below it is not proven";
	return it->state == ST_WAIT && s->facts & FACT_STARTED ? "its end is unknown" :
								 "no source has it";
}

static bool item_missing(const struct slot *s, enum item_kind kind)
{
	const struct item *it = &s->item[kind != ITEM_BODY];

	return slot_wanted(s) && it->state != ST_PROVEN &&
	    (kind == ITEM_BODY || (it->kind == ITEM_STREAM && it->state != ST_NONE));
}

void planner_tell_missing(struct planner *p)
{
	static const enum item_kind kinds[] = { ITEM_BODY, ITEM_STREAM };
	unsigned n = 0;

	for (uint32_t i = 0; i < p->n_slots && n < MAX_TOLD; i++)
		for (unsigned k = 0; k < 2; k++)
			if (item_missing(&p->slots[i], kinds[k])) {
				item_tell(p, i, kinds[k], WANT_UNAVAILABLE,
				    missing_why(p, i, kinds[k]));
				n++;
			}
}

/* What stands on the tip by commits matters too, where the sources' tip is behind these.  Whether
 * anything of the main chain is known to be wanted: then nothing else matters.  A tip of epoch 2.x
 * says so only before Nakamoto: where commits name tenures, and none of them stands on it, it is of
 * a fork that lost, and all that is named matters. */
static bool main_known(struct planner *p)
{
	struct slot *tip = p->has_tip ? slot_find(p, p->tip.ch) : NULL;
	bool known = false, tenures = false, main_tenures = false;

	for (uint32_t i = tip ? slot_index(p, tip) : p->n_slots; i < p->n_slots; i++)
		if (p->slots[i].parent > slot_index(p, tip) &&
		    p->slots[p->slots[i].parent - 1].facts & FACT_MAIN)
			slot_facts(p, i, FACT_MAIN, 0);
	for (uint32_t i = 0; i < p->n_slots; i++) {
		const struct slot *s = &p->slots[i];
		bool main = s->facts & FACT_MAIN;
		if (!slot_wanted(s))
			continue;
		known |= main;
		tenures |= s->model == NAKAMOTO;
		main_tenures |= main && s->model == NAKAMOTO;
	}
	return known && (main_tenures || !tenures);
}

struct missing { uint32_t n, of, first; };

static struct missing missing_of(const struct planner *p, enum item_kind kind, bool main)
{
	struct missing m = { 0 };

	for (uint32_t i = 0; i < p->n_slots; i++) {
		const struct slot *s = &p->slots[i];
		if (!slot_wanted(s) || (main && !(s->facts & FACT_MAIN)))
			continue;
		m.of += kind == ITEM_BODY ||
		    (s->item[1].kind == ITEM_STREAM && s->item[1].state != ST_NONE);
		if (item_missing(s, kind) && !m.n++)
			m.first = i;
	}
	return m;
}

/* Why it does not come from this source. */
static const char *source_why(const struct planner *p, const struct source *s, uint32_t i,
    enum item_kind kind)
{
	return s->last			     ? why_text(p, s->last) :
	    source_claims(p, s, i, kind) ? "has not delivered it" :
	    source_told(p, s, i, kind)	     ? "does not have it" :
					       "was not asked whether it has it";
}

bool planner_missing(struct planner *p, char *out, size_t size)
{
	bool main = main_known(p);
	struct missing m = missing_of(p, ITEM_BODY, main);
	enum item_kind kind = ITEM_BODY;
	size_t n;

	if (!m.n && p->winners && !p->tally[ITEM_BODY].wanted) {
		snprintf(out, size,
		    "no commit and no quorum names a block: nothing says which are needed");
		return true;
	}
	if (!m.n) {
		kind = ITEM_STREAM;
		m = missing_of(p, kind, main);
	}
	if (!m.n)
		return false;
	n = (size_t)snprintf(out, size, "%u of %u %s missing, the first at burn height %llu: %s",
	    m.n, m.of, kind == ITEM_BODY ? "tenures" : "microblock streams",
	    (unsigned long long)slot_height(p, m.first), missing_why(p, m.first, kind));
	for (unsigned i = 0; i < p->n_sources && n < size; i++) {
		const struct source *s = &p->sources[i];
		if (s->used)
			n += (size_t)snprintf(out + n, size - n, "; %s%s%s: %s", s->name,
			    s->at[0] ? " at " : "", s->at, source_why(p, s, m.first, kind));
	}
	if (!p->n_sources && n < size)
		snprintf(out + n, size - n, "; no peer is up, no URL given");
	return true;
}

/* Next: cmd/block-fetch/fetch.c, the planner's eyes and hands. */
