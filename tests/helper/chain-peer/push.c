/* What a peer says unasked: chatter, and blocks that it pushes. */
#include "tests/helper/chain-peer/talk.h"

/* Unsolicited messages: an empty Pong is as good as a transaction, and as unwanted. Up to ten a
 * tick. */
static void chatter(void *arg)
{
	struct talk *t = arg;
	double rate = has(t->peer, F_FLOOD) ? amount(t->peer, F_FLOOD) : amount(t->peer, F_CHATTY);
	struct buf payload = { 0 };
	unsigned burst = rate > 100 ? 10 : 1;

	if (!t->closed) {
		for (unsigned i = 0; i < burst; i++) {
			payload.n = 0;
			buf_u32(&payload, (uint32_t)dice_u64(&t->peer->dice));
			talk_send(
			    t, MSG_PONG, &payload, (uint32_t)dice_u64(&t->peer->dice), F_COUNT);
		}
		talk_later(t, 1000.0 * burst / rate, chatter);
	}
	buf_release(&payload);
	talk_unref(t);
}

/* The conversation's next one of the highest n blocks of a model that are shown, or NULL. */
static const struct chain_block *next_of(struct talk *t, enum model model, unsigned n)
{
	const struct chaindir *c = &t->peer->world->chain;
	uint32_t low = model == EPOCH2 ? 0 : c->canon3,
		 high = model == EPOCH2 ? c->canon3 : c->n_canon;

	return high == low ? NULL : &c->blocks[c->canon[high - 1 - t->pushed++ % n % (high - low)]];
}

static void push(struct talk *t, unsigned id, const struct buf *payload)
{
	talk_send(t, id, payload, (uint32_t)dice_u64(&t->peer->dice), F_COUNT);
}

/* One block of the last ones that it has; a forged one has another time, and so another id, and a
 * signature of nobody. */
static void pusher(void *arg)
{
	struct talk *t = arg;
	struct peer *p = t->peer;
	bool junk = has(p, F_JUNKPUSH);
	const struct chain_block *b = next_of(t, NAKAMOTO, junk ? 1 : 5);
	struct buf payload = { 0 };

	if (!t->closed && b) {
		buf_u32(&payload, 1);
		buf_put(&payload, b->bytes, b->size);
		if (junk)
			put_be64(payload.p + 4 + 133, 1 + t->pushed);
		push(t, MSG_NAKAMOTO_BLOCKS, &payload);
		talk_later(t, 1000.0 / amount(p, junk ? F_JUNKPUSH : F_PUSH), pusher);
	}
	buf_release(&payload);
	talk_unref(t);
}

/* The stream that a block confirms, which is mined on its parent. */
static void push_stream(struct talk *t, const struct chain_block *b)
{
	const struct chaindir *c = &t->peer->world->chain;
	struct buf payload = { 0 };

	buf_put(&payload, b->parent, ID_LEN);
	buf_u32(&payload, b->n_confirmed);
	for (uint32_t i = 0; i < b->n_confirmed; i++)
		buf_put(
		    &payload, c->micros[b->confirmed + i].bytes, c->micros[b->confirmed + i].size);
	push(t, MSG_MICROBLOCKS, &payload);
	buf_release(&payload);
}

/* One block of epoch 2.x after another, and what it confirms; a forged one has another state root,
 * and so is not the winner. */
static void pusher2(void *arg)
{
	struct talk *t = arg;
	struct peer *p = t->peer;
	bool junk = has(p, F_JUNKPUSH2);
	const struct chain_block *b = next_of(t, EPOCH2, junk ? 1 : UINT32_MAX);
	struct buf payload = { 0 };

	if (!t->closed && b) {
		buf_u32(&payload, 1);
		buf_put(&payload, b->ch, CH_LEN);
		buf_put(&payload, b->bytes, b->size);
		if (junk)
			put_be64(payload.p + 4 + CH_LEN + 195, 1 + t->pushed);
		push(t, MSG_BLOCKS, &payload);
		if (!junk && b->n_confirmed)
			push_stream(t, b);
		talk_later(t, 1000.0 / amount(p, junk ? F_JUNKPUSH2 : F_PUSH2), pusher2);
	}
	buf_release(&payload);
	talk_unref(t);
}

static void announcer(void *arg)
{
	struct talk *t = arg;
	const struct chain_block *b = next_of(t, EPOCH2, UINT32_MAX);
	const struct chain_sortition *s = b ? world_sortition(t->peer->world, b->ch) : NULL;
	struct buf payload = { 0 };

	if (!t->closed && s) {
		buf_u32(&payload, 1);
		buf_put(&payload, b->ch, CH_LEN);
		buf_put(&payload, s->row.burn_hash, 32);
		push(t, MSG_BLOCKS_AVAILABLE, &payload);
		if (b->n_confirmed)
			push(t, MSG_MICROBLOCKS_AVAILABLE, &payload);
		talk_later(t, 1000.0 / amount(t->peer, F_ANNOUNCE), announcer);
	}
	buf_release(&payload);
	talk_unref(t);
}

void talk_push(struct talk *t)
{
	const struct peer *p = t->peer;

	if (has(p, F_CHATTY) || has(p, F_FLOOD))
		talk_later(t, 10, chatter);
	if (has(p, F_PUSH) || has(p, F_JUNKPUSH))
		talk_later(t, 10, pusher);
	if (has(p, F_PUSH2) || has(p, F_JUNKPUSH2))
		talk_later(t, 10, pusher2);
	if (has(p, F_ANNOUNCE))
		talk_later(t, 10, announcer);
}

/* Next: tests/helper/chain-peer/inventory.c, what it says it has. */
