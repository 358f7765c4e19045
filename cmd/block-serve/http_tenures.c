/* Tenures as JSON: the ongoing one, the tip of each, and the
 * blocks of each (spec/blocks.md 4.2). */
#include "cmd/block-serve/http.h"

/* The highest tenure claimed and its last block: of the canonical chain, or of what is claimed
 * instead of it.  Where no Nakamoto tenure is held it is the canonical tip's, of epoch 2.x. */
static int ongoing(struct serve *s, MDB_txn *txn, struct rec_tenure *t, uint8_t id[ID_LEN],
    uint64_t *height)
{
	bool has_chain = s->view.has_chain;

	if (!s->view.has_burn)
		return -1;
	if (has_chain && (s->view.tenure.model == NAKAMOTO || claims_top(s, txn, t) != 0)) {
		*t = s->view.tenure;
		memcpy(id, s->view.id, ID_LEN);
		*height = s->view.height;
		return 0;
	}
	if (!has_chain && claims_top(s, txn, t) != 0)
		return -1;
	memcpy(id, t->tip_id, ID_LEN);
	*height = t->tip_height;
	return 0;
}

/* The start block of a tenure's parent tenure is what its commit names; the commit of an epoch 2.x
 * block names that block. */
void get_tenure_info(struct request *r)
{
	struct rec_sortition own;
	struct rec_tenure t;
	uint8_t id[ID_LEN];
	uint64_t height;
	MDB_txn *txn = store_read(&r->s->store);
	bool found = ongoing(r->s, txn, &t, id, &height) == 0 &&
	    sortition_get(&r->s->store, txn, t.consensus_hash, &own) == 0;
	struct evbuffer *b;

	store_read_end(txn);
	if (r->s->view.chain_lost) {
		reply_text(r, 500, "The tip is damaged\n");
		return;
	}
	if (!found) {
		reply_text(r, 404, "No Nakamoto tenure yet\n");
		return;
	}
	b = reply_buffer();
	add_hex(b, "{\"consensus_hash\":\"", t.consensus_hash, CH_LEN, "\"");
	add_hex(b, ",\"tenure_start_block_id\":\"", t.start_id, ID_LEN, "\"");
	add_hex(b, ",\"parent_consensus_hash\":\"", t.prev_ch, CH_LEN, "\"");
	add_hex(b, ",\"parent_tenure_start_block_id\":\"",
	    t.model == NAKAMOTO ? own.committed : t.parent_id, ID_LEN, "\"");
	add_hex(b, ",\"tip_block_id\":\"", id, ID_LEN, "\"");
	evbuffer_add_printf(b, ",\"tip_height\":%llu,\"reward_cycle\":%llu}",
	    (unsigned long long)height,
	    (unsigned long long)network_cycle(&r->s->store.net, r->s->view.burn.burn_height));
	reply_json(r, 200, b);
}

/* Highest block of a tenure that we may show: on the canonical
 * chain, else the proven tip. 0 or -1. */
static int tenure_top(struct serve *s, const struct rec_tenure *t, uint8_t id[ID_LEN])
{
	if (!t->proven)
		return -1;
	if (s->view.has_chain &&
	    memcmp(t->consensus_hash, s->view.tenure.consensus_hash, CH_LEN) == 0)
		memcpy(id, s->view.id, ID_LEN);
	else if (t->canonical && !all_zero(t->end_id, ID_LEN))
		memcpy(id, t->end_id, ID_LEN);
	else
		memcpy(id, t->tip_id, ID_LEN);
	return 0;
}

/* Header of a block (NULL: there is none) of the tenure that the request names.  It is parsed from
 * the store's map: the transaction is the caller's to end.  NULL: it has ended, with 404 or 500. */
static MDB_txn *header_of(
    struct request *r, MDB_txn *txn, const uint8_t *id, struct block *n, struct stored_block *block)
{
	char hex[2 * CH_LEN + 1];

	block->damaged = false;
	if (id && block_get(&r->s->store, txn, id, block) == 0 && stored_header(block, n) == 0)
		return txn;
	store_read_end(txn);
	if (block->damaged)
		reply_damaged(r, block->id);
	else
		reply_text(r, 404, "No blocks in tenure %s\n", hex_of(hex, r->hash, CH_LEN));
	return NULL;
}

/* The same of its top block. */
static MDB_txn *top_header(struct request *r, struct block *n, struct stored_block *block)
{
	MDB_txn *txn = store_read(&r->s->store);
	struct rec_tenure t;
	uint8_t id[ID_LEN];
	bool known = tenure_get(&r->s->store, txn, r->hash, &t) == 0 &&
	    tenure_top(r->s, &t, id) == 0;

	return header_of(r, txn, known ? id : NULL, n, block);
}

