/* judge - judge the epoch 2.x part of a chain directory by the rules of common/chain alone: each
 * anchored block on its own and on its parent, the stream that it confirms, and the first Nakamoto
 * tenure on the block below.
 *
 *   judge DIR
 *
 * One line a refused block: id, reason, tab separated.  At the end, on standard error, how many
 * blocks and microblocks were judged.  Exit 0 if none was refused, else 1. */
#include <stdlib.h>

#include "common/chain/place.h"
#include "common/chain/stream.h"
#include "common/sys/log.h"
#include "tests/helper/lib/buf.h"
#include "tests/helper/lib/chaindir.h"

struct judge {
	struct chaindir chain;
	struct burn_lookup lookup;
	struct link *links; /* by block; height 0: it has none */
	unsigned blocks, micros, refused;
};

static struct burn_fact fact(void *arg, const uint8_t ch[CH_LEN])
{
	const struct judge *j = arg;
	const struct chain_sortition *s = chaindir_sortition(&j->chain, ch);
	struct burn_fact f = { .found = s };

	if (!s)
		return f;
	f.canonical = s->fork == 0;
	f.burn_height = s->row.burn_height;
	f.has_total_burn = s->row.has_burn;
	f.total_burn = s->row.total_burn;
	f.won = s->row.won;
	memcpy(f.committed, s->row.committed, ID_LEN);
	memcpy(f.parent_ch, s->row.parent_ch, CH_LEN);
	return f;
}

static bool names(void *arg, const uint8_t id[ID_LEN], uint64_t above)
{
	const struct chaindir *c = &((struct judge *)arg)->chain;

	for (uint32_t i = 0; i < c->n_main; i++)
		if (c->sortitions[i].row.burn_height > above && c->sortitions[i].row.won &&
		    memcmp(c->sortitions[i].row.committed, id, ID_LEN) == 0)
			return true;
	return false;
}

/* The parent's place, or NULL: it has none that anything could be judged by. */
static const struct link *below(struct judge *j, const struct chain_block *b, struct link *boot)
{
	const struct chain_block *parent = chaindir_find(&j->chain, b->parent);

	if (place_boot(boot, b->parent))
		return boot;
	return parent && j->links[parent - j->chain.blocks].height ?
	    &j->links[parent - j->chain.blocks] :
	    NULL;
}

/* A tenure's start by its sortition and on the block below, which is a tenure of one block. */
static enum chain_reason judge_place(
    struct judge *j, const struct chain_block *b, const struct block *block)
{
	const struct place_rules *rules = place_rules(b->model);
	struct link *link = &j->links[b - j->chain.blocks], boot;
	const struct link *parent;
	enum chain_reason why;

	if (!link_of(link, block, &j->lookup)) {
		link->height = 0;
		return REASON_NOSORTITION;
	}
	if (!rules->named(link->ch, link->id, &j->lookup))
		return REASON_NOTNAMED;
	if ((why = rules->start(link, &j->lookup)) != REASON_OK ||
	    (parent = below(j, b, &boot)) == NULL)
		return why;
	return rules->border(link, parent, parent->id, 1, &j->lookup);
}

static enum chain_reason judge_stream(
    struct judge *j, const struct chain_block *b, const struct block *block)
{
	const struct chaindir *c = &j->chain;
	const struct chain_block *parent = chaindir_find(c, b->parent);
	struct stream_view view = { .net = &c->net,
		.epoch = network_epoch(&c->net, chaindir_sortition(c, b->ch)->row.burn_height),
		.parent = block->parent,
		.tail = block->epoch2.parent_microblock,
		.tail_sequence = block->epoch2.parent_sequence };
	struct buf bytes = { 0 };
	struct stream stream;
	struct block on;
	enum chain_reason why;
	size_t need;

	if (!parent ||
	    block_header(&on, MODEL_BIT(EPOCH2), parent->ch, parent->bytes, parent->size, &need) <=
		0)
		return REASON_OK;
	view.key = on.epoch2.microblock_key;
	buf_u32(&bytes, b->n_confirmed);
	for (uint32_t i = 0; i < b->n_confirmed; i++)
		buf_put(
		    &bytes, c->micros[b->confirmed + i].bytes, c->micros[b->confirmed + i].size);
	why = stream_judge(&stream, &view, bytes.p, bytes.n);
	if (why == REASON_OK && stream.n != b->n_confirmed)
		why = REASON_TAIL;
	j->micros += b->n_confirmed;
	stream_release(&stream);
	buf_release(&bytes);
	return why;
}

static enum chain_reason judge_anchored(struct judge *j, const struct chain_block *b)
{
	const struct chain_sortition *s = chaindir_sortition(&j->chain, b->ch);
	struct proof_view view = { .net = &j->chain.net, .model = EPOCH2, .ch = b->ch };
	struct block block;
	enum chain_reason why;
	uint64_t weight;
	size_t need;

	if (!s)
		return REASON_NOSORTITION;
	view.burn_height = s->row.burn_height;
	view.committed = s->row.committed;
	why = proof_alone(&block, b->bytes, b->size, &view, &weight);
	/* of a block that is wrong by itself its children are judged too, by its header */
	if (why != REASON_OK &&
	    (block_header(&block, MODEL_BIT(EPOCH2), b->ch, b->bytes, b->size, &need) <= 0 ||
		!link_of(&j->links[b - j->chain.blocks], &block, &j->lookup)))
		return why;
	if (why == REASON_OK)
		why = judge_place(j, b, &block);
	if (why == REASON_OK && block_confirms(&block))
		why = judge_stream(j, b, &block);
	return why;
}

/* Only its place: who signed it is judged elsewhere. */
static enum chain_reason judge_first(struct judge *j, const struct chain_block *b)
{
	struct block block;
	size_t need;

	if (block_parse(&block, MODEL_BIT(NAKAMOTO), NULL, b->bytes, b->size, &need) <= 0)
		return REASON_CODEC;
	return judge_place(j, b, &block);
}

static void say(struct judge *j, const struct chain_block *b, enum chain_reason why)
{
	char hex[2 * ID_LEN + 1];

	j->blocks++;
	if (why == REASON_OK)
		return;
	j->refused++;
	printf("%s\t%s\n", hex_of(hex, b->id, ID_LEN), chain_reason_word(why));
}

int main(int argc, char **argv)
{
	static struct judge j;
	const struct chaindir *c = &j.chain;

	log_init("judge");
	if (argc != 2)
		die_usage("usage: judge DIR");
	chaindir_open(&j.chain, argv[1]);
	j.lookup = (struct burn_lookup){ .fact = fact, .names = names, .arg = &j };
	j.links = xcalloc(c->n_blocks + 1, sizeof(*j.links));
	for (uint32_t i = 0; i < c->n_blocks; i++)
		if (c->blocks[i].model == EPOCH2)
			say(&j, &c->blocks[i], judge_anchored(&j, &c->blocks[i]));
	if (c->canon3 < c->n_canon)
		say(&j, &c->blocks[c->canon[c->canon3]],
		    judge_first(&j, &c->blocks[c->canon[c->canon3]]));
	fprintf(stderr, "%u blocks, %u microblocks\n", j.blocks, j.micros);
	return j.refused > 0;
}
