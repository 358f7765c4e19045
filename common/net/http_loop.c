/* http_loop - libcurl's multi interface driven by libevent: sockets, its one timer, and the
 * callbacks of a transfer.
 *
 * Nothing here calls a caller but on_data; ends are handed to http_ended, which tells them later.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/net/address.h"
#include "common/net/http_private.h"
#include "common/sys/log.h"
#include "common/sys/loop.h"
#include "common/sys/stage.h"

#define MAX_CA (8 << 20)	/* a bundle is some 200 kB */
#define MAX_IDLE 256L		/* connections kept open for the next request */
#define MAX_ERROR_BODY 65536	/* of an answer that nobody reads */

static int on_header_line(struct http_transfer *t, const char *line, size_t n)
{
	struct http_head *head = &t->head;
	bool was_complete = head->complete;
	char error[128];

	if (!http_head_line(head, line, n, (int64_t)now_unix())) {
		http_judge(t, head->too_large ? HTTP_TOO_LARGE : HTTP_PROTOCOL, head->error);
		return -1;
	}
	if (!head->complete || was_complete)
		return 0;
	if (head->status == 200 && t->r.accept && !http_type_is(head->type, t->r.accept)) {
		snprintf(error, sizeof(error), "content type '%.40s' instead of '%.40s'",
		    head->type, t->r.accept);
		http_judge(t, HTTP_PROTOCOL, error);
		return -1;
	}
	return 0;
}

/* Most bytes of this answer's body. */
static size_t body_limit(const struct http_transfer *t)
{
	return t->r.on_data && t->head.status != 200 ? MAX_ERROR_BODY : t->r.max_body;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;

	t->last_ms = now_ms();
	if (!t->first_ms)
		t->first_ms = t->last_ms;
	if (t->cancelled || on_header_line(t, p, size * n) != 0)
		return 0;
	if (t->head.complete && t->head.has_length && t->head.length > body_limit(t)) {
		http_judge(t, HTTP_TOO_LARGE, "content-length too large");
		return 0;
	}
	return size * n;
}

static void body_add(struct http_transfer *t, const void *p, size_t n)
{
	if (t->len + n > t->cap) {	/* grows by what has come, never by what was announced */
		t->cap = t->cap ? t->cap : 2048;
		while (t->cap < t->len + n)
			t->cap *= 2;
		t->body = xrealloc(t->body, t->cap);
	}
	memcpy(t->body + t->len, p, n);
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;

	n *= size;
	if (t->cancelled)
		return 0;
	if (t->paused) {
		t->held = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	t->last_ms = now_ms();
	if (n > body_limit(t) - t->len) {
		http_judge(t, HTTP_TOO_LARGE, "body too large");
		return 0;
	}
	if (!t->r.on_data)
		body_add(t, p, n);
	t->len += n;
	if (t->r.on_data && t->head.status == 200 &&
	    !t->r.on_data(t->r.arg, (const uint8_t *)p, n)) {
		http_judge(t, HTTP_STOPPED, "stopped");
		return 0;
	}
	return n;
}

/* Every address is judged before it is connected. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct http_transfer *t = arg;
	uint8_t addr[16];
	uint16_t port;

	address_to16(addr, &port, &a->addr);
	if (!http_may_connect(t, addr)) {
		t->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* A connection that is used again was judged for whoever
 * opened it: judge it for this transfer too. */
static int on_prereq(void *arg, char *ip, char *local, int port, int local_port)
{
	struct http_transfer *t = arg;
	uint8_t addr[16] = { 0 };

	if (inet_pton(AF_INET6, ip, addr) != 1) {
		memset(addr + 10, 0xff, 2);
		if (inet_pton(AF_INET, ip, addr + 12) != 1)
			memset(addr, 0, sizeof(addr));
	}
	if (http_may_connect(t, addr))
		return CURL_PREREQFUNC_OK;
	t->refused = true;
	return CURL_PREREQFUNC_ABORT;
}

/* Of an answer that has no whole line yet only libcurl knows. */
static bool has_begun(const struct http_transfer *t)
{
	curl_off_t us = 0;

	return t->first_ms ||
	    (curl_easy_getinfo(t->easy, CURLINFO_STARTTRANSFER_TIME_T, &us) == CURLE_OK && us > 0);
}

static enum http_end end_of_code(const struct http_transfer *t, CURLcode code, const char *error)
{
	switch (code) {
	case CURLE_OK:
		return t->head.complete ? HTTP_DONE : HTTP_CUT;	/* closed within its head */
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return HTTP_CONNECT;
	/* a server that has enough connections closes the next ones without a byte */
	case CURLE_GOT_NOTHING:
		return HTTP_CONNECT;
	case CURLE_PARTIAL_FILE:
		return HTTP_CUT;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:	/* also what 7.88 says of bad chunks */
		if (strstr(error, "chunk"))
			return HTTP_PROTOCOL;
		return t->head.status ? HTTP_CUT : HTTP_CONNECT;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_TIMEOUT;
	case CURLE_OUT_OF_MEMORY:
		/* What libcurl allocates is ours and ends the program; what it says by this of an
		 * answer is that a line of it passes libcurl's own bound. */
		if (has_begun(t))
			return HTTP_TOO_LARGE;
		/* fall through */
	case CURLE_FAILED_INIT:		/* ours: no peer is to blame */
		die_world("cannot fetch: %s", curl_easy_strerror(code));
	default:
		return HTTP_PROTOCOL;
	}
}

static void collect(struct http_client *h)
{
	CURLMsg *m;
	struct http_transfer *t;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		CURLcode code = m->data.result;
		const char *error;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		error = t->curl_error[0] ? t->curl_error : curl_easy_strerror(code);
		if (t->refused && code != CURLE_OK)
			http_ended(t, HTTP_REFUSED_ADDRESS, "its address is private");
		else
			http_ended(t, end_of_code(t, code, error), code == CURLE_OK ? "" : error);
	}
}

