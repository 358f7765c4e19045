/* A peer is dialled, asked which address it sees, and left.  What it says besides is not for us:
 * inv-sync holds conversations. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "cmd/public-ip/public_ip.h"
#include "common/chain/hash.h"
#include "common/net/address.h"
#include "common/net/admit.h"
#include "common/sys/log.h"
#include "common/sys/start.h"

static unsigned patience(const struct peer *p) { return p->s->o.once ? REPLY_ONCE_MS : REPLY_MS; }

/* The network of an address: a secret number, as common/net/admit.h makes it. */
static uint64_t network_of(const struct public_ip *s, const uint8_t addr[16])
{
	struct admit_conn place = { 0 };

	admit_place(&place, addr, s->self.secret);
	return place.network;
}

static bool is_number(const char *name, uint8_t addr[16], uint16_t *port)
{
	struct sockaddr_storage sa;
	int len = sizeof(sa);

	if (evutil_parse_sockaddr_port(name, (struct sockaddr *)&sa, &len) != 0)
		return false;
	address_to16(addr, port, (struct sockaddr *)&sa);
	return true;
}

static struct peer *find(const struct public_ip *s, const char *name)
{
	struct peer *p;

	TAILQ_FOREACH (p, &s->peers, entry)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

/* A name is a network of its own until it is resolved. */
static struct peer *add(struct public_ip *s, const char *name)
{
	struct peer *p = xcalloc(1, sizeof(*p));
	uint64_t network = admit_hash(s->self.secret, name, strlen(name));
	uint8_t addr[16];
	uint16_t port;

	if (is_number(name, addr, &port))
		network = network_of(s, addr);
	p->s = s;
	p->number = voices_add(&s->voices, network);
	strlcpy(p->name, name, sizeof(p->name));
	TAILQ_INSERT_TAIL(&s->peers, p, entry);
	return p;
}

void peers_name(struct public_ip *s, const char *text, bool operator_said)
{
	struct peer_addr a;
	char name[sizeof((struct peer *)0)->name];
	struct peer *p;

	if (!peer_addr_named(&a, name, text, operator_said))
		return;
	if ((p = find(s, name)) == NULL)
		p = add(s, name);
	p->by_operator |= operator_said;
	if (a.has_key) {
		p->expected = true;
		memcpy(p->key, a.key, KEY_LEN);
	}
}

/* Put a fault on record: of its key, proven or given, else of its address.  Once an hour: a peer
 * that is asked each minute, behind a proxy, is no worse for that. */
static void fault(
    struct peer *p, const uint8_t *key, enum fault_class class, const char *what, const char *text)
{
	char who[2 * KEY_LEN + 1], evidence[sizeof(p->name) + 164];
	uint64_t now = now_ms();

	if (p->fault_at && now < p->fault_at + ROUND_MS)
		return;
	p->fault_at = now;
	if (key)
		hex_of(who, key, KEY_LEN);
	snprintf(evidence, sizeof(evidence), "at %s: %s", p->name, text);
	faults_keep(&p->s->faults, key ? who : p->name, class, what, evidence);
	log_warnx("peer '%s' is %s: %s", key ? who : p->name, fault_class_name(class), evidence);
}

/* Lies and broken bytes are a fault at once.  A hang-up or a silence may be a restart or a bad
 * line: a fault in the third round in a row.  One pass has one round: there it is a fault to give
 * no answer, or another one, once it was asked. */
static enum fault_class class_of(const struct peer *p, enum conv_end end)
{
	enum fault_class class = conv_end_class(end);

