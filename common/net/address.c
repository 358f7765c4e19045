/* address - which addresses may be dialled, and their forms on the wire and on paper.
 *
 * One judge for all: every address is brought into the 16-byte form of the wire first (IPv4 mapped
 * into IPv6), so that a mapped private address is as private as the plain one. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/chain/bytes.h"
#include "common/net/address.h"

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* IANA's special-purpose registries, and multicast: nobody's public peer is there. */
static const struct { uint8_t net[4]; unsigned bits; } private4[] = {
	{ { 0, 0, 0, 0 }, 8 },		/* this network */
	{ { 10, 0, 0, 0 }, 8 },
	{ { 100, 64, 0, 0 }, 10 },	/* carrier-grade NAT */
	{ { 127, 0, 0, 0 }, 8 },
	{ { 169, 254, 0, 0 }, 16 },	/* link-local */
	{ { 172, 16, 0, 0 }, 12 },
	{ { 192, 0, 0, 0 }, 24 },	/* protocol assignments */
	{ { 192, 0, 2, 0 }, 24 },	/* documentation */
	{ { 192, 31, 196, 0 }, 24 },	/* AS112, as 192.175.48 */
	{ { 192, 52, 193, 0 }, 24 },	/* AMT */
	{ { 192, 88, 99, 0 }, 24 },	/* relays of 6to4 */
	{ { 192, 168, 0, 0 }, 16 },
	{ { 192, 175, 48, 0 }, 24 },
	{ { 198, 18, 0, 0 }, 15 },	/* benchmarks */
	{ { 198, 51, 100, 0 }, 24 },
	{ { 203, 0, 113, 0 }, 24 },
	{ { 224, 0, 0, 0 }, 3 },	/* multicast, reserved, broadcast */
};
/* Within 2000::/3; all else of IPv6 is not global unicast. */
static const struct { uint8_t net[16]; unsigned bits; } private6[] = {
	{ { 0x20, 0x01 }, 23 },				/* protocol assignments: Teredo, benchmarks,
							 * ORCHID */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 },		/* documentation */
	{ { 0x26, 0x20, 0x00, 0x4f, 0x80 }, 48 },	/* AS112 */
	{ { 0x3f, 0xff }, 20 },				/* documentation */
};
static const uint8_t global6[1] = { 0x20 };

static bool in_net(const uint8_t *addr, const uint8_t *net, unsigned bits)
{
	if (memcmp(addr, net, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || (addr[bits / 8] ^ net[bits / 8]) >> (8 - bits % 8) == 0;
}

static bool is_private4(const uint8_t *addr)
{
	for (size_t i = 0; i < sizeof(private4) / sizeof(*private4); i++)
		if (in_net(addr, private4[i].net, private4[i].bits))
			return true;
	return false;
}

bool address_embedded4(uint8_t out[4], const uint8_t addr[16])
{
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
	static const uint8_t sixtofour[2] = { 0x20, 0x02 }, teredo[4] = { 0x20, 0x01 };

	if (memcmp(addr, mapped_prefix, 12) == 0 || memcmp(addr, nat64, 12) == 0) {
		memcpy(out, addr + 12, 4);
	} else if (memcmp(addr, sixtofour, 2) == 0) {
		memcpy(out, addr + 2, 4);
	} else if (memcmp(addr, teredo, 4) == 0) {
		for (int i = 0; i < 4; i++)
			out[i] = addr[12 + i] ^ 0xff;
	} else {
		return false;
	}
	return true;
}

bool address_private16(const uint8_t addr[16])
{
	uint8_t in[4];

	for (size_t i = 0; i < sizeof(private6) / sizeof(*private6); i++)
		if (in_net(addr, private6[i].net, private6[i].bits))
			return true;
	return address_embedded4(in, addr) ? is_private4(in) : !in_net(addr, global6, 3);
}

bool address_private(const struct sockaddr *sa)
{
	uint8_t addr[16];
	uint16_t port;

	if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6)
		return true;
	address_to16(addr, &port, sa);
	return address_private16(addr);
}

static bool is_loopback16(const uint8_t addr[16])
{
	return memcmp(addr, mapped_prefix, 12) == 0 ? addr[12] == 127 :
	    all_zero(addr, 15) && addr[15] == 1;
}

bool address_loopback(const struct sockaddr *sa)
{
	uint8_t addr[16];
	uint16_t port;

	address_to16(addr, &port, sa);
	return is_loopback16(addr);
}

bool address_any16(const uint8_t addr[16])
{
	return all_zero(addr, 16) ||
	    (memcmp(addr, mapped_prefix, 12) == 0 && all_zero(addr + 12, 4));
}

bool address_same_host16(const uint8_t a[16], const uint8_t b[16])
{
	return memcmp(a, b, 16) == 0 || (is_loopback16(a) && is_loopback16(b));
}

void address_to16(uint8_t addr[16], uint16_t *port, const struct sockaddr *sa)
{
	memset(addr, 0, 16);
	*port = 0;
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
		memcpy(addr, mapped_prefix, 12);
		memcpy(addr + 12, &in->sin_addr, 4);
		*port = ntohs(in->sin_port);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)sa;
		memcpy(addr, &in->sin6_addr, 16);
		*port = ntohs(in->sin6_port);
	}
}

