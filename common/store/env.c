/* The environment: open, transactions, raw rows, and what the world can do to them (DESIGN 3).
 *
 * Puts remember their first error in the store and go on quietly: one place, the commit, tells.
 * There is at most one write transaction a process, so that one field is enough. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/store/intact.h"
#include "common/store/lock.h"
#include "common/store/sum.h"
#include "common/sys/log.h"
#include "common/sys/options.h"
#include "common/sys/stage.h"

#define MAP_DEFAULT ((size_t)1 << 40)	/* address space, not disk */
#define MAX_READERS 1024
#define WAIT_STEP_MS 20

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

static void env_open(struct store *s)
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

/* Open the tables that exist (a store of an older program lacks some); false if there are none yet.
 * With create they are made. */
static bool tables_open(struct store *s, bool create)
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

static void schema_check(struct store *s, MDB_txn *txn)
{
	char text[16] = "";
	MDB_val v;

	s->schema = 0;
	if (meta_get(s, txn, "schema", &v) < 0)
		return;
	intact_map(s, v.mv_data);
	if (v.mv_size < sizeof(text))
		memcpy(text, v.mv_data, v.mv_size);
	s->schema = (unsigned)strtoul(text, NULL, 10);
	if (s->schema < 1 || s->schema > STORE_SCHEMA)
		die_usage("store '%s' has schema %.*s, this program speaks %d: use the version "
			  "that made it, or another directory",
		    s->dir, (int)(v.mv_size < 80 ? v.mv_size : 80), (const char *)v.mv_data,
		    STORE_SCHEMA);
}

static void network_write(struct store *s, MDB_txn *txn, const char *text)
{
	uint8_t sum[8];

	put_be64(sum, sum_of(text, strlen(text)));
	meta_put(s, txn, "network", text, strlen(text));
	meta_put(s, txn, "network.sum", sum, sizeof(sum));
}

/* Tables, checksums and the number that a store of schema 1 lacks; its runs of blocks are
 * block-store's to write anew. */
static void schema_raise(struct store *s)
{
	unsigned writes = s->writes;
	char text[16];
	MDB_txn *txn;
	uint8_t sum[8];
	MDB_val v;

	if (s->lacks && writes)
		tables_open(s, true);
	if (s->schema == STORE_SCHEMA || !writes)
		return;
	snprintf(text, sizeof(text), "%d", STORE_SCHEMA);
	s->writes |= TABLE(T_META);
	txn = store_write(s);
	if (meta_get(s, txn, "network", &v) == 0) {
		put_be64(sum, sum_of(v.mv_data, v.mv_size));
		meta_put(s, txn, "network.sum", sum, sizeof(sum));
	}
	meta_put(s, txn, "upgrade", "", 0);
	meta_put(s, txn, "schema", text, strlen(text));
	store_commit_or_die(s, txn);
	s->writes = writes;
	s->schema = STORE_SCHEMA;
}

/* Whether the text in meta is an operator's, given with -n: an archive's, and one of an older
 * program, names nobody to trust. */
static bool network_trusted(struct store *s, MDB_txn *txn)
{
	MDB_val v;

	return meta_get(s, txn, "network_by", &v) == 0 && v.mv_size == 8 &&
	    memcmp(v.mv_data, "operator", 8) == 0;
}

/* The network that meta names into s->net; false if none is named yet. */
static bool network_read(struct store *s, bool *trusted)
{
	MDB_txn *txn = store_read(s);
	char err[200];
	MDB_val v, sum;
	bool found;

	schema_check(s, txn);
	found = meta_get(s, txn, "network", &v) == 0;
	if (found && meta_get(s, txn, "network.sum", &sum) == 0 &&
	    (sum.mv_size != 8 || get_be64(sum.mv_data) != sum_of(v.mv_data, v.mv_size)))
		store_damaged(s, "its network");
	*trusted = network_trusted(s, txn);
	if (found && network_parse(&s->net, v.mv_data, v.mv_size, err) < 0)
		die_usage("store '%s': its network: %s", s->dir, err);
	store_read_end(txn);
	return found;
}

static void network_take(struct store *s, bool trusted)
{
	char err[200];

	if (!trusted && network_untrust(&s->net, err) < 0)
		die_usage("store '%s': its network: %s: give -n", s->dir, err);
}

/* Into meta, unless another program was faster: only an operator's text takes the place of
 * another. */
static void network_put(struct store *s, const struct network *net, bool operators)
{
	unsigned writes = s->writes;
	char schema[16];
	MDB_txn *txn;
	MDB_val v;

	s->writes |= TABLE(T_META);
	txn = store_write(s);
	snprintf(schema, sizeof(schema), "%d", STORE_SCHEMA);
	if (meta_get(s, txn, "schema", &v) != 0)
		meta_put(s, txn, "schema", schema, strlen(schema));
	if (meta_get(s, txn, "network", &v) != 0 || (operators && !network_trusted(s, txn))) {
		network_write(s, txn, net->text);
		if (operators)
			meta_put(s, txn, "network_by", "operator", 8);
	}
	store_commit_or_die(s, txn);
	s->writes = writes;
}

