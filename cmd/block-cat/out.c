/* Out of the store: the list, one block, an archive.
 *
 * Lists and archives are written in pieces, each gathered under a read transaction of its own: a
 * reader that stays, because the next program in the pipe is slow, would pin every page that
 * writers free meanwhile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/block-cat/cat.h"
#include "common/sys/log.h"
#include "common/sys/out.h"

#define PIECE (16u << 20)	/* of a list */
#define LINE_MAX_LEN 160

struct lines { char *p; size_t n, cap; uint64_t height; bool more; };

_Noreturn void die_damaged(const uint8_t id[ID_LEN])
{
	char hex[2 * ID_LEN + 1];

	die_world(
	    "block '%s' is damaged: block-cat -c removes it, and the next sync brings it back",
	    hex_of(hex, id, ID_LEN));
}

/* A walk is over: whatever the rows promise was there. */
static void walk_whole(const struct store *s)
{
	if (s->holes)
		store_damaged(s, "a proven tenure lacks a block");
}

static bool list_line(void *arg, const struct stored_block *b)
{
	char id[2 * ID_LEN + 1], ch[2 * CH_LEN + 1];
	struct lines *l = arg;

	if (b->damaged)
		die_damaged(b->id);
	/* A piece ends between heights: the next one begins with a height. */
	if (l->n >= PIECE && b->height != l->height) {
		l->height = b->height;
		l->more = true;
		return false;
	}
	if (l->n + LINE_MAX_LEN > l->cap) {
		l->cap = l->cap ? l->cap * 2 : 1 << 16;
		l->p = xrealloc(l->p, l->cap);
	}
	l->height = b->height;
	l->n += (size_t)snprintf(l->p + l->n, LINE_MAX_LEN, "%llu\t%s\t%s\t%zu\n",
	    (unsigned long long)b->height, hex_of(id, b->id, ID_LEN), hex_of(ch, b->ch, CH_LEN),
	    b->len);
	return true;
}

void list_blocks(struct store *s)
{
	struct lines l = { 0 };
	MDB_txn *txn;

	do {
		l.n = 0;
		l.more = false;
		txn = store_read(s);
		proven_list(s, txn, l.height, list_line, &l);
		store_read_end(txn);
		walk_whole(s);
		fwrite(l.p, 1, l.n, stdout);
	} while (l.more && !ferror(stdout));
	free(l.p);
	out_flush();
}

void id_of_text(uint8_t id[ID_LEN], const char *text)
{
	if (hex_to(id, ID_LEN, text, strlen(text)) < 0)
		die_usage("'%.80s' is no block id: 64 hex digits", text);
}

void print_block(struct store *s, const char *text)
{
	struct stored_block b;
	uint8_t id[ID_LEN];
	MDB_txn *txn;

	id_of_text(id, text);
	txn = store_read(s);
	if (block_get(s, txn, id, &b) < 0 && b.damaged)
		die_damaged(id);
	if (!b.bytes)
		die_world("no block '%s' in '%s'", text, s->dir);
	fwrite(b.bytes, 1, b.len, stdout);
	store_read_end(txn);
	out_flush();
}

struct writer {
	struct store *s;
	MDB_txn *txn;
	struct rec_buf buf;
	int fd;
	const char *name;
	size_t chunk;
	uint64_t next;
	bool more;
};

static void writer_flush(struct writer *w)
{
	if (write_whole(w->fd, w->buf.p, w->buf.n) < 0)
		out_die(w->name);
	w->buf.n = 0;
}

static bool write_sortition(void *arg, const struct rec_sortition *r)
{
	struct writer *w = arg;

	rec_encode(&w->buf, REC_SORTITION, r);
	w->next = r->burn_height + 1;
	w->more = w->buf.n >= w->chunk;
	return !w->more;
}

static bool write_reward_set(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct rec_reward_set r;

	struct writer *w = arg;

	if (store_row(w->s, T_REWARD_SETS, key, data, REC_REWARD_SET, &r) == 0)
		rec_encode(&w->buf, REC_REWARD_SET, &r);
	return true;
}

/* The microblocks that a block confirms, as the vector that a peer would give. */
static void write_stream(struct writer *w, const struct stored_block *b)
{
	struct rec_microblocks r;
	struct rec_stream row;
	enum stream_found found = stream_get(w->s, w->txn, b->id, &row);

	if (found == STREAM_DAMAGED)
		die_damaged(b->id);
	if (found != STREAM_FOUND)
		return;
	stream_record(&r, &row);
	rec_encode(&w->buf, REC_MICROBLOCKS, &r);
	free((void *)r.body.p);
}

static bool write_block(void *arg, const struct stored_block *b)
{
	struct writer *w = arg;
	struct rec_block r = { .height = b->height,
		.body = rec_bytes(b->bytes, b->len),
		.model = b->model };

	if (b->damaged)
		die_damaged(b->id);
	/* A chunk ends between heights: the next one begins with a height. */
	if (w->buf.n >= w->chunk && b->height != w->next) {
		w->next = b->height;
		w->more = true;
		return false;
	}
	w->next = b->height;
	memcpy(r.id, b->id, ID_LEN);
	memcpy(r.consensus_hash, b->ch, CH_LEN);
	rec_encode(&w->buf, REC_BLOCK, &r);
	if (b->model == EPOCH2)
		write_stream(w, b);
	return true;
}

void archive_write(struct store *s, int fd, const char *name)
{
	struct writer w = { .s = s, .fd = fd, .name = strcmp(name, "-") == 0 ? NULL : name,
		.chunk = 1 << 20 };
	struct rec_hello hello = { .schema = REC_SCHEMA,
		.network = rec_str(s->net.name),
		.chain_id = s->net.chain_id,
		.stage = rec_str("block-cat") };
	struct network facts = s->net;
	struct rec_network net;
	MDB_txn *txn;

	network_strip(&facts);	/* whom we trust is nobody else's business */
	net.text = rec_str(facts.text);
	rec_encode(&w.buf, REC_HELLO, &hello);
	rec_encode(&w.buf, REC_NETWORK, &net);
	for (w.more = true; w.more; writer_flush(&w)) {
		txn = store_read(s);
		w.more = false;
		sortition_walk(s, txn, w.next, write_sortition, &w);
		store_read_end(txn);
	}
	txn = store_read(s);
	store_walk(s, txn, T_REWARD_SETS, NULL, 0, write_reward_set, &w);
	store_read_end(txn);
	w.chunk = 32 << 20;
	w.next = 0;
	for (w.more = true; w.more; writer_flush(&w)) {
		w.txn = store_read(s);
		w.more = false;
		proven_walk(s, w.txn, w.next, write_block, &w);
		store_read_end(w.txn);
		walk_whole(s);
	}
	rec_buf_release(&w.buf);
	if (fd != STDOUT_FILENO && (fsync(fd) < 0 || close(fd) < 0) && errno != EINVAL)
		die_world("cannot write '%s': %s", name, strerror(errno));
}

/* Next: cmd/block-cat/streams.c, the same for streams of microblocks. */
