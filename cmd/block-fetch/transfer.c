/* Transfers: a request goes out, blocks are cut from the bytes as they come, and leave as
 * records.  Nothing waits for the end of a tenure; what is not yet a whole block is all that is
 * kept, and no byte is looked at twice. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/block-fetch/fetch.h"
#include "common/net/json.h"
#include "common/sys/log.h"

bool transfers_room(struct fetch *f)
{
	size_t limit = f->n_crowd ? CROWD_BYTES : MAX_WRITTEN;

	return !stage_full(f->stage) && !f->lone &&
	    (f->written_is_done || f->written_bytes < limit);
}

/* ---- blocks ---- */

static void emit(struct fetch *f, struct xfer *x, const struct block *b)
{
	struct rec_block r = { .height = b->height,
		.source = rec_str(planner_source_name(f->plan, x->a.source)),
		.request = rec_str(x->path),
		.body = rec_bytes(b->bytes, b->len),
		.model = b->model };

	memcpy(r.id, b->id, ID_LEN);
	memcpy(r.consensus_hash, b->ch, CH_LEN);
	written_add(f, &r, &x->a);
}

/* The next block is of the model that was asked for. */
static void walk_begin(struct xfer *x)
{
	block_walk_begin(&x->walk, MODEL_BIT(x->a.model), x->a.ch);
}

bool transfer_offer(struct fetch *f, struct xfer *x, const struct plan_block *b, bool *emit)
{
	*emit = false;
	switch (planner_block(f->plan, now_ms(), x->a.transfer, b)) {
	case TAKE_LAST:
		x->complete = true;
		/* fall through */
	case TAKE: *emit = true; break;
	case DUPLICATE:
		break;
	case STOP_WRONG:
	case STOP_QUIET:
		x->stopped = true;
		return false;
	}
	fetch_wake(f);
	return true;
}

/* One whole block.  False: the transfer is to stop. */
static bool take(struct fetch *f, struct xfer *x, const struct block *b)
{
	static const uint8_t none[CH_LEN];
	struct plan_block info = { .id = b->id,
		.parent = b->parent,
		.ch = b->ch,
		.len = (uint32_t)b->len,
		.start = b->kind == BLOCK_START,
		.confirms = block_confirms(b),
		.prev_ch = b->model == NAKAMOTO && b->kind == BLOCK_START ?
		    b->nakamoto.change.prev_tenure :
		    none };
	bool write, go_on = transfer_offer(f, x, &info, &write);

	if (write)
		emit(f, x, b);
	if (write && info.start)
		view_shadow(f, b);
	return go_on;
}

/* Bytes after the last block asked for: a server that does not know ?stop= goes on with that block;
 * all else is the source's fault. */
static void judge_extra(struct xfer *x)
{
	struct block b;
	ssize_t used = x->a.ask == ASK_STREAM ? -1 :
						block_header(&b, MODEL_BIT(x->a.model), x->a.ch,
						    x->buf + x->off, x->len - x->off, &x->need);

	if (used == 0 && x->len - x->off < MAX_EXTRA)
		return;
	x->stopped = true;
	x->extra = used <= 0;
	x->more = used > 0 && memcmp(b.id, x->a.stop, ID_LEN) != 0;
}

/* The header of the next block, once it is whole: nothing behind it is looked at unless it is the
 * block asked for. */
static void judge_head(struct fetch *f, struct xfer *x)
{
	struct block b;
	ssize_t used = block_walk_header(&x->walk, &b, x->buf + x->off, x->len - x->off, &x->need);

	if (used < 0)
		x->garbage = x->stopped = true;
	else if (used > 0 && !planner_expects(f->plan, x->a.transfer, b.id))
		x->stopped = !take(f, x, &b);	/* which says what is wrong with it */
}

/* The block at off, as far as it has come. */
static void cut_block(struct fetch *f, struct xfer *x)
{
	struct block b;
	ssize_t used = block_walk(&x->walk, &b, x->buf + x->off, x->len - x->off, &x->need);

	if (used < 0)
		x->garbage = x->stopped = true;
	if (used <= 0 || !take(f, x, &b))
		return;
	x->off += (size_t)used;
	x->need = 0;
	walk_begin(x);
}

/* Cut blocks from the buffer while there is room for them.  False: stop the transfer. */
static bool cut(struct fetch *f, struct xfer *x)
{
	while (x->len > x->off && x->len - x->off >= x->need && !x->stopped) {
		if (x->complete) {
			judge_extra(x);
			break;
		}
		if (!transfers_room(f))
			break;
		if (x->a.ask == ASK_STREAM)
			stream_cut(f, x);
		else if (x->walk.headed)
			cut_block(f, x);
		else
			judge_head(f, x);
	}
	return !x->stopped;
}

