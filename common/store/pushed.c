/* What is done with a block that came unasked: the cheap checks first, and no more than its
 * sender's share. */
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/store/pushed.h"
#include "common/wire/message.h"

#define WAYS 4		/* places in which a sender may stand */

/* Nobody signs the shadow blocks that the network file lists. */
static enum chain_reason judge_miner(struct store *s, const struct block *b,
    const struct rec_sortition *own)
{
	if (all_zero(own->miner, HASH160_LEN))
		return REASON_NOWINNER;
	if (b->nakamoto.version & SHADOW_BIT)
		return network_is_shadow(&s->net, b->id) ? REASON_OK : REASON_SHADOW;
	return proof_miner(b, own->miner);
}

/* The sortition of its tenure is known and has a winner, who made the block. */
static enum chain_reason judge_header(struct store *s, MDB_txn *txn, const struct block *b)
{
	struct rec_sortition own;

	if (sortition_get(s, txn, b->ch, &own) < 0)
		return REASON_NOSORTITION;
	if (!(network_models(&s->net, own.burn_height) & MODEL_BIT(b->model)))
		return REASON_VERSION;
	if (!own.won)
		return REASON_NOWINNER;
	if (b->model == NAKAMOTO)
		return judge_miner(s, b, &own);
	return memcmp(own.committed, b->hash, 32) == 0 ? REASON_OK : REASON_WINNER;
}

/* Where it ends. */
static enum chain_reason judge_body(
    unsigned models, const uint8_t *ch, const uint8_t *p, size_t n, bool alone, struct block *b)
{
	size_t need;
	ssize_t used = block_parse(b, models, ch, p, n, &need);

	if (used <= 0)
		return REASON_CODEC;
	return alone && (size_t)used < n ? REASON_TRAILING : REASON_OK;
}

enum pushed pushed_judge(struct store *s, MDB_txn *txn, const uint8_t *ch, const uint8_t *p,
    size_t n, bool alone, struct block *b, enum chain_reason *why)
{
	unsigned models = ch ? MODEL_BIT(EPOCH2) : MODEL_BIT(NAKAMOTO);
	bool known = false;
	size_t need;

	*why = block_header(b, models, ch, p, n, &need) > 0 ? REASON_OK : REASON_CODEC;
	if (*why == REASON_OK && !(known = block_known(s, txn, b->id)))
		*why = judge_header(s, txn, b);
	if (*why == REASON_OK)
		*why = judge_body(models, ch, p, n, alone, b);
	if (*why == REASON_OK && !known)
		*why = proof_root(b);
	if (*why == REASON_OK)
		return known ? PUSHED_KNOWN : PUSHED_TAKEN;
	return *why == REASON_CODEC || *why == REASON_TRAILING ? PUSHED_MALFORMED : PUSHED_REFUSED;
}

static bool seen(uint8_t (*ids)[ID_LEN], uint32_t n, const uint8_t id[ID_LEN])
{
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(ids[i], id, ID_LEN) == 0)
			return true;
	memcpy(ids[n], id, ID_LEN);
	return false;
}

typedef void pushed_take(void *arg, const struct rec_block *row);

static void take_block(const struct block *b, pushed_take *take, void *arg)
{
	struct rec_block row = { .height = b->height,
		.model = b->model,
		.body = rec_bytes(b->bytes, b->len) };

	memcpy(row.id, b->id, ID_LEN);
	memcpy(row.consensus_hash, b->ch, CH_LEN);
	take(arg, &row);
}

/* n blocks, anchored ones behind the consensus hash of each.  They have no length before them: the
 * end of one is where the next begins. */
static enum chain_reason each_block(struct store *s, MDB_txn *txn, enum model model,
    struct cursor *c, uint32_t n, pushed_take *take, void *arg)
{
	uint8_t ids[MAX_WIRE_VECTOR][ID_LEN];
	enum chain_reason why = n == 0 && cursor_left(c) > 0 ? REASON_TRAILING : REASON_OK;
	const uint8_t *ch = NULL;
	struct block b;
	enum pushed got;

