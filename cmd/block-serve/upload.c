/* Blocks that others give us, by POST or by a push on a conversation.  What costs little to judge
 * is judged at once (common/store/pushed.h); the rest is the pipeline's, and an upload's answer
 * waits for its verdict. */
#include "cmd/block-serve/http.h"
#include "common/chain/hash.h"
#include "common/net/address.h"
#include "common/store/pushed.h"
#include "common/sys/loop.h"
#include "common/sys/stage.h"

struct pending {
	TAILQ_ENTRY(pending) entry;
	struct rec_block row;
	char source[MAX_SOURCE + 1], request[64];
	uint8_t body[];
};

struct waiter {
	TAILQ_ENTRY(waiter) entry;
	struct serve *s;
	struct http_conn *conn;
	uint8_t id[ID_LEN], body_hash[32];
	char source[MAX_SOURCE + 1], who[2 * 16 + 1];	/* who: whose share it is (sender) */
	uint64_t deadline;
};

struct peer_row {
	TAILQ_ENTRY(peer_row) entry;
	struct rec_peer row;
	char address[MAX_SOURCE + 1], data_url[MAX_URL + 1];
};

struct uploads {
	struct serve *s;
	TAILQ_HEAD(, pending) pending;
	TAILQ_HEAD(, waiter) waiters;
	TAILQ_HEAD(, peer_row) peers;
	size_t bytes, n_waiters, n_peers;
	struct push_budgets budgets;
	uint64_t last_commit;
	struct event *timer;		/* the next commit */
	/* looks for verdicts and deadlines while there are waiters */
	struct event *tick;
};

#define TICK_MS 50

/* A row of somebody who dials us never takes the place of what inv-sync knows of a peer that it
 * dials. */
static void put_peer(struct serve *s, MDB_txn *txn, struct rec_peer *row)
{
	struct rec_peer old;

	if (peer_get(&s->store, txn, row->key, &old) == 0) {
		if (!old.inbound)
			return;
		row->first_contact = old.first_contact;
		row->banned_until = old.banned_until;
		row->pinned = old.pinned;
		row->blocks = old.blocks;
	} else if (store_count(&s->store, txn, T_PEERS) >= PEER_ROWS) {
		return;
	}
	peer_put(&s->store, txn, row);
}

static void commit(struct uploads *u)
{
	MDB_txn *txn = store_write(&u->s->store);
	struct pending *p;
	struct peer_row *row;

	TAILQ_FOREACH(p, &u->pending, entry)
		upload_put(&u->s->store, txn, &p->row);
	TAILQ_FOREACH(row, &u->peers, entry)
		put_peer(u->s, txn, &row->row);
	store_commit_or_die(&u->s->store, txn);
	while ((p = TAILQ_FIRST(&u->pending)) != NULL) {
		TAILQ_REMOVE(&u->pending, p, entry);
		free(p);
	}
	while ((row = TAILQ_FIRST(&u->peers)) != NULL) {
		TAILQ_REMOVE(&u->peers, row, entry);
		free(row);
	}
	u->bytes = u->n_peers = 0;
	u->last_commit = now_ms();
}

void uploads_flush(struct serve *s)
{
	if (!TAILQ_EMPTY(&s->uploads->pending) || !TAILQ_EMPTY(&s->uploads->peers))
		commit(s->uploads);
}

static void commit_cb(evutil_socket_t fd, short what, void *arg)
{
	commit(arg);
}

static void arm(struct event *ev, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };

	if (!event_pending(ev, EV_TIMEOUT, NULL) && event_add(ev, &tv) != 0)
		die_world("cannot start a timer");
}

static void commit_soon(struct uploads *u)
{
	uint64_t since = now_ms() - u->last_commit;

	arm(u->timer, since >= COMMIT_MS ? 1 : COMMIT_MS - since);
}

/* One block waits for the next commit. */
static enum pushed queue(
    struct uploads *u, const struct block *n, const char *source, const char *request)
{
	struct pending *p;

	if (u->bytes + n->len > UPLOAD_PENDING)
		return PUSHED_FULL;
	p = xmalloc(sizeof(*p) + n->len);
	memset(p, 0, sizeof(*p));
	memcpy(p->body, n->bytes, n->len);
	snprintf(p->source, sizeof(p->source), "%s", source);
	snprintf(p->request, sizeof(p->request), "%s", request);
	memcpy(p->row.id, n->id, ID_LEN);
	memcpy(p->row.consensus_hash, n->ch, CH_LEN);
	p->row.height = n->height;
	p->row.model = n->model;
	p->row.source = rec_str(p->source);
	p->row.request = rec_str(p->request);
	p->row.body = rec_bytes(p->body, n->len);
	TAILQ_INSERT_TAIL(&u->pending, p, entry);
	u->bytes += n->len;
	commit_soon(u);
	return PUSHED_TAKEN;
}

/* The sender whose share of uploads an address uses up: itself, with IPv6 its /64, as one customer
 * has all addresses of that. */
static const char *sender(char out[2 * 16 + 1], const struct sockaddr *sa)
{
	uint8_t addr[16];
	uint16_t port;

	address_to16(addr, &port, sa);
	return hex_of(out, addr, all_zero(addr, 8) ? 16 : 8);
}

