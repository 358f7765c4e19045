/* chain-maker - write a valid chain into a directory, deterministic by seed; or one that breaks a
 * single rule.
 *
 *   chain-maker DIR [options]       the directory's form: tests/helper/lib/chaindir.h
 *   chain-maker --rules             rules that --break can break: name, the reason a judge must
 *                                   give, meaning
 *   chain-maker DIR --archive FILE  also (or, if DIR holds a chain, only) write it as a record
 *                                   archive
 *                   --view FILE     ... its view alone: network, sortitions, reward sets
 *                   --stream FILE   ... its blocks alone, as block-verify reads them
 *
 * Options of epoch 2.x, of which there is none unless the first one says so:
 *   --epoch2 N             burn blocks of epoch 2.x above the first one: 2.05 to 2.4 begin in its
 *                          first third, 2.5 in its last quarter.  As --start-rate says winners have
 *                          a block; the commits of the others name a hash that nobody has
 *   --microblocks RATE     blocks with a stream on them, before epoch 2.5 (0.5)
 *   --equivocations RATE   streams in which one microblock was signed twice
 *   --forks RATE           winners that build on a block below the highest one, and begin a fork
 *   --pox-fork CYCLE       sortitions of another PoX fork in this cycle, each with a block
 * Of both models:
 *   --fork-at BURN_HEIGHT  burn blocks, winners and all that they mine are others from here on, so
 *                          that a chain without it is on the other side of a reorganisation
 * And of Nakamoto:
 *   --shadows N            burn blocks without winner that have a shadow tenure of one block */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/sys/options.h"
#include "tests/helper/chain-maker/maker.h"
#include "tests/helper/lib/chaindir.h"

static const struct option names[] = { { "seed", 1, 0, 's' }, { "cycles", 1, 0, 'c' },
	{ "cycle-length", 1, 0, 'l' }, { "prepare-length", 1, 0, 'p' },
	{ "first-height", 1, 0, 'f' }, { "stable-confirmations", 1, 0, 'C' },
	{ "sortition-rate", 1, 0, 'w' }, { "start-rate", 1, 0, 'S' },
	{ "tenure-blocks", 1, 0, 't' }, { "signers", 1, 0, 'n' }, { "sign-fraction", 1, 0, 'F' },
	{ "tx-per-block", 1, 0, 'x' }, { "extend-rate", 1, 0, 'e' }, { "epoch4-at", 1, 0, '4' },
	{ "orphans", 1, 0, 'o' }, { "tip-offset", 1, 0, 'T' }, { "break", 1, 0, 'b' },
	{ "break-at", 1, 0, 'B' }, { "jobs", 1, 0, 'j' }, { "archive", 1, 0, 'a' },
	{ "view", 1, 0, 'v' }, { "stream", 1, 0, 'm' }, { "rules", 0, 0, 'r' },
	{ "epoch2", 1, 0, '2' }, { "microblocks", 1, 0, 'M' }, { "forks", 1, 0, 'k' },
	{ "equivocations", 1, 0, 'q' }, { "pox-fork", 1, 0, 'P' }, { "shadows", 1, 0, 'd' },
	{ "fork-at", 1, 0, 'A' }, { 0 } };

static uint64_t number(const char *text) { return options_number("option", text, 0, UINT32_MAX); }

static void range(const char *text, uint64_t *min, uint64_t *max)
{
	unsigned long long low, high;
	int n = sscanf(text, "%llu:%llu", &low, &high);

	*min = low;
	*max = n == 2 ? high : low;
	if (n < 1 || *min > *max)
		die_usage("'%s' is no MIN:MAX", text);
}

struct outputs { const char *archive, *view, *stream; };

static void take(struct params *p, int letter, const char *arg, struct outputs *out)
{
	switch (letter) {
	case 's': p->seed = number(arg); break;
	case 'c': p->cycles = number(arg); break;
	case 'l': p->cycle_length = number(arg); break;
	case 'p': p->prepare_length = number(arg); break;
	case 'f': p->first_height = number(arg); break;
	case 'C': p->stable_confirmations = number(arg); break;
	case 'w': p->sortition_rate = atof(arg); break;
	case 'S': p->start_rate = atof(arg); break;
	case 't': range(arg, &p->tenure_min, &p->tenure_max); break;
	case 'n': p->signers = number(arg); break;
	case 'F': p->sign_fraction = atof(arg); break;
	case 'x': range(arg, &p->tx_min, &p->tx_max); break;
	case 'e': p->extend_rate = atof(arg); break;
	case '4': p->epoch4_at = atoll(arg); break;
	case 'o': p->orphans = number(arg); break;
	case 'T': p->tip_offset = atoll(arg); break;
	case 'b': p->rule = arg; break;
	case 'B': p->break_at = number(arg); break;
	case 'j': p->jobs = (unsigned)number(arg); break;
	case 'a': out->archive = arg; break;
	case 'v': out->view = arg; break;
	case 'm': out->stream = arg; break;
	case '2': p->epoch2 = number(arg); break;
	case 'M': p->microblocks = atof(arg); break;
	case 'k': p->forks = atof(arg); break;
	case 'q': p->equivocations = atof(arg); break;
	case 'P': p->pox_fork = atoll(arg); break;
	case 'd': p->shadows = number(arg); break;
	case 'A': p->fork_at = number(arg); break;
	case 'r': rule_list(stdout); exit(0);
	default: die_usage("usage: chain-maker DIR [options], see tests/helper/chain-maker/main.c");
	}
}

