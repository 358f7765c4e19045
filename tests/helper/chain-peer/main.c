/* chain-peer - serve a chain directory on 127.0.0.1 as one or several peers, each honest or with
 * faults.
 *
 *   chain-peer DIR [-p SPEC]... [-m FILE] [-l FILE] [-t BURN_HEIGHT] [-s SEED] [-r DIR]
 *
 * One line a peer on stdout once all listen: KEY@HOST:PORT URL SPEC.  --manifest FILE: the same as
 * JSON.  --log FILE: one JSON object an event.  SIGUSR1 shows one burn block more of a chain cut by
 * --tip.  SIGUSR2 shows the whole chain of --reorg instead, which should have the burn blocks of
 * the first up to some height (chain-maker --fork-at).  --faults lists what a SPEC may name. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/sys/options.h"
#include "tests/helper/chain-peer/peer.h"

static const struct option names[] = { { "peer", 1, 0, 'p' }, { "manifest", 1, 0, 'm' },
	{ "log", 1, 0, 'l' }, { "tip", 1, 0, 't' }, { "seed", 1, 0, 's' }, { "faults", 0, 0, 'f' },
	{ "reorg", 1, 0, 'r' }, { 0 } };

static void p2p_connected(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from,
    int len, void *arg)
{
	p2p_accept(arg, fd, from);
}
static void http_connected(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from,
    int len, void *arg)
{
	http_accept(arg, fd);
}

/* The second byte of the address 127.N.0.1 at which it listens for P2P. */
static unsigned group_of(const struct peer *p)
{
	return has(p, F_GROUP) ? (unsigned)amount(p, F_GROUP) : 0;
}

static struct evconnlistener *listen_on(
    struct world *w, evconnlistener_cb cb, void *arg, unsigned group, uint16_t *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK | (group & 0xff) << 16) };
	socklen_t len = sizeof(addr);
	struct evconnlistener *l =
	    evconnlistener_new_bind(w->base, cb, arg, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
		1024, (struct sockaddr *)&addr, sizeof(addr));

	if (!l || getsockname(evconnlistener_get_fd(l), (struct sockaddr *)&addr, &len) != 0)
		die_world("cannot listen: %s", strerror(errno));
	*port = ntohs(addr.sin_port);
	return l;
}

static void peer_start(struct peer *p, struct world *w, unsigned index, uint64_t seed)
{
	p->world = w;
	p->index = index;
	keypair_derive(&p->key, "%llu/peer/%u", (unsigned long long)seed, index);
	keypair_derive(&p->other, "%llu/not the key of peer/%u", (unsigned long long)seed, index);
	dice_seed(&p->dice, "%llu/dice/%u", (unsigned long long)seed, index);
	p->p2p = listen_on(w, p2p_connected, p, group_of(p), &p->p2p_port);
	p->http = listen_on(w, http_connected, p, 0, &p->http_port);
}

static void write_manifest(const struct world *w, const char *path)
{
	char temporary[4096], key[2 * KEY_LEN + 1];
	FILE *f;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	f = fopen(temporary, "w");
	if (!f)
		die_world("cannot write '%s': %s", temporary, strerror(errno));
	fprintf(f, "{\"pid\": %d, \"network\": \"%s/network\", \"tip\": %llu, \"peers\": [",
	    (int)getpid(), w->dir, (unsigned long long)w->tip);
	for (unsigned i = 0; i < w->n_peers; i++)
		fprintf(f,
		    "%s\n {\"public_key\": \"%s\", \"p2p\": \"127.%u.0.1:%u\", \"url\": "
		    "\"http://127.0.0.1:%u\", \"spec\": \"%s\"}",
		    i ? "," : "", hex_of(key, w->peers[i].key.public, KEY_LEN),
		    group_of(&w->peers[i]), w->peers[i].p2p_port, w->peers[i].http_port,
		    w->peers[i].spec.text);
	fputs("\n]}\n", f);
	if (fclose(f) != 0 || rename(temporary, path) != 0)
		die_world("cannot write '%s': %s", path, strerror(errno));
}

