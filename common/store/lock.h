/* What keeps a store from being written: another program that holds its lock (lock.c), and the want
 * of room (room.c). */
#ifndef BLOCKSYNC_STORE_LOCK_H
#define BLOCKSYNC_STORE_LOCK_H

#include "common/store/store.h"

/* empty and 0: it could not write its name */
struct store_holder { char program[32], host[65]; uint64_t pid; };
#define STORE_HOLDER_TEXT 160
/* Whether a program holds the lock of the store in DIR, and who. Without the lock's file, or the
 * right to read it: false. */
bool store_lock_holder(const char *dir, struct store_holder *);
/* "block-store (process 123 on HOST)" into out, which is returned. */
const char *store_holder_text(const struct store_holder *, char out[STORE_HOLDER_TEXT]);
/* If another program holds the lock and does not let go within 2 s, ends with 111 and a line that
 * says who. */
void store_lock_check(const char *dir);
/* Take the lock; the descriptor holds it until it is closed.  store_open calls it; held by another:
 * as store_lock_check. */
int store_lock(const char *dir);

/* Whether an error (of LMDB, or errno) is the want of room on the disk, in the map or under a limit
 * of file sizes. */
bool store_full(const struct store *, int error);
/* The end for want of it: 111, or what die_full does under blocksync. */
_Noreturn void store_die_full(const struct store *);
/* Before LMDB opens the store for writing: its lock file has the pages of disk that it needs, or
 * the program ends as above. */
void store_lockfile_room(const struct store *);

#endif
