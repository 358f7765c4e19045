/* What the files of the planner call of each other. */
#ifndef BLOCK_FETCH_PLAN_CALLS_H
#define BLOCK_FETCH_PLAN_CALLS_H

/* Something changed that may put an item on offer: what is derived from all is void. */
static inline void planner_changed(struct planner *p) { p->no_offer = false; }

static inline bool slot_wanted(const struct slot *s)
{
	return s->facts & (FACT_NAMED | FACT_TIP);
}
/* Whether its absence matters: an epoch 2.x winner may be on offer only. */
static inline bool slot_needed(const struct slot *s)
{
	return s->model == NAKAMOTO || slot_wanted(s);
}
static inline struct item *slot_item(struct slot *s, enum item_kind kind)
{
	return &s->item[kind != ITEM_BODY];
}
static inline bool slot_has(const struct slot *s, enum item_kind kind)
{
	return s->item[kind != ITEM_BODY].kind == kind;
}
/* What is known of an item that is being worked on, or NULL. */
static inline struct work *item_work(const struct planner *p, uint32_t slot, enum item_kind kind)
{
	uint32_t i = p->slots[slot].item[kind != ITEM_BODY].work;

	return i ? &p->works[i - 1] : NULL;
}
static inline bool slot_asks_start(const struct slot *s)
{
	return s->item[1].kind == ITEM_START && s->item[1].state == ST_ASKED;
}
/* A stream is judged by the blocks at both of its ends. */
static inline bool stream_tells(const struct planner *p, const struct slot *s)
{
	return s->parent && s->item[0].state == ST_PROVEN &&
	    p->slots[s->parent - 1].item[0].state == ST_PROVEN;
}
static inline bool source_has_room(const struct planner *p, const struct source *s, uint64_t now)
{
	return source_usable(s, now) && s->not_before <= now && s->inflight < source_window(p, s);
}
static inline bool id_zero(const uint8_t id[ID_LEN]) { return all_zero(id, ID_LEN); }
static inline bool id_is(const uint8_t *a, const uint8_t *b) { return memcmp(a, b, ID_LEN) == 0; }

/* Next bit set at or above `from`, below n; or -1. */
static inline int64_t bit_next(const uint64_t *map, uint32_t n, uint32_t from)
{
	for (uint32_t w = from / 64; w * 64 < n; w++) {
		uint64_t bits = w == from / 64 ? map[w] & ~0ull << from % 64 : map[w];
		if (bits) {
			uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(bits);
			return i < n ? (int64_t)i : -1;
		}
	}
	return -1;
}

/* ---- slots.c ---- */
struct slot *slot_find(const struct planner *, const uint8_t ch[CH_LEN]);
uint32_t slot_index(const struct planner *, const struct slot *);
uint64_t slot_height(const struct planner *, uint32_t slot);
/* Slots up to a burn height.  False: too high. */
bool slots_reach(struct planner *, uint64_t height);
void slots_index(struct planner *);			/* after slots were removed */
void slot_indexed(struct planner *, uint32_t slot);	/* under its consensus hash */
/* What the block of a tenure is judged by is known: its reward set; epoch 2.x needs none. */
bool slot_judgeable(const struct planner *, uint32_t slot);
/* Its bits anew, from what is known. */
void slot_refresh(struct planner *, uint32_t slot);
void slot_empty(struct planner *, uint32_t slot);
/* An empty slot gets the items of a model. */
void slot_model(struct planner *, uint32_t slot, enum model);
void slot_facts_change(struct planner *, uint32_t slot, uint16_t facts);
static inline void slot_facts(struct planner *p, uint32_t i, uint16_t set, uint16_t clear)
{
	uint16_t facts = (uint16_t)((p->slots[i].facts | set) & ~clear);

	if (facts != p->slots[i].facts)
		slot_facts_change(p, i, facts);
}
/* Its next state; keeps bitmaps, counts and works. */
void item_become(struct planner *, uint32_t slot, enum item_kind, enum item_state);
/* Failed, for good or until a retry; and it is told. */
void item_give_up(struct planner *, uint32_t slot, enum item_kind, uint8_t why);
/* Told once, until something changes. */
void item_tell(struct planner *, uint32_t slot, enum item_kind, enum want_state, const char *why);
struct work *work_make(struct planner *, uint32_t slot, enum item_kind);	/* if lacking */
void work_free(struct planner *, uint32_t slot, enum item_kind);
struct action *action_add(struct planner *, enum action_kind);
/* A number for a reason: a trouble, or a text from outside; and back. */
uint8_t why_of(struct planner *, const char *text);
const char *why_text(const struct planner *, uint8_t why);

