/* When to dial whom, what became of it, and when one pass need not wait for anybody. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "cmd/inv-sync/inv_sync.h"
#include "common/net/address.h"
#include "common/sys/log.h"

#define DIAL_BASE_MS 1000
#define DIAL_MAX_MS 60000	/* of a peer that was named to us; strangers wait ten times
				 * longer */
#define DIAL_ONCE_MS 500	/* one pass has no time to wait */
#define UNRESOLVED_MS 5000	/* at most between two questions for a name */
#define UNRESOLVED_ONCE_MS 8000	/* one pass asks no more after that: each question may itself have
				 * taken RESOLVE_MS */
#define LIE_MS 60000		/* after a lie */
#define RIVAL_MS 600000		/* another address of the same peer is in conversation; a tenth
				 * while blocks are wanted */

/* One pass ends when a peer has failed three times; it must not take three full time-outs to see
 * that. */
unsigned peer_patience(const struct peer *p)
{
	static const unsigned once[GIVE_UP] = { 4000, 8000, REPLY_MS };

	return p->s->o.once && p->failures < GIVE_UP ? once[p->failures] : REPLY_MS;
}

static void connect_to(struct peer *p, const struct sockaddr *sa, socklen_t len)
{
	struct inv_sync *s = p->s;

	p->progressed = false;
	p->keys = 0;
	p->conv = conv_dial(stage_base(s->stage), &s->self, sa, len, p->expected ? p->key : NULL,
	    &talk_ops, p);
	conv_hurry(p->conv, peer_patience(p));
	log_debug("dialling '%s'", p->name);
}

/* A name of the network file, or of an earlier run, is somebody else's word: it must not lead to
 * our neighbours. */
static bool may_connect(const struct peer *p, const uint8_t addr[16])
{
	return p->by_operator || p->s->store.net.private_peers || !address_private16(addr);
}

/* Said once, and again when the reason is another one.  A name is asked for soon again: the network
 * may have come up late. */
static void not_resolved(struct peer *p, const char *why)
{
	struct inv_sync *s = p->s;
	char text[sizeof(p->name) + 164];
	uint64_t now = now_ms();

	snprintf(text, sizeof(text), "cannot resolve '%s': %s", p->name, why);
	if (p->pinned && strcmp(p->unresolved, why) != 0)
		log_warnx("%s", text);
	strlcpy(p->unresolved, why, sizeof(p->unresolved));
	peers_down(p, CONV_END_UNRESOLVED, text);
	if (s->o.once)
		p->given_up |= now >= p->unresolved_at + UNRESOLVED_ONCE_MS;
	else if (p->dial_at > now + UNRESOLVED_MS)
		p->dial_at = p->seat.not_before = now + UNRESOLVED_MS;
	if (p->pinned && (s->o.once ? p->given_up : p->failures == GIVE_UP))
		save_fault(s, p->name, FAULT_USELESS, conv_end_words(CONV_END_UNRESOLVED), text);
}

/* Of several addresses of a name each dial takes the next one. */
static void on_resolved(void *arg, const struct resolved *a)
{
	struct peer *p = arg;
	struct sockaddr_storage sa;
	unsigned may[MAX_ADDRESSES], n = 0;
	socklen_t len;

	p->resolving = NULL;
	for (unsigned i = 0; i < a->n; i++)
		if (may_connect(p, a->at[i]))
			may[n++] = i;
	if (n == 0) {
		not_resolved(p,
		    a->why ? a->why :
		    "its addresses are private, and the network file does not allow private peers");
		return;
	}
	if (p->unresolved[0] && p->pinned)
		log_warnx("'%s' is resolved now", p->name);
	p->unresolved[0] = '\0';
	p->unresolved_at = 0;
	address_from16(&sa, &len, a->at[may[p->downs % n]],
	    (uint16_t)strtoul(strrchr(p->name, ':') + 1, NULL, 10));
	connect_to(p, (struct sockaddr *)&sa, len);
}

static void resolve(struct peer *p)
{
	char host[sizeof(p->name)];

	snprintf(host, sizeof(host), "%.*s", (int)(strrchr(p->name, ':') - p->name), p->name);
	if (!p->unresolved_at)
		p->unresolved_at = now_ms();
	p->resolving = resolver_ask(p->s->resolver, host, RESOLVE_MS, on_resolved, p);
}

static void dial(struct peer *p)
{
	struct sockaddr_storage sa;
	int len;

	if (peer_number(p->name, &sa, &len))
		connect_to(p, (struct sockaddr *)&sa, (socklen_t)len);
	else
		resolve(p);
}

