/* The network of a made chain, and everything that is decided before it grows. */
#include <inttypes.h>

#include "tests/helper/chain-maker/maker.h"

#define GENESIS_TIME 1700000000		/* unix seconds of the first burn block */
#define BURN_SPACING 600		/* seconds between burn blocks */
#define BURN_GENESIS UINT64_C(437000000000) /* satoshis burned before the first burn block */
#define BURN_PER_BLOCK 250000

uint64_t burn_time(const struct maker *m, uint64_t h)
{
	return GENESIS_TIME + (h - m->p.first_height) * BURN_SPACING;
}
uint64_t total_burn(const struct maker *m, uint64_t h)
{
	return BURN_GENESIS + (h - m->p.first_height) * BURN_PER_BLOCK;
}
void burn_hash(const struct maker *m, uint64_t h, uint8_t hash[32])
{
	memset(hash, 0, 4);
	if (h == m->p.first_height)
		memcpy(hash, m->net.first_burn_hash, 32);
	else
		derive(hash + 4, 28, "%" PRIu64 "%s/burn/%" PRIu64, m->p.seed, side(m, 0, h), h);
}
void ops_hash(const struct maker *m, uint64_t h, uint8_t hash[32])
{
	derive(hash, 32, "%" PRIu64 "%s/ops/%" PRIu64, m->p.seed, side(m, 0, h), h);
}

const char *side(const struct maker *m, unsigned fork, uint64_t h)
{
	bool other = m->p.fork_at && h >= m->p.fork_at;

	return fork ? (other ? "/other/pox" : "/pox") : other ? "/other" : "";
}

void fork_hash(const struct maker *m, unsigned fork, uint64_t h, uint8_t ch[CH_LEN])
{
	memset(ch, 0, CH_LEN);
	if (m->hashes && fork == 0)
		memcpy(ch, m->hashes[h - m->p.first_height], CH_LEN);
	else if (h > m->p.first_height)
		derive(
		    ch, CH_LEN, "%" PRIu64 "%s/consensus/%" PRIu64, m->p.seed, side(m, fork, h), h);
}
void consensus_hash(const struct maker *m, uint64_t h, uint8_t ch[CH_LEN])
{
	fork_hash(m, 0, h, ch);
}

/* 2.05 to 2.4 begin one after another in the first third of epoch 2.x, 2.5 in its last quarter. */
static uint64_t start2(const struct maker *m, unsigned i)
{
	uint64_t all = m->p.epoch2, step = all / 16 ? all / 16 : 1,
		 last = m->start3 - (all / 4 ? all / 4 : 1),
		 start = m->p.first_height + 1 + (i + 1) * step;

	if (all == 0)
		return m->start3;
	return i == 5 || start > last ? last : start;
}

/* Epochs 2.x are over at the first burn block, or after as many as are wanted; 3.1 to 3.4
 * follow 3.0 one burn block each; 4.0 begins a quarter into its cycle, as on mainnet it is no
 * border of cycles. */
static void network_text(const struct maker *m, struct buf *text)
{
	static const char *const old[] = { "2.05", "2.1", "2.2", "2.3", "2.4", "2.5" };
	static const char *const three[] = { "3.0", "3.1", "3.2", "3.3", "3.4" };
	const struct params *p = &m->p;
	uint64_t start4 = UINT64_MAX;
	uint8_t hash[32];

	if (p->epoch4_at >= 0)
		start4 = p->first_height + (uint64_t)p->epoch4_at * p->cycle_length +
		    p->cycle_length / 4;
	if (start4 < m->start3)
		start4 = m->start3;
	derive(hash, 32, "%" PRIu64 "/burn/%" PRIu64, p->seed, p->first_height);
	buf_text(text, "name made-%" PRIu64 "\nchain_id 0x80000000\npeer_version 0xfacade10\n"
	    "first_burn_height %" PRIu64 "\nfirst_burn_hash ", p->seed, p->first_height);
	buf_hex(text, hash, 32);
	buf_text(text,
	    "\ncycle_length %" PRIu64 "\nprepare_length %" PRIu64 "\nstable_confirmations %" PRIu64
	    "\nprivate_peers 1\nepoch 1.0 0\nepoch 2.0 %" PRIu64 "\n",
	    p->cycle_length, p->prepare_length, p->stable_confirmations, p->first_height);
	for (unsigned i = 0; i < 6; i++)
		buf_text(text, "epoch %s %" PRIu64 "\n", old[i], start2(m, i));
	for (unsigned i = 0; i < 5; i++)
		buf_text(text, "epoch %s %" PRIu64 "\n", three[i],
		    m->start3 + i < start4 ? m->start3 + i : start4);
	if (start4 != UINT64_MAX)
		buf_text(text, "epoch 4.0 %" PRIu64 "\n", start4);
}

