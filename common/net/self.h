/* Who we are, as our handshakes and preambles say it, out of the store: the burnchain view of
 * sortition-sync, the address of public-ip, port and URL of block-serve (meta rows, store.h). */
#ifndef BLOCKSYNC_NET_SELF_H
#define BLOCKSYNC_NET_SELF_H

#include "common/net/conv.h"
#include "common/store/store.h"

#define SELF_PORT 20444	    /* said where block-serve does not run */
#define SERVE_SAID_MS 30000 /* block-serve writes its row so often */
#define SERVE_ALIVE 90	    /* seconds that such a row counts */

/* An IP address, with a port or without, as -a and the row `address` have it.  False: it is none,
 * or anynet. */
bool self_address_parse(const char *text, uint8_t addr[16], uint16_t *port);
/* What handshakes carry.  The address: the announced one, else the one that block-serve listens on
 * if peers may have such, else anynet.  Port and URL: block-serve's while it lives, else SELF_PORT
 * and none; a port that the operator gave with the address goes first.  own: the row of the
 * block-serve that asks, or NULL: as `meta` has it. */
void self_refresh_address(
    struct conv_self *, struct store *, MDB_txn *, const struct rec_serve *own);
/* Tip and stable height.  False: the store holds no view as yet, and nothing has changed. */
bool self_refresh_view(struct conv_self *, struct store *, MDB_txn *, struct rec_sortition *tip);
/* For conv_self.stable_known.  Above our own stable height, and where the hash is one of a fork
 * that we have seen, a difference proves nothing. */
int self_stable_known(
    struct store *, const struct conv_view *, uint64_t height, const uint8_t *hash);

#endif
