/* What the head of an HTTP answer may say, judged line by line (spec/blocks.md 4.1).  Pure. */
#ifndef BLOCKSYNC_NET_HTTP_HEAD_H
#define BLOCKSYNC_NET_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_head {
	/* of all lines so far, interim answers and trailers included */
	size_t bytes;
	long status;			/* of the last status line */
	bool complete;			/* the empty line came, after a final status */
	bool has_length, chunked;
	uint64_t length;
	char type[64];			/* Content-Type, cut, as sent */
	char location[200];		/* Location, cut, as sent */
	unsigned retry_after;		/* seconds, at most an hour */
	bool too_large;			/* beyond MAX_HTTP_HEAD */
	char error[80];			/* "" or what is wrong */
};

/* Take one line with its line end; date of Retry-After is against `now` (unix seconds).  Returns
 * false once the head is refused;
 * ->error and ->too_large say why. */
bool http_head_line(struct http_head *, const char *line, size_t n, int64_t now);
/* Whether a Content-Type is the media type wanted (its parameters aside). */
bool http_type_is(const char *type, const char *want);

#endif
