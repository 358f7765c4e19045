/* http_names - the addresses that a transfer connects to: names are resolved by the resolver, not
 * by libcurl, which gets what they resolved to.  Each address is judged when it is connected. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/net/address.h"
#include "common/net/http_private.h"
#include "common/sys/log.h"

/* The URL's host, or that of the proxy that the operator's environment names. */
struct one_name {
	struct http_transfer *t;
	struct resolver_wait *wait;
	char *host;			/* as libcurl will look it up; NULL: no name */
	unsigned port;
	bool is_proxy;
};
struct http_names {
	struct one_name host, proxy;
	bool proxied;
};

bool http_may_connect(const struct http_transfer *t, const uint8_t addr[16])
{
	if (t->r.private_ok || t->http->private_ok || !address_private16(addr))
		return true;
	return !all_zero(t->r.own, 16) && address_same_host16(t->r.own, addr);
}

/* The name and port of a URL's host.  Numbers are no names: libcurl takes them itself.  False: no
 * URL that libcurl takes. */
static bool name_of(struct one_name *n, const char *url, unsigned flags)
{
	CURLU *u = curl_url();
	char *host = NULL, *port = NULL;
	uint8_t addr[16];
	bool fine;

	if (!u)
		die_world("out of memory");
	fine = curl_url_set(u, CURLUPART_URL, url, flags) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, CURLU_PUNYCODE) == CURLUE_OK;
	if (fine && host[0] != '[' && inet_pton(AF_INET, host, addr) != 1) {
		n->host = xstrdup(host);
		n->port = n->is_proxy ? 1080 : 80;	/* libcurl's default of a proxy */
		if (curl_url_get(u, CURLUPART_PORT, &port, 0) == CURLUE_OK)
			n->port = (unsigned)strtoul(port, NULL, 10);
		else if (strncasecmp(url, "https:", 6) == 0)
			n->port = 443;
	}
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return fine;
}

bool http_uses_proxy(const struct http_transfer *t)
{
	return t->r.private_ok && !address_url_private(t->r.url);
}

/* The proxy that libcurl would take from the environment. */
static const char *proxy_of(const struct http_transfer *t)
{
	bool https = strncasecmp(t->r.url, "https:", 6) == 0;
	const char *const names[] = { https ? "https_proxy" : "http_proxy",
		https ? "HTTPS_PROXY" : "all_proxy", "all_proxy", "ALL_PROXY" };
	const char *value;

	if (!http_uses_proxy(t))
		return NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if ((value = getenv(names[i])) && *value)
			return value;
	return NULL;
}

static void add_addresses(struct http_transfer *t, const struct one_name *n,
    const struct resolved *a)
{
	char line[MAX_HOST + 16 + MAX_ADDRESSES * (INET6_ADDRSTRLEN + 3)], ip[INET6_ADDRSTRLEN];
	struct curl_slist *more;
	size_t used = (size_t)snprintf(line, sizeof(line), "+%.*s:%u:", MAX_HOST, n->host, n->port);

	for (unsigned i = 0; i < a->n; i++) {
		struct sockaddr_storage ss;
		socklen_t len;
		bool v6;

		address_from16(&ss, &len, a->at[i], 0);
		v6 = ss.ss_family == AF_INET6;
		inet_ntop(ss.ss_family, v6 ? (void *)&((struct sockaddr_in6 *)&ss)->sin6_addr :
		    &((struct sockaddr_in *)&ss)->sin_addr, ip, sizeof(ip));
		used += (size_t)snprintf(line + used, sizeof(line) - used, v6 ? "%s[%s]" : "%s%s",
		    i ? "," : "", ip);
	}
	more = curl_slist_append(t->addresses, line);
	if (!more)
		die_world("out of memory");
	t->addresses = more;
}

/* All is known that can be. */
static void go_on(struct http_transfer *t)
{
	if (t->names->host.wait || t->names->proxy.wait)
		return;
	http_names_stop(t);
	http_loop_start(t);
}

static void on_resolved(void *arg, const struct resolved *a)
{
	/* Behind a proxy the host's name is the proxy's business; it is needed here only if the
	 * environment excepts that host. */
	static const struct resolved nowhere = { .n = 1,
		.at = { { [10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } } };
	struct one_name *n = arg;
	struct http_transfer *t = n->t;
	char error[400];

	n->wait = NULL;
	if (a->why && (n->is_proxy || !t->names->proxied)) {
		snprintf(error, sizeof(error), "cannot resolve '%.260s': %.100s", n->host, a->why);
		http_ended(t, HTTP_UNRESOLVED, error);
		return;
	}
	add_addresses(t, n, a->why ? &nowhere : a);
	go_on(t);
}

static void ask(struct one_name *n)
{
	if (n->host)
		n->wait = resolver_ask(n->t->http->resolver, n->host, RESOLVE_HTTP_MS,
		    on_resolved, n);
}

void http_names_start(struct http_transfer *t)
{
	const char *proxy = proxy_of(t);
	struct http_names *names = t->names = xcalloc(1, sizeof(*names));

	names->proxied = proxy != NULL;
	names->host.t = names->proxy.t = t;
	names->proxy.is_proxy = true;
	if (!name_of(&names->host, t->r.url, 0)) {
		http_ended(t, HTTP_PROTOCOL, "malformed URL");
		return;
	}
	if (proxy && !name_of(&names->proxy, proxy,
	    CURLU_DEFAULT_SCHEME | CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME)) {
		http_ended(t, HTTP_CONNECT, "malformed proxy in the environment");
		return;
	}
	ask(&names->host);
	ask(&names->proxy);
	go_on(t);
}

void http_names_stop(struct http_transfer *t)
{
	struct http_names *names = t->names;

	if (!names)
		return;
	if (names->host.wait)
		resolver_forget(names->host.wait);
	if (names->proxy.wait)
		resolver_forget(names->proxy.wait);
	free(names->host.host);
	free(names->proxy.host);
	free(names);
	t->names = NULL;
}

/* Next: common/net/http_head.c, the head of an HTTP answer, judged line by line. */