	for (uint32_t i = 0; i < n && i < MAX_WIRE_VECTOR && why == REASON_OK; i++) {
		if (model == EPOCH2 && (ch = cursor_take(c, CH_LEN)) == NULL)
			return REASON_CODEC;
		got = pushed_judge(s, txn, ch, c->p, cursor_left(c), i + 1 == n, &b, &why);
		if (why == REASON_OK && seen(ids, i, b.id))
			why = REASON_CODEC;
		if (why == REASON_OK && got == PUSHED_TAKEN)
			take_block(&b, take, arg);
		if (why == REASON_OK)
			cursor_take(c, b.len);
	}
	return why;
}

static enum chain_reason stream(struct store *s, MDB_txn *txn, struct cursor *c, pushed_take *take,
    void *arg)
{
	const uint8_t *parent = cursor_take(c, ID_LEN);
	enum chain_reason why = REASON_CODEC;
	struct rec_block row;

	if (parent &&
	    pushed_stream(s, txn, parent, c->p, cursor_left(c), &row, &why) == PUSHED_TAKEN) {
		take(arg, &row);
		free((void *)(uintptr_t)row.body.p);
	}
	return why;
}

enum chain_reason pushed_message(struct store *s, const struct message *m, pushed_take *take,
    void *arg)
{
	struct cursor c = cursor_of(m->u.blocks.p, m->u.blocks.len);
	enum chain_reason why = REASON_OK;
	MDB_txn *txn = store_read(s);

	switch (m->id) {
	case MSG_NAKAMOTO_BLOCKS:
		why = each_block(s, txn, NAKAMOTO, &c, m->u.blocks.n, take, arg);
		break;
	case MSG_BLOCKS:
		why = each_block(s, txn, EPOCH2, &c, cursor_u32(&c), take, arg);
		break;
	case MSG_MICROBLOCKS:
		why = stream(s, txn, &c, take, arg);
		break;
	}
	store_read_end(txn);
	return why;
}

uint32_t pushed_count(const struct message *m)
{
	if (m->id == MSG_NAKAMOTO_BLOCKS)
		return m->u.blocks.n;
	return m->id == MSG_BLOCKS && m->u.blocks.len >= 4 ? get_be32(m->u.blocks.p) : 1;
}

enum pushed pushed_fault(enum chain_reason why)
{
	switch (why) {
	case REASON_CODEC:
	case REASON_TRAILING: return PUSHED_MALFORMED;
	case REASON_OK: case REASON_NOSORTITION: case REASON_UNCONFIRMED:
	case REASON_NOWINNER: return PUSHED_TAKEN;
	default: return PUSHED_REFUSED;
	}
}

bool push_allowed(struct push_budgets *all, const char *who, uint64_t now, size_t len, uint32_t n)
{
	uint64_t cost = len > (size_t)n * PUSH_LEAST ? len : (size_t)n * PUSH_LEAST, left;
	unsigned first, at, i;
	uint8_t hash[32];

	hash_once(hash, who, strlen(who));
	first = at = get_be32(hash + 8) % (PUSH_SENDERS / WAYS) * WAYS;
	for (i = first; i < first + WAYS; i++) {
		if (all->of[i].who == get_be64(hash))
			break;
		if (all->of[i].at < all->of[at].at)
			at = i;
	}
	if (i < first + WAYS) {
		at = i;
		left = all->of[at].left + (now - all->of[at].at) * PUSH_RATE / 1000;
	} else {
		left = PUSH_BURST;
	}
	left = left < PUSH_BURST ? left : PUSH_BURST;
	all->of[at].who = get_be64(hash);
	all->of[at].at = now;
	all->of[at].left = (uint32_t)(left - (cost <= left ? cost : 0));
	return cost <= left;
}

/* Next: common/store/pushed_stream.c, microblocks that came unasked. */
