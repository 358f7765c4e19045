/* The environment: open, transactions, raw rows, and what the world can do to them (DESIGN 3).
 *
 * Puts remember their first error in the store and go on quietly: one place, the commit, tells.  There is at most one
 * write transaction a process, so that one field is enough. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/store/store.h"
#include "common/sys/log.h"
#include "common/sys/options.h"
#include "common/sys/stage.h"

#define MAP_DEFAULT ((size_t)1 << 40)	/* address space, not disk */
#define MAX_READERS 1024
#define WAIT_STEP_MS 20

static const char *const table_names[T_COUNT] = {
	"meta", "sortitions", "reward_sets", "peers", "inventories", "blocks", "block_ids", "tenures", "canonical",
	"microblocks", "downloads", "verdicts", "faults", "uploads", "pushes"
};

/* LMDB has its own error numbers; below main everybody speaks errno. */
static int errno_of(int rc)
{
	switch (rc) {
	case MDB_MAP_FULL: return ENOSPC;
	case MDB_READERS_FULL: return EAGAIN;
	case MDB_TXN_FULL: case MDB_PAGE_FULL: case MDB_CURSOR_FULL: return EOVERFLOW;
	case MDB_NOTFOUND: return ENOENT;
	default: return rc > 0 ? rc : EIO;
	}
}

static _Noreturn void die_full(const struct store *s)
{
	die_world("store '%s' is full (disk, or $BLOCKSYNC_MAP): nothing of this commit is kept, start again when there is room", s->dir);
}

static _Noreturn void die_store(const struct store *s, const char *what, int rc)
{
	if (rc == MDB_MAP_FULL || rc == ENOSPC)
		die_full(s);
	if (rc == MDB_VERSION_MISMATCH || rc == MDB_INVALID)
		die_usage("'%s' is no store of ours: %s", s->dir, mdb_strerror(rc));
	if (rc == ENOTDIR)
		die_usage("store '%s' is no directory: give another -d", s->dir);
	die_world("%s '%s': %s", what, s->dir, mdb_strerror(rc));
}

static size_t map_size(void)
{
	const char *text = getenv("BLOCKSYNC_MAP");

	return text && *text ? options_number("$BLOCKSYNC_MAP", text, 1 << 16, (uint64_t)1 << 46) : MAP_DEFAULT;
}

static void env_open(struct store *s)
{
	unsigned flags = MDB_NOTLS | MDB_NORDAHEAD;
	int rc, dead;

	/* Before the first look: the writer of blocks keeps what it has read. */
	if (s->writes & TABLES_LOCKED)
		s->lock = store_lock(s->dir);
	if ((rc = mdb_env_create(&s->env)) != 0)
		die_store(s, "cannot open store", rc);
	mdb_env_set_mapsize(s->env, map_size());
	mdb_env_set_maxreaders(s->env, MAX_READERS);
	mdb_env_set_maxdbs(s->env, T_COUNT);
	rc = mdb_env_open(s->env, s->dir, flags, 0600);
	if ((rc == EACCES || rc == EROFS) && s->writes == 0) {
		/* A reader of a foreign or read-only directory. */
		s->readonly = true;
		mdb_env_close(s->env);
		if ((rc = mdb_env_create(&s->env)) != 0)
			die_store(s, "cannot open store", rc);
		mdb_env_set_mapsize(s->env, map_size());
		mdb_env_set_maxdbs(s->env, T_COUNT);
		rc = mdb_env_open(s->env, s->dir, flags | MDB_RDONLY, 0600);
	}
	if (rc != 0)
		die_store(s, "cannot open store", rc);
	if (!s->readonly)
		mdb_reader_check(s->env, &dead);
}

/* A map that another process has grown is taken over; nobody of ours holds a transaction then. */
static MDB_txn *txn_begin(struct store *s, unsigned flags)
{
	MDB_txn *txn;
	int rc, tries;

	for (tries = 0; tries < 3; tries++) {
		rc = mdb_txn_begin(s->env, NULL, flags, &txn);
		if (rc == 0)
			return txn;
		if (rc != MDB_MAP_RESIZED || (rc = mdb_env_set_mapsize(s->env, 0)) != 0)
			break;
	}
	die_store(s, "cannot read store", rc);
}

