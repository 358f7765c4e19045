/* The keeper: judges held blocks in their place, in the commit that stores them (DESIGN 4).
 *
 * Blocks come in any order.  Those of a commit are gathered by the caller, handed over with
 * keeper_block, and become durable together in keeper_commit, which reports in records what became
 * of each.  One thread uses a keeper.
 *
 *	held	passed the judge of single blocks; stored
 *	linked	(a block) hangs by parents, each judged, on the start of its tenure
 *	proven	(a tenure) its start is named by a commit, or stands on a proven block with a
 *		border that holds;
 *		(a block) linked in a proven tenure
 *	linked	(a tenure) proven tenures with judged borders reach down to the first one wanted
 */
#ifndef BLOCKSYNC_STORE_KEEPER_H
#define BLOCKSYNC_STORE_KEEPER_H

#include "common/store/blocks.h"

/* Tables that a keeper writes. */
#define KEEPER_TABLES                                                                     \
	(TABLE(T_BLOCKS) | TABLE(T_BLOCK_IDS) | TABLE(T_TENURES) | TABLE(T_CANONICAL) |   \
	    TABLE(T_MICROBLOCKS) | TABLE(T_VERDICTS) | TABLE(T_FAULTS) | TABLE(T_META) | \
	    TABLE(T_DAMAGED))

struct keeper;
/* Reads the tenures of the store. stage names who writes the faults. */
struct keeper *keeper_new(struct store *, const char *stage);
void keeper_free(struct keeper *);

/* Begin the write transaction of a commit.  Takes note if another first cycle is wanted now
 * (`from_cycle` of meta): whoever writes it before a block is asked for is heard before that block
 * is judged. */
void keeper_begin(struct keeper *);
/* The transaction that keeper_begin began, for what else is to stand in the same commit. */
MDB_txn *keeper_txn(struct keeper *);
/* One held block, parsed whole, with the weight that its verdict told.  Its bytes must stay until
 * keeper_commit returns. */
void keeper_block(struct keeper *, const struct block *, uint64_t weight, struct rec_view source);
/* The microblocks that a block confirms, as a vector in either order (stream.h).  They are judged
 * in keeper_commit, between two proven blocks, and stored; else a verdict says why.  One that lacks
 * a neighbour is undecided, and is judged again when that is proven, if there was room to keep it
 * (MAX_WAITING).  Bytes must stay until keeper_commit returns.  signer: HASH160_LEN, of the key
 * that is known to have signed all of them; NULL or zeros: nobody knows. */
void keeper_stream(struct keeper *, const struct rec_microblocks *, const uint8_t *signer);
/* A verdict that an earlier judge gave (refused or undecided): reported, its row, and a fault of
 * its source if refused. */
void keeper_verdict(struct keeper *, const struct rec_verdict *);
/* The view has news: a sortition (also one that names a start), or another canonical chain above a
 * height. */
void keeper_sortition(struct keeper *, const struct rec_sortition *);
void keeper_reorg(struct keeper *, uint64_t fork_height);
/* Another program committed: look again at everything that waits for the view, and at what was
 * noted as damaged. */
void keeper_rescan(struct keeper *);
/* Look for damaged blocks of a tenure, which need have no row: what is bad goes, the tenure falls
 * back to what is below it. */
void keeper_heal(struct keeper *, const uint8_t ch[CH_LEN]);
/* The same, and this block is bad, whatever its checksum says (id NULL: none in particular). */
void keeper_condemn(struct keeper *, const uint8_t ch[CH_LEN], const uint8_t *id);
/* Judge, store, commit.  Appends frames of stored, verdict, fault and tenure to out, which count
 * only if the return is 0; else -1 with errno, and the keeper may only be freed. */
int keeper_commit(struct keeper *, struct rec_buf *out);
/* Whether complete tenures wait to be packed: worth an empty commit when there is time. */
bool keeper_idle_work(const struct keeper *);
/* Whether runs of schema 1 wait for their checksums: idle work too, that may be left for another
 * day. */
bool keeper_upgrading(const struct keeper *);

struct keeper_counts { uint64_t held, proven, tenures, tenures_proven, stored, refused, waiting; };
void keeper_counts(const struct keeper *, struct keeper_counts *);

#endif
