/* A block in its place: on its parent, at the border of its tenure, under its burn view
 * (spec/blocks.md 1.5 to 1.7). What the view does not know (total_burn, a burn view on a fork)
 * weakens a rule and never breaks one. */
#include "common/chain/proof.h"

void link_of(struct link *l, const struct block *b)
{
	l->model = b->model;
	memcpy(l->id, b->id, ID_LEN);
	memcpy(l->parent, b->parent, ID_LEN);
	memcpy(l->ch, b->ch, CH_LEN);
	l->height = b->height;
	l->kind = b->kind;
	memset(l->view, 0, CH_LEN);
	if (b->model == EPOCH2) {
		l->burn_spent = b->epoch2.burn;
		memset(&l->change, 0, sizeof(l->change));
		return;
	}
	l->burn_spent = b->nakamoto.burn_spent;
	l->change = b->nakamoto.change;
	if (b->kind != BLOCK_ORDINARY)
		memcpy(l->view, b->nakamoto.change.burn_view, CH_LEN);
}

void link_follow(struct link *child, const struct link *parent)
{
	if (child->kind == BLOCK_ORDINARY)
		memcpy(child->view, parent->view, CH_LEN);
}

/* burn_spent is what the burn view had burned in total; where only the parent's is known, it cannot
 * be less. */
static enum chain_reason judge_burn(const struct link *l, const struct link *parent,
    const struct burn_fact *view)
{
	if (view->found && view->has_total_burn)
		return l->burn_spent == view->total_burn ? REASON_OK : REASON_BURN;
	return parent && l->burn_spent < parent->burn_spent ? REASON_BURN : REASON_OK;
}

/* A burn view is known, at or above the tenure's own sortition, and on the same fork as far as that
 * is known. */
static bool view_stands(const struct burn_fact *view, const struct burn_fact *own)
{
	return view->found &&
	    (!own->found ||
		(view->burn_height >= own->burn_height && (view->canonical || !own->canonical)));
}

/* A chain does not go back to an earlier burn view than it had, as far as both are known. */
static bool view_goes_back(const struct burn_fact *view, const struct link *parent,
    burn_lookup *lookup, void *arg)
{
	struct burn_fact before = lookup(arg, parent->view);

	return view->canonical && before.canonical && view->burn_height < before.burn_height;
}

static enum chain_reason judge_extension(const struct link *child, const struct link *parent,
    uint64_t blocks_so_far, burn_lookup *lookup, void *arg)
{
	struct burn_fact own = lookup(arg, child->ch), view = lookup(arg, child->change.burn_view);

	if (child->change.prev_blocks != blocks_so_far)
		return REASON_EXTCOUNT;
	if (!view_stands(&view, &own) || view_goes_back(&view, parent, lookup, arg))
		return REASON_EXTVIEW;
	return judge_burn(child, parent, &view);
}

/* A start follows a block of the tenure that it names, which is an older one. */
static enum chain_reason judge_previous(const struct link *start, const struct link *parent,
    burn_lookup *lookup, void *arg)
{
	struct burn_fact own, previous;

	if (memcmp(start->change.prev_tenure, parent->ch, CH_LEN) != 0 ||
	    memcmp(start->ch, parent->ch, CH_LEN) == 0)
		return REASON_PREVTENURE;
	own = lookup(arg, start->ch);
	previous = lookup(arg, parent->ch);
	return own.found && previous.found && previous.burn_height >= own.burn_height ?
	    REASON_PREVTENURE :
	    REASON_OK;
}

enum chain_reason place_child(const struct link *child, const struct link *parent,
    uint64_t blocks_so_far, burn_lookup *lookup, void *arg)
{
	enum chain_reason reason;
	struct burn_fact view;

	if (child->kind != BLOCK_START && memcmp(child->ch, parent->ch, CH_LEN) != 0)
		return REASON_STRAY;
	if (child->height != parent->height + 1)
		return REASON_HEIGHT;
	switch (child->kind) {
	case BLOCK_ORDINARY:
		return child->burn_spent == parent->burn_spent ? REASON_OK : REASON_BURN;
	case BLOCK_EXTEND:
		return judge_extension(child, parent, blocks_so_far, lookup, arg);
	case BLOCK_START:
		break;
	}
	if ((reason = judge_previous(child, parent, lookup, arg)) != REASON_OK)
		return reason;
	view = lookup(arg, child->change.burn_view);
	return view_goes_back(&view, parent, lookup, arg) ? REASON_BURNVIEW :
							    judge_burn(child, parent, &view);
}

enum chain_reason place_start(const struct link *start, burn_lookup *lookup, void *arg)
{
	struct burn_fact own = lookup(arg, start->ch), view = lookup(arg, start->change.burn_view);

	if (!own.found)
		return REASON_NOSORTITION;
	if (!own.won)
		return REASON_NOWINNER;
	if (!view_stands(&view, &own))
		return REASON_BURNVIEW;
	return judge_burn(start, NULL, &view);
}

enum chain_reason place_border(const struct link *start, const struct link *parent,
    const uint8_t parent_start[ID_LEN], uint64_t parent_count, burn_lookup *lookup, void *arg)
{
	struct burn_fact own = lookup(arg, start->ch);
	enum chain_reason reason = place_child(start, parent, 0, lookup, arg);

	if (reason != REASON_OK)
		return reason;
	if (start->change.prev_blocks != parent_count)
		return REASON_COUNT;
	if (own.found && memcmp(own.committed, parent_start, ID_LEN) != 0)
		return REASON_COMMIT;
	return REASON_OK;
}

/* The block that everything starts on, H(0^32 0^20): height 0, tenure of zeros. */
static bool is_boot(const uint8_t id[ID_LEN])
{
	static const uint8_t boot[ID_LEN] = {
		0x55, 0xc9, 0x86, 0x1b, 0xe5, 0xcf, 0xf9, 0x84, 0xa2, 0x0c, 0xe6, 0xd9,
		0x9d, 0x4a, 0xa6, 0x59, 0x41, 0x41, 0x28, 0x89, 0xbd, 0xc6, 0x65, 0x09,
		0x41, 0x36, 0x42, 0x9b, 0x84, 0xf8, 0xc2, 0xee,
	};

	return memcmp(id, boot, ID_LEN) == 0;
}

enum chain_reason place_first(const struct link *start, burn_lookup *lookup, void *arg)
{
	struct burn_fact own = lookup(arg, start->ch),
			 previous = lookup(arg, start->change.prev_tenure);

	if (is_boot(start->parent) && start->height != 1)
		return REASON_HEIGHT;
	if (is_boot(start->parent) && !all_zero(start->change.prev_tenure, CH_LEN))
		return REASON_PREVTENURE;
	if (own.found && previous.found && previous.burn_height >= own.burn_height)
		return REASON_PREVTENURE;
	if (start->change.prev_blocks != 1)
		return REASON_COUNT;
	if (own.found && memcmp(own.committed, start->parent, ID_LEN) != 0)
		return REASON_COMMIT;
	return REASON_OK;
}

enum chain_reason place_anchored(
    const struct link *child, const struct link *parent, const struct burn_fact *below)
{
	static const uint8_t boot[32];
	uint64_t height = parent ? parent->height : 0;

	if (memcmp(child->parent, below->won ? below->committed : boot, 32) != 0)
		return REASON_PARENT;
	if (child->height != height + 1)
		return REASON_HEIGHT;
	return below->has_total_burn && child->burn_spent != below->total_burn ? REASON_BURN :
										 REASON_OK;
}

/* Next: common/chain/view.c, how a burnchain view proves itself. */
