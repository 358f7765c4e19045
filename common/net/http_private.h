/* The inside of the HTTP client: http.c keeps the transfers, http_names.c finds their addresses,
 * http_loop.c drives libcurl. */
#ifndef BLOCKSYNC_NET_HTTP_PRIVATE_H
#define BLOCKSYNC_NET_HTTP_PRIVATE_H

#include <curl/curl.h>
#include <event2/event_struct.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include "common/net/http.h"
#include "common/net/http_head.h"

TAILQ_HEAD(http_queue, http_transfer);

/* One scheme://host:port: how many transfers run there, and those that wait for their turn. */
struct http_host {
	RB_ENTRY(http_host) entry;
	char *name;
	unsigned active;
	struct http_queue waiting;
};
RB_HEAD(http_hosts, http_host);
int http_host_cmp(const struct http_host *, const struct http_host *);
RB_PROTOTYPE(http_hosts, http_host, entry, http_host_cmp)

struct http_client {
	struct event_base *base;
	struct resolver *resolver;
	CURLM *multi;
	struct event timer;	/* libcurl's */
	/* ours: what may not happen inside a callback of libcurl or of a caller */
	struct event tick;
	unsigned max_host;
	bool private_ok;
	struct curl_slist *get_heads, *post_heads;
	char *ca;		/* the CA bundle, or NULL */
	size_t ca_len;
	struct http_hosts hosts;
	struct http_queue ready, running, ended;
};

enum http_transfer_state { HTTP_WAITING, HTTP_READY, HTTP_RUNNING, HTTP_ENDED };

struct http_transfer {
	TAILQ_ENTRY(http_transfer) entry;	/* in the queue of its state */
	struct http_client *http;
	struct http_host *host;
	struct http_request r;			/* url and post are ours */
	enum http_transfer_state state;
	struct http_names *names;		/* of the hosts to connect to, until they are
						 * resolved */
	struct curl_slist *addresses;		/* what they resolved to, as CURLOPT_RESOLVE takes
						 * it */
	CURL *easy;				/* NULL: names are being resolved */
	struct event timer;			/* total and stall */
	struct http_head head;
	uint8_t *body;
	size_t cap, len;
	uint64_t start_ms, first_ms, last_ms;
	bool paused;		/* the caller's wish */
	bool held;		/* libcurl holds data back */
	bool cancelled;
	bool refused;		/* an address was */
	bool judged;		/* end and error are set by us, not by libcurl */
	enum http_end end;
	char error[400], curl_error[CURL_ERROR_SIZE];
};

/* http_names.c */
/* Resolve the names that this transfer needs, then http_loop_start it, or end it. */
void http_names_start(struct http_transfer *);
void http_names_stop(struct http_transfer *);
/* Whether a proxy that the environment names is used: the judge of addresses must see the peer's,
 * so only for the operator's URLs. */
bool http_uses_proxy(const struct http_transfer *);
/* Whether this transfer may connect to an address. */
bool http_may_connect(const struct http_transfer *, const uint8_t addr[16]);
/* http_loop.c */
int http_loop_init(struct http_client *);
void http_loop_release(struct http_client *);
void http_loop_start(struct http_transfer *);	/* -> running */
void http_loop_stop(struct http_transfer *);	/* out of libcurl's hands */
/* http.c */
/* the first judgement stays */
void http_judge(struct http_transfer *, enum http_end, const char *error);
/* -> ended; http_judge's wins */
void http_ended(struct http_transfer *, enum http_end, const char *error);

#endif
