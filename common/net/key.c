/* The node key: a file of its own, opened by P2P stages only (DESIGN 1).  It is made whole under
 * another name and renamed into place under a lock, so that of several programs that start at once
 * one makes it and all read the same, on file systems without hard links too. */
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
			die_name("cannot read", path);
		return -1;
	}
	if ((n = read(fd, text, sizeof(text))) < 0)
		die_name("cannot read", path);
	close(fd);
	if (n == KEY_TEXT && text[64] == '\n')
		n--;
	if (n != 64 || hex_to(secret, 32, text, 64) < 0 || key_public(key, secret) < 0)
		die_usage("'%s' holds no key: 64 hex digits are wanted; without the file a new one "
			  "is made",
		    path);
	return 0;
}

/* All makers lock the same file.  Who waited may hold the file that is the key by then, and looks
 * before it writes. */
static int lock_new(const char *name)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || fcntl(fd, F_OFD_SETLKW, &whole) < 0)
		die_world("cannot make '%s': %s", name, strerror(errno));
	return fd;
}

static void write_key(int fd, const char *name)
{
	uint8_t secret[32], key[KEY_LEN];
	char text[KEY_TEXT + 1];
	struct stat st;

	do
		random_bytes(secret, sizeof(secret));
	while (key_public(key, secret) < 0);
	hex_of(text, secret, 32);
	text[64] = '\n';
	/* what was begun stays: others may wait for it, and would write on where no name leads */
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, KEY_TEXT, 0) != KEY_TEXT || fsync(fd) < 0)
		die_world("cannot write '%s': %s", name, strerror(errno));
	if (fstat(fd, &st) == 0 && st.st_mode & 077)
		log_warnx("the file system lets others read the node key, '%s'", name);
}

static void make_key(const char *dir, const char *path)
{
	char name[4200];
	int fd;

	snprintf(name, sizeof(name), "%s/key.new", dir);
	fd = lock_new(name);
	if (access(path, F_OK) < 0) {
		write_key(fd, name);
		if (rename(name, path) < 0)
			die_world("cannot make '%s': %s", path, strerror(errno));
	} else {
		unlink(name);	/* made since, by another: this one is nobody's */
	}
	close(fd);
}

void node_key_load(const char *dir, uint8_t secret[32], uint8_t key[KEY_LEN])
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/key", dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		die_world("cannot make '%s': %s", dir, strerror(errno));
	if (read_key(path, secret, key) == 0)
		return;
	make_key(dir, path);
	if (read_key(path, secret, key) < 0)
		die_world("'%s' went away", path);
}

/* Next: common/net/budget.c, what strangers may make a program hold. */
