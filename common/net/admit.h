/* Which connection is closed when all places are taken and another one comes.  Pure: the caller
 * brings addresses and times, and closes the one that admit_victim names.
 *
 * A stranger easily has many connections, but from few networks.  So a connection's weight is the
 * number of connections from its network, plus ADMIT_HOST_WEIGHT for each further one from its own
 * host.  Of the heaviest the one that has shown least is closed (no useful work, no proven key),
 * and of those the youngest.  A newcomer takes the place of one that is at least as heavy as
 * itself, or heavier if its host is connected already; otherwise the newcomer is refused.
 *
 * One connection of each host, and one of each key, can be exempt from this: a few for their
 * network (picked by a secret), a short round trip, recent useful work, being new, or their age. */
#ifndef BLOCKSYNC_NET_ADMIT_H
#define BLOCKSYNC_NET_ADMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADMIT_HOST_WEIGHT 4		/* so that a network of 100 lone hosts gives way to one host
					 * of 25 */
#define ADMIT_KEEP_NETWORKS 4		/* kept for their network, which an attacker cannot aim
					 * at */
#define ADMIT_KEEP_NEAR 8		/* ... for a short way there and back */
#define ADMIT_KEEP_USEFUL 8		/* ... for the latest useful work */
#define ADMIT_KEEP_NEW 64		/* ... since they have just come, so that they can say what
					 * they want */
#define ADMIT_NEW_MS 5000		/* ... in this time: a handshake's */

struct admit_conn {
	uint64_t network, host;		/* set by admit_place */
	uint64_t key;			/* of whoever speaks, made by admit_hash once it is proven;
					 * 0: not known */
	uint64_t since;			/* ms, when it came */
	uint64_t useful;		/* ms, when it last gave or took blocks or inventories; 0:
					 * never */
	uint32_t rtt;			/* microseconds there and back; UINT32_MAX: not known */
	bool exempt;			/* never goes */
	/* the inside of admit_victim */
	bool kept;
	uint32_t weight;
};

/* A hash that nobody without the secret can foresee, never 0. */
uint64_t admit_hash(const uint8_t secret[32], const void *p, size_t n);
/* The network and the host of an address in the wire's form: /16 and /32 of IPv4, also where it is
 * mapped, translated or tunnelled in IPv6 (::ffff:0:0/96, 64:ff9b::/96, 2002::/16, 2001::/32), else
 * /32 and /64 of IPv6. */
void admit_place(struct admit_conn *, const uint8_t addr[16], const uint8_t secret[32]);
/* How many of them come from this one's host. */
size_t admit_same_host(struct admit_conn *const *all, size_t n, const struct admit_conn *);
/* The connection to close so that the newcomer has a place (one of `all`), or NULL: the newcomer is
 * refused.  now: ms, of the clock of `since`. O(n log n). */
struct admit_conn *admit_victim(struct admit_conn *const *all, size_t n,
    const struct admit_conn *newcomer, uint64_t now);

#endif
