/* The HTTP client against a scripted server in the same event loop: each answer, honest or hostile,
 * must end as it should. */
#include <dlfcn.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/net/http.h"
#include "common/sys/stage.h"

struct answer {
	const char *path, *raw;
	bool hangup;
	enum http_end end;
	long status;
	const char *body;
};

static const struct answer answers[] = {
	{ "/ok", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
	    false, HTTP_DONE, 200, "hello" },
	{ "/chunked",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
	    false, HTTP_DONE, 200, "hello" },
	{ "/empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, HTTP_DONE, 200, "" },
	{ "/404", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", false, HTTP_DONE, 404,
	    "no" },
	{ "/moved", "HTTP/1.1 301 Moved\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", false,
	    HTTP_DONE, 301, "" },
	{ "/nolength", "HTTP/1.1 200 OK\r\n\r\nhello", true, HTTP_PROTOCOL, 200, NULL },
	{ "/both",
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: "
	    "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	    false, HTTP_PROTOCOL, 200, NULL },
	{ "/twice", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
	    false, HTTP_PROTOCOL, 200, NULL },
	{ "/nonumber", "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello", false, HTTP_PROTOCOL,
	    200, NULL },
	{ "/badchunk",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", false,
	    HTTP_PROTOCOL, 200, NULL },
	{ "/cuthead", "HTTP/1.1 200 OK\r\nContent-Le", true, HTTP_CUT, 200, NULL },
	{ "/cut", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", true, HTTP_CUT, 200, NULL },
	{ "/cutchunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true,
	    HTTP_CUT, 200, NULL },
	{ "/gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
	    false, HTTP_PROTOCOL, 200, NULL },
	{ "/large", "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\nhello", false,
	    HTTP_TOO_LARGE, 200, NULL },
	{ "/stall", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", false, HTTP_STALLED, 200,
	    NULL },
	{ "/silent", "", false, HTTP_STALLED, 0, NULL },
	{ "/hangup", "", true, HTTP_CONNECT, 0, NULL },
	{ "/noise", "blah blah\r\n\r\n", true, HTTP_PROTOCOL, 0, NULL },
	{ "/later", "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", false,
	    HTTP_DONE, 429, "" },
};

struct world {
	struct event_base *base;
	struct evconnlistener *listener;
	struct resolver *resolver;
	struct http_client *http;
	char url[64];
	unsigned connections, running, most, requests, left;
	size_t sent;
};

static void send_large(struct world *w, struct bufferevent *bev, bool head, size_t n)
{
	struct evbuffer *out = bufferevent_get_output(bev);
	char *line = calloc(1, n + 1);

	memset(line, 'x', n);
	if (head)
		evbuffer_add_printf(out,
		    "HTTP/1.1 200 OK\r\nX-Fill: %s\r\nContent-Length: 0\r\n\r\n", line);
	else
		evbuffer_add_printf(out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", n,
		    line);
	free(line);
}

/* 120,000 bytes that nobody announced. */
static void send_chunks(struct bufferevent *bev, int status)
{
	static const char zeros[1000];
	struct evbuffer *out = bufferevent_get_output(bev);

	evbuffer_add_printf(out, "HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n", status);
	for (int i = 0; i < 120; i++) {
		evbuffer_add_printf(out, "3e8\r\n");
		evbuffer_add(out, zeros, sizeof(zeros));
		evbuffer_add_printf(out, "\r\n");
	}
	evbuffer_add_printf(out, "0\r\n\r\n");
}

static void on_hangup(struct bufferevent *bev, void *arg)
{
	bufferevent_free(bev);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	bufferevent_free(bev);
}

static void on_request(struct bufferevent *bev, void *arg)
{
	struct world *w = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	char line[300];

	if (end.pos < 0)
		return;
	char *first = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF);
	sscanf(first, "%*s %299s", line);
	free(first);
	if (strncmp(line, "http://inside.test", 18) == 0)	/* as a proxy is asked */
		memmove(line, line + 18, strlen(line + 18) + 1);
	evbuffer_drain(in, evbuffer_get_length(in));
	w->requests++;
	if (strncmp(line, "/hugehead", 9) == 0 || strcmp(line, "/big") == 0) {
		send_large(w, bev, line[1] == 'h', line[1] == 'h' && line[9] ? 200000 : 69999);
		return;
	}
	if (strncmp(line, "/chunks", 7) == 0) {
		send_chunks(bev, atoi(line + 7));
		return;
	}
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		if (strcmp(answers[i].path, line) != 0)
			continue;
		bufferevent_write(bev, answers[i].raw, strlen(answers[i].raw));
		if (answers[i].hangup) {
			if (answers[i].raw[0])
				bufferevent_setcb(bev, on_request, on_hangup, on_event, w);
			else
				bufferevent_free(bev);
		}
		return;
	}
	fail_msg("asked for %s", line);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len,
    void *arg)
{
	struct world *w = arg;
	struct bufferevent *bev = bufferevent_socket_new(w->base, fd, BEV_OPT_CLOSE_ON_FREE);

	w->connections++;
	bufferevent_setcb(bev, on_request, NULL, on_event, w);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void world_start(struct world *w, unsigned max_host, bool private_ok)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);

	memset(w, 0, sizeof(*w));
	w->base = event_base_new();
	w->listener = evconnlistener_new_bind(w->base, on_accept, w, LEV_OPT_CLOSE_ON_FREE, 64,
	    (struct sockaddr *)&in, sizeof(in));
	assert_non_null(w->listener);
	getsockname(evconnlistener_get_fd(w->listener), (struct sockaddr *)&in, &len);
	snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%u", ntohs(in.sin_port));
	w->resolver = resolver_start();
	resolver_attach(w->resolver, w->base);
	w->http = http_client_new(w->base, w->resolver, max_host, private_ok);
}

