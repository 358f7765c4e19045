/* Headers as JSON: of a block of either model, with its fields (spec/blocks.md 4.2), and GET
 * /v2/headers/N (4.3). */
#include "cmd/block-serve/http.h"
#include "common/store/blocks.h"

static void add_problems(struct evbuffer *b, const struct nakamoto *n)
{
	evbuffer_add_printf(b, ",\"problematic_txs\":[");
	for (uint32_t i = 0; i < n->n_markers; i++)
		evbuffer_add_printf(b, "%s{\"tx_index\":%u,\"category\":%u}", i > 0 ? "," : "",
		    get_be32(n->markers + 5 * i), n->markers[5 * i + 4]);
	evbuffer_add_printf(b, "]");
}

static void add_nakamoto(struct evbuffer *b, const struct block *block)
{
	const struct nakamoto *n = &block->nakamoto;
	size_t markers = (n->version & ~SHADOW_BIT) >= 1 ? 4 + 5 * (size_t)n->n_markers : 0;

	evbuffer_add_printf(b,
	    "{\"Nakamoto\":{\"version\":%u,\"chain_length\":%llu,\"burn_spent\":%llu", n->version,
	    (unsigned long long)block->height, (unsigned long long)n->burn_spent);
	add_hex(b, ",\"consensus_hash\":\"", block->ch, CH_LEN, "\"");
	add_hex(b, ",\"parent_block_id\":\"", block->parent, ID_LEN, "\"");
	add_hex(b, ",\"tx_merkle_root\":\"", block->tx_root, 32, "\"");
	add_hex(b, ",\"state_index_root\":\"", block->state_root, 32, "\"");
	evbuffer_add_printf(b, ",\"timestamp\":%llu", (unsigned long long)n->timestamp);
	add_hex(b, ",\"miner_signature\":\"", n->miner_sig, SIG_LEN, "\",\"signer_signature\":[");
	for (uint32_t i = 0; i < n->n_sigs; i++)
		add_hex(b, i > 0 ? ",\"" : "\"", n->sigs + (size_t)SIG_LEN * i, SIG_LEN, "\"");
	add_hex(b, "],\"pox_treatment\":\"", n->tail,
	    n->tail_len - (markers <= n->tail_len ? markers : 0), "\"");
	add_problems(b, n);
	evbuffer_add_printf(b, "}}");
}

static void add_anchored(struct evbuffer *b, const struct block *block)
{
	const struct epoch2 *e = &block->epoch2;
	const uint8_t *parent;
	enum model model;

	/* As the header has it: its hash, no id. */
	parent = block_parent(&model, block->ch, block->bytes, block->len);

	evbuffer_add_printf(b,
	    "{\"Epoch2\":{\"version\":%u,\"total_work\":{\"burn\":%llu,\"work\":%llu}",
	    e->version, (unsigned long long)e->burn, (unsigned long long)block->height);
	add_hex(b, ",\"proof\":\"", e->vrf_proof, 80, "\"");
	add_hex(b, ",\"parent_block\":\"", parent, 32, "\"");
	add_hex(b, ",\"parent_microblock\":\"", e->parent_microblock, 32, "\"");
	evbuffer_add_printf(b, ",\"parent_microblock_sequence\":%u", e->parent_sequence);
	add_hex(b, ",\"tx_merkle_root\":\"", block->tx_root, 32, "\"");
	add_hex(b, ",\"state_index_root\":\"", block->state_root, 32, "\"");
	add_hex(b, ",\"microblock_pubkey_hash\":\"", e->microblock_key, HASH160_LEN, "\"}}");
}

void add_header(struct evbuffer *b, const struct block *block)
{
	if (block->model == EPOCH2)
		add_anchored(b, block);
	else
		add_nakamoto(b, block);
}

/* ---- anchored blocks from a tip down, made in pieces.  A header is its own proof: it hashes to
 * the id that it stands under, so that the rest of the block is not read. ---- */

struct headers {
	struct serve *s;
	struct evbuffer *text; /* of the piece */
	uint8_t next[ID_LEN], below[CH_LEN]; /* its tenure, once a header is listed */
	uint64_t left;
	bool started, ended;
	bool hit; /* `next` is damaged */
};

enum header_found { HEADER_ABSENT, HEADER_DAMAGED, HEADER_FOUND };

/* A block that is not found, though the row of its tenure has it. */
static bool is_lost(struct headers *h, MDB_txn *txn)
{
	struct rec_tenure t;

	return h->started && tenure_get(&h->s->store, txn, h->below, &t) == 0 && t.proven &&
	    memcmp(t.start_id, h->next, ID_LEN) == 0;
}

