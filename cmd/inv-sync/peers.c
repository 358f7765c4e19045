/* Who is known, and when to dial whom: peers that the operator or the network file names, those of earlier runs, and those that other peers name.
 * The latter are strangers' words, so they are bounded by teller, by host and in all, and must be public addresses. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "cmd/inv-sync/inv_sync.h"
#include "common/chain/hash.h"
#include "common/net/address.h"
#include "common/sys/log.h"

#define DIAL_BASE_MS 1000
#define DIAL_MAX_MS 60000	/* of a peer that was named to us; strangers wait ten times longer */
#define DIAL_ONCE_MS 500	/* one pass has no time to wait */
#define UNRESOLVED_MS 5000	/* at most between two questions for a name */
#define UNRESOLVED_ONCE_MS 8000	/* one pass asks no more after that: each question may itself have taken RESOLVE_MS */
#define LIE_MS 60000		/* after a lie */
#define RIVAL_MS 600000		/* the same peer is in conversation under another address */

static struct peer *find(const struct inv_sync *s, const char *name)
{
	struct peer *p;

	TAILQ_FOREACH(p, &s->peers, entry)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static bool is_numeric(const char *name, struct sockaddr_storage *sa, int *len)
{
	*len = sizeof *sa;
	return evutil_parse_sockaddr_port(name, (struct sockaddr *)sa, len) == 0;
}

static struct peer *add(struct inv_sync *s, const char *name, uint64_t now)
{
	struct peer *p = find(s, name);