static void world_stop(struct world *w)
{
	http_client_free(w->http);
	resolver_stop(w->resolver);
	evconnlistener_free(w->listener);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	event_base_free(w->base);
}

struct shot {
	struct world *w;
	bool ended;
	unsigned chunks;
	bool pause, stop;
	struct http_transfer *t;
	struct http_result r;
	char body[100];
};

static void on_end(void *arg, const struct http_result *r)
{
	struct shot *s = arg;

	assert_false(s->ended);
	s->ended = true;
	s->r = *r;
	if (r->body && r->len < sizeof(s->body))
		memcpy(s->body, r->body, r->len);
	if (--s->w->left == 0)
		event_base_loopbreak(s->w->base);
}

static struct http_transfer *shoot(struct world *w, struct shot *s, const char *path,
    const char *accept)
{
	char url[200];
	struct http_request r = { .url = url,
		.max_body = 100000,
		.stall_ms = 200,
		.total_ms = 2000,
		.accept = accept,
		.on_end = on_end,
		.arg = s };

	snprintf(url, sizeof(url), "%s%s", w->url, path);
	memset(s, 0, sizeof(*s));
	s->w = w;
	w->left++;
	s->t = http_client_send(w->http, &r);
	assert_false(s->ended);
	return s->t;
}

static void test_answers(void **state)
{
	struct world w;

	world_start(&w, 0, true);
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct shot s;
		shoot(&w, &s, answers[i].path, NULL);
		event_base_dispatch(w.base);
		assert_true(s.ended);
		if (s.r.end != answers[i].end || s.r.status != answers[i].status)
			fail_msg("%s: %s (%s), status %ld", answers[i].path, http_end_name(s.r.end),
			    s.r.error, s.r.status);
		if (answers[i].body)
			assert_string_equal(s.body, answers[i].body);
		if (answers[i].status == 429)
			assert_int_equal(s.r.retry_after, 7);
	}
	world_stop(&w);
}

static void test_head_and_type(void **state)
{
	struct world w;
	struct shot s;

	world_start(&w, 0, true);
	shoot(&w, &s, "/hugehead", NULL);
	event_base_dispatch(w.base);
	assert_int_equal(s.r.end, HTTP_TOO_LARGE);
	/* A line beyond libcurl's own bound, of which it says that there is no memory. */
	shoot(&w, &s, "/hugehead2", NULL);
	event_base_dispatch(w.base);
	assert_int_equal(s.r.end, HTTP_TOO_LARGE);
	shoot(&w, &s, "/ok", "application/json");
	event_base_dispatch(w.base);
	assert_int_equal(s.r.end, HTTP_PROTOCOL);
	shoot(&w, &s, "/ok", "text/plain");
	event_base_dispatch(w.base);
	assert_int_equal(s.r.end, HTTP_DONE);
	world_stop(&w);
}

static bool on_any_data(void *arg, const uint8_t *p, size_t n)
{
	return true;
}

/* A body grows as it comes: beyond what is asked for, or, of an error that nobody reads, 64 KiB, it
 * is no more read. */