/* Open the tables that exist; true if all do.  With create they are made. */
static bool tables_open(struct store *s, bool create)
{
	MDB_txn *txn = txn_begin(s, create ? 0 : MDB_RDONLY);
	bool all = true;
	int t, rc;

	for (t = 0; t < T_COUNT; t++) {
		rc = mdb_dbi_open(txn, table_names[t], create ? MDB_CREATE : 0, &s->dbi[t]);
		if (rc == MDB_NOTFOUND) {
			all = false;
			break;
		}
		if (rc != 0)
			die_store(s, "cannot open tables of", rc);
	}
	if ((rc = mdb_txn_commit(txn)) != 0)
		die_store(s, "cannot write store", rc);
	return all;
}

static void schema_check(struct store *s, MDB_txn *txn)
{
	char ours[16];
	MDB_val v;

	snprintf(ours, sizeof ours, "%d", STORE_SCHEMA);
	if (meta_get(s, txn, "schema", &v) == 0 && (v.mv_size != strlen(ours) || memcmp(v.mv_data, ours, v.mv_size) != 0))
		die_usage("store '%s' has schema %.*s, this program speaks %s: use the version that made it, or another directory",
		    s->dir, (int)v.mv_size, (const char *)v.mv_data, ours);
}

/* Whether the text in meta is an operator's, given with -n: an archive's, and one of an older program, names nobody to trust. */
static bool network_trusted(struct store *s, MDB_txn *txn)
{
	MDB_val v;

	return meta_get(s, txn, "network_by", &v) == 0 && v.mv_size == 8 && memcmp(v.mv_data, "operator", 8) == 0;
}

