/* inv-sync - holds conversations with peers and emits who they are and which tenures each has.
 * Reads: nothing (sortitions come through the store), passes all on.  Writes: peer, inventory,
 * fault. Store: peers, inventories, faults, uploads, meta.  Net: P2P out. */
#include <stdlib.h>
#include <unistd.h>

#include "cmd/inv-sync/inv_sync.h"
#include "common/net/admit.h"
#include "common/sys/log.h"
#include "common/sys/sandbox.h"
#include "common/sys/start.h"

static struct inv_sync s = {
	.o.usage = "inv-sync [-1qv] -d DIR [-n NETWORK] [-p PEER]...",
	.peers = TAILQ_HEAD_INITIALIZER(s.peers),
	.self = { .services = SERVICE_RELAY | SERVICE_RPC,
	    .stable_known = view_stable_known,
	    .neighbors = peers_tell,
	    .arg = &s },
};

int main(int argc, char **argv)
{
	const char *named[MAX_PINNED];
	unsigned n_named = 0;
	int c, code;

	program_start("inv-sync");
	while ((c = getopt(argc, argv, OPTIONS_COMMON "1p:")) != -1) {
		if (c != 'p')
			options_take(&s.o, c, optarg);
		else if (n_named < MAX_PINNED)
			named[n_named++] = optarg;
		else
			options_usage(&s.o, "more than %d peers", MAX_PINNED);
	}
	if (optind != argc)
		options_usage(&s.o, "unexpected argument '%s'", argv[optind]);

	s.resolver = resolver_start();
	s.stage = stage_new("inv-sync", &s.o, &inv_sync_ops, &s);
	store_open(&s.store, options_dir(&s.o), s.o.network,
	    TABLE(T_META) | TABLE(T_PEERS) | TABLE(T_INVENTORIES) | TABLE(T_FAULTS) |
		TABLE(T_UPLOADS),
	    stage_has_input(s.stage) ? 10000 : 0);
	stage_network(s.stage, &s.store.net);
	node_key_load(s.store.dir, s.self.secret, s.self.key);
	s.self.net = &s.store.net;
	s.self.held = &s.held;
	conv_budget(&s.held);
	machine_init(&s.machine, &s.store.net, s.o.once, inv_questions, n_inv_questions);
	save_init(&s);
	seats_init(&s.seats, admit_hash(s.self.secret, &(uint64_t){ now_ms() }, sizeof(uint64_t)));
	for (unsigned i = 0; i < n_named; i++)
		peers_name(&s, named[i], true);
	for (unsigned i = 0; i < s.store.net.n_bootstrap; i++)
		peers_name(&s, s.store.net.bootstrap[i], false);
	peers_load(&s);
	sandbox_enter(SANDBOX_CONNECT | SANDBOX_WRITE);

	resolver_attach(s.resolver, stage_base(s.stage));
	loop_start(&s);
	code = stage_run(s.stage);
	save_release(&s);
	resolver_stop(s.resolver);
	store_close(&s.store);
	return code;
}

/* Next: cmd/inv-sync/loop.c, the turn of the loop. */
