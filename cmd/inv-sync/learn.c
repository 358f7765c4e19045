/* What becomes of what peers say they have (learn.h). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/inv-sync/learn.h"
#include "common/chain/bitvec.h"
#include "common/chain/hash.h"
#include "common/chain/inventory.h"
#include "common/sys/log.h"

#define FAULT_MS 30000 /* between two faults of one peer's inventories */

/* So that only news is told: of count and bits. Never 0. */
static uint64_t digest_of(const uint8_t *bits, uint32_t count)
{
	uint8_t all[4 + INV_BYTES], hash[32];
	size_t n = bitvec_bytes(count);

	put_be32(all, count);
	memcpy(all + 4, bits, n);
	hash_once(hash, all, 4 + n);
	return get_be64(hash) | 1;
}

static struct said *said_at(struct peer *p, enum inventory_kind kind, uint64_t cycle)
{
	size_t i = (size_t)(cycle - p->s->machine.first), n = p->said[kind].n;

	if (i >= n) {
		p->said[kind].at = xrealloc(p->said[kind].at, (i + 1) * sizeof(struct said));
		memset(p->said[kind].at + n, 0, (i + 1 - n) * sizeof(struct said));
		p->said[kind].n = i + 1;
	}
	return &p->said[kind].at[i];
}

uint64_t learn_has(const struct peer *p)
{
	uint64_t n = 0;

	for (unsigned k = 0; k < INV_KINDS; k++)
		for (size_t i = 0; i < p->said[k].n; i++)
			n += p->said[k].at[i].has;
	return n;
}

void learn_forget(struct peer *p)
{
	asks_release(&p->asks);
	for (unsigned k = 0; k < INV_KINDS; k++) {
		free(p->said[k].at);
		p->said[k].at = NULL;
		p->said[k].n = 0;
	}
}

static bool load_step(void *arg, const struct rec_inventory *r)
{
	struct peer *p = arg;
	uint32_t most = r->kind == INV_POX ? MAX_POX_BITS : MAX_CYCLE_BITS;

	if (memcmp(r->peer, p->key, KEY_LEN) != 0)
		return false;
	if (r->cycle < p->s->machine.first || r->cycle > p->s->machine.last || r->count > most ||
	    r->bits.n != bitvec_bytes(r->count))
		return true;
	said_at(p, r->kind, r->cycle)->digest = digest_of(r->bits.p, r->count);
	if (r->kind == INV_POX)
		asks_pox_load(&p->asks, r->bits.p, r->count);
	return true;
}

void learn_load(struct peer *p)
{
	MDB_txn *txn = store_read(&p->s->store);
	struct rec_peer r;

	p->seat.blocks = peer_get(&p->s->store, txn, p->key, &r) == 0 ? r.blocks : 0;
	for (unsigned k = 0; k < INV_KINDS; k++)
		for (size_t i = 0; i < p->said[k].n; i++)
			p->said[k].at[i].digest = 0;
	inventory_walk(&p->s->store, txn, p->key, load_step, p);
	store_read_end(txn);
}

void learn_fault(struct peer *p, enum fault_class class, const char *what, const char *evidence)
{
	char who[2 * KEY_LEN + 1];
	uint64_t now = now_ms();

	if (p->fault_at && now < p->fault_at + FAULT_MS)
		return;
	p->fault_at = now;
	peers_fault(p, hex_of(who, p->key, KEY_LEN), class, what, evidence);
}

/* Keep a vector where it is news. */
static void keep(
    struct peer *p, enum inventory_kind kind, uint64_t cycle, const uint8_t *bits, uint32_t count)
{
	struct said *said = said_at(p, kind, cycle);
	uint64_t digest = digest_of(bits, count);

	if (p->contends || digest == said->digest || (!count && !said->digest))
		return;
	said->digest = digest;
	save_inventory(p, kind, cycle, bits, count);
}

/* An answer about fewer burn heights than an earlier one leaves the rest as it was. */
static void keep_overwriting(
    struct peer *p, enum inventory_kind kind, uint64_t cycle, const uint8_t *bits, uint32_t count)
{
	uint8_t all[INV_BYTES] = { 0 };
	uint32_t had = save_known(p, kind, cycle, all);

	bitvec_merge(all, 0, bits, count, true);
	keep(p, kind, cycle, all, count > had ? count : had);
}

/* One vector of an answer. */
static void take_vector(struct peer *p, enum inventory_kind kind, struct inquiry i,
    const struct message *m, const uint8_t *vector)
{
	struct said *said = said_at(p, kind, i.cycle);
	uint8_t bits[INV_BYTES] = { 0 };
	uint32_t count = m->u.inv.count;
	struct view_judge j;
	char evidence[160];

	/* one bit too many tells the judge enough */
	count = count <= MAX_CYCLE_BITS ? count : MAX_CYCLE_BITS + 1;
	memcpy(bits, vector, bitvec_bytes(count));
	/* What was found fine before is fine still, but where the burn chain may have changed, or
	 * another length was asked for. */
	if (i.cycle + 1 >= p->s->machine.last || digest_of(bits, count) != said->digest ||
	    (i.count && count != i.count)) {
		view_judge_begin(&j, p->s, &m->pre);
		j.v.asked = i.count;
		if (judge_inventory(&j.v, kind, i.cycle, bits, &count, evidence) == JUDGE_LIE)
			learn_fault(p, FAULT_LYING, "inventory", evidence);
		view_judge_end(&j);
	}
	said->has = (uint16_t)bitvec_count(bits, count);
	if (i.count)
		keep_overwriting(p, kind, i.cycle, bits, count);
	else
		keep(p, kind, i.cycle, bits, count);
}

