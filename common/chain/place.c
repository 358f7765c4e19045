/* A block in its place: on its parent, at the border of its tenure, under its burn view
 * (spec/blocks.md 1.5 to 1.7, 3.1). What the view does not know (total_burn, a burn view on a fork)
 * weakens a rule and never breaks one. */
#include "common/chain/hash.h"
#include "common/chain/place.h"

/* H(0^32 0^20). */
static const uint8_t boot_id[ID_LEN] = {
	0x55, 0xc9, 0x86, 0x1b, 0xe5, 0xcf, 0xf9, 0x84, 0xa2, 0x0c, 0xe6, 0xd9,
	0x9d, 0x4a, 0xa6, 0x59, 0x41, 0x41, 0x28, 0x89, 0xbd, 0xc6, 0x65, 0x09,
	0x41, 0x36, 0x42, 0x9b, 0x84, 0xf8, 0xc2, 0xee,
};

/* A tenure change tells where a start or an extension stands. */
static void take_change(struct link *l, const struct tenure_change *c)
{
	memcpy(l->view, c->burn_view, CH_LEN);
	memcpy(l->prev_ch, c->prev_tenure, CH_LEN);
	l->prev_blocks = c->prev_blocks;
}

/* The header has the parent's hash; the sortition has the tenure that it is of. */
static bool take_epoch2(struct link *l, const struct block *b, const struct burn_lookup *burn)
{
	struct burn_fact own = burn->fact(burn->arg, b->ch);

	memcpy(l->view, b->ch, CH_LEN);
	memcpy(l->prev_ch, own.parent_ch, CH_LEN);
	hash_block_id(l->parent, b->parent, own.parent_ch);
	l->prev_blocks = 1;
	l->burn = b->epoch2.burn;
	memcpy(l->tail, b->epoch2.parent_microblock, sizeof(l->tail));
	l->tail_sequence = b->epoch2.parent_sequence;
	return own.found &&
	    (!all_zero(own.parent_ch, CH_LEN) || own.first ||
		memcmp(l->parent, boot_id, ID_LEN) == 0);
}

bool link_of(struct link *l, const struct block *b, const struct burn_lookup *burn)
{
	memset(l, 0, sizeof(*l));
	l->model = b->model;
	l->kind = b->kind;
	memcpy(l->id, b->id, ID_LEN);
	memcpy(l->parent, b->parent, ID_LEN);
	memcpy(l->ch, b->ch, CH_LEN);
	l->height = b->height;
	if (b->model == EPOCH2)
		return take_epoch2(l, b, burn);
	l->burn = b->nakamoto.burn_spent;
	if (b->kind != BLOCK_ORDINARY)
		take_change(l, &b->nakamoto.change);
	l->shadow = burn->net && block_shadow_commit(b, burn->net, l->names);
	return true;
}

void link_follow(struct link *child, const struct link *parent)
{
	if (child->kind == BLOCK_ORDINARY)
		memcpy(child->view, parent->view, CH_LEN);
}

static struct burn_fact fact_of(const struct burn_lookup *burn, const uint8_t ch[CH_LEN])
{
	return burn->fact(burn->arg, ch);
}

/* ---- Nakamoto ---- */

/* burn_spent is what the burn view had burned in total; where only the parent's is known, it cannot
 * be less. */
static enum chain_reason judge_burn(const struct link *l, const struct link *parent,
    const struct burn_fact *view)
{
	if (view->found && view->has_total_burn)
		return l->burn == view->total_burn ? REASON_OK : REASON_BURN;
	return parent && l->burn < parent->burn ? REASON_BURN : REASON_OK;
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
    const struct burn_lookup *burn)
{
	struct burn_fact before = fact_of(burn, parent->view);

	return view->canonical && before.canonical && view->burn_height < before.burn_height;
}

static enum chain_reason judge_extension(const struct link *child, const struct link *parent,
    uint64_t blocks_so_far, const struct burn_lookup *burn)
{
	struct burn_fact own = fact_of(burn, child->ch), view = fact_of(burn, child->view);

	if (child->prev_blocks != blocks_so_far)
		return REASON_EXTCOUNT;
	if (!view_stands(&view, &own) || view_goes_back(&view, parent, burn))
		return REASON_EXTVIEW;
	return judge_burn(child, parent, &view);
}

enum chain_reason place_child(const struct link *child, const struct link *parent,
    uint64_t blocks_so_far, const struct burn_lookup *burn)
{
	if (child->model != parent->model || memcmp(child->ch, parent->ch, CH_LEN) != 0)
		return REASON_STRAY;
	if (child->height != parent->height + 1)
		return REASON_HEIGHT;
	if (child->kind == BLOCK_EXTEND)
		return judge_extension(child, parent, blocks_so_far, burn);
	return child->burn == parent->burn ? REASON_OK : REASON_BURN;
}

/* A start follows a block of the tenure that it names, which is an older one. */
static enum chain_reason judge_previous(const struct link *start, const struct link *parent,
    const struct burn_lookup *burn)
{
	struct burn_fact own, previous;

	if (memcmp(start->prev_ch, parent->ch, CH_LEN) != 0 ||
	    memcmp(start->ch, parent->ch, CH_LEN) == 0)
		return REASON_PREVTENURE;
	own = fact_of(burn, start->ch);
	previous = fact_of(burn, parent->ch);
	return own.found && previous.found && previous.burn_height >= own.burn_height ?
	    REASON_PREVTENURE :
	    REASON_OK;
}

static bool nakamoto_named(const uint8_t ch[CH_LEN], const uint8_t id[ID_LEN],
    const struct burn_lookup *burn)
{
	return burn->names(burn->arg, id, fact_of(burn, ch).burn_height);
}

