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

/* A place for the socket fd, accepted from this address, or NULL: there is none.  The caller gives
 * it back with seat_give_back, also after `leave`.
 *
 * leave(arg) is called when another connection takes the place, at most once, perhaps in another
 * thread, and with the table locked.  It may shut a socket down, or end a conversation whose
 * callbacks come later; it must not call a function of this header. */
struct seat *seat_take(struct seats *, int fd, const struct sockaddr *from,
    void (*leave)(void *arg), void *arg);
void seat_give_back(struct seat *);		/* NULL is none; after this leave is not called */
/* Blocks or inventories were given or taken. */
void seat_useful(struct seat *);
/* The peer in this place has shown this key.  If P2P_A_KEY other places have the same key, one of
 * them leaves: of the host that has the most of them the one whose last use is the longest ago. */
void seat_key(struct seat *, const uint8_t key[KEY_LEN]);

#endif
