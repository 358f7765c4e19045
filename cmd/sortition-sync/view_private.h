/* Between view.c (votes), view_dispute.c (contradictions) and view_order.c (order of requests). */
#ifndef SORTITION_SYNC_VIEW_PRIVATE_H
#define SORTITION_SYNC_VIEW_PRIVATE_H

#include "cmd/sortition-sync/view.h"

static inline bool view_bit(const uint8_t *bits, uint64_t i) { return bits[i / 8] >> (i % 8) & 1; }
static inline void view_set(uint8_t *bits, uint64_t i) { bits[i / 8] |= (uint8_t)(1u << (i % 8)); }
static inline void view_clear(uint8_t *bits, uint64_t i)
{
	bits[i / 8] &= (uint8_t) ~(1u << (i % 8));
}

struct view_slot *view_slot(const struct view *, uint64_t height);	/* NULL: out of range */
/* The settled row itself, if it is one of the newest. */
const struct rec_sortition *view_top_row(const struct view *, uint64_t height);
/* What must agree, as a number: keyed, so that no source can choose its collisions. */
uint64_t view_digest(const struct view *, const struct rec_sortition *);
/* Both rows are known and say that they do not belong together. */
bool view_unlinked(const struct rec_sortition *above, const struct rec_sortition *below);
void view_add_event(struct view *, const struct view_event *);
/* The claims about a height that have no quorum, one after the other; NULL: no more. */
struct view_cand *view_cand_first(const struct view *, uint64_t height);
struct view_cand *view_cand_next(const struct view *, struct view_cand *);
int view_cand_cmp(const struct view_cand *, const struct view_cand *);
RB_PROTOTYPE(view_cands, view_cand, entry, view_cand_cmp)
uint64_t view_live_mask(const struct view *); /* sources that are not ignored */

/* The tip stands on it so deeply that no reorganisation is expected. */
bool view_is_deep(const struct view *, uint64_t height);
/* A source contradicts a settled height. */
void view_contradicts(struct view *, unsigned source, uint64_t height);
/* A source has spoken of a height, which may be the one in dispute. */
void view_dispute_heard(struct view *, unsigned source, uint64_t height);
void view_dispute_tick(struct view *);

/* Ask a source for a height before anything else. */
void view_again(struct view *, unsigned source, uint64_t height);
/* A slot is settled or contested: nobody is ahead of the quorum there any more. */
void view_uncount(struct view *, uint64_t height);
void view_uncount_one(struct view *, unsigned source, uint64_t height);
/* A contested slot, by index, may be asked for again. */
void view_reopen(struct view *, uint64_t index);
/* Ask again for heights that are not settled and that a source had no row of: it may have been
 * behind its own tip. */
void view_ask_missing(struct view *);
/* The height that Q sources have reached; grows the slots. */
void view_find_tip(struct view *);

#endif
