/* The parts of block-cat. */
#ifndef BLOCKSYNC_BLOCK_CAT_H
#define BLOCKSYNC_BLOCK_CAT_H

#include "common/chain/stream.h"
#include "common/store/keeper.h"
#include "common/store/lock.h"
#include "common/store/streams.h"
#include "common/sys/options.h"

/* Lines "height, id, consensus hash, size" of proven blocks, ascending. */
void list_blocks(struct store *);
/* The bytes of one block on stdout.  Ends with 100 if id is none, 111 if the store lacks it. */
void print_block(struct store *, const char *id);
/* Lines "height, id, consensus hash, size, microblocks, evidence" of streams, by the block that
 * confirms each; evidence: two headers in hex, or "-". */
void list_streams(struct store *);
/* The stream that a block confirms on stdout, as a vector, ascending; ends as print_block. */
void print_stream(struct store *, const char *id);
/* A row of `microblocks` as a record, whose body the caller frees. */
void stream_record(struct rec_microblocks *, const struct rec_stream *);
/* The id in text, or the end with 100; the end because a block, or its stream, is damaged. */
void id_of_text(uint8_t id[ID_LEN], const char *text);
_Noreturn void die_damaged(const uint8_t id[ID_LEN]);
/* The store as a stream of records on fd. */
void archive_write(struct store *, int fd, const char *name);

/* Look at all that is stored, and print a line for each block that is damaged: height, id,
 * consensus hash, why.  A store that is open for CHECK_TABLES loses these blocks, and rows that are
 * damaged; in one that is open for T_DAMAGED alone the blocks are noted.  True: all is well. */
#define CHECK_TABLES                                                                   \
	(KEEPER_TABLES | TABLE(T_SORTITIONS) | TABLE(T_REWARD_SETS) | TABLE(T_PEERS) | \
	    TABLE(T_INVENTORIES) | TABLE(T_DOWNLOADS))
struct check_options {
	const struct options *options;
	uint64_t rate;			/* bytes a second, 0: as fast as it goes */
	bool signatures;		/* too */
};
bool check_store(struct store *, const struct check_options *);

/* An archive that is read: the frames that came, one at a time. */
struct archive {
	int fd;
	const char *name;
	uint8_t *buf;
	size_t from, n, cap;	/* unread bytes are buf[from, n) */
	bool begun;		/* a record has come: before that, broken bytes are no archive,
				 * which is wrong use */
	struct rec rec;		/* the current record; views into buf */
};
void archive_open(struct archive *, const char *name);
/* Next record: true, or false at the end.  Broken bytes end with 111 (100 before the first record)
 * and one line; what came before is kept by `keep`, which is called first. */
bool archive_next(struct archive *, void (*keep)(void *), void *arg);
/* hello and network: what the store must be of. */
void archive_network(struct archive *, struct network *);
/* The rest, into the store.  False if something of it was refused. */
bool archive_import(struct store *, struct archive *, const struct options *);

/* Blocks and streams of microblocks of an archive, gathered and judged on their own by all
 * cores. */
struct trial {
	struct store *s;
	struct trial_block {
		size_t at, len;			/* in bytes */
		uint64_t weight;
		enum chain_reason reason;
		struct proof_view view;
		uint8_t miner[HASH160_LEN], committed[ID_LEN];
		uint8_t id[ID_LEN], ch[CH_LEN];
		uint64_t height;
		enum model model;
		/* Of a stream, which has the id of the block that confirms it: the blocks at both
		 * ends, if they are stored; its evidence follows on its bytes. */
		enum item_kind kind;
		bool has_ends;
		struct stream_ends ends;
		size_t evidence;		/* bytes */
		struct stream_trial stream;
	} b[1024];
	size_t n, n_bytes;
	uint8_t *bytes;				/* TRIAL_ROOM */
	struct signer_set *sets;		/* by cycle; n = 0: not loaded */
	size_t n_sets;
	int next;				/* taken by the threads */
};
#define TRIAL_BYTES (4u << 20)
#define TRIAL_ROOM (TRIAL_BYTES + MAX_BLOCK + 2 * MICROBLOCK_HEADER)
void trial_add(struct trial *, const struct rec_block *);
void trial_add_stream(struct trial *, const struct rec_microblocks *);
bool trial_full(const struct trial *);
/* Judge all; afterwards b[i].reason and weight (of a stream: stream) are set. */
void trial_judge(struct trial *);

#endif
