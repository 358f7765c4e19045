/* Who is known: peers that the operator or the network file names, those of earlier runs, and those
 * that other peers name.  The latter are strangers' words, so they are bounded by teller, by host
 * and in all, and must be public addresses. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "cmd/inv-sync/learn.h"
#include "common/chain/hash.h"
#include "common/net/address.h"
#include "common/net/admit.h"
#include "common/sys/log.h"

static struct peer *find(const struct inv_sync *s, const char *name)
{
	struct peer *p;

	TAILQ_FOREACH(p, &s->peers, entry)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

bool peer_number(const char *name, struct sockaddr_storage *sa, int *len)
{
	*len = sizeof(*sa);
	return evutil_parse_sockaddr_port(name, (struct sockaddr *)sa, len) == 0;
}

static void forget(struct peer *p)
{
	TAILQ_REMOVE(&p->s->peers, p, entry);
	p->s->n_peers--;
	if (p->seat.group)
		seats_remove(&p->s->seats, &p->seat);
	if (p->resolving)
		resolver_forget(p->resolving);
	learn_forget(p);
	free(p);
}

/* The network that a peer is in; a name is one of its own. */
static uint64_t network_of(const struct inv_sync *s, const char *name)
{
	struct admit_conn place = { 0 };
	struct sockaddr_storage sa;
	uint8_t addr[16];
	uint16_t port;
	int len;

	if (!peer_number(name, &sa, &len))
		return admit_hash(s->self.secret, name, strlen(name));
	address_to16(addr, &port, (struct sockaddr *)&sa);
	admit_place(&place, addr, s->self.secret);
	return place.network;
}

/* A peer that is known by this name from now on; NULL: there is no room.  pinned: it has a place of
 * its own. */
static struct peer *add(struct inv_sync *s, const char *name, bool pinned, uint64_t now)
{
	struct peer *p = find(s, name);
	struct seat *victim;

	if (p)
		return p;
	if (s->n_peers >= MAX_KNOWN) {
		victim = seats_forget(&s->seats, pinned ? 0 : network_of(s, name));
		if (!victim)
			return NULL;
		forget(peer_of_seat(victim));
	}
	p = xcalloc(1, sizeof(*p));
	if (!pinned)
		seats_add(&s->seats, &p->seat, network_of(s, name));
	p->s = s;
	p->state = PEER_DOWN;
	p->learnt_at = now;
	strlcpy(p->name, name, sizeof(p->name));
	TAILQ_INSERT_TAIL(&s->peers, p, entry);
	s->n_peers++;
	return p;
}

void peers_tidy(struct inv_sync *s)
{
	struct peer *p, *next;

	for (p = TAILQ_FIRST(&s->peers); p; p = next) {
		next = TAILQ_NEXT(p, entry);
		if (!p->pinned && !p->conv && !p->resolving && p->failures >= 2 * GIVE_UP &&
		    !p->has_key && !p->stored)
			forget(p);
	}
}

void peers_name(struct inv_sync *s, const char *text, bool operator_said)
{
	struct peer_addr a;
	char name[sizeof((struct peer *)0)->name];
	struct peer *p;

	if (!peer_addr_named(&a, name, text, operator_said) || !(p = add(s, name, true, 0)))
		return;
	p->pinned = true;
	p->by_operator |= operator_said;
	if (a.has_key) {
		p->expected = true;
		memcpy(p->key, a.key, KEY_LEN);
		memcpy(p->named, a.key, KEY_LEN);
	}
}

struct loading { struct inv_sync *s; bool useful; };

static bool load_step(void *arg, const struct rec_peer *r)
{
	struct loading *l = arg;
	struct inv_sync *s = l->s;
	char name[sizeof((struct peer *)0)->name], err[120];
	struct peer_addr a;
	struct peer *p;

	/* Of a peer that dialled us we know no address to dial. */
	if (r->inbound || (r->blocks > 0) != l->useful ||
	    peer_addr_parse(&a, rec_cstr(name, sizeof(name), r->address), err) < 0 || a.has_key)
		return true;
	p = add(s, name, false, now_ms());
	if (!p || (p->expected && memcmp(p->key, r->key, KEY_LEN) != 0))
		return true;
	memcpy(p->key, r->key, KEY_LEN);
	p->banned_until = r->banned_until;
	p->seat.blocks = r->blocks;
	p->stored = true;
	return true;
}

void peers_load(struct inv_sync *s)
{
	MDB_txn *txn = store_read(&s->store);
	struct loading useful = { s, true }, others = { s, false };

	peer_walk(&s->store, txn, load_step, &useful);
	peer_walk(&s->store, txn, load_step, &others);
	store_read_end(txn);
}

static bool ban_step(void *arg, const struct rec_peer *r)
{
	struct inv_sync *s = arg;
	struct peer *p;

	TAILQ_FOREACH(p, &s->peers, entry)
		if (memcmp(p->key, r->key, KEY_LEN) == 0) {
			p->banned_until = r->banned_until;
			p->seat.blocks = r->blocks;
		}
	return true;
}

/* The pruner bans through the store, and block-fetch says there who was of use. */
void peers_look(struct inv_sync *s)
{
	MDB_txn *txn = store_read(&s->store);
	uint64_t now = now_unix();
	struct peer *p;

	peer_walk(&s->store, txn, ban_step, s);
	store_read_end(txn);
	TAILQ_FOREACH(p, &s->peers, entry)
		if (p->conv && p->banned_until > now) {
			struct conv *c = p->conv;
			peers_down(p, CONV_END_BANNED, conv_end_words(CONV_END_BANNED));
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

		if (n->port == 0 || address_any16(n->addr) ||
		    memcmp(n->key_hash, own, sizeof(own)) == 0)
			continue;
		if (address_private16(n->addr) && !s->store.net.private_peers)
			continue;
		address_from16(&sa, &len, n->addr, n->port);
		address_text(name, (struct sockaddr *)&sa);
		if (find(s, name) ||
		    (of_host(s, name) >= MAX_PER_HOST && !s->store.net.private_peers))
			continue;
		teller->told += add(s, name, false, now_ms()) != NULL;
	}
}

/* Those with whom we talk: their addresses are known to be good.  A private one is the operator's
 * own business. */
uint32_t peers_tell(void *arg, struct neighbor *out)
{
	struct inv_sync *s = arg;
	struct peer *p;
	uint32_t n = 0;

	TAILQ_FOREACH(p, &s->peers, entry) {
		struct sockaddr_storage sa;
		int len;
		if (n == MAX_NEIGHBORS || !p->conv || !conv_is_up(p->conv) ||
		    !peer_number(conv_address(p->conv), &sa, &len))
			continue;
		if (address_private((struct sockaddr *)&sa) && !s->store.net.private_peers)
			continue;
		address_to16(out[n].addr, &out[n].port, (struct sockaddr *)&sa);
		hash_hash160(out[n].key_hash, p->key, KEY_LEN);
		n++;
	}
	return n;
}

/* Next: cmd/inv-sync/seats.c, who of them is spoken to. */
