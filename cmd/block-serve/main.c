/* block-serve - answers other peers: P2P inventories and HTTP blocks, from the store.  Store: read;
 * writes uploads, peers, damaged, meta (that it lives, and where) and, where it is incomplete, the
 * index of burn hashes.  Net: listens. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cmd/block-serve/serve.h"
#include "common/chain/hash.h"
#include "common/net/address.h"
#include "common/sys/loop.h"
#include "common/sys/options.h"
#include "common/sys/out.h"
#include "common/sys/sandbox.h"
#include "common/sys/stage.h"
#include "common/sys/start.h"

static void on_term(evutil_socket_t sig, short what, void *arg)
{
	struct serve *s = arg;

	s->code = sig == SIGHUP ? EXIT_WORLD : 0;
	event_base_loopexit(s->base, NULL);
}

static void on_report(evutil_socket_t sig, short what, void *arg)
{
	const struct serve *s = arg;

	log_warnx("canonical height %s, burn height %llu",
	    s->view.has_chain ? s->view.height_text : "none",
	    (unsigned long long)s->view.burn.burn_height);
	if (s->http)
		threads_report(s->others, s);
	p2p_report(s);
}

/* A tenth of a second: our preambles' burn view, verdicts.  Half a minute: we live.  A
 * minute: dead readers out. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct serve *s = arg;
	static const unsigned minute = 600;

	view_refresh(s);
	if (++s->ticks % minute == 0)
		store_tidy(&s->store);
	if (s->ticks % (SERVE_SAID_MS / 100) == 0)
		self_say(s, true);
}

static int watch_signal(struct serve *s, int sig, event_callback_fn fn)
{
	return signal_ignored(sig) ? 0 :
	    event_add(loop_event(s->base, sig, EV_SIGNAL | EV_PERSIST, fn, s), NULL);
}

static void start_loop(struct serve *s)
{
	static const struct timeval tenth = { 0, 100000 };
	struct event *tick;

	/* Answers come and go in any size, and each thread has its heap: memory is kept.  To give
	 * it back libc would read /proc, which is out of reach by then. */
	mallopt(M_TRIM_THRESHOLD, 128 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
	s->base = loop_new(0, 0);
	tick = loop_event(s->base, -1, EV_PERSIST, on_tick, s);
	if (event_add(tick, &tenth) != 0 ||
	    watch_signal(s, SIGTERM, on_term) != 0 || watch_signal(s, SIGINT, on_term) != 0 ||
	    watch_signal(s, SIGHUP, on_term) != 0 || watch_signal(s, SIGUSR1, on_report) != 0)
		die_world("cannot start the event loop");
}

static void say_ready(const struct serve *s, const char *p2p, const char *http)
{
	char key[2 * KEY_LEN + 1];

	if (p2p[0] != 0)
		printf("p2p %s %s\n", p2p, hex_of(key, s->self.key, KEY_LEN));
	if (http[0] != 0)
		printf("http %s\n", http);
	out_flush();
}

#define OWN_FILES 128	/* descriptors of the store, listeners, loops, and of connections that are
			 * about to end */
static const char usage[] = "block-serve -d DIR [-l HOST:PORT] [-w HOST:PORT] [-L] [-U DATA_URL] "
			    "[-c CONNECTIONS] [-j THREADS] [-n NETWORK]";

/* Options that are ours alone. */
struct asked { const char *p2p, *http, *url; unsigned per_host; bool free_loopback; };

static void take_options(struct serve *s, struct options *o, struct asked *a, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, OPTIONS_COMMON "c:j:Ll:U:w:")) != -1) {
		switch (c) {
		case 'c': a->per_host = (unsigned)options_number("-c", optarg, 1, 1000000); break;
		case 'j':
			s->threads = (unsigned)options_number("-j", optarg, 1, THREADS_MAX);
			break;
		case 'L': a->free_loopback = true; break;
		case 'l': a->p2p = optarg; break;
		case 'U': a->url = optarg; break;
		case 'w': a->http = optarg; break;
		default: options_take(o, c, optarg);
		}
	}
	if (optind != argc)
		options_usage(o, "unexpected argument '%s'", argv[optind]);
	if (!a->p2p && !a->http)
		options_usage(o, "give -l HOST:PORT, -w HOST:PORT or both");
}

