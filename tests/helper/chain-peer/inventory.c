/* Answers to inventory requests (spec/wire.md 4.4, 4.5), and the lies told with them. */
#include <stdlib.h>

#include "common/chain/bitvec.h"
#include "common/chain/inventory.h"
#include "tests/helper/chain-peer/peer.h"

static unsigned nack(struct buf *payload, uint32_t code)
{
	payload->n = 0;
	buf_u32(payload, code);
	return MSG_NACK;
}

static uint32_t distort_count(struct peer *p, uint32_t n)
{
	if (has(p, F_SHORTHINV))
		n = n > amount(p, F_SHORTHINV) + 1 ? n - (uint32_t)amount(p, F_SHORTHINV) : 1;
	if (has(p, F_LONGINV))
		n += (uint32_t)amount(p, F_LONGINV);
	return n;
}

/* A bit as the peer tells it; bits beyond the honest length are claims too. */
static bool distort_bit(struct peer *p, bool bit, bool beyond)
{
	if (has(p, F_OVERCLAIM) || beyond)
		bit = true;
	if (has(p, F_UNDERCLAIM) || (bit && falls(p, F_FLAP)))
		bit = false;
	return bit;
}

static void put_bits(struct buf *payload, const uint8_t *bits, uint32_t n)
{
	buf_u32(payload, (uint32_t)bitvec_bytes(n));
	buf_put(payload, bits, bitvec_bytes(n));
}

/* NakamotoInv: bits from the mod-0 height, cut at the burn tip. */
static unsigned nakamoto_inv(struct peer *p, uint64_t cycle, struct buf *payload)
{
	const struct world *w = p->world;
	uint64_t base = inventory_height(&w->chain.net, INV_TENURES, cycle, 0);
	uint32_t honest = inventory_length(&w->chain.net, INV_TENURES, cycle, w->tip),
		 n = distort_count(p, honest);
	uint8_t *bits = xcalloc(bitvec_bytes(n) + 1, 1);

	for (uint32_t i = 0; i < n; i++) {
		const struct chain_sortition *s = world_at(w, base + i);
		bool bit = s && i < honest && world_tenure(w, s->row.consensus_hash) &&
		    peer_holds(p, s->row.consensus_hash);
		if (distort_bit(p, bit, i >= honest))
			bitvec_set(bits, i);
	}
	buf_u16(payload, n);
	put_bits(payload, bits, n);
	free(bits);
	return MSG_NAKAMOTO_INV;
}

/* BlocksInv: bits from the height that was asked with (mod 1), of blocks and of the streams that
 * they confirm.  Forks are in it. */
static unsigned blocks_inv(struct peer *p, uint64_t base, uint32_t count, struct buf *payload)
{
	const struct world *w = p->world;
	uint32_t n;
	uint8_t *blocks, *streams;

	if (count > w->chain.net.cycle_length)
		return nack(payload, NACK_INVALID_MESSAGE);
	if (base + count - 1 > w->tip)
		return nack(payload, NACK_NO_SUCH_BLOCK);
	if (has(p, F_WRONGCYCLE) && base > w->chain.net.cycle_length)
		base -= w->chain.net.cycle_length;
	n = distort_count(p, count);
	blocks = xcalloc(bitvec_bytes(n) + 1, 1);
	streams = xcalloc(bitvec_bytes(n) + 1, 1);
	for (uint32_t i = 0; i < n; i++) {
		const struct chain_sortition *s = world_at(w, base + i);
		const struct chain_block *b = s ? chaindir_winner(&w->chain, s) : NULL;
		bool held = b && i < count && peer_holds(p, b->ch),
		     ghost = has(p, F_GHOSTS) && s && s->row.won && !b &&
		    network_models(&w->chain.net, s->row.burn_height) & MODEL_BIT(EPOCH2);
		if (distort_bit(p, held || ghost, i >= count))
			bitvec_set(blocks, i);
		if (distort_bit(p, held && b->n_confirmed > 0, i >= count))
			bitvec_set(streams, i);
	}
	buf_u16(payload, n);
	put_bits(payload, blocks, n);
	put_bits(payload, streams, n);
	free(blocks);
	free(streams);
	return MSG_BLOCKS_INV;
}