/* A peer that has brought no block gives its place to one that waits.  That does not count as its
 * failure. */
static void rotate(struct inv_sync *s, uint64_t now)
{
	struct seat *seat = s->o.once ? NULL : seats_rotate(&s->seats, s->calm, now);
	struct peer *p = seat ? peer_of_seat(seat) : NULL;
	struct conv *c;
	uint64_t then;

	if (!p || !(c = p->conv))
		return;
	then = seat->not_before;
	p->progressed = true;
	peers_down(p, CONV_END_TURN, conv_end_words(CONV_END_TURN));
	conv_close(c);
	p->failures = 0;
	p->dial_at = seat->not_before = then;
}

void peers_dial(struct inv_sync *s, uint64_t now)
{
	struct seat *seat;
	struct peer *p;

	TAILQ_FOREACH(p, &s->peers, entry)
		if (p->pinned && !p->conv && !p->resolving && !p->given_up && now >= p->dial_at &&
		    p->banned_until <= now_unix())
			dial(p);
	rotate(s, now);
	while ((seat = seats_next(&s->seats, now))) {
		p = peer_of_seat(seat);
		if (p->given_up || p->banned_until > now_unix()) {
			seat->not_before = p->given_up ? UINT64_MAX : now + DIAL_MAX_MS;
			continue;
		}
		seats_take(&s->seats, seat, now);
		dial(p);
	}
}

/* Put a fault on record, and warn of it if the operator or the network file named the peer. */
void peers_fault(
    struct peer *p, const char *who, enum fault_class class, const char *what, const char *evidence)
{
	save_fault(p->s, who, class, what, evidence);
	if (p->pinned)
		log_warnx("peer '%s' is %s: %s", who, fault_class_name(class), evidence);
	else
		log_info("peer '%s' is %s: %s", who, fault_class_name(class), evidence);
}

/* named: the fault is of its key, proven or given, else of its address. */
static void note_fault(struct peer *p, bool named, const struct debt *d)
{
	char who[2 * KEY_LEN + 1], evidence[sizeof(p->name) + 164];

	if (named)
		hex_of(who, p->key, KEY_LEN);
	snprintf(evidence, sizeof(evidence), "at %s: %s", p->name, d->text);
	peers_fault(p, named ? who : p->name, d->class, d->what, evidence);
}

/* Its burn chain is another one than ours at its stable height. */
static bool is_fork(enum conv_end end)
{
	return end == CONV_END_STABLE_HASH || end == CONV_END_UNSURE_HASH;
}

/* Its key speaks with us already, or is our own. */
static bool is_rival(enum conv_end end) { return end == CONV_END_OWN_KEY || end == CONV_END_RIVAL; }

static bool is_lie(enum conv_end end)
{
	return conv_end_class(end) == FAULT_LYING || conv_end_class(end) == FAULT_INVALID;
}

/* Whether the end of a conversation is put on record as a fault.  An address that only another peer
 * named, and that never proved a key, is nobody's.  Lies and broken bytes are a fault at once.  A
 * hang-up or a silence may be a restart or a bad line, and another stable hash may be a deep fork
 * that we have not seen yet: these become a fault when they happen GIVE_UP times in a row. */
static bool is_fault(const struct peer *p, enum conv_end end)
{
	enum fault_class class = conv_end_class(end);

	if (class == FAULT_NONE || (!p->pinned && !p->has_key))
		return false;
	return (class != FAULT_USELESS && !is_fork(end)) || p->failures >= GIVE_UP;
}

/* A peer that had changed its key in conversation (spec/wire.md 4.9), and has started again since,
 * has the key that it was named by. */
static bool back_to_named(struct peer *p, enum conv_end end)
{
	if (!p->expected || end != CONV_END_OTHER_KEY || memcmp(p->key, p->named, KEY_LEN) == 0)
		return false;
	memcpy(p->key, p->named, KEY_LEN);
	p->has_key = p->stored = false;
	return true;
}

/* Machines that were made from one snapshot have one key, ours may be among them; and our own
 * block-serve has it. */
static void say_own_key(struct peer *p)
{
	char text[sizeof(p->name) + 120];

	snprintf(text, sizeof(text),
	    "'%s' has our own node key: another machine uses a copy of it, if that is not our own "
	    "block-serve",
	    p->name);
	if (p->pinned && !p->own_key_said) {
		log_warnx("%s", text);
		save_fault(p->s, p->name, FAULT_USELESS, "our own key", text);
	}
	p->own_key_said = true;
}

