/* The tables of the burnchain view: sortitions and reward_sets (burn.c). */
#ifndef BLOCKSYNC_STORE_BURN_H
#define BLOCKSYNC_STORE_BURN_H

#include "common/chain/place.h"
#include "common/store/store.h"

/* sortitions.  Rows by (height, consensus hash), and indexes consensus hash or burn hash -> height,
 * committed block id -> (height, ch). Forks are kept; at most one row of a height is canonical. */
void sortition_put(struct store *, MDB_txn *, const struct rec_sortition *);
int sortition_get(struct store *, MDB_txn *, const uint8_t ch[CH_LEN], struct rec_sortition *);
/* the canonical one */
int sortition_at(struct store *, MDB_txn *, uint64_t height, struct rec_sortition *);
/* highest canonical */
int sortition_tip(struct store *, MDB_txn *, struct rec_sortition *);
/* the canonical one */
int sortition_by_burn(struct store *, MDB_txn *, const uint8_t burn_hash[32],
    struct rec_sortition *);
/* Complete the index of burn hashes for rows that an earlier version wrote.  To be called after
 * store_open by a program that declared T_SORTITIONS and T_META, outside of any transaction: it
 * commits. */
void sortition_index(struct store *);
/* All rows with height >= from ascending, forks too, until fn returns false. */
void sortition_walk(struct store *, MDB_txn *, uint64_t from,
    bool (*fn)(void *, const struct rec_sortition *), void *);
/* Sortitions whose commit names this block id, ascending by height (canonical or not). */
void sortition_naming(struct store *, MDB_txn *, const uint8_t id[ID_LEN],
    bool (*fn)(void *, const struct rec_sortition *), void *);
/* Set or clear the canonical mark of a row. */
void sortition_mark(struct store *, MDB_txn *, uint64_t height, const uint8_t ch[CH_LEN],
    bool canonical);
/* The two questions of struct burn_lookup (place.h); the first argument is a struct store_txn. */
struct store_txn { struct store *s; MDB_txn *txn; };
struct burn_fact sortition_fact(void *store_txn, const uint8_t ch[CH_LEN]);
bool sortition_names(void *store_txn, const uint8_t id[ID_LEN], uint64_t above);

/* reward_sets by cycle. */
void reward_set_put(struct store *, MDB_txn *, const struct rec_reward_set *);
int reward_set_get(struct store *, MDB_txn *, uint64_t cycle, struct rec_reward_set *);
/* The same as a signer set that the caller releases. 0, or -1. */
int reward_set_load(struct store *, MDB_txn *, uint64_t cycle, struct signer_set *);
int signer_set_of_record(struct signer_set *, const struct rec_reward_set *);

#endif
