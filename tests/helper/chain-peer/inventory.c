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

/* BlocksInv: this chain has no 2.x blocks. */
static unsigned blocks_inv(struct peer *p, uint64_t base, uint32_t count, struct buf *payload)
{
	uint32_t n;
	uint8_t *bits;

	if (count > p->world->chain.net.cycle_length)
		return nack(payload, NACK_INVALID_MESSAGE);
	if (base + count - 1 > p->world->tip)
		return nack(payload, NACK_NO_SUCH_BLOCK);
	n = distort_count(p, count);
	bits = xcalloc(bitvec_bytes(n) + 1, 1);
	for (uint32_t i = 0; i < n; i++)
		if (distort_bit(p, false, i >= count))
			bitvec_set(bits, i);
	buf_u16(payload, n);
	put_bits(payload, bits, n);
	put_bits(payload, bits, n);
	free(bits);
	return MSG_BLOCKS_INV;
}

static unsigned pox_inv(struct peer *p, uint64_t cycle, uint32_t count, struct buf *payload)
{
	uint64_t known = network_cycle(&p->world->chain.net, p->world->tip) + 2;
	uint32_t n = (uint32_t)(known - cycle < count ? known - cycle : count);
	uint8_t bits[512];

	memset(bits, 0xff, sizeof(bits));
	buf_u16(payload, n);
	put_bits(payload, bits, n);
	return MSG_POX_INV;
}

static unsigned honest_answer(struct peer *p, const struct message *m, struct buf *payload)
{
	const struct network *net = &p->world->chain.net;
	const struct chain_sortition *s = world_sortition(p->world, m->u.get_inv.ch);
	uint64_t cycle;
	uint32_t bit;

	if (!s)
		return nack(payload,
		    m->id == MSG_GET_POX_INV ? NACK_INVALID_POX_FORK : NACK_NO_SUCH_BLOCK);
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