/* What was said of blocks of epoch 2.x from a cycle on is void. */
static void unlearn(struct peer *p, uint64_t cycle)
{
	static const uint8_t none[1];

	for (unsigned k = INV_BLOCKS; k <= INV_MICROBLOCKS; k++)
		for (size_t i = 0; i < p->said[k].n; i++) {
			uint64_t c = p->s->machine.first + i;
			if (c < cycle || !p->said[k].at[i].digest)
				continue;
			p->said[k].at[i].has = 0;
			keep(p, k, c, none, 0);
		}
}

/* Bits of anchor blocks: of the whole vector, which is one row, those from a cycle on. */
static void take_pox(struct peer *p, struct inquiry i, const uint8_t *bits, uint32_t count)
{
	struct asks *a = &p->asks;
	uint64_t void_from = asks_pox(a, &p->s->machine, i, bits, count, now_ms());

	keep(p, INV_POX, 0, a->pox, a->n_pox);
	if (void_from != UINT64_MAX)
		unlearn(p, void_from);
}

static void answer_pox(struct peer *p, struct inquiry i, const struct message *m)
{
	uint32_t count = m->u.inv.count;
	char evidence[160];

	if (count > i.count) {
		snprintf(evidence, sizeof(evidence),
		    "inventory length: %u PoX bits from cycle %" PRIu64 " on, %u were asked for",
		    count, i.cycle, i.count);
		learn_fault(p, FAULT_LYING, "inventory", evidence);
		count = i.count;
	}
	take_pox(p, i, m->u.inv.bits, count);
}

void learn_answer(struct peer *p, struct inquiry i, const struct message *m)
{
	const struct question *q = &p->s->machine.questions[i.question];
	const uint8_t *vectors[] = { m->u.inv.bits, m->u.inv.bits2 };

	if (q->kind == INV_POX) {
		answer_pox(p, i, m);
		return;
	}
	for (unsigned v = 0; v < q->vectors; v++)
		take_vector(p, q->kind + v, i, m, vectors[v]);
}

void learn_diverged(struct peer *p, struct inquiry i)
{
	if (p->s->machine.questions[i.question].kind != INV_POX)
		return;
	take_pox(p, i, p->asks.pox, 0);
	asks_let(&p->asks, &p->s->machine, i);
}

/* ---- announcements ---- */

/* What a peer announces beyond its share is dropped, and asked for in time. */
static bool announcement_allowed(struct peer *p, uint64_t now)
{
	if (p->announced_at + 1000 < now)
		p->announced_at = now - 1000;
	p->announced_at += ANNOUNCE_MS;
	if (p->announced_at <= now)
		return true;
	p->announced_at -= ANNOUNCE_MS;
	return false;
}

/* The height of an announced sortition; 0: it is not known, or has no blocks of epoch 2.x;
 * UINT64_MAX: it cannot be, and *why says so. */
static uint64_t announced_height(struct inv_sync *s, const uint8_t *item, const char **why)
{
	MDB_txn *txn = store_read(&s->store);
	struct rec_sortition r;
	uint64_t height = 0;

	if (sortition_get(&s->store, txn, item, &r) == 0) {
		height = r.burn_height;
		*why = memcmp(r.burn_hash, item + CH_LEN, 32) != 0 ? "another burn block" :
		    !r.won					   ? "without winner" :
								     NULL;
		if (*why)
			height = UINT64_MAX;
		else if (!r.canonical ||
		    !(network_models(&s->store.net, height) & MODEL_BIT(EPOCH2)))
			height = 0;
	}
	store_read_end(txn);
	return height;
}

static void take_announced(struct peer *p, enum inventory_kind kind, uint64_t height)
{
	uint8_t bits[INV_BYTES] = { 0 };
	uint64_t cycle;
	uint32_t bit, count;

	if (!inventory_bit(&p->s->store.net, kind, height, &cycle, &bit) ||
	    cycle > p->s->machine.last || cycle >= p->asks.agreed)
		return;
	/* Only of a cycle that it has answered for. */
	if (!said_at(p, kind, cycle)->digest || !(count = save_known(p, kind, cycle, bits)))
		return;
	if (bitvec_get(bits, count, bit))
		return;
	bitvec_set(bits, bit);
	said_at(p, kind, cycle)->has++;
	keep(p, kind, cycle, bits, bit < count ? count : bit + 1);
}

void learn_announced(struct peer *p, const struct message *m)
{
	enum inventory_kind kind = m->id == MSG_BLOCKS_AVAILABLE ? INV_BLOCKS : INV_MICROBLOCKS;
	uint32_t n = get_be32(m->u.blocks.p);
	const uint8_t *item = m->u.blocks.p + 4;
	char evidence[160], hex[2 * CH_LEN + 1];
	const char *why = NULL;

	if (p->contends || !announcement_allowed(p, now_ms()))
		return;
	for (; n > 0; n--, item += CH_LEN + 32) {
		uint64_t height = announced_height(p->s, item, &why);

		if (height == UINT64_MAX) {
			snprintf(evidence, sizeof(evidence), "%s of consensus hash %s, %s",
			    message_name(m->id), hex_of(hex, item, CH_LEN), why);
			learn_fault(p, FAULT_LYING, "announcement", evidence);
			return;
		}
		if (height)
			take_announced(p, kind, height);
	}
}

/* Next: cmd/inv-sync/machine.c, which cycle to ask of whom. */
