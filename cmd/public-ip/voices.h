/* Who is asked for our address, whose voice counts, and when they are asked again (spec/wire.md 5).
 * Pure: times and answers in, the next peer to ask and the address out.
 *
 * A round asks each peer that an operator named, up to VOICES at a time: first one of each network,
 * then further ones.  It stands alone: an address is agreed upon if peers of two networks say it,
 * and of no other address of its family as many; IPv4 goes first.  So whoever holds one network,
 * with however many peers, decides nothing.  What was agreed upon stays announced until another
 * address is, or until no round has confirmed it for STALE_MS.  One voice is told, not announced.
 */
#ifndef BLOCKSYNC_VOICES_H
#define BLOCKSYNC_VOICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "common/wire/message.h"

#define VOICES 8	 /* heard in one round; whoever fails gives its place to another */
#define VOICES_NEEDED 2	 /* networks that must agree */
#define ROUND_MS 3600000 /* from an agreement to the next round */
#define RETRY_MS 60000	 /* from one that agreed upon nothing */
#define TRIES                                                                                 \
	3			/* such rounds in a row, then ROUND_MS; without any voice and \
				 * address it goes on at RETRY_MS */
#define STALE_MS (3 * ROUND_MS) /* an address that nobody confirms is announced for so long */

struct voice {
	uint8_t key[KEY_LEN], addr[16];
	uint64_t network;
	unsigned peer;
};

/* A peer that may be asked.  network: as far as it is known before it is dialled. */
struct voice_peer {
	uint64_t network, order;
	bool asked;
};

struct voices {
	struct voice_peer *peers;
	unsigned n_peers;
	uint64_t seed;
	uint64_t next; /* the next round begins then, ms */
	bool round;    /* one is on */
	unsigned flying, tries;
	struct voice heard[VOICES];
	unsigned n_heard;
	/* what is known */
	uint8_t addr[16];
	bool announced;
	uint64_t agreed_at;
};

/* What came of a round. */
struct verdict {
	bool agreed;	   /* addr is to be announced */
	bool news;	   /* what is to be known of our address has changed, or is confirmed */
	uint8_t addr[16];  /* that most networks say; zeros: nobody says any */
	unsigned networks; /* that say it; 0: nobody */
};

void voices_init(struct voices *, uint64_t seed);
void voices_release(struct voices *);
/* Its number, from 0. */
unsigned voices_add(struct voices *, uint64_t network);
/* What an earlier run has agreed upon, age_ms ago: it stays announced, and the first round does not
 * begin within RETRY_MS of the last one. */
void voices_known(struct voices *, const uint8_t addr[16], uint64_t age_ms, uint64_t now);
/* The peer to ask now, or -1.  Begins a round when it is time; call until it says -1.  Each peer
 * that it names ends in voices_heard or voices_failed. */
int voices_next(struct voices *, uint64_t now);
/* What it says.  network: of the address at which it was reached.  False: it does not count, the
 * key has spoken in this round. */
bool voices_heard(struct voices *, unsigned peer, const uint8_t key[KEY_LEN], uint64_t network,
    const uint8_t addr[16]);
void voices_failed(struct voices *, unsigned peer);
/* Nobody else is asked in this round. */
void voices_enough(struct voices *);
/* Once for each round, when all have answered or failed: true, and what came of it. */
bool voices_decide(struct voices *, uint64_t now, struct verdict *);

#endif
