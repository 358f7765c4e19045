// link: tests/helper/lib/*.c
/* epoch2 DIR - how fast anchored blocks and the streams that they confirm are proven, as ratios of
 * one run: against hashing the same bytes once and recovering the same signatures of microblocks
 * once; and the blocks without the streams, against hashing their bytes once.  Medians of five,
 * interleaved, on one thread.  A Merkle tree alone hashes as much again of small transactions. */
#include <stdlib.h>
#include <time.h>

#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "common/chain/stream.h"
#include "common/sys/log.h"
#include "tests/helper/lib/chaindir.h"

#define RUNS 5

/* A canonical block, and the vector that a peer answers for its stream, the tail first. */
struct item {
	const struct chain_block *b;
	const struct chain_sortition *won;
	uint8_t *vector;
	size_t len;
	const uint8_t *parent_hash, *key; /* of the parent; NULL: the boot block */
};

static struct chaindir chain;
static struct item *items;
static uint32_t n_items, n_micros;
static size_t n_bytes;

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void put_vector(struct item *it)
{
	const struct chain_micro *m = chain.micros + it->b->confirmed;
	size_t at = 4;

	for (uint32_t i = 0; i < it->b->n_confirmed; i++)
		at += m[i].size;
	it->vector = xmalloc(at);
	it->len = at;
	put_be32(it->vector, it->b->n_confirmed);
	at = 4;
	for (uint32_t i = it->b->n_confirmed; i-- > 0; at += m[i].size)
		memcpy(it->vector + at, m[i].bytes, m[i].size);
	n_micros += it->b->n_confirmed;
	n_bytes += it->len;
}

static void gather(void)
{
	items = xcalloc(chain.n_blocks, sizeof(*items));
	for (uint32_t i = 0; i < chain.n_blocks; i++) {
		const struct chain_block *b = &chain.blocks[i], *parent;
		struct item *it = &items[n_items];

		if (b->model != EPOCH2 || !b->canonical)
			continue;
		it->b = b;
		it->won = chaindir_sortition(&chain, b->ch);
		parent = chaindir_find(&chain, b->parent);
		if (!it->won)
			die_world("a block without its sortition");
		if (parent) {
			it->parent_hash = chaindir_sortition(&chain, parent->ch)->row.committed;
			it->key = parent->bytes + EPOCH2_HEADER - HASH160_LEN;
		}
		if (b->n_confirmed)
			put_vector(it);
		n_bytes += b->size;
		n_items++;
	}
}

static void refused(enum chain_reason why)
{
	die_world("a block is not proven: %s", chain_reason_text(why));
}

static void prove_block(struct block *b, const struct item *it)
{
	struct proof_view view = { .net = &chain.net,
		.burn_height = it->won->row.burn_height,
		.model = EPOCH2,
		.ch = it->b->ch,
		.committed = it->won->row.committed };
	uint64_t weight;
	enum chain_reason why = proof_alone(b, it->b->bytes, it->b->size, &view, &weight);

	if (why != REASON_OK)
		refused(why);
}

static void prove_alone(const struct item *it)
{
	struct block b;

	prove_block(&b, it);
}

static void prove(const struct item *it)
{
	struct stream_view v = { .net = &chain.net,
		.epoch = network_epoch(&chain.net, it->won->row.burn_height),
		.parent = it->parent_hash,
		.key = it->key };
	enum chain_reason why;
	struct block b;
	struct stream s;

	prove_block(&b, it);
	if (!it->vector)
		return;
	v.tail = b.epoch2.parent_microblock;
	v.tail_sequence = b.epoch2.parent_sequence;
	if ((why = stream_judge(&s, &v, it->vector, it->len)) != REASON_OK)
		refused(why);
	stream_release(&s);
}

static void hash_block(const struct item *it)
{
	uint8_t digest[32];

	hash_once(digest, it->b->bytes, it->b->size);
}

/* Every byte once, and every signature once. */
static void bound(const struct item *it)
{
	const struct chain_micro *m = chain.micros + it->b->confirmed;
	uint8_t digest[32], key[KEY_LEN];

	hash_block(it);
	for (uint32_t i = 0; i < it->b->n_confirmed; i++) {
		hash_once(digest, m[i].bytes, m[i].size);
		/* Of another digest the key is another one, and costs the same. */
		if (key_recover(key, m[i].bytes + MICROBLOCK_HEADER - SIG_LEN, digest) < 0)
			die_world("a signature that cannot be recovered");
	}
}

static double time_of(void (*each)(const struct item *))
{
	double from = cpu();

	for (uint32_t i = 0; i < n_items; i++)
		each(&items[i]);
	return cpu() - from;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	double whole[RUNS], alone[RUNS], proof = 0, least = 0;

	log_init("epoch2");
	if (argc != 2)
		die_usage("usage: epoch2 DIR");
	chaindir_open(&chain, argv[1]);
	gather();
	for (int i = 0; i < RUNS; i++) {
		least = time_of(bound);
		proof = time_of(prove);
		whole[i] = least / proof;
		alone[i] = time_of(hash_block) / time_of(prove_alone);
	}
	qsort(whole, RUNS, sizeof(*whole), ascending);
	qsort(alone, RUNS, sizeof(*alone), ascending);
	printf("%-58s %.3f\n", "2.x proof, speed / bound (at least 0.5)", whole[RUNS / 2]);
	printf("%-58s %.3f\n", "  its blocks without streams / hashing their bytes once",
	    alone[RUNS / 2]);
	printf("%-58s %u %u %zu %.3f %.3f\n",
	    "  blocks, microblocks, bytes; seconds of both, the last run", n_items, n_micros,
	    n_bytes, proof, least);
	return 0;
}
