/* The store: one LMDB environment, opened once per process, never across fork (DESIGN 3, store(5)).
 *
 * Rows are records of records.def without frame.  Reading: store_read, any number of gets, store_read_end; keep
 * it short and never across a turn of the loop.  Writing: gather in memory, then store_write, puts,
 * store_commit in one go.  Which tables a program writes is said at open and checked at each write transaction's puts. */
#ifndef BLOCKSYNC_STORE_H
#define BLOCKSYNC_STORE_H

#include <lmdb.h>
#include <stdatomic.h>
#include "common/chain/proof.h"
#include "common/rec/rec.h"

enum store_table {
	T_META, T_SORTITIONS, T_REWARD_SETS, T_PEERS, T_INVENTORIES, T_BLOCKS, T_BLOCK_IDS, T_TENURES, T_CANONICAL,
	T_MICROBLOCKS, T_DOWNLOADS, T_VERDICTS, T_FAULTS, T_UPLOADS, T_PUSHES, T_DAMAGED, T_COUNT
};
#define TABLE(t) (1u << (t))
/* Written by the holder of DIR/lock alone. */
#define TABLES_LOCKED (TABLE(T_BLOCKS) | TABLE(T_BLOCK_IDS) | TABLE(T_TENURES) | TABLE(T_CANONICAL) | TABLE(T_MICROBLOCKS))

#define STORE_SCHEMA 2		/* a program that writes raises a store of schema 1 to it */
#define NO_TABLE UINT32_MAX	/* dbi of one that an older program's store lacks: it reads as empty */

struct store {
	MDB_env *env;
	MDB_dbi dbi[T_COUNT];
	struct network net;	/* as `meta` names it */
	unsigned writes;	/* mask of TABLE() */
	size_t seen;		/* last transaction id that store_changed saw */
	unsigned schema;	/* that the store had when it was opened */
	int error;		/* first error of the puts of the open write transaction */
	size_t page;		/* bytes of one */
	bool lacks;		/* tables of newer programs */
	/* NULL, or who is told of each damaged row instead of the log. */
	void (*bad_row)(void *arg, enum store_table, const MDB_val *key);
	void *bad_row_arg;
	bool strict;		/* a row that is damaged ends the program; else it is left out, and `hurt` set */
	bool hurt;
	bool holes;		/* a walk missed a block that the tenure's row counts */
	bool shared;		/* other threads read it too: its map may not move */
	bool readonly;		/* data.mdb is open for reading alone: nothing is written, or nothing may be */
	_Atomic unsigned long long looked;	/* rows looked up or walked over so far: what questions cost */
	int lock;		/* descriptor that holds DIR/lock, -1: not ours */
	char dir[4096];
};

/* Open DIR.  If it is lacking, a program that writes some table makes it, mode 0700, where network
 * is given; a reader makes nothing.  network is -n or NULL: a store that has no network yet takes it, one that has another ends
 * with 100.  Without -n on a store without network: waits up to `wait_ms` for another program to name it, then
 * exit 100 ("store 'X' has no network yet: give -n").  A store of another schema ends with 100.  Everything that the world can do
 * wrong here (no permission, full disk) ends with 111.  A program that names one of TABLES_LOCKED holds DIR/lock from here to store_close; while
 * another program holds it, 111 and one line that says who.  Map size 1 TiB or $BLOCKSYNC_MAP (bytes). Checks stale readers. */
void store_open(struct store *, const char *dir, const char *network, unsigned writes, unsigned wait_ms);
/* The same for a network that a stranger describes and network_untrust has been through (an archive's), or NULL.  It makes a store, and
 * never changes what a store remembers.  Without a network nothing is made: the store is waited for.  A store whose network no -n
 * has named has neither sources, bootstrap peers nor shadows in ->net, but a built-in network's own. */
void store_open_net(struct store *, const char *dir, const struct network *, unsigned writes, unsigned wait_ms);
void store_close(struct store *);
/* Another commit since the last call?  No system call. */
bool store_changed(struct store *);
/* Dead readers out; call each minute. */
void store_tidy(struct store *);

MDB_txn *store_read(struct store *);
void store_read_end(MDB_txn *);
/* A write transaction waits for the lock of other writers. */
MDB_txn *store_write(struct store *);
/* Durable when it returns 0.  Full disk or map, I/O error: -1 and errno, nothing of it is stored, and the
 * transaction is gone.  Puts remember their first error and make the commit fail. */
int store_commit(struct store *, MDB_txn *);
void store_abort(MDB_txn *);
/* Commit or exit 111 with one line that says why (and that a restart goes on when there is room). */
void store_commit_or_die(struct store *, MDB_txn *);
/* The same for an errno that store_commit left. */
_Noreturn void store_die(const struct store *, int error);

