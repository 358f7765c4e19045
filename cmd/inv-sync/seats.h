/* Who holds a conversation, of the peers that nobody here named.  Pure: the caller owns clock,
 * sockets and store; times are milliseconds.
 *
 * Such peers are strangers' words, and whoever tells of many must not have all conversations.  So
 *   - half of the places are only for peers of which the store took blocks, in this run or an
 *     earlier one (`blocks`), the most useful first;
 *   - the others go round the networks (admit_place): the group that holds the fewest conversations
 *     is next, in it who was tried longest ago;
 *   - who has a place and has brought no block gives it to who waits, after a while;
 *   - where room for addresses is short, the largest group loses one. */
#ifndef BLOCKSYNC_INV_SYNC_SEATS_H
#define BLOCKSYNC_INV_SYNC_SEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define SEATS 16		/* conversations in all, beside the peers that were named here */
#define SEATS_NEW 8		/* of these, at most so many with peers that have brought no
				 * block */
#define SEATS_EARNED 12		/* and at most so many with those that have: newcomers always have a
				 * chance */
#define ROTATE_MS 30000		/* a newcomer keeps its place so long while blocks are wanted */
#define ROTATE_CALM_MS 1800000	/* ... and while none are */
#define ROTATED_MS 600000	/* and is not tried again for so long */
#define ROTATE_STEP_MS 2000	/* between two that give up their places */

struct seat_group {
	TAILQ_ENTRY(seat_group) entry;
	uint64_t id;
	unsigned members, seated;
	uint64_t tried_at;
};
struct seat {
	TAILQ_ENTRY(seat) entry;
	struct seat_group *group;	/* NULL: not among them */
	uint64_t serial;		/* of its coming */
	uint64_t blocks;		/* of its, that the store took */
	uint64_t not_before;		/* it is not dialled earlier */
	uint64_t tried_at;		/* dialled last; 0: never */
	uint64_t since;			/* its place is its own since then; 0: it has none */
	unsigned failures;
};
struct seats {
	TAILQ_HEAD(, seat) list;
	TAILQ_HEAD(, seat_group) groups;
	size_t n;
	uint64_t seed, serial, rotated_at;
};

/* seed: of the choice among equals; a secret of this process, or an attacker could place itself. */
void seats_init(struct seats *, uint64_t seed);
void seats_add(struct seats *, struct seat *, uint64_t group);
void seats_remove(struct seats *, struct seat *);
/* The seat to dial now, or NULL: none is due, or no place is free.  The caller calls seats_take. */
struct seat *seats_next(struct seats *, uint64_t now);
/* Whether there would be a place for this one. */
bool seats_room(const struct seats *, const struct seat *);
void seats_take(struct seats *, struct seat *, uint64_t now);
void seats_leave(struct seats *, struct seat *);
/* A seat that has to give its place to a waiting one now, or NULL.  calm: no block is wanted.  The
 * caller ends the conversation and calls seats_leave; the seat is not dialled for ROTATED_MS. */
struct seat *seats_rotate(struct seats *, bool calm, uint64_t now);
/* The seat to forget so that a new address of this group has room, or NULL: the new address is not
 * taken. */
struct seat *seats_forget(struct seats *, uint64_t group);

#endif
