/* rude - an HTTP client that does everything a client should not, and ends in every way, at any
 * moment.
 *
 *   rude HOST:PORT SEED SECONDS PATH... [-u FILE...]
 *   rude HOST:PORT -n N PATH           N connections that ask and read nothing, with the smallest
 *                                      of buffers, until it is ended
 *
 * Some dozens of connections at a time, each with one or more requests for the PATHs and uploads of
 * the FILEs: absolute URIs, CONNECT, Upgrade, Expect, HEAD, HTTP/1.0, lengths and chunks, in one
 * write or byte by byte, several ahead.  At any moment one is closed, reset, half closed, or read
 * from.  Prints how many connections there were, and how many bytes came back. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/sys/log.h"
#include "common/sys/options.h"
#include "common/sys/stage.h"
#include "common/sys/start.h"
#include "tests/helper/lib/buf.h"
#include "tests/helper/lib/dice.h"

#define CLIENTS 48
#define MAX_FILES 64

struct client { int fd; struct buf say; bool slow; };

static struct {
	struct sockaddr_in to;
	struct dice dice;
	char **paths;
	unsigned n_paths, n_files;
	struct buf files[MAX_FILES];
	struct client at[CLIENTS];
	unsigned long long dialled, heard;
} rude;

static unsigned pick(unsigned n)
{
	return (unsigned)dice_range(&rude.dice, 0, n - 1);
}

static const char *one_of(const char *const *words, unsigned n)
{
	return words[pick(n)];
}

static void add_line(struct buf *b)
{
	static const char *const forms[] = { "", "", "http://x.invalid", "https://[::1]:1",
		"HTTP://127.0.0.1", "ftp://x", "http://" };
	static const char *const versions[] = { "1.1", "1.1", "1.1", "1.1", "1.0", "2.0", "0.9" };
	static const char *const methods[] = { "GET", "GET", "GET", "GET", "HEAD", "OPTIONS",
		"DELETE", "PRI" };

	if (pick(12) == 0)
		buf_text(b, "CONNECT x.invalid:443 HTTP/1.1\r\n");
	else
		buf_text(b, "%s %s%s HTTP/%s\r\n", one_of(methods, 8), one_of(forms, 7),
		    rude.paths[pick(rude.n_paths)], one_of(versions, 7));
}

static void add_fields(struct buf *b)
{
	static const char *const fields[] = { "Host: x", "Connection: close",
		"Connection: keep-alive", "Connection: upgrade, keep-alive",
	    "Proxy-Connection: keep-alive", "Upgrade: websocket", "Upgrade: h2c",
	    "Expect: 100-continue", "Expect: it", "Content-Length: 0",
	    "Transfer-Encoding: gzip", "Content-Length: 5", " folded", "no colon", "TE: trailers",
	    "X: \001" };

	for (unsigned n = pick(3); n > 0; n--)
		buf_text(b, "%s\r\n", fields[pick(pick(4) == 0 ? 16 : 7)]);
}

static void add_chunks(struct buf *b, const struct buf *file)
{
	size_t at = 0, cut = pick(3) == 0 ? 1 : 1 + pick(4000);

	while (at < file->n) {
		size_t n = file->n - at < cut ? file->n - at : cut;
		buf_text(b, pick(2) ? "%zx\r\n" : "%zX;ext=1\r\n", n);
		buf_put(b, file->p + at, n);
		buf_text(b, "\r\n");
		at += n;
		cut += at / 4;
	}
	buf_text(b, pick(2) ? "0\r\n\r\n" : "0\r\nTrailer: x\r\n\r\n");
}

static void add_upload(struct buf *b)
{
	static const char *const forms[] = { "", "http://x.invalid", "https://[::1]:1", "" };
	const struct buf *file = &rude.files[pick(rude.n_files)];
	bool chunked = pick(2);

	buf_text(b,
	    "POST %s/v3/blocks/upload HTTP/1.1\r\nContent-Type: application/octet-stream\r\n",
	    one_of(forms, 4));
	if (pick(4) == 0)
		add_fields(b);
	if (chunked)
		buf_text(b, "Transfer-Encoding: chunked\r\n\r\n");
	else
		buf_text(b, "Content-Length: %zu\r\n\r\n", file->n + (pick(8) == 0));
	if (chunked)
		add_chunks(b, file);
	else
		buf_put(b, file->p, file->n);
}

static void add_request(struct buf *b)
{
	if (rude.n_files > 0 && pick(3) == 0) {
		add_upload(b);
		return;
	}
	add_line(b);
	add_fields(b);
	buf_text(b, "\r\n");
}

static void hang_up(struct client *c)
{
	struct linger reset = { 1, 0 };

	if (pick(3) == 0)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(c->fd);
	c->fd = -1;
	c->say.n = 0;
}

static void dial(struct client *c)
{
	int small = 4096;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd >= 0 && pick(2))
		setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&rude.to, sizeof(rude.to)) != 0)
		die_world("cannot connect: %s", strerror(errno));
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	c->slow = pick(6) == 0;
	for (unsigned n = 1 + pick(4); n > 0; n--)
		add_request(&c->say);
	rude.dialled++;
}

static void say(struct client *c)
{
	size_t n = c->slow ? 1 : pick(4) == 0 ? 1 + pick((unsigned)c->say.n) : c->say.n;
	ssize_t sent = send(c->fd, c->say.p, n, MSG_NOSIGNAL);

	if (sent > 0)
		buf_drop(&c->say, (size_t)sent);
	else if (errno != EAGAIN)
		hang_up(c);
}

static void hear(struct client *c)
{
	static char junk[16384];
	ssize_t n = recv(c->fd, junk, 1 + pick(sizeof(junk)), 0);

	if (n > 0)
		rude.heard += (unsigned long long)n;
	else if (n == 0 || errno != EAGAIN)
		hang_up(c);
}

static void step(struct client *c)
{
	unsigned what = pick(100);

	if (c->fd < 0)
		dial(c);
	else if (what < 3)
		hang_up(c);
	else if (what < 5)
		shutdown(c->fd, SHUT_WR);
	else if (what < 60 && c->say.n > 0)
		say(c);
	else
		hear(c);
}

static void read_file(struct buf *b, const char *name)
{
	FILE *f = fopen(name, "rb");
	int c;

	if (!f)
		die_world("cannot read '%s': %s", name, strerror(errno));
	while ((c = getc(f)) != EOF)
		buf_u8(b, (unsigned)c);
	fclose(f);
}

static void take_words(int argc, char **argv)
{
	char *colon = argc > 4 ? strchr(argv[1], ':') : NULL;
	int i = 4;

	if (!colon)
		die_usage("usage: rude HOST:PORT SEED SECONDS PATH... [-u FILE...]");
	*colon = 0;
	rude.to = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)options_number("port", colon + 1, 1, 65535)) };
	inet_pton(AF_INET, argv[1], &rude.to.sin_addr);
	dice_seed(&rude.dice, "rude %s", argv[2]);
	rude.paths = argv + 4;
	for (; i < argc && strcmp(argv[i], "-u") != 0; i++)
		rude.n_paths++;
	for (i++; i < argc && rude.n_files < MAX_FILES; i++)
		read_file(&rude.files[rude.n_files++], argv[i]);
}

static void ask_only(unsigned n, const char *path)
{
	int small = 2048;

	while (n-- > 0) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) != 0 ||
		    connect(fd, (struct sockaddr *)&rude.to, sizeof(rude.to)) != 0)
			die_world("cannot connect: %s", strerror(errno));
		dprintf(fd, "GET %s HTTP/1.1\r\n\r\n", path);
	}
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	program_start("rude");
	take_words(argc, argv);
	if (strcmp(argv[2], "-n") == 0)
		ask_only((unsigned)options_number("-n", argv[3], 1, 1000), argv[4]);
	for (unsigned i = 0; i < CLIENTS; i++)
		rude.at[i].fd = -1;
	for (uint64_t end = now_ms() + options_number("seconds", argv[3], 1, 3600) * 1000;
	    now_ms() < end;)
		for (unsigned i = 0; i < 1000; i++)
			step(&rude.at[pick(CLIENTS)]);
	printf("%llu connections, %llu bytes\n", rude.dialled, rude.heard);
	return 0;
}
