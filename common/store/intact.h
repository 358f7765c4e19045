/* What LMDB takes on trust, looked at before and after it opens a file; and its faults as one line.
 * Not for programs. */
#ifndef BLOCKSYNC_STORE_INTACT_H
#define BLOCKSYNC_STORE_INTACT_H

#include "common/store/store.h"

/* LMDB's pages are laid out as our structs say: elsewhere they are not looked into. */
#define INTACT_LAYOUT (sizeof(size_t) == 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

/* Before mdb_env_open: the two first pages of DIR/data.mdb, if there is such a file.  Ends the
 * program where they cannot be right. */
void intact_metas(const struct store *);
/* After it: every page that the file is too short for is on the free list, or the program ends. */
void intact_length(struct store *);
/* From here on a page that cannot be read (SIGBUS), a pointer that leads nowhere in the map
 * (SIGSEGV), a failed assertion of LMDB and whatever else strikes within INTACT are one line and
 * the end of the program.  Any other fault stays a crash. */
void intact_watch(const struct store *);
/* An expression that calls LMDB: flags on its pages can lead it anywhere. */
extern _Thread_local volatile int intact_inside;
#define INTACT(expression)                     \
	(__extension__({                       \
		intact_inside++;               \
		int intact_rc_ = (expression); \
		intact_inside--;               \
		intact_rc_;                    \
	}))
/* The map is where this value lies: until this is called, SIGSEGV is always a crash. */
void intact_map(struct store *, const void *value);
/* Whether an address is in the map, as far as is known. */
bool intact_holds(const void *);
/* The number of the page that begins at an address in the map. */
uint64_t intact_number(const struct store *, const void *page);
/* A value in the map that is about to be replaced or deleted: if it has pages of its own, the head
 * of the first is set right. */
void intact_large(const struct store *, const MDB_val *value);
/* The map moves. */
void intact_forget(void);

#endif
