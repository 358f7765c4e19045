/* The rules of epoch 2.x that one block or one microblock of a chain can be made to break, while
 * the winner's hash and every signature fit, and the chain goes on above. */
#include "tests/helper/chain-maker/epoch2.h"

static void swap_first(struct plan2 *p)
{
	struct buf t = p->txs[0];

	p->txs[0] = p->txs[p->n_txs - 1];
	p->txs[p->n_txs - 1] = t;
}

static void txs_dup(struct maker *m, struct plan2 *p)
{
	buf_put(&p->txs[p->n_txs], p->txs[p->n_txs - 1].p, p->txs[p->n_txs - 1].n);
	p->n_txs++;
}
static void txs_none(struct maker *m, struct plan2 *p)
{
	while (p->n_txs)
		buf_release(&p->txs[--p->n_txs]);
}
static void txs_nocoinbase(struct maker *m, struct plan2 *p)
{
	p->txs[0].n = 0;
	tx_transfer(m, &p->txs[0], ANCHOR_ANY);
}
static void txs_twocoinbases(struct maker *m, struct plan2 *p)
{
	tx_coinbase(m, &p->txs[p->n_txs++], 0, false, NULL);
}
static void txs_latecoinbase(struct maker *m, struct plan2 *p)
{
	tx_transfer(m, &p->txs[p->n_txs++], ANCHOR_ANY);
	swap_first(p);
}
static void txs_newcoinbase(struct maker *m, struct plan2 *p)
{
	p->txs[0].n = 0;
	tx_coinbase(m, &p->txs[0], 0, true, NULL);
}
static void txs_anchor(struct maker *m, struct plan2 *p)
{
	tx_transfer(m, &p->txs[p->n_txs++], ANCHOR_MICROBLOCK);
}
static void txs_feature(struct maker *m, struct plan2 *p)
{
	tx_multisig(m, &p->txs[p->n_txs++], 5);
}
static void txs_clarity(struct maker *m, struct plan2 *p)
{
	tx_contract(m, &p->txs[p->n_txs++], true);
}
static void txs_chain(struct maker *m, struct plan2 *p) { put_be32(p->txs[0].p + 1, 42); }
static void txs_netflag(struct maker *m, struct plan2 *p) { p->txs[0].p[0] ^= 0x80; }

static void header_merkle(struct maker *m, struct plan2 *p) { memset(p->root, 0, 32); }
static void header_parent(struct maker *m, struct plan2 *p) { memset(p->parent_hash, 5, 32); }
static void header_height(struct maker *m, struct plan2 *p) { p->height++; }
static void header_burn(struct maker *m, struct plan2 *p) { p->burn++; }
static void header_tail(struct maker *m, struct plan2 *p) { p->tail_sequence++; }
static void header_confirm(struct maker *m, struct plan2 *p) { memset(p->tail, 5, 32); }

static void micro_key(struct maker *m, struct plan_micro *p) { p->key = &m->stranger; }
static void micro_sequence(struct maker *m, struct plan_micro *p) { p->sequence++; }
static void micro_prev(struct maker *m, struct plan_micro *p) { memset(p->prev, 5, 32); }
static void micro_merkle(struct maker *m, struct plan_micro *p) { memset(p->root, 0, 32); }
static void micro_dup(struct maker *m, struct plan_micro *p)
{
	buf_put(&p->txs[p->n_txs], p->txs[0].p, p->txs[0].n);
	p->n_txs++;
}
static void micro_none(struct maker *m, struct plan_micro *p)
{
	while (p->n_txs)
		buf_release(&p->txs[--p->n_txs]);
}
static void micro_anchor(struct maker *m, struct plan_micro *p)
{
	tx_transfer(m, &p->txs[p->n_txs++], ANCHOR_BLOCK);
}
static void micro_coinbase(struct maker *m, struct plan_micro *p)
{
	tx_coinbase(m, &p->txs[p->n_txs++], 0, false, NULL);
}
static void micro_chain(struct maker *m, struct plan_micro *p) { put_be32(p->txs[0].p + 1, 42); }

