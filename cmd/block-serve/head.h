/* The head of an HTTP/1 request, and a body that comes in chunks.  Pure: bytes in, facts out. */
#ifndef BLOCK_SERVE_HEAD_H
#define BLOCK_SERVE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum method { METHOD_OTHER, METHOD_GET, METHOD_HEAD, METHOD_POST };

struct head {
	enum method method;
	bool http10;			/* the client speaks HTTP/1.0: no chunks */
	bool keep;			/* the connection may stay after the answer */
	bool chunked;			/* the body comes in chunks */
	bool expects;			/* the client waits for a "100 Continue" before it sends the
					 * body */
	bool octets;			/* the body's type is application/octet-stream */
	uint64_t length;		/* of the body, unless chunked; 0: there is none */
	const char *path, *query;	/* views into the bytes that were given, each ended by a
					 * zero byte; query may be NULL */
	int status;			/* of a head that cannot be taken: the answer's status
					 * ... */
	const char *fault;		/* ... and text */
};

/* Read a head from n bytes at p, which are changed.  Returns how many bytes it has; 0: its end has
 * not come yet, and the bytes are unchanged; -1: it is refused with head.status and head.fault, and
 * where the next request begins is unknown. */
ssize_t head_parse(struct head *, char *p, size_t n);

struct chunks {
	enum { CHUNK_SIZE, CHUNK_REST, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER, CHUNK_DONE } state;
	uint64_t left;			/* bytes of the chunk still to come */
	unsigned digits;		/* of its size */
	size_t extra;			/* bytes of the line after the size, or of the trailer */
	size_t line;			/* bytes of the trailer's line */
};

/* Read on in a body of chunks: from n > 0 bytes at p take the framing up to the next piece of data,
 * and that piece, *data of *len bytes (0: none yet).  Returns how many bytes were taken, or -1 if
 * they are no chunks.  A body begins with struct chunks all zeros, and has ended when its state is
 * CHUNK_DONE; then nothing is taken any more. */
ssize_t chunks_take(struct chunks *, const uint8_t *p, size_t n, const uint8_t **data, size_t *len);
#endif
