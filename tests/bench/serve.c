/* serve DIR - how fast block-serve gives a store's tenures to many clients, as ratios of one run.
 *
 * Tenures of about 14 kB go to 64 keep-alive connections, by block-serve and by a plain loop of
 * write() of the same answers (one process without store and HTTP), in two ways: to clients that
 * only read, as fast as it can; and to the very same clients, which ask for each answer, after one
 * read() of whatever they said.  Median of five, interleaved.  Then 500 connections at once: the
 * 99th percentile of a request's time. Programs are found in $BIN (default build/bin). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/store/store.h"
#include "common/sys/log.h"

#define CLIENTS 64
#define MANY 500
#define TENURES 128
#define AIM 14000
#define RUNS 5
#define SECONDS 1.5

struct tenure { uint8_t id[ID_LEN]; uint64_t bytes; char ask[200]; size_t ask_len; };
static struct tenure tenures[TENURES];
static unsigned n_tenures;

struct client { int fd; char head[1024]; size_t head_len, left; unsigned next; double sent; };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t distance(uint64_t bytes) { return bytes > AIM ? bytes - AIM : AIM - bytes; }

/* Keep the tenures whose size is nearest to the aim. */
static bool choose(void *arg, const struct rec_tenure *t)
{
	unsigned worst = 0;

	if (!t->proven || !t->complete || !t->canonical || t->bytes < AIM / 2 || t->bytes > 2 * AIM)
		return true;
	if (n_tenures < TENURES) {
		worst = n_tenures++;
	} else {
		for (unsigned i = 1; i < TENURES; i++)
			if (distance(tenures[i].bytes) > distance(tenures[worst].bytes))
				worst = i;
		if (distance(tenures[worst].bytes) <= distance(t->bytes))
			return true;
	}
	memcpy(tenures[worst].id, t->end_id, ID_LEN);
	tenures[worst].bytes = t->bytes;
	return true;
}

static void load(const char *dir)
{
	static struct store s;

	store_open(&s, dir, NULL, 0, 0);
	MDB_txn *txn = store_read(&s);
	tenure_walk(&s, txn, choose, NULL);
	store_read_end(txn);
	store_close(&s);
	for (unsigned i = 0; i < n_tenures; i++) {
		char hex[2 * ID_LEN + 1];
		tenures[i].ask_len = (size_t)snprintf(tenures[i].ask, sizeof(tenures[i].ask),
		    "GET /v3/tenures/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
		    hex_of(hex, tenures[i].id, ID_LEN));
	}
	if (n_tenures == 0)
		die_world("the store has no whole tenure of about 14 kB");
}

static pid_t start_server(const char *dir, uint16_t *port)
{
	int out[2];
	char line[200];
	const char *bin = getenv("BIN");
	char path[4096];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/block-serve", bin ? bin : "build/bin");
	if (pipe(out) != 0 || (pid = fork()) < 0)
		die_world("cannot start block-serve");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(out[1], 1);
		close(out[0]);
		execl(path, "block-serve", "-d", dir, "-w", "127.0.0.1:0", (char *)NULL);
		_exit(111);
	}
	close(out[1]);
	FILE *f = fdopen(out[0], "r");
	if (!f || fgets(line, sizeof(line), f) == NULL || strncmp(line, "http ", 5) != 0)
		die_world("block-serve is not ready");
	*port = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);
	fclose(f);
	return pid;
}