static void on_socket_ready(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *h = arg;
	int running;

	curl_multi_socket_action(h->multi, fd,
	    (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0),
	    &running);
	collect(h);
}

/* libcurl wants to know when a socket is ready. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http_client *h = arg;
	struct event *ev = socket_arg;
	short events = (short)(EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) |
	    (what & CURL_POLL_OUT ? EV_WRITE : 0));

	if (ev)
		event_free(ev);
	ev = NULL;
	if (what != CURL_POLL_REMOVE) {
		ev = loop_event(h->base, fd, events, on_socket_ready, h);
		if (event_add(ev, NULL) != 0)
			die_world("cannot watch a socket");
	}
	curl_multi_assign(h->multi, fd, ev);
	return 0;
}

static void on_curl_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *h = arg;
	int running;

	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(h);
}

static int on_timeout(CURLM *multi, long ms, void *arg)
{
	struct http_client *h = arg;
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	if (ms < 0)
		evtimer_del(&h->timer);
	else if (evtimer_add(&h->timer, &tv) != 0)
		BUG("a timer cannot be set");
	return 0;
}

void http_loop_start(struct http_transfer *t)
{
	struct http_client *h = t->http;
	CURL *e = t->easy = curl_easy_init();

	if (!e)
		die_world("out of memory");
	curl_easy_setopt(e, CURLOPT_URL, t->r.url);
	curl_easy_setopt(e, CURLOPT_PRIVATE, t);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->curl_error);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "blocksync/" BLOCKSYNC_VERSION);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 65536L);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_prereq);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, t);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->r.post ? h->post_heads : h->get_heads);
	if (!http_uses_proxy(t))
		curl_easy_setopt(e, CURLOPT_PROXY, "");
	if (t->r.post) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, t->r.post);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->r.post_len);
	}
	if (h->ca && strncasecmp(t->r.url, "https:", 6) == 0) {
		struct curl_blob blob = { h->ca, h->ca_len, CURL_BLOB_NOCOPY };
		curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(e, CURLOPT_RESOLVE, t->addresses);
	if (curl_multi_add_handle(h->multi, e) != CURLM_OK)
		BUG("a transfer cannot be added");
}

void http_loop_stop(struct http_transfer *t)
{
	curl_off_t us = 0;

	if (!t->easy)
		return;		/* it had not come so far */
	/* A first byte of a head that has no whole line yet is known to libcurl alone. */
	if (!t->first_ms &&
	    curl_easy_getinfo(t->easy, CURLINFO_STARTTRANSFER_TIME_T, &us) == CURLE_OK && us > 0)
		t->first_ms = t->start_ms + (uint64_t)us / 1000;
	curl_multi_remove_handle(t->http->multi, t->easy);
	curl_easy_cleanup(t->easy);
	t->easy = NULL;
	curl_slist_free_all(t->addresses);
	t->addresses = NULL;
}

/* The CA bundle into memory, as its file is out of reach once the program is confined. */
static void load_ca(struct http_client *h)
{
	const char *paths[] = { getenv("CURL_CA_BUNDLE"), getenv("SSL_CERT_FILE"),
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/cert.pem" };
	struct stat st;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths) && !h->ca; i++) {
		int fd = paths[i] ? open(paths[i], O_RDONLY | O_CLOEXEC) : -1;
		if (fd < 0)
			continue;
		if (fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size < MAX_CA) {
			h->ca = xmalloc((size_t)st.st_size);
			h->ca_len = (size_t)st.st_size;
			if (read(fd, h->ca, h->ca_len) != st.st_size) {
				free(h->ca);
				h->ca = NULL;
			}
		}
		close(fd);
	}
}

int http_loop_init(struct http_client *h)
{
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, xmalloc, free, xrealloc, xstrdup,
	    xcalloc) != 0 || !(h->multi = curl_multi_init()))
		return -1;
	load_ca(h);
	h->get_heads = curl_slist_append(NULL, "Expect:");
	h->post_heads = curl_slist_append(curl_slist_append(NULL, "Expect:"),
	    "Content-Type: application/octet-stream");
	evtimer_assign(&h->timer, h->base, on_curl_timer, h);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, MAX_IDLE);
	return 0;
}

void http_client_header(struct http_client *h, const char *line)
{
	h->get_heads = curl_slist_append(h->get_heads, line);
	h->post_heads = curl_slist_append(h->post_heads, line);
	if (!h->get_heads || !h->post_heads)
		die_world("out of memory");
}

void http_loop_release(struct http_client *h)
{
	curl_multi_cleanup(h->multi);
	evtimer_del(&h->timer);
	curl_slist_free_all(h->get_heads);
	curl_slist_free_all(h->post_heads);
	free(h->ca);
}

/* Next: common/net/json.c, what may come in an answer. */