	if (p)
		return p;
	if (s->n_peers >= MAX_KNOWN)
		return NULL;
	p = xcalloc(1, sizeof *p);
	p->s = s;
	p->state = "down";
	p->learnt_at = now;
	strlcpy(p->name, name, sizeof p->name);
	TAILQ_INSERT_TAIL(&s->peers, p, entry);
	s->n_peers++;
	return p;
}

/* A stranger's address that never answered, in this run or an earlier one, makes room for others; where room is short, so does one that did. */
static bool is_forgettable(const struct peer *p)
{
	if (p->pinned || p->conv || p->resolving || p->failures < 2 * GIVE_UP)
		return false;
	return (!p->has_key && !p->stored) || p->s->n_peers >= MAX_KNOWN;
}

static void forget(struct peer *p)
{
	TAILQ_REMOVE(&p->s->peers, p, entry);
	p->s->n_peers--;
	asks_release(&p->asks);
	free(p->digest);
	free(p);
}

void peers_name(struct inv_sync *s, const char *text, bool operator_said)
{
	struct peer_addr a;
	char err[120], name[300];
	struct peer *p;

	if (peer_addr_parse(&a, text, err) < 0) {
		if (operator_said)
			die_usage("peer '%s': %s", text, err);
		log_warnx("network file: bootstrap '%s': %s", text, err);
		return;
	}
	snprintf(name, sizeof name, strchr(a.host, ':') ? "[%s]:%u" : "%s:%u", a.host, a.port);
	if (!(p = add(s, name, 0)))
		return;
	p->pinned = true;
	p->by_operator |= operator_said;
	if (a.has_key) {
		p->expected = true;
		memcpy(p->key, a.key, KEY_LEN);
		memcpy(p->named, a.key, KEY_LEN);
	}
}

static bool load_step(void *arg, const struct rec_peer *r)
{
	struct inv_sync *s = arg;
	char name[sizeof ((struct peer *)0)->name], err[120];
	struct peer_addr a;
	struct peer *p;

	/* Of a peer that dialled us we know no address to dial. */
	if (r->inbound || peer_addr_parse(&a, rec_cstr(name, sizeof name, r->address), err) < 0 || a.has_key)
		return true;
	p = add(s, name, now_ms());
	if (!p || (p->expected && memcmp(p->key, r->key, KEY_LEN) != 0))
		return true;
	memcpy(p->key, r->key, KEY_LEN);
	p->banned_until = r->banned_until;
	p->stored = true;
	return true;
}

void peers_load(struct inv_sync *s)
{
	MDB_txn *txn = store_read(&s->store);

	peer_walk(&s->store, txn, load_step, s);
	store_read_end(txn);
}

static bool ban_step(void *arg, const struct rec_peer *r)
{
	struct inv_sync *s = arg;
	struct peer *p;

	TAILQ_FOREACH(p, &s->peers, entry)
		if (memcmp(p->key, r->key, KEY_LEN) == 0)
			p->banned_until = r->banned_until;
	return true;
}

/* The pruner bans through the store. */
void peers_bans(struct inv_sync *s)
{
	MDB_txn *txn = store_read(&s->store);
	uint64_t now = now_unix();
	struct peer *p;

	peer_walk(&s->store, txn, ban_step, s);
	store_read_end(txn);
	TAILQ_FOREACH(p, &s->peers, entry)
		if (p->conv && p->banned_until > now) {
			struct conv *c = p->conv;
			peers_down(p, "", "banned");
			conv_close(c);
		}
}

static unsigned of_host(const struct inv_sync *s, const char *name)
{
	size_t n = (size_t)(strrchr(name, ':') - name);
	struct peer *p;
	unsigned count = 0;

	TAILQ_FOREACH(p, &s->peers, entry)
		count += strncmp(p->name, name, n + 1) == 0;
	return count;
}

void peers_told(struct inv_sync *s, struct peer *teller, const struct message *m)
{
	uint8_t own[HASH160_LEN];

	hash_hash160(own, s->self.key, KEY_LEN);
	for (uint32_t i = 0; i < m->u.neighbors.n && teller->told < MAX_PER_TELLER; i++) {
		const struct neighbor *n = &m->u.neighbors.at[i];
		struct sockaddr_storage sa;
		char name[64];
		socklen_t len;

		if (n->port == 0 || address_any16(n->addr) || memcmp(n->key_hash, own, sizeof own) == 0)
			continue;
		if (address_private16(n->addr) && !s->store.net.private_peers)
			continue;
		address_from16(&sa, &len, n->addr, n->port);
		address_text(name, (struct sockaddr *)&sa);
		if (find(s, name) || (of_host(s, name) >= MAX_PER_HOST && !s->store.net.private_peers))
			continue;
		teller->told += add(s, name, now_ms()) != NULL;
	}
}

/* One pass ends when a peer has failed three times; it must not take three full time-outs to see that. */
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
	p->conv = conv_dial(stage_base(s->stage), &s->self, sa, len, p->expected ? p->key : NULL, &talk_ops, p);
	conv_hurry(p->conv, peer_patience(p));
	s->n_strangers += !p->pinned;
	log_debug("dialling '%s'", p->name);
}

/* A name of the network file, or of an earlier run, is somebody else's word: it must not lead to our neighbours. */
static bool may_connect(const struct peer *p, const uint8_t addr[16])
{
	return p->by_operator || p->s->store.net.private_peers || !address_private16(addr);
}

/* Said once, and again when the reason is another one.  A name is asked for soon again: the network may have come up late. */
static void not_resolved(struct peer *p, const char *why)
{
	struct inv_sync *s = p->s;
	char text[sizeof p->name + 164];
	uint64_t now = now_ms();

	snprintf(text, sizeof text, "cannot resolve '%s': %s", p->name, why);
	if (p->pinned && strcmp(p->unresolved, why) != 0)
		log_warnx("%s", text);
	strlcpy(p->unresolved, why, sizeof p->unresolved);
	peers_down(p, "", text);
	if (s->o.once)
		p->given_up |= now >= p->unresolved_at + UNRESOLVED_ONCE_MS;
	else if (p->dial_at > now + UNRESOLVED_MS)
		p->dial_at = now + UNRESOLVED_MS;
	if (p->pinned && (s->o.once ? p->given_up : p->failures == GIVE_UP))
		save_fault(s, p->name, "useless", "cannot resolve", text);
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
		not_resolved(p, a->why ? a->why : "its addresses are private, and the network file does not allow private peers");
		return;
	}
	if (p->unresolved[0] && p->pinned)
		log_warnx("'%s' is resolved now", p->name);
	p->unresolved[0] = '\0';
	p->unresolved_at = 0;
	address_from16(&sa, &len, a->at[may[p->downs % n]], (uint16_t)strtoul(strrchr(p->name, ':') + 1, NULL, 10));
	connect_to(p, (struct sockaddr *)&sa, len);
}

