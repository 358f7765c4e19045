/* The environment: its file, transactions, and what the world can do to them (DESIGN 3).
 *
 * Puts remember their first error in the store and go on quietly: one place, the commit, tells.
 * There is at most one write transaction a process, so that one field is enough. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/store/env.h"
#include "common/store/intact.h"
#include "common/store/lock.h"
#include "common/sys/log.h"
#include "common/sys/options.h"

#define MAP_DEFAULT ((size_t)1 << 40)	/* address space, not disk */
#define MAX_READERS 1024

static const char *const table_names[T_COUNT] = { "meta", "sortitions", "reward_sets", "peers",
	"inventories", "blocks", "block_ids", "tenures", "canonical", "microblocks", "downloads",
	"verdicts", "faults", "uploads", "pushes", "damaged" };

const char *store_table_name(enum store_table t) { return table_names[t]; }

/* LMDB has its own error numbers; below main everybody speaks errno. */
static int errno_of(int rc)
{
	switch (rc) {
	case MDB_MAP_FULL: return ENOSPC;
	case MDB_READERS_FULL: return EAGAIN;
	case MDB_TXN_FULL: return EOVERFLOW;
	case MDB_NOTFOUND: return ENOENT;
	case MDB_CORRUPTED: case MDB_PAGE_NOTFOUND: case MDB_INCOMPATIBLE: case MDB_PANIC:
	case MDB_PAGE_FULL: case MDB_CURSOR_FULL: return EUCLEAN;
	default: return rc > 0 ? rc : EIO;
	}
}

static size_t map_size(void)
{
	const char *text = getenv("BLOCKSYNC_MAP");

	return text && *text ? options_number("$BLOCKSYNC_MAP", text, 1 << 16, (uint64_t)1 << 46) :
	    MAP_DEFAULT;
}

static _Noreturn void die_store(const struct store *s, const char *what, int rc)
{
	if (store_full(s, rc))
		store_die_full(s);
	if (rc == MDB_VERSION_MISMATCH || rc == MDB_INVALID)
		die_usage("'%s' is no store of ours: %s", s->dir, mdb_strerror(rc));
	if (rc == ENOTDIR)
		die_usage("store '%s' is no directory: give another -d", s->dir);
	if (rc == EISDIR || rc == ENOENT)
		die_usage("%s '%s': %s: give another -d", what, s->dir, strerror(rc));
	if (errno_of(rc) == EUCLEAN)
		store_damaged(s, mdb_strerror(rc));
	if (rc == ENOMEM)
		die_unusable("%s '%s': no %zu bytes of address space for its map: lower "
			     "$BLOCKSYNC_MAP, or raise the limit (ulimit -v)",
		    what, s->dir, map_size());
	die_world("%s '%s': %s", what, s->dir, mdb_strerror(rc));
}

void store_failed(const struct store *s, int rc)
{
	die_store(s, "cannot read store", rc);
}

void store_damaged(const struct store *s, const char *what)
{
	die_unusable("store '%s' is damaged: %s; " STORE_DAMAGED_ADVICE, s->dir, what);
}

static int env_try(struct store *s, unsigned flags)
{
	int rc = mdb_env_create(&s->env);

	if (rc != 0)
		die_store(s, "cannot open store", rc);
	mdb_env_set_mapsize(s->env, map_size());
	mdb_env_set_maxreaders(s->env, MAX_READERS);
	mdb_env_set_maxdbs(s->env, T_COUNT);
	intact_watch(s);
	return mdb_env_open(s->env, s->dir, flags | MDB_NOTLS | MDB_NORDAHEAD, 0600);
}

/* data.mdb is held for reading alone; the lock file stays writable, for readers stand in it. */
static int env_try_readonly(struct store *s)
{
	mdb_env_close(s->env);
	s->readonly = true;
	return env_try(s, MDB_RDONLY);
}

void env_open(struct store *s)
{
	int rc, dead;

	/* Before the first look: the writer of blocks keeps what it has read. */
	if (s->writes & TABLES_LOCKED)
		s->lock = store_lock(s->dir);
	if (s->writes)
		store_lockfile_room(s);
	intact_metas(s);
	rc = env_try(s, 0);
	/* a foreign or read-only directory */
	if ((rc == EACCES || rc == EROFS) && s->writes == 0)
		rc = env_try_readonly(s);
	if (rc != 0)
		die_store(s, "cannot open store", rc);
	intact_length(s);
	if (!s->readonly)
		mdb_reader_check(s->env, &dead);
}

/* A map that another process has grown is taken over, if no other thread of ours can be reading the
 * old one. */