static unsigned pox_inv(struct peer *p, uint64_t cycle, uint32_t count, struct buf *payload)
{
	const struct network *net = &p->world->chain.net;
	uint64_t known = network_cycle(net, p->world->tip) + 2;
	uint32_t n = (uint32_t)(known - cycle < count ? known - cycle : count);
	uint8_t bits[MAX_POX_BITS / 8];

	if (has(p, F_SHORTPOX))
		n = n > amount(p, F_SHORTPOX) + 1 ? n - (uint32_t)amount(p, F_SHORTPOX) : 1;
	if (has(p, F_LONGPOX))
		n += (uint32_t)amount(p, F_LONGPOX);
	if (n > MAX_POX_BITS)
		n = MAX_POX_BITS;
	memset(bits, 0, sizeof(bits));
	for (uint32_t i = 0; i < n; i++)
		if (!(has(p, F_POXZERO) && (double)(cycle + i) == amount(p, F_POXZERO)) &&
		    !(has(p, F_OTHERPOX) && p->world->pox_fork != UINT64_MAX &&
			cycle + i >= network_cycle(net, p->world->pox_fork)))
			bitvec_set(bits, i);
	buf_u16(payload, n);
	put_bits(payload, bits, n);
	return MSG_POX_INV;
}

/* A hash that is not canonical. */
static unsigned unknown(struct peer *p, const struct message *m, struct buf *payload)
{
	const struct chain_sortition *s = chaindir_sortition(&p->world->chain, m->u.get_inv.ch);
	bool invalid = s && s->row.burn_height <= p->world->tip && world_pox_invalid(p->world, s);

	return nack(payload,
	    invalid || m->id == MSG_GET_POX_INV ? NACK_INVALID_POX_FORK : NACK_NO_SUCH_BLOCK);
}

static unsigned honest_answer(struct peer *p, const struct message *m, struct buf *payload)
{
	const struct network *net = &p->world->chain.net;
	const struct chain_sortition *s = world_sortition(p->world, m->u.get_inv.ch);
	uint64_t cycle;
	uint32_t bit;

	if (!s)
		return unknown(p, m, payload);
	if (has(p, F_OTHERPOX) && s->row.burn_height >= p->world->pox_fork)
		return nack(payload, NACK_INVALID_POX_FORK);
	if ((!inventory_bit(net, INV_BLOCKS, s->row.burn_height, &cycle, &bit) &&
		m->id == MSG_GET_POX_INV) ||
	    bit != 0)
		return nack(payload, NACK_INVALID_POX_FORK);
	if (m->id == MSG_GET_POX_INV)
		return pox_inv(p, cycle, m->u.get_inv.count, payload);
	if (m->id == MSG_GET_BLOCKS_INV)
		return blocks_inv(p, s->row.burn_height, m->u.get_inv.count, payload);
	return nakamoto_inv(p, has(p, F_WRONGCYCLE) && cycle > 0 ? cycle - 1 : cycle, payload);
}

unsigned inventory_answer(struct peer *p, const struct message *m, struct buf *payload)
{
	unsigned id;

	if (has(p, F_NACK))
		return nack(payload, (uint32_t)amount(p, F_NACK));
	if (has(p, F_NACK2) && m->id != MSG_GET_NAKAMOTO_INV)
		return nack(payload, (uint32_t)amount(p, F_NACK2));
	if (has(p, F_WRONGTYPE)) {
		buf_u32(payload, 7);
		return MSG_PONG;
	}
	id = honest_answer(p, m, payload);
	if (has(p, F_LENGTHBOMB) && id != MSG_NACK)
		memset(payload->p + 2, 0xff, 4);
	return id;
}

/* Next: tests/helper/chain-peer/http.c, its other side. */
