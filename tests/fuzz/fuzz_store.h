/* A store for targets that need one: made once, and emptied before each input. */
#ifndef BLOCKSYNC_TESTS_FUZZ_STORE_H
#define BLOCKSYNC_TESTS_FUZZ_STORE_H

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/store/store.h"

static struct store store;
static char store_dir[] = "/tmp/fuzz-store.XXXXXX";

static void store_remove(void)
{
	static const char *const names[] = { "data.mdb", "lock.mdb", "lock" };
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", store_dir, names[i]);
		unlink(path);
	}
	rmdir(store_dir);
}

/* Of the network of tests/unit/chain_make.h. */
static void store_begin(void)
{
	static const char text[] =
	    "name made\nchain_id 0x80000000\nfirst_burn_height 100\nfirst_burn_hash "
	    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\ncycle_length "
	    "20\nprepare_length 5\n"
	    "stable_confirmations 7\nepoch 2.0 100\nepoch 2.5 101\nepoch 3.0 140\nepoch 4.0 180\n";
	static struct network net;
	char err[200];
	MDB_txn *txn;

	if (!store.env) {
		setenv("BLOCKSYNC_MAP", "268435456", 1);
		assert(network_parse(&net, text, sizeof(text) - 1, err) == 0 && mkdtemp(store_dir));
		store_open_net(&store, store_dir, &net, (1u << T_COUNT) - 1, 0);
		mdb_env_set_flags(store.env, MDB_NOSYNC, 1);
		atexit(store_remove);
	}
	txn = store_write(&store);
	for (int t = T_META + 1; t < T_COUNT; t++)
		if (store.dbi[t] != NO_TABLE)
			assert(mdb_drop(txn, store.dbi[t], 0) == 0);
	assert(store_commit(&store, txn) == 0);
}

#endif