static MDB_txn *txn_begin(struct store *s, unsigned flags)
{
	MDB_txn *txn;
	int rc, tries;

	for (tries = 0; tries < 3; tries++) {
		rc = INTACT(mdb_txn_begin(s->env, NULL, flags, &txn));
		if (rc == 0)
			return txn;
		intact_forget();
		if (rc != MDB_MAP_RESIZED)
			break;
		rc = s->shared ? ENOMEM : mdb_env_set_mapsize(s->env, 0);
		if (rc == ENOMEM)	/* or the sandbox's bound, as a rule */
			die_world("store '%s' has outgrown the map that this program began with: "
				  "raise $BLOCKSYNC_MAP and start again",
			    s->dir);
		if (rc != 0)
			break;
	}
	if (rc == EAGAIN)	/* LMDB locks a byte of its lock file by process number */
		die_world("store '%s' is in use in another container or pid namespace, by a "
			  "process that has our number, %ld: run both with the "
			  "same process numbers (docker: --pid=container:NAME, or --pid=host), or "
			  "try again",
		    s->dir, (long)getpid());
	die_store(s, "cannot read store", rc);
}

bool env_tables(struct store *s, bool create)
{
	MDB_txn *txn = txn_begin(s, create ? 0 : MDB_RDONLY);
	unsigned flags;
	int t, rc, first = 0;

	s->lacks = false;
	for (t = 0; t < T_COUNT; t++) {
		rc = INTACT(mdb_dbi_open(txn, table_names[t], create ? MDB_CREATE : 0, &s->dbi[t]));
		if (rc == 0 && (mdb_dbi_flags(txn, s->dbi[t], &flags) != 0 || flags != 0))
			store_damaged(s, "a table is of another kind than we made it");
		if (rc != 0 && rc != MDB_NOTFOUND)
			die_store(s, "cannot open tables of", rc);
		if (rc == MDB_NOTFOUND) {
			s->dbi[t] = NO_TABLE;
			s->lacks = true;
		} else
			first += t < T_DAMAGED;
	}
	/* These are made together. */
	if (first > 0 && first < T_DAMAGED)
		store_damaged(s, "a table is not there");
	if ((rc = INTACT(mdb_txn_commit(txn))) != 0)
		die_store(s, "cannot write store", rc);
	return s->dbi[T_META] != NO_TABLE;
}

void env_reopen(struct store *s)
{
	int rc = env_try_readonly(s);

	if (rc != 0)
		die_store(s, "cannot open store", rc);
	env_tables(s, false);
}

size_t env_visible(struct store *s)
{
	MDB_txn *txn = store_read(s);
	size_t id = mdb_txn_id(txn);

	store_read_end(txn);
	return id;
}

void store_close(struct store *s)
{
	if (s->env)
		mdb_env_close(s->env);
	s->env = NULL;
	if (s->lock >= 0)
		close(s->lock);
	s->lock = -1;
}

bool store_changed(struct store *s)
{
	MDB_envinfo info;
	size_t id;

	if (mdb_env_info(s->env, &info) != 0 || info.me_last_txnid == s->seen ||
	    (id = env_visible(s)) == s->seen)
		return false;
	s->seen = id;
	return true;
}

void store_tidy(struct store *s)
{
	int dead = 0;

	if (mdb_reader_check(s->env, &dead) == 0 && dead > 0)
		log_info("store '%s': %d dead readers cleared", s->dir, dead);
}

MDB_txn *store_read(struct store *s)
{
	return txn_begin(s, MDB_RDONLY);
}

void store_read_end(MDB_txn *txn)
{
	mdb_txn_abort(txn);
}

MDB_txn *store_write(struct store *s)
{
	MDB_txn *txn = txn_begin(s, 0);

	s->error = 0;
	return txn;
}

int store_commit(struct store *s, MDB_txn *txn)
{
	int rc = s->error;

	if (rc != 0)
		mdb_txn_abort(txn);
	else
		rc = INTACT(mdb_txn_commit(txn));
	if (rc == 0)
		return 0;
	errno = errno_of(rc);
	return -1;
}

void store_abort(MDB_txn *txn)
{
	mdb_txn_abort(txn);
}

void store_commit_or_die(struct store *s, MDB_txn *txn)
{
	if (store_commit(s, txn) < 0)
		store_die(s, errno);
}

void store_die(const struct store *s, int error)
{
	if (store_full(s, error))
		store_die_full(s);
	if (error == EUCLEAN)
		store_damaged(s, "its pages do not hang together");
	die_world("cannot write store '%s': %s", s->dir, strerror(error));
}

/* Next: common/store/open.c, what a store is opened for. */
