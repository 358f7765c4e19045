/* rpc - a node's RPC as a source: what is asked of it, how often, and how failures are borne.
 *
 * Up to MAX_INFLIGHT requests at once while there is something to load; then seventeen a minute,
 * whatever there is to ask: public nodes allow fifty to a client, and block-fetch may ask there
 * too.  A failure delays the next request (0, then 250 ms doubling to 30 s; what Retry-After says
 * where it says more); 429 and 503 also halve what is in flight.  rpc_answer.c reads the
 * answers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/sortition-sync/rpc.h"
#include "common/sys/log.h"

#define TIP_MS 20000		/* poll of the burn tip, unless a tenure or another source tells of
				 * a new one */
#define INFO_MS 6000		/* poll of the tip of the blocks */
#define SETS_MS 60000		/* reward sets that were not there yet */
#define PACE_MS 3600		/* between two requests, once nothing is left to load */
#define PACE_BURST 2		/* so many at once after a rest */
#define PACE_DEBT 4		/* the same where there is news: polls wait until that is paid
				 * for */
#define PATIENT_MS 60000	/* with -1: who asks to wait longer is not waited for */
#define SILENT_MS 18000		/* three polls: a source that has not answered for so long does not
				 * answer */
#define STALL_MS 10000
#define SINGLE_MS 15000
#define BATCH_MS 60000
#define NAMED_AFTER 5		/* failures in a row */
#define MAX_SMALL 65536		/* one sortition, tip or info */
#define MAX_BATCH_BODY (8u << 20)

struct rpc *rpc_new(struct source *source, const char *url)
{
	struct rpc *r = xcalloc(1, sizeof(*r));
	size_t n = strlen(url);

	while (n > 0 && url[n - 1] == '/')
		n--;
	if (n > sizeof(r->base) - 100)
		die_usage("source '%.100s...' is too long", url);
	memcpy(r->base, url, n);
	r->source = source;
	r->window = MAX_INFLIGHT;
	return r;
}

void rpc_free(struct rpc *r)
{
	free(r);	/* requests on the way are dropped with the HTTP client */
}

static void on_end(void *arg, const struct http_result *);

static bool may_ask(const struct rpc *r, uint64_t now)
{
	return !r->source->sync->steady ||
	    r->paid_until <= now + ((r->soon ? PACE_DEBT : PACE_BURST) - 1) * PACE_MS;
}

static void pay(struct rpc *r, uint64_t now)
{
	r->paid_until = (r->paid_until > now ? r->paid_until : now) + PACE_MS;
	if (r->paid_until > now + PACE_DEBT * PACE_MS)
		r->paid_until = now + PACE_DEBT * PACE_MS;
	if (!r->began)
		r->began = now;
}

static void request(struct rpc *r, enum rpc_kind kind, const char *path, uint64_t from, uint32_t n)
{
	struct rpc_request *q = xcalloc(1, sizeof(*q));
	char url[1200];
	struct http_request h = {
		.url = url,
		.max_body = MAX_SMALL,
		.total_ms = SINGLE_MS,
		.stall_ms = STALL_MS,
		.accept = "application/json",
		.private_ok = true,
		.on_end = on_end,
		.arg = q,
	};

	if (kind == RPC_SET || kind == RPC_POX) {
		h.max_body = MAX_JSON;
	} else if (kind == RPC_BATCH) {
		h.max_body = MAX_BATCH_BODY;
		h.total_ms = BATCH_MS;
		h.accept = "application/octet-stream";
	}
	*q = (struct rpc_request){ .rpc = r, .kind = kind, .from = from, .n = n, .sent = now_ms() };
	snprintf(q->path, sizeof(q->path), "%s", path);
	snprintf(url, sizeof(url), "%s%s", r->base, path);
	pay(r, q->sent);
	r->in_flight++;
	http_client_send(r->source->sync->http, &h);
}

/* Something did not work: later again, and slower. */
static void fail(
    struct rpc_request *q, enum fault_class class, const char *why, unsigned retry_after)
{
	struct rpc *r = q->rpc;
	uint64_t now = now_ms(), delay;

