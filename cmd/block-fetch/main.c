/* block-fetch - decides what is wanted, from whom, and fetches it.
 * Reads: sortition, reorg, reward_set, peer, inventory, tip.
 * Writes: block, microblocks, want, progress, fault.
 * Store: peers (blocks), downloads, verdicts (set aside), faults, meta.  Net: HTTP out. */
#include <stdlib.h>
#include <unistd.h>

#include "cmd/block-fetch/fetch.h"
#include "common/sys/log.h"
#include "common/sys/sandbox.h"
#include "common/sys/start.h"

static void add_url(struct fetch *f, const char *url)
{
	const char *fault = http_url_fault(url);

	if (fault)
		options_usage(&f->options, "bad URL '%s': %s", url, fault);
	if (strlen(url) > MAX_SOURCE - 200)
		options_usage(&f->options, "bad URL '%s': too long", url);
	if (f->n_urls == MAX_URLS)
		options_usage(&f->options, "too many URLs: at most %d", MAX_URLS);
	f->urls[f->n_urls++] = url;
}

int main(int argc, char **argv)
{
	static struct fetch f;
	int c, rc;

	f.options.usage = "block-fetch [-1oqv] [-n NET] [-u URL]... [-F CYCLE] [-R ID] -d DIR";
	f.from_cycle = -1;
	program_start("block-fetch");
	while ((c = getopt(argc, argv, OPTIONS_COMMON "1F:oR:u:")) != -1) {
		switch (c) {
		case 'F':
			f.from_cycle = (int64_t)options_number("-F", optarg, 0, MAX_CYCLES - 1);
			break;
		case 'o': f.written_is_done = true; break;
		case 'R':
			f.retry = true;
			if (hex_to(f.retry_id, ID_LEN, optarg, strlen(optarg)) < 0)
				options_usage(&f.options,
				    "bad block id '%s' for -R: give 64 hex digits", optarg);
			break;
		case 'u': add_url(&f, optarg); break;
		default: options_take(&f.options, c, optarg);
		}
	}
	if (optind != argc)
		options_usage(&f.options, "unexpected argument '%s'", argv[optind]);
	f.once = f.options.once;
	f.resolver = resolver_start();
	f.stage = stage_new("block-fetch", &f.options, &fetch_ops, &f);
	store_open(&f.store, options_dir(&f.options), f.options.network,
	    TABLE(T_PEERS) | TABLE(T_META) | TABLE(T_DOWNLOADS) | TABLE(T_VERDICTS) |
		TABLE(T_FAULTS) | TABLE(T_DAMAGED),
	    stage_has_input(f.stage) ? 10000 : 0);
	f.http = http_client_new(stage_base(f.stage), f.resolver, MAX_CONNECTIONS, false);
	resolver_attach(f.resolver, stage_base(f.stage));
	sandbox_enter(SANDBOX_CONNECT | SANDBOX_WRITE);
	stage_network(f.stage, &f.store.net);
	if (f.retry)
		suspects_retry(&f, f.retry_id);
	if (f.retry && !f.once && !f.n_urls && !stage_has_input(f.stage))
		return 0;	/* nothing else was asked for */
	fetch_init(&f);
	rc = stage_run(f.stage);
	http_client_free(f.http);
	resolver_stop(f.resolver);
	fetch_release(&f);
	store_close(&f.store);
	stage_free(f.stage);
	return rc;
}

/* Next: cmd/block-fetch/trouble.c (first planner.h and plan.h), what may go wrong. */
