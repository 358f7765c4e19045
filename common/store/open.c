/* Opening a store: which schema it has, which network it is of, and who may name that. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/store/env.h"
#include "common/store/intact.h"
#include "common/store/lock.h"
#include "common/store/sum.h"
#include "common/sys/log.h"
#include "common/sys/options.h"
#include "common/sys/stage.h"

#define WAIT_STEP_MS 20

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
		env_tables(s, true);
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
			while (!env_tables(s, false))
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

/* Made or found: it is not written any more. */
static void reopen_readonly(struct store *s)
{
	MDB_txn *txn;

	env_reopen(s);
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
		if (!env_tables(s, false) && !s->readonly)
			env_tables(s, true);
		network_name(s, net, operators);
	} else {
		network_wait(s, wait_ms);	/* who writes nothing makes no store either */
		if (net)
			network_name(s, net, operators);
	}
	schema_raise(s);
	if (writes == 0 && !s->readonly)
		reopen_readonly(s);
	s->seen = env_visible(s);
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

/* Next: common/store/room.c, whether there is room. */
