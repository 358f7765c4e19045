/* Who holds a conversation, of the peers that nobody here named (seats.h says by which rules). */
#include <stdlib.h>

#include "cmd/inv-sync/seats.h"
#include "common/sys/log.h"

void seats_init(struct seats *s, uint64_t seed)
{
	*s = (struct seats){ .seed = seed };
	TAILQ_INIT(&s->list);
	TAILQ_INIT(&s->groups);
}

void seats_add(struct seats *s, struct seat *seat, uint64_t group)
{
	struct seat_group *g;

	TAILQ_FOREACH(g, &s->groups, entry)
		if (g->id == group)
			break;
	if (!g) {
		g = xcalloc(1, sizeof(*g));
		g->id = group;
		TAILQ_INSERT_TAIL(&s->groups, g, entry);
	}
	g->members++;
	seat->group = g;
	seat->serial = ++s->serial;
	TAILQ_INSERT_TAIL(&s->list, seat, entry);
	s->n++;
}

void seats_remove(struct seats *s, struct seat *seat)
{
	struct seat_group *g = seat->group;

	seats_leave(s, seat);
	TAILQ_REMOVE(&s->list, seat, entry);
	s->n--;
	seat->group = NULL;
	if (--g->members > 0)
		return;
	TAILQ_REMOVE(&s->groups, g, entry);
	free(g);
}

void seats_take(struct seats *s, struct seat *seat, uint64_t now)
{
	seat->since = seat->tried_at = seat->group->tried_at = now;
	seat->group->seated++;
}

void seats_leave(struct seats *s, struct seat *seat)
{
	if (seat->since)
		seat->group->seated--;
	seat->since = 0;
}

static bool waits(const struct seat *seat, uint64_t now)
{
	return !seat->since && now >= seat->not_before;
}

static unsigned seated(const struct seats *s, bool earned)
{
	const struct seat *seat;
	unsigned n = 0;

	TAILQ_FOREACH(seat, &s->list, entry)
		n += seat->since && (seat->blocks > 0) == earned;
	return n;
}

/* An order among equals that nobody outside knows, and that is another one at each try. */
static uint64_t lot(const struct seats *s, uint64_t salt, uint64_t of)
{
	uint64_t x = of ^ s->seed ^ salt * 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static struct seat *next_earned(const struct seats *s, uint64_t now)
{
	struct seat *seat, *best = NULL;

	TAILQ_FOREACH(seat, &s->list, entry)
		if (seat->blocks && waits(seat, now) && (!best || seat->blocks > best->blocks))
			best = seat;
	return best;
}

/* Whether a is to be dialled rather than b. */
static bool before(const struct seats *s, const struct seat *a, const struct seat *b)
{
	const struct seat_group *g = a->group, *h = b->group;

	if (g != h) {
		if (g->seated != h->seated)
			return g->seated < h->seated;
		if (g->tried_at != h->tried_at)
			return g->tried_at < h->tried_at;
		return lot(s, g->tried_at, g->id) < lot(s, h->tried_at, h->id);
	}
	if (a->tried_at != b->tried_at)
		return a->tried_at < b->tried_at;
	return lot(s, a->tried_at, a->serial) < lot(s, b->tried_at, b->serial);
}

static struct seat *next_new(const struct seats *s, uint64_t now)
{
	struct seat *seat, *best = NULL;

	TAILQ_FOREACH(seat, &s->list, entry)
		if (!seat->blocks && waits(seat, now) && (!best || before(s, seat, best)))
			best = seat;
	return best;
}

bool seats_room(const struct seats *s, const struct seat *seat)
{
	unsigned earned = seated(s, true), fresh = seated(s, false);

	return earned + fresh < SEATS && (seat->blocks ? earned < SEATS_EARNED : fresh < SEATS_NEW);
}

struct seat *seats_next(struct seats *s, uint64_t now)
{
	struct seat *seat = next_earned(s, now);

	if (seat && seats_room(s, seat))
		return seat;
	seat = next_new(s, now);
	return seat && seats_room(s, seat) ? seat : NULL;
}

struct seat *seats_rotate(struct seats *s, bool calm, uint64_t now)
{
	struct seat *seat, *worst = NULL;
	uint64_t keeps = calm ? ROTATE_CALM_MS : ROTATE_MS;

	if (now < s->rotated_at + ROTATE_STEP_MS || seated(s, false) < SEATS_NEW ||
	    !next_new(s, now))
		return NULL;
	TAILQ_FOREACH(seat, &s->list, entry) {
		if (!seat->since || seat->blocks || now < seat->since + keeps)
			continue;
		if (!worst || seat->group->seated > worst->group->seated ||
		    (seat->group->seated == worst->group->seated && seat->since < worst->since))
			worst = seat;
	}
	if (worst) {
		s->rotated_at = now;
		worst->not_before = now + ROTATED_MS;
	}
	return worst;
}

struct seat *seats_forget(struct seats *s, uint64_t group)
{
	struct seat *seat, *worst = NULL;
	unsigned own = 0;
	struct seat_group *g;

	TAILQ_FOREACH(g, &s->groups, entry)
		if (g->id == group)
			own = g->members;
	TAILQ_FOREACH(seat, &s->list, entry) {
		if (seat->since || seat->blocks)
			continue;
		if (!worst || seat->group->members > worst->group->members ||
		    (seat->group == worst->group && seat->failures > worst->failures))
			worst = seat;
	}
	return worst && worst->group->members > own ? worst : NULL;
}

/* Next: cmd/inv-sync/rival.c, peers that share a key. */