	if (q->sent > r->failed_at) {	/* what failed at once counts once */
		delay = backoff_ms(&r->backoff, 250, 30000);
		if (delay < retry_after * 1000ull)
			delay = retry_after * 1000ull;
		r->failed_at = now;
		r->not_before = now + delay;
		r->failures++;
	}
	snprintf(r->source->why, sizeof(r->source->why), "%s", why);
	r->source->class = class;
	if (r->failures >= NAMED_AFTER)
		sync_failing(r->source);
	if (q->kind == RPC_BATCH && r->batch == RPC_UNKNOWN && ++r->batch_failures >= 3)
		r->batch = RPC_NO;
	if (q->kind == RPC_HEIGHT || q->kind == RPC_BATCH)
		view_failed(&r->source->sync->view, r->source->index, q->from, q->n);
	else if (q->kind == RPC_SET)
		claims_failed(&r->source->sync->claims, r->source->index, q->from);
	else if (q->kind == RPC_TIP)
		r->next_tip = r->not_before;
	else if ((q->kind == RPC_NODE || q->kind == RPC_POX) && r->failures < 3 * NAMED_AFTER)
		r->node_asked = false;
}

/* "57 s", "25 min", "61 h". */
static const char *span_text(uint64_t seconds, char out[32])
{
	uint64_t unit = seconds < 120 ? 1 : seconds < 7200 ? 60 : 3600;

	snprintf(out, 32, "%" PRIu64 " %s", (seconds + unit - 1) / unit,
	    unit == 1 ? "s" : unit == 60 ? "min" : "h");
	return out;
}

/* Seconds until all is loaded, at the rate of what has been answered so far; 0: not known. */
static uint64_t seconds_left(const struct rpc *r, uint64_t left, uint64_t until)
{
	return r->answered ? left / (r->batch == RPC_YES ? MAX_BATCH :
	    1) * (until - r->began) / 1000 / r->answered : 0;
}

/* It allows no more for now, and says or does not say for how long. */
static void limited(struct rpc_request *q, const struct http_result *h)
{
	struct rpc *r = q->rpc;
	struct sync *s = r->source->sync;
	uint64_t now = now_ms(), wait = h->retry_after, left = view_left(&s->view), more;
	char why[300], span[32];
	int n;

	r->window = r->window > 1 ? r->window / 2 : 1;
	r->limited = true;
	n = snprintf(why, sizeof(why), "status %ld: no more requests for %s%s", h->status,
	    wait ? span_text(wait, span) : "now", wait >= 3600 ? " or more" : "");
	more = seconds_left(r, left, now + wait * 1000);
	if (left && more)
		n += snprintf(why + n, sizeof(why) - (size_t)n,
		    "; %" PRIu64 " burn blocks are left, at its rate some %s", left,
		    span_text(more, span));
	if (!s->header)
		snprintf(why + n, sizeof(why) - (size_t)n, " (-K sends an API key)");
	fail(q, FAULT_USELESS, why, h->retry_after);
	if ((wait < 10 && more < 60) || rpc_hopeless(r, now) ||
	    (r->limited_said && now - r->limited_said < 600000))
		return;
	r->limited_said = now;
	log_warnx("source '%s': %s", r->source->name, why);
}

bool rpc_answers(const struct rpc *r, uint64_t now)
{
	return r->answered_at && now - r->answered_at < SILENT_MS && r->failures < 2;
}

bool rpc_limited(const struct rpc *r)
{
	return r->limited;
}

bool rpc_hopeless(const struct rpc *r, uint64_t now)
{
	return (r->limited && r->not_before > now + PATIENT_MS) ||
	    (r->refused && r->failures >= NAMED_AFTER);
}

static void succeed(struct rpc *r)
{
	if (r->failures >= NAMED_AFTER)
		sync_answers(r->source);
	r->source->class = FAULT_NONE;
	r->answered++;
	r->answered_at = now_ms();
	r->limited = r->refused = false;
	r->failures = 0;
	r->backoff.tries = 0;
	if (r->window < MAX_INFLIGHT)
		r->window++;
}

/* The answer of any status: is it one, or a failure? */
static void judge(struct rpc_request *q, const struct http_result *h)
{
	struct rpc *r = q->rpc;
	char why[300];

	if (h->end != HTTP_DONE) {
		bool slow = h->end == HTTP_TIMEOUT || (h->end == HTTP_STALLED && h->first_byte > 0);
		snprintf(why, sizeof(why), "%s: %.100s", http_end_name(h->end), h->error);
		fail(q, slow ? FAULT_SLOW : FAULT_USELESS, why, 0);
	} else if (h->status == 429 || h->status == 503) {
		limited(q, h);
	} else if (h->status == 200 ||
	    (q->kind != RPC_TIP && (h->status == 404 || h->status == 400))) {
		why[0] = '\0';
		if (rpc_answer(q, h, why) != 0)
			fail(q, FAULT_INVALID, why, 0);
		else if (q->kind != RPC_INFO ||
		    h->status == 200) /* any web server says 404: that makes good no failure */
			succeed(r);
	} else if (q->kind == RPC_POX) {
		/* real nodes do so; the network file rules */
		log_debug("source '%s' cannot tell its cycles: status %ld", r->source->name,
		    h->status);
	} else {
		http_refusal(h, q->path, why);
		r->refused = h->status / 100 == 3 || h->status == 401 || h->status == 403 ||
		    h->status == 404;
		fail(q, FAULT_USELESS, why, h->retry_after);
	}
}

