/* sync-status - shows how far the sync is, why, and what is in its way.
 * Store: read.  Net: none. */
#include <stdio.h>
#include <unistd.h>

#include "cmd/sync-status/status.h"
#include "common/sys/log.h"
#include "common/sys/options.h"
#include "common/sys/out.h"
#include "common/sys/sandbox.h"
#include "common/sys/start.h"

int main(int argc, char **argv)
{
	struct options o = { .usage = "sync-status -d DIR [-j]" };
	bool as_json = false, locked, running;
	struct store_holder writer;
	int c;

	program_start("sync-status");
	while ((c = getopt(argc, argv, OPTIONS_COMMON "j")) != -1) {
		if (c == 'j')
			as_json = true;
		else
			options_take(&o, c, optarg);
	}
	if (optind != argc)
		options_usage(&o, "unexpected argument '%s'", argv[optind]);

	static struct store s;
	store_open(&s, options_dir(&o), o.network, 0, 0);
	locked = store_lock_holder(s.dir, &writer);
	sandbox_enter(SANDBOX_NONE);

	json_t *status = status_gather(&s, locked ? &writer : NULL, &running);
	if (as_json) {
		json_dumpf(status, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
	} else {
		status_print(status, running);
	}
	json_decref(status);
	store_close(&s);
	out_flush();
	return s.hurt ? EXIT_WORLD : 0;
}

/* Next: cmd/sync-status/gather.c, where the figures come from. */