void address_from16(struct sockaddr_storage *ss, socklen_t *len, const uint8_t addr[16],
    uint16_t port)
{
	memset(ss, 0, sizeof(*ss));
	if (memcmp(addr, mapped_prefix, 12) == 0) {
		struct sockaddr_in *in = (struct sockaddr_in *)ss;
		in->sin_family = AF_INET;
		memcpy(&in->sin_addr, addr + 12, 4);
		in->sin_port = htons(port);
		*len = sizeof(*in);
	} else {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)ss;
		in->sin6_family = AF_INET6;
		memcpy(&in->sin6_addr, addr, 16);
		in->sin6_port = htons(port);
		*len = sizeof(*in);
	}
}

const char *address_text(char out[64], const struct sockaddr *sa)
{
	char ip[INET6_ADDRSTRLEN];

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
		inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
		snprintf(out, 64, "%s:%u", ip, ntohs(in->sin_port));
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)sa;
		inet_ntop(AF_INET6, &in->sin6_addr, ip, sizeof(ip));
		snprintf(out, 64, "[%s]:%u", ip, ntohs(in->sin6_port));
	} else {
		snprintf(out, 64, "?");
	}
	return out;
}

/* The host between "://" (and a user's name) and its port, or NULL. */
static const char *url_host(const char *url, char *host, size_t size)
{
	const char *p = strstr(url, "://"), *at;
	size_t n;

	if (!p)
		return NULL;
	p += 3;
	n = strcspn(p, "/?#");
	at = memchr(p, '@', n);
	if (at) {
		n -= (size_t)(at + 1 - p);
		p = at + 1;
	}
	if (*p == '[') {
		p++;
		n = strcspn(p, "]");
	} else {
		const char *colon = memchr(p, ':', n);
		if (colon)
			n = (size_t)(colon - p);
	}
	if (n == 0 || n >= size)
		return NULL;
	memcpy(host, p, n);
	host[n] = '\0';
	return host;
}

bool address_of_url(uint8_t addr[16], const char *url)
{
	char host[256];
	struct in_addr in;

	if (!url_host(url, host, sizeof(host)))
		return false;
	if (inet_pton(AF_INET6, host, addr) == 1)
		return true;
	/* inet_aton also knows the odd forms (127.1, 0x7f000001) that a resolver would take. */
	if (strcasecmp(host, "localhost") == 0)
		in.s_addr = htonl(INADDR_LOOPBACK);
	else if (!inet_aton(host, &in))
		return false;
	memset(addr, 0, 10);
	memset(addr + 10, 0xff, 2);
	memcpy(addr + 12, &in, 4);
	return true;
}

bool address_url_private(const char *url)
{
	uint8_t addr[16];

	return address_of_url(addr, url) && address_private16(addr);
}

/* Next: common/net/admit.c, who has to go when there is no room. */
