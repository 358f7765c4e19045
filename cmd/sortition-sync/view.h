/* The burnchain view as a decision (DESIGN 4): what each source claims of each height, which claim
 * has the quorum, what to ask next of whom, what gave way, and who lies.  Pure: claims and time in,
 * requests and events out.
 *
 * A height is a slot.  A claim that has the quorum settles its slot and leaves memory: what stays
 * is a keyed digest of what must agree and the set of sources that said so.  Claims of slots
 * without quorum, and claims that contradict a settled slot, are candidates.  A contradiction
 * deeper than stable_confirmations is a dispute: everyone is asked again before anybody is blamed,
 * so that a source that sees a reorganisation first is not taken for a liar. */
#ifndef SORTITION_SYNC_VIEW_H
#define SORTITION_SYNC_VIEW_H

#include <sys/tree.h>

#include "common/chain/network.h"
#include "common/rec/rec.h"

#define VIEW_SOURCES 64		/* a set of sources is a 64-bit mask */
/* heights that a source may be asked for before others have confirmed them */
#define VIEW_AHEAD 4400
#define VIEW_TOP 256 /* newest settled rows that are kept whole, to see whether they link */
#define VIEW_AGAIN 64		/* heights that a source is to be asked for first */
#define VIEW_MAX_HEIGHTS 4000000	/* above the first: some 75 years of burn blocks */
#define VIEW_PATIENCE 15000	/* ms that one may see a deep reorganisation before the others */
/* ms until a source is asked again for what it had no row of; doubles up to a minute */
#define VIEW_RETRY 3000
#define VIEW_RELINKS 600	/* re-asks for want of a link, a source and a minute */

struct view_slot {
	uint64_t digest;	/* 0: not settled */
	/* sources that said so since the start; none for a row of the store */
	uint64_t mask;
	uint8_t ch[CH_LEN];
	bool contested;		/* all have spoken, and there is no quorum */
	bool verify;		/* of the store: ask again although it is settled */
	/* the settled row has burn totals that hash to its consensus hash */
	bool burn;
};

struct view_cand {
	RB_ENTRY(view_cand) entry;
	uint64_t height, digest, mask;
	struct rec_sortition rec;
};
RB_HEAD(view_cands, view_cand);

struct view_source {
	bool ignored;		/* contradicted the quorum */
	bool fixed;		/* a file: it will not answer otherwise when asked again */
	bool tells_burn;	/* knows burn totals: worth asking about rows that lack them */
	bool has_tip;
	/* has spoken about a height below the stable one, or the chain is too short for that */
	bool deep;
	struct rec_sortition tip;
	/* bits by slot: asked or answered; counts as ahead of the quorum */
	uint8_t *asked, *counted;
	uint32_t ahead, relinks;
	uint64_t agreed;		/* highest height at which it was of the quorum's mind */
	uint64_t cursor;		/* next height to look at, downwards */
	uint64_t again[VIEW_AGAIN];
	unsigned n_again;
};

enum view_what {
	/* rec has the quorum at its height, or more is known of it now; replaced: another row had
	   it before */
	VIEW_SETTLED,
	VIEW_UNSETTLED, /* the height has no row any more */
	/* source contradicts the quorum at height; it is ignored from now on */
	VIEW_LIAR,
	VIEW_CONTESTED /* nobody has the quorum at height */
};
struct view_event {
	enum view_what what;
	struct rec_sortition rec;
	bool replaced;
	unsigned source;
	uint64_t height;
};

struct view {
	const struct network *net;
	uint8_t secret[32];	/* keys the digests */
	unsigned n, quorum;
	struct view_source sources[VIEW_SOURCES];
	struct view_slot *slots;	/* slots[h - first_burn_height] */
	uint64_t n_slots, cap;
	uint64_t done_to;	/* all of (first, done_to] are settled */
	bool has_tip;
	uint64_t tip;		/* height that Q sources have reached */
	struct view_cands cands;
	struct rec_sortition *top;	/* VIEW_TOP rows, at height % VIEW_TOP */
	struct { bool on; uint64_t height, fresh, since, asked; } dispute;
	struct { uint64_t at, wait; } retry;	/* of missing rows */
	struct view_event *events;
	size_t n_events, cap_events, next_event;
	uint64_t now;		/* of the last view_tick, ms */
};

void view_init(struct view *, const struct network *, unsigned sources, unsigned quorum,
    const uint8_t secret[32]);
void view_release(struct view *);
/* A canonical row of the store, ascending; then view_loaded
 * once: its newest rows will be verified. */
void view_load(struct view *, const struct rec_sortition *);
void view_loaded(struct view *);
uint64_t view_left(const struct view *);	/* heights up to the tip that have no row yet */
/* A source's burn tip. */
void view_tip(struct view *, unsigned source, const struct rec_sortition *);
/* A source's answer for one height, asked for or not. */
void view_claim(struct view *, unsigned source, const struct rec_sortition *);
/* It has no row there. */
void view_missing(struct view *, unsigned source, uint64_t height);
/* The request for n heights failed: they may be asked for again. */
void view_failed(struct view *, unsigned source, uint64_t from, uint32_t n);
/* What to ask of a source next: at most max heights from `from`.  False: nothing now. */
bool view_next(struct view *, unsigned source, uint32_t max, uint64_t *from, uint32_t *n);
/* Blame a source from outside (a false consensus hash, another network): its votes are void. */
void view_ignore(struct view *, unsigned source);
/* It knows burn totals: ask it, once, about rows that lack them. */
void view_tells_burn(struct view *, unsigned source);
/* The settled row of this height has been checked against its consensus hash. */
void view_checked(struct view *, uint64_t height);
/* Time passes: old disputes end; missing heights are asked for again after a while, contested ones
 * each minute. */
void view_tick(struct view *, uint64_t now_ms);
/* The next event, oldest first. */
bool view_event(struct view *, struct view_event *);

/* Highest settled height up to the tip, or false. */
bool view_head(const struct view *, uint64_t *height);
/* Lowest height above which everything up to the head is settled. */
uint64_t view_low(struct view *);
/* Heights above the first burn block and up to the tip are settled, and the quorum said the head
 * itself. */
bool view_complete(struct view *);
/* The tip is settled and Q sources have named it since the start. */
bool view_at_tip(const struct view *);
/* The newest settled rows name each other as parents, as far as they say. */
bool view_linked(const struct view *);
/* No open question about a source: no dispute, no contradiction below the stable height. */
bool view_quiet(const struct view *);
/* Consensus hash of a settled height: 0, or -1.  For view_consensus_hash. */
int view_ch(void *view, uint64_t height, uint8_t *ch);
unsigned view_live(const struct view *);	/* sources that are not ignored */
/* Why the highest unsettled height is not settled, in a few words. */
const char *view_explain(const struct view *, char out[160]);

#endif