void get_tenure_tip(struct request *r)
{
	struct stored_block block;
	struct block n;
	MDB_txn *txn = top_header(r, &n, &block);
	struct evbuffer *b;

	if (!txn)
		return;
	b = reply_buffer();
	add_header(b, &n);
	store_read_end(txn);
	reply_json(r, 200, b);
}

/* The search for the burn view of a tenure's tip: that of the highest tenure change at or below it,
 * which is the first transaction of its block.  There may be thousands of blocks above that one:
 * some are looked at in a step, and others have their turn before the next one. */
#define VIEW_STEP 32
struct view_search {
	struct http_conn *conn;
	uint8_t tenure[CH_LEN];			/* whose tip is asked for */
	uint8_t top[ID_LEN];			/* that tip */
	uint8_t next[ID_LEN];			/* the block to look at next */
	uint8_t ch[CH_LEN];			/* found: the burn view */
	unsigned left;				/* blocks of this step */
	bool found, hit;			/* hit: `next` is damaged */
};

static bool find_view(void *arg, const struct stored_block *b)
{
	struct view_search *v = arg;
	struct tenure_change change;
	struct block n;

	memcpy(v->next, b->id, ID_LEN);
	v->hit = b->damaged;
	if (v->hit || v->left == 0)
		return false;
	v->left--;
	if (stored_header(b, &n) == 0 && block_change(&n, b->len, &change)) {
		memcpy(v->ch, change.burn_view, CH_LEN);
		v->found = true;
	}
	return !v->found;
}

/* One step.  False: there is another. */
static bool search_view(struct view_search *v, MDB_txn *txn)
{
	uint8_t from[ID_LEN];

	memcpy(from, v->next, ID_LEN);
	v->left = VIEW_STEP;
	tenure_blocks_down(&v->conn->serve->store, txn, from, NULL, find_view, v);
	return v->found || v->hit || v->left > 0;
}

static void reply_metadata(struct request *r, const struct view_search *v)
{
	struct stored_block block;
	struct block n;
	struct evbuffer *b;
	MDB_txn *txn;

	if (v->hit) {
		reply_damaged(r, v->next);
		return;
	}
	if ((txn = header_of(r, store_read(&r->s->store), v->top, &n, &block)) == NULL)
		return;
	b = reply_buffer();
	evbuffer_add_printf(b, "{\"anchored_header\":");
	add_header(b, &n);
	store_read_end(txn);
	if (v->found)
		add_hex(b, ",\"burn_view\":\"", v->ch, CH_LEN, "\"}");
	else
		evbuffer_add_printf(b, ",\"burn_view\":null}");
	reply_json(r, 200, b);
}

static void search_on(void *arg)
{
	struct view_search *v = arg, ended;
	struct request r = { .s = v->conn->serve, .conn = v->conn };
	MDB_txn *txn = store_read(&r.s->store);
	bool done = search_view(v, txn);

	store_read_end(txn);
	if (!done) {
		http_conn_go_on(v->conn);
		return;
	}
	memcpy(r.hash, v->tenure, CH_LEN);
	ended = *v;
	free(v);
	reply_metadata(&r, &ended);
}

void get_tenure_tip_metadata(struct request *r)
{
	static const struct http_later later = { search_on, free };
	struct view_search v = { .conn = r->conn }, *kept;
	struct stored_block block;
	struct block n;
	MDB_txn *txn = top_header(r, &n, &block);
	bool done;

	if (!txn)
		return;
	memcpy(v.tenure, r->hash, CH_LEN);
	memcpy(v.top, block.id, ID_LEN);
	memcpy(v.next, block.id, ID_LEN);
	done = search_view(&v, txn);
	store_read_end(txn);
	if (done) {
		reply_metadata(r, &v);
		return;
	}
	kept = xmalloc(sizeof(*kept));
	*kept = v;
	http_conn_later(r->conn, &later, kept);
	http_conn_go_on(r->conn);
}

/* A listing, made in pieces: a tenure may have tens of thousands of blocks. */
struct listing {
	struct serve *s;
	struct evbuffer *text;			/* of the piece */
	bool started, full, rows;		/* rows: some block was listed in this piece */
	bool hit;				/* `next` is damaged */
	uint8_t next[ID_LEN];			/* the block that comes next */
};