static void resolve(struct peer *p)
{
	char host[sizeof p->name];

	snprintf(host, sizeof host, "%.*s", (int)(strrchr(p->name, ':') - p->name), p->name);
	if (!p->unresolved_at)
		p->unresolved_at = now_ms();
	p->resolving = resolver_ask(p->s->resolver, host, on_resolved, p);
}

static bool may_dial(const struct peer *p, uint64_t now)
{
	if (p->conv || p->resolving || p->given_up || now < p->dial_at || p->banned_until > now_unix())
		return false;
	return p->pinned || p->s->n_strangers < MAX_CONVERSATIONS;
}

void peers_dial(struct inv_sync *s, uint64_t now)
{
	struct peer *p, *next;

	for (p = TAILQ_FIRST(&s->peers); p; p = next) {
		struct sockaddr_storage sa;
		int len;

		next = TAILQ_NEXT(p, entry);
		if (is_forgettable(p))
			forget(p);
		else if (!may_dial(p, now))
			continue;
		else if (is_numeric(p->name, &sa, &len))
			connect_to(p, (struct sockaddr *)&sa, (socklen_t)len);
		else
			resolve(p);
	}
}

struct peer *peers_rival(const struct peer *p)
{
	struct peer *q;

	TAILQ_FOREACH(q, &p->s->peers, entry)
		if (q != p && q->conv && conv_is_up(q->conv) && memcmp(q->key, p->key, KEY_LEN) == 0)
			break;
	return q;
}

/* On record, and to people where they named the peer themselves. */
void peers_fault(struct peer *p, const char *who, const char *class, const char *what, const char *evidence)
{
	save_fault(p->s, who, class, what, evidence);
	if (p->pinned)
		log_warnx("peer '%s' is %s: %s", who, class, evidence);
	else
		log_info("peer '%s' is %s: %s", who, class, evidence);
}

/* The first words of a reason are the fault, the rest is evidence. */
static void note_fault(struct peer *p, const char *class, const char *reason)
{
	char who[2 * KEY_LEN + 1], evidence[sizeof p->name + 164], what[65];
	bool named = p->has_key || (p->expected && strcmp(reason, "another key") != 0);

	if (named)
		hex_of(who, p->key, KEY_LEN);
	snprintf(what, sizeof what, "%.*s", (int)strcspn(reason, ":("), reason);
	for (size_t n = strlen(what); n > 0 && what[n - 1] == ' '; n--)
		what[n - 1] = '\0';
	snprintf(evidence, sizeof evidence, "at %s: %s", p->name, reason);
	peers_fault(p, named ? who : p->name, class, what, evidence);
}

/* An address that only another peer named, and that never proved a key, is nobody.  Lies and broken bytes are a fault at once.  A hang-up or a silence may be a restart or a bad line, and a stable hash may be a deep fork that we
 * have not seen yet: they must happen time after time. */
static bool is_fault(const struct peer *p, const char *class, const char *reason)
{
	if (!*class || (!p->pinned && !p->has_key))
		return false;
	if (strcmp(class, "useless") == 0 || strncmp(reason, "stable hash", 11) == 0)
		return p->failures >= GIVE_UP;
	return true;
}

/* A peer that had changed its key in conversation (spec/wire.md 4.9), and has started again since, has the key that it was named by. */
static bool back_to_named(struct peer *p, const char *reason)
{
	if (!p->expected || strcmp(reason, "another key") != 0 || memcmp(p->key, p->named, KEY_LEN) == 0)
		return false;
	memcpy(p->key, p->named, KEY_LEN);
	p->has_key = p->stored = false;
	return true;
}

