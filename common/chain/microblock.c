/* Microblocks out of bytes, one or a vector of them (spec/blocks.md 3.2). */
#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "common/chain/microblock.h"
#include "common/limits.h"

#define SIGNATURE_AT (MICROBLOCK_HEADER - SIG_LEN)
#define MIN_MICROBLOCK (MICROBLOCK_HEADER + 4) /* no microblock can be shorter */

/* The header without its hash. */
static ssize_t read_fields(struct microblock *m, const uint8_t *p, size_t n, size_t *need)
{
	if (n < MICROBLOCK_HEADER)
		return *need = MICROBLOCK_HEADER, 0;
	*m = (struct microblock){ .bytes = p, .len = MICROBLOCK_HEADER };
	m->version = p[0];
	m->sequence = get_be16(p + 1);
	m->prev = p + 3;
	m->tx_root = p + 35;
	m->sig = p + SIGNATURE_AT;
	return signature_parses(m->sig) ? MICROBLOCK_HEADER : -1;
}

ssize_t microblock_header(struct microblock *m, const uint8_t *p, size_t n, size_t *need)
{
	ssize_t used = read_fields(m, p, n, need);

	if (used > 0)
		hash_once(m->hash, p, MICROBLOCK_HEADER);
	return used;
}

/* The transactions of a microblock whose header is read, from where the walk stopped. */
static ssize_t walk_txs(struct txs_walk *w, struct microblock *m, size_t n, size_t *need)
{
	int more = txs_count(w, m->bytes, n, MICROBLOCK_HEADER, &m->n_txs, need);

	while (more > 0 && w->n < m->n_txs)
		more = txs_next(w, m->bytes, n, m->n_txs, need);
	if (more <= 0)
		return more;
	m->txs = m->bytes + MIN_MICROBLOCK;
	m->len = w->at;
	return (ssize_t)m->len;
}

ssize_t microblock_parse(struct microblock *m, const uint8_t *p, size_t n, size_t *need)
{
	struct txs_walk w = { .at = 0 };
	ssize_t used = microblock_header(m, p, n, need);

	return used <= 0 ? used : walk_txs(&w, m, n, need);
}

int microblock_signer(uint8_t hash[HASH160_LEN], const struct microblock *m)
{
	static const uint8_t unsigned_yet[SIG_LEN];
	uint8_t digest[32], key[KEY_LEN];

	hash_begin();
	hash_add(m->bytes, SIGNATURE_AT);
	hash_add(unsigned_yet, SIG_LEN);
	hash_end(digest);
	if (key_recover(key, m->sig, digest) < 0)
		return -1;
	hash_hash160(hash, key, KEY_LEN);
	return 0;
}

struct txs microblock_txs(const struct microblock *m)
{
	return (struct txs){ m->txs, m->len - MIN_MICROBLOCK, m->n_txs, m->tx_root };
}

void microblocks_walk_begin(struct microblocks_walk *w, const uint8_t *tail)
{
	*w = (struct microblocks_walk){ .linked = tail != NULL };
	if (tail)
		memcpy(w->next, tail, 32);
}

/* The microblock at p, of which n bytes are there. */
static ssize_t walk_one(struct microblocks_walk *w, const uint8_t *p, size_t n, size_t *need)
{
	struct microblock m;
	ssize_t used = w->headed ? read_fields(&m, p, n, need) : microblock_header(&m, p, n, need);

	if (used <= 0)
		return used;
	if (!w->headed && w->linked) {
		if (memcmp(m.hash, w->next, 32) != 0)
			return -1;
		memcpy(w->next, m.prev, 32);
	}
	w->headed = true;
	return walk_txs(&w->txs, &m, n, need);
}

ssize_t microblocks_walk(struct microblocks_walk *w, const uint8_t *p, size_t n, size_t *need)
{
	if (n < 4)
		return *need = 4, 0;
	if (w->at == 0) {
		w->at = 4;
		w->count = get_be32(p);
		if (w->count == 0)
			return -1;
	}
	while (w->n < w->count) {
		ssize_t used = walk_one(w, p + w->at, n - w->at, need);

		if (used < 0)
			return -1;
		if (used == 0) {
			*need += w->at + (size_t)(w->count - w->n - 1) * MIN_MICROBLOCK;
			return *need > MAX_STREAM ? -1 : 0;
		}
		w->at += (size_t)used;
		w->n++;
		w->headed = false;
		w->txs = (struct txs_walk){ .at = 0 };
	}
	return w->at > MAX_STREAM ? -1 : (ssize_t)w->at;
}

/* Next: common/chain/stream.c, whether such microblocks are a stream. */
