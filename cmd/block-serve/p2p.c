/* The P2P side: conversations that others open (spec/wire.md 4).  The conversation itself answers
 * Handshake, Ping, NatPunchRequest and GetNeighbors; here are inventories, pushes, limits, and the
 * rows of those who dial us. */
#include <unistd.h>

#include "cmd/block-serve/serve.h"
#include "common/chain/pox.h"
#include "common/net/address.h"
#include "common/sys/stage.h"

struct p2p_conn {
	LIST_ENTRY(p2p_conn) entry;
	struct serve *s;
	struct conv *conv;
	struct seat *seat;
	bool told;			/* a row of `peers` says that it is up */
};

struct p2p {
	struct serve *s;
	LIST_HEAD(, p2p_conn) conns;
	unsigned long long accepted, refused, inventories, nacks;
};

/* What a handshake says of a peer goes to `peers`, unless inv-sync knows the peer already. */
static void put_row(struct conv *c, struct p2p_conn *pc, enum peer_state state)
{
	const struct handshake *h = conv_handshake(c);
	const struct preamble *pre = conv_preamble(c);
	struct rec_peer row = { 0 };
	struct sockaddr_storage ss;
	socklen_t len;
	char address[64];

	if (conv_key(c) == NULL || !h || !pre || address_any16(h->addr))
		return;
	address_from16(&ss, &len, h->addr, h->port);
	memcpy(row.key, conv_key(c), KEY_LEN);
	row.address = rec_str(address_text(address, (struct sockaddr *)&ss));
	row.data_url = rec_str(h->data_url);
	row.version = pre->version;
	row.services = h->services;
	row.burn_height = pre->burn_height;
	memcpy(row.burn_hash, pre->burn_hash, 32);
	row.stable_height = pre->stable_height;
	memcpy(row.stable_hash, pre->stable_hash, 32);
	row.state = state;
	row.inbound = true;
	row.first_contact = row.last_contact = now_unix();
	upload_peer(pc->s, &row);
	pc->told = true;
}

static void up(struct conv *c, void *arg)
{
	struct p2p_conn *pc = arg;

	log_debug("'%s' is up", conv_address(c));
	seat_key(pc->seat, conv_key(c));
	put_row(c, pc, PEER_UP);
}

static void down(struct conv *c, void *arg, enum conv_end end, const char *text)
{
	struct p2p_conn *pc = arg;

	log_debug("'%s' is gone: %s", conv_address(c), text);
	if (pc->told)
		put_row(c, pc, PEER_DOWN);
	LIST_REMOVE(pc, entry);
	seat_give_back(pc->seat);
	free(pc);
}

static void nack(struct serve *s, struct conv *c, const struct message *to, uint32_t code)
{
	struct message m = { .id = MSG_NACK };

	m.u.nack = code;
	s->p2p->nacks++;
	conv_reply(c, to, &m);
}

/* The cycle that a consensus hash names: 0, or the Nack's code (spec/wire.md 4.4). */
static unsigned cycle_named(struct serve *s, const uint8_t ch[CH_LEN], uint64_t *cycle,
    uint64_t *height)
{
	struct rec_sortition row;
	uint32_t bit;
	MDB_txn *txn = store_read(&s->store);
	int rc = sortition_get(&s->store, txn, ch, &row);

	store_read_end(txn);
	if (rc != 0)
		return NACK_NO_SUCH_BLOCK;
	if (!row.canonical)
		return NACK_INVALID_POX_FORK;
	/* The first burn height of all names the first cycle too. */
	inventory_bit(&s->store.net, INV_BLOCKS, row.burn_height, cycle, &bit);
	if (bit != 0)
		return NACK_INVALID_POX_FORK;
	*height = row.burn_height;
	return 0;
}

static void answer_nakamoto(struct serve *s, struct conv *c, const struct message *to)
{
	struct message m = { .id = MSG_NAKAMOTO_INV };
	const struct inv_cycle *inv;
	uint64_t cycle, height;
	unsigned code = cycle_named(s, to->u.get_inv.ch, &cycle, &height);

	if (code == 0 && (inv = claims_cycle(s, cycle)) != NULL) {
		m.u.inv.count = (uint16_t)inv->count;
		m.u.inv.bytes = (uint32_t)bitvec_bytes(inv->count);
		m.u.inv.bits = inv->bits;
		s->p2p->inventories++;
		seat_useful(((struct p2p_conn *)conv_arg(c))->seat);
		conv_reply(c, to, &m);
	} else {
		nack(s, c, to, code != 0 ? code : NACK_NO_SUCH_BLOCK);
	}
}