void peers_down(struct peer *p, const char *class, const char *reason)
{
	struct inv_sync *s = p->s;
	bool lie, patient = strncmp(reason, "stable hash", 11) == 0, news;
	bool rival = strcmp(reason, "the same peer at another address") == 0 || strcmp(reason, "it is ourselves") == 0;
	uint64_t wait;

	if (back_to_named(p, reason))
		class = "";
	lie = strcmp(class, "lying") == 0 || strcmp(class, "invalid") == 0;
	s->n_strangers -= p->conv && !p->pinned;
	p->conv = NULL;
	asks_lost(&p->asks);
	p->downs++;
	if (p->progressed) {
		p->failures = 0;
		p->backoff.tries = 0;
	}
	p->failures++;
	log_debug("'%s' is down: %s", p->name, reason);
	if (strncmp(reason, "silent", 6) == 0) {
		p->owes = "slow";
		strlcpy(p->debt, reason, sizeof p->debt);
	}
	if (is_fault(p, class, reason))
		note_fault(p, class, reason);
	if (s->o.once) {
		wait = backoff_ms(&p->backoff, DIAL_ONCE_MS, 4 * DIAL_ONCE_MS);
		p->given_up = p->failures >= GIVE_UP || p->downs >= 4 * GIVE_UP || (lie && !patient) || rival;
	} else {
		wait = backoff_ms(&p->backoff, DIAL_BASE_MS, p->pinned ? DIAL_MAX_MS : 10 * DIAL_MAX_MS);
		if (wait < DIAL_BASE_MS)
			wait = DIAL_BASE_MS;
		if (patient && wait < 5 * DIAL_BASE_MS)
			wait = 5 * DIAL_BASE_MS;
		else if (lie && wait < LIE_MS)
			wait = LIE_MS;
		if (rival)
			wait = RIVAL_MS;
	}
	p->dial_at = now_ms() + wait;
	news = p->failures == 1 || strcmp(p->state, "down") != 0;
	p->state = "down";
	if (!peers_rival(p))
		save_peer(p, news);
}

/* The rows say so; no record does, since those after us may still be at work with these peers. */
void peers_stop(struct inv_sync *s)
{
	struct peer *p;

	TAILQ_FOREACH(p, &s->peers, entry)
		if (p->conv && conv_is_up(p->conv)) {
			p->state = "down";
			save_peer(p, false);
		}
}

void peers_leave(struct inv_sync *s)
{
	struct peer *p;

	TAILQ_FOREACH(p, &s->peers, entry)
		if (p->owes && !p->given_up && (p->pinned || p->has_key))
			note_fault(p, p->owes, p->debt);
}

/* Whether one pass need not wait for this peer any more. */
static bool pass_done(const struct peer *p, uint64_t now)
{
	if (p->given_up || p->banned_until > now_unix())
		return true;
	if (p->conv && conv_is_up(p->conv))
		return asks_done(&p->asks, &p->s->machine) || !judge_version(&p->s->store.net, p->view.version);
	if (!p->pinned && !p->conv && p->s->n_strangers >= MAX_CONVERSATIONS)
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

/* Those with whom we talk: their addresses are known to be good.  A private one is the operator's own business. */
uint32_t peers_tell(void *arg, struct neighbor *out)
{
	struct inv_sync *s = arg;
	struct peer *p;
	uint32_t n = 0;

	TAILQ_FOREACH(p, &s->peers, entry) {
		struct sockaddr_storage sa;
		int len;
		if (n == MAX_NEIGHBORS || !p->conv || !conv_is_up(p->conv) || !is_numeric(conv_address(p->conv), &sa, &len))
			continue;
		if (address_private((struct sockaddr *)&sa) && !s->store.net.private_peers)
			continue;
		address_to16(out[n].addr, &out[n].port, (struct sockaddr *)&sa);
		hash_hash160(out[n].key_hash, p->key, KEY_LEN);
		n++;
	}
	return n;
}

/* Next: cmd/inv-sync/talk.c, what is said. */
