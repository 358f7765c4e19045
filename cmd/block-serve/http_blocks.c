/* Blocks and tenures as bytes, written to the socket from where they lie in the store: up to 32 KiB
 * at once with its length, what is longer in such pieces (stream.c). */
#include "cmd/block-serve/http.h"
#include "common/store/blocks.h"

struct walk {
	struct serve *s;
	enum model model;		/* what the path gives away */
	bool one;			/* a single block, not the tenure below it */
	bool has_stop, done, broken;
	bool damaged, other;		/* `next` is; is of another model */
	uint8_t ch[CH_LEN];		/* the tenure, once the first block is sent */
	uint8_t stop[ID_LEN];
	uint8_t next[ID_LEN];		/* block that comes next, or goes on at offset */
	size_t offset;
	uint64_t sum;			/* of a block sent in parts */
	size_t sum_len;
	size_t sent;
};

/* A piece that is being filled. */
struct filling {
	struct walk *st;
	struct piece *out;
	bool full;
};

/* A part of a block that is larger than a piece. */
static void add_part(struct filling *p, const struct stored_block *b)
{
	struct walk *st = p->st;
	size_t part = b->len - st->offset < CHUNK ? b->len - st->offset : CHUNK;

	if (st->offset == 0) {
		st->sum = b->sum;
		st->sum_len = b->len;
	}
	/* It may have been replaced by one of the same id with a heavier set of signatures. */
	st->broken = b->len != st->sum_len || b->sum != st->sum;
	if (st->broken)
		return;
	piece_add(p->out, b->bytes + st->offset, part);
	st->offset += part;
	p->full = true;
	if (st->offset == b->len)
		st->offset = 0;
}

static bool add_block(void *arg, const struct stored_block *b)
{
	struct filling *p = arg;
	struct walk *st = p->st;

	memcpy(st->next, b->id, ID_LEN);
	st->other = !b->damaged && b->model != st->model;
	if (st->other)
		return false;
	if (b->damaged) {
		/* What was gathered before it leaves first. */
		p->full = p->out->bytes > 0;
		st->damaged = st->broken = !p->full;
		return false;
	}
	if (st->offset == 0 && st->sent > 0) {
		/* The tenure ends, or the body is cut and the client goes on from the parent. */
		st->done = memcmp(b->ch, st->ch, CH_LEN) != 0 ||
		    st->sent + b->len > MAX_TENURE_BODY ||
		    (st->has_stop && memcmp(b->id, st->stop, ID_LEN) == 0);
		if (st->done)
			return false;
	}
	memcpy(st->ch, b->ch, CH_LEN);
	if (p->full || p->out->n == 1 + PARTS ||
	    (st->offset == 0 && p->out->bytes > 0 && p->out->bytes + b->len > CHUNK)) {
		p->full = true;
		return false;
	}
	if (st->offset > 0 || b->len > CHUNK)
		add_part(p, b);
	else
		piece_add(p->out, b->bytes, b->len);
	if (st->broken)
		return false;
	if (st->offset == 0) {
		st->sent += b->len;
		st->done = st->one;
		memcpy(st->next, b->parent, ID_LEN);
	}
	return !p->full && !st->done;
}

/* Not stopped by us: the tenure's start was the last, or the next one down is lost. */
static void gather_end(struct filling *p, struct walk *st, MDB_txn *txn)
{
	uint8_t ch[CH_LEN];
	uint64_t height;
	/* which is proven */
	bool first = st->sent == 0 && st->offset == 0 && p->out->bytes == 0;
	bool more = !st->done && blocks_where(&st->s->store, txn, st->next, ch, &height) == 0 &&
	    (first || memcmp(ch, st->ch, CH_LEN) == 0) &&
	    !(st->has_stop && memcmp(st->next, st->stop, ID_LEN) == 0);

	st->damaged = st->broken = more && p->out->bytes == 0;
	st->done = !more;
}

/* The next piece.  False: the block it begins with is not (or no longer) proven.  st->done: it is
 * the last; st->broken: the answer cannot be finished. */
static bool gather(struct piece *out, struct walk *st, MDB_txn *txn)
{
	struct filling p = { .st = st, .out = out };
	uint8_t first[ID_LEN];

	memcpy(first, st->next, ID_LEN);
	if (!proven_blocks_down(&st->s->store, txn, first, st->has_stop ? st->stop : NULL,
	    add_block, &p) || st->other)
		return false;
	if (!p.full && !st->broken)
		gather_end(&p, st, txn);
	return true;
}

static enum streamed walk_next(void *arg, MDB_txn *txn, struct piece *p)
{
	struct walk *st = arg;

	if (st->done)
		return STREAM_LAST;
	if (gather(p, st, txn) && !st->broken && p->bytes > 0)
		return STREAM_MORE;
	if (st->damaged)
		damaged_note(&st->s->store, st->next);
	/* In the middle of a block that is gone; or what comes next is another tenure's, or is no
	 * longer proven: nobody gets it. */
	return st->broken || st->offset > 0 ? STREAM_BROKEN : STREAM_LAST;
}

