/* The rules that one block of a chain can be made to break, with every signature over it valid and
 * the chain going on above it: what no fault of a peer can show, so that only a judge who knows the
 * rule refuses the block. */
#include "tests/helper/chain-maker/epoch2.h"

static struct buf *insert_first(struct plan *p)
{
	memmove(&p->txs[1], &p->txs[0], p->n_txs++ * sizeof(p->txs[0]));
	p->txs[0] = (struct buf){ 0 };
	return &p->txs[0];
}

static void delete_at(struct plan *p, uint32_t i)
{
	buf_release(&p->txs[i]);
	memmove(&p->txs[i], &p->txs[i + 1], (--p->n_txs - i) * sizeof(p->txs[0]));
	p->txs[p->n_txs] = (struct buf){ 0 };
}

static void header_height(struct maker *m, struct plan *p) { p->height++; }
static void header_burn(struct maker *m, struct plan *p) { p->burn_spent++; }
static void header_shadow(struct maker *m, struct plan *p) { p->version |= 0x80; }
static void header_merkle(struct maker *m, struct plan *p) { memset(p->root, 0, 32); }
static void header_miner(struct maker *m, struct plan *p) { p->miner = &m->stranger; }
static void header_markers(struct maker *m, struct plan *p) { p->marker = p->n_txs; }
static void header_signing(struct maker *m, struct plan *p) { p->wrong = m->rule->name; }

static void header_version(struct maker *m, struct plan *p)
{
	p->version ^= 1;
	p->marker = UINT32_MAX;
}

static void header_cycle(struct maker *m, struct plan *p)
{
	p->cycle++;
	p->wrong = m->rule->name;
}

static void header_stray(struct maker *m, struct plan *p)
{
	uint64_t other = m->tenures[1];

	consensus_hash(m, other, p->ch);
	p->miner = &m->miners[m->slots[other - m->p.first_height].miner];
	p->cycle = network_cycle(&m->net, other);
	p->version = network_epoch(&m->net, other) >= EPOCH_40;
}

static void txs_dup(struct maker *m, struct plan *p)
{
	buf_put(&p->txs[p->n_txs], p->txs[p->n_txs - 1].p, p->txs[p->n_txs - 1].n);
	p->n_txs++;
}

static void txs_none(struct maker *m, struct plan *p)
{
	while (p->n_txs)
		buf_release(&p->txs[--p->n_txs]);
}

static void txs_chain(struct maker *m, struct plan *p) { put_be32(p->txs[p->n_txs - 1].p + 1, 42); }
static void txs_netflag(struct maker *m, struct plan *p) { p->txs[p->n_txs - 1].p[0] ^= 0x80; }
static void txs_feature(struct maker *m, struct plan *p) { tx_staking(m, &p->txs[p->n_txs++]); }
static void txs_nocoinbase(struct maker *m, struct plan *p) { delete_at(p, 1); }
static void txs_nochange(struct maker *m, struct plan *p) { delete_at(p, 0); }
static void txs_first(struct maker *m, struct plan *p)
{
	tx_transfer(m, insert_first(p), ANCHOR_ANY);
}

static void txs_oldcoinbase(struct maker *m, struct plan *p)
{
	p->txs[1].n = 0;
	tx_coinbase(m, &p->txs[1], m->slots[p->burn_height - m->p.first_height].miner, false, NULL);
}

static void txs_swapped(struct maker *m, struct plan *p)
{
	struct buf t = p->txs[0];
	p->txs[0] = p->txs[1];
	p->txs[1] = t;
}

static void change_count(struct maker *m, struct plan *p) { p->change.prev_blocks++; }
static void change_prev(struct maker *m, struct plan *p)
{
	memset(p->change.prev_tenure, 5, CH_LEN);
}
static void change_end(struct maker *m, struct plan *p) { memset(p->change.prev_end, 6, ID_LEN); }
static void change_tenure(struct maker *m, struct plan *p) { memset(p->change.tenure, 7, CH_LEN); }
static void change_miner(struct maker *m, struct plan *p)
{
	memcpy(p->change.pubkey_hash, m->stranger.hash, HASH160_LEN);
}
static void change_view(struct maker *m, struct plan *p)
{
	consensus_hash(m, p->burn_height - 1, p->change.burn_view);
}
static void change_cause(struct maker *m, struct plan *p) { p->change.cause = 1; }
static void change_noview(struct maker *m, struct plan *p)
{
	memset(p->change.burn_view, 6, CH_LEN);
}

