/* The HTTP client: libcurl multi driven by libevent (DESIGN 7).  Redirects are off, schemes are
 * http and https, 'Expect' is off, every request has a head, a size and a progress limit, and each
 * address is judged before it is connected. */
#ifndef BLOCKSYNC_NET_HTTP_H
#define BLOCKSYNC_NET_HTTP_H

#include <event2/event.h>
#include <sys/socket.h>

#include "common/chain/bytes.h"
#include "common/net/resolver.h"

struct http_client;
/* max_host: connections to one host:port (0: no limit).  Names are resolved by the resolver, which
 * the caller attaches to the same loop.  Initialises curl, loads the CA bundle: call before
 * sandbox_enter. */
struct http_client *http_client_new(
    struct event_base *, struct resolver *, unsigned max_host, bool private_ok);
void http_client_free(struct http_client *);
/* Send this line ("name: value", copied) in the head of every request from now on. Redirects are
 * not followed, so it goes to the hosts of the URLs alone, and to the proxy of plain HTTP. */
void http_client_header(struct http_client *, const char *line);

enum http_end { HTTP_DONE, HTTP_UNRESOLVED, HTTP_CONNECT, HTTP_TIMEOUT, HTTP_STALLED,
    HTTP_TOO_LARGE, HTTP_CUT, HTTP_PROTOCOL, HTTP_REFUSED_ADDRESS, HTTP_CANCELLED, HTTP_STOPPED };
/* HTTP_UNRESOLVED: no address for the host's name; HTTP_CONNECT: no connection, or one that was
 * closed before the first byte of an answer; HTTP_CUT: closed within an answer. */
const char *http_end_name(enum http_end);

struct http_result {
	enum http_end end;	/* HTTP_DONE: a whole answer of any status */
	long status;		/* 0 if none came */
	char type[64];		/* Content-Type */
	char location[200];	/* Location, cut */
	unsigned retry_after;	/* seconds, 0 if not said; 3600 is an hour or more */
	/* if no on_data was given: the whole body, until the callback returns */
	const uint8_t *body;
	size_t len;		/* bytes of body, also with on_data */
	double seconds, first_byte;	/* whole time; until the first byte */
	char error[400];	/* room for a host's name */
};
/* What is wrong with a URL that an operator gave (it must name http or https, a host, and a port
 * that exists), or NULL. */
const char *http_url_fault(const char *url);
/* What an answer of another status than 200 says, to people: the status, what was asked for (path),
 * and where it has moved. */
void http_refusal(const struct http_result *, const char *path, char out[300]);
struct http_request {
	const char *url;			/* copied */
	/* body of a POST (octet-stream), or NULL: GET; copied */
	const void *post; size_t post_len;
	size_t max_body;			/* bytes; beyond: HTTP_TOO_LARGE */
	unsigned total_ms;			/* whole time, 0: none */
	/* no byte for this long: HTTP_STALLED (covers connecting and waiting) */
	unsigned stall_ms;
	const char *accept;			/* a Content-Type that a 200 must have, or NULL */
	/* this URL was named by the operator: any address */
	bool private_ok;
	uint8_t own[16];			/* else a private address may be this one
						 * (address_to16), the peer's own; zeros: none */
	/* Bytes as they come (only of a 200). Return false to stop: HTTP_STOPPED. */
	bool (*on_data)(void *arg, const uint8_t *, size_t);
	/* Called exactly once, from the loop, never from inside http_client_send. */
	void (*on_end)(void *arg, const struct http_result *);
	void *arg;
};
struct http_transfer;
struct http_transfer *http_client_send(struct http_client *, const struct http_request *);
/* on_end is called with HTTP_CANCELLED from the loop; arg must stay until then. */
void http_transfer_cancel(struct http_transfer *);
/* Stop taking bytes from the socket, or go on (back-pressure). */
void http_transfer_pause(struct http_transfer *, bool);

#endif