/* The network that meta names into s->net; false if none is named yet. */
static bool network_read(struct store *s, bool *trusted)
{
	MDB_txn *txn = store_read(s);
	char err[200];
	MDB_val v;
	bool found;

	schema_check(s, txn);
	found = meta_get(s, txn, "network", &v) == 0;
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

/* Into meta, unless another program was faster: only an operator's text takes the place of another. */
static void network_put(struct store *s, const struct network *net, bool operators)
{
	unsigned writes = s->writes;
	char schema[16];
	MDB_txn *txn;
	MDB_val v;

	s->writes |= TABLE(T_META);
	txn = store_write(s);
	snprintf(schema, sizeof schema, "%d", STORE_SCHEMA);
	if (meta_get(s, txn, "schema", &v) != 0)
		meta_put(s, txn, "schema", schema, strlen(schema));
	if (meta_get(s, txn, "network", &v) != 0 || (operators && !network_trusted(s, txn))) {
		meta_put(s, txn, "network", net->text, strlen(net->text));
		if (operators)
			meta_put(s, txn, "network_by", "operator", 8);
	}
	store_commit_or_die(s, txn);
	s->writes = writes;
}

/* A store that has no network takes this one; one that has another ends with 100.  What -n says now (peers, sources, shadows) goes
 * before what the store remembers; what an archive says does not. */
static void network_name(struct store *s, const struct network *net, bool operators)
{
	bool trusted;

	if (!network_read(s, &trusted)) {
		network_put(s, net, operators);
		if (!network_read(s, &trusted))
			BUG("the network is gone from '%s'", s->dir);
	}
	if (!network_same(&s->net, net))
		die_usage("store '%s' is of network '%s', not '%s': give another -d or -n", s->dir, s->net.name, net->name);
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
	char path[sizeof s->dir + 16];

	snprintf(path, sizeof path, "%s/data.mdb", s->dir);
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
		die_usage(s->writes ? "there is no store in '%s': give -n to make one" : "there is no store in '%s': give another -d", s->dir);
	die_usage("store '%s' has no network yet: give -n", s->dir);
}

/* The last commit that a reader sees.  mdb_env_info tells of one as soon as its meta page is written, which is before the disk has it and
 * readers may: who read then would see the old state, and take it for the new one. */
static size_t visible(struct store *s)
{
	MDB_txn *txn = store_read(s);
	size_t id = mdb_txn_id(txn);

	store_read_end(txn);
	return id;
}

static void open_for(struct store *s, const char *dir, const struct network *net, bool operators, unsigned writes, unsigned wait_ms)
{
	memset(s, 0, sizeof *s);
	s->writes = writes;
	s->lock = -1;
	if (strlcpy(s->dir, dir, sizeof s->dir) >= sizeof s->dir)
		die_usage("name of the store is too long");
	if (net) {
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			die_name("cannot make store", dir);
		env_open(s);
		if (!tables_open(s, false) && !s->readonly)
			tables_open(s, true);
		network_name(s, net, operators);
	} else
		network_wait(s, wait_ms);
	s->seen = visible(s);
}

void store_open_net(struct store *s, const char *dir, const struct network *net, unsigned writes, unsigned wait_ms)
{
	open_for(s, dir, net, false, writes, wait_ms);
}

void store_open(struct store *s, const char *dir, const char *network, unsigned writes, unsigned wait_ms)
{
	struct network *net = NULL;

	if (network) {
		net = xmalloc(sizeof *net);
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

	if (mdb_env_info(s->env, &info) != 0 || info.me_last_txnid == s->seen || (id = visible(s)) == s->seen)
		return false;
	s->seen = id;
	return true;
}

void store_tidy(struct store *s)
{
	int dead = 0;

	if (!s->readonly && mdb_reader_check(s->env, &dead) == 0 && dead > 0)
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
		rc = mdb_txn_commit(txn);
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
	if (error == ENOSPC)
		die_full(s);
	/* LMDB calls a write that came out short EIO. */
	die_world("cannot write store '%s': %s%s", s->dir, strerror(error), error == EIO ? " (is the disk full?)" : "");
}

int store_get(struct store *s, MDB_txn *txn, enum store_table t, const void *key, size_t klen, MDB_val *data)
{
	MDB_val k = { klen, (void *)(uintptr_t)key };

	return mdb_get(txn, s->dbi[t], &k, data) == 0 ? 0 : -1;
}

static void declared(const struct store *s, enum store_table t)
{
	if (!(s->writes & TABLE(t)))
		BUG("'%s' is not among the tables that %s writes", table_names[t], log_program());
}

void store_put(struct store *s, MDB_txn *txn, enum store_table t, const void *key, size_t klen, const void *data, size_t len)
{
	MDB_val k = { klen, (void *)(uintptr_t)key }, v = { len, (void *)(uintptr_t)data };
	int rc;

	declared(s, t);
	rc = s->error ? s->error : mdb_put(txn, s->dbi[t], &k, &v, 0);
	if (rc != 0 && s->error == 0)
		s->error = rc;
}

void *store_reserve(struct store *s, MDB_txn *txn, enum store_table t, const void *key, size_t klen, size_t len)
{
	MDB_val k = { klen, (void *)(uintptr_t)key }, v = { len, NULL };
	int rc;

	declared(s, t);
	rc = s->error ? s->error : mdb_put(txn, s->dbi[t], &k, &v, MDB_RESERVE);
	if (rc != 0 && s->error == 0)
		s->error = rc;
	return rc == 0 ? v.mv_data : NULL;
}

void store_del(struct store *s, MDB_txn *txn, enum store_table t, const void *key, size_t klen)
{
	MDB_val k = { klen, (void *)(uintptr_t)key };
	int rc;

	declared(s, t);
	rc = s->error ? s->error : mdb_del(txn, s->dbi[t], &k, NULL);
	if (rc != 0 && rc != MDB_NOTFOUND && s->error == 0)
		s->error = rc;
}

MDB_cursor *store_cursor(struct store *s, MDB_txn *txn, enum store_table t)
{
	MDB_cursor *c;
	int rc = mdb_cursor_open(txn, s->dbi[t], &c);

	if (rc == MDB_BAD_TXN && (s->error == MDB_MAP_FULL || s->error == ENOSPC))
		die_full(s);
	if (rc != 0)
		die_store(s, "cannot read store", rc);
	return c;
}

void store_walk(struct store *s, MDB_txn *txn, enum store_table t, const void *from, size_t flen,
    bool (*fn)(void *, const MDB_val *, const MDB_val *), void *arg)
{
	MDB_cursor *c = store_cursor(s, txn, t);
	MDB_val k = { flen, (void *)(uintptr_t)from }, v;
	int rc;

	rc = mdb_cursor_get(c, &k, &v, flen ? MDB_SET_RANGE : MDB_FIRST);
	while (rc == 0 && fn(arg, &k, &v))
		rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	mdb_cursor_close(c);
}

size_t store_count(struct store *s, MDB_txn *txn, enum store_table t)
{
	MDB_stat st;

	return mdb_stat(txn, s->dbi[t], &st) == 0 ? st.ms_entries : 0;
}

/* Next: common/store/lock.c, one writer of blocks a store. */
