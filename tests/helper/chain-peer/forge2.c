/* Bad epoch 2.x blocks and streams of microblocks, made of good ones (spec/blocks.md 3). */
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "tests/helper/chain-peer/peer.h"

void forge_anchored(struct peer *p, const struct chain_block *b, struct buf *out)
{
	if (has(p, F_GARBAGEBLOCK)) {
		dice_bytes(&p->dice, buf_room(out, b->size), b->size);
		return;
	}
	buf_put(out, b->bytes, has(p, F_KEYBOMB) ? EPOCH2_HEADER : b->size);
	if (has(p, F_KEYBOMB))
		forge_keys(p, out);
	else if (has(p, F_BADMERKLE))
		forge_merkle(b, out);
}

/* A microblock's header: version, sequence, block below, root, signature (spec/blocks.md 3.2). */
enum { SEQUENCE_AT = 1, PREV_AT = 3, SIGNATURE_AT = 67, HEADER_LEN = 132, MAX_LIST = 64 };

/* Microblocks of a stream, ascending; those that are changed are copies. */
struct list {
	struct {
		const uint8_t *bytes;
		size_t size;
		uint8_t hash[32];
	} at[MAX_LIST];
	uint32_t n;
};

static void list_add(struct list *l, const uint8_t *bytes, size_t size)
{
	if (l->n == MAX_LIST)
		return;
	l->at[l->n].bytes = bytes;
	l->at[l->n].size = size;
	hash_once(l->at[l->n++].hash, bytes, HEADER_LEN);
}

static void list_remove(struct list *l, uint32_t at, uint32_t n)
{
	if (n > l->n - at)
		n = l->n - at;
	memmove(&l->at[at], &l->at[at + n], (l->n - at - n) * sizeof(l->at[0]));
	l->n -= n;
}

/* A copy of the i-th, to be changed; it lives as long as the program. */
static uint8_t *list_own(struct list *l, uint32_t i)
{
	uint8_t *copy = xmalloc(l->at[i].size);

	memcpy(copy, l->at[i].bytes, l->at[i].size);
	l->at[i].bytes = copy;
	return copy;
}

static void sign(uint8_t *micro, const struct keypair *key)
{
	uint8_t digest[32];

	memset(micro + SIGNATURE_AT, 0, SIG_LEN);
	hash_once(digest, micro, HEADER_LEN);
	if (key_sign(micro + SIGNATURE_AT, key->secret, digest) != 0)
		BUG("cannot sign");
}

/* The second newest is missing, or the only one names another block below. */
static void break_link(struct list *l)
{
	if (l->n > 2)
		list_remove(l, l->n - 2, 1);
	else
		list_own(l, l->n - 1)[PREV_AT + 2] ^= 1;
}

/* All signed by another key, each on the one below. */
static void sign_by(struct list *l, const struct keypair *key)
{
	for (uint32_t i = 0; i < l->n; i++) {
		uint8_t *micro = list_own(l, i);
		if (i)
			memcpy(micro + PREV_AT, l->at[i - 1].hash, 32);
		sign(micro, key);
		hash_once(l->at[i].hash, micro, HEADER_LEN);
	}
}

/* Another one of the newest one's sequence, on the same block: another version makes it another. */
static void equivocate(struct list *l, const struct keypair *producer)
{
	uint8_t *micro;

	if (!producer || l->n == 0 || l->n == MAX_LIST)
		return;
	list_add(l, l->at[l->n - 1].bytes, l->at[l->n - 1].size);
	micro = list_own(l, l->n - 1);
	micro[0] ^= 1;
	sign(micro, producer);
}

/* What no block confirms and stands on the newest one. */
static void lengthen(struct list *l, const struct chaindir *c, const struct chain_block *parent)
{
	for (uint32_t i = 0; parent && i < parent->n_loose; i++) {
		const struct chain_micro *m = &c->micros[parent->loose + i];
		if (l->n && memcmp(m->bytes + PREV_AT, l->at[l->n - 1].hash, 32) == 0)
			list_add(l, m->bytes, m->size);
	}
}

static void distort(struct peer *p, const struct chain_block *b, struct list *l)
{
	const struct chaindir *c = &p->world->chain;
	const struct chain_block *parent = chaindir_find(c, b->parent);

	if (has(p, F_EMPTYMICRO))
		l->n = 0;
	if (has(p, F_BADMICRO) && l->n)
		break_link(l);
	if (has(p, F_FORGEDMICRO))
		sign_by(l, &p->other);
	if (has(p, F_LONGTAIL))
		lengthen(l, c, parent);
	if (has(p, F_EQUIVOCATE))
		equivocate(l, parent ? parent->producer : NULL);
	if (has(p, F_CUTHEAD))
		list_remove(l, 0, (uint32_t)amount(p, F_CUTHEAD));
	if (has(p, F_CUTTAIL))
		l->n -= amount(p, F_CUTTAIL) < l->n ? (uint32_t)amount(p, F_CUTTAIL) : l->n;
}

/* The next block whose stream is another one. */
static const struct chain_block *other_stream(const struct chaindir *c, const struct chain_block *b)
{
	for (uint32_t i = 1; i < c->n_blocks; i++) {
		const struct chain_block *o =
		    &c->blocks[((size_t)(b - c->blocks) + i) % c->n_blocks];
		if (o->n_confirmed && memcmp(o->parent, b->parent, ID_LEN) != 0)
			return o;
	}
	return b;
}

void forge_stream(struct peer *p, const struct chain_block *b, struct buf *out)
{
	const struct chaindir *c = &p->world->chain;
	const struct chain_block *of = has(p, F_WRONGSTREAM) ? other_stream(c, b) : b;
	struct list l = { 0 };

	for (uint32_t i = 0; i < of->n_confirmed; i++)
		list_add(&l, c->micros[of->confirmed + i].bytes, c->micros[of->confirmed + i].size);
	distort(p, of, &l);
	buf_u32(out, has(p, F_MICROBOMB) ? UINT32_MAX : l.n);
	for (uint32_t i = 0; i < l.n; i++) {
		uint32_t at = has(p, F_DISORDERMICRO) ? i : l.n - 1 - i;
		buf_put(out, l.at[at].bytes, l.at[at].size);
	}
}

/* Next: tests/helper/chain-peer/main.c, where its parts meet. */
