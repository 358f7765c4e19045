/* Blocks and microblocks that others give us, by POST or by a push on a conversation, and rows of
 * peers, until they are committed.  What costs little to judge is judged at once
 * (common/store/pushed.h); the rest is the pipeline's. */
#include "cmd/block-serve/upload.h"
#include "common/net/address.h"
#include "common/sys/loop.h"
#include "common/sys/stage.h"

struct pending {
	TAILQ_ENTRY(pending) entry;
	struct rec_block row;
	char source[MAX_SOURCE + 1], request[64];
	uint8_t body[];
};

struct peer_row {
	TAILQ_ENTRY(peer_row) entry;
	struct rec_peer row;
	char address[MAX_SOURCE + 1], data_url[MAX_URL + 1];
};

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

void upload_arm(struct event *ev, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };

	if (!event_pending(ev, EV_TIMEOUT, NULL) && event_add(ev, &tv) != 0)
		die_world("cannot start a timer");
}

static void commit_soon(struct uploads *u)
{
	uint64_t since = now_ms() - u->last_commit;

	upload_arm(u->timer, since >= COMMIT_MS ? 1 : COMMIT_MS - since);
}

/* One block or stream waits for the next commit. */
enum pushed upload_queue(
    struct uploads *u, const struct rec_block *row, const char *source, const char *request)
{
	struct pending *p;

	if (u->bytes + row->body.n > UPLOAD_PENDING)
		return PUSHED_FULL;
	p = xmalloc(sizeof(*p) + row->body.n);
	memcpy(p->body, row->body.p, row->body.n);
	snprintf(p->source, sizeof(p->source), "%s", source);
	snprintf(p->request, sizeof(p->request), "%s", request);
	p->row = *row;
	p->row.source = rec_str(p->source);
	p->row.request = rec_str(p->request);
	p->row.body.p = p->body;
	TAILQ_INSERT_TAIL(&u->pending, p, entry);
	u->bytes += row->body.n;
	commit_soon(u);
	return PUSHED_TAKEN;
}

struct push { struct uploads *u; char source[2 * KEY_LEN + 1]; unsigned taken; };

static void take_pushed(void *arg, const struct rec_block *row)
{
	struct push *p = arg;

	p->taken += upload_queue(p->u, row, p->source, "push") == PUSHED_TAKEN;
}

unsigned upload_push(struct serve *s, struct conv *c, const struct message *m)
{
	struct push p = { .u = s->uploads };
	uint32_t n = pushed_count(m);
	enum chain_reason why;
	enum pushed fault;
	char more[160];

	hex_of(p.source, conv_key(c), KEY_LEN);
	s->n_pushes += n;
	if (!push_allowed(&p.u->budgets, p.source, now_ms(), m->u.blocks.len, n))
		return 0;
	why = pushed_message(&s->store, m, take_pushed, &p);
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

struct uploads *uploads_new(struct serve *s)
{
	struct uploads *u = s->uploads = xcalloc(1, sizeof(*u));

	u->s = s;
	TAILQ_INIT(&u->pending);
	TAILQ_INIT(&u->waiters);
	TAILQ_INIT(&u->peers);
	u->timer = loop_event(s->base, -1, 0, commit_cb, u);
	u->tick = loop_event(s->base, -1, 0, upload_tick, u);
	return u;
}

/* Next: cmd/block-serve/http_upload.c, the uploads. */
