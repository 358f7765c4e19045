/* What is learnt is gathered here, committed at most four times a second, and told downstream only
 * after the commit. */
#include <stdlib.h>

#include "cmd/inv-sync/inv_sync.h"
#include "common/chain/hash.h"
#include "common/store/faults.h"
#include "common/store/pushed.h"
#include "common/sys/log.h"

#define RECENT_PUSHES 256

struct kept_inventory {
	TAILQ_ENTRY(kept_inventory) entry;
	struct rec_inventory r;
	uint8_t bits[INV_BYTES];
};
struct kept_block {
	TAILQ_ENTRY(kept_block) entry;
	struct rec_block row;
	char source[2 * KEY_LEN + 1];
	uint8_t bytes[];
};

struct gathered {
	TAILQ_HEAD(kept_inventories, kept_inventory) inventories;
	struct faults faults;
	TAILQ_HEAD(, kept_block) blocks;
	size_t block_bytes;
	/* digests of blocks that were pushed lately: each of many peers sends each new block */
	uint64_t recent[RECENT_PUSHES];
	unsigned next_recent;
	struct push_budgets budgets;
	bool peers;		/* some peer is dirty */
};

void save_init(struct inv_sync *s)
{
	s->gathered = xcalloc(1, sizeof(*s->gathered));
	TAILQ_INIT(&s->gathered->inventories);
	faults_init(&s->gathered->faults, "inv-sync");
	TAILQ_INIT(&s->gathered->blocks);
}

static void clear(struct gathered *g)
{
	struct kept_inventory *i;
	struct kept_block *b;

	while ((i = TAILQ_FIRST(&g->inventories))) {
		TAILQ_REMOVE(&g->inventories, i, entry);
		free(i);
	}
	faults_clear(&g->faults);
	while ((b = TAILQ_FIRST(&g->blocks))) {
		TAILQ_REMOVE(&g->blocks, b, entry);
		free(b);
	}
	g->block_bytes = 0;
	g->peers = false;
}

void save_release(struct inv_sync *s)
{
	clear(s->gathered);
	free(s->gathered);
}

void save_peer(struct peer *p, bool news)
{
	if ((!p->has_key && !p->stored) || p->contends)
		return;
	p->dirty = true;
	p->news |= news;
	p->s->gathered->peers = true;
}

void save_inventory(
    struct peer *p, enum inventory_kind kind, uint64_t cycle, const uint8_t *bits, uint32_t count)
{
	struct kept_inventory *k = xcalloc(1, sizeof(*k));

	k->r.cycle = cycle;
	k->r.count = count;
	k->r.kind = kind;
	k->r.time = now_unix();
	memcpy(k->r.peer, p->key, KEY_LEN);
	memcpy(k->bits, bits, (count + 7) / 8);
	k->r.bits = rec_bytes(k->bits, (count + 7) / 8);
	TAILQ_INSERT_TAIL(&p->s->gathered->inventories, k, entry);
}

uint32_t save_known(struct peer *p, enum inventory_kind kind, uint64_t cycle, uint8_t *bits)
{
	struct kept_inventory *k;
	struct rec_inventory r;
	MDB_txn *txn;

	TAILQ_FOREACH_REVERSE(k, &p->s->gathered->inventories, kept_inventories, entry)
	if (k->r.kind == kind && k->r.cycle == cycle && memcmp(k->r.peer, p->key, KEY_LEN) == 0) {
		memcpy(bits, k->bits, sizeof(k->bits));
		return k->r.count;
	}
	txn = store_read(&p->s->store);
	if (inventory_get(&p->s->store, txn, p->key, kind, cycle, &r) < 0 || r.bits.n > INV_BYTES ||
	    r.bits.n != (r.count + 7u) / 8)
		r.count = 0;
	if (r.count)
		memcpy(bits, r.bits.p, r.bits.n);
	store_read_end(txn);
	return r.count;
}

void save_fault(struct inv_sync *s, const char *who, enum fault_class class, const char *what,
    const char *evidence)
{
	faults_keep(&s->gathered->faults, who, class, what, evidence);
}

struct push { struct inv_sync *s; char source[2 * KEY_LEN + 1]; };

/* The very bytes, not the id: another copy may bear other signatures. */
static bool pushed_lately(struct gathered *g, const struct rec_block *row)
{
	uint8_t hash[32];
	uint64_t digest;

	hash_once(hash, row->body.p, row->body.n);
	digest = get_be64(hash);
	for (unsigned i = 0; i < RECENT_PUSHES; i++)
		if (g->recent[i] == digest)
			return true;
	g->recent[g->next_recent++ % RECENT_PUSHES] = digest;
	return false;
}

static void gather_block(void *arg, const struct rec_block *row)
{
	struct push *from = arg;
	struct gathered *g = from->s->gathered;
	struct kept_block *k;

	if (g->block_bytes + row->body.n > MAX_GATHERED || pushed_lately(g, row))
		return;
	k = xmalloc(sizeof(*k) + row->body.n);
	memcpy(k->source, from->source, sizeof(k->source));
	memcpy(k->bytes, row->body.p, row->body.n);
	k->row = *row;
	k->row.source = rec_str(k->source);
	k->row.request = rec_str("push");
	k->row.body.p = k->bytes;
	g->block_bytes += row->body.n;
	TAILQ_INSERT_TAIL(&g->blocks, k, entry);
}

