/* Every bound on foreign data, each with its reason.  Nothing is allocated from a count that has
 * not been paid for in bytes; a value above its bound is the sender's fault, never ours. */
#ifndef BLOCKSYNC_LIMITS_H
#define BLOCKSYNC_LIMITS_H

/* Records (DESIGN 2). */
#define MAX_FRAME (4u << 20)             /* one record; the largest is a block with its envelope */
#define MAX_SOURCE 300                   /* a source's name: a key in hex, host:port or a URL */
#define MAX_REASON 200                   /* one line of explanation */
#define MAX_NETWORK_TEXT 65536           /* a network file */

/* Blocks (spec/blocks.md 1.8). */
#define MAX_BLOCK ((4u << 20) - 4096)    /* 2 MiB is the policy on the chain; a block must fit a
					  * frame */
#define MAX_TX (2u << 20)                /* one transaction */
#define MAX_STREAM                                                              \
	MAX_BLOCK /* a vector of microblocks: it must fit a frame, too.  Of the \
		   * 65,536 that a sequence can count it has 30,000 at most */
#define MAX_RIVALS                                                                             \
	16				 /* microblocks beside a stream that are looked at for \
					  * evidence of equivocation: one is enough */
#define MAX_WAITING 64                   /* streams that are kept until their neighbours are
					  * proven; others are asked for again */
#define MAX_WAITING_BYTES (4 * MAX_STREAM)
#define MAX_SIGNERS 4000                 /* entries of a reward set, and of the pox bit vector */
#define MAX_MARKERS 11650                /* problematic-transaction markers of one header */
#define MAX_TREATMENT 4000               /* bits of the pox treatment, one a rewarded address */

/* The P2P wire (spec/wire.md 1, 2, 3). */
#define MAX_PAYLOAD 16778053u            /* payload_len of a preamble */
#define MAX_RELAYERS 16
#define MAX_NEIGHBORS 128                /* addresses in one Neighbors */
#define MAX_CYCLE_BITS 2100              /* bits of a NakamotoInv */
#define MAX_CYCLES 8192                  /* reward cycles from the first one: three centuries of
					  * mainnet */
#define MAX_URL 128                      /* UrlString has a one-byte length; nodes take up to 128 */
#define MAX_WIRE_VECTOR 32               /* blocks of one push, hashes of one announcement */
#define MAX_SLOTS 4096                   /* slot versions of a StackerDBChunkInv */
#define MAX_POX_BITS 4096                /* cycles of a PoxInv, and of those that are compared: no
					  * chain had more in epoch 2.x */
#define MAX_ANSWER (2u << 20)            /* payload of any message but a push of blocks: the
					  * largest is a chunk or a transaction */
#define MAX_PUSH (2560u << 10)           /* a push of blocks above this is read past, not kept:
					  * one block is 2 MiB at most */

/* Blocks that come unasked, by upload or push (common/store/pushed.h). */
#define PUSH_RATE (512u << 10)           /* bytes a second of one sender, in each thread: a block of
					  * 2 MiB every four seconds */
#define PUSH_BURST (5u << 20)            /* ... beyond these: two pushes as large as there are */
#define PUSH_LEAST (16u << 10)           /* a block counts for so much: its signature costs as much
					  * as so many bytes */
#define PUSH_CHILDREN 100                /* burn blocks above the block that pushed microblocks are
					  * on, in which those that confirm them are looked for */
#define PUSH_SENDERS 1024                /* senders that are told apart: more than may be
					  * connected */

/* What peers make a program hold in conversations (block-serve(1), "Limits"; inv-sync(1)).
 * Messages that are not whole yet and answers that are not read yet are counted by
 * common/net/budget.h, and end by a deadline of progress. */
#define P2P_MAX 750                      /* conversations that others open, as a stacks-node's
					  * num_clients: some 8 KiB each */
#define P2P_A_KEY 4                      /* ... of one key: a node's programs may share it
					  * (spec/wire.md 4.8) */
#define P2P_HELD (32u << 20)             /* bytes of all conversations: a dozen of the largest
					  * pushes */
#define P2P_PATIENCE_MS 10000            /* without a byte either way whoever is in a message, or
					  * has not read all, is cut */
#define P2P_RATE 16384                   /* ... nor by fewer bytes a second: a whole push of 2.5 MiB
					  * takes 160 s at most */
#define P2P_UNREAD (1u << 20)            /* of one conversation; whoever asks for more and does not
					  * read is cut */
#define P2P_AHEAD 65536                  /* read ahead of a message that fits in them */
#define P2P_GREET_MS 5000                /* a stranger has so long for its handshake, of at most
					  * half of the bytes above */
#define P2P_MESSAGES 1000                /* a second, beyond a burst of P2P_BURST: more waits in the
					  * peer's socket */