/* Where a rule is broken if nothing is said: early enough to be below epoch 4.0 where that matters,
 * else in the middle of the chain or of its epoch 2.x. */
static uint64_t break_after(const struct maker *m)
{
	const struct params *p = &m->p;
	uint64_t rest = p->cycles * p->cycle_length - p->epoch2;

	switch (m->rule ? m->rule->place : PLACE_ORDINARY) {
	case PLACE_EPOCH3: return p->epoch2 + p->cycle_length / 3;
	case PLACE_EPOCH20:
	case PLACE_EPOCH25: return 1;
	case PLACE_EPOCH2:
	case PLACE_STREAM:
	case PLACE_MICROBLOCK: return p->epoch2 / 2;
	default: return p->epoch2 + rest / 2;
	}
}

static void check(struct maker *m)
{
	struct params *p = &m->p;

	if (p->cycles < 1 || p->cycle_length < 4 || p->tenure_min < 1 || p->signers < 1 ||
	    p->signers > MAX_SIGNERS || p->tx_max > 50 || p->jobs < 1 || p->jobs > 64 ||
	    p->sign_fraction < 0.7 || p->sign_fraction > 1 || p->shadows > MAX_SHADOWS)
		die_usage("an option is out of its range");
	if (p->shadows > 0 &&
	    p->cycles * p->cycle_length + (uint64_t)p->tip_offset < p->epoch2 + 4)
		die_usage("no room for shadow tenures above epoch 2.x");
	if (p->rule && (m->rule = rule_find(p->rule)) == NULL)
		die_usage("no rule named '%s': --rules lists them", p->rule);
	if (p->break_at == 0)
		p->break_at = p->first_height + break_after(m);
}

static void write_inventory(const char *dir)
{
	static struct chaindir chain;
	char path[4096];
	FILE *f;

	chaindir_open(&chain, dir);
	snprintf(path, sizeof(path), "%s/inventory.jsonl", dir);
	f = fopen(path, "w");
	if (!f)
		die_world("cannot write '%s': %s", path, strerror(errno));
	chaindir_inventory(&chain, f);
	file_end(f, path);
}

static void make(struct maker *m)
{
	maker_network(m);
	maker_plan(m);
	signers_make(m);
	files_open(m);
	for (uint64_t h = m->p.first_height; h <= m->tip_height; h++) {
		grow_sortition(m, h);
		if (m->n_drafts >= 1024 || h == m->tip_height)
			files_flush(m);
	}
	files_close(m);
	write_inventory(m->dir);
	fprintf(stderr, "%s: %llu blocks, %llu signer signatures\n", m->dir,
	    (unsigned long long)m->n_blocks, (unsigned long long)m->n_sigs);
}

static void write_outputs(const char *dir, const struct outputs *out)
{
	static struct chaindir chain;

	if (!out->archive && !out->view && !out->stream)
		return;
	chaindir_open(&chain, dir);
	if (out->archive)
		chaindir_archive(&chain, out->archive, true, true);
	if (out->view)
		chaindir_archive(&chain, out->view, true, false);
	if (out->stream)
		chaindir_archive(&chain, out->stream, false, true);
}

static bool exists(const char *dir)
{
	char path[4096];
	struct stat st;

	snprintf(path, sizeof(path), "%s/sortitions.jsonl", dir);
	return stat(path, &st) == 0;
}

int main(int argc, char **argv)
{
	static struct maker m = { .p = { .seed = 1,
				      .cycles = 5,
				      .cycle_length = 20,
				      .prepare_length = 5,
				      .first_height = 100,
				      .stable_confirmations = 7,
				      .sortition_rate = 0.9,
				      .start_rate = 0.9,
				      .sign_fraction = 0.71,
				      .extend_rate = 0.1,
				      .markers = 0.05,
				      .tenure_min = 1,
				      .tenure_max = 10,
				      .tx_min = 1,
				      .tx_max = 4,
				      .signers = 17,
				      .microblocks = 0.5,
				      .pox_fork = -1,
				      .epoch4_at = -1,
				      .tip_offset = -1,
				      .jobs = 2 } };
	struct outputs out = { 0 };
	int letter;

	log_init("chain-maker");
	while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1)
		take(&m.p, letter, optarg, &out);
	if (optind + 1 != argc)
		die_usage("usage: chain-maker DIR [options], see tests/helper/chain-maker/main.c");
	m.dir = argv[optind];
	check(&m);
	if (!exists(m.dir))
		make(&m);
	else if (!out.archive && !out.view && !out.stream)
		die_usage("'%s' holds a chain already", m.dir);
	write_outputs(m.dir, &out);
	return 0;
}

/* Next: tests/helper/chain-maker/network.c, what is decided before the chain grows. */
