/* Faults on their way into the store: conversational programs commit at most four times a second,
 * and say downstream only what is in the store. */
#include <stdlib.h>

#include "common/store/faults.h"
#include "common/sys/log.h"

struct kept_fault {
	STAILQ_ENTRY(kept_fault) entry;
	enum fault_class class;
	char who[MAX_SOURCE + 1], what[65], evidence[201];
};

void faults_init(struct faults *l, const char *stage)
{
	STAILQ_INIT(&l->rows);
	l->stage = stage;
}

void faults_keep(struct faults *l, const char *who, enum fault_class class, const char *what,
    const char *evidence)
{
	struct kept_fault *f = xcalloc(1, sizeof(*f));

	strlcpy(f->who, who, sizeof(f->who));
	f->class = class;
	strlcpy(f->what, what, sizeof(f->what));
	strlcpy(f->evidence, evidence, sizeof(f->evidence));
	STAILQ_INSERT_TAIL(&l->rows, f, entry);
}

bool faults_none(const struct faults *l) { return STAILQ_EMPTY(&l->rows); }

static struct rec_fault row_of(const struct faults *l, const struct kept_fault *f)
{
	return (struct rec_fault){ .who = rec_str(f->who),
		.class = f->class,
		.what = rec_str(f->what),
		.evidence = rec_str(f->evidence),
		.stage = rec_str(l->stage),
		.count = 1,
		.first = now_unix(),
		.last = now_unix() };
}

void faults_put(const struct faults *l, struct store *s, MDB_txn *txn)
{
	struct kept_fault *f;

	STAILQ_FOREACH(f, &l->rows, entry) {
		struct rec_fault r = row_of(l, f);
		fault_add(s, txn, &r);
	}
}

void faults_tell(const struct faults *l, struct stage *stage)
{
	struct kept_fault *f;

	STAILQ_FOREACH(f, &l->rows, entry) {
		struct rec_fault r = row_of(l, f);
		stage_emit(stage, REC_FAULT, &r);
	}
}

void faults_clear(struct faults *l)
{
	struct kept_fault *f;

	while ((f = STAILQ_FIRST(&l->rows)) != NULL) {
		STAILQ_REMOVE_HEAD(&l->rows, entry);
		free(f);
	}
}

/* Next: common/store/uploads.c, the table of blocks that came unasked. */
