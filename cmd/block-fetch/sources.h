/* Sources, inside of the planner: what each claims, how it delivers, how far we bear with it
 * (sources.c). */
#ifndef BLOCK_FETCH_SOURCES_H
#define BLOCK_FETCH_SOURCES_H

#include "cmd/block-fetch/limits.h"
#include "cmd/block-fetch/planner.h"

struct transfer;

/* What it said of a cycle; bits NULL: nothing.  above: its highest bit + 1. */
struct claim { uint8_t *bits; uint32_t count, above; };

struct source {
	bool used, up, is_url, slow, bad_url;
	/* at: its URL, where that is not its name; may be "" */
	char name[MAX_SOURCE + 1], at[MAX_SOURCE + 1];
	struct claim *claims[INV_POX];	/* by kind and cycle, from planner.base on */
	uint32_t n_claims[INV_POX];
	uint64_t top[INV_POX];		/* height of its highest bit */
	unsigned inflight;
	/* counts; told: useless faults so far */
	unsigned answers, missing, errors, limited, refused, lies, told;
	unsigned fails, strikes, soft;	/* in a row */
	unsigned since_strike;		/* answers */
	/* connections that it takes at once, 0 if any; answers since that was learnt */
	unsigned most, since_most;
	bool trails;			/* said that bytes follow its answers */
	uint64_t failed_at, struck_at, soft_at, erred_at, limited_at, not_before, out_until;
	double rate, latency, trust;	/* bytes/s while busy; ms to the first byte; 0..1 */
	uint64_t trust_at, sample_bytes, sample_ms, clock;
	uint64_t info_at;
	bool tip_asked;
	uint8_t tip_ch[CH_LEN], tip_id[ID_LEN], tip_stop[ID_LEN], tip_failed[ID_LEN];
	bool has_claim;
	unsigned tip_fails;
	uint8_t last;			/* last failure: see why_text */
};

enum strike { STRIKE_NONE, STRIKE_HEAD, STRIKE_SOFT, STRIKE_HARD };

/* ---- claims.c ---- */
/* The kind of inventory that tells of an item. */
enum inventory_kind claim_kind(const struct planner *, uint32_t slot, enum item_kind);
bool source_claims(const struct planner *, const struct source *, uint32_t slot, enum item_kind);
/* It has told of the item's cycle: only then a missing bit says that it lacks the item. */
bool source_told(const struct planner *, const struct source *, uint32_t slot, enum item_kind);
/* A slot is new: which of its items are claimed. */
void slot_claimed(struct planner *, uint32_t slot);
/* The same of all slots: sources may have gone. */
void claims_gather(struct planner *);
void claims_free(struct source *);
size_t claims_memory(const struct source *);

/* ---- sources.c ---- */
/* up and not left out (it may have to wait) */
bool source_usable(const struct source *, uint64_t now);
unsigned source_window(const struct planner *, const struct source *);
void source_clock(struct planner *, struct source *, uint64_t now);
void source_ok(struct planner *, struct source *, uint64_t now);
void source_fail(struct planner *, struct source *, uint64_t now, uint64_t sent, enum trouble,
    uint64_t wait);
void source_strike(struct planner *, struct source *, uint64_t now, const struct transfer *,
    bool soft, bool began);
void source_lie(struct planner *, struct source *, uint64_t now, enum fault_class, enum trouble,
    const uint8_t id[ID_LEN]);
/* bytes, or blocks, after a whole answer */
void source_trailing(struct planner *, struct source *, uint64_t now, bool blocks);
void source_leave_out(struct planner *, struct source *, uint64_t now, enum trouble);
void source_fault(struct planner *, const struct source *, enum fault_class, uint8_t why,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void source_crowded(struct source *);
void source_error(struct source *, uint64_t now, const struct transfer *);
/* useless, when errors are many */
void source_complain(struct planner *, struct source *, uint64_t now);
double source_trust(const struct source *, uint64_t now);

/* ---- crowd.c ---- */
void sources_measure(struct planner *, uint64_t now);

#endif
