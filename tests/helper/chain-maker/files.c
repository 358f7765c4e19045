/* Writing the chain directory (tests/helper/lib/chaindir.h tells its form). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/helper/chain-maker/epoch2.h"

FILE *file_new(const struct maker *m, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", m->dir, name);
	f = fopen(path, "w");
	if (!f)
		die_world("cannot write '%s': %s", path, strerror(errno));
	return f;
}

void file_end(FILE *f, const char *name)
{
	if (ferror(f) || fclose(f) != 0)
		die_world("cannot write '%s': %s", name, strerror(errno));
}

void put_hex(FILE *f, const void *p, size_t n)
{
	char text[2 * 64 + 1];

	fputs(hex_of(text, p, n), f);
}

/* "name": "0x...", or null. */
static void put_member(FILE *f, const char *name, const void *p, size_t n)
{
	fprintf(f, ", \"%s\": ", name);
	if (!p) {
		fputs("null", f);
		return;
	}
	fputs("\"0x", f);
	put_hex(f, p, n);
	fputc('"', f);
}

void files_sortition(struct maker *m, uint64_t h, unsigned fork, const struct winner *w)
{
	static const struct winner nobody;
	uint8_t burn[32], sortition[32], seed[32], ch[CH_LEN];
	const char *salt = side(m, fork, h);
	FILE *f = m->sortitions;
	bool won = w;

	burn_hash(m, h, burn);
	derive(sortition, 32, "%" PRIu64 "%s/sortition/%" PRIu64, m->p.seed, salt, h);
	derive(seed, 32, "%" PRIu64 "%s/seed/%" PRIu64, m->p.seed, salt, h);
	fork_hash(m, fork, h, ch);
	w = won ? w : &nobody;
	fprintf(f,
	    "{\"burn_block_height\": %" PRIu64 ", \"burn_header_timestamp\": %" PRIu64
	    ", \"was_sortition\": %s",
	    h, burn_time(m, h), won ? "true" : "false");
	put_member(f, "burn_block_hash", burn, 32);
	put_member(f, "sortition_id", sortition, 32);
	put_member(f, "parent_sortition_id", m->parent_sortition[fork], 32);
	put_member(f, "consensus_hash", ch, CH_LEN);
	put_member(f, "miner_pk_hash160", w->miner, HASH160_LEN);
	put_member(f, "stacks_parent_ch", w->parent_ch, CH_LEN);
	put_member(f, "last_sortition_ch", m->last_winner[fork], CH_LEN);
	put_member(f, "committed_block_hash", w->committed, ID_LEN);
	put_member(f, "vrf_seed", w->seed ? seed : NULL, 32);
	if (fork)
		fprintf(f, ", \"fork\": %u", fork);
	fputs("}\n", f);
	memcpy(m->parent_sortition[fork], sortition, 32);
	if (won)
		memcpy(m->last_winner[fork], ch, CH_LEN);
}

void files_flush(struct maker *m)
{
	signers_sign_all(m, m->drafts, m->n_drafts);
	for (uint32_t i = 0; i < m->n_drafts; i++) {
		struct draft *d = &m->drafts[i];
		size_t size = d->head.n + d->sigs.n + d->tail.n;
		fprintf(m->tsv, "%" PRIu64 "\t", d->height);
		put_hex(m->tsv, d->id, ID_LEN);
		fputc('\t', m->tsv);
		put_hex(m->tsv, d->ch, CH_LEN);
		fputc('\t', m->tsv);
		put_hex(m->tsv, d->parent, ID_LEN);
		fprintf(m->tsv, "\t%zu\t%" PRIu64 "\t%d\n", size, m->offset, d->canonical);
		fwrite(d->head.p, 1, d->head.n, m->bin);
		fwrite(d->sigs.p, 1, d->sigs.n, m->bin);
		fwrite(d->tail.p, 1, d->tail.n, m->bin);
		m->offset += size;
		m->n_blocks++;
		m->n_sigs += d->n_sigs;
		buf_release(&d->head);
		buf_release(&d->sigs);
		buf_release(&d->tail);
	}
	m->n_drafts = 0;
}

/* From the cycle of epoch 3.0's first tenure on: before it nobody signs blocks. */
static void write_sets(const struct maker *m)
{
	/* microSTX a unit of weight: amounts above 2^53 */
	const uint64_t slot = UINT64_C(20000000000000);
	char name[64];

	for (uint64_t c = network_cycle(&m->net, m->start3); c < m->n_cycles; c++) {
		const struct cycle_signers *s = &m->signers[c];
		FILE *f;
		snprintf(name, sizeof(name), "reward_sets/%" PRIu64 ".json", c);
		f = file_new(m, name);
		fprintf(f,
		    "{\"stacker_set\": {\"reward_set_version\": 0, \"rewarded_addresses\": [], "
		    "\"start_cycle_state\": {\"missed_reward_slots\": []}, \"pox_ustx_threshold\": "
		    "%" PRIu64 ", \"signers\": [",
		    slot);
		for (uint32_t i = 0; i < s->n; i++) {
			fprintf(f, "%s{\"signing_key\": \"", i ? ", " : "");
			put_hex(f, s->at[i].key.public, KEY_LEN);
			fprintf(f, "\", \"weight\": %u, \"stacked_amt\": %" PRIu64 "}",
			    s->at[i].weight, s->at[i].weight * slot + 1000003);
		}
		fputs("]}}\n", f);
		file_end(f, name);
	}
}