static void print_peers(const struct world *w)
{
	char key[2 * KEY_LEN + 1];

	for (unsigned i = 0; i < w->n_peers; i++)
		printf("%s@127.%u.0.1:%u http://127.0.0.1:%u %s\n",
		    hex_of(key, w->peers[i].key.public, KEY_LEN), group_of(&w->peers[i]),
		    w->peers[i].p2p_port, w->peers[i].http_port, w->peers[i].spec.text);
	fflush(stdout);
}

static void stop(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(((struct world *)arg)->base);
}
static void advance(evutil_socket_t fd, short what, void *arg)
{
	world_set_tip(arg, ((struct world *)arg)->tip + 1);
}

static void reorganise(evutil_socket_t fd, short what, void *arg)
{
	struct world *w = arg;

	if (w->other)
		world_show(w, w->other);
}

static void run(struct world *w)
{
	struct event *term = evsignal_new(w->base, SIGTERM, stop, w),
		     *intr = evsignal_new(w->base, SIGINT, stop, w);
	struct event *next = evsignal_new(w->base, SIGUSR1, advance, w),
		     *reorg = evsignal_new(w->base, SIGUSR2, reorganise, w);

	evsignal_add(term, NULL);
	evsignal_add(intr, NULL);
	evsignal_add(next, NULL);
	evsignal_add(reorg, NULL);
	event_base_dispatch(w->base);
}

static void add_peer(struct world *w, const char *text)
{
	char err[200];

	w->peers = xrealloc(w->peers, (w->n_peers + 1) * sizeof(*w->peers));
	memset(&w->peers[w->n_peers], 0, sizeof(*w->peers));
	if (spec_parse(&w->peers[w->n_peers++].spec, text, err) != 0)
		die_usage("%s: --faults lists them", err);
}

int main(int argc, char **argv)
{
	static struct world w;
	const char *manifest = NULL, *log = NULL;
	uint64_t tip = UINT64_MAX, seed = 0;
	int letter;

	log_init("chain-peer");
	while ((letter = getopt_long(argc, argv, "p:m:l:t:s:r:", names, NULL)) != -1) {
		switch (letter) {
		case 'p': add_peer(&w, optarg); break;
		case 'm': manifest = optarg; break;
		case 'l': log = optarg; break;
		case 't': tip = options_number("-t", optarg, 0, UINT32_MAX); break;
		case 's': seed = options_number("-s", optarg, 0, UINT32_MAX); break;
		case 'r': w.other = optarg; break;
		case 'f': fault_list(stdout); return 0;
		default:
			die_usage("usage: chain-peer DIR [-p SPEC]... [-m MANIFEST] [-l LOG] [-t "
				  "BURN_HEIGHT] [-s SEED] [-r DIR]");
		}
	}
	if (optind + 1 != argc)
		die_usage("usage: chain-peer DIR [-p SPEC]... [-m MANIFEST] [-l LOG] [-t "
			  "BURN_HEIGHT] [-s SEED] [-r DIR]");
	if (w.n_peers == 0)
		add_peer(&w, "honest");
	signal(SIGPIPE, SIG_IGN);
	world_open(&w, argv[optind]);
	world_set_tip(&w, tip);
	w.base = event_base_new();
	if (log && (w.log = fopen(log, "w")) == NULL)
		die_world("cannot write '%s': %s", log, strerror(errno));
	if (w.log)
		setlinebuf(w.log);
	for (unsigned i = 0; i < w.n_peers; i++)
		peer_start(&w.peers[i], &w, i, seed);
	if (manifest)
		write_manifest(&w, manifest);
	print_peers(&w);
	run(&w);
	return 0;
}

/* Next: tests/helper/chain-peer/world.c, what each peer has of the chain. */