/* A store that has no network takes this one; one that has another ends with 100.  What -n says now
 * (peers, sources, shadows) goes before what the store remembers; what an archive says does not. */
static void network_name(struct store *s, const struct network *net, bool operators)
{
	bool trusted;

	if (!network_read(s, &trusted)) {
		network_put(s, net, operators);
		if (!network_read(s, &trusted))
			BUG("the network is gone from '%s'", s->dir);
	}
	if (!network_same(&s->net, net))
		die_usage("store '%s' is of network '%s', not '%s': give another -d or -n", s->dir,
		    s->net.name, net->name);
	if (!operators) {
		network_take(s, trusted);
		return;
	}
	if (!trusted && s->writes)
		network_put(s, net, true);
	s->net = *net;
}

static bool store_exists(const struct store *s)
{
	char path[sizeof(s->dir) + 16];

	snprintf(path, sizeof(path), "%s/data.mdb", s->dir);
	if (access(path, F_OK) == 0)
		return true;
	if (errno == ENOTDIR)
		die_usage("store '%s' is no directory: give another -d", s->dir);
	if (errno != ENOENT)
		die_world("cannot look into store '%s': %s", s->dir, strerror(errno));
	return false;
}

/* Without -n: until somebody has made the store and named its network. */
static void network_wait(struct store *s, unsigned wait_ms)
{
	uint64_t until = now_ms() + wait_ms;
	bool open = false, trusted;

	for (;;) {
		if (!open && store_exists(s)) {
			env_open(s);
			open = true;
			while (!tables_open(s, false))
				if (now_ms() >= until)
					goto none;
				else
					usleep(WAIT_STEP_MS * 1000);
		}
		if (open && network_read(s, &trusted)) {
			network_take(s, trusted);
			return;
		}
		if (now_ms() >= until)
			break;
		usleep(WAIT_STEP_MS * 1000);
	}
none:
	if (!open)
		die_usage(s->writes ? "there is no store in '%s': give -n to make one" :
		    "there is no store in '%s': give another -d", s->dir);
	die_usage("store '%s' has no network yet: give -n", s->dir);
}

/* The last commit that a reader sees.  mdb_env_info tells of one as soon as its meta page is
 * written, which is before the disk has it and readers may: who read then would see the old state,
 * and take it for the new one. */
static size_t visible(struct store *s)
{
	MDB_txn *txn = store_read(s);
	size_t id = mdb_txn_id(txn);

	store_read_end(txn);
	return id;
}

/* Made or found: it is not written any more. */
static void reopen_readonly(struct store *s)
{
	int rc = env_try_readonly(s);
	MDB_txn *txn;

	if (rc != 0)
		die_store(s, "cannot open store", rc);
	tables_open(s, false);
	txn = store_read(s);
	schema_check(s, txn);	/* the map is another */
	store_read_end(txn);
}

static void open_for(struct store *s, const char *dir, const struct network *net, bool operators,
    unsigned writes, unsigned wait_ms)
{
	memset(s, 0, sizeof(*s));
	s->writes = writes;
	s->lock = -1;
	s->page = 4096;
	if (strlcpy(s->dir, dir, sizeof(s->dir)) >= sizeof(s->dir))
		die_usage("name of the store is too long");
	if (net && writes) {
		if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
			if (store_full(s, errno))
				store_die_full(s);
			die_name("cannot make store", dir);
		}
		env_open(s);
		if (!tables_open(s, false) && !s->readonly)
			tables_open(s, true);
		network_name(s, net, operators);
	} else {
		network_wait(s, wait_ms);	/* who writes nothing makes no store either */
		if (net)
			network_name(s, net, operators);
	}
	schema_raise(s);
	if (writes == 0 && !s->readonly)
		reopen_readonly(s);
	s->seen = visible(s);
}

void store_open_net(struct store *s, const char *dir, const struct network *net, unsigned writes,
    unsigned wait_ms)
{
	open_for(s, dir, net, false, writes, wait_ms);
}

void store_open(struct store *s, const char *dir, const char *network, unsigned writes,
    unsigned wait_ms)
{
	struct network *net = NULL;

	if (network) {
		net = xmalloc(sizeof(*net));
		network_load(net, network);
	}
	open_for(s, dir, net, true, writes, wait_ms);
	free(net);
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
	    (id = visible(s)) == s->seen)
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

/* Next: common/store/room.c, whether there is room. */