/* An upload's block.  who: the address that its sender's share is counted for. */
static enum pushed take(struct uploads *u, const uint8_t *body, size_t len, const char *source,
    const char *who,
    uint8_t id[ID_LEN], const char **why)
{
	enum chain_reason reason;
	struct block n;
	enum pushed got;
	MDB_txn *txn;

	if (!push_allowed(&u->budgets, who, now_ms(), len, 1))
		return PUSHED_FULL;
	txn = store_read(&u->s->store);
	got = pushed_judge(&u->s->store, txn, NULL, body, len, true, &n, &reason);
	store_read_end(txn);
	*why = chain_reason_text(reason);
	memcpy(id, n.id, ID_LEN);
	return got == PUSHED_TAKEN ? queue(u, &n, source, "upload") : got;
}

struct push { struct uploads *u; char source[2 * KEY_LEN + 1]; unsigned taken; };

static void take_pushed(void *arg, const struct block *n)
{
	struct push *p = arg;

	p->taken += queue(p->u, n, p->source, "push") == PUSHED_TAKEN;
}

unsigned upload_push(struct serve *s, struct conv *c, const struct message *m)
{
	struct push p = { .u = s->uploads };
	enum chain_reason why;
	enum pushed fault;
	char more[160];

	hex_of(p.source, conv_key(c), KEY_LEN);
	s->n_pushes += m->u.blocks.n;
	if (!push_allowed(&p.u->budgets, p.source, now_ms(), m->u.blocks.len, m->u.blocks.n))
		return 0;
	why = pushed_each(&s->store, m->u.blocks.p, m->u.blocks.len, m->u.blocks.n, take_pushed,
	    &p);
	if (why != REASON_OK)
		log_debug("push of '%s': %s", conv_address(c), chain_reason_text(why));
	if ((fault = pushed_fault(why)) == PUSHED_TAKEN)
		return p.taken;
	snprintf(more, sizeof(more), ": %s", chain_reason_text(why));
	conv_fail(
	    c, fault == PUSHED_REFUSED ? CONV_END_PUSH_FALSE : CONV_END_PUSH_UNDECODABLE, more);
	return p.taken;
}

void upload_peer(struct serve *s, const struct rec_peer *row)
{
	struct uploads *u = s->uploads;
	struct peer_row *p;

	TAILQ_FOREACH(p, &u->peers, entry)
		if (memcmp(p->row.key, row->key, KEY_LEN) == 0)
			break;
	if (!p) {
		if (u->n_peers >= P2P_MAX)
			return;
		p = xcalloc(1, sizeof(*p));
		TAILQ_INSERT_TAIL(&u->peers, p, entry);
		u->n_peers++;
	}
	p->row = *row;
	p->row.address = rec_str(rec_cstr(p->address, sizeof(p->address), row->address));
	p->row.data_url = rec_str(rec_cstr(p->data_url, sizeof(p->data_url), row->data_url));
	commit_soon(u);
}

static void answer_id(struct request *r, const uint8_t id[ID_LEN], bool accepted)
{
	struct evbuffer *b = reply_buffer();

	add_hex(b, "{\"stacks_block_id\":\"", id, ID_LEN,
	    accepted ? "\",\"accepted\":true}" : "\",\"accepted\":false}");
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
		reply_text(&r, 400, "%s: %s", rec_cstr(word, sizeof(word), v.reason), text);
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

static void tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct uploads *u = arg;

	uploads_check(u->s);
	if (!TAILQ_EMPTY(&u->waiters))
		arm(u->tick, TICK_MS);
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

static void wait_for_verdict(struct request *r, const uint8_t id[ID_LEN], const char *source,
    const char *who)
{
	static const struct http_later later = { NULL, waiter_drop };
	struct uploads *u = r->s->uploads;
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->s = r->s;
	w->conn = r->conn;
	memcpy(w->id, id, ID_LEN);
	hash_once(w->body_hash, r->conn->body, r->conn->n_body);
	snprintf(w->source, sizeof(w->source), "%s", source);
	snprintf(w->who, sizeof(w->who), "%s", who);
	w->deadline = now_ms() + UPLOAD_SECONDS * 1000 - 2 * TICK_MS;
	TAILQ_INSERT_TAIL(&u->waiters, w, entry);
	u->n_waiters++;
	http_conn_later(r->conn, &later, w);
	arm(u->tick, TICK_MS);
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

void post_block(struct request *r)
{
	struct uploads *u = r->s->uploads;
	char source[MAX_SOURCE + 1] = "upload:", address[64], who[2 * 16 + 1];
	const char *why;
	uint8_t id[ID_LEN];

	strlcat(source, address_text(address, (struct sockaddr *)&r->conn->peer), sizeof(source));
	switch (take(u, r->conn->body, r->conn->n_body, source,
	    sender(who, (struct sockaddr *)&r->conn->peer), id, &why)) {
	case PUSHED_TAKEN:
		r->s->n_uploads++;
		if (make_room(u, who))
			wait_for_verdict(r, id, source, who);
		else
			reply_text(r, 503, "too many uploads wait");
		break;
	case PUSHED_KNOWN:
		answer_id(r, id, false);
		break;
	case PUSHED_MALFORMED:
		reply_closes(r);
		reply_text(r, 400, "%s", why);
		break;
	case PUSHED_REFUSED:
		reply_text(r, 400, "%s", why);
		break;
	case PUSHED_FULL:
		reply_text(r, 503, "too many uploads wait");
		break;
	}
}

struct uploads *uploads_new(struct serve *s)
{
	struct uploads *u = s->uploads = xcalloc(1, sizeof(*u));

	u->s = s;
	TAILQ_INIT(&u->pending);
	TAILQ_INIT(&u->waiters);
	TAILQ_INIT(&u->peers);
	u->timer = loop_event(s->base, -1, 0, commit_cb, u);
	u->tick = loop_event(s->base, -1, 0, tick_cb, u);
	return u;
}

/* Next: cmd/block-serve/inventory.c, which tenures we claim. */
