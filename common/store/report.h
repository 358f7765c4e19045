/* The tables that say what went on: verdicts, faults, damaged, downloads, uploads (report.c,
 * damaged.c, people.c, uploads.c). */
#ifndef BLOCKSYNC_STORE_REPORT_H
#define BLOCKSYNC_STORE_REPORT_H

#include "common/store/store.h"

/* verdicts by (id, body hash, source): bounded, oldest out. faults by (who, class, what): counted
 * up, bounded. */
void verdict_put(struct store *, MDB_txn *, const struct rec_verdict *);
int verdict_get(struct store *, MDB_txn *, const uint8_t id[ID_LEN], const uint8_t body_hash[32],
    struct rec_view source, struct rec_verdict *);
/* id NULL: all */
void verdict_walk(struct store *, MDB_txn *, const uint8_t *id,
    bool (*fn)(void *, const struct rec_verdict *), void *);
void verdict_del(struct store *, MDB_txn *, const uint8_t id[ID_LEN], const uint8_t body_hash[32],
    struct rec_view source);
/* Delete the rows (id NULL: of all blocks) for which `which` holds. */
void verdict_forget(struct store *, MDB_txn *, const uint8_t *id,
    bool (*which)(const struct rec_verdict *));
void fault_forget(struct store *, MDB_txn *, bool (*which)(const struct rec_fault *));
/* Count one fault: adds 1 (or f->count if set) to the row, sets first/last. */
void fault_add(struct store *, MDB_txn *, const struct rec_fault *);
void fault_walk(struct store *, MDB_txn *, bool (*fn)(void *, const struct rec_fault *), void *);

/* damaged: blocks that were found bad, by id.  Note one, in a write transaction of its own and with
 * a warning; does nothing where the block is noted already, or the program did not declare
 * T_DAMAGED. */
void damaged_note(struct store *, const uint8_t id[ID_LEN]);
/* The same under another key, of something of a block: `what` goes before "block 'ID'". */
void damaged_note_key(struct store *, const uint8_t *key, size_t klen, const uint8_t id[ID_LEN],
    const char *what);
/* One of the blocks, and the tenure that it was in (zeros: unknown).  False: there is none. */
bool damaged_first(struct store *, MDB_txn *, uint8_t id[ID_LEN], uint8_t ch[CH_LEN]);

/* downloads: rows of rec_download by (consensus hash, id), with a body hash also by (body hash,
 * source). */
void download_put(struct store *, MDB_txn *, const struct rec_download *);
/* Of these two the key's fields count alone. */
void download_del(struct store *, MDB_txn *, const struct rec_download *);
bool download_stands(struct store *, MDB_txn *, const struct rec_download *);
void download_walk(struct store *, MDB_txn *, bool (*fn)(void *, const struct rec_download *),
    void *);

/* uploads: a ring of pushed blocks (rec_block rows) by sequence; the oldest go when over 64 MiB or
 * 4,096 rows. */
uint64_t upload_put(struct store *, MDB_txn *, const struct rec_block *);
void upload_walk(struct store *, MDB_txn *, uint64_t from,
    bool (*fn)(void *, uint64_t seq, const struct rec_block *), void *);

#endif
