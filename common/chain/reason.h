/* Why a block is refused: one word each, the same in verdicts, faults, logs and tests. */
#ifndef BLOCKSYNC_CHAIN_REASON_H
#define BLOCKSYNC_CHAIN_REASON_H

#include "common/chain/bytes.h"

#define CHAIN_REASONS(X)                                                                       \
	X(OK, "ok", "")                                                                        \
	/* on its own: codec and static rules (spec/blocks.md 1.1, 1.5, 2) */                  \
	X(CODEC, "codec", "the bytes are not a block")                                         \
	X(TRAILING, "trailing", "bytes after the block")                                       \
	X(VERSION, "version", "header version of another epoch")                               \
	X(SHADOW, "shadow", "a shadow block that the network file does not list")              \
	X(MERKLE, "merkle", "transaction merkle root differs")                                 \
	X(NOTX, "notx", "no transactions")                                                     \
	X(DUPTX, "duptx", "a transaction twice")                                               \
	X(CHAINID, "chainid", "a transaction of another chain")                                \
	X(NETFLAG, "netflag", "a transaction of another network")                              \
	X(FEATURE, "feature", "a transaction that the epoch does not allow")                   \
	X(MARKERS, "markers", "problematic-transaction markers out of order or place")         \
	X(STARTCAUSE, "startcause", "tenure start with a cause that is not BlockFound")        \
	X(NOCOINBASE, "nocoinbase", "BlockFound without coinbase")                             \
	X(NOCHANGE, "nochange", "coinbase without tenure change")                              \
	X(OLDCOINBASE, "oldcoinbase", "coinbase without VRF proof")                            \
	X(SWAPPED, "swapped", "coinbase before the tenure change")                             \
	X(LATECHANGE, "latechange", "tenure change after another transaction")                 \
	X(LATECOINBASE, "latecoinbase",                                                        \
	    "coinbase of a tenure start that is not its second transaction")                   \
	X(MANYCHANGES, "manychanges", "two tenure changes or coinbases")                       \
	X(OTHERTENURE, "othertenure", "tenure change of another tenure")                       \
	X(PREVEND, "prevend", "previous_tenure_end is not the parent")                         \
	X(MINERHASH, "minerhash", "tenure change names another miner key")                     \
	X(EXTPREV, "extprev", "tenure extension with another previous tenure")                 \
	/* on its own: epoch 2.x (3.1 to 3.3) */                                               \
	X(WINNER, "winner", "another block than its sortition's commit names")                 \
	X(COINBASE, "coinbase", "not one coinbase, at the anchored block's first transaction") \
	X(ANCHOR, "anchor", "a transaction whose anchor mode forbids its place")               \
	X(MB25, "mb25", "confirms microblocks, which end with epoch 2.5")                      \
	X(MBLINK, "mblink", "not the microblocks from the parent to the child's tail")         \
	X(MBSEQ, "mbseq", "a microblock that does not follow on the one before")               \
	X(TAIL, "tail", "sequence of the tail is not the last microblock's")                   \
	X(MBKEY, "mbkey", "a microblock not signed by its anchored block's key")               \
	/* on its own: signatures (1.3, 1.4) */                                                \
	X(MINER, "miner", "not signed by the sortition's miner")                               \
	X(SIGNATURE, "signature", "a signature that cannot be recovered")                      \
	X(SIGNER, "signer", "a signature by no unused signer of the tenure's cycle")           \
	X(ORDER, "order", "signatures out of the epoch's order")                               \
	X(FEW, "few", "signed by less than 70 % of the weight")                                \
	/* undecided */                                                                        \
	X(NOSORTITION, "nosortition", "the sortition of its tenure is unknown")                \
	X(NOSET, "noset", "the reward set of its cycle is unknown")                            \
	X(UNCONFIRMED, "unconfirmed", "no proven block of ours confirms these microblocks")        \
	X(NOWINNER, "nowinner", "its sortition has no winner")                                 \
	X(UNJUDGED, "unjudged", "no held verdict came right before the block")                 \
	/* in its place (1.5 to 1.7) */                                                        \
	X(HEIGHT, "height", "height is not the parent's plus one")                             \
	X(STRAY, "stray", "not a tenure start, on a block of another tenure")                  \
	X(PARENT, "parent", "header names another parent than the winning commit")             \
	X(BURN, "burn", "burn_spent is neither the parent's nor that of the burn view")        \
	X(COUNT, "count", "previous_tenure_blocks is not the parent tenure's length")          \
	X(PREVTENURE, "prevtenure", "prev_tenure_consensus_hash is not the parent's tenure")   \
	X(BURNVIEW, "burnview",                                                                \
	    "burn view below the tenure's own sortition, or the parent's burn view")           \
	X(COMMIT, "commit", "the winning commit names another parent tenure start")            \
	X(EXTCOUNT, "extcount", "tenure extension counts other blocks than the tenure has")    \
	X(EXTVIEW, "extview", "burn view of an extension is unknown, or below the one before") \
	X(NOTNAMED, "notnamed", "no commit names the tenure's start")                          \
	X(LIGHTER, "lighter", "a signature set as heavy, or heavier, is stored")               \
	X(SETASIDE, "setaside", "its judge crashed at it twice")

enum chain_reason {
#define X(name, word, text) REASON_##name,
	CHAIN_REASONS(X)
#undef X
	REASONS_END
};

const char *chain_reason_word(enum chain_reason);
const char *chain_reason_text(enum chain_reason);
/* Of a word in a record; REASONS_END: it is none of ours. */
enum chain_reason chain_reason_of(const char *word, size_t n);

#endif