	if (class != FAULT_USELESS || p->failures >= GIVE_UP)
		return class;
	return p->s->o.once && p->nonce ? class : FAULT_NONE;
}

/* It has not told an address. */
static void failed(struct peer *p, const uint8_t *key, enum conv_end end, const char *text)
{
	enum fault_class class;

	p->conv = NULL;
	p->failures++;
	p->downs++;
	voices_failed(&p->s->voices, p->number);
	log_debug("'%s' has told nothing: %s", p->name, text);
	class = class_of(p, end);
	if (class != FAULT_NONE)
		fault(p, key, class, conv_end_words(end), text);
}

static void on_down(struct conv *c, void *arg, enum conv_end end, const char *text)
{
	struct peer *p = arg;

	if (end == CONV_END_OTHER_KEY)
		failed(p, NULL, end, text);
	else
		failed(p, conv_key(c) || !p->expected ? conv_key(c) : p->key, end, text);
}

/* Why an address that a peer says cannot be ours; NULL: it can.  A peer behind a proxy sees the
 * proxy's, which is no lie. */
static const char *unfit(const struct peer *p, const uint8_t addr[16])
{
	uint8_t in[4], dialled[4];

	if (address_any16(addr))
		return "it says no address";
	if (address_private16(addr) && !p->s->store.net.private_peers)
		return "it says a private address";
	if (address_embedded4(in, addr) != address_embedded4(dialled, p->addr))
		return "it says an address of another family than the conversation's";
	return NULL;
}

static void take_address(struct peer *p, const uint8_t *key, const uint8_t addr[16])
{
	struct sockaddr_storage sa;
	const char *why = unfit(p, addr);
	char text[160], name[64];
	socklen_t len;

	p->conv = NULL;
	p->failures = 0;
	if (!why) {
		voices_heard(&p->s->voices, p->number, key, network_of(p->s, p->addr), addr);
		return;
	}
	voices_failed(&p->s->voices, p->number);
	address_from16(&sa, &len, addr, 0);
	snprintf(text, sizeof(text), "%s: %s", why, address_text(name, (struct sockaddr *)&sa));
	fault(p, key, FAULT_USELESS, "address", text);
}

static void on_reply(struct conv *c, void *arg, const struct message *m)
{
	struct peer *p = conv_arg(c);
	char more[100];

	if (!m) {
		conv_fail(c, CONV_END_SILENT, ": no answer to NatPunchRequest");
	} else if (m->id != MSG_NAT_PUNCH_REPLY) {
		snprintf(more, sizeof(more), ": %s to NatPunchRequest", message_name(m->id));
		conv_fail(c, CONV_END_WRONG_ANSWER, more);
	} else if (m->u.nat.nonce != p->nonce) {
		conv_fail(c, CONV_END_NONCE, NULL);
	} else {
		take_address(p, conv_key(c), m->u.nat.addr);
		conv_close(c);
	}
}

static bool is_banned(struct public_ip *s, const uint8_t key[KEY_LEN])
{
	MDB_txn *txn = store_read(&s->store);
	struct rec_peer r;
	bool banned = peer_get(&s->store, txn, key, &r) == 0 && r.banned_until > now_unix();

	store_read_end(txn);
	return banned;
}

/* Called again where it changes its key or URL: it is asked once. */
static void on_up(struct conv *c, void *arg)
{
	struct message m = { .id = MSG_NAT_PUNCH_REQUEST };
	struct peer *p = arg;

	if (p->nonce)
		return;
	if (is_banned(p->s, conv_key(c))) {
		conv_fail(c, CONV_END_BANNED, NULL);
		return;
	}
	while (!p->nonce)
		p->nonce = random_u32();
	m.u.nonce = p->nonce;
	conv_request(c, &m, patience(p), on_reply, NULL);
}

static void on_message(struct conv *c, void *arg, const struct message *m)
{
	struct message nack = { .id = MSG_NACK, .u.nack = NACK_NO_SUCH_BLOCK };

	/* block-serve alone can answer; what is pushed here is pushed to inv-sync too. */
	if (m->id == MSG_GET_NAKAMOTO_INV || m->id == MSG_GET_BLOCKS_INV ||
	    m->id == MSG_GET_POX_INV)
		conv_reply(c, m, &nack);
}

static const struct conv_ops ask_ops = { .up = on_up, .message = on_message, .down = on_down };

static void connect_to(struct peer *p, const uint8_t addr[16], uint16_t port)
{
	struct sockaddr_storage sa;
	socklen_t len;

	memcpy(p->addr, addr, 16);
	address_from16(&sa, &len, addr, port);
	p->conv = conv_dial(stage_base(p->s->stage), &p->s->self, (struct sockaddr *)&sa, len,
	    p->expected ? p->key : NULL, &ask_ops, p);
	conv_hurry(p->conv, patience(p));
	log_debug("asking '%s'", p->name);
}

/* A name of the network file is somebody else's word: it must not lead to our neighbours. */
static bool may_connect(const struct peer *p, const uint8_t addr[16])
{
	return p->by_operator || p->s->store.net.private_peers || !address_private16(addr);
}

/* Of several addresses of a name each round takes the next one. */
static void on_resolved(void *arg, const struct resolved *a)
{
	struct peer *p = arg;
	unsigned may[MAX_ADDRESSES], n = 0;

	p->resolving = NULL;
	for (unsigned i = 0; i < a->n; i++)
		if (may_connect(p, a->at[i]))
			may[n++] = i;
	if (n == 0)
		failed(p, NULL, CONV_END_UNRESOLVED, a->why ? a->why : "its addresses are private");
	else
		connect_to(p, a->at[may[p->downs % n]],
		    (uint16_t)strtoul(strrchr(p->name, ':') + 1, NULL, 10));
}

static void ask(struct peer *p)
{
	char host[sizeof(p->name)];
	uint8_t addr[16];
	uint16_t port;

	p->nonce = 0;
	if (p->expected && is_banned(p->s, p->key)) {
		failed(p, p->key, CONV_END_BANNED, conv_end_words(CONV_END_BANNED));
	} else if (is_number(p->name, addr, &port)) {
		connect_to(p, addr, port);
	} else {
		snprintf(
		    host, sizeof(host), "%.*s", (int)(strrchr(p->name, ':') - p->name), p->name);
		p->resolving = resolver_ask(p->s->resolver, host, RESOLVE_MS, on_resolved, p);
	}
}

void peers_ask(struct public_ip *s, uint64_t now)
{
	struct peer *p;
	int i;

	while ((i = voices_next(&s->voices, now)) >= 0)
		TAILQ_FOREACH (p, &s->peers, entry)
			if (p->number == (unsigned)i)
				ask(p);
}

void peers_leave(struct public_ip *s)
{
	struct peer *p;

	voices_enough(&s->voices);
	TAILQ_FOREACH (p, &s->peers, entry) {
		struct conv *c = p->conv;
		if (p->resolving) {
			resolver_forget(p->resolving);
			p->resolving = NULL;
			failed(p, NULL, CONV_END_UNRESOLVED, "no answer in time");
		} else if (c) {
			failed(p, conv_key(c), CONV_END_SILENT, conv_end_words(CONV_END_SILENT));
			conv_close(c);
		}
	}
}

void peers_release(struct public_ip *s)
{
	struct peer *p;

	while ((p = TAILQ_FIRST(&s->peers)) != NULL) {
		if (p->resolving)
			resolver_forget(p->resolving);
		if (p->conv)
			conv_close(p->conv);
		TAILQ_REMOVE(&s->peers, p, entry);
		free(p);
	}
	voices_release(&s->voices);
}

/* Next: cmd/public-ip/save.c, what is kept of it. */