/* Nothing of it is asked for or wanted any more. */
void slot_stop(struct planner *, uint32_t slot);

/* ---- names.c ---- */
/* A commit or the quorum (fact) names its start. */
void slot_name(struct planner *, uint32_t slot, const uint8_t start[ID_LEN], uint16_t fact);
void slot_start_known(struct planner *, uint32_t slot, const uint8_t parent_id[ID_LEN],
    const uint8_t prev_ch[CH_LEN]);
void slot_end(struct planner *, uint32_t slot, const uint8_t end[ID_LEN], bool provisional);
/* A body is to be fetched, or fetched further, for its end is another one now. */
void slot_reopen(struct planner *, uint32_t slot, const uint8_t old_end[ID_LEN]);
/* An epoch 2.x winner: its block by its own commit. */
void slot_epoch2(struct planner *, uint32_t slot, const uint8_t committed[ID_LEN]);
/* At the last height below epoch 3.0's first a winner may be of either model.  Its own commit says
 * which: that of an epoch 2.x block has the block's hash, that of a tenure the id of the block that
 * its parent committed to.  What later winners commit to does not count: they may write what they
 * like. */
void slot_crossing(struct planner *, uint32_t slot, const uint8_t committed[ID_LEN]);
/* The same where the parent is not in sight: by the first commit that names it. */
void slot_border(struct planner *, uint32_t slot, const uint8_t start[ID_LEN]);
/* The header of an epoch 2.x block is known: whether it confirms a stream. */
void slot_header(struct planner *, uint32_t slot, bool confirms);
void slot_stream(struct planner *, uint32_t slot);	/* its parent is in sight */
/* A peer claims an epoch 2.x block that need not exist: it is on offer. */
void slot_offer(struct planner *, uint32_t slot);

/* ---- answers.c ---- */
void transfer_cancel(struct planner *, unsigned transfer);
void transfer_detach(struct planner *, struct transfer *);
/* An answer for an item failed: the source has used up one of its tries, or all of them. */
void item_failed_at(struct planner *, const struct transfer *, uint64_t now, uint8_t why,
    bool for_good);

/* ---- verdicts.c ---- */
void single_drop(struct planner *, unsigned i);
/* What it is to do next, once nothing of it is under way. */
void item_settle(struct planner *, uint32_t slot, enum item_kind);

/* ---- asks.c ---- */
bool item_may_ask(const struct planner *, unsigned source, uint32_t slot, enum item_kind);
bool item_offered(const struct planner *, uint32_t slot, enum item_kind, uint64_t now);
struct transfer *send_ask(struct planner *, uint64_t now, unsigned source, enum ask, uint32_t slot,
    const uint8_t *id);
bool send_item(struct planner *, uint64_t now, unsigned source, uint32_t slot, enum item_kind);
void send_stop(struct planner *, struct transfer *, const uint8_t stop[ID_LEN]);
/* The source that will have it first, as far as we know them; -1: none may be asked now. */
int source_pick(const struct planner *, uint32_t slot, enum item_kind, uint64_t now, int except);

/* ---- schedule.c ---- */
bool planner_offers(struct planner *, uint64_t now);	/* something wanted is on offer */
bool transfer_lags(const struct planner *, const struct transfer *);

/* ---- singles.c ---- */
void ask_single(struct planner *, uint64_t now);
bool singles_due(struct planner *, uint64_t now);
void holds_end(struct planner *);
void ask_tips(struct planner *, uint64_t now);

/* ---- patience.c ---- */
void planner_patience(struct planner *, uint64_t now, uint64_t spent);
void planner_retry(struct planner *, uint64_t now);
/* The body and the stream are looked at once more, if they count as proven. */
void slot_recheck(struct planner *, uint32_t slot);

/* ---- state.c ---- */
bool planner_catching_up(const struct planner *);	/* more than a few tenures are missing */
bool planner_near_tip(const struct planner *);	/* so that sources' own tips are of interest */

#endif
