/* Which addresses may be dialled (spec/wire.md 1, DESIGN 5). */
#ifndef BLOCKSYNC_NET_ADDRESS_H
#define BLOCKSYNC_NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Not an address that a peer of the public network can have: loopback, private, link-local,
 * carrier-grade, multicast, of special use or of tunnels.  What holds an IPv4 address (mapped,
 * NAT64, 6to4) is judged by that. */
bool address_private(const struct sockaddr *);
bool address_private16(const uint8_t addr[16]);		/* the wire's 16-byte form */
/* The IPv4 address that one of IPv6 stands for: mapped, translated (NAT64) or tunnelled (6to4,
 * Teredo).  False: none. */
bool address_embedded4(uint8_t out[4], const uint8_t addr[16]);
bool address_loopback(const struct sockaddr *);		/* 127/8, plain or mapped, and ::1 */
bool address_any16(const uint8_t addr[16]);		/* "anynet": zeros or mapped 0.0.0.0 */
void address_to16(uint8_t addr[16], uint16_t *port, const struct sockaddr *);
void address_from16(struct sockaddr_storage *, socklen_t *, const uint8_t addr[16], uint16_t port);
/* "host:port" or "[v6]:port"; out of at least 64 bytes. */
const char *address_text(char out[64], const struct sockaddr *);
/* One address, or both are this machine's loopback. */
bool address_same_host16(const uint8_t a[16], const uint8_t b[16]);
/* The host of a URL, if it is a number (in any form that a resolver would take) or localhost. */
bool address_of_url(uint8_t addr[16], const char *url);
/* Host of a URL that is a numeric private address (so that it can be refused without resolving). */
bool address_url_private(const char *url);

#endif
