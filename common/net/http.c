/* http - the HTTP client as its callers see it: transfers, turns at a host, limits of time, ends.
 *
 * A transfer goes waiting (its host is busy) -> ready -> running -> ended.  Callers are called from
 * the loop only: whatever a call or a callback of libcurl sets off is done by `tick`, an event that
 * is made active. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/net/http_private.h"
#include "common/sys/log.h"
#include "common/sys/stage.h"

int http_host_cmp(const struct http_host *a, const struct http_host *b)
{
	return strcmp(a->name, b->name);
}
RB_GENERATE(http_hosts, http_host, entry, http_host_cmp)

static void tick_soon(struct http_client *h) { event_active(&h->tick, EV_TIMEOUT, 0); }

/* The host of a URL, made if it is new. */
static struct http_host *host_get(struct http_client *h, const char *url)
{
	const char *p = strstr(url, "://");
	size_t n = p ? (size_t)(p + 3 - url) + strcspn(p + 3, "/?#") : strlen(url);
	struct http_host find, *host;

	find.name = strndup(url, n);
	if (!find.name)
		die_world("out of memory");
	for (char *c = find.name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	host = RB_FIND(http_hosts, &h->hosts, &find);
	if (host) {
		free(find.name);
		return host;
	}
	host = xcalloc(1, sizeof(*host));
	host->name = find.name;
	TAILQ_INIT(&host->waiting);
	RB_INSERT(http_hosts, &h->hosts, host);
	return host;
}

static void make_ready(struct http_transfer *t)
{
	t->host->active++;
	t->state = HTTP_READY;
	TAILQ_INSERT_TAIL(&t->http->ready, t, entry);
	tick_soon(t->http);
}

/* A transfer leaves its host: the next one's turn. */
static void host_leave(struct http_transfer *t)
{
	struct http_host *host = t->host;
	struct http_transfer *next;

	if (t->state == HTTP_WAITING)
		TAILQ_REMOVE(&host->waiting, t, entry);
	else
		host->active--;
	t->host = NULL;
	if (t->state != HTTP_WAITING && (next = TAILQ_FIRST(&host->waiting))) {
		TAILQ_REMOVE(&host->waiting, next, entry);
		make_ready(next);
	}
	if (host->active == 0 && TAILQ_EMPTY(&host->waiting)) {
		RB_REMOVE(http_hosts, &t->http->hosts, host);
		free(host->name);
		free(host);
	}
}

static void transfer_free(struct http_transfer *t)
{
	free((char *)t->r.url);
	free((void *)t->r.post);
	free(t->body);
	free(t);
}

void http_judge(struct http_transfer *t, enum http_end end, const char *error)
{
	if (t->judged)
		return;
	t->judged = true;
	t->end = end;
	snprintf(t->error, sizeof(t->error), "%s", error);
}

void http_ended(struct http_transfer *t, enum http_end end, const char *error)
{
	struct http_client *h = t->http;

	if (t->state == HTTP_ENDED)
		return;
	http_judge(t, end, error);
	if (t->state == HTTP_RUNNING) {
		http_names_stop(t);
		http_loop_stop(t);
		evtimer_del(&t->timer);
		TAILQ_REMOVE(&h->running, t, entry);
	} else if (t->state == HTTP_READY) {
		TAILQ_REMOVE(&h->ready, t, entry);
	}
	host_leave(t);
	t->state = HTTP_ENDED;
	TAILQ_INSERT_TAIL(&h->ended, t, entry);
	tick_soon(h);
}

/* Tell the caller, and forget the transfer. */
static void deliver(struct http_transfer *t)
{
	struct http_result r = { .end = t->cancelled ? HTTP_CANCELLED : t->end };
	uint64_t end = now_ms();

	r.status = t->head.status;
	snprintf(r.type, sizeof(r.type), "%s", t->head.type);
	r.retry_after = t->head.retry_after;
	snprintf(r.location, sizeof(r.location), "%s", t->head.location);
	r.body = t->r.on_data ? NULL : t->body;
	r.len = t->len;
	if (t->start_ms) {
		r.seconds = (double)(end - t->start_ms) / 1000;
		r.first_byte = t->first_ms ? (double)(t->first_ms - t->start_ms) / 1000 : 0;
	}
	snprintf(r.error, sizeof(r.error), "%s", t->cancelled ? "cancelled" : t->error);
	t->r.on_end(t->r.arg, &r);
	transfer_free(t);
}

/* The limits of time.  The timer is set lazily: bytes only move last_ms. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_transfer *t = arg;
	uint64_t now = now_ms(), next = UINT64_MAX, at;
	struct timeval tv;

	if (t->r.total_ms) {
		at = t->start_ms + t->r.total_ms;
		if (now >= at) {
			http_ended(t, HTTP_TIMEOUT, "not finished in time");
			return;
		}
		next = at - now;
	}
	if (t->r.stall_ms) {
		if (t->paused)
			t->last_ms = now;	/* that we do not read is not the server's fault */
		at = t->last_ms + t->r.stall_ms;
		if (now >= at) {
			http_ended(t, HTTP_STALLED,
			    t->first_ms ? "no byte for too long" : "no answer");
			return;
		}
		if (at - now < next)
			next = at - now;
	}
	if (next == UINT64_MAX)
		return;
	tv.tv_sec = (time_t)(next / 1000);
	tv.tv_usec = (suseconds_t)(next % 1000 * 1000);
	if (evtimer_add(&t->timer, &tv) != 0)
		BUG("a timer cannot be set");
}