/* End the program with 111 and one line: the store is damaged, and how; or what LMDB calls rc. */
#define STORE_DAMAGED_ADVICE "see block-cat -c, or delete it and sync again"
_Noreturn void store_damaged(const struct store *, const char *what);
_Noreturn void store_failed(const struct store *, int rc);
const char *store_table_name(enum store_table);

#include "common/store/rows.h"

/* meta: text or rows by name: "progress.STAGE" (rec_progress), "tip" (rec_tip), "trust" (rec_trust), "from_cycle" (text),
 * "address" (rec_address), "network" (text), "network_by" ("operator": it was given with -n), "schema", "mode". */
int meta_get(struct store *, MDB_txn *, const char *name, MDB_val *);
int meta_get_row(struct store *, MDB_txn *, const char *name, enum rec_type, void *rec);
void meta_put(struct store *, MDB_txn *, const char *name, const void *, size_t);
void meta_put_row(struct store *, MDB_txn *, const char *name, enum rec_type, const void *rec);

/* sortitions.  Rows by (height, consensus hash), and indexes consensus hash or burn hash -> height, committed block id -> (height, ch).
 * Forks are kept; at most one row of a height is canonical. */
void sortition_put(struct store *, MDB_txn *, const struct rec_sortition *);
int sortition_get(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], struct rec_sortition *);
int sortition_at(struct store *, MDB_txn *, uint64_t height, struct rec_sortition *);	/* the canonical one */
int sortition_tip(struct store *, MDB_txn *, struct rec_sortition *);			/* highest canonical */
int sortition_by_burn(struct store *, MDB_txn *, const uint8_t burn_hash[32], struct rec_sortition *);	/* the canonical one */
/* Complete the index of burn hashes for rows that an earlier version wrote.  To be called after store_open by a
 * program that declared T_SORTITIONS and T_META, outside of any transaction: it commits. */
void sortition_index(struct store *);
/* All rows with height >= from ascending, forks too, until fn returns false. */
void sortition_walk(struct store *, MDB_txn *, uint64_t from, bool (*fn)(void *, const struct rec_sortition *), void *);
/* Sortitions whose commit names this block id, ascending by height (canonical or not). */
void sortition_naming(struct store *, MDB_txn *, const uint8_t id[ID_LEN], bool (*fn)(void *, const struct rec_sortition *), void *);
/* Set or clear the canonical mark of a row. */
void sortition_mark(struct store *, MDB_txn *, uint64_t height, const uint8_t ch[CH_LEN], bool canonical);
/* The lookup of proof.h; arg is a struct store_txn. */
struct store_txn { struct store *s; MDB_txn *txn; };
struct burn_fact sortition_fact(void *store_txn, const uint8_t ch[CH_LEN]);

/* reward_sets by cycle. */
void reward_set_put(struct store *, MDB_txn *, const struct rec_reward_set *);
int reward_set_get(struct store *, MDB_txn *, uint64_t cycle, struct rec_reward_set *);
/* The same as a signer set that the caller releases. 0, or -1. */
int reward_set_load(struct store *, MDB_txn *, uint64_t cycle, struct signer_set *);
int signer_set_of_record(struct signer_set *, const struct rec_reward_set *);

/* While there are PEER_ROWS or more: the peer goes, with its inventories, that is neither pinned nor banned, whose blocks the store
 * never took, and that was not spoken to for longest. */
void peer_make_room(struct store *, MDB_txn *);
/* peers by key; inventories by (peer, kind, cycle). */
void peer_put(struct store *, MDB_txn *, const struct rec_peer *);
int peer_get(struct store *, MDB_txn *, const uint8_t key[KEY_LEN], struct rec_peer *);
void peer_walk(struct store *, MDB_txn *, bool (*fn)(void *, const struct rec_peer *), void *);
void inventory_put(struct store *, MDB_txn *, const struct rec_inventory *);
/* peer NULL: of all peers. */
void inventory_walk(struct store *, MDB_txn *, const uint8_t *peer, bool (*fn)(void *, const struct rec_inventory *), void *);

/* blocks, block_ids, tenures, canonical: written by the holder of DIR/lock (block-store, block-cat -i) through common/store/blocks.h;
 * read by all.  A block's bytes point into the map until the transaction ends. */
