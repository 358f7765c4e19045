/* What keeps a store from being written: another program that holds its lock (lock.c), and the want
 * of room (room.c). */
#ifndef BLOCKSYNC_STORE_LOCK_H
#define BLOCKSYNC_STORE_LOCK_H

#include "common/store/store.h"

/* The program that holds a store's lock; empty and pid 0 if it could not write its name. */
struct store_holder { char program[32], host[65]; uint64_t pid; };
#define STORE_HOLDER_TEXT 160
/* Whether a program holds the lock of the store in DIR, and which.  False also where there is no
 * lock file or it may not be read. */
bool store_lock_holder(const char *dir, struct store_holder *);
/* "block-store (process 123 on HOST)" into out, which is returned. */
const char *store_holder_text(const struct store_holder *, char out[STORE_HOLDER_TEXT]);
/* If another program holds the lock and does not let go within 2 s, ends with 111 and a line that
 * says who. */
void store_lock_check(const char *dir);
/* Take the lock, for store_open.  Returns a descriptor; the lock is held until that is closed.  If
 * another program holds it, ends as store_lock_check does. */
int store_lock(const char *dir);

/* Whether an error (of LMDB, or errno) is the want of room on the disk, in the map or under a limit
 * of file sizes. */
bool store_full(const struct store *, int error);
/* End the program for want of room, by die_full. */
_Noreturn void store_die_full(const struct store *);
/* To be called before LMDB opens the store for writing: makes sure that its lock file has the pages
 * of disk that it needs, or ends the program by store_die_full. */
void store_lockfile_room(const struct store *);

#endif
