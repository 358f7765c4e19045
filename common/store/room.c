/* Room: whether a failure is the want of it, on the disk, in the map or under a limit of file
 * sizes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/store/lock.h"
#include "common/sys/log.h"

#define LOCKFILE (96u << 10)	/* bytes that LMDB's lock file takes, and the first pages of data */
#define SCARCE (1u << 20)	/* bytes left: so little that a commit may not have fitted */

/* LMDB calls a write that came out short EIO: a disk that is bad, or has no room for the rest. */
static bool scarce(const struct store *s)
{
	struct rlimit most;
	struct statvfs fs;
	struct stat file;
	int fd = -1;

	if (!s->env || mdb_env_get_fd(s->env, &fd) != 0 || fd < 0)
		return false;
	if (fstatvfs(fd, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < SCARCE)
		return true;
	return getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur != RLIM_INFINITY &&
	    fstat(fd, &file) == 0 &&
	    (uint64_t)file.st_size + SCARCE > most.rlim_cur;
}

bool store_full(const struct store *s, int error)
{
	switch (error) {
	case MDB_MAP_FULL: case ENOSPC: case EDQUOT: case EFBIG:
		return true;
	case EIO:
		return scarce(s);
	default:
		return false;
	}
}

void store_die_full(const struct store *s)
{
	die_full("store '%s' is full (disk, limit of file sizes, or $BLOCKSYNC_MAP): nothing of "
		 "this commit is kept, start again when there is room",
	    s->dir);
}

/* LMDB writes the lock file through a map, where the want of a page of disk is a signal: its pages
 * are taken before. */
void store_lockfile_room(const struct store *s)
{
	char path[sizeof(s->dir) + 16];
	struct statvfs fs;
	struct stat file;
	int fd;

	snprintf(path, sizeof(path), "%s/lock.mdb", s->dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && statvfs(s->dir, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize < LOCKFILE)
		store_die_full(s);
	if (fd < 0)
		return;
	if (fstat(fd, &file) == 0 && (uint64_t)file.st_blocks * 512 < (uint64_t)file.st_size &&
	    posix_fallocate(fd, 0, file.st_size) != 0 && file.st_blocks == 0) {
		close(fd);
		store_die_full(s);
	}
	close(fd);
}

/* Next: common/store/intact.c, what LMDB takes on trust. */
