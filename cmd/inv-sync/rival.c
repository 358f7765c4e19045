/* One conversation a key.  Machines that were made from one snapshot share a key and differ in
 * what they have: whoever has the most speaks for it.  So the later one is heard beside the
 * first, without a word of it being kept, until both have said what they have of each cycle; then
 * the lesser one is left alone for a while.  One machine under two addresses is not asked twice. */
#include "cmd/inv-sync/learn.h"
#include "common/sys/log.h"

/* No more cycles have become known for so long: before that, what both have is an accident. */
#define REST_MS 3000
#define CONTEST_MS 30000	/* two that have as much may part ways in that time */

static bool same_key(const struct peer *p, const struct peer *q)
{
	return q != p && memcmp(q->key, p->key, KEY_LEN) == 0;
}

struct peer *rival_of(const struct peer *p)
{
	struct peer *q;

	TAILQ_FOREACH(q, &p->s->peers, entry)
		if (same_key(p, q) && q->conv && conv_is_up(q->conv) && !q->contends)
			break;
	return q;
}

static void lose(struct peer *p)
{
	p->contends = false;
	p->yielded = true;
	/* The other one has the say in the row of their key. */
	p->has_key = p->stored = p->dirty = p->news = false;
	conv_fail(p->conv, CONV_END_RIVAL, NULL);
}

/* From now on p is the one that speaks for the key: all is asked again, for what was answered was
 * not kept. */
static void win(struct peer *p)
{
	p->contends = false;
	asks_lost(&p->asks, &p->s->machine);
	asks_release(&p->asks);
	learn_load(p);
	save_peer(p, true);
	talk_ask(p, now_ms());
}

/* Whether two addresses are of one machine: its handshakes say the same of it. */
static bool is_one_machine(const struct peer *p, const struct peer *q)
{
	const struct handshake *a = conv_handshake(p->conv), *b = conv_handshake(q->conv);

	return a->data_url[0] && strcmp(a->data_url, b->data_url) == 0 && a->port == b->port &&
	    memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

bool rival_met(struct peer *p)
{
	struct peer *q = rival_of(p);

	if (!q)
		return false;
	if (is_one_machine(p, q)) {
		lose(q->pinned || !p->pinned ? p : q);
		return !conv_is_up(p->conv);
	}
	if (p->pinned && q->pinned && !p->twin_said) {
		p->twin_said = true;
		log_warnx("peers '%s' and '%s' have one key: of these two machines the one that "
			  "has more is asked",
		    q->name, p->name);
	}
	p->contends = true;
	p->contends_at = now_ms();
	return false;
}

/* It has said what it has; a machine that does not know the questions has nothing. */
static bool heard(const struct peer *p)
{
	struct asked asked = talk_asked(p);

	return asks_heard(&p->asks, &p->s->machine, &asked);
}

void rivals_decide(struct inv_sync *s)
{
	uint64_t now = now_ms();
	bool whole = s->o.once && s->input_ended;	/* no more of the view comes */
	bool rests = (s->moved_at || whole) && now >= s->moved_at + REST_MS;
	struct peer *p, *q;

	TAILQ_FOREACH(p, &s->peers, entry) {
		if (!p->contends || !p->conv || !conv_is_up(p->conv))
			continue;
		q = rival_of(p);
		if (!q)
			win(p);
		else if (!rests || !heard(p) || !heard(q))
			continue;
		else if (learn_has(p) > learn_has(q) ||
		    (learn_has(p) == learn_has(q) && p->pinned && !q->pinned)) {
			lose(q);
			win(p);
		} else if (learn_has(p) < learn_has(q) ||
		    now >= p->contends_at + (whole ? 0 : CONTEST_MS)) {
			lose(p);
		}
	}
}

/* The one that spoke for the key is gone: who had yielded to it may try at once. */
void rival_gone(const struct peer *p)
{
	struct peer *q;

	TAILQ_FOREACH(q, &p->s->peers, entry)
		if (same_key(p, q) && q->yielded && !q->conv) {
			q->yielded = false;
			q->dial_at = 0;
			q->seat.not_before = 0;
		}
}

/* Next: cmd/inv-sync/dial.c, when whom. */
