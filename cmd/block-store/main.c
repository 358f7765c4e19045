/* block-store - judges each block in its place in the chain, commits it, and passes on a short
 * record of it. Reads: verdict, block; sortition, reorg.  Writes: stored, tenure, verdict, fault.
 * Store: blocks, block_ids, tenures, canonical, verdicts, faults, meta.  Net: none. */
#include <unistd.h>

#include "cmd/block-store/keep.h"
#include "common/sys/log.h"
#include "common/sys/options.h"
#include "common/sys/sandbox.h"
#include "common/sys/start.h"

#define NETWORK_WAIT_MS 10000	/* for the stage before to name the network */

int main(int argc, char **argv)
{
	struct options o = { .usage = "block-store [-1] -d DIR [-n NETWORK]" };
	static struct store store;
	static struct writer writer;
	static struct intake intake;
	struct stage *stage;
	int c, rc;

	program_start("block-store");
	while ((c = getopt(argc, argv, OPTIONS_COMMON "1")) != -1)
		options_take(&o, c, optarg);
	if (optind != argc)
		options_usage(&o, "unexpected argument '%s'", argv[optind]);

	stage = stage_new("block-store", &o, &intake_ops, &intake);
	store_open(&store, options_dir(&o), o.network, KEEPER_TABLES,
	    stage_has_input(stage) ? NETWORK_WAIT_MS : 0);
	sandbox_enter(SANDBOX_THREADS | SANDBOX_WRITE);

	stage_network(stage, &store.net);
	writer_start(&writer, &store);
	intake_start(&intake, stage, &store, &writer);
	rc = stage_run(stage);
	writer_stop(&writer);
	intake_stop(&intake);
	store_close(&store);
	stage_free(stage);
	return rc;
}

/* Next: cmd/block-store/intake.c, records on their way into a commit. */