void save_push(struct inv_sync *s, struct conv *c, const struct message *m)
{
	struct push from = { .s = s };
	enum chain_reason why;
	enum pushed fault;
	char more[160];

	hex_of(from.source, conv_key(c), KEY_LEN);
	if (!push_allowed(&s->gathered->budgets, from.source, now_ms(), m->u.blocks.len,
	    pushed_count(m)))
		return;
	why = pushed_message(&s->store, m, gather_block, &from);
	if ((fault = pushed_fault(why)) == PUSHED_TAKEN)
		return;
	snprintf(more, sizeof(more), ": %s", chain_reason_text(why));
	conv_fail(
	    c, fault == PUSHED_REFUSED ? CONV_END_PUSH_FALSE : CONV_END_PUSH_UNDECODABLE, more);
}

/* The row as it stands, with what this conversation knows: other programs own the bans and may have
 * met the peer too. */
static struct rec_peer peer_row(struct peer *p, MDB_txn *txn)
{
	struct inv_sync *s = p->s;
	const struct handshake *h = p->conv && conv_is_up(p->conv) ? conv_handshake(p->conv) : NULL;
	struct rec_peer r = { 0 };
	uint64_t now = now_unix();

	if (h && memcmp(h->key, p->key, KEY_LEN) != 0)
		h = NULL;	/* of the key that has just taken this one's place */
	if (peer_get(&s->store, txn, p->key, &r) < 0)
		r.first_contact = now;
	memcpy(r.key, p->key, KEY_LEN);
	if (p->has_key || !r.address.n)
		r.address = rec_str(p->name);
	if (h) {
		r.data_url = rec_str(h->data_url);
		r.services = h->services;
		r.version = p->view.version;
		r.burn_height = p->view.burn_height;
		r.stable_height = p->view.stable_height;
		memcpy(r.burn_hash, p->view.burn_hash, 32);
		memcpy(r.stable_hash, p->view.stable_hash, 32);
		r.last_contact = now;
		r.dialled = rec_str(conv_address(p->conv));
	}
	r.inbound = false;
	r.pinned |= p->pinned;
	r.failures = p->failures;
	r.state = r.banned_until > now ? PEER_BANNED : p->state;
	return r;
}

static void put_rest(struct inv_sync *s, MDB_txn *txn)
{
	struct gathered *g = s->gathered;
	struct kept_inventory *i;
	struct kept_block *b;

	TAILQ_FOREACH(i, &g->inventories, entry)
		inventory_put(&s->store, txn, &i->r);
	faults_put(&g->faults, &s->store, txn);
	TAILQ_FOREACH(b, &g->blocks, entry)
		if (b->row.kind == ITEM_STREAM || !block_known(&s->store, txn, b->row.id))
			upload_put(&s->store, txn, &b->row);
}

static void emit_rest(struct inv_sync *s)
{
	struct gathered *g = s->gathered;
	struct kept_inventory *i;

	TAILQ_FOREACH(i, &g->inventories, entry) {
		uint8_t key[KEY_LEN + 9];
		memcpy(key, i->r.peer, KEY_LEN);
		key[KEY_LEN] = (uint8_t)i->r.kind;
		put_be64(key + KEY_LEN + 1, i->r.cycle);
		stage_emit_news(s->stage, REC_INVENTORY, &i->r, key, sizeof(key));
	}
	faults_tell(&g->faults, s->stage);
}

void save_commit(struct inv_sync *s, uint64_t now)
{
	struct gathered *g = s->gathered;
	struct rec_peer r;
	struct peer *p;
	MDB_txn *txn;

	if (!g->peers && TAILQ_EMPTY(&g->inventories) && faults_none(&g->faults) &&
	    TAILQ_EMPTY(&g->blocks))
		return;
	if (now != UINT64_MAX && now < s->committed_at + COMMIT_MS)
		return;
	txn = store_write(&s->store);
	TAILQ_FOREACH(p, &s->peers, entry)
		if (p->dirty) {
			if (!p->pinned && peer_get(&s->store, txn, p->key, &r) < 0)
				peer_make_room(&s->store, txn);
			r = peer_row(p, txn);
			peer_put(&s->store, txn, &r);
		}
	put_rest(s, txn);
	store_commit_or_die(&s->store, txn);
	s->committed_at = now_ms();

	txn = store_read(&s->store);
	TAILQ_FOREACH(p, &s->peers, entry) {
		if (p->dirty && p->news) {
			r = peer_row(p, txn);
			stage_emit_news(s->stage, REC_PEER, &r, p->key, KEY_LEN);
		}
		p->dirty = p->news = false;
	}
	store_read_end(txn);
	emit_rest(s);
	clear(g);
}

/* Next: cmd/block-fetch/main.c, which asks for what these peers have. */
