/* bound - how long libsecp256k1 takes to recover every signature of a chain once: the signers', the
 * miners', and those of confirmed microblocks; and of epoch 2.x, how long it takes to hash every
 * byte once.
 *
 *   bound DIR [THREADS]     one line: signatures, seconds of wall clock, seconds of CPU
 *
 * Whoever proves the chain cannot be faster: it is the measure of tests/bench.  Parsing, and
 * hashing Nakamoto blocks, are not timed. */
#include <pthread.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/chain/hash.h"
#include "common/chain/microblock.h"
#include "common/sys/options.h"
#include "tests/helper/lib/chaindir.h"

/* Signatures over one digest, or (n is 0) bytes to hash, of a block. */
struct task {
	uint32_t block;
	uint8_t digest[32];
	const uint8_t *sigs;
	uint32_t n;
	const uint8_t *bytes;
	size_t len;
};
struct tasks {
	struct task *at;
	size_t n, cap;
	uint32_t block; /* of the tasks that are added */
};
struct work {
	const struct tasks *tasks;
	uint32_t from, step;
	uint64_t done;
};

static double clock_of(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void recover(const uint8_t *sig, const uint8_t digest[32])
{
	secp256k1_ecdsa_recoverable_signature parsed;
	secp256k1_pubkey key;

	if (!secp256k1_ecdsa_recoverable_signature_parse_compact(secp256k1_context_static, &parsed,
		sig + 1, sig[0]) ||
	    !secp256k1_ecdsa_recover(secp256k1_context_static, &key, &parsed, digest))
		die_world("a signature cannot be recovered");
}

static void *run(void *arg)
{
	struct work *w = arg;
	uint8_t digest[32];

	/* Whole blocks in turn, so that all threads have the same share of each kind. */
	for (size_t i = 0; i < w->tasks->n; i++) {
		const struct task *t = &w->tasks->at[i];
		if (t->block % w->step != w->from)
			continue;
		for (uint32_t s = 0; s < t->n; s++, w->done++)
			recover(t->sigs + s * SIG_LEN, t->digest);
		if (t->bytes)
			hash_once(digest, t->bytes, t->len);
	}
	return NULL;
}

static struct task *task_add(struct tasks *l)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 1024;
		l->at = xrealloc(l->at, l->cap * sizeof(*l->at));
	}
	l->at[l->n] = (struct task){ .block = l->block };
	return &l->at[l->n++];
}

static void add_signatures(
    struct tasks *l, const uint8_t digest[32], const uint8_t *sigs, uint32_t n)
{
	struct task *t = task_add(l);

	memcpy(t->digest, digest, 32);
	t->sigs = sigs;
	t->n = n;
}

static void add_bytes(struct tasks *l, const uint8_t *bytes, size_t len)
{
	struct task *t = task_add(l);

	t->bytes = bytes;
	t->len = len;
}

static void add_nakamoto(struct tasks *l, const struct chain_block *b)
{
	uint8_t digest[32];
	struct block block;
	size_t need;

	if (block_header(&block, MODEL_BIT(NAKAMOTO), NULL, b->bytes, b->size, &need) <= 0)
		die_world("a block is none");
	nakamoto_miner_hash(digest, &block);
	add_signatures(l, digest, block.nakamoto.miner_sig, 1);
	add_signatures(l, block.hash, block.nakamoto.sigs, block.nakamoto.n_sigs);
}

/* What is signed is the header without its signature. */
static void add_microblock(struct tasks *l, const struct chain_micro *m)
{
	uint8_t header[MICROBLOCK_HEADER], digest[32];
	struct microblock micro;
	size_t need;

	if (microblock_header(&micro, m->bytes, m->size, &need) <= 0)
		die_world("a microblock is none");
	memcpy(header, m->bytes, sizeof(header));
	memset(header + (micro.sig - m->bytes), 0, SIG_LEN);
	hash_once(digest, header, sizeof(header));
	add_bytes(l, m->bytes, m->size);
	add_signatures(l, digest, micro.sig, 1);
}

static void add_all(struct tasks *l, const struct chaindir *c)
{
	for (uint32_t i = 0; i < c->n_blocks; i++) {
		const struct chain_block *b = &c->blocks[i];
		l->block = i;
		if (b->model == NAKAMOTO)
			add_nakamoto(l, b);
		else
			add_bytes(l, b->bytes, b->size);
		for (uint32_t k = 0; k < b->n_confirmed; k++)
			add_microblock(l, &c->micros[b->confirmed + k]);
	}
}

int main(int argc, char **argv)
{
	static struct chaindir chain;
	unsigned long threads = argc > 2 ? options_number("THREADS", argv[2], 1, 64) :
					   (unsigned long)sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t ids[64];
	struct work works[64];
	struct tasks tasks = { 0 };
	uint64_t done = 0;
	double wall, cpu;

	log_init("bound");
	if (argc < 2)
		die_usage("usage: bound DIR [THREADS]");
	chaindir_open(&chain, argv[1]);
	add_all(&tasks, &chain);
	wall = clock_of(CLOCK_MONOTONIC);
	cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
	for (unsigned long i = 0; i < threads; i++) {
		works[i] = (struct work){ &tasks, (uint32_t)i, (uint32_t)threads, 0 };
		if (pthread_create(&ids[i], NULL, run, &works[i]) != 0)
			die_world("cannot start a thread");
	}
	for (unsigned long i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		done += works[i].done;
	}
	wall = clock_of(CLOCK_MONOTONIC) - wall;
	cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("%llu %.3f %.3f\n", (unsigned long long)done, wall, cpu);
	free(tasks.at);
	return 0;
}

/* Next: tests/bench/run, which compares the suite with it. */
