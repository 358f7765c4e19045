/* How far it is, whether it is over, and what is missing and why. */
#include <stdio.h>

#include "cmd/block-fetch/plan.h"

#define FOLLOWING 4	/* so few tenures missing: following */
#define MAX_TOLD 1000	/* missing tenures that are told one by one */

bool plan_catching_up(const struct planner *p)
{
	return p->wanted - p->proven - p->failed > FOLLOWING;
}

bool plan_near_tip(const struct planner *p) { return !p->n_ready && !plan_catching_up(p); }

static bool tips_pending(const struct planner *p, uint64_t now)
{
	for (unsigned i = 0; i < p->n_sources; i++) {
		const struct source *s = &p->sources[i];
		if (source_usable(s, now) &&
		    (s->has_claim ||
			(p->once && p->ended && !p->has_tip && !s->info_at && plan_near_tip(p))))
			return true;
	}
	return false;
}

void planner_state(struct planner *p, uint64_t now, struct plan_state *out)
{
	*out = (struct plan_state){ .wanted = p->wanted,
		.proven = p->proven,
		.unavailable = p->failed,
		.in_flight = p->in_flight,
		.awaiting = p->awaiting,
		.catching_up = plan_catching_up(p),
		.body = p->body,
		.suspects = p->n_singles };
	out->view = p->n_slots > 0;
	out->missing = p->wanted - p->proven - p->failed;
	for (unsigned i = 0; i < p->n_sources; i++)
		out->sources += source_usable(&p->sources[i], now);
	out->idle = !p->in_flight && !p->awaiting && !p->n_actions && !p->n_singles &&
	    !plan_offers(p, now) && !tips_pending(p, now);
	for (uint32_t i = 0; out->idle && i < p->n_slots; i = i + 1) {
		int64_t next = bit_next(p->looks, p->n_slots, i);
		if (next < 0)
			break;
		i = (uint32_t)next;
		if (p->slots[i].state != B_UNPROVEN || now < p->news_at + 1000)
			out->idle = false;
	}
}

static const char *missing_why(const struct planner *p, const struct slot *s, uint32_t slot)
{
	if (s->state == B_FAILED || s->state == B_UNPROVEN)
		return p->whys[s->why];
	if (!plan_set_known(p, slot))
		return "its reward set is unknown";
	if (s->work && p->works[s->work - 1].why)
		return p->whys[p->works[s->work - 1].why];
	return s->state == B_WAIT && s->flags & F_START ? "its end is unknown" : "no source has it";
}

void planner_tell_missing(struct planner *p)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < p->n_slots && n < MAX_TOLD; i++) {
		const struct slot *s = &p->slots[i];
		if (!slot_wanted(s) || s->state == B_PROVEN)
			continue;
		plan_want(p, i, WANT_UNAVAILABLE, missing_why(p, s, i));
		n++;
	}
}

bool planner_missing(struct planner *p, char *out, size_t size)
{
	uint32_t missing = 0, first = 0, wanted = 0;
	struct slot *tip = p->has_tip ? plan_slot(p, p->tip.ch) : NULL;
	bool main_known = false;
	size_t n;

	/* What stands on the tip by commits matters too, where the sources' tip is behind these. */
	for (uint32_t i = tip ? plan_index(p, tip) : p->n_slots; i < p->n_slots; i++)
		if (p->slots[i].parent > plan_index(p, tip) &&
		    p->slots[p->slots[i].parent - 1].flags & F_MAIN)
			p->slots[i].flags |= F_MAIN;
	for (uint32_t i = 0; i < p->n_slots; i++)
		main_known |= (p->slots[i].flags & F_MAIN) && slot_wanted(&p->slots[i]);
	for (uint32_t i = 0; i < p->n_slots; i++) {
		const struct slot *s = &p->slots[i];
		if (!slot_wanted(s) || (main_known && !(s->flags & F_MAIN)))
			continue;
		wanted++;
		if (s->state != B_PROVEN && !missing++)
			first = i;
	}
	if (!missing)
		return false;
	n = (size_t)snprintf(out, size,
	    "%u of %u tenures missing, the first at burn height %llu: %s", missing, wanted,
	    (unsigned long long)plan_height(p, first), missing_why(p, &p->slots[first], first));
	for (unsigned i = 0; i < p->n_sources && n < size; i++) {
		const struct source *s = &p->sources[i];
		if (s->used)
			n += (size_t)snprintf(out + n, size - n, "; %s%s%s: %s", s->name,
			    s->at[0] ? " at " : "", s->at,
			    s->last ? s->last : source_claims(p, s, first) ?
			    "has not delivered it" :
			    source_told(p, s, first) ? "does not have it" :
			    "was not asked whether it has it");
	}
	if (!p->n_sources && n < size)
		snprintf(out + n, size - n, "; no peer is up, no URL given");
	return true;
}

/* Next: cmd/block-fetch/fetch.c, the planner's eyes and hands. */
