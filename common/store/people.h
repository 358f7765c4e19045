/* The tables of peers and what they claim: peers and inventories (people.c). */
#ifndef BLOCKSYNC_STORE_PEOPLE_H
#define BLOCKSYNC_STORE_PEOPLE_H

#include "common/store/store.h"

/* While there are PEER_ROWS or more: the peer goes, with its inventories, that is neither pinned
 * nor banned, whose blocks the store never took, and that was not spoken to for longest. */
void peer_make_room(struct store *, MDB_txn *);
/* peers by key; inventories by (peer, kind, cycle). */
void peer_put(struct store *, MDB_txn *, const struct rec_peer *);
int peer_get(struct store *, MDB_txn *, const uint8_t key[KEY_LEN], struct rec_peer *);
void peer_walk(struct store *, MDB_txn *, bool (*fn)(void *, const struct rec_peer *), void *);
void inventory_put(struct store *, MDB_txn *, const struct rec_inventory *);
int inventory_get(struct store *, MDB_txn *, const uint8_t peer[KEY_LEN], enum inventory_kind,
    uint64_t cycle, struct rec_inventory *);
/* peer NULL: of all peers. */
void inventory_walk(struct store *, MDB_txn *, const uint8_t *peer,
    bool (*fn)(void *, const struct rec_inventory *), void *);

#endif