static void compact(struct fetch *f, struct xfer *x)
{
	f->unfinished -= x->cap;
	if (x->off == x->len)
		x->off = x->len = 0;
	else if (x->off > x->cap / 2) {
		memmove(x->buf, x->buf + x->off, x->len - x->off);
		x->len -= x->off;
		x->off = 0;
	}
	if (!x->len && x->cap > 65536) {
		free(x->buf);
		x->buf = NULL;
		x->cap = 0;
	}
	f->unfinished += x->cap;
}

static void append(struct fetch *f, struct xfer *x, const uint8_t *p, size_t n)
{
	size_t want = x->len + n;

	if (want > x->cap) {	/* grows by what has come, never by what a block announces */
		f->unfinished -= x->cap;
		x->cap = want + want / 2 + 4096;
		x->buf = xrealloc(x->buf, x->cap);
		f->unfinished += x->cap;
	}
	memcpy(x->buf + x->len, p, n);
	x->len += n;
}

/* All buffers together have a bound: the largest one's transfer gives way, and is asked again
 * later. */
static void bound_unfinished(struct fetch *f)
{
	struct xfer *largest = NULL;

	if (f->unfinished <= MAX_UNFINISHED)
		return;
	for (unsigned i = 0; i < MAX_TRANSFERS; i++)
		if (f->xfers[i].live && f->xfers[i].http && !f->xfers[i].stopped &&
		    (!largest || f->xfers[i].cap > largest->cap))
			largest = &f->xfers[i];
	if (largest) {
		largest->stopped = true;
		http_transfer_cancel(largest->http);
	}
}

static bool on_data(void *arg, const uint8_t *p, size_t n)
{
	struct xfer *x = arg;
	struct fetch *f = x->fetch;
	bool go_on;

	f->bytes += n;
	planner_bytes(f->plan, now_ms(), x->a.transfer, n);
	append(f, x, p, n);
	go_on = cut(f, x);
	compact(f, x);
	bound_unfinished(f);
	if (go_on && !x->complete && !transfers_room(f)) {
		transfers_pause(f);
		fetch_wake(f);
	}
	return go_on;
}

/* ---- ends ---- */

static void finish(struct fetch *f, struct xfer *x)
{
	enum plan_end end = x->end;

	if (x->garbage || (!x->complete && !x->stopped && end == END_DONE && x->len > x->off))
		end = END_GARBAGE;
	else if (x->early)
		end = END_CUT;
	else if (x->more)
		end = END_MORE;
	else if (x->extra || (x->complete && !x->stopped && x->len > x->off))
		end = END_TRAILING;
	else if (x->stopped)
		end = END_STOPPED;
	f->unfinished -= x->cap;
	free(x->buf);
	x->buf = NULL;
	x->cap = x->len = x->off = 0;
	x->live = false;
	planner_end(f->plan, now_ms(), x->a.transfer, end, x->status, x->retry_after);
	fetch_wake(f);
}

static enum plan_end end_of(enum http_end end)
{
	switch (end) {
	case HTTP_DONE: return END_DONE;
	case HTTP_UNRESOLVED: return END_UNRESOLVED;
	case HTTP_CONNECT: return END_CONNECT;
	case HTTP_TIMEOUT: case HTTP_STALLED: case HTTP_CUT: return END_CUT;
	case HTTP_TOO_LARGE: return END_TOO_LARGE;
	case HTTP_PROTOCOL: return END_PROTOCOL;
	case HTTP_REFUSED_ADDRESS: return END_PRIVATE;
	case HTTP_CANCELLED: case HTTP_STOPPED: return END_STOPPED;
	}
	return END_CUT;
}

static bool hex_member(json_t *o, const char *name, uint8_t *out, size_t n)
{
	const char *s = json_string_value(json_object_get(o, name));

	if (s && strncmp(s, "0x", 2) == 0)
		s += 2;
	return s && hex_to(out, n, s, strlen(s)) == 0;
}

/* /v3/tenures/info: where this source's own tip is. */
static void claim(struct fetch *f, struct xfer *x, const struct http_result *r)
{
	char err[120];
	json_t *o = json_foreign(r->body, r->len, err);
	uint8_t ch[CH_LEN], tip[ID_LEN];
	struct rec_tenure t;

	if (o && hex_member(o, "consensus_hash", ch, CH_LEN) &&
	    hex_member(o, "tip_block_id", tip, ID_LEN)) {
		MDB_txn *txn = store_read(&f->store);
		if (!block_known(&f->store, txn, tip)) {
			bool have =
			    tenure_get(&f->store, txn, ch, &t) == 0 && !all_zero(t.tip_id, ID_LEN);
			planner_claim(f->plan, now_ms(), x->a.source, ch, tip,
			    have ? t.tip_id : NULL);
		}
		store_read_end(txn);
	}
	json_decref(o);
}

