/* Bad blocks made of good ones.  A block is: head of 206 bytes with the miner's signature, u32 n, n
 * signatures, the rest (spec/blocks.md 1.1); nothing but signatures can change under the same id.
 */
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "tests/helper/chain-peer/peer.h"

enum { UNSIGNED_LEN = 141, HEAD_LEN = 206, SIGS_AT = 210 };

struct forged {
	uint8_t head[HEAD_LEN];
	struct buf sigs, rest;		/* sigs: without the count */
	uint8_t hash[32];		/* what signers sign */
	const struct chain_set *set;
};

static uint32_t count(const struct forged *f) { return (uint32_t)(f->sigs.n / SIG_LEN); }

/* Pox treatment and markers: what both signatures cover after the timestamp. */
static size_t treatment_len(const struct forged *f)
{
	size_t n = 6 + get_be32(f->rest.p + 2);

	return (f->head[0] & 0x7f) >= 1 ? n + 4 + 5 * get_be32(f->rest.p + n) : n;
}

static void hash_head(const struct forged *f, size_t head, uint8_t out[32])
{
	hash_begin();
	hash_add(f->head, head);
	hash_add(f->rest.p, treatment_len(f));
	hash_end(out);
}

/* Index of the signer who made a signature, or -1. */
static int signer_of(const struct forged *f, const uint8_t *sig)
{
	uint8_t key[KEY_LEN];

	if (!f->set || key_recover(key, sig, f->hash) != 0)
		return -1;
	for (uint32_t i = 0; i < f->set->set.n; i++)
		if (memcmp(f->set->set.keys[i], key, KEY_LEN) == 0)
			return (int)i;
	return -1;
}

static void sign(const struct forged *f, const struct keypair *k, uint8_t *sig)
{
	if (key_sign(sig, k->secret, f->hash) != 0)
		BUG("cannot sign");
}

static void bad_miner(struct peer *p, struct forged *f)
{
	uint8_t digest[32];

	hash_head(f, UNSIGNED_LEN, digest);
	if (key_sign(f->head + UNSIGNED_LEN, p->world->stranger.secret, digest) != 0)
		BUG("cannot sign");
	hash_head(f, HEAD_LEN, f->hash);
	if (!f->set || !f->set->keys)
		return;		/* only the miner's is wrong then */
	f->sigs.n = 0;
	for (uint32_t i = 0; i < f->set->set.n; i++)
		sign(f, &f->set->keys[i], buf_room(&f->sigs, SIG_LEN));
}

static void few_signers(struct forged *f)
{
	uint64_t weight = 0;
	int who;

	for (uint32_t i = 0; i < count(f); i++)
		if ((who = signer_of(f, f->sigs.p + i * SIG_LEN)) >= 0)
			weight += f->set->set.weights[who];
	while (f->sigs.n && f->set && weight >= f->set->set.threshold) {
		f->sigs.n -= SIG_LEN;
		if ((who = signer_of(f, f->sigs.p + f->sigs.n)) >= 0)
			weight -= f->set->set.weights[who];
	}
}

/* Keep of the signatures, or make with the signers' keys, those of the least weight that is enough:
 * the lightest signers go last. */
static void lighter(struct forged *f)
{
	uint32_t n = f->set ? f->set->set.n : 0;
	uint8_t (*sigs)[SIG_LEN] = xcalloc(n + 1, SIG_LEN);
	bool *in = xcalloc(n + 1, 1);
	uint64_t weight = 0;
	int who;

	for (uint32_t i = 0; i < count(f); i++)
		if ((who = signer_of(f, f->sigs.p + i * SIG_LEN)) >= 0) {
			memcpy(sigs[who], f->sigs.p + i * SIG_LEN, SIG_LEN);
			in[who] = true;
		}
	for (uint32_t i = 0; i < n; i++) {
		if (!in[i] && f->set->keys) {
			sign(f, &f->set->keys[i], sigs[i]);
			in[i] = true;
		}
		weight += in[i] ? f->set->set.weights[i] : 0;
	}
	for (uint32_t i = 0; i < n; i++)
		if (in[i] && weight - f->set->set.weights[i] >= f->set->set.threshold) {
			weight -= f->set->set.weights[i];
			in[i] = false;
		}
	f->sigs.n = 0;
	for (uint32_t i = 0; i < n; i++)
		if (in[i])
			buf_put(&f->sigs, sigs[i], SIG_LEN);
	free(sigs);
	free(in);
}

static void disorder(struct forged *f)
{
	uint32_t n = count(f);
	uint8_t *sigs = f->sigs.p, t[SIG_LEN];

	for (uint32_t i = 1; i < n; i++)	/* few: insertion sort, descending */
		for (uint32_t j = i; j > 0 &&
		     signer_of(f, sigs + j * SIG_LEN) > signer_of(f, sigs + (j - 1) * SIG_LEN);
		     j--) {
			memcpy(t, sigs + j * SIG_LEN, SIG_LEN);
			memcpy(sigs + j * SIG_LEN, sigs + (j - 1) * SIG_LEN, SIG_LEN);
			memcpy(sigs + (j - 1) * SIG_LEN, t, SIG_LEN);
		}
}

static void repeat_first(struct forged *f, uint32_t n)
{
	uint8_t first[SIG_LEN];

	memcpy(first, f->sigs.p, SIG_LEN);
	f->sigs.n = 0;
	while (n--)
		buf_put(&f->sigs, first, SIG_LEN);
}

static void double_first(struct forged *f)
{
	uint8_t first[SIG_LEN];

	memcpy(first, f->sigs.p, SIG_LEN);
	buf_room(&f->sigs, SIG_LEN);
	memmove(f->sigs.p + SIG_LEN, f->sigs.p, f->sigs.n - SIG_LEN);
	memcpy(f->sigs.p, first, SIG_LEN);
}

