/* A block on its own: what its bytes, its epoch, its miner and its signers must be
 * (spec/blocks.md 1.1 to 1.5). */
#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "common/chain/proof.h"
#include "common/limits.h"
#include "common/sys/log.h"

/* What the walk over the transactions of a block gathers. */
struct shape {
	const struct block *block;
	const struct network *net;
	enum epoch epoch;
	uint32_t changes, coinbases;
	uint32_t change_at, coinbase_at;	/* the first of each */
	bool vrf;				/* that coinbase carries a proof */
	struct tenure_change change;
	uint32_t marker;			/* next marker to meet */
	bool has_keys;				/* some transaction shows public keys */
};

static void note_tx(struct shape *s, uint32_t i, const struct tx *tx)
{
	s->has_keys |= tx->has_keys;
	if (tx->payload == TX_TENURE_CHANGE && s->changes++ == 0) {
		s->change_at = i;
		s->change = tx->change;
	}
	if (tx_is_coinbase(tx) && s->coinbases++ == 0) {
		s->coinbase_at = i;
		s->vrf = tx->payload == TX_COINBASE_VRF;
	}
}

/* Strictly ascending, and below the number of transactions. */
static enum chain_reason judge_markers(const struct block *b)
{
	const struct nakamoto *h = &b->nakamoto;

	for (uint32_t i = 0; i < h->n_markers; i++) {
		uint32_t at = get_be32(h->markers + 5 * (size_t)i);

		if (at >= b->n_txs || (i && at <= get_be32(h->markers + 5 * (size_t)(i - 1))))
			return REASON_MARKERS;
	}
	return REASON_OK;
}

/* One transaction against the network, the epoch and the markers. */
static enum chain_reason judge_tx(void *arg, uint32_t i, const struct tx *tx)
{
	struct shape *s = arg;
	const struct nakamoto *h = &s->block->nakamoto;
	enum chain_reason reason = i ? REASON_OK : judge_markers(s->block);

	note_tx(s, i, tx);
	if (reason == REASON_OK)
		reason = tx_allowed(tx, s->net, s->epoch);
	if (reason != REASON_OK)
		return reason;
	if (s->marker < h->n_markers && get_be32(h->markers + 5 * (size_t)s->marker) == i) {
		if (tx_is_coinbase(tx) || tx->payload == TX_TENURE_CHANGE)
			return REASON_MARKERS;
		s->marker++;
	}
	return REASON_OK;
}

enum chain_reason proof_root(const struct block *b)
{
	struct txs txs = block_txs(b);

	return txs_judge(&txs, NULL, NULL);
}

/* Coinbase and tenure change: how many, where, of which tenure. */
static enum chain_reason judge_shape(const struct shape *s)
{
	const struct block *b = s->block;

	if (s->changes == 0 && s->coinbases == 0)
		return REASON_OK;
	if (s->changes > 1 || s->coinbases > 1)
		return REASON_MANYCHANGES;
	if (s->changes == 0)
		return REASON_NOCHANGE;
	if (s->coinbases && s->coinbase_at < s->change_at)
		return REASON_SWAPPED;
	if (s->change_at != 0)
		return REASON_LATECHANGE;
	if (s->coinbases == 0 && s->change.cause == 0)
		return REASON_NOCOINBASE;
	if (s->coinbases && s->change.cause != 0)
		return REASON_STARTCAUSE;
	if (s->coinbases && s->coinbase_at != 1)
		return REASON_LATECOINBASE;
	if (s->coinbases && !s->vrf)
		return REASON_OLDCOINBASE;
	if (memcmp(s->change.prev_end, b->parent, ID_LEN) != 0)
		return REASON_PREVEND;
	if (memcmp(s->change.tenure, b->ch, CH_LEN) != 0)
		return REASON_OTHERTENURE;
	if (s->coinbases == 0 && memcmp(s->change.prev_tenure, b->ch, CH_LEN) != 0)
		return REASON_EXTPREV;
	return REASON_OK;
}

/* Version and shadow bit. */
static enum chain_reason judge_version(
    const struct block *b, const struct network *net, enum epoch epoch)
{
	if ((b->nakamoto.version & SHADOW_BIT) && !network_is_shadow(net, b->id))
		return REASON_SHADOW;
	return (b->nakamoto.version & ~SHADOW_BIT) != (epoch >= EPOCH_40 ? 1 : 0) ? REASON_VERSION :
										    REASON_OK;
}

static enum epoch epoch_of(const struct network *net, uint64_t burn_height)
{
	enum epoch epoch = network_epoch(net, burn_height);

	/* The first tenure may belong to the last sortition before 3.0 (spec/blocks.md 8.6). */
	return epoch < EPOCH_30 ? EPOCH_30 : epoch;
}

/* What the header alone tells, at the price of one hash. */
static enum chain_reason judge_header(
    struct block *b, const uint8_t *p, size_t n, const struct network *net, uint64_t burn_height)
{
	size_t need;

	if (block_header(b, MODEL_BIT(NAKAMOTO), NULL, p, n, &need) <= 0)
		return REASON_CODEC;
	return judge_version(b, net, epoch_of(net, burn_height));
}