#define RULE(n, p, r, m) .rule = { .name = n, .place = PLACE_##p, .reason = r, .meaning = m }
static const struct rule2 rules[] = {
	{ RULE("merkle2", EPOCH2, "merkle", "2.x block with a wrong transaction Merkle root"),
	    .header = header_merkle },
	{ RULE("duptx2", EPOCH2, "duptx", "2.x block with the same transaction twice"),
	    .txs = txs_dup },
	{ RULE("notx2", EPOCH2, "notx", "2.x block without transactions"), .txs = txs_none },
	{ RULE("nocoinbase2", EPOCH2, "coinbase", "2.x block without coinbase"),
	    .txs = txs_nocoinbase },
	{ RULE("twocoinbases2", EPOCH2, "coinbase", "2.x block with two coinbases"),
	    .txs = txs_twocoinbases },
	{ RULE("latecoinbase2", EPOCH2, "coinbase",
	      "2.x block whose coinbase is not its first transaction"),
	    .txs = txs_latecoinbase },
	{ RULE("newcoinbase2", EPOCH2, "feature", "2.x block with a coinbase of epoch 3.0"),
	    .txs = txs_newcoinbase },
	{ RULE("anchor2", EPOCH2, "anchor", "2.x block with a transaction for microblocks only"),
	    .txs = txs_anchor },
	{ RULE("feature2", EPOCH2, "feature",
	      "an order-independent multi-signature before epoch 3.0"),
	    .txs = txs_feature },
	{ RULE("clarity2", EPOCH20, "feature", "a Clarity 2 contract before epoch 2.1"),
	    .txs = txs_clarity },
	{ RULE("chainid2", EPOCH2, "chainid", "2.x block with a transaction of another chain id"),
	    .txs = txs_chain },
	{ RULE("netflag2", EPOCH2, "netflag",
	      "2.x block with a transaction of the other network's version byte"),
	    .txs = txs_netflag },
	{ RULE("parent2", EPOCH2, "parent", "2.x block with another parent than its commit"),
	    .header = header_parent },
	{ RULE("height2", EPOCH2, "height", "2.x height one too many"), .header = header_height },
	{ RULE("burn2", EPOCH2, "burn", "2.x total burn that is not the parent sortition's"),
	    .header = header_burn },
	{ RULE("tail2", STREAM, "tail", "microblock tail sequence one too many"),
	    .header = header_tail },
	{ RULE("mb25", EPOCH25, "mb25", "microblocks confirmed in epoch 2.5"),
	    .header = header_confirm },
	{ RULE("mbkey", MICROBLOCK, "mbkey", "microblock signed by another key"),
	    .micro = micro_key },
	{ RULE("mbseq", MICROBLOCK, "mbseq", "microblock sequence skips one"),
	    .micro = micro_sequence },
	{ RULE("mbprev", MICROBLOCK, "mbseq", "the first microblock is not on the anchored block"),
	    .micro = micro_prev },
	{ RULE("mbmerkle", MICROBLOCK, "merkle", "microblock with a wrong transaction Merkle root"),
	    .micro = micro_merkle },
	{ RULE("mbduptx", MICROBLOCK, "duptx", "microblock with the same transaction twice"),
	    .micro_txs = micro_dup },
	{ RULE("mbnotx", MICROBLOCK, "notx", "microblock without transactions"),
	    .micro_txs = micro_none },
	{ RULE("mbanchor", MICROBLOCK, "anchor",
	      "microblock with a transaction for anchored blocks only"),
	    .micro_txs = micro_anchor },
	{ RULE("mbcoinbase", MICROBLOCK, "coinbase", "microblock with a coinbase"),
	    .micro_txs = micro_coinbase },
	{ RULE("mbchainid", MICROBLOCK, "chainid",
	      "microblock with a transaction of another chain id"),
	    .micro_txs = micro_chain },
};
enum { RULES = sizeof(rules) / sizeof(rules[0]) };

const struct rule *rule2_find(const char *name)
{
	for (size_t i = 0; i < RULES; i++)
		if (strcmp(rules[i].rule.name, name) == 0)
			return &rules[i].rule;
	return NULL;
}

void rule2_list(FILE *f)
{
	for (size_t i = 0; i < RULES; i++)
		fprintf(f, "%s\t%s\t%s\n", rules[i].rule.name, rules[i].rule.reason,
		    rules[i].rule.meaning);
}

static bool fits(const struct maker *m, const struct plan2 *p, enum place place)
{
	enum epoch epoch = network_epoch(&m->net, p->burn_height);

	switch (place) {
	case PLACE_EPOCH2: return p->height > 1;
	case PLACE_EPOCH20: return epoch < EPOCH_21;
	case PLACE_EPOCH25: return epoch == EPOCH_25;
	case PLACE_STREAM:
	case PLACE_MICROBLOCK: return p->n_confirmed > 0;
	default: return false;
	}
}

const struct rule2 *rule2_of(const struct maker *m, const struct plan2 *p, bool micro)
{
	if (!m->rule || m->broken || p->forking || p->burn_height < m->p.break_at ||
	    micro != (m->rule->place == PLACE_MICROBLOCK) || !fits(m, p, m->rule->place))
		return NULL;
	/* places of epoch 2.x are those of rules in this file */
	for (size_t i = 0; i < RULES; i++)
		if (&rules[i].rule == m->rule)
			return &rules[i];
	return NULL;
}

/* Next: tests/helper/chain-maker/files2.c, where they are written. */