static void test_body(void **state)
{
	static const struct { const char *path; size_t max; bool streamed; enum http_end end;
	    } cases[] = {
		{ "/chunks200", 120000, false, HTTP_DONE },
		    { "/chunks200", 119999, false, HTTP_TOO_LARGE },
		{ "/chunks200", 120000, true, HTTP_DONE },
		    { "/chunks200", 119999, true, HTTP_TOO_LARGE },
		{ "/chunks404", 120000, false, HTTP_DONE },
		    { "/chunks404", 120000, true, HTTP_TOO_LARGE },
	};
	struct world w;

	world_start(&w, 0, true);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct shot s = { .w = &w };
		char url[200];
		struct http_request r = { .url = url, .max_body = cases[i].max, .total_ms = 20000,
			.on_end = on_end, .arg = &s };

		if (cases[i].streamed)
			r.on_data = on_any_data;
		snprintf(url, sizeof(url), "%s%s", w.url, cases[i].path);
		w.left = 1;
		http_client_send(w.http, &r);
		event_base_dispatch(w.base);
		if (s.r.end != cases[i].end)
			fail_msg("%zu: %s", i, http_end_name(s.r.end));
	}
	world_stop(&w);
}

static void test_many(void **state)
{
	struct world w;
	struct shot s[200];

	world_start(&w, 6, true);
	for (size_t i = 0; i < 200; i++)
		shoot(&w, &s[i], "/ok", NULL);
	event_base_dispatch(w.base);
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(s[i].r.end, HTTP_DONE);
	assert_int_equal(w.requests, 200);
	assert_true(w.connections <= 6);
	world_stop(&w);
}

static void test_private(void **state)
{
	struct world w;
	struct shot s;

	world_start(&w, 0, false);
	shoot(&w, &s, "/ok", NULL);
	event_base_dispatch(w.base);
	assert_int_equal(s.r.end, HTTP_REFUSED_ADDRESS);
	assert_int_equal(w.connections, 0);

	/* A connection that an operator's request opened is not there for a stranger's. */
	char url[200];
	struct http_request r = { .url = url,
		.max_body = 100,
		.stall_ms = 500,
		.private_ok = true,
		.on_end = on_end,
		.arg = &s };
	snprintf(url, sizeof(url), "%s/ok", w.url);
	memset(&s, 0, sizeof(s));
	s.w = &w;
	w.left = 1;
	http_client_send(w.http, &r);
	event_base_dispatch(w.base);
	assert_int_equal(s.r.end, HTTP_DONE);
	shoot(&w, &s, "/ok", NULL);
	event_base_dispatch(w.base);
	assert_int_equal(s.r.end, HTTP_REFUSED_ADDRESS);
	assert_int_equal(w.requests, 1);
	world_stop(&w);
}

static void test_cancel(void **state)
{
	struct world w;
	struct shot s[3];

	world_start(&w, 1, true);
	shoot(&w, &s[0], "/silent", NULL);
	shoot(&w, &s[1], "/ok", NULL);
	shoot(&w, &s[2], "/ok", NULL);
	http_transfer_cancel(s[1].t);
	http_transfer_cancel(s[0].t);
	assert_false(s[0].ended);
	event_base_dispatch(w.base);
	assert_int_equal(s[0].r.end, HTTP_CANCELLED);
	assert_int_equal(s[1].r.end, HTTP_CANCELLED);
	assert_int_equal(s[2].r.end, HTTP_DONE);
	world_stop(&w);
}

static bool on_data(void *arg, const uint8_t *p, size_t n)
{
	struct shot *s = arg;

	assert_false(s->pause);
	s->chunks++;
	if (s->stop)
		return false;
	if (s->chunks == 1) {
		s->pause = true;
		http_transfer_pause(s->t, true);
	}
	return true;
}

static void on_unpause(evutil_socket_t fd, short what, void *arg)
{
	struct shot *s = arg;

	s->pause = false;
	http_transfer_pause(s->t, false);
}

static void test_pause_and_stop(void **state)
{
	struct world w;
	struct shot s;
	char url[200];
	/* longer than the stall: our own pause is not the server's */
	struct timeval tv = { 0, 400000 };
	struct http_request r = { .url = url,
		.max_body = 100000,
		.stall_ms = 200,
		.on_data = on_data,
		.on_end = on_end,
		.arg = &s };

	world_start(&w, 0, true);
	snprintf(url, sizeof(url), "%s/big", w.url);
	for (int stop = 0; stop < 2; stop++) {
		memset(&s, 0, sizeof(s));
		s.w = &w;
		s.stop = stop;
		w.left = 1;
		s.t = http_client_send(w.http, &r);
		if (!stop)
			event_base_once(w.base, -1, EV_TIMEOUT, on_unpause, &s, &tv);
		event_base_dispatch(w.base);
		assert_int_equal(s.r.end, stop ? HTTP_STOPPED : HTTP_DONE);
		if (!stop)
			assert_int_equal(s.r.len, 69999);
	}
	world_stop(&w);
}

