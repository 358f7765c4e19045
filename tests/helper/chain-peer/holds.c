/* What each peer has of the chain, says that it has, and gives. */
#include "common/chain/hash.h"
#include "tests/helper/chain-peer/peer.h"

/* Whether a thing falls into a fixed share of all things, the same at each ask. */
static bool share(const struct peer *p, enum fault f, const char *salt, const uint8_t ch[CH_LEN])
{
	uint8_t digest[32];

	if (!has(p, f))
		return false;
	hash_begin();
	hash_add(salt, strlen(salt));
	hash_add(&p->index, sizeof(p->index));
	hash_add(ch, CH_LEN);
	hash_end(digest);
	return get_be32(digest) / 4294967296.0 * 100 < amount(p, f);
}

static bool loser_holds(const struct world *w, const struct chain_sortition *s)
{
	const struct chain_block *b = chaindir_winner(&w->chain, s);

	return b && w->losers[b - w->chain.blocks];
}

bool peer_holds(const struct peer *p, const uint8_t ch[CH_LEN])
{
	const struct chain_sortition *s = world_sortition(p->world, ch);

	if (s && has(p, F_BEHIND) &&
	    (double)s->row.burn_height > (double)p->world->tip - amount(p, F_BEHIND))
		return false;
	if (s && has(p, F_OTHERPOX) && s->row.burn_height >= p->world->pox_fork)
		return false;
	if (s && has(p, F_LOSER) && !loser_holds(p->world, s))
		return false;
	return s && !share(p, F_LACKS, "lacks", ch);
}

bool peer_claims(const struct peer *p, const struct chain_sortition *s)
{
	return (world_tenure(p->world, s->row.consensus_hash) ||
		   chaindir_winner(&p->world->chain, s)) &&
	    peer_holds(p, s->row.consensus_hash);
}

/* How many sortitions from one burn height to another, both included, it has blocks of. */
static double rank(const struct peer *p, uint64_t from, uint64_t to)
{
	double n = 0;

	for (uint64_t h = from; h <= to; h++)
		n += world_at(p->world, h) && peer_claims(p, world_at(p->world, h));
	return n;
}

bool peer_withholds(const struct peer *p, const uint8_t ch[CH_LEN])
{
	uint64_t burn =
	    world_sortition(p->world, ch) ? world_sortition(p->world, ch)->row.burn_height : 0;

	if (has(p, F_WITHHOLDTOP) && rank(p, burn, p->world->tip) <= amount(p, F_WITHHOLDTOP))
		return true;
	if (has(p, F_WITHHOLDLOW) &&
	    rank(p, p->world->chain.sortitions[0].row.burn_height, burn) ==
		amount(p, F_WITHHOLDLOW))
		return true;
	return share(p, F_WITHHOLD, "withholds", ch);
}

const struct chain_block *peer_find(const struct peer *p, const uint8_t id[ID_LEN])
{
	const struct world *w = p->world;
	const struct chain_block *b = chaindir_find(&w->chain, id);
	const struct chain_tenure *last = w->shown ? &w->chain.tenures[w->shown - 1] : NULL;

	if (!b || !peer_holds(p, b->ch))
		return NULL;
	if (last && w->cut < last->count &&
	    memcmp(b->ch, tenure_block(w, last, 0)->ch, CH_LEN) == 0 &&
	    b->height >= tenure_block(w, last, w->cut)->height)
		return NULL;
	return b;
}

const struct chain_tenure *peer_tip_tenure(const struct peer *p)
{
	const struct world *w = p->world;

	for (uint32_t i = w->shown; i > 0; i--)
		if (peer_holds(p, tenure_block(w, &w->chain.tenures[i - 1], 0)->ch) &&
		    world_count(w, &w->chain.tenures[i - 1]) > 0)
			return &w->chain.tenures[i - 1];
	return NULL;
}

const struct chain_block *peer_tip(const struct peer *p)
{
	const struct chain_tenure *t = peer_tip_tenure(p);

	return t ? tenure_block(p->world, t, world_count(p->world, t) - 1) : NULL;
}

const struct chain_block *peer_top(const struct peer *p)
{
	const struct chain_block *tip = peer_tip(p), *top = NULL;
	const struct chaindir *c = &p->world->chain;

	for (uint32_t i = 0; !tip && i < c->n_blocks && c->blocks[i].model == EPOCH2; i++)
		if (peer_find(p, c->blocks[i].id) && (!top || c->blocks[i].height > top->height))
			top = &c->blocks[i];
	return tip ? tip : top;
}

/* Next: tests/helper/chain-peer/p2p.c, its conversations. */