static int dial(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		die_world("cannot connect: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void ask(struct client *c, double at)
{
	const struct tenure *t = &tenures[c->next++ % n_tenures];

	c->sent = at;
	if (write(c->fd, t->ask, t->ask_len) != (ssize_t)t->ask_len)
		die_world("cannot ask");
}

/* Bytes of an answer's head at p, whose end may be still to come: then all of them are kept. */
static size_t take_head(struct client *c, const char *p, size_t n)
{
	size_t old = c->head_len,
	       part = n < sizeof(c->head) - 1 - old ? n : sizeof(c->head) - 1 - old;
	const char *end, *length;

	memcpy(c->head + old, p, part);
	c->head_len += part;
	c->head[c->head_len] = 0;
	if ((end = memmem(c->head, c->head_len, "\r\n\r\n", 4)) == NULL) {
		if (c->head_len == sizeof(c->head) - 1)
			die_world("an endless head");
		return n;
	}
	length = strstr(c->head, "Content-Length: ");
	if (strncmp(c->head, "HTTP/1.1 200", 12) != 0 || !length)
		die_world("unexpected answer: %.60s", c->head);
	c->left = strtoul(length + 16, NULL, 10);
	c->head_len = 0;
	return (size_t)(end + 4 - c->head) - old;
}

/* Body bytes of what was read; *whole counts answers that ended. */
static size_t take(struct client *c, const char *p, size_t n, unsigned *whole)
{
	size_t body = 0, part;

	for (; n > 0; p += part, n -= part) {
		if (c->left == 0) {
			part = take_head(c, p, n);
			continue;
		}
		part = n < c->left ? n : c->left;
		body += part;
		c->left -= part;
		*whole += c->left == 0;
	}
	return body;
}

/* Read for a while; with `asking` each whole answer is followed by the next request.  Bytes a
 * second. */
static double read_all(struct client *cs, unsigned n, bool asking, double seconds, double *times,
    size_t *n_times, size_t max)
{
	static char buf[256 << 10];
	int ep = epoll_create1(0);
	double start = now(), end = start + seconds;
	size_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.u32 = i };
		epoll_ctl(ep, EPOLL_CTL_ADD, cs[i].fd, &ev);
		if (asking)
			ask(&cs[i], start);
	}
	for (double at = start; at < end; at = now()) {
		struct epoll_event evs[64];
		int got = epoll_wait(ep, evs, 64, 100);
		for (int i = 0; i < got; i++) {
			struct client *c = &cs[evs[i].data.u32];
			unsigned whole = 0;
			ssize_t r = read(c->fd, buf, sizeof(buf));
			if (r <= 0)
				die_world("connection lost");
			bytes += take(c, buf, (size_t)r, &whole);
			if (whole > 0 && times && *n_times < max)
				times[(*n_times)++] = now() - c->sent;
			if (whole > 0 && asking)
				ask(c, now());
		}
	}
	close(ep);
	return (double)bytes / (now() - start);
}

/* CPU seconds of a process that still runs. */
static double cpu_of(pid_t pid)
{
	char path[64], line[1024];
	unsigned long user = 0, sys = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f) != NULL && strrchr(line, ')') != NULL)
		sscanf(strrchr(line, ')') + 1,
		    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys);
	if (f)
		fclose(f);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/* Rates, and CPU seconds of the serving side a GB. */
struct result { double rate, cpu; };

static struct result run_served(pid_t pid, uint16_t port)
{
	static struct client cs[CLIENTS];

	memset(cs, 0, sizeof(cs));
	for (unsigned i = 0; i < CLIENTS; i++)
		cs[i] = (struct client){ .fd = dial(port), .next = i * 7 };
	double before = cpu_of(pid), rate = read_all(cs, CLIENTS, true, SECONDS, NULL, NULL, 0),
	       cpu = cpu_of(pid) - before;
	for (unsigned i = 0; i < CLIENTS; i++)
		close(cs[i].fd);
	return (struct result){ rate, cpu / (rate * SECONDS / 1e9) };
}

/* What the plain loops write. */
static char *answers[TENURES];
static size_t lens[TENURES];

static void make_answers(void)
{
	for (unsigned i = 0; i < n_tenures; i++) {
		answers[i] = xcalloc(1, tenures[i].bytes + 200);
		lens[i] = (size_t)sprintf(answers[i],
			      "HTTP/1.1 200 OK\r\nContent-Type: "
			      "application/octet-stream\r\nContent-Length: %llu\r\n"
			      "x-canonical-stacks-tip-height: 100000\r\nDate: Tue, 01 Jan 2030 "
			      "00:00:00 GMT\r\n\r\n",
			      (unsigned long long)tenures[i].bytes) +
		    tenures[i].bytes;
	}
}

/* The same answers in the same order, for as long as anybody reads: without a pause, or one for
 * each read(). */
static void write_loop(const int *fds, bool asked)
{
	unsigned next[CLIENTS];
	size_t at[CLIENTS] = { 0 };
	struct pollfd p[CLIENTS];
	char junk[1024];

	for (unsigned i = 0; i < CLIENTS; i++) {
		next[i] = i * 7;
		p[i] = (struct pollfd){ .fd = fds[i], .events = asked ? POLLIN : POLLOUT };
	}
	while (poll(p, CLIENTS, -1) > 0) {
		for (unsigned i = 0; i < CLIENTS; i++) {
			unsigned t = next[i] % n_tenures;
			if (p[i].revents == 0)
				continue;
			if (p[i].events == POLLIN && read(fds[i], junk, sizeof(junk)) <= 0)
				_exit(0);
			ssize_t w = write(fds[i], answers[t] + at[i], lens[t] - at[i]);
			if (w < 0 && errno != EAGAIN)
				_exit(0);
			at[i] += w > 0 ? (size_t)w : 0;
			p[i].events = POLLOUT;
			if (at[i] == lens[t]) {
				at[i] = 0;
				next[i]++;
				p[i].events = asked ? POLLIN : POLLOUT;
			}
		}
	}
	_exit(0);
}