static void test_connect(void **state)
{
	struct world w;
	struct shot s;

	world_start(&w, 0, true);
	evconnlistener_free(w.listener);
	w.listener = NULL;
	shoot(&w, &s, "/ok", NULL);
	event_base_dispatch(w.base);
	assert_int_equal(s.r.end, HTTP_CONNECT);
	assert_int_equal(s.r.status, 0);
	snprintf(w.url, sizeof(w.url), "ftp://127.0.0.1:21");
	shoot(&w, &s, "/ok", NULL);
	event_base_dispatch(w.base);
	assert_int_equal(s.r.end, HTTP_PROTOCOL);
	http_client_free(w.http);
	resolver_stop(w.resolver);
	event_base_free(w.base);
}

/* The resolver calls this one: a name server that takes its time, one that knows nothing, and one
 * that knows us. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **out)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
	    dlsym(RTLD_NEXT, "getaddrinfo");

	if (node && strcmp(node, "slow.test") == 0)
		sleep(2);
	if (node && strcmp(node, "us.test") == 0)
		return real("127.0.0.1", service, hints, out);
	return node && strstr(node, ".test") ? EAI_AGAIN : real(node, service, hints, out);
}

static void test_names(void **state)
{
	static const struct { const char *name; bool private_ok, own; enum http_end end;
	    } rows[] = {
		{ "us.test", true, false, HTTP_DONE },
		{ "us.test", false, false, HTTP_REFUSED_ADDRESS },
		/* the very host that we are in conversation with */
		{ "US.test", false, true, HTTP_DONE },
		{ "unknown.test", true, false, HTTP_UNRESOLVED },
	};
	struct world w;

	world_start(&w, 0, false);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct shot s = { .w = &w };
		char url[200];
		struct http_request r = { .url = url, .max_body = 100, .stall_ms = 5000,
			.private_ok = rows[i].private_ok, .on_end = on_end, .arg = &s };

		if (rows[i].own)
			memcpy(r.own, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
		snprintf(url, sizeof(url), "http://%s%s/ok", rows[i].name, strrchr(w.url, ':'));
		w.left = 1;
		http_client_send(w.http, &r);
		event_base_dispatch(w.base);
		if (s.r.end != rows[i].end)
			fail_msg("%s, row %zu: %s (%s)", rows[i].name, i, http_end_name(s.r.end),
			    s.r.error);
		if (s.r.end == HTTP_UNRESOLVED)
			assert_string_equal(s.r.error,
			    "cannot resolve 'unknown.test': Temporary failure in name resolution");
	}
	world_stop(&w);
}

/* A name that the environment's proxy alone can resolve is none of our business; the proxy's own
 * name is. */
static void test_proxy(void **state)
{
	struct world w;
	struct shot s = { .w = &w };
	struct http_request r = { .url = "http://inside.test/ok",
		.max_body = 100,
		.stall_ms = 5000,
		.private_ok = true,
		.on_end = on_end,
		.arg = &s };
	char proxy[100];

	world_start(&w, 0, false);
	snprintf(proxy, sizeof(proxy), "us.test%s", strrchr(w.url, ':'));
	setenv("http_proxy", proxy, 1);
	w.left = 1;
	http_client_send(w.http, &r);
	event_base_dispatch(w.base);
	unsetenv("http_proxy");
	assert_int_equal(s.r.end, HTTP_DONE);
	assert_int_equal(w.requests, 1);
	world_stop(&w);
}

/* A transfer that is given up while its host's name is resolved holds up nobody. */
static void test_slow_name(void **state)
{
	uint64_t began = now_ms();
	struct world w;
	struct shot s;

	world_start(&w, 0, true);
	snprintf(w.url, sizeof(w.url), "http://slow.test");
	shoot(&w, &s, "/ok", NULL);
	event_base_dispatch(w.base);
	assert_int_equal(s.r.end, HTTP_STALLED);
	world_stop(&w);
	assert_true(now_ms() - began < 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_head_and_type),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_pause_and_stop),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_slow_name),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_proxy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Next: tests/unit/net_address.c */