static enum chain_reason nakamoto_start(const struct link *start, const struct burn_lookup *burn)
{
	struct burn_fact own = fact_of(burn, start->ch), view = fact_of(burn, start->view);

	if (!own.found)
		return REASON_NOSORTITION;
	if (!own.won && !start->shadow)
		return REASON_NOWINNER;
	if (!view_stands(&view, &own))
		return REASON_BURNVIEW;
	return judge_burn(start, NULL, &view);
}

/* The start of the tenure below, as a start's commit names it.  A shadow tenure has none. */
static const uint8_t *committed_by(const struct link *start, const struct burn_fact *own)
{
	return start->shadow ? start->names : own->committed;
}

static enum chain_reason nakamoto_commit(const struct link *start,
    const uint8_t parent_start[ID_LEN], const struct burn_lookup *burn)
{
	struct burn_fact own = fact_of(burn, start->ch);

	return own.found && memcmp(committed_by(start, &own), parent_start, ID_LEN) != 0 ?
	    REASON_COMMIT :
	    REASON_OK;
}

/* The same on an epoch 2.x block: it is the whole tenure below, and its start. */
static enum chain_reason nakamoto_border(const struct link *start, const struct link *parent,
    const uint8_t parent_start[ID_LEN], uint64_t parent_count, const struct burn_lookup *burn)
{
	enum chain_reason reason;
	struct burn_fact view;

	if (start->height != parent->height + 1)
		return REASON_HEIGHT;
	if ((reason = judge_previous(start, parent, burn)) != REASON_OK)
		return reason;
	view = fact_of(burn, start->view);
	if (view_goes_back(&view, parent, burn))
		return REASON_BURNVIEW;
	if ((reason = judge_burn(start, parent, &view)) != REASON_OK)
		return reason;
	if (start->prev_blocks != parent_count)
		return REASON_COUNT;
	return nakamoto_commit(start, parent_start, burn);
}

enum chain_reason place_crossing(const struct link *start, unsigned below, bool *crosses,
    const struct burn_lookup *burn)
{
	struct burn_fact own = fact_of(burn, start->ch);

	bool on_start = own.found &&
	    memcmp(committed_by(start, &own), start->parent, ID_LEN) == 0;

	*crosses = start->model == NAKAMOTO && below & MODEL_BIT(EPOCH2) &&
	    start->prev_blocks == 1 && (on_start || !own.found);
	if (start->model != NAKAMOTO || !own.found)
		return REASON_OK;
	/* Of whichever model the tenure below is: if the parent is its start, it has one block. */
	if (on_start)
		return start->prev_blocks == 1 ? REASON_OK : REASON_COUNT;
	return below == MODEL_BIT(EPOCH2) ? REASON_COMMIT : REASON_OK;
}

/* ---- epoch 2.x ---- */

/* A sortition's winner as a block id: its commit has the block's hash. */
static bool won_by(const struct burn_fact *f, const uint8_t ch[CH_LEN], const uint8_t id[ID_LEN])
{
	uint8_t winner[ID_LEN];

	hash_block_id(winner, f->committed, ch);
	return f->won && memcmp(winner, id, ID_LEN) == 0;
}

static bool epoch2_named(const uint8_t ch[CH_LEN], const uint8_t id[ID_LEN],
    const struct burn_lookup *burn)
{
	struct burn_fact own = fact_of(burn, ch);

	return won_by(&own, ch, id);
}

static enum chain_reason epoch2_start(const struct link *start, const struct burn_lookup *burn)
{
	struct burn_fact own = fact_of(burn, start->ch), below = fact_of(burn, start->prev_ch);
	struct link boot;

	if (!own.found)
		return REASON_NOSORTITION;
	if (!own.won)
		return REASON_NOWINNER;
	if (!won_by(&own, start->ch, start->id))
		return REASON_WINNER;
	if (!place_boot(&boot, start->parent) &&
	    (own.first ||
		(below.found && !won_by(&below, start->prev_ch, start->parent))))
		return REASON_PARENT;
	return below.has_total_burn && start->burn != below.total_burn ? REASON_BURN : REASON_OK;
}

/* A commit of epoch 2.x names the block itself; what is below, its sortition tells. */
static enum chain_reason epoch2_commit(const struct link *start,
    const uint8_t parent_start[ID_LEN], const struct burn_lookup *burn)
{
	return REASON_OK;
}

static enum chain_reason epoch2_border(const struct link *start, const struct link *parent,
    const uint8_t parent_start[ID_LEN], uint64_t parent_count, const struct burn_lookup *burn)
{
	enum chain_reason reason;

	if (parent->model != EPOCH2)
		return REASON_PARENT;
	if (start->height != parent->height + 1)
		return REASON_HEIGHT;
	if ((reason = judge_previous(start, parent, burn)) != REASON_OK)
		return reason;
	/* once more: the sortition below may not have been known */
	return epoch2_start(start, burn);
}

const struct place_rules *place_rules(enum model model)
{
	static const struct place_rules rules[] = {
		[NAKAMOTO] = { nakamoto_named, nakamoto_start, nakamoto_commit, nakamoto_border },
		[EPOCH2] = { epoch2_named, epoch2_start, epoch2_commit, epoch2_border },
	};

	return &rules[model];
}

bool place_boot(struct link *l, const uint8_t id[ID_LEN])
{
	memset(l, 0, sizeof(*l));
	memcpy(l->id, boot_id, ID_LEN);
	l->model = EPOCH2;
	l->kind = BLOCK_START;
	return memcmp(id, boot_id, ID_LEN) == 0;
}

/* Next: common/chain/view.c, how a burnchain view proves itself. */
