/* Growing epoch 2.x: a sortition a burn block, and the anchored block of its winner (spec/blocks.md
 * 3.1).  What a commit names is the winner's own block hash. */
#include <inttypes.h>

#include "common/chain/hash.h"
#include "tests/helper/chain-maker/epoch2.h"

enum { HEADER_VERSION = 6 };

static uint32_t miner_of(const struct maker *m, uint64_t h)
{
	return m->slots[h - m->p.first_height].miner;
}

static void make_txs(struct maker *m, struct plan2 *p)
{
	uint64_t wanted = dice_range(&m->dice, m->p.tx_min, m->p.tx_max);
	enum epoch epoch = network_epoch(&m->net, p->burn_height);
	uint32_t miner = miner_of(m, p->burn_height);
	const struct anchored *on = p->parent;

	if (epoch >= EPOCH_21 && dice_chance(&m->dice, 0.3))
		tx_coinbase_alt(m, &p->txs[p->n_txs++], miner);
	else
		tx_coinbase(m, &p->txs[p->n_txs++], miner, false, NULL);
	if (on && on->rival.raw.n)
		tx_poison(m, &p->txs[p->n_txs++], miner, &on->stream[on->rival_at], &on->rival);
	while (wanted-- && p->n_txs < 60)
		tx_any(m, &p->txs[p->n_txs++], epoch);
}

static void write_block(struct maker *m, struct plan2 *p, struct anchored *b)
{
	struct buf *raw = &b->raw;

	buf_u8(raw, HEADER_VERSION);
	buf_u64(raw, p->burn);
	buf_u64(raw, p->height);
	vrf_proof(m, raw);
	buf_put(raw, p->parent_hash, 32);
	buf_put(raw, p->tail, 32);
	buf_u16(raw, p->tail_sequence);
	buf_put(raw, p->root, 32);
	dice_bytes(&m->dice, buf_room(raw, 32), 32); /* state root: nobody executes */
	buf_put(raw, b->producer.hash, HASH160_LEN);
	hash_once(b->hash, raw->p, raw->n);
	hash_block_id(b->id, b->hash, b->ch);
	buf_u32(raw, p->n_txs);
	for (uint32_t i = 0; i < p->n_txs; i++) {
		buf_put(raw, p->txs[i].p, p->txs[i].n);
		buf_release(&p->txs[i]);
	}
}

void epoch2_broken(struct maker *m, const struct anchored *b)
{
	m->broken = true;
	m->broken_block = b;
}

static struct anchored *add_block(struct maker *m, uint64_t h, unsigned fork, struct anchored *on)
{
	struct plan2 p = { .burn_height = h,
		.parent = on,
		.forking = fork || on != m->best,
		.height = (on ? on->height : 0) + 1,
		.burn = total_burn(m, on ? on->burn_height : m->p.first_height) };
	struct anchored *b = &m->anchored[m->n_anchored++];
	const struct rule2 *rule;
	static const uint8_t zeros[32];

	*b = (struct anchored){ .parent = on, .burn_height = h, .fork = fork };
	keypair_derive(
	    &b->producer, "%" PRIu64 "%s/microblocks/%" PRIu64, m->p.seed, side(m, fork, h), h);
	fork_hash(m, fork, h, b->ch);
	hash_block_id(b->parent_id, zeros, zeros);
	if (on) {
		memcpy(b->parent_id, on->id, ID_LEN);
		memcpy(p.parent_hash, on->hash, 32);
		stream_confirm(m, &p, b);
	}
	make_txs(m, &p);
	rule = rule2_of(m, &p, false);
	if (rule && rule->txs)
		rule->txs(m, &p);
	txs_root(p.root, p.txs, p.n_txs);
	if (rule && rule->header)
		rule->header(m, &p);
	write_block(m, &p, b);
	b->height = p.height;
	if (rule)
		epoch2_broken(m, b);
	if (network_epoch(&m->net, h) < EPOCH_25 && dice_chance(&m->dice, m->p.microblocks))
		stream_make(m, b, NULL);
	return b;
}

/* What a winner builds on: the highest block, or one up to three below it, where a fork begins that
 * gets as many blocks as it is deep, or fewer, or one more and so wins. */
static struct anchored *choose_parent(struct maker *m)
{
	struct anchored *on = m->best;
	uint64_t depth;

	if (m->fork_left) {
		m->fork_left--;
		return m->fork_tip;
	}
	if (!on || !on->parent || !dice_chance(&m->dice, m->p.forks))
		return on;
	depth = dice_range(&m->dice, 1, 3);
	m->fork_left = (uint32_t)dice_range(&m->dice, 0, depth);
	for (; depth && on->parent; depth--)
		on = on->parent;
	return on;
}

static void put_winner(
    struct maker *m, uint64_t h, unsigned fork, const struct anchored *on, const uint8_t *hash)
{
	static const uint8_t zeros[CH_LEN];

	files_sortition(m, h, fork,
	    &(struct winner){ .parent_ch = on ? on->ch : zeros, .committed = hash, .seed = true });
}

/* A block of the other PoX fork, which has the same burn blocks by other consensus hashes. */
static void grow_pox_fork(struct maker *m, uint64_t h)
{
	struct anchored *on = m->pox_tip;

	m->pox_tip = add_block(m, h, 1, on);
	put_winner(m, h, 1, on, m->pox_tip->hash);
}

static bool forks_here(const struct maker *m, uint64_t h)
{
	return m->p.pox_fork >= 0 && h > m->p.first_height &&
	    network_cycle(&m->net, h - 1) == (uint64_t)m->p.pox_fork;
}

void epoch2_grow(struct maker *m, uint64_t h)
{
	const struct slot *s = &m->slots[h - m->p.first_height];
	struct anchored *on, *b;
	uint8_t nobodys[32];

	dice_seed(&m->dice, "%" PRIu64 "%s/epoch2/%" PRIu64, m->p.seed, side(m, 0, h), h);
	if (!m->anchored)
		m->anchored = xcalloc(2 * m->p.epoch2, sizeof(*m->anchored));
	if (forks_here(m, h) && !forks_here(m, h - 1)) {
		m->pox_tip = m->best;
		memcpy(m->last_winner[1], m->last_winner[0], CH_LEN);
		memcpy(m->parent_sortition[1], m->parent_sortition[0], 32);
	}
	if (s->started) {
		on = choose_parent(m);
		m->fork_tip = b = add_block(m, h, 0, on);
		put_winner(m, h, 0, on, b->hash);
		if (!m->best || b->height > m->best->height)
			m->best = b;
	} else if (s->won) {
		derive(nobodys, 32, "%" PRIu64 "%s/missing/%" PRIu64, m->p.seed, side(m, 0, h), h);
		put_winner(m, h, 0, m->best, nobodys);
	} else {
		files_sortition(m, h, 0, NULL);
	}
	if (forks_here(m, h))
		grow_pox_fork(m, h);
}

void epoch2_end(struct maker *m)
{
	const struct anchored *b = m->best;

	if (!b)
		return;
	memcpy(m->tip.id, b->id, ID_LEN);
	memcpy(m->tip.start, b->id, ID_LEN);
	memcpy(m->tip.ch, b->ch, CH_LEN);
	m->tip.height = b->height;
	m->tip.count = 1;
	m->tip.burn_spent = total_burn(m, b->burn_height);
	m->tip.timestamp = burn_time(m, b->burn_height) + 60;
}

/* Next: tests/helper/chain-maker/stream.c, the microblocks between them. */
