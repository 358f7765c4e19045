/* The keeper's picture of the store: every tenure as a compact struct, and for tenures in progress
 * their blocks. */
#ifndef BLOCKSYNC_STORE_GRAPH_H
#define BLOCKSYNC_STORE_GRAPH_H

#include "common/store/keeper.h"

struct tenure;

/* A block of a tenure in progress: what is needed to judge it and its children. */
struct node {
	struct link l;
	struct tenure *t;
	struct node *id_next, *parent_next;	/* hash chains */
	const uint8_t *bytes;			/* while fresh: of this commit's batch */
	const char *source;			/* interned */
	uint32_t len, weight;
	/* of arrival: settles ties; 0: read from the store */
	uint32_t order;
	bool fresh;				/* not in the store yet */
	bool linked, sibling;
};

struct tenure {
	enum model model;				/* of its start */
	uint8_t ch[CH_LEN], prev_ch[CH_LEN];
	/* of the named start, or the first that came; zeros: none */
	uint8_t start_id[ID_LEN], start_parent[ID_LEN];
	uint8_t tip_id[ID_LEN];
	uint64_t burn_height, start_height, tip_height, bytes;
	uint32_t held, n_proven, prev_blocks, siblings;
	/* microblocks that its start confirms: the last one's hash (zeros: none) and sequence */
	uint8_t tail[32];
	uint16_t tail_sequence;
	uint32_t order;					/* of arrival: settles ties */
	const char *source, *why;			/* interned; a constant */
	struct tenure *prev;				/* the border to it is judged good */
	struct tenure *child, *child_next;		/* tenures whose prev this is */
	struct tenure *up;				/* the next canonical one */
	struct tenure *ch_next, *parent_next;		/* hash chains */
	struct node **nodes;				/* ascending by height, while loaded */
	uint32_t n_nodes, cap_nodes, used;		/* used: commit that last touched it */
	bool loaded, has_start, named, proven, complete, base, linked, canonical, packed;
	bool burn_known, burn_canonical;		/* of its sortition */
	/* linked, with all below on canonical sortitions */
	bool on_canonical;
	bool was_linked;				/* before the choice was made anew */
	bool below_unknown;				/* the sortition of the tenure below is */
	/* a block waits for a burn view that is unknown */
	bool waits;
	bool queued, dirty, announce, to_pack;
};

#define TENURE_SLAB 256
struct tenure_slab { struct tenure_slab *next; unsigned n; struct tenure t[TENURE_SLAB]; };

/* A stream of microblocks that came. */
struct offer {
	struct rec_microblocks r;
	uint8_t signer[HASH160_LEN];	/* of all of it; zeros: unknown */
	void *copy;			/* NULL: of this commit; else owned, it waits for its
					 * neighbours, and r's views are into it */
};

struct tenure_list { struct tenure **v; size_t n, cap; };
struct node_list { struct node **v; size_t n, cap; };

/* What the view said within a commit: a tenure is asked for several times. */
#define FACTS_SEEN 64
struct fact_seen { uint32_t commit; uint8_t ch[CH_LEN]; struct burn_fact fact; };

struct keeper {
	struct store *s;
	const char *stage;
	MDB_txn *txn;			/* of the running commit */
	struct burn_lookup burn;	/* the view within it */
	struct fact_seen seen[FACTS_SEEN];
	struct rec_buf *out;		/* reports of the running commit */
	struct rec_buf pending;		/* reports made before keeper_commit */
	struct tenure_slab *slabs;
	size_t n_tenures;
	struct tenure **by_ch, **by_parent;	/* hashed; mask + 1 buckets */
	size_t tenure_mask;
	struct node **by_id, **by_parent_node;
	size_t node_mask, n_nodes;
	struct tenure_list queue, dirty, loaded, pack;
	struct tenure_list fallen;	/* blocks of theirs were lost on the disk */
	struct node_list grown;
	struct offer *offers;		/* streams: those that wait, then those of this commit */
	size_t n_offers, cap_offers;
	char **sources;
	size_t n_sources;
	const char *last_source;
	uint64_t secret;		/* mixed into hashes of foreign ids */
	uint64_t from_cycle;
	bool has_from;
	uint8_t upgrade[MAX_KEY];	/* key of `blocks` from which on runs of schema 1 may lie */
	size_t upgrade_len;
	bool upgrading;
	struct tenure *best;		/* of the canonical chain */
	bool recanon;			/* the canonical chain must be chosen anew */
	bool canon_bad;			/* rows of `canonical` are not the tenures': all are written
					 * anew */
	bool settling;			/* flags only, no rows */
	uint32_t commits, orders;	/* counted */
	struct keeper_counts counts;
};

/* graph.c */
static inline struct burn_fact burn_fact_of(struct keeper *k, const uint8_t ch[CH_LEN])
{
	return k->burn.fact(k->burn.arg, ch);
}

struct tenure *tenure_find(struct keeper *, const uint8_t ch[CH_LEN]);
struct tenure *tenure_make(struct keeper *, const uint8_t ch[CH_LEN]);
/* The one that holds a block, loaded or not; NULL: none. */
struct tenure *tenure_holding(struct keeper *, const uint8_t id[ID_LEN]);
/* NULL: none */
void tenure_set_start(struct keeper *, struct tenure *, const struct node *start);
/* What is remembered of its start, as far as the tenure's row has it: no burn, no view. */
void tenure_start_link(const struct tenure *, struct link *);
/* whose start stands on this block */
struct tenure *tenures_on(struct keeper *, const uint8_t parent[ID_LEN], struct tenure *after);
void tenure_touch(struct keeper *, struct tenure *);		/* judge it again in this commit */
void tenure_dirty(struct keeper *, struct tenure *);		/* its row has changed */
void tenure_rows_write(struct keeper *);
void tenure_burn(struct keeper *, struct tenure *);		/* look its sortition up */
void tenure_list_add(struct tenure_list *, struct tenure *);
const char *source_intern(struct keeper *, struct rec_view);
/* Whether its start is an anchored block that confirms microblocks. */
bool tenure_confirms(const struct tenure *);
void tenure_record(struct keeper *, const struct tenure *, struct rec_tenure *);
bool tenure_add(void *keeper, const struct rec_tenure *);	/* for tenure_walk */
uint64_t graph_hash(const struct keeper *, const uint8_t *id);

/* nodes.c */
struct node *node_find(struct keeper *, const uint8_t id[ID_LEN]);
/* the first; node_child_next for more */
struct node *node_child(struct keeper *, const uint8_t parent[ID_LEN]);
struct node *node_child_next(const struct node *);
struct node *node_add(struct keeper *, struct tenure *, const struct link *);
void node_drop(struct keeper *, struct node *);
void tenure_load(struct keeper *, struct tenure *);	/* with what is sound of it; damaged blocks
							 * are removed on the way */
void tenure_reload(struct keeper *, struct tenure *);	/* the same, from the disk; nothing of it is
							 * fresh */
void nodes_trim(struct keeper *);
void node_list_add(struct node_list *, struct node *);

#endif