void maker_network(struct maker *m)
{
	struct buf text = { 0 };
	char err[200];

	m->start3 = m->p.first_height + m->p.epoch2 + 1;
	m->tip_height =
	    m->p.first_height + m->p.cycles * m->p.cycle_length + (uint64_t)m->p.tip_offset;
	network_text(m, &text);
	if (network_parse(&m->net, (char *)text.p, text.n, err) != 0)
		BUG("network: %s", err);
	/* the set of the next cycle is known too */
	m->n_cycles = network_cycle(&m->net, m->tip_height) + 2;
	buf_release(&text);
}

/* A tail forks off inside the tenure, so it must have three blocks to leave the canonical chain the
 * longer one. */
static void choose_orphans(struct maker *m, uint64_t n)
{
	uint64_t left = m->p.orphans;
	struct dice d;

	dice_seed(&d, "%" PRIu64 "/orphans", m->p.seed);
	for (uint64_t tries = 0; left > 0 && tries < 100 * n; tries++) {
		struct slot *s = &m->slots[dice_range(&d, 0, n - 1)];
		if (!s->started || s->orphan || s->size < 3 || s < &m->slots[m->p.epoch2 + 1])
			continue;
		s->orphan = true;
		left--;
	}
}

/* Burn blocks that nobody won, below others that somebody did, get a shadow tenure. */
static void choose_shadows(struct maker *m, uint64_t n)
{
	uint64_t left = m->p.shadows;
	struct dice d;

	dice_seed(&d, "%" PRIu64 "/shadows", m->p.seed);
	for (uint64_t tries = 0; left > 0 && tries < 100 * n; tries++) {
		struct slot *s = &m->slots[dice_range(&d, m->p.epoch2 + 3, n - 1)];
		if (s->won || s->shadow)
			continue;
		s->shadow = s->started = true;
		s->size = 1;
		left--;
	}
	if (left > 0)
		die_usage("the chain has no place for so many shadow tenures");
}

static int earlier_hash(void *arg, uint64_t h, uint8_t ch[CH_LEN])
{
	const struct maker *m = arg;

	memcpy(ch, m->hashes[h - m->p.first_height], CH_LEN);
	return 0;
}

/* Consensus hashes that prove the view (spec/blocks.md 5.6), of chains with epoch 2.x: the hashes
 * of others are made up, as they always were. */
static void make_hashes(struct maker *m, uint64_t n)
{
	uint8_t burn[32], ops[32];

	m->hashes = xcalloc(n, CH_LEN);
	for (uint64_t i = 1; i < n; i++) {
		uint64_t h = m->p.first_height + i;
		burn_hash(m, h, burn);
		ops_hash(m, h, ops);
		if (view_consensus_hash(m->hashes[i], &m->net, h, burn, ops, total_burn(m, h),
			earlier_hash, m) != 0)
			BUG("no consensus hash");
	}
}

void maker_plan(struct maker *m)
{
	uint64_t n = m->tip_height - m->p.first_height + 1;

	m->slots = xcalloc(n, sizeof(*m->slots));
	for (uint64_t i = 1; i < n; i++) {
		struct slot *s = &m->slots[i];
		struct dice d;
		dice_seed(&d, "%" PRIu64 "%s/slot/%" PRIu64, m->p.seed,
		    side(m, 0, m->p.first_height + i), i);
		s->won = dice_chance(&d, m->p.sortition_rate);
		s->started = dice_chance(&d, m->p.start_rate) && s->won;
		s->size = (uint32_t)dice_range(&d, m->p.tenure_min, m->p.tenure_max);
		s->miner = (uint32_t)dice_range(&d, 0, MINERS - 1);
	}
	if (m->p.epoch2 > 0)
		make_hashes(m, n);
	choose_orphans(m, n);
	if (m->p.shadows > 0)
		choose_shadows(m, n);
	for (unsigned i = 0; i < MINERS; i++)
		keypair_derive(&m->miners[i], "%" PRIu64 "/miner/%u", m->p.seed, i);
	for (unsigned i = 0; i < ACCOUNTS; i++)
		keypair_derive(&m->accounts[i], "%" PRIu64 "/account/%u", m->p.seed, i);
	keypair_derive(&m->stranger, "a miner that won nothing");
}

/* Next: tests/helper/chain-maker/signers.c, who signs blocks. */