static void on_end(void *arg, const struct http_result *h)
{
	struct rpc_request *q = arg;
	struct rpc *r = q->rpc;

	r->in_flight--;
	if (q->kind == RPC_TIP)
		r->tip_asked = false;
	else if (q->kind == RPC_INFO || q->kind == RPC_OLD_INFO)
		r->info_asked = false;
	else if (q->kind == RPC_BATCH)
		r->batches--;
	if (!sync_ignored(r->source))
		judge(q, h);
	free(q);
	if (!sync_ignored(r->source))
		rpc_pump(r, now_ms());
}

/* What is asked by the clock. */
static void poll_tips(struct rpc *r, uint64_t now)
{
	if (!r->node_asked) {
		r->node_asked = true;
		request(r, RPC_NODE, "/v2/info", 0, 0);
		request(r, RPC_POX, "/v2/pox", 0, 0);
	}
	if (!r->tip_asked && now >= r->next_tip && may_ask(r, now)) {
		r->tip_asked = true;
		r->soon = false;
		r->next_tip = now + TIP_MS;
		request(r, RPC_TIP, "/v3/sortitions", 0, 0);
	}
	if (!r->info_asked && now >= r->next_info && may_ask(r, now)) {
		r->info_asked = true;
		r->next_info = now + INFO_MS;
		request(r, RPC_INFO, "/v3/tenures/info", 0, 0);
	}
	if (r->no_tenure && may_ask(r, now)) {
		r->no_tenure = false;
		r->info_asked = true;
		request(r, RPC_OLD_INFO, "/v2/info", 0, 0);
	}
	if (now >= r->next_sets) {
		r->next_sets = now + SETS_MS;
		claims_retry(&r->source->sync->claims, 0);
	}
}

static bool ask_height(struct rpc *r)
{
	struct view *v = &r->source->sync->view;
	char path[100];
	uint64_t from;
	uint32_t n;
	/* One batch tells whether the source has batches; until then the tip and the stable height
	 * are asked for singly. */
	bool again = v->sources[r->source->index].n_again > 0;
	bool batch = r->batch == RPC_YES || (r->batch == RPC_UNKNOWN && !again);

	/* What a reorganisation made doubtful is asked for at once, and polls wait until that is
	 * paid for. */
	if (!batch && !again && !may_ask(r, now_ms()))
		return false;
	if (batch && r->batches >= (r->batch == RPC_YES ? 2 : 1))
		return false;
	if (!view_next(v, r->source->index, batch ? MAX_BATCH : 1, &from, &n))
		return false;
	if (batch) {
		snprintf(path, sizeof(path), "/blocksync/sortitions/%" PRIu64 "/%u", from, n);
		r->batches++;
		request(r, RPC_BATCH, path, from, n);
	} else {
		snprintf(path, sizeof(path), "/v3/sortitions/burn_height/%" PRIu64, from);
		request(r, RPC_HEIGHT, path, from, 1);
	}
	return true;
}

void rpc_poll_soon(struct rpc *r, uint64_t now)
{
	if (r->next_tip > now + 200)
		r->next_tip = now + 200;
	r->soon = true;
}

void rpc_pump(struct rpc *r, uint64_t now)
{
	struct sync *s = r->source->sync;
	char path[100];
	uint64_t cycle;

	if (now < r->not_before || s->done)
		return;
	poll_tips(r, now);
	while (r->in_flight < r->window && may_ask(r, now) &&
	    claims_next(&s->claims, r->source->index, &cycle)) {
		snprintf(path, sizeof(path), "/v3/stacker_set/%" PRIu64, cycle);
		request(r, RPC_SET, path, cycle, 0);
	}
	while (r->in_flight < r->window && ask_height(r))
		;
	r->source->idle = r->batches == 0;
}

/* Next: cmd/sortition-sync/rpc_answer.c, what is made of the answers. */