#define P2P_BURST 2000
#define ANNOUNCE_MS 100                  /* an announcement of one peer each, ten at once: it makes
					  * MAX_WIRE_VECTOR look-ups in the store */
#define PEER_ROWS 4096                   /* of the table `peers`: then no more of those who dial us,
					  * and of the others the stalest useless one goes */

/* HTTP (spec/blocks.md 4.1). */
#define MAX_TENURE_BODY 16777217u        /* a server cuts a tenure stream here */
#define MAX_LISTED_HEADERS 2100          /* of one answer of /v2/headers/N, as a stacks-node has it:
					  * a reward cycle of mainnet */
#define MAX_HTTP_HEAD 4096
#define MAX_CHUNK_LINE 256               /* what may follow a chunk's size on its line */
#define MAX_JSON (1u << 20)              /* the largest JSON answer that we read: a reward set of
					  * 4,000 */

/* Names of hosts (common/net/resolver.h). */
#define MAX_HOST 255                     /* DNS has 253 */
#define MAX_ADDRESSES 8                  /* of one name, the first ones; more is no use to a
					  * dialler */
#define MAX_RESOLVING 64                 /* names asked for at the same time, a thread each: as many
					  * as block-fetch has sources */
#define MAX_NAMES 256                    /* names whose answers are kept */
#define RESOLVE_MS 20000                 /* for one name: two of three name servers may be dead, at
					  * 5 s each */
#define RESOLVE_HTTP_MS 8000             /* the same before a request, whose server is at fault
					  * after 10 s of silence */
#define RESOLVED_MS 10000                /* an answer is good for so long: a hundred requests a
					  * second ask once */

/* What a stranger's bytes may cost, in work that is counted (common/chain/work.h): for each way in,
 * points of the curve a block or message, then bytes hashed and steps of parsing a byte that came.
 * unit/cost feeds each way the dearest bytes that we know, and the fuzz targets hold COST_ANSWER.
 * No way has work on the curve that grows with the bytes: a block's miner is asked for before its
 * transactions, and the keys inside of those come last, when the miner and 70 % of the signers
 * answer for them.
 *   ANSWER    block-fetch: a block of an answer, in whatever pieces it comes.  None of it is looked
 *             at unless its header is that of the block asked for
 *   UPLOAD    block-serve, inv-sync: a block or microblocks that are uploaded or pushed
 *   JUDGE     block-verify, block-cat -i: a block whose miner or first signer is false, or which is
 *             not the winner of its sortition, or none of whose transactions are its own
 *   STREAM    the same of a vector of microblocks whose lowest one is not signed by the key of its
 *             anchored block (where no block is known: of the lowest); of others, a point each up
 *             to the first such one.  ANSWER is what
 *             block-fetch pays for it
 *   MESSAGE   a message of a conversation: its signature, before all else, and a greeting's key */
#define COSTS(X)                             \
	/* way      curve  hashed  parsed */ \
	X(ANSWER, 0, 2, 5)                   \
	X(UPLOAD, 1, 7, 3)                   \
	X(JUDGE, 2, 7, 3)                    \
	X(STREAM, 2, 7, 3)                   \
	X(MESSAGE, 2, 1, 0)
#define COST_BLOCK 2048                  /* hashed and parsed beside, once a block or message */

/* What strangers make block-serve hold over HTTP; each row ends by a deadline of progress
 * (block-serve(1), "Limits"; cmd/block-serve/http.c counts).  A thread has its own connections, so
 * that the bytes are a thread's; the connections are those of all threads. */
#define HTTP_MAX 500                     /* connections at once: some 1 KiB each */
#define HTTP_INPUT (8u << 20)            /* heads, bodies and what was sent ahead: two of the
					  * largest blocks */
#define HTTP_STALL 10                    /* seconds that a request in parts may stand still ... */
#define HTTP_INPUT_RATE (32u << 10)      /* ... less what it is slower than so many bytes a
					  * second */
#define HTTP_UNSENT (8u << 20)           /* answers that the socket did not take: ten of the
					  * longest, some 800 KiB of records */
#define HTTP_IDLE 20                     /* seconds without a request, or in which a client takes
					  * nothing ... */
#define HTTP_UNSENT_RATE (4u << 10)      /* ... less what it is slower than so many bytes a
					  * second */
#define HTTP_LINGER_SECONDS 2            /* bytes that a refused client still sends are read past so
					  * long, so that it sees why */
#define UPLOAD_SECONDS 10                /* an upload's answer waits no longer for its verdict */
#define UPLOAD_WAITERS 256               /* uploads that wait: a connection each, and no body */
#define UPLOAD_PENDING (8u << 20)        /* bytes gathered for the next commit, which is at most 250
					  * ms away */

#endif