/* As many places as the machine has descriptors for, beside our own. */
static void make_seats(struct serve *s, const struct asked *a)
{
	long files = sysconf(_SC_OPEN_MAX), room = HTTP_MAX + P2P_MAX;

	if (files >= 0 && files < 2 * OWN_FILES)
		die_unusable(
		    "at most %ld files may be open here (ulimit -n), at least %d are needed", files,
		    2 * OWN_FILES);
	if (files >= 0 && files - OWN_FILES < room) {
		room = files - OWN_FILES;
		log_warnx("%ld connections at once and no more: open files are limited (ulimit -n)",
		    room);
	}
	s->http_seats = seats_new((unsigned)(room * HTTP_MAX / (HTTP_MAX + P2P_MAX)), a->per_host,
	    a->free_loopback);
	s->p2p_seats = seats_new((unsigned)(room * P2P_MAX / (HTTP_MAX + P2P_MAX)), a->per_host,
	    a->free_loopback);
}

static unsigned default_threads(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > 4 ? 4 : (unsigned)n;
}

int main(int argc, char **argv)
{
	static struct serve s;
	struct options o = { .usage = usage };
	struct asked asked = { 0 };
	char p2p[64] = "", http[64] = "", url[80] = "";
	bool p2p_any = false, http_any = false;
	int p2p_fd = -1, http_fds[THREADS_MAX];

	program_start("block-serve");
	s.threads = default_threads();
	take_options(&s, &o, &asked, argc, argv);
	log_verbose(o.verbose);
	start_loop(&s);
	store_open(&s.store, options_dir(&o), o.network,
	    TABLE(T_UPLOADS) | TABLE(T_PEERS) | TABLE(T_DAMAGED) | TABLE(T_SORTITIONS) |
		TABLE(T_META),
	    0);
	s.store.shared = asked.http && s.threads > 1;
	sortition_index(&s.store);
	if (asked.http)
		listen_on("-w", asked.http, http_fds, s.threads, http, &http_any);
	if (asked.p2p)
		listen_on("-l", asked.p2p, &p2p_fd, 1, p2p, &p2p_any);
	if (asked.http && !http_any)
		snprintf(url, sizeof(url), "http://%s", http);
	if (p2p_fd >= 0 && !asked.url && url[0] == 0)
		log_warnx("no -U: peers will not know where to fetch blocks%s",
		    http_any ? " before public-ip has learnt our address" : "");
	self_set(&s, p2p_fd, p2p_any, asked.url ? asked.url : url, http_any ? http : NULL);
	make_seats(&s, &asked);
	uploads_new(&s);
	view_refresh(&s);	/* here and in self_set, so that libcrypto has read its files ... */
	tzset();		/* ... and libc the zone's: evhttp dates its answers */
	sandbox_enter(SANDBOX_ACCEPT | SANDBOX_THREADS | SANDBOX_WRITE);
	if (p2p_fd >= 0)
		p2p_start(&s, p2p_fd);
	if (asked.http) {
		s.others = threads_start(&s, http_fds + 1, s.threads - 1);
		http_server_start(&s, http_fds[0]);
	}
	self_say(&s, true);
	say_ready(&s, p2p, http);
	if (event_base_dispatch(s.base) != 0)
		die_world("the event loop failed");
	if (s.others)
		threads_stop(s.others);
	if (s.p2p)
		p2p_stop(s.p2p);
	uploads_flush(&s);
	self_say(&s, false);
	store_close(&s.store);
	return s.code;
}

/* Next: cmd/block-serve/self.c, who we say we are. */
