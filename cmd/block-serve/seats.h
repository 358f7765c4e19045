/* The places of a listener: how many are connected at once, and who leaves when another comes
 * (common/net/admit.h).  One table serves all threads that accept on the listener's address. */
#ifndef BLOCK_SERVE_SEATS_H
#define BLOCK_SERVE_SEATS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "common/chain/bytes.h"
#include "common/limits.h"

struct seats;
struct seat;

/* Places for max connections, per_host of them from one host (0: no such bound).  free_loopback:
 * this machine's own connections are never refused for that bound, and never leave for another. */
struct seats *seats_new(unsigned max, unsigned per_host, bool free_loopback);
unsigned seats_taken(struct seats *);

/* A place for a socket that was accepted from there, or NULL: there is none.  Somebody else may
 * have to leave: leave(arg) is called at most once, perhaps in another thread, with the table
 * locked: it may shut a socket down or end a conversation whose callbacks come later, and must not
 * call any function of this header.  The caller gives the place back. */
struct seat *seat_take(struct seats *, int fd, const struct sockaddr *from,
    void (*leave)(void *arg), void *arg);
void seat_give_back(struct seat *);		/* NULL is none; after this leave is not called */
/* Blocks or inventories were given or taken. */
void seat_useful(struct seat *);
/* Whoever sits there has proven this key.  Where P2P_A_KEY others have it, the one that was of no
 * use for the longest time leaves. */
void seat_key(struct seat *, const uint8_t key[KEY_LEN]);

#endif