/* A proven anchored block by its id. */
static enum header_found find(struct headers *h, MDB_txn *txn, struct block *b)
{
	struct store *s = &h->s->store;
	uint8_t ch[CH_LEN], parent[ID_LEN];
	struct kept_block kept;
	struct rec_tenure t;
	enum model model;
	uint64_t height;
	size_t need;

	if (blocks_where(s, txn, h->next, ch, &height) < 0)
		return is_lost(h, txn) ? HEADER_DAMAGED : HEADER_ABSENT;
	if (tenure_get(s, txn, ch, &t) < 0)
		return HEADER_DAMAGED;
	if (!block_proven(s, txn, h->next))
		return HEADER_ABSENT;
	if (blocks_find(s, txn, ch, height, h->next, &kept) < 0 ||
	    block_header(b, ANY_MODEL, ch, kept.bytes, kept.len, &need) <= 0 ||
	    memcmp(b->id, h->next, ID_LEN) != 0 ||
	    !kept_parent(s, txn, ch, &kept, &model, parent))
		return HEADER_DAMAGED;
	memcpy(b->parent, parent, ID_LEN);
	memcpy(h->below, t.prev_ch, CH_LEN);
	return b->model == EPOCH2 ? HEADER_FOUND : HEADER_ABSENT;
}

/* Some more of the list, as long as there is room in the piece. */
static void list_more(struct headers *h, MDB_txn *txn)
{
	enum header_found found = HEADER_FOUND;
	struct block b;

	while (h->left > 0 && evbuffer_get_length(h->text) < CHUNK &&
	       (found = find(h, txn, &b)) == HEADER_FOUND) {
		add_hex(h->text, h->started ? ",{\"consensus_hash\":\"" : "{\"consensus_hash\":\"",
		    b.ch, CH_LEN, "\"");
		add_hex(h->text, ",\"header\":\"", b.bytes, EPOCH2_HEADER, "\"");
		add_hex(h->text, ",\"parent_block_id\":\"", b.parent, ID_LEN, "\"}");
		memcpy(h->next, b.parent, ID_LEN);
		h->started = true;
		h->left--;
	}
	h->hit = found == HEADER_DAMAGED;
	h->ended = h->left == 0 || found != HEADER_FOUND;
	if (h->ended)
		evbuffer_add(h->text, "]", 1);
}

static enum streamed next(void *arg, MDB_txn *txn, struct piece *p)
{
	struct headers *h = arg;

	if (h->ended)
		return STREAM_LAST;
	evbuffer_drain(h->text, evbuffer_get_length(h->text));
	list_more(h, txn);
	if (h->hit) {
		damaged_note(&h->s->store, h->next);
		return STREAM_BROKEN;
	}
	piece_add(p, evbuffer_pullup(h->text, -1), evbuffer_get_length(h->text));
	return STREAM_MORE;
}

static void release(void *arg)
{
	struct headers *h = arg;

	evbuffer_free(h->text);
	free(h);
}

static void answer(struct request *r, struct headers *h)
{
	static const struct stream_ops ops = { next, release };
	char hex[2 * ID_LEN + 1];
	struct piece p;

	if (h->hit) {
		reply_damaged(r, h->next);
		release(h);
	} else if (!h->started) {
		reply_text(r, 404, "No such anchored block %s\n", hex_of(hex, h->next, ID_LEN));
		release(h);
	} else if (h->ended) {
		reply_json(r, 200, h->text);
		free(h);
	} else {
		piece_begin(&p);
		piece_add(&p, evbuffer_pullup(h->text, -1), evbuffer_get_length(h->text));
		stream_begin(r, "application/json", &ops, h, &p);
	}
}

/* Without ?tip= from the canonical tip, which has to be an anchored block. */
void get_headers(struct request *r)
{
	uint8_t tip[ID_LEN];
	int asked = query_is(r, "tip", "latest") ? 0 : query_hex(r, "tip", tip, ID_LEN);
	struct headers *h;
	MDB_txn *txn;

	if (r->number > MAX_LISTED_HEADERS || r->number == 0 || asked < 0) {
		reply_text(r, 400, "Invalid path parameters for '%.200s'", r->path);
		return;
	}
	h = xcalloc(1, sizeof(*h));
	h->s = r->s;
	h->text = reply_buffer();
	h->left = r->number;
	memcpy(h->next, asked ? tip : r->s->view.id, ID_LEN);
	evbuffer_add(h->text, "[", 1);
	txn = store_read(&r->s->store);
	list_more(h, txn);
	store_read_end(txn);
	answer(r, h);
}

/* Next: cmd/block-serve/http_info.c, the node's facts. */
