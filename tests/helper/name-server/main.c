/* name-server - a name server of one name, over UDP.
 *
 *   name-server ADDRESS MODE        answers: peer.test is 127.0.0.1, nothing else exists; silent:
 *                                   hears and says nothing
 *
 * Says "ready" once it listens on ADDRESS:53, then the name of each question. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/sys/log.h"

#define HEAD 12
#define TYPE_A 1

/* The question's name as text, and its type; returns where the question ends, 0 if it is none. */
static size_t question(const uint8_t *p, size_t n, char name[256], unsigned *type)
{
	size_t at = HEAD, len = 0;

	while (at < n && p[at] && at + p[at] + 1 < n && len + p[at] + 1u < 256) {
		memcpy(name + len, p + at + 1, p[at]);
		len += p[at];
		name[len++] = '.';
		at += p[at] + 1u;
	}
	if (at + 5 > n || p[at])
		return 0;
	name[len ? len - 1 : 0] = '\0';
	*type = (unsigned)p[at + 1] << 8 | p[at + 2];
	return at + 5;
}

/* The answer in place of the question; its length. */
static size_t answer(uint8_t *p, size_t end, bool known, bool address)
{
	static const uint8_t record[] = { 0xc0, HEAD, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0,
		1 };
	const uint8_t head[] = { 0x81, known ? 0x80 : 0x83, 0, 1, 0, address, 0, 0, 0, 0 };

	memcpy(p + 2, head, sizeof(head));
	if (address)
		memcpy(p + end, record, sizeof(record));
	return end + (address ? sizeof(record) : 0);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(53) }, from;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint8_t p[600];
	char name[256];
	unsigned type;

	log_init("name-server");
	if (argc != 3 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1)
		die_usage("usage: name-server ADDRESS answers|silent");
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die_world("cannot listen on '%s:53'", argv[1]);
	setlinebuf(stdout);
	puts("ready");
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, p, 512, 0, (struct sockaddr *)&from, &len);
		size_t end = n > HEAD ? question(p, (size_t)n, name, &type) : 0;
		bool known;

		if (!end)
			continue;
		puts(name);
		known = strcasecmp(name, "peer.test") == 0;
		if (strcmp(argv[2], "answers") == 0)
			sendto(fd, p, answer(p, end, known, known && type == TYPE_A), 0,
			    (struct sockaddr *)&from, len);
	}
}

/* Next: tests/helper/dial/main.c, who dials. */
