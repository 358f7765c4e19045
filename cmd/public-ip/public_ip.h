/* public-ip's inside: one state, and its files in the order of the tour.
 *   main.c     options and set-up
 *   loop.c     the turn of the loop: view, rounds, commits, the end of a pass
 *   voices.c   who is asked, whose voice counts, when again (pure)
 *   ask.c      a peer is dialled, asked, and left
 *   save.c     commits what came of it, then tells it downstream */
#ifndef BLOCKSYNC_PUBLIC_IP_H
#define BLOCKSYNC_PUBLIC_IP_H

#include <sys/queue.h>

#include "cmd/public-ip/voices.h"
#include "common/net/conv.h"
#include "common/net/resolver.h"
#include "common/net/self.h"
#include "common/store/faults.h"
#include "common/sys/stage.h"

#define MAX_PINNED 64
#define REPLY_MS 15000	     /* spec/wire.md 4.6 */
#define REPLY_ONCE_MS 4000   /* one pass has no time to wait: for each step ... */
#define ROUND_ONCE_MS 12000  /* ... and for all peers, whose names take time too */
#define GIVE_UP 3	     /* silences in a row are a fault; in one pass one is */
#define TURN_MS 100	     /* the store is looked at ten times a second */
#define COMMIT_MS 250	     /* four commits a second at most */
#define SOURCE_OPERATOR "-a" /* address.source of an address that the operator gave */

struct peer {
	TAILQ_ENTRY(peer) entry;
	struct public_ip *s;
	unsigned number;  /* in voices */
	char name[264];	  /* host:port, to be dialled */
	bool by_operator; /* named on the command line: any address */
	bool expected;	  /* key was given by whoever named the peer */
	uint8_t key[KEY_LEN];
	struct resolver_wait *resolving;
	struct conv *conv; /* asked, and has not answered yet */
	uint8_t addr[16];  /* that is dialled */
	uint32_t nonce;
	unsigned failures, downs; /* in a row; in all */
	uint64_t fault_at;	  /* its latest fault on record, ms; 0: none */
};
TAILQ_HEAD(peer_list, peer);

struct public_ip {
	struct options o;
	struct stage *stage;
	struct store store;
	struct conv_self self;
	struct budget held;
	struct resolver *resolver;
	struct event *turn;
	struct peer_list peers;
	struct voices voices;

	bool given; /* by -a: nobody is asked */
	bool view_known, input_ended, round_done;
	uint64_t round_at; /* the first one began, 0: not yet */
	uint64_t committed_at;
	/* what waits for the next commit */
	struct faults faults;
	struct {
		bool dirty;
		struct rec_address row;
		char address[65], source[301];
	} told;
};

/* loop.c */
void loop_start(struct public_ip *);
extern const struct stage_ops public_ip_ops;

/* ask.c */
/* pubkey@host:port; a bad one of the operator is exit 100 */
void peers_name(struct public_ip *, const char *text, bool operator_said);
void peers_ask(struct public_ip *, uint64_t now); /* whoever's turn it is */
void peers_leave(struct public_ip *);		  /* nobody is waited for any more */
void peers_release(struct public_ip *);

/* save.c */
/* What the store knows of an earlier run. */
void save_load(struct public_ip *);
/* Our address, as the row and the record `address` will have it. */
void save_address(struct public_ip *, const uint8_t addr[16], uint16_t port, const char *source,
    bool announced, unsigned networks);
void save_commit(struct public_ip *, uint64_t now); /* UINT64_MAX: at once */

#endif