/* What its end counts for: its failures in a row, and the faults that it is charged with. */
static void charge(struct peer *p, enum conv_end end, const char *text, bool blameless)
{
	struct debt d = { .class = conv_end_class(end), .what = conv_end_words(end) };

	p->downs++;
	if (p->progressed) {
		p->failures = 0;
		p->backoff.tries = 0;
	}
	p->failures++;
	strlcpy(d.text, text, sizeof(d.text));
	if (end == CONV_END_SILENT) {
		p->debt = d;
		p->debt.class = FAULT_SLOW;
	}
	if (!blameless && is_fault(p, end))
		note_fault(p, p->has_key || (p->expected && end != CONV_END_OTHER_KEY), &d);
}

/* How long it is not dialled, milliseconds; with -1 also whether it is given up. */
static uint64_t wait_after(struct peer *p, enum conv_end end, bool lie)
{
	struct inv_sync *s = p->s;
	uint64_t wait;

	if (s->o.once) {
		p->given_up = p->failures >= GIVE_UP || p->downs >= 4 * GIVE_UP ||
		    (lie && !is_fork(end)) || is_rival(end);
		return backoff_ms(&p->backoff, DIAL_ONCE_MS, 4 * DIAL_ONCE_MS);
	}
	wait = backoff_ms(&p->backoff, DIAL_BASE_MS, p->pinned ? DIAL_MAX_MS : 10 * DIAL_MAX_MS);
	if (is_rival(end))
		return s->calm ? RIVAL_MS : RIVAL_MS / 10;
	if (wait < DIAL_BASE_MS)
		wait = DIAL_BASE_MS;
	if (is_fork(end) && wait < 5 * DIAL_BASE_MS)
		return 5 * DIAL_BASE_MS;
	return lie && wait < LIE_MS ? LIE_MS : wait;
}

void peers_down(struct peer *p, enum conv_end end, const char *text)
{
	struct inv_sync *s = p->s;
	bool back = back_to_named(p, end), news;

	if (end == CONV_END_OWN_KEY)
		say_own_key(p);
	if (p->seat.group)
		seats_leave(&s->seats, &p->seat);
	p->conv = NULL;
	p->contends = false;
	asks_lost(&p->asks, &p->s->machine);
	strlcpy(p->why, text, sizeof(p->why));
	log_debug("'%s' is down: %s", p->name, text);
	charge(p, end, text, back);
	p->dial_at = p->seat.not_before = now_ms() + wait_after(p, end, !back && is_lie(end));
	p->seat.failures = p->failures;
	news = p->failures == 1 || p->state != PEER_DOWN;
	p->state = PEER_DOWN;
	if (rival_of(p))
		return;
	save_peer(p, news);
	rival_gone(p);
}

/* The rows say so; no record does, since those after us may still be at work with these peers. */
void peers_stop(struct inv_sync *s)
{
	struct peer *p;

	TAILQ_FOREACH(p, &s->peers, entry)
		if (p->conv && conv_is_up(p->conv)) {
			p->state = PEER_DOWN;
			save_peer(p, false);
		}
}

void peers_leave(struct inv_sync *s)
{
	struct peer *p;

	TAILQ_FOREACH(p, &s->peers, entry)
		if (p->debt.what && !p->given_up && (p->pinned || p->has_key))
			note_fault(p, p->has_key || p->expected, &p->debt);
}

/* Whether one pass need not wait for this peer any more. */
static bool pass_done(const struct peer *p, uint64_t now)
{
	struct asked asked;

	if (p->given_up || p->banned_until > now_unix())
		return true;
	if (p->conv && conv_is_up(p->conv)) {
		asked = talk_asked(p);
		return !p->contends && asks_done(&p->asks, &p->s->machine, &asked);
	}
	if (p->seat.group && !p->seat.since && !seats_room(&p->s->seats, &p->seat))
		return true;		/* it has no turn as long as the others stay */
	/* One whom only another peer named may be a word without a peer behind it. */
	return !p->pinned && !p->has_key && now >= p->learnt_at + HOLD_MS;
}

bool peers_pass_done(const struct inv_sync *s, uint64_t now)
{
	struct peer *p;

	TAILQ_FOREACH(p, &s->peers, entry)
		if (!pass_done(p, now))
			return false;
	return true;
}

/* Next: cmd/inv-sync/dead.c, what is told of those who do not answer. */
