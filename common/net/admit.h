/* Which connection has to go when more want to be connected than there are places.  Pure: the
 * caller brings addresses and times, and closes whoever is named.
 *
 * What a stranger has for nothing is many connections from few places, so these are what counts:
 * each connection weighs one for each that comes from its network, and ADMIT_HOST_WEIGHT for each
 * further one from its own host.  Of the heaviest hosts the youngest goes, those that have proven
 * nothing first; if that is the newcomer, nobody else does, nor for one of a host that is there
 * already and as heavy.  One connection a host, and one a key, may be kept beyond that: for its
 * network (chosen by a secret), a short way, recent useful work, being new, or its age. */
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
/* Of all that are connected, the one that makes room for the newcomer (a pointer out of all), or
 * NULL: the newcomer has to go itself.  now: ms, of the clock of `since`. O(n log n). */
struct admit_conn *admit_victim(struct admit_conn *const *all, size_t n,
    const struct admit_conn *newcomer, uint64_t now);

#endif
