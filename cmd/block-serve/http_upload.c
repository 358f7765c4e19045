/* Uploads: an answer waits for the verdict of the pipeline, and a microblock's does not. */
#include "cmd/block-serve/http.h"
#include "cmd/block-serve/upload.h"
#include "common/chain/hash.h"
#include "common/chain/microblock.h"
#include "common/net/address.h"
#include "common/sys/stage.h"

#define TICK_MS 50

struct waiter {
	TAILQ_ENTRY(waiter) entry;
	struct serve *s;
	struct http_conn *conn;
	uint8_t id[ID_LEN], body_hash[32];
	char source[MAX_SOURCE + 1], who[2 * 16 + 1];	/* who: whose share it is (sender) */
	uint64_t deadline;
	int bad;			/* status of a block that breaks a rule */
};

/* The sender whose share of uploads an address uses up: itself, with IPv6 its /64, as one customer
 * has all addresses of that. */
static const char *sender(char out[2 * 16 + 1], const struct sockaddr *sa)
{
	uint8_t addr[16];
	uint16_t port;

	address_to16(addr, &port, sa);
	return hex_of(out, addr, all_zero(addr, 8) ? 16 : 8);
}

/* An upload: where it comes from, and what became of it. */
struct upload {
	char source[MAX_SOURCE + 1], who[2 * 16 + 1]; /* who: whose share it is */
	uint8_t id[ID_LEN];
	enum chain_reason why;
};

/* Whether its sender may send so much.  False: it has its answer. */
static bool begin(struct request *r, struct upload *up)
{
	const struct sockaddr *from = (struct sockaddr *)&r->conn->peer;
	char address[64];

	memset(up, 0, sizeof(*up));
	snprintf(up->source, sizeof(up->source), "upload:%s", address_text(address, from));
	sender(up->who, from);
	if (push_allowed(&r->s->uploads->budgets, up->who, now_ms(), r->conn->n_body, 1))
		return true;
	reply_text(r, 503, "too many uploads wait");
	return false;
}

/* An upload's block; ch: of an anchored one, else NULL. */
static enum pushed take(struct request *r, const uint8_t *ch, struct upload *up)
{
	struct store *s = &r->s->store;
	MDB_txn *txn = store_read(s);
	struct rec_block row = { .model = ch ? EPOCH2 : NAKAMOTO };
	struct block b;
	enum pushed got =
	    pushed_judge(s, txn, ch, r->conn->body, r->conn->n_body, true, &b, &up->why);

	store_read_end(txn);
	memcpy(up->id, b.id, ID_LEN);
	if (got != PUSHED_TAKEN)
		return got;
	memcpy(row.id, b.id, ID_LEN);
	memcpy(row.consensus_hash, b.ch, CH_LEN);
	row.height = b.height;
	row.body = rec_bytes(b.bytes, b.len);
	return upload_queue(r->s->uploads, &row, up->source, "upload");
}

static void answer_id(struct request *r, const uint8_t id[ID_LEN], bool accepted)
{
	struct evbuffer *b = reply_buffer();

	add_hex(b, "{\"stacks_block_id\":\"", id, ID_LEN,
	    accepted ? "\",\"accepted\":true}" : "\",\"accepted\":false}");
	reply_json(r, 200, b);
}

/* A microblock's hash, as a JSON string. */
static void answer_hash(struct request *r, const uint8_t hash[32])
{
	struct evbuffer *b = reply_buffer();

	add_hex(b, "\"", hash, 32, "\"");
	reply_json(r, 200, b);
}

/* Answers if there is a verdict, or if the time is over. */
static bool settled(struct waiter *w, MDB_txn *txn, uint64_t now)
{
	struct request r = { .s = w->s, .conn = w->conn };
	struct rec_verdict v;
	char text[200] = "";
	bool judged =
	    verdict_get(&w->s->store, txn, w->id, w->body_hash, rec_str(w->source), &v) == 0;

	if (judged)
		rec_cstr(text, sizeof(text), v.detail.n > 0 ? v.detail : v.reason);
	if (block_known(&w->s->store, txn, w->id)) {
		seat_useful(w->conn->seat);
		answer_id(&r, w->id, !judged || v.status != STATUS_STORED);
	} else if (judged && v.status == STATUS_REFUSED) {
		char word[33];
		reply_text(&r, w->bad, "%s: %s", rec_cstr(word, sizeof(word), v.reason), text);
	} else if (now >= w->deadline) {
		reply_text(&r, 503, "no verdict yet%s%s", *text ? ": " : "", text);
	} else {
		return false;
	}
	return true;
}

/* Answered, or its connection has ended: each waiter passes here once. */
static void waiter_drop(void *arg)
{
	struct waiter *w = arg;

	TAILQ_REMOVE(&w->s->uploads->waiters, w, entry);
	w->s->uploads->n_waiters--;
	free(w);
}

void uploads_check(struct serve *s)
{
	struct uploads *u = s->uploads;
	struct waiter *w, *next;
	uint64_t now = now_ms();

	if (TAILQ_EMPTY(&u->waiters))
		return;
	MDB_txn *txn = store_read(&s->store);
	TAILQ_FOREACH_SAFE(w, &u->waiters, entry, next)
		if (settled(w, txn, now))
			waiter_drop(w);
	store_read_end(txn);
}

void upload_tick(evutil_socket_t nofd, short what, void *arg)
{
	struct uploads *u = arg;

	uploads_check(u->s);
	if (!TAILQ_EMPTY(&u->waiters))
		upload_arm(u->tick, TICK_MS);
}

