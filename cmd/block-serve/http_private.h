/* The inside of the HTTP side's connections: http_conn.c sends and ends, http.c accepts and reads.
 */
#ifndef BLOCK_SERVE_HTTP_PRIVATE_H
#define BLOCK_SERVE_HTTP_PRIVATE_H

#include "cmd/block-serve/http.h"

#define HTTP_READ_SIZE (16u << 10) /* read at once */

LIST_HEAD(http_conns, http_conn);
/* The connections of one thread. */
struct http_server {
	struct serve *s;
	struct event *sweep, *reap;
	struct http_conns conns, dead;
	struct budget in, unsent;
	uint8_t scratch[HTTP_READ_SIZE];
};

/* http_conn.c.  Events: the memory of dead connections is freed; a socket takes bytes again. */
void http_conn_reap(evutil_socket_t nofd, short what, void *server);
void http_conn_writable(evutil_socket_t fd, short what, void *conn);
/* It gave way to others, or was too slow: of its holds. */
void http_conn_dropped(void *conn);
/* What is held of its requests has changed. */
void http_conn_count(struct http_conn *);
/* Watch for one of its two events; without memory for that it ends. */
void http_conn_watch(struct http_conn *, struct event *);
/* Bytes that were read and not taken: `rest` of them, at p, which may lie in the ones kept
 * before. */
void http_conn_keep(struct http_conn *, const uint8_t *p, size_t rest);

#endif
