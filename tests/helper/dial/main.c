/* dial - talk to a peer from a shell, with the view and the network of a store.
 *
 *   dial DIR KEY@HOST:PORT COMMAND...
 *
 * Commands that are answered: ping · neighbors · inv CH · blocks CH N · streams CH N · pox CH N,
 * where blocks and streams print the two vectors of one kind of answer.  One line an answer: bits,
 * a Nack's code, or what it is; `none` if there is none.
 *
 * Commands that are not:
 *   push FILE            one Nakamoto block, raw
 *   pushblock CH FILE    one epoch 2.x block
 *   pushstream ID FILE   the block that they are on; microblocks behind their count
 *   have CH HASH         a sortition and its burn header hash: its block is announced,
 *   havestream CH HASH   or the stream that it confirms
 *
 * Exit 0 if each was answered, 1 if the peer hung up. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "common/net/conv.h"
#include "common/store/store.h"
#include "common/sys/log.h"
#include "common/sys/options.h"
#include "tests/helper/lib/buf.h"
#include "tests/helper/lib/self.h"

struct dial {
	struct event_base *base;
	struct conv_self self;
	struct conv *conv;
	char **next;
	bool streams; /* of the answer that comes, the second vector is meant */
	int code;
};

static void step(struct dial *);

static void print_bits(const struct message *m, const uint8_t *bits)
{
	for (uint32_t i = 0; i < m->u.inv.count; i++)
		putchar(bits[i / 8] >> (i % 8) & 1 ? '1' : '0');
	putchar('\n');
}

static void answered(struct conv *c, void *arg, const struct message *m)
{
	struct dial *d = arg;

	if (!m)
		puts("none");
	else if (m->id == MSG_NACK)
		printf("nack %u\n", m->u.nack);
	else if (m->id == MSG_BLOCKS_INV && d->streams)
		print_bits(m, m->u.inv.bits2);
	else if (m->id == MSG_NAKAMOTO_INV || m->id == MSG_BLOCKS_INV || m->id == MSG_POX_INV)
		print_bits(m, m->u.inv.bits);
	else if (m->id == MSG_NEIGHBORS)
		printf("Neighbors %u\n", m->u.neighbors.n);
	else
		puts(message_name(m->id));
	step(d);
}

static const char *word(struct dial *d)
{
	if (!*d->next)
		die_usage("an argument is missing");
	return *d->next++;
}

static void put_hex(struct dial *d, struct buf *b, size_t n)
{
	const char *text = word(d);

	if (hex_to(buf_room(b, n), n, text, strlen(text)) != 0)
		die_usage("'%s' is not %zu bytes of hex", text, n);
}

static void put_file(struct dial *d, struct buf *b)
{
	static uint8_t body[MAX_BLOCK];
	const char *file = word(d);
	FILE *f = fopen(file, "rb");

	if (!f)
		die_world("cannot read '%s': %s", file, strerror(errno));
	buf_put(b, body, fread(body, 1, sizeof(body), f));
	fclose(f);
}

/* Whether a command is one that nobody answers, and its payload if so; of a push of Nakamoto blocks
 * the codec writes the count. */
static bool unasked(struct dial *d, const char *what, struct message *m, struct buf *b)
{
	if (strcmp(what, "push") == 0) {
		m->id = MSG_NAKAMOTO_BLOCKS;
		m->u.blocks.n = 1;
		put_file(d, b);
	} else if (strcmp(what, "pushblock") == 0) {
		m->id = MSG_BLOCKS;
		buf_u32(b, 1);
		put_hex(d, b, CH_LEN);
		put_file(d, b);
	} else if (strcmp(what, "pushstream") == 0) {
		m->id = MSG_MICROBLOCKS;
		put_hex(d, b, ID_LEN);
		put_file(d, b);
	} else if (strcmp(what, "have") == 0 || strcmp(what, "havestream") == 0) {
		m->id = what[4] ? MSG_MICROBLOCKS_AVAILABLE : MSG_BLOCKS_AVAILABLE;
		buf_u32(b, 1);
		put_hex(d, b, CH_LEN);
		put_hex(d, b, 32);
	} else {
		return false;
	}
	m->u.blocks.p = b->p;
	m->u.blocks.len = b->n;
	return true;
}

static const struct {
	const char *name;
	enum message_id id;
	bool named, counted;
} questions[] = {
	{ "ping", MSG_PING, false, false },
	{ "neighbors", MSG_GET_NEIGHBORS, false, false },
	{ "inv", MSG_GET_NAKAMOTO_INV, true, false },
	{ "blocks", MSG_GET_BLOCKS_INV, true, true },
	{ "streams", MSG_GET_BLOCKS_INV, true, true },
	{ "pox", MSG_GET_POX_INV, true, true },
};

static void ask(struct dial *d, const char *what)
{
	struct message m = { 0 };
	unsigned i = 0;

	while (strcmp(questions[i].name, what) != 0)
		if (++i == sizeof(questions) / sizeof(questions[0]))
			die_usage("no command '%s'", what);
	m.id = questions[i].id;
	if (questions[i].named) {
		const char *ch = word(d);
		if (hex_to(m.u.get_inv.ch, CH_LEN, ch, strlen(ch)) != 0)
			die_usage("'%s' is no consensus hash", ch);
	}
	if (questions[i].counted)
		m.u.get_inv.count = (uint16_t)options_number("N", word(d), 0, 65535);
	d->streams = strcmp(what, "streams") == 0;
	if (conv_request(d->conv, &m, 5000, answered, d) != 0)
		die_world("cannot ask");
}

/* The next command; what nobody answers is followed by the next one at once. */
static void step(struct dial *d)
{
	while (*d->next) {
		const char *what = word(d);
		struct message m = { 0 };
		struct buf payload = { 0 };
		if (!unasked(d, what, &m, &payload)) {
			ask(d, what);
			return;
		}
		conv_send(d->conv, &m, true);
		buf_release(&payload);
	}
	event_base_loopexit(d->base, NULL);
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