static size_t waiters_of(const struct uploads *u, const char *who)
{
	const struct waiter *w;
	size_t n = 0;

	TAILQ_FOREACH(w, &u->waiters, entry)
		n += strcmp(w->who, who) == 0;
	return n;
}

/* Room for one more of this sender, if need be at the cost of the one that has the most. */
static bool make_room(struct uploads *u, const char *who)
{
	struct waiter *w, *most = NULL;
	size_t n, max = waiters_of(u, who) + 1;

	if (u->n_waiters < UPLOAD_WAITERS)
		return true;
	TAILQ_FOREACH(w, &u->waiters, entry)
		if ((n = waiters_of(u, w->who)) > max) {
			max = n;
			most = w;
		}
	if (!most)
		return false;
	reply_text(&(struct request){ .s = u->s, .conn = most->conn }, 503,
	    "too many uploads wait");
	waiter_drop(most);
	return true;
}

static void wait_for_verdict(struct request *r, const struct upload *up, int bad)
{
	static const struct http_later later = { NULL, waiter_drop };
	struct uploads *u = r->s->uploads;
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->s = r->s;
	w->conn = r->conn;
	w->bad = bad;
	memcpy(w->id, up->id, ID_LEN);
	hash_once(w->body_hash, r->conn->body, r->conn->n_body);
	snprintf(w->source, sizeof(w->source), "%s", up->source);
	snprintf(w->who, sizeof(w->who), "%s", up->who);
	w->deadline = now_ms() + UPLOAD_SECONDS * 1000 - 2 * TICK_MS;
	TAILQ_INSERT_TAIL(&u->waiters, w, entry);
	u->n_waiters++;
	http_conn_later(r->conn, &later, w);
	upload_arm(u->tick, TICK_MS);
}

bool post_block_may(struct request *r)
{
	if (!r->conn->head.octets) {
		reply_closes(r);
		reply_text(r, 400,
		    "Invalid Http request: expected a block as application/octet-stream");
		return false;
	}
	return true;
}

/* bad: the status of a block that breaks a rule. */
static void answer(struct request *r, enum pushed got, const struct upload *up, int bad)
{
	struct uploads *u = r->s->uploads;

	switch (got) {
	case PUSHED_TAKEN:
		r->s->n_uploads++;
		if (make_room(u, up->who))
			wait_for_verdict(r, up, bad);
		else
			reply_text(r, 503, "too many uploads wait");
		break;
	case PUSHED_KNOWN:
		answer_id(r, up->id, false);
		break;
	case PUSHED_MALFORMED:
		reply_closes(r);
		reply_text(r, 400, "%s", chain_reason_text(up->why));
		break;
	case PUSHED_REFUSED:
		reply_text(r, bad, "%s", chain_reason_text(up->why));
		break;
	case PUSHED_FULL:
		reply_text(r, 503, "too many uploads wait");
		break;
	}
}

void post_block(struct request *r)
{
	struct upload up;

	if (begin(r, &up))
		answer(r, take(r, NULL, &up), &up, 400);
}

/* An unknown sortition is told before the block comes. */
bool post_anchored_may(struct request *r)
{
	char hex[2 * CH_LEN + 1];
	struct rec_sortition own;
	MDB_txn *txn;
	int rc;

	if (!post_block_may(r))
		return false;
	txn = store_read(&r->s->store);
	rc = sortition_get(&r->s->store, txn, r->hash, &own);
	store_read_end(txn);
	if (rc == 0)
		return true;
	reply_closes(r);
	reply_text(r, 404, "No such sortition %s\n", hex_of(hex, r->hash, CH_LEN));
	return false;
}

/* A node answers 500 for a block that breaks a rule. */
void post_anchored(struct request *r)
{
	struct upload up;

	if (begin(r, &up))
		answer(r, take(r, r->hash, &up), &up, 500);
}

/* ?tip= names the block that the microblock is on; else it is the canonical tip. */
bool post_microblock_may(struct request *r)
{
	int asked = query_hex(r, "tip", r->hash, ID_LEN);

	if (!post_block_may(r))
		return false;
	if (asked < 0) {
		reply_closes(r);
		reply_text(r, 400, "Invalid query string: tip");
		return false;
	}
	if (asked == 0)
		memcpy(r->hash, r->s->view.id, ID_LEN);
	return true;
}

/* One microblock: kept where it is a whole stream that one of our blocks confirms. */
void post_microblock(struct request *r)
{
	size_t n = r->conn->n_body;
	uint8_t *vector;
	struct rec_block row;
	struct microblock m;
	struct upload up;
	enum pushed got;
	MDB_txn *txn;
	size_t need;

	if (!begin(r, &up))
		return;
	vector = xmalloc(4 + n);
	put_be32(vector, 1);
	memcpy(vector + 4, r->conn->body, n);
	txn = store_read(&r->s->store);
	got = pushed_stream(&r->s->store, txn, r->hash, vector, 4 + n, &row, &up.why);
	store_read_end(txn);
	if (got == PUSHED_TAKEN) {
		got = upload_queue(r->s->uploads, &row, up.source, "upload");
		free((void *)(uintptr_t)row.body.p);
	}
	if ((got == PUSHED_TAKEN || got == PUSHED_KNOWN) &&
	    microblock_header(&m, vector + 4, n, &need) > 0)
		answer_hash(r, m.hash);
	else
		answer(r, got, &up, up.why == REASON_UNCONFIRMED ? 404 : 400);
	free(vector);
}

/* Next: cmd/block-serve/inventory.c, which tenures we claim. */
