/* dial - talk to a peer from a shell, with the view and the network of a store.
 *
 *   dial DIR KEY@HOST:PORT COMMAND...
 *
 * Commands: ping · neighbors · inv CH · blocks CH N · pox CH N · push FILE (one block, raw).  One
 * line an answer: bits, a Nack's code, or what it is; `none` if there is none.  Exit 0 if each was
 * answered, 1 if the peer hung up. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "common/net/conv.h"
#include "common/store/store.h"
#include "common/sys/log.h"
#include "common/sys/options.h"
#include "tests/helper/lib/self.h"

struct dial {
	struct event_base *base;
	struct conv_self self;
	struct conv *conv;
	char **next;
	int code;
};

static void step(struct dial *);

static void print_bits(const struct message *m)
{
	for (uint32_t i = 0; i < m->u.inv.count; i++)
		putchar(m->u.inv.bits[i / 8] >> (i % 8) & 1 ? '1' : '0');
	putchar('\n');
}

static void answered(struct conv *c, void *arg, const struct message *m)
{
	if (!m)
		puts("none");
	else if (m->id == MSG_NACK)
		printf("nack %u\n", m->u.nack);
	else if (m->id == MSG_NAKAMOTO_INV || m->id == MSG_BLOCKS_INV || m->id == MSG_POX_INV)
		print_bits(m);
	else if (m->id == MSG_NEIGHBORS)
		printf("Neighbors %u\n", m->u.neighbors.n);
	else
		puts(message_name(m->id));
	step(arg);
}

static const char *word(struct dial *d)
{
	if (!*d->next)
		die_usage("an argument is missing");
	return *d->next++;
}

static void push(struct dial *d, const char *file)
{
	static uint8_t body[MAX_BLOCK];
	struct message m = { .id = MSG_NAKAMOTO_BLOCKS };
	FILE *f = fopen(file, "rb");

	if (!f)
		die_world("cannot read '%s': %s", file, strerror(errno));
	m.u.blocks.n = 1;
	m.u.blocks.p = body;
	m.u.blocks.len = fread(body, 1, sizeof(body), f);
	fclose(f);
	conv_send(d->conv, &m, true);
}

/* The next command; a push is followed by the next one at once. */
static void step(struct dial *d)
{
	struct message m = { 0 };
	const char *what;

	while (*d->next && strcmp(*d->next, "push") == 0) {
		d->next++;
		push(d, word(d));
	}
	if (!*d->next) {
		event_base_loopexit(d->base, NULL);
		return;
	}
	what = word(d);
	m.id = strcmp(what, "ping") == 0   ? MSG_PING :
	    strcmp(what, "neighbors") == 0 ? MSG_GET_NEIGHBORS :
	    strcmp(what, "inv") == 0	   ? MSG_GET_NAKAMOTO_INV :
	    strcmp(what, "blocks") == 0	   ? MSG_GET_BLOCKS_INV :
					     MSG_GET_POX_INV;
	if (m.id >= MSG_GET_BLOCKS_INV && m.id != MSG_PING) {
		const char *ch = word(d);
		if (hex_to(m.u.get_inv.ch, CH_LEN, ch, strlen(ch)) != 0)
			die_usage("'%s' is no consensus hash", ch);
	}
	if (m.id == MSG_GET_BLOCKS_INV || m.id == MSG_GET_POX_INV)
		m.u.get_inv.count = (uint16_t)options_number("N", word(d), 0, 65535);
	if (conv_request(d->conv, &m, 5000, answered, d) != 0)
		die_world("cannot ask");
}

static void up(struct conv *c, void *arg)
{
	struct dial *d = arg;

	if (!d->conv) {
		d->conv = c;
		step(d);
	}
}

static void message(struct conv *c, void *arg, const struct message *m) { }

static void down(struct conv *c, void *arg, enum conv_end end, const char *text)
{
	struct dial *d = arg;

	log_warnx("peer gone: %s", text);
	d->code = 1;
	event_base_loopexit(d->base, NULL);
}

static const struct conv_ops ops = { .up = up, .message = message, .down = down };

int main(int argc, char **argv)
{
	static struct store s;
	struct dial d = { .next = argv + 3 };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct peer_addr at;
	char err[120];

	log_init("dial");
	if (argc < 3)
		die_usage("usage: dial DIR KEY@HOST:PORT COMMAND...");
	if (peer_addr_parse(&at, argv[2], err) != 0 ||
	    inet_pton(AF_INET, at.host, &sin.sin_addr) != 1)
		die_usage("'%s': %s", argv[2], err);
	sin.sin_port = htons(at.port);
	self_load(&d.self, &s, argv[1]);
	d.base = event_base_new();
	if (conv_dial(d.base, &d.self, (struct sockaddr *)&sin, sizeof(sin),
		at.has_key ? at.key : NULL, &ops, &d) == NULL)
		die_world("cannot dial");
	event_base_dispatch(d.base);
	fflush(stdout);
	return d.code;
}