static const struct rule rules[] = {
	{ "height", PLACE_ORDINARY, "height", "chain_length is the parent's + 2", NULL, NULL,
	    header_height },
	{ "burn", PLACE_ORDINARY, "burn", "burn_spent changes without a tenure change", NULL, NULL,
	    header_burn },
	{ "version", PLACE_ORDINARY, "version", "header version of the other epoch", NULL, NULL,
	    header_version },
	{ "shadow", PLACE_ORDINARY, "shadow", "version with the shadow bit", NULL, NULL,
	    header_shadow },
	{ "merkle", PLACE_ORDINARY, "merkle", "wrong transaction Merkle root", NULL, NULL,
	    header_merkle },
	{ "stray", PLACE_ORDINARY, "stray",
	    "an ordinary block of the previous tenure on this tenure's block", NULL, NULL,
	    header_stray },
	{ "miner", PLACE_ORDINARY, "miner", "signed by another miner", NULL, NULL, header_miner },
	{ "chainid", PLACE_ORDINARY, "chainid", "a transaction of another chain id", NULL,
	    txs_chain, NULL },
	{ "netflag", PLACE_ORDINARY, "netflag",
	    "a transaction with the other network's version byte", NULL, txs_netflag, NULL },
	{ "feature", PLACE_EPOCH3, "feature", "a staking post-condition before epoch 4.0", NULL,
	    txs_feature, NULL },
	{ "duptx", PLACE_ORDINARY, "duptx", "the same transaction twice", NULL, txs_dup, NULL },
	{ "notx", PLACE_ORDINARY, "notx", "no transactions at all", NULL, txs_none, NULL },
	{ "markers", PLACE_EPOCH4, "markers",
	    "a problematic-transaction marker beyond the last transaction", NULL, NULL,
	    header_markers },
	{ "order", PLACE_EPOCH4, "order", "signers not in order, in epoch 4.0", NULL, NULL,
	    header_signing },
	{ "firstorder", PLACE_EPOCH3, "order", "a signer before the first one, in epoch 3.x", NULL,
	    NULL, header_signing },
	{ "othercycle", PLACE_ORDINARY, "signer", "signed by the next cycle's signers", NULL, NULL,
	    header_cycle },
	{ "few", PLACE_ORDINARY, "few", "signed by less than 70 % of the weight", NULL, NULL,
	    header_signing },
	{ "count", PLACE_START, "count", "previous_tenure_blocks one too many", change_count, NULL,
	    NULL },
	{ "prevtenure", PLACE_START, "prevtenure", "prev_tenure_consensus_hash of another tenure",
	    change_prev, NULL, NULL },
	{ "prevend", PLACE_START, "prevend", "previous_tenure_end is not the parent", change_end,
	    NULL, NULL },
	{ "othertenure", PLACE_START, "othertenure", "tenure_consensus_hash of another tenure",
	    change_tenure, NULL, NULL },
	{ "minerhash", PLACE_START, "minerhash", "pubkey_hash of another miner", change_miner, NULL,
	    NULL },
	{ "burnview", PLACE_START, "burnview", "burn view below the tenure's own sortition",
	    change_view, NULL, NULL },
	{ "startcause", PLACE_START, "startcause", "tenure start with cause Extended", change_cause,
	    NULL, NULL },
	{ "nocoinbase", PLACE_START, "nocoinbase", "tenure start without coinbase", NULL,
	    txs_nocoinbase, NULL },
	{ "nochange", PLACE_START, "nochange", "coinbase without tenure change", NULL, txs_nochange,
	    NULL },
	{ "oldcoinbase", PLACE_START, "oldcoinbase", "coinbase without VRF proof", NULL,
	    txs_oldcoinbase, NULL },
	{ "swapped", PLACE_START, "swapped", "coinbase before the tenure change", NULL, txs_swapped,
	    NULL },
	{ "latechange", PLACE_START, "latechange",
	    "tenure change and coinbase after another transaction", NULL, txs_first, NULL },
	{ "commit", PLACE_COMMIT, "commit", "the winning commit names another parent tenure start",
	    NULL, NULL, NULL },
	{ "extcount", PLACE_EXTEND, "extcount", "tenure extension counts one block too many",
	    change_count, NULL, NULL },
	{ "extprev", PLACE_EXTEND, "extprev", "tenure extension with another previous tenure",
	    change_prev, NULL, NULL },
	{ "extview", PLACE_EXTEND, "extview", "burn view of an extension is unknown", change_noview,
	    NULL, NULL },
	{ "extend2", PLACE_EXTEND, "latechange",
	    "tenure extension that is not the first transaction", NULL, txs_first, NULL },
};

const struct rule *rule_find(const char *name)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	return rule2_find(name);
}

void rule_list(FILE *f)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		fprintf(f, "%s\t%s\t%s\n", rules[i].name, rules[i].reason, rules[i].meaning);
	rule2_list(f);
}

bool rule_fits(const struct maker *m, const struct plan *p)
{
	bool epoch4 = network_epoch(&m->net, p->burn_height) >= EPOCH_40;

	if (!m->rule || m->broken || p->burn_height < m->p.break_at)
		return false;
	switch (m->rule->place) {
	/* not the last one: what the next tenure stands on and its commit names would be a riddle
	 * of its own */
	case PLACE_ORDINARY:
		return p->kind == BLOCK_ORDINARY && !p->last && m->tenures[1] > m->p.first_height;
	case PLACE_EPOCH3: return p->kind == BLOCK_ORDINARY && !epoch4;
	case PLACE_EPOCH4: return p->kind == BLOCK_ORDINARY && epoch4;
	case PLACE_EXTEND: return p->kind == BLOCK_EXTEND;
	case PLACE_START:
	case PLACE_COMMIT: return p->kind == BLOCK_START && !p->shadow;
	default: return false; /* of epoch 2.x */
	}
}

/* Next: tests/helper/chain-maker/grow.c, where blocks become tenures. */