/* Bits of the first burn height, if they begin there, and then of cycle 0: that height is in no
 * cycle's vector, and has no block. */
static void copy_bits(uint8_t *to, const uint8_t *from, uint32_t count, uint32_t below)
{
	for (uint32_t i = below; i < count; i++)
		if (bitvec_get(from, MAX_CYCLE_BITS, i - below))
			bitvec_set(to, i);
}

/* Exactly as many bits as were asked for, from the burn block named on (spec/wire.md 4.5). */
static void answer_blocks(struct serve *s, struct conv *c, const struct message *to)
{
	uint8_t blocks[(MAX_CYCLE_BITS + 7) / 8] = { 0 }, streams[sizeof(blocks)] = { 0 };
	struct message m = { .id = MSG_BLOCKS_INV };
	uint32_t count = to->u.get_inv.count, below;
	const struct inv_cycle *inv;
	uint64_t cycle, height;
	unsigned code;

	if (count > s->store.net.cycle_length || count > MAX_CYCLE_BITS) {
		nack(s, c, to, NACK_INVALID_MESSAGE);
		return;
	}
	if ((code = cycle_named(s, to->u.get_inv.ch, &cycle, &height)) != 0) {
		nack(s, c, to, code);
		return;
	}
	below = height == inventory_query_height(&s->store.net, cycle) ? 0 : 1;
	inv = claims_blocks(s, cycle);
	if (count > inv->count + below) {
		nack(s, c, to, NACK_NO_SUCH_BLOCK);
		return;
	}
	copy_bits(blocks, inv->bits, count, below);
	copy_bits(streams, inv->streams, count, below);
	m.u.inv.count = (uint16_t)count;
	m.u.inv.bytes = (uint32_t)bitvec_bytes(count);
	m.u.inv.bits = blocks;
	m.u.inv.bits2 = streams;
	s->p2p->inventories++;
	seat_useful(((struct p2p_conn *)conv_arg(c))->seat);
	conv_reply(c, to, &m);
}

/* Anchor blocks of all cycles up to the one after the tip's are taken as known: a trusted view says
 * no less.  The first burn block of a cycle (mod 0) is the last of the one before in this count, as
 * it is in consensus hashes. */
static void answer_pox(struct serve *s, struct conv *c, const struct message *to)
{
	uint8_t bits[MAX_POX_BITS / 8] = { 0 };
	struct message m = { .id = MSG_POX_INV };
	uint64_t cycle, height, n;

	/* The first burn height of all names no cycle here. */
	if (!s->view.has_burn || cycle_named(s, to->u.get_inv.ch, &cycle, &height) != 0 ||
	    height != inventory_query_height(&s->store.net, cycle)) {
		nack(s, c, to, NACK_INVALID_POX_FORK);
		return;
	}
	n = pox_count(&s->store.net, s->view.burn.burn_height) - cycle;
	n = n < to->u.get_inv.count ? n : to->u.get_inv.count;
	n = n < MAX_POX_BITS ? n : MAX_POX_BITS;
	for (uint32_t i = 0; i < n; i++)
		bitvec_set(bits, i);
	m.u.inv.count = (uint16_t)n;
	m.u.inv.bytes = (uint32_t)bitvec_bytes((uint32_t)n);
	m.u.inv.bits = bits;
	s->p2p->inventories++;
	conv_reply(c, to, &m);
}

static void message(struct conv *c, void *arg, const struct message *m)
{
	struct p2p_conn *pc = arg;
	struct serve *s = pc->s;

	view_refresh(s);
	switch (m->id) {
	case MSG_GET_NAKAMOTO_INV:
		answer_nakamoto(s, c, m);
		break;
	case MSG_GET_BLOCKS_INV:
		answer_blocks(s, c, m);
		break;
	case MSG_GET_POX_INV:
		answer_pox(s, c, m);
		break;
	case MSG_NAKAMOTO_BLOCKS: case MSG_BLOCKS: case MSG_MICROBLOCKS:
		if (upload_push(s, c, m) > 0)
			seat_useful(pc->seat);
		break;
	case MSG_STACKERDB_GET_CHUNK_INV:
	case MSG_STACKERDB_GET_CHUNK:
		nack(s, c, m, NACK_NO_SUCH_DB);
		break;
	default:
		break;		/* transactions, announcements, chunks: not ours */
	}
}

