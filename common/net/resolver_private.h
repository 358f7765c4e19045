/* Between the two sides of the resolver: one question a packet, one answer a packet, of fixed
 * size. */
#ifndef BLOCKSYNC_NET_RESOLVER_PRIVATE_H
#define BLOCKSYNC_NET_RESOLVER_PRIVATE_H

#include "common/net/resolver.h"

struct resolver_question {
	uint32_t id;
	char host[MAX_HOST + 1];	/* ended by zeros */
};
struct resolver_answer {
	uint32_t id;
	int32_t error;			/* of getaddrinfo, 0: none */
	uint32_t n;
	uint8_t at[MAX_ADDRESSES][16];
};

/* The child: answers on fd until its parent is gone. */
_Noreturn void resolver_child(int fd);

#endif