static void start(struct http_transfer *t)
{
	struct http_client *h = t->http;

	TAILQ_REMOVE(&h->ready, t, entry);
	TAILQ_INSERT_TAIL(&h->running, t, entry);
	t->state = HTTP_RUNNING;
	t->start_ms = t->last_ms = now_ms();
	evtimer_assign(&t->timer, h->base, on_timer, t);
	on_timer(-1, 0, t);
	http_names_start(t);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *h = arg;
	struct http_transfer *t, *next;
	struct http_queue ended = TAILQ_HEAD_INITIALIZER(ended);

	for (t = TAILQ_FIRST(&h->running); t; t = next) {
		next = TAILQ_NEXT(t, entry);
		if (t->cancelled) {
			http_ended(t, HTTP_CANCELLED, "cancelled");
		} else if (t->easy && t->held && !t->paused) {
			t->held = false;
			t->last_ms = now_ms();
			curl_easy_pause(t->easy, CURLPAUSE_CONT);
		}
	}
	TAILQ_CONCAT(&ended, &h->ended, entry);
	while ((t = TAILQ_FIRST(&ended))) {
		TAILQ_REMOVE(&ended, t, entry);
		deliver(t);
	}
	while ((t = TAILQ_FIRST(&h->ready)))
		start(t);
}

struct http_transfer *http_client_send(struct http_client *h, const struct http_request *r)
{
	struct http_transfer *t = xcalloc(1, sizeof(*t));

	t->http = h;
	t->r = *r;
	t->r.url = xstrdup(r->url);
	if (r->post) {
		void *post = xmalloc(r->post_len + 1);
		memcpy(post, r->post, r->post_len);
		t->r.post = post;
	}
	t->host = host_get(h, r->url);
	if (h->max_host && t->host->active >= h->max_host) {
		t->state = HTTP_WAITING;
		TAILQ_INSERT_TAIL(&t->host->waiting, t, entry);
	} else {
		make_ready(t);
	}
	return t;
}

void http_transfer_cancel(struct http_transfer *t)
{
	t->cancelled = true;
	if (t->state == HTTP_WAITING || t->state == HTTP_READY)
		http_ended(t, HTTP_CANCELLED, "cancelled");
	else
		tick_soon(t->http);
}

void http_transfer_pause(struct http_transfer *t, bool paused)
{
	if (t->paused == paused)
		return;
	t->paused = paused;
	t->last_ms = now_ms();
	if (t->held && !paused)
		tick_soon(t->http);
}

struct http_client *http_client_new(
    struct event_base *base, struct resolver *resolver, unsigned max_host, bool private_ok)
{
	struct http_client *h = xcalloc(1, sizeof(*h));

	h->base = base;
	h->resolver = resolver;
	h->max_host = max_host;
	h->private_ok = private_ok;
	RB_INIT(&h->hosts);
	TAILQ_INIT(&h->ready);
	TAILQ_INIT(&h->running);
	TAILQ_INIT(&h->ended);
	event_assign(&h->tick, base, -1, 0, on_tick, h);
	if (http_loop_init(h) != 0)
		die_world("cannot start libcurl");
	return h;
}

void http_client_free(struct http_client *h)
{
	struct http_transfer *t;
	struct http_host *host, *next;

	if (!h)
		return;
	for (host = RB_MIN(http_hosts, &h->hosts); host; host = next) {
		next = RB_NEXT(http_hosts, &h->hosts, host);
		while ((t = TAILQ_FIRST(&host->waiting))) {
			TAILQ_REMOVE(&host->waiting, t, entry);
			transfer_free(t);
		}
	}
	while ((t = TAILQ_FIRST(&h->running)))
		http_ended(t, HTTP_CANCELLED, "");
	while ((t = TAILQ_FIRST(&h->ready)))
		http_ended(t, HTTP_CANCELLED, "");
	while ((t = TAILQ_FIRST(&h->ended))) {
		TAILQ_REMOVE(&h->ended, t, entry);
		transfer_free(t);
	}
	event_del(&h->tick);
	http_loop_release(h);
	free(h);
}

const char *http_url_fault(const char *url)
{
	CURLU *parsed = curl_url();
	CURLUcode rc;

	if (!parsed)
		die_world("out of memory");
	rc = curl_url_set(parsed, CURLUPART_URL, url, 0);
	curl_url_cleanup(parsed);
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return "it begins with neither http:// nor https://";
	return rc == CURLUE_OK ? NULL : curl_url_strerror(rc);
}

void http_refusal(const struct http_result *r, const char *path, char out[300])
{
	if (r->status / 100 == 3 && r->location[0])
		snprintf(out, 300,
		    "status %ld: '%.60s' has moved to '%.180s', which is not followed", r->status,
		    path, r->location);
	else
		snprintf(out, 300, "status %ld for '%.100s'", r->status, path);
}

const char *http_end_name(enum http_end end)
{
	static const char *const names[] = {
		[HTTP_DONE] = "done",
		[HTTP_UNRESOLVED] = "no address",
		[HTTP_CONNECT] = "cannot connect",
		[HTTP_TIMEOUT] = "timed out",
		[HTTP_STALLED] = "stalled",
		[HTTP_TOO_LARGE] = "too large",
		[HTTP_CUT] = "cut short",
		[HTTP_PROTOCOL] = "no proper HTTP",
		[HTTP_REFUSED_ADDRESS] = "private address",
		[HTTP_CANCELLED] = "cancelled",
		[HTTP_STOPPED] = "stopped",
	};
	return names[end];
}

/* Next: common/net/http_names.c, which addresses they connect to. */