static struct result run_plain(bool asked)
{
	static struct client cs[CLIENTS];
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sin);
	int l = socket(AF_INET, SOCK_STREAM, 0), fds[CLIENTS], one = 1;

	if (bind(l, (struct sockaddr *)&sin, len) != 0 || listen(l, CLIENTS) != 0 ||
	    getsockname(l, (struct sockaddr *)&sin, &len) != 0)
		die_world("cannot listen");
	memset(cs, 0, sizeof(cs));
	for (unsigned i = 0; i < CLIENTS; i++) {
		cs[i] = (struct client){ .fd = dial(ntohs(sin.sin_port)), .next = i * 7 };
		fds[i] = accept(l, NULL, NULL);
		setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		fcntl(fds[i], F_SETFL, O_NONBLOCK);
	}
	close(l);
	pid_t pid = fork();
	if (pid == 0) {
		for (unsigned i = 0; i < CLIENTS; i++)
			close(cs[i].fd);
		write_loop(fds, asked);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		close(fds[i]);
	double rate = read_all(cs, CLIENTS, asked, SECONDS, NULL, NULL, 0), cpu = cpu_of(pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (unsigned i = 0; i < CLIENTS; i++)
		close(cs[i].fd);
	return (struct result){ rate, cpu / (rate * SECONDS / 1e9) };
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void many(uint16_t port)
{
	static struct client cs[MANY];
	static double times[1 << 20];
	size_t n = 0;

	for (unsigned i = 0; i < MANY; i++)
		cs[i] = (struct client){ .fd = dial(port), .next = i * 3 };
	double rate = read_all(cs, MANY, true, 3, times, &n, sizeof(times) / sizeof(times[0]));
	qsort(times, n, sizeof(times[0]), by_value);
	printf(
	    "block-serve, %d connections: p50 %.1f ms, p99 %.1f ms, %.0f requests/s, %.0f MB/s\n",
	    MANY, times[n / 2] * 1e3, times[n * 99 / 100] * 1e3, (double)n / 3, rate / 1e6);
	for (unsigned i = 0; i < MANY; i++)
		close(cs[i].fd);
}

static double median(double *v)
{
	qsort(v, RUNS, sizeof(v[0]), by_value);
	return v[RUNS / 2];
}

/* block-serve beside one of the plain loops. */
static void compare(pid_t pid, uint16_t port, bool asked)
{
	double served[RUNS], plain[RUNS], ratio[RUNS], served_cpu[RUNS], plain_cpu[RUNS];

	for (unsigned i = 0; i < RUNS; i++) {
		struct result a = run_served(pid, port), b = run_plain(asked);
		served[i] = a.rate / 1e6;
		plain[i] = b.rate / 1e6;
		ratio[i] = a.rate / b.rate;
		served_cpu[i] = a.cpu;
		plain_cpu[i] = b.cpu;
	}
	printf("block-serve / plain loop of write() to %s: %.2f (%.0f against %.0f MB/s; CPU %.2f "
	       "against %.2f s a GB)\n",
	    asked ? "the same clients, which ask" : "clients that only read (at least 0.5)",
	    median(ratio), median(served), median(plain), median(served_cpu), median(plain_cpu));
}

int main(int argc, char **argv)
{
	struct rlimit files = { 4096, 4096 };
	uint64_t bytes = 0;
	uint16_t port;

	log_init("bench-serve");
	if (argc != 2)
		die_usage("usage: serve DIR");
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	load(argv[1]);
	make_answers();
	for (unsigned i = 0; i < n_tenures; i++)
		bytes += tenures[i].bytes;
	pid_t pid = start_server(argv[1], &port);
	printf("block-serve, tenures of %.1f kB to %d clients\n", (double)bytes / n_tenures / 1e3,
	    CLIENTS);
	compare(pid, port, false);
	compare(pid, port, true);
	many(port);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return 0;
}