void make_high_s(uint8_t sig[SIG_LEN])
{
	static const uint8_t order[32] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0,
		0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41 };
	int borrow = 0;

	if (!key_sig_low_s(sig))
		return;
	for (int i = 31; i >= 0; i--) {
		int d = order[i] - sig[33 + i] - borrow;
		borrow = d < 0;
		sig[33 + i] = (uint8_t)d;
	}
	sig[0] ^= 1;
}

void forge_merkle(const struct chain_block *b, struct buf *out)
{
	const uint8_t *end = b->bytes + b->size;
	struct block block;
	struct cursor c;
	struct tx tx;
	size_t need;

	if (block_parse(&block, MODEL_BIT(b->model), b->ch, b->bytes, b->size, &need) <= 0)
		return;
	c = cursor_of(block.txs, (size_t)(end - block.txs));
	for (uint32_t i = 0; i < block.n_txs; i++)
		if (tx_parse(&tx, &c, NULL) != 0)
			return;
	out->p[out->n - (size_t)(end - tx.bytes) + 1 + 4 + 1 + 1 + HASH160_LEN + 7] ^= 1;
}

/* One transaction of n public keys, which nobody signs with. */
static void put_keys(struct peer *p, struct buf *b, uint32_t n)
{
	buf_u8(b, 0x80);
	buf_u32(b, p->world->chain.net.chain_id);
	buf_put(b, "\4\1", 2);
	memset(buf_room(b, HASH160_LEN + 8 + 8), 0, HASH160_LEN + 8 + 8);
	buf_u32(b, n);
	while (n--) {
		buf_u8(b, 0);
		buf_put(b, p->key.public, KEY_LEN);
	}
	buf_u16(b, 0);
	buf_put(b, "\3\2\0\0\0\0\1\1a\0\0\0\0", 13);
}

void forge_keys(struct peer *p, struct buf *out)
{
	size_t bytes = (size_t)amount(p, F_KEYBOMB) << 10;
	uint32_t n = (uint32_t)(bytes >> 20) + 1;

	buf_u32(out, n);
	for (uint32_t i = 0; i < n; i++)
		put_keys(p, out, (uint32_t)(bytes / n / (1 + KEY_LEN)));
}

/* Keys in the place of the transactions: the block id still fits. */
static void key_bomb(struct peer *p, const struct chain_block *b, struct forged *f)
{
	struct block block;
	size_t need;
	ssize_t head = block_header(&block, MODEL_BIT(NAKAMOTO), NULL, b->bytes, b->size, &need);

	if (head <= 0)
		return;
	f->rest.n = (size_t)head - SIGS_AT - f->sigs.n;
	forge_keys(p, &f->rest);
}

static void forge(struct peer *p, const struct chain_block *b, struct forged *f)
{
	if (has(p, F_BADMERKLE))
		forge_merkle(b, &f->rest);
	if (has(p, F_KEYBOMB))
		key_bomb(p, b, f);
	if (has(p, F_BADMINER))
		bad_miner(p, f);
	if (has(p, F_BADSIGNER))
		sign(f, &p->world->stranger, f->sigs.p + f->sigs.n - SIG_LEN);
	if (has(p, F_FEWSIGNERS))
		few_signers(f);
	if (has(p, F_DUPSIGNER))
		double_first(f);
	if (has(p, F_DISORDER))
		disorder(f);
	if (has(p, F_HIGHSIGNER))
		make_high_s(f->sigs.p);
	if (has(p, F_MANYSIGS))
		repeat_first(f, (uint32_t)amount(p, F_MANYSIGS));
	if (has(p, F_LIGHTERSIGS))
		lighter(f);
	if (has(p, F_SHADOW))
		f->head[0] |= 0x80;
}

static bool forges(const struct peer *p)
{
	return has(p, F_BADMERKLE) || has(p, F_KEYBOMB) || has(p, F_BADMINER) ||
	    has(p, F_BADSIGNER) || has(p, F_FEWSIGNERS) || has(p, F_DUPSIGNER) ||
	    has(p, F_DISORDER) || has(p, F_HIGHSIGNER) || has(p, F_MANYSIGS) ||
	    has(p, F_LIGHTERSIGS) || has(p, F_SHADOW);
}

void forge_block(struct peer *p, const struct chain_block *b, struct buf *out)
{
	const uint8_t *bytes = b->bytes;
	uint32_t n = get_be32(bytes + HEAD_LEN);
	struct forged f = { .set = chaindir_set_of(&p->world->chain, b->ch) };

	if (has(p, F_GARBAGEBLOCK)) {
		dice_bytes(&p->dice, buf_room(out, b->size), b->size);
		return;
	}
	if (!forges(p) || n == 0) {
		buf_put(out, bytes, b->size);
		return;
	}
	memcpy(f.head, bytes, HEAD_LEN);
	buf_put(&f.sigs, bytes + SIGS_AT, n * SIG_LEN);
	buf_put(&f.rest, bytes + SIGS_AT + n * SIG_LEN, b->size - SIGS_AT - n * SIG_LEN);
	hash_head(&f, HEAD_LEN, f.hash);
	forge(p, b, &f);
	buf_put(out, f.head, HEAD_LEN);
	buf_u32(out, count(&f));
	buf_put(out, f.sigs.p, f.sigs.n);
	buf_put(out, f.rest.p, f.rest.n);
	buf_release(&f.sigs);
	buf_release(&f.rest);
}

/* Next: tests/helper/chain-peer/forge2.c, the same of epoch 2.x. */
