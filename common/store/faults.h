/* Faults that wait for a program's next commit: gathered, put into the table, then told downstream
 * (faults.c). */
#ifndef BLOCKSYNC_STORE_FAULTS_H
#define BLOCKSYNC_STORE_FAULTS_H

#include <sys/queue.h>

#include "common/store/store.h"
#include "common/sys/stage.h"

struct kept_fault;
struct faults {
	STAILQ_HEAD(, kept_fault) rows;
	const char *stage;		/* who noticed; a constant */
};

void faults_init(struct faults *, const char *stage);
/* Texts are copied, cut to what a record has room for. */
void faults_keep(struct faults *, const char *who, enum fault_class, const char *what,
    const char *evidence);
bool faults_none(const struct faults *);
/* Count each in the table, within a write transaction of a program that declared T_FAULTS. */
void faults_put(const struct faults *, struct store *, MDB_txn *);
/* After that commit: a record each. */
void faults_tell(const struct faults *, struct stage *);
void faults_clear(struct faults *);

#endif
