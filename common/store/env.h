/* The environment under a store that is being opened: not for programs. */
#ifndef BLOCKSYNC_STORE_ENV_H
#define BLOCKSYNC_STORE_ENV_H

#include "common/store/store.h"

/* s->dir, with the lock where s->writes asks for it.  Ends the program where it cannot be. */
void env_open(struct store *);
/* The same file again, for reading alone, with its tables: values that were read are void. */
void env_reopen(struct store *);
/* Open the tables that exist (a store of an older program lacks some); false if there are none yet.
 * With create they are made. */
bool env_tables(struct store *, bool create);
/* The number of the last commit that a reader sees.  mdb_env_info tells of one as soon as its meta
 * page is written, which is before the disk has it and readers may: who read then would see the old
 * state, and take it for the new one. */
size_t env_visible(struct store *);

#endif