/* What all bytes tell, at the price of hashing them.  *has_keys: txs_points is due. */
static enum chain_reason judge_body(struct block *b, const uint8_t *p, size_t n,
    const struct network *net, uint64_t burn_height, bool *has_keys)
{
	struct shape s = { .block = b, .net = net, .epoch = epoch_of(net, burn_height) };
	enum chain_reason reason;
	struct txs txs;
	size_t need;
	ssize_t used = block_parse(b, MODEL_BIT(NAKAMOTO), NULL, p, n, &need);

	if (used <= 0)
		return REASON_CODEC;
	if ((size_t)used < n)
		return REASON_TRAILING;
	if (b->n_txs == 0)
		return REASON_NOTX;
	txs = block_txs(b);
	reason = txs_judge(&txs, judge_tx, &s);
	*has_keys = s.has_keys;
	return reason != REASON_OK ? reason : judge_shape(&s);
}

enum chain_reason proof_miner(const struct block *b, const uint8_t miner[HASH160_LEN])
{
	uint8_t digest[32], key[KEY_LEN], own[HASH160_LEN];

	nakamoto_miner_hash(digest, b);
	if (key_recover(key, b->nakamoto.miner_sig, digest) < 0)
		return REASON_MINER;
	hash_hash160(own, key, KEY_LEN);
	return memcmp(own, miner, HASH160_LEN) == 0 ? REASON_OK : REASON_MINER;
}

/* One signer's signature: who made it, whether that is his turn. *bound is the index that it must
 * be above. */
static enum chain_reason judge_signer(const struct block *b, uint32_t i,
    const struct signer_set *set, bool strict, uint8_t *used, int *bound, uint64_t *weight)
{
	uint8_t key[KEY_LEN];
	int at;

	if (key_recover(key, b->nakamoto.sigs + (size_t)i * SIG_LEN, b->hash) < 0)
		return REASON_SIGNATURE;
	at = signer_set_find(set, key);
	if (at < 0 || (used[at / 8] >> at % 8 & 1))
		return REASON_SIGNER;
	/* Epoch 3.x remembers only the first index: a quirk that its history depends on. */
	if (at <= *bound)
		return REASON_ORDER;
	if (strict || i == 0)
		*bound = at;
	used[at / 8] |= (uint8_t)(1u << at % 8);
	*weight += set->weights[at];
	return REASON_OK;
}

/* The signers' signatures.  More than there are signers are refused before any is looked at. */
static enum chain_reason judge_signers(
    const struct block *b, const struct proof_view *view, uint64_t *weight)
{
	bool strict = network_epoch(view->net, view->burn_height) >= EPOCH_40;
	uint8_t used[(MAX_SIGNERS + 7) / 8] = { 0 };
	enum chain_reason reason;
	int bound = -1;

	for (uint32_t i = 0; i < b->nakamoto.n_sigs; i++)
		if ((reason = judge_signer(b, i, view->set, strict, used, &bound, weight)) !=
		    REASON_OK)
			return reason;
	return *weight < view->set->threshold ? REASON_FEW : REASON_OK;
}

static enum chain_reason nakamoto_alone(
    struct block *b, const uint8_t *p, size_t n, const struct proof_view *view, uint64_t *weight)
{
	enum chain_reason reason = judge_header(b, p, n, view->net, view->burn_height);
	bool has_keys = false, shadow = b->nakamoto.version & SHADOW_BIT;
	struct txs txs;

	if (reason == REASON_OK && !shadow) {
		if (b->nakamoto.n_sigs > view->set->n)
			return REASON_SIGNER;
		reason = proof_miner(b, view->miner);
	}
	if (reason == REASON_OK)
		reason = judge_body(b, p, n, view->net, view->burn_height, &has_keys);
	if (reason != REASON_OK)
		return reason;
	if (shadow) {
		/* The network file vouches for the shadow blocks that it lists: nobody signs
		 * them. */
		*weight = view->set->total;
	} else {
		if (b->kind != BLOCK_ORDINARY &&
		    memcmp(b->nakamoto.change.pubkey_hash, view->miner, HASH160_LEN) != 0)
			return REASON_MINERHASH;
		if ((reason = judge_signers(b, view, weight)) != REASON_OK)
			return reason;
	}
	/* A square root a key: the last thing to be judged, when somebody answers for them. */
	txs = block_txs(b);
	return has_keys && !txs_points(&txs) ? REASON_CODEC : REASON_OK;
}

enum chain_reason proof_alone(
    struct block *b, const uint8_t *p, size_t n, const struct proof_view *view, uint64_t *weight)
{
	*weight = 0;
	memset(b, 0, sizeof(*b));
	if (!(network_models(view->net, view->burn_height) & MODEL_BIT(view->model)))
		return REASON_VERSION;
	return view->model == NAKAMOTO ? nakamoto_alone(b, p, n, view, weight) :
					 epoch2_alone(b, p, n, view);
}

/* Next: common/chain/proof_epoch2.c, the same for anchored blocks. */
