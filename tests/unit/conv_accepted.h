/* The other way in: a conversation that a stranger opened. */
#ifndef TESTS_UNIT_CONV_ACCEPTED_H
#define TESTS_UNIT_CONV_ACCEPTED_H
#include "tests/unit/conv_play.h"

/* Somebody dialled us, and has said nothing. */
static inline void accepted(struct play *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(9) };
	int pair[2];

	play_init(s);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	evutil_make_socket_nonblocking(pair[0]);
	s->fd = pair[1];
	s->conv = conv_accept(s->base, &s->self, pair[0], (struct sockaddr *)&at, &ops, s);
}

#endif
