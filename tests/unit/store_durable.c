/* What was committed survives the machine: the disk was told before the commit returns. */
#include <sys/syscall.h>

#include "common/net/conv.h"
#include "tests/unit/store_world.h"

static unsigned syncs;

/* In the place of the C library's, for LMDB too. */
int fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

static unsigned file_syncs;

int fsync(int fd)
{
	file_syncs++;
	return (int)syscall(SYS_fsync, fd);
}

static void commits(struct store *s, const char *value)
{
	MDB_txn *txn = store_write(s);
	unsigned before = syncs;

	store_put(s, txn, T_META, "x", 1, value, strlen(value));
	assert_int_equal(syncs, before);
	store_commit_or_die(s, txn);
	assert_true(syncs > before);
}

static void durable(void **state)
{
	static struct network net;
	struct world w = { .n = 0 };
	unsigned flags;

	snprintf(w.dir, sizeof(w.dir), "/tmp/store-unit.XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	made_network(&net);
	for (int again = 0; again < 2; again++) {
		store_open_net(&w.s, w.dir, &net, WORLD_TABLES, 0);
		/* The meta page, which makes the commit, waits for nothing later either. */
		assert_int_equal(mdb_env_get_flags(w.s.env, &flags), 0);
		assert_int_equal(
		    flags & (MDB_NOSYNC | MDB_NOMETASYNC | MDB_WRITEMAP | MDB_MAPASYNC), 0);
		commits(&w.s, again ? "2" : "1");
		if (!again)
			store_close(&w.s);
	}
	world_close(&w);
}

/* Who a node is survives too. */
static void node_key(void **state)
{
	char dir[] = "/tmp/store-unit.XXXXXX", path[64];
	uint8_t secret[2][32], key[2][KEY_LEN];

	assert_non_null(mkdtemp(dir));
	node_key_load(dir, secret[0], key[0]);
	assert_int_equal(file_syncs, 1);
	node_key_load(dir, secret[1], key[1]);
	assert_memory_equal(secret[0], secret[1], 32);
	snprintf(path, sizeof(path), "%s/key", dir);
	assert_int_equal(unlink(path) | rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(durable), cmocka_unit_test(node_key) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