static bool add_listed(void *arg, const struct stored_block *b)
{
	struct listing *l = arg;
	struct block n;

	memcpy(l->next, b->id, ID_LEN);
	l->full = evbuffer_get_length(l->text) >= CHUNK;
	l->hit = !l->full && b->damaged;
	if (l->full || l->hit || stored_header(b, &n) < 0)
		return false;
	add_hex(l->text, l->started ? ",{\"block_id\":\"" : "{\"block_id\":\"", b->id, ID_LEN,
	    "\"");
	evbuffer_add_printf(l->text, ",\"header_type\":\"%s\"", model_name(b->model));
	add_hex(l->text, ",\"block_hash\":\"", n.hash, 32, "\"");
	add_hex(l->text, ",\"parent_block_id\":\"", n.parent, ID_LEN, "\"");
	evbuffer_add_printf(l->text, ",\"height\":%llu}", (unsigned long long)b->height);
	l->started = l->rows = true;
	return true;
}

/* The next piece of the text.  False: a block that was to come is gone. */
static bool list_more(struct listing *l, MDB_txn *txn)
{
	uint8_t from[ID_LEN];

	memcpy(from, l->next, ID_LEN);
	l->full = l->rows = false;
	tenure_blocks_down(&l->s->store, txn, from, NULL, add_listed, l);
	if (!l->full)
		evbuffer_add_printf(l->text, "]}");
	return l->rows && !l->hit;
}

static enum streamed list_next(void *arg, MDB_txn *txn, struct piece *p)
{
	struct listing *l = arg;

	if (!l->full)
		return STREAM_LAST;
	evbuffer_drain(l->text, evbuffer_get_length(l->text));
	if (!list_more(l, txn)) {
		if (l->hit)
			damaged_note(&l->s->store, l->next);
		return STREAM_BROKEN;
	}
	piece_add(p, evbuffer_pullup(l->text, -1), evbuffer_get_length(l->text));
	return l->full ? STREAM_MORE : STREAM_LAST;
}

static void list_release(void *arg)
{
	struct listing *l = arg;

	evbuffer_free(l->text);
	free(l);
}

/* Ends the transaction. */
static void list_blocks(struct request *r, MDB_txn *txn, const struct rec_sortition *own)
{
	static const struct stream_ops ops = { list_next, list_release };
	struct listing *l = xcalloc(1, sizeof(*l));
	struct rec_tenure t;
	struct piece p;

	l->s = r->s;
	l->text = reply_buffer();
	add_hex(l->text, "{\"consensus_hash\":\"", own->consensus_hash, CH_LEN, "\"");
	add_hex(l->text, ",\"last_sortition_ch\":\"", own->last_ch, CH_LEN, "\"");
	evbuffer_add_printf(l->text, ",\"burn_block_height\":%llu",
	    (unsigned long long)own->burn_height);
	add_hex(l->text, ",\"burn_block_hash\":\"", own->burn_hash, 32, "\",\"stacks_blocks\":[");
	if (tenure_get(&r->s->store, txn, own->consensus_hash, &t) == 0 &&
	    tenure_top(r->s, &t, l->next) == 0)
		list_more(l, txn);
	else
		evbuffer_add_printf(l->text, "]}");
	if (l->hit) {
		reply_damaged(r, l->next);
		list_release(l);
	} else if (l->full) {
		piece_begin(&p);
		piece_add(&p, evbuffer_pullup(l->text, -1), evbuffer_get_length(l->text));
		stream_begin(r, "application/json", &ops, l, &p);
	} else {
		reply_json(r, 200, l->text);
		free(l);
	}
	store_read_end(txn);
}

static void list_or_404(struct request *r, MDB_txn *txn, int rc, const struct rec_sortition *own)
{
	if (rc == 0) {
		list_blocks(r, txn, own);
		return;
	}
	store_read_end(txn);
	reply_text(r, 404, "Could not find sortition of '%.80s'\n", r->arg);
}

void get_tenure_blocks(struct request *r)
{
	MDB_txn *txn = store_read(&r->s->store);
	struct rec_sortition own;
	int rc = sortition_get(&r->s->store, txn, r->hash, &own);

	list_or_404(r, txn, rc == 0 && own.canonical ? 0 : -1, &own);
}

void get_tenure_blocks_hash(struct request *r)
{
	MDB_txn *txn = store_read(&r->s->store);
	struct rec_sortition own;
	int rc = sortition_by_burn(&r->s->store, txn, r->hash, &own);

	list_or_404(r, txn, rc, &own);
}

void get_tenure_blocks_height(struct request *r)
{
	MDB_txn *txn = store_read(&r->s->store);
	struct rec_sortition own;
	int rc = sortition_at(&r->s->store, txn, r->number, &own);

	list_or_404(r, txn, rc, &own);
}

/* Next: cmd/block-serve/http_sortitions.c, the burnchain view. */