static const struct conv_ops ops = { .up = up, .message = message, .down = down };

/* Our burn hash at a height, for the check of foreign preambles. */
static int stable_known(void *arg, uint64_t height, const uint8_t *hash)
{
	struct serve *s = arg;
	struct rec_sortition row;
	MDB_txn *txn = store_read(&s->store);
	int rc = sortition_at(&s->store, txn, height, &row);

	store_read_end(txn);
	return rc != 0 ? -1 : memcmp(row.burn_hash, hash, 32) == 0;
}

/* Whether the connection came in on a private address of ours: who listens there wants peers of
 * that network. */
static bool is_inside(int fd)
{
	struct sockaddr_storage own = { 0 };
	socklen_t len = sizeof(own);

	return getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
	    address_private((struct sockaddr *)&own);
}

static bool may_come(struct p2p *p, int fd, const struct sockaddr *sa)
{
	view_refresh(p->s);
	/* Without a burn view there is no valid preamble. */
	if (!p->s->view.has_burn)
		return false;
	return !address_private(sa) || p->s->store.net.private_peers || is_inside(fd);
}

static void leave(void *arg) { conv_fail(((struct p2p_conn *)arg)->conv, CONV_END_PLACE, NULL); }

static void taken(void *arg, int fd, const struct sockaddr *sa)
{
	struct p2p *p = arg;
	struct p2p_conn *c = xcalloc(1, sizeof(*c));

	if (!may_come(p, fd, sa) ||
	    (c->seat = seat_take(p->s->p2p_seats, fd, sa, leave, c)) == NULL) {
		p->refused++;
		free(c);
		close(fd);
		return;
	}
	c->s = p->s;
	LIST_INSERT_HEAD(&p->conns, c, entry);
	p->accepted++;
	c->conv = conv_accept(p->s->base, &p->s->self, fd, sa, &ops, c);
}

/* Those who dialled an earlier run of ours are gone. */
static bool forget_row(void *arg, const struct rec_peer *row)
{
	struct rec_peer gone = *row;

	if (row->inbound && row->state == PEER_UP) {
		gone.state = PEER_DOWN;
		upload_peer(arg, &gone);
	}
	return true;
}

static void forget_rows(struct serve *s)
{
	MDB_txn *txn = store_read(&s->store);

	peer_walk(&s->store, txn, forget_row, s);
	store_read_end(txn);
}

struct p2p *p2p_start(struct serve *s, int fd)
{
	struct p2p *p = s->p2p = xcalloc(1, sizeof(*p));

	p->s = s;
	LIST_INIT(&p->conns);
	s->self.stable_known = stable_known;
	accept_on(s->base, fd, taken, p);
	forget_rows(s);
	return p;
}

void p2p_stop(struct p2p *p)
{
	struct p2p_conn *c;

	LIST_FOREACH(c, &p->conns, entry)
		if (c->told)
			put_row(c->conv, c, PEER_DOWN);
}

void p2p_report(const struct serve *s)
{
	const struct p2p *p = s->p2p;

	if (p)
		log_warnx("p2p: %u conversations, %llu accepted, %llu refused, %llu inventories, "
			  "%llu nacks, %llu blocks pushed, "
			  "%zu bytes held, at most %zu, %llu too slow or too much",
		    seats_taken(s->p2p_seats), p->accepted, p->refused, p->inventories, p->nacks,
		    s->n_pushes, s->held.held, s->held.peak, s->held.dropped);
	log_warnx("inventory: %u cycles held, %llu hits, %llu misses, dropped %llu times", s->inv.n,
	    (unsigned long long)s->inv.hits, (unsigned long long)s->inv.misses,
	    (unsigned long long)s->inv.drops);
}

/* Next: cmd/block-serve/neighbors.c, whom we tell of. */
