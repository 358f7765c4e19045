/* The store: one LMDB environment, opened once per process, never across fork (DESIGN 3, store(5)).
 *
 * Rows are records of records.def without frame.  Reading: store_read, any number of gets,
 * store_read_end; keep it short and never across a turn of the loop.  Writing: gather in memory,
 * then store_write, puts, store_commit in one go.  Which tables a program writes is said at open
 * and checked at each write transaction's puts. */
#ifndef BLOCKSYNC_STORE_H
#define BLOCKSYNC_STORE_H

#include <lmdb.h>
#include <stdatomic.h>

#include "common/chain/proof.h"
#include "common/rec/rec.h"

enum store_table {
	T_META,
	T_SORTITIONS,
	T_REWARD_SETS,
	T_PEERS,
	T_INVENTORIES,
	T_BLOCKS,
	T_BLOCK_IDS,
	T_TENURES,
	T_CANONICAL,
	T_MICROBLOCKS,
	T_DOWNLOADS,
	T_VERDICTS,
	T_FAULTS,
	T_UPLOADS,
	T_PUSHES,
	T_DAMAGED,
	T_COUNT
};
#define TABLE(t) (1u << (t))
/* Written by the holder of DIR/lock alone. */
#define TABLES_LOCKED                                                                   \
	(TABLE(T_BLOCKS) | TABLE(T_BLOCK_IDS) | TABLE(T_TENURES) | TABLE(T_CANONICAL) | \
	    TABLE(T_MICROBLOCKS))

#define STORE_SCHEMA 2		/* a program that writes raises a store of schema 1 to it */
#define NO_TABLE UINT32_MAX /* dbi of one that an older program's store lacks: it reads as empty \
			     */

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
	/* a row that is damaged ends the program; else it is left out, and `hurt` set */
	bool strict;
	bool hurt;
	bool holes;		/* a walk missed a block that the tenure's row counts */
	bool shared;		/* other threads read it too: its map may not move */
	/* data.mdb is open for reading alone: nothing is written, or nothing may be */
	bool readonly;
	/* rows looked up or walked over so far: what questions cost */
	_Atomic unsigned long long looked;
	int lock;		/* descriptor that holds DIR/lock, -1: not ours */
	char dir[4096];
};

/* Open DIR.  If it is lacking, a program that writes some table makes it, mode 0700, where network
 * is given; a reader makes nothing.  network is -n or NULL: a store that has no network yet takes
 * it, one that has another ends with 100.  Without -n on a store without network: waits up to
 * `wait_ms` for another program to name it, then exit 100 ("store 'X' has no network yet: give
 * -n").  A store of another schema ends with 100.  Everything that the world can do wrong here (no
 * permission, full disk) ends with 111.  A program that names one of TABLES_LOCKED holds DIR/lock
 * from here to store_close; while another program holds it, 111 and one line that says who.  Map
 * size 1 TiB or $BLOCKSYNC_MAP (bytes). Checks stale readers. */
void store_open(struct store *, const char *dir, const char *network, unsigned writes,
    unsigned wait_ms);
/* The same for a network that a stranger describes and network_untrust has been through (an
 * archive's), or NULL.  It makes a store, and never changes what a store remembers.  Without a
 * network nothing is made: the store is waited for.  A store whose network no -n has named has
 * neither sources, bootstrap peers nor shadows in ->net, but a built-in network's own. */
void store_open_net(struct store *, const char *dir, const struct network *, unsigned writes,
    unsigned wait_ms);
void store_close(struct store *);
/* Another commit since the last call?  No system call. */
bool store_changed(struct store *);
/* Dead readers out; call each minute. */
void store_tidy(struct store *);

MDB_txn *store_read(struct store *);
void store_read_end(MDB_txn *);
/* A write transaction waits for the lock of other writers. */
MDB_txn *store_write(struct store *);
/* Durable when it returns 0.  Full disk or map, I/O error: -1 and errno, nothing of it is stored,
 * and the transaction is gone.  Puts remember their first error and make the commit fail. */
int store_commit(struct store *, MDB_txn *);
void store_abort(MDB_txn *);
/* Commit or exit 111 with one line that says why (and that a
 * restart goes on when there is room). */
void store_commit_or_die(struct store *, MDB_txn *);
/* The same for an errno that store_commit left. */
_Noreturn void store_die(const struct store *, int error);

/* End the program with 111 and one line: the store is damaged, and how; or what LMDB calls rc. */
#define STORE_DAMAGED_ADVICE "see block-cat -c, or delete it and sync again"
_Noreturn void store_damaged(const struct store *, const char *what);
_Noreturn void store_failed(const struct store *, int rc);
const char *store_table_name(enum store_table);

#include "common/store/rows.h"

/* meta: text or rows by name: "progress.STAGE" (rec_progress), "tip" (rec_tip), "trust"
 * (rec_trust), "from_cycle" (text), "address" (rec_address: ours, by public-ip), "serve"
 * (rec_serve: block-serve, while it lives), "network" (text), "network_by" ("operator": it was
 * given with -n), "schema", "mode". */
int meta_get(struct store *, MDB_txn *, const char *name, MDB_val *);
int meta_get_row(struct store *, MDB_txn *, const char *name, enum rec_type, void *rec);
void meta_put(struct store *, MDB_txn *, const char *name, const void *, size_t);
void meta_put_row(struct store *, MDB_txn *, const char *name, enum rec_type, const void *rec);

/* The other tables, each in a header of its own. */
#include "common/store/burn.h"
#include "common/store/people.h"
#include "common/store/read.h"
#include "common/store/report.h"

#endif
