/* The node key: a file of its own, opened by P2P stages only (DESIGN 1).  It is made whole under another name and linked into place, so that of
 * several programs that start at once one makes it and all read the same. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/chain/key.h"
#include "common/net/conv.h"
#include "common/sys/log.h"
#include "common/sys/start.h"

#define KEY_TEXT 65	/* 64 hex digits and a newline */

static int read_key(const char *path, uint8_t secret[32], uint8_t key[KEY_LEN])
{
	char text[KEY_TEXT + 1];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		if (errno != ENOENT)
			die_world("cannot read '%s': %s", path, strerror(errno));
		return -1;
	}
	if ((n = read(fd, text, sizeof text)) < 0)
		die_world("cannot read '%s': %s", path, strerror(errno));
	close(fd);
	if (n == KEY_TEXT && text[64] == '\n')
		n--;
	if (n != 64 || hex_to(secret, 32, text, 64) < 0 || key_public(key, secret) < 0)
		die_usage("'%s' holds no key: 64 hex digits are wanted; without the file a new one is made", path);
	return 0;
}

static void make_key(const char *dir, const char *path)
{
	char temp[4200], text[KEY_TEXT + 1];
	uint8_t secret[32], key[KEY_LEN];
	int fd;

	do
		random_bytes(secret, sizeof secret);
	while (key_public(key, secret) < 0);
	hex_of(text, secret, 32);
	text[64] = '\n';
	snprintf(temp, sizeof temp, "%s/key.%ld", dir, (long)getpid());
	if ((fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
		die_world("cannot make '%s': %s", temp, strerror(errno));
	if (write(fd, text, KEY_TEXT) != KEY_TEXT || fsync(fd) < 0 || close(fd) < 0) {
		unlink(temp);
		die_world("cannot write '%s': %s", temp, strerror(errno));
	}
	if (link(temp, path) < 0 && errno != EEXIST) {
		unlink(temp);
		die_world("cannot make '%s': %s", path, strerror(errno));
	}
	unlink(temp);
}

void node_key_load(const char *dir, uint8_t secret[32], uint8_t key[KEY_LEN])
{
	char path[4200];

	snprintf(path, sizeof path, "%s/key", dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		die_world("cannot make '%s': %s", dir, strerror(errno));
	if (read_key(path, secret, key) == 0)
		return;
	make_key(dir, path);
	if (read_key(path, secret, key) < 0)
		die_world("'%s' went away", path);
}

/* Next: common/net/budget.c, what strangers may make a program hold. */