static const struct stream_ops walk_ops = { walk_next, free };

/* A body that is one piece leaves in one go, with its length.  False, without an answer, if the
 * first block is not proven. Ends the transaction. */
static bool walk_start(struct request *r, const struct walk *from, MDB_txn *txn)
{
	struct walk st = *from, *kept;
	struct piece p;

	st.s = r->s;
	piece_begin(&p);
	bool known = gather(&p, &st, txn);
	if (known && st.damaged) {
		store_read_end(txn);
		reply_damaged(r, st.next);
		return true;
	}
	if (known)
		seat_useful(r->conn->seat);
	if (known && st.done) {
		reply_parts(r, 200, OCTETS, p.parts, p.n, p.bytes);
	} else if (known) {
		kept = xmalloc(sizeof(*kept));
		*kept = st;
		stream_begin(r, OCTETS, &walk_ops, kept, &p);
	}
	store_read_end(txn);
	return known;
}

static void no_such_block(struct request *r)
{
	char hex[2 * ID_LEN + 1];

	reply_text(r, 404, "No such block %s\n", hex_of(hex, r->hash, ID_LEN));
}

void reply_damaged(struct request *r, const uint8_t id[ID_LEN])
{
	char hex[2 * ID_LEN + 1];

	damaged_note(&r->s->store, id);
	reply_text(r, 500, "Block %s is damaged\n", hex_of(hex, id, ID_LEN));
}

static void get_one(struct request *r, enum model model)
{
	struct walk st = { .one = true, .model = model };

	memcpy(st.next, r->hash, ID_LEN);
	if (!walk_start(r, &st, store_read(&r->s->store)))
		no_such_block(r);
}

void get_block(struct request *r) { get_one(r, NAKAMOTO); }
void get_anchored(struct request *r) { get_one(r, EPOCH2); }

/* The ancestor of a proven block at a height: one step a tenure, then down in it; but from where
 * the fork leaves the canonical chain, whose tenures are found by height. */
static int ancestor_at(struct serve *s, MDB_txn *txn, const uint8_t tip[ID_LEN], uint64_t height,
    uint8_t id[ID_LEN],
    struct stored_block *b)
{
	struct stored_block canonical = { .damaged = false };
	struct rec_tenure t;
	int rc;

	memcpy(id, tip, ID_LEN);
	for (;;) {
		if (!block_proven(&s->store, txn, id) || block_get(&s->store, txn, id, b) != 0 ||
		    b->height < height)
			return -1;
		if (b->height == height)
			return 0;
		if (canonical_at(&s->store, txn, b->height, &canonical) == 0 &&
		    memcmp(canonical.id, id, ID_LEN) == 0) {
			rc = canonical_at(&s->store, txn, height, b);
			memcpy(id, b->id, ID_LEN);
			return rc;
		}
		if (tenure_get(&s->store, txn, b->ch, &t) != 0)
			return -1;
		memcpy(id, height < t.start_height ? t.parent_id : b->parent, ID_LEN);
	}
}

void get_block_at(struct request *r)
{
	uint8_t tip[ID_LEN];
	int asked = query_is(r, "tip", "latest") ? 0 : query_hex(r, "tip", tip, ID_LEN);
	struct walk st = { .one = true };
	struct stored_block b = { .damaged = false };
	MDB_txn *txn;
	int rc;

	if (asked < 0 || r->number > INT64_MAX) {
		reply_text(r, 400, "Invalid path parameters for '%.200s'", r->path);
		return;
	}
	txn = store_read(&r->s->store);
	if (asked) {
		rc = ancestor_at(r->s, txn, tip, r->number, st.next, &b);
	} else if ((rc = canonical_at(&r->s->store, txn, r->number, &b)) == 0) {
		memcpy(st.next, b.id, ID_LEN);
	}
	if (rc != 0)
		store_read_end(txn);
	if (rc != 0 && b.damaged)
		reply_damaged(r, b.id);
	else if (rc != 0 || !walk_start(r, &st, txn))
		reply_text(r, 404, "No such block #%llu\n", (unsigned long long)r->number);
}

void get_tenure(struct request *r)
{
	struct walk st = { 0 };
	int stop = query_hex(r, "stop", st.stop, ID_LEN);

	if (stop < 0) {
		reply_text(r, 400, "Invalid query string: stop");
		return;
	}
	/* The stop id has no effect on the first block. */
	st.has_stop = stop > 0 && memcmp(st.stop, r->hash, ID_LEN) != 0;
	memcpy(st.next, r->hash, ID_LEN);
	if (!walk_start(r, &st, store_read(&r->s->store)))
		no_such_block(r);
}

/* Next: cmd/block-serve/http_streams.c, streams of microblocks. */
