/* Peers that do not answer: by address and with the reason, for sync-status, and for people where
 * nobody is left to talk with. */
#include <stdio.h>

#include "cmd/inv-sync/inv_sync.h"
#include "common/sys/log.h"

#define LOOK_MS 1000
#define SAY_AGAIN_MS 600000

/* "ADDRESS: reason; ..." of those that somebody named to us and that are down.  What cannot be
 * resolved has been said once already. */
static void dead_text(const struct inv_sync *s, bool unresolved, char out[DEAD_TEXT])
{
	const struct peer *p;
	char one[sizeof(p->name) + sizeof(p->why) + 4];
	unsigned more = 0;
	size_t n = 0;

	out[0] = '\0';
	TAILQ_FOREACH(p, &s->peers, entry) {
		if (!p->pinned || !p->why[0] || (p->conv && conv_is_up(p->conv)) ||
		    (p->unresolved[0] && !unresolved))
			continue;
		if (p->unresolved[0])
			snprintf(one, sizeof(one), "%s", p->why);
		else
			snprintf(one, sizeof(one), "%s: %s", p->name, p->why);
		if (n + strlen(one) + 20 < DEAD_TEXT)
			n += (size_t)snprintf(out + n, DEAD_TEXT - n, "%s%s", n ? "; " : "", one);
		else
			more++;
	}
	if (more)
		snprintf(out + n, DEAD_TEXT - n, "%s%u more", n ? "; and " : "", more);
}

/* Whether all who were named to us have been tried often enough. */
static bool all_tried(const struct inv_sync *s)
{
	const struct peer *p;

	TAILQ_FOREACH(p, &s->peers, entry)
		if (p->pinned && p->failures < GIVE_UP && !p->given_up)
			return false;
	return true;
}

static void keep(struct inv_sync *s, unsigned up)
{
	struct rec_progress p = { .stage = rec_str("inv-sync"),
		.mode = up ? MODE_TALKING : MODE_NOBODY, .peers = up,
	    .text = rec_str(s->dead.text),
		.time = now_unix() };
	MDB_txn *txn = store_write(&s->store);

	meta_put_row(&s->store, txn, "progress.inv-sync", REC_PROGRESS, &p);
	store_commit_or_die(&s->store, txn);
}

void dead_look(struct inv_sync *s, uint64_t now, bool last)
{
	char text[DEAD_TEXT];
	unsigned up = 0;
	struct peer *p;

	if (!last && now < s->dead.at)
		return;
	s->dead.at = now + LOOK_MS;
	TAILQ_FOREACH(p, &s->peers, entry)
		up += p->conv && conv_is_up(p->conv);
	s->dead.met |= up > 0;
	dead_text(s, true, text);
	if (!s->dead.kept || up != s->dead.up || strcmp(text, s->dead.text) != 0) {
		s->dead.kept = true;
		s->dead.up = up;
		memcpy(s->dead.text, text, sizeof(text));
		keep(s, up);
	}
	if (up > 0)
		s->dead.said = 0;
	if (up > 0 || (s->o.once ? !last || s->dead.met : !all_tried(s)) ||
	    (s->dead.said && now < s->dead.said + SAY_AGAIN_MS))
		return;
	dead_text(s, false, text);
	if (text[0])
		log_warnx("no peer is up: %s", text);
	s->dead.said = now;
}

/* Next: cmd/inv-sync/talk.c, what is said. */