static void write_producers(const struct maker *m, FILE *f)
{
	fputs(",\n\"microblock_producers\": {", f);
	for (uint32_t i = 0; i < m->n_anchored; i++) {
		fputs(i ? ",\n\"" : "\n\"", f);
		put_hex(f, m->anchored[i].id, ID_LEN);
		fputs("\": \"", f);
		put_hex(f, m->anchored[i].producer.secret, 32);
		fputc('"', f);
	}
	fputc('}', f);
}

static void write_keys(const struct maker *m)
{
	const struct params *p = &m->p;
	FILE *f = file_new(m, "keys.json");

	fprintf(f,
	    "{\"seed\": %" PRIu64 ", \"params\": {\"seed\": %" PRIu64 ", \"cycles\": %" PRIu64
	    ", \"cycle_length\": %" PRIu64 ", \"signers\": %" PRIu64
	    ", \"sign_fraction\": %g, \"epoch4_at\": %" PRId64 ", \"tenure_blocks\": [%" PRIu64
	    ", %" PRIu64 "], \"tx_per_block\": [%" PRIu64 ", %" PRIu64 "]},\n\"miners\": [",
	    p->seed, p->seed, p->cycles, p->cycle_length, p->signers, p->sign_fraction,
	    p->epoch4_at, p->tenure_min, p->tenure_max, p->tx_min, p->tx_max);
	for (unsigned i = 0; i < MINERS; i++) {
		fputs(i ? ", \"" : "\"", f);
		put_hex(f, m->miners[i].secret, 32);
		fputc('"', f);
	}
	fputs("],\n\"signers\": {", f);
	for (uint64_t c = 0; c < m->n_cycles; c++) {
		fprintf(f, "%s\"%" PRIu64 "\": [", c ? ",\n" : "\n", c);
		for (uint32_t i = 0; i < m->signers[c].n; i++) {
			fputs(i ? ", \"" : "\"", f);
			put_hex(f, m->signers[c].at[i].key.secret, 32);
			fputc('"', f);
		}
		fputc(']', f);
	}
	fputc('}', f);
	if (m->p.epoch2 > 0)
		write_producers(m, f);
	fputs("}\n", f);
	file_end(f, "keys.json");
}

static void write_broken(const struct maker *m)
{
	FILE *f;

	if (!m->broken)
		die_usage("--break %s: the chain has no fitting place; change the other options",
		    m->rule->name);
	f = file_new(m, "broken.json");
	fprintf(f, "{\"rule\": \"%s\", \"meaning\": \"%s\", \"reason\": \"%s\", \"block\": \"",
	    m->rule->name, m->rule->meaning, m->rule->reason);
	put_hex(f, m->broken_block ? m->broken_block->hash : m->broken_id, ID_LEN);
	if (m->broken_block) {
		fputs("\", \"id\": \"", f);
		put_hex(f, m->broken_block->id, ID_LEN);
	}
	fputs("\"}\n", f);
	file_end(f, "broken.json");
}

void files_open(struct maker *m)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/reward_sets", m->dir);
	if ((mkdir(m->dir, 0777) != 0 && errno != EEXIST) ||
	    (mkdir(path, 0777) != 0 && errno != EEXIST))
		die_world("cannot make '%s': %s", path, strerror(errno));
	m->sortitions = file_new(m, "sortitions.jsonl");
	m->tsv = file_new(m, "blocks.tsv");
	m->bin = file_new(m, "blocks.bin");
	fputs("height\tblock_id\tconsensus_hash\tparent_block_id\tsize\toffset\tcanonical\n",
	    m->tsv);
}

/* The ids of shadow blocks are known only when they are made. */
static void write_network(const struct maker *m)
{
	FILE *f = file_new(m, "network");

	fputs(m->net.text, f);
	for (uint32_t i = 0; i < m->n_shadow; i++) {
		fputs("shadow ", f);
		put_hex(f, m->shadow[i], ID_LEN);
		fputc('\n', f);
	}
	file_end(f, "network");
}

void files_close(struct maker *m)
{
	file_end(m->sortitions, "sortitions.jsonl");
	file_end(m->tsv, "blocks.tsv");
	file_end(m->bin, "blocks.bin");
	if (m->p.epoch2 > 0)
		files_epoch2(m);
	write_network(m);
	write_sets(m);
	write_keys(m);
	if (m->rule)
		write_broken(m);
}

/* Next: tests/helper/chain-maker/epoch2.c, where epoch 2.x grows. */
