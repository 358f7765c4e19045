/* block-verify - judges each block on its own, on all cores: codec, ids, rules, signatures.
 * Reads: block; sortition, reward_set.  Writes: verdict, and the blocks that hold.  Store: read.
 * Net: none. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/block-verify/verify.h"
#include "common/sys/log.h"
#include "common/sys/sandbox.h"
#include "common/sys/start.h"

static unsigned cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* $BLOCKSYNC_TEST_CRASH: the id of a block that ends this program, to test that a pipeline gets
 * over it. */
static void crash_hook(struct judge *judge)
{
	const char *id = getenv("BLOCKSYNC_TEST_CRASH");

	judge->has_crash = id && hex_to(judge->crash, ID_LEN, id, strlen(id)) == 0;
}

int main(int argc, char **argv)
{
	struct options o = {
		.usage = "block-verify [-1] [-j N] -d DIR\nblock-verify [-1] [-j N] -n NET -R VIEW"
	};
	static struct store store;
	static struct network named;
	struct judge judge = { 0 };
	struct flow flow;
	struct pool pool;
	struct view view;
	const char *file = NULL;
	unsigned jobs = cores();
	int c, rc, fd = -1;

	program_start("block-verify");
	while ((c = getopt(argc, argv, OPTIONS_COMMON "1j:R:")) != -1) {
		switch (c) {
		case 'j': jobs = (unsigned)options_number("-j", optarg, 1, 256); break;
		case 'R': file = optarg; break;
		default: options_take(&o, c, optarg);
		}
	}
	if (optind != argc)
		options_usage(&o, "unexpected argument '%s'", argv[optind]);
	if (file && o.dir)
		options_usage(&o, "give -d or -R: blocks are judged against one view");
	if (file && !o.network)
		options_usage(&o, "-R needs -n: the network that the view is of");

	struct stage *stage = stage_new("block-verify", &o, &flow_ops, &flow);
	if (file) {
		network_load(&named, o.network);
		if ((fd = open(file, O_RDONLY | O_CLOEXEC)) < 0)
			die_name("cannot read view", file);
	} else {
		store_open(&store, options_dir(&o), o.network, 0,
		    stage_has_input(stage) ? 10000 : 0);
	}
	judge.net = file ? &named : &store.net;
	crash_hook(&judge);
	pool_init(&pool, &judge);
	sandbox_enter(SANDBOX_THREADS);

	view_init(&view, judge.net, file ? NULL : &store);
	if (file)
		view_read(&view, fd, file);
	stage_network(stage, judge.net);
	pool_start(&pool, jobs);
	flow_init(&flow, stage, &view, &pool);
	rc = stage_run(stage);
	pool_stop(&pool);
	flow_release(&flow);
	view_release(&view);
	if (!file)
		store_close(&store);
	stage_free(stage);
	return rc;
}

/* Next: cmd/block-verify/flow.c, the way of a record from input to output. */
