/* sortition-sync - follow the burnchain view of the sources that the operator trusts.
 *
 * Reads: nothing (records on stdin are passed on).  Writes: sortition, reorg, reward_set, tip,
 * trust, fault. Store: sortitions, reward_sets, meta, faults.  Net: HTTP(S) out. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/sortition-sync/sync.h"
#include "common/sys/log.h"
#include "common/sys/sandbox.h"
#include "common/sys/start.h"

static const char usage[] = "sortition-sync [-1] -d DIR [-n NET] [-Q N] [-s SOURCE]... [-K FILE]\n";

static void take_options(struct sync *s, int argc, char **argv, const char **quorum,
    const char **key_file)
{
	int c;

	s->o.usage = usage;
	while ((c = getopt(argc, argv, OPTIONS_COMMON "1K:Q:s:")) != -1) {
		switch (c) {
		case 'K':
			*key_file = optarg;
			break;
		case 'Q':
			*quorum = optarg;
			break;
		case 's':
			if (s->n == VIEW_SOURCES)
				options_usage(&s->o, "more than %d sources", VIEW_SOURCES);
			s->sources[s->n++].name = optarg;
			break;
		default:
			options_take(&s->o, c, optarg);
		}
	}
	if (optind < argc)
		options_usage(&s->o, "unexpected argument '%s'", argv[optind]);
}

/* Sources and quorum, once the network is known. */
static void choose_sources(struct sync *s, const char *quorum)
{
	const struct network *net = &s->store.net;
	uint64_t low = network_model_first(net, NAKAMOTO);
	uint8_t secret[32];

	if (s->n == 0)
		for (; s->n < net->n_source; s->n++)
			s->sources[s->n].name = net->source[s->n];
	if (s->n == 0)
		options_usage(&s->o,
		    "no source: give -s, or -n with a network file that has a line 'source URL'");
	s->quorum = s->n / 2 + 1;
	if (quorum)
		s->quorum = (unsigned)options_number("-Q", quorum, 1, s->n);
	random_bytes(secret, sizeof(secret));
	view_init(&s->view, net, s->n, s->quorum, secret);
	claims_init(&s->claims, s->n, s->quorum,
	    low == UINT64_MAX ? UINT64_MAX - CLAIMS_CYCLES : network_cycle(net, low));
}

static bool load_row(void *arg, const struct rec_sortition *r)
{
	if (r->canonical)
		view_load(arg, r);
	return true;
}

/* What the store has already is not asked for again; its newest rows are verified. */
static void load_store(struct sync *s)
{
	MDB_txn *txn = store_read(&s->store);
	struct rec_reward_set set;
	struct rec_trust t;
	MDB_val by;

	sortition_walk(&s->store, txn, 0, load_row, &s->view);
	view_loaded(&s->view);
	/* Sets that others told (a source that was trusted before, an
	 * archive) are asked for anew. */
	s->sets_told = meta_get(&s->store, txn, "sets_by", &by) == 0 &&
	    rec_is((struct rec_view){ by.mv_data, by.mv_size }, commit_names(s));
	for (uint64_t c = s->claims.low;
	     c < s->claims.low + CLAIMS_CYCLES && reward_set_get(&s->store, txn, c, &set) == 0; c++)
		if (s->sets_told)
			claims_load(&s->claims, &set);
		else
			claims_want(&s->claims, c + 1);
	if (meta_get_row(&s->store, txn, "trust", REC_TRUST, &t) == 0) {
		s->trust.confirmed = t.confirmed;
		s->checked_from = t.checked_from;
		s->trust_dirty = true;	/* nobody answers yet, whatever the last run says */
	}
	store_read_end(txn);
}

static void release(struct sync *s)
{
	http_client_free(s->http);
	resolver_stop(s->resolver);
	for (unsigned i = 0; i < s->n; i++)
		source_close(&s->sources[i]);
	event_free(s->tick);
	event_free(s->local);
	view_release(&s->view);
	claims_release(&s->claims);
	rec_buf_release(&s->sets);
	free(s->rows);
	free(s->out);
	free(s->burn_by);
	free(s->header);
	store_close(&s->store);
	stage_free(s->stage);
}

int main(int argc, char **argv)
{
	static const struct stage_ops ops = { .end = sync_end,
		.terminate = sync_terminate,
		.report = sync_report,
		.room = sync_room };
	struct sync *s = xcalloc(1, sizeof(*s));
	const char *quorum = NULL, *key_file = NULL, *dir;
	unsigned rights = SANDBOX_CONNECT | SANDBOX_WRITE;
	int rc;

	program_start("sortition-sync");
	take_options(s, argc, argv, &quorum, &key_file);
	dir = options_dir(&s->o);
	s->resolver = resolver_start();
	if (key_file)
		s->header = api_key_read(key_file);	/* which the resolver must not have */
	s->stage = stage_new("sortition-sync", &s->o, &ops, s);
	store_open(&s->store, dir, s->o.network,
	    TABLE(T_META) | TABLE(T_SORTITIONS) | TABLE(T_REWARD_SETS) | TABLE(T_FAULTS),
	    stage_has_input(s->stage) ? 10000 : 0);
	sortition_index(&s->store);
	stage_network(s->stage, &s->store.net);
	s->http = http_client_new(stage_base(s->stage), s->resolver, MAX_CONNECTIONS, true);
	if (s->header)
		http_client_header(s->http, s->header);
	resolver_attach(s->resolver, stage_base(s->stage));
	choose_sources(s, quorum);
	for (unsigned i = 0; i < s->n; i++) {
		source_open(s, &s->sources[i], s->sources[i].name);
		if (s->sources[i].db)
			rights |= SANDBOX_DATABASE;
	}
	load_store(s);
	sandbox_enter(rights);
	sync_start(s);
	rc = stage_run(s->stage);
	release(s);
	free(s);
	return rc;
}

/* Next: cmd/sortition-sync/api_key.c, what some sources ask for. */
