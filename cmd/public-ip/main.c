/* public-ip - asks peers which address they see us at, so that handshakes can carry it.
 * Reads: nothing (the burnchain view comes through the store), passes all on.  Writes: address,
 * fault.  Store: meta, faults.  Net: P2P out. */
#include <unistd.h>

#include "cmd/public-ip/public_ip.h"
#include "common/net/admit.h"
#include "common/sys/log.h"
#include "common/sys/sandbox.h"
#include "common/sys/start.h"

static int stable_known(void *arg, uint64_t height, const uint8_t *hash)
{
	struct public_ip *s = arg;

	return self_stable_known(&s->store, &s->self.view, height, hash);
}

static struct public_ip s = {
	.o.usage = "public-ip [-1qv] -d DIR [-n NETWORK] [-p PEER]... [-a ADDR]",
	.peers = TAILQ_HEAD_INITIALIZER(s.peers),
	.self = { .services = SERVICE_RELAY | SERVICE_RPC,
	    .stable_known = stable_known,
	    .arg = &s },
};

static void set_self(void)
{
	s.self.net = &s.store.net;
	faults_init(&s.faults, "public-ip");
	node_key_load(s.store.dir, s.self.secret, s.self.key);
	s.self.held = &s.held;
	conv_budget(&s.held);
}

static void name_peers(const char **named, unsigned n)
{
	voices_init(
	    &s.voices, admit_hash(s.self.secret, &(uint64_t){ now_ms() }, sizeof(uint64_t)));
	for (unsigned i = 0; i < n; i++)
		peers_name(&s, named[i], true);
	for (unsigned i = 0; i < s.store.net.n_bootstrap; i++)
		peers_name(&s, s.store.net.bootstrap[i], false);
}

int main(int argc, char **argv)
{
	const char *named[MAX_PINNED], *given = NULL;
	unsigned n_named = 0;
	uint8_t addr[16];
	uint16_t port = 0;
	int c, code;

	program_start("public-ip");
	while ((c = getopt(argc, argv, OPTIONS_COMMON "1a:p:")) != -1) {
		if (c == 'a')
			given = optarg;
		else if (c != 'p')
			options_take(&s.o, c, optarg);
		else if (n_named < MAX_PINNED)
			named[n_named++] = optarg;
		else
			options_usage(&s.o, "more than %d peers", MAX_PINNED);
	}
	if (optind != argc)
		options_usage(&s.o, "unexpected argument '%s'", argv[optind]);
	if (given && !self_address_parse(given, addr, &port))
		die_usage("-a '%s' is no IP address that we can have", given);

	s.resolver = resolver_start();
	s.stage = stage_new("public-ip", &s.o, &public_ip_ops, &s);
	store_open(&s.store, options_dir(&s.o), s.o.network, TABLE(T_META) | TABLE(T_FAULTS),
	    stage_has_input(s.stage) ? 10000 : 0);
	stage_network(s.stage, &s.store.net);
	set_self();
	name_peers(named, n_named);
	if ((s.given = given))
		save_address(&s, addr, port, SOURCE_OPERATOR, true, 0);
	else
		save_load(&s);
	sandbox_enter(SANDBOX_CONNECT | SANDBOX_WRITE);

	resolver_attach(s.resolver, stage_base(s.stage));
	loop_start(&s);
	code = stage_run(s.stage);
	faults_clear(&s.faults);
	peers_release(&s);
	resolver_stop(s.resolver);
	store_close(&s.store);
	return code;
}

/* Next: cmd/public-ip/loop.c, the turn of the loop. */
