/* bound - how long libsecp256k1 takes to recover every signature of a chain once, the signers' and
 * the miners'.
 *
 *   bound DIR [THREADS]     one line: signatures, seconds of wall clock, seconds of CPU
 *
 * Whoever proves the chain cannot be faster: it is the measure of tests/bench.  Hashing and parsing
 * are not timed. */
#include <pthread.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/chain/hash.h"
#include "common/sys/options.h"
#include "tests/helper/lib/chaindir.h"

struct task { uint8_t digest[32]; const uint8_t *sigs; uint32_t n; };
struct work { struct task *tasks; size_t blocks, from, step; uint64_t done; };

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

	/* Whole blocks in turn, so that all threads have the same share of signers' and miners'
	 * signatures. */
	for (size_t b = w->from; b < w->blocks; b += w->step)
		for (size_t i = 2 * b; i < 2 * b + 2; i++)
			for (uint32_t s = 0; s < w->tasks[i].n; s++, w->done++)
				recover(w->tasks[i].sigs + s * SIG_LEN, w->tasks[i].digest);
	return NULL;
}

/* Two tasks a block: its miner and its signers. */
static struct task *tasks_of(const struct chaindir *c)
{
	struct task *tasks = xcalloc(2 * (size_t)c->n_blocks, sizeof(*tasks));
	struct block block;
	size_t need;

	for (uint32_t i = 0; i < c->n_blocks; i++) {
		if (block_header(&block, MODEL_BIT(NAKAMOTO), NULL,
			c->blocks[i].bytes, c->blocks[i].size, &need) <= 0)
			die_world("block %u is no block", i);
		nakamoto_miner_hash(tasks[2 * i].digest, &block);
		tasks[2 * i].sigs = block.nakamoto.miner_sig;
		tasks[2 * i].n = 1;
		memcpy(tasks[2 * i + 1].digest, block.hash, 32);
		tasks[2 * i + 1].sigs = block.nakamoto.sigs;
		tasks[2 * i + 1].n = block.nakamoto.n_sigs;
	}
	return tasks;
}

int main(int argc, char **argv)
{
	static struct chaindir chain;
	unsigned long threads = argc > 2 ? options_number("THREADS", argv[2], 1, 64) :
					   (unsigned long)sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t ids[64];
	struct work works[64];
	uint64_t done = 0;
	double wall, cpu;

	log_init("bound");
	if (argc < 2)
		die_usage("usage: bound DIR [THREADS]");
	chaindir_open(&chain, argv[1]);
	struct task *tasks = tasks_of(&chain);
	wall = clock_of(CLOCK_MONOTONIC);
	cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
	for (unsigned long i = 0; i < threads; i++) {
		works[i] = (struct work){ tasks, chain.n_blocks, i, threads, 0 };
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
	free(tasks);
	return 0;
}

/* Next: tests/bench/run, which compares the suite with it. */
