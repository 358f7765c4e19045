/* Anchored blocks of a captured chain with the streams that they confirm, each with what the
 * burnchain view says of it: tests/fixtures/NAME.blocks.  All are proven, and what is remembered of
 * them is kept, so that a test may bend one in its place. */
#ifndef BLOCKSYNC_TESTS_CHAIN_FEED_H
#define BLOCKSYNC_TESTS_CHAIN_FEED_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/chain/place.h"
#include "common/chain/proof.h"
#include "common/chain/stream.h"

#define FEED_MAX 4096

struct feed_block {
	struct burn_fact fact; /* of its sortition, which it won */
	const uint8_t *ch;
	const uint8_t *body;
	size_t len;
	const uint8_t *stream; /* a vector, the tail first; len 0: it confirms none */
	size_t stream_len;
	/* Filled by feed_judge. */
	struct block block;
	struct link link;
	const struct feed_block *parent; /* NULL: the boot block */
};

struct feed {
	uint8_t *bytes;
	size_t len;
	struct feed_block b[FEED_MAX];
	size_t n;
	struct network net;
};

/* One block: of its sortition, burn height u64, consensus hash, committed block hash, consensus
 * hash that its commit builds on, u8 whether the total burn is known, total burn u64; u32 length
 * and block; u32 length and stream. */
static inline void feed_open(struct feed *f, const char *path, const char *network)
{
	FILE *in = fopen(path, "rb");
	struct cursor c;
	char err[200];

	assert(in && network_parse(&f->net, network, strlen(network), err) == 0);
	f->bytes = malloc(64u << 20);
	assert(f->bytes);
	f->len = fread(f->bytes, 1, 64u << 20, in);
	fclose(in);
	c = cursor_of(f->bytes, f->len);
	for (f->n = 0; cursor_left(&c); f->n++) {
		struct feed_block *b = &f->b[f->n];

		assert(f->n < FEED_MAX);
		b->fact = (struct burn_fact){ .found = true, .canonical = true, .won = true };
		b->fact.burn_height = cursor_u64(&c);
		b->ch = cursor_take(&c, CH_LEN);
		cursor_copy(&c, b->fact.committed, 32);
		cursor_copy(&c, b->fact.parent_ch, CH_LEN);
		b->fact.has_total_burn = cursor_u8(&c);
		b->fact.total_burn = cursor_u64(&c);
		b->len = cursor_u32(&c);
		b->body = cursor_take(&c, b->len);
		b->stream_len = cursor_u32(&c);
		b->stream = cursor_take(&c, b->stream_len);
	}
	assert(!c.bad);
}

static inline void feed_close(struct feed *f) { free(f->bytes); }

static inline struct feed_block *feed_find(struct feed *f, const uint8_t ch[CH_LEN])
{
	for (size_t i = 0; i < f->n; i++)
		if (memcmp(f->b[i].ch, ch, CH_LEN) == 0)
			return &f->b[i];
	return NULL;
}

static inline struct burn_fact feed_fact(void *arg, const uint8_t ch[CH_LEN])
{
	const struct feed_block *b = feed_find(arg, ch);

	return b ? b->fact : (struct burn_fact){ .found = false };
}

static inline struct burn_lookup feed_lookup(struct feed *f)
{
	return (struct burn_lookup){ .fact = feed_fact, .arg = f };
}

static inline enum chain_reason feed_alone(const struct feed *f, struct feed_block *b)
{
	struct proof_view view = { .net = &f->net,
		.burn_height = b->fact.burn_height,
		.model = EPOCH2,
		.ch = b->ch,
		.committed = b->fact.committed };
	uint64_t weight;

	return proof_alone(&b->block, b->body, b->len, &view, &weight);
}

/* The stream that the block confirms, of a block that is good on its own. */
static inline enum chain_reason feed_stream(
    const struct feed *f, const struct feed_block *b, struct stream *s)
{
	struct stream_view v = { &f->net, network_epoch(&f->net, b->fact.burn_height),
		b->parent->block.hash, b->parent->block.epoch2.microblock_key,
		b->block.epoch2.parent_microblock, b->block.epoch2.parent_sequence, NULL, NULL };

	return stream_judge(s, &v, b->stream, b->stream_len);
}

/* The block on its parent. */
static inline enum chain_reason feed_place(struct feed *f, struct feed_block *b)
{
	const struct place_rules *rules = place_rules(EPOCH2);
	struct burn_lookup burn = feed_lookup(f);
	struct link boot;
	const struct link *parent;
	enum chain_reason reason;

	if (!link_of(&b->link, &b->block, &burn))
		return REASON_PARENT;
	b->parent = feed_find(f, b->link.prev_ch);
	if (!b->parent)
		assert(place_boot(&boot, b->link.parent));
	parent = b->parent ? &b->parent->link : &boot;
	if ((reason = rules->start(&b->link, &burn)) != REASON_OK)
		return reason;
	return rules->border(&b->link, parent, parent->id, 1, &burn);
}

/* The block on its own and in its place, and its stream; *committed: a refusal is the block's. */
static inline enum chain_reason feed_judge(struct feed *f, struct feed_block *b, bool *committed)
{
	enum chain_reason reason = feed_alone(f, b);
	struct stream s;

	*committed = true;
	if (reason == REASON_OK)
		reason = feed_place(f, b);
	if (reason != REASON_OK || !block_confirms(&b->block) || !b->parent)
		return reason;
	reason = feed_stream(f, b, &s);
	*committed = s.committed;
	stream_release(&s);
	return reason;
}

#endif