/* A URL of the operator's that has moved, or forbids, is told once with its target. */
static void say_refusal(struct fetch *f, const struct xfer *x, const struct http_result *r)
{
	char why[300];

	if (x->a.source >= f->n_urls || f->places[x->a.source].refused ||
	    (r->status / 100 != 3 && r->status != 401 && r->status != 403))
		return;
	f->places[x->a.source].refused = true;
	http_refusal(r, x->path, why);
	log_warnx("'%s': %s", f->places[x->a.source].base, why);
}

static void on_end(void *arg, const struct http_result *r)
{
	struct xfer *x = arg;
	struct fetch *f = x->fetch;

	x->http = NULL;
	x->end = end_of(r->end);
	x->status = r->status ? (unsigned)r->status : r->first_byte > 0;
	x->retry_after = r->retry_after;
	say_refusal(f, x, r);
	if (r->end == HTTP_UNRESOLVED && f->places[x->a.source].private_ok &&
	    strcmp(f->unresolved, r->error) != 0) {
		snprintf(f->unresolved, sizeof(f->unresolved), "%s", r->error);
		log_warnx("%s", r->error);
	}
	log_debug("%s%s: %s %u, %zu bytes, %.3f s %s", f->places[x->a.source].base, x->path,
	    http_end_name(r->end), x->status, r->len, r->seconds, r->error);
	if (x->a.ask == ASK_INFO) {
		if (x->end == END_DONE && x->status == 200)
			claim(f, x, r);
		x->len = x->off = 0;
		x->stopped = false;
	} else if (x->len > x->off && !x->stopped) {
		cut(f, x);
		/* Whole blocks may wait for room; transfers_resume goes on. */
		if (!x->stopped && !x->complete && !transfers_room(f))
			return;
	}
	finish(f, x);
}

/* ---- start, stop, pause ---- */

void transfer_start(struct fetch *f, const struct action *a)
{
	struct xfer *x = &f->xfers[a->transfer];
	char url[MAX_SOURCE + 220];
	struct http_request r = { .url = url,
		.arg = x,
		.on_end = on_end,
		.private_ok = f->places[a->source].private_ok };

	memcpy(r.own, f->places[a->source].own, sizeof(r.own));
	*x = (struct xfer){ .fetch = f, .live = true, .a = *a };
	walk_begin(x);
	if (a->ask == ASK_STREAM)
		stream_begin(f, x);
	planner_path(a, x->path);
	snprintf(url, sizeof(url), "%s%s", f->places[a->source].base, x->path);
	switch (a->ask) {
	case ASK_INFO:
		r.max_body = MAX_INFO_ANSWER;
		break;
	case ASK_START:
	case ASK_BLOCK:
	case ASK_STREAM:
		r.max_body = MAX_BLOCK_ANSWER;
		r.on_data = on_data;
		break;
	case ASK_BODY:
	case ASK_TIP:
		r.max_body = a->model == EPOCH2 ? MAX_BLOCK_ANSWER : MAX_BODY_ANSWER;
		r.on_data = on_data;
	}
	x->http = http_client_send(f->http, &r);
}

void transfer_stop(struct fetch *f, unsigned transfer)
{
	struct xfer *x = &f->xfers[transfer];

	if (!x->live)
		return;
	x->stopped = true;
	if (x->http)
		http_transfer_cancel(x->http);
	else
		finish(f, x);
}

void transfers_pause(struct fetch *f)
{
	if (f->full)
		return;
	f->full = true;
	planner_room(f->plan, now_ms(), false);
	for (unsigned i = 0; i < MAX_TRANSFERS; i++) {
		struct xfer *x = &f->xfers[i];
		if (x->live && x->http && !x->paused && !x->complete && x->a.ask != ASK_INFO) {
			x->paused = true;
			http_transfer_pause(x->http, true);
		}
	}
}

/* Room again: first what waits in buffers, then the sockets. */
void transfers_resume(struct fetch *f)
{
	for (unsigned i = 0; i < MAX_TRANSFERS && f->full; i++) {
		struct xfer *x = &f->xfers[i];
		if (!x->live || x->stopped || x->a.ask == ASK_INFO)
			continue;
		if (!transfers_room(f))
			return;
		bool go_on = cut(f, x);
		compact(f, x);
		if (!x->http && (!go_on || x->complete || transfers_room(f)))
			finish(f, x);
		else if (x->http && !go_on)
			http_transfer_cancel(x->http);
	}
	if (!transfers_room(f))
		return;
	f->full = false;
	planner_room(f->plan, now_ms(), true);
	for (unsigned i = 0; i < MAX_TRANSFERS; i++) {
		struct xfer *x = &f->xfers[i];
		if (x->live && x->http && x->paused) {
			x->paused = false;
			http_transfer_pause(x->http, false);
		}
	}
}

/* Next: cmd/block-fetch/stream.c, the same of microblocks. */