struct stored_block {
	const uint8_t *bytes;		/* NULL where damaged, and in lists */
	size_t len;
	uint64_t height, sum;		/* sum: the checksum that was kept with it, 0 in a run of schema 1 */
	uint8_t ch[CH_LEN], id[ID_LEN];
	bool damaged;			/* not the bytes that were stored: nobody gets it */
};
/* 0; or -1: damaged says whether it is stored and lost, or not known at all. */
int block_get(struct store *, MDB_txn *, const uint8_t id[ID_LEN], struct stored_block *);
bool block_known(struct store *, MDB_txn *, const uint8_t id[ID_LEN]);
/* Whether the block is proven: its tenure is, and it links down to the start. */
bool block_proven(struct store *, MDB_txn *, const uint8_t id[ID_LEN]);
int tenure_get(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], struct rec_tenure *);
void tenure_walk(struct store *, MDB_txn *, bool (*fn)(void *, const struct rec_tenure *), void *);	/* by consensus hash */
/* canonical: highest block; block and tenure at a Stacks height. 0, or -1 (of a damaged block too). */
int canonical_tip(struct store *, MDB_txn *, struct rec_tenure *tenure, uint64_t *height, uint8_t id[ID_LEN]);
int canonical_at(struct store *, MDB_txn *, uint64_t height, struct stored_block *);
/* Every proven block from a height on, ascending by height (ties by id): the order of block-cat -l.  Damaged ones too; where a height lacks its block,
 * the store's `holes` is set. Bytes may be used until fn returns. */
void proven_walk(struct store *, MDB_txn *, uint64_t from, bool (*fn)(void *, const struct stored_block *), void *);
/* The same without a look at the bytes. */
void proven_list(struct store *, MDB_txn *, uint64_t from, bool (*fn)(void *, const struct stored_block *), void *arg);
/* The chain of one tenure from block id downwards to its start (newest first), or until `stop` (exclusive, may be NULL).
 * A damaged block is the last that fn sees. */
void tenure_blocks_down(struct store *, MDB_txn *, const uint8_t id[ID_LEN], const uint8_t *stop, bool (*fn)(void *, const struct stored_block *), void *);
/* The same if that block is proven (then all below are); else false, and nothing is called. */
bool proven_blocks_down(struct store *, MDB_txn *, const uint8_t id[ID_LEN], const uint8_t *stop, bool (*fn)(void *, const struct stored_block *),
    void *);

/* verdicts by (id, body hash, source): bounded, oldest out. faults by (who, class, what): counted up, bounded. */
void verdict_put(struct store *, MDB_txn *, const struct rec_verdict *);
int verdict_get(struct store *, MDB_txn *, const uint8_t id[ID_LEN], const uint8_t body_hash[32], struct rec_view source, struct rec_verdict *);
void verdict_walk(struct store *, MDB_txn *, const uint8_t *id, bool (*fn)(void *, const struct rec_verdict *), void *); /* id NULL: all */
void verdict_del(struct store *, MDB_txn *, const uint8_t id[ID_LEN], const uint8_t body_hash[32], struct rec_view source);
/* Delete the rows (id NULL: of all blocks) for which `which` holds. */
void verdict_forget(struct store *, MDB_txn *, const uint8_t *id, bool (*which)(const struct rec_verdict *));
void fault_forget(struct store *, MDB_txn *, bool (*which)(const struct rec_fault *));
/* Count one fault: adds 1 (or f->count if set) to the row, sets first/last. */
void fault_add(struct store *, MDB_txn *, const struct rec_fault *);
void fault_walk(struct store *, MDB_txn *, bool (*fn)(void *, const struct rec_fault *), void *);

/* damaged: blocks that were found bad, by id.  Note one, in a write transaction of its own and with a warning;
 * does nothing where the block is noted already, or the program did not declare T_DAMAGED. */
void damaged_note(struct store *, const uint8_t id[ID_LEN]);
/* One of them, and the tenure that it was in (zeros: unknown).  False: there is none. */
bool damaged_first(struct store *, MDB_txn *, uint8_t id[ID_LEN], uint8_t ch[CH_LEN]);

/* downloads: rows of rec_download by (consensus hash, id), with a body hash also by (body hash, source). */
void download_put(struct store *, MDB_txn *, const struct rec_download *);
/* Of these two the key's fields count alone. */
void download_del(struct store *, MDB_txn *, const struct rec_download *);
bool download_stands(struct store *, MDB_txn *, const struct rec_download *);
void download_walk(struct store *, MDB_txn *, bool (*fn)(void *, const struct rec_download *), void *);

/* uploads: a ring of pushed blocks (rec_block rows) by sequence; the oldest go when over 64 MiB or 4,096 rows. */
uint64_t upload_put(struct store *, MDB_txn *, const struct rec_block *);
void upload_walk(struct store *, MDB_txn *, uint64_t from, bool (*fn)(void *, uint64_t seq, const struct rec_block *), void *);

#endif
