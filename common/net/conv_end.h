/* How a conversation ends, written down once: whose fault an end is, and by which words records,
 * logs and manuals know it.  Programs decide by the enum; the words are for people alone. */
#ifndef BLOCKSYNC_NET_CONV_END_H
#define BLOCKSYNC_NET_CONV_END_H

#include "common/wire/message.h"
#include "enums.h"

/* X(end, class of the fault: NONE is nobody's, words) */
#define CONV_ENDS(X)                                                          \
	X(NO_SOCKET, NONE, "cannot make a socket")                            \
	X(NO_WATCH, NONE, "cannot watch a socket")                            \
	X(NO_MEMORY, NONE, "no memory to write")                              \
	X(NO_ROOM_IN, NONE, "no room for its message")                        \
	X(NO_ROOM_OUT, NONE, "no room for its answers")                       \
	X(UNRESOLVED, NONE, "cannot resolve")                                 \
	X(UNREACHABLE, NONE, "cannot connect")                                \
	X(UNREACHED, NONE, "no connection in time")                           \
	X(UNGREETED, NONE, "did not authenticate in time")                    \
	X(HUNG_UP, NONE, "hung up")                                           \
	X(HEARTBEAT, NONE, "silent beyond its heartbeat")                     \
	X(OWN_KEY, NONE, "it has our own key")                                \
	X(RIVAL, NONE, "another address of the same peer is in conversation") \
	X(TURN, NONE, "its place is another one's turn")                      \
	X(PLACE, NONE, "its place is needed by another")                      \
	X(BANNED, NONE, "banned")                                             \
	/* it may be a restart, a bad line, or a node of something else */    \
	X(SILENT, USELESS, "silent")                                          \
	X(LEFT, USELESS, "hung up") /* with a question of ours open */        \
	X(STOPPED, USELESS, "stops in the middle of a message")               \
	X(UNREAD, USELESS, "does not read what it asked for")                 \
	X(REJECTED, USELESS, "rejects our handshake")                         \
	X(NO_ACCEPT, USELESS, "answers our handshake with another message")   \
	X(WRONG_SEQ, USELESS, "wrong seq")                                    \
	X(WRONG_ANSWER, USELESS, "wrong answer")                              \
	X(REFUSED, USELESS, "does not talk to us")                            \
	X(MANY_KEYS, USELESS, "changes its key again and again")              \
	X(NETWORK, USELESS, "another network")                                \
	X(VERSION, USELESS, "another major version")                          \
	X(EPOCH, USELESS, "version of a past epoch")                          \
	X(UNSURE_HEIGHT, USELESS, "stable height is not the tip's")           \
	X(UNSURE_HASH, USELESS, "stable hash is not ours")                    \
	/* it contradicts itself, its key, or the chain */                    \
	X(STABLE_HEIGHT, LYING, "stable height is not the tip's")             \
	X(STABLE_HASH, LYING, "stable hash is not ours")                      \
	X(SIGNATURE, LYING, "bad signature")                                  \
	X(GREETING_SIGNATURE, LYING, "bad signature of the handshake")        \
	X(NO_KEY, LYING, "handshake with a key that is none")                 \
	X(OTHER_KEY, LYING, "another key")                                    \
	X(NONCE, LYING, "another nonce")                                      \
	X(PUSH_FALSE, LYING, "push")                                          \
	/* bytes that are nothing */                                          \
	X(PUSH_UNDECODABLE, INVALID, "push")                                  \
	X(UNDECODABLE, INVALID, "undecodable")

enum conv_end {
#define X(end, class, words) CONV_END_##end,
	CONV_ENDS(X)
#undef X
};

enum fault_class conv_end_class(enum conv_end);
const char *conv_end_words(enum conv_end);
/* Of a message whose preamble has a fault.  sure: its key signed it, and our chain is old enough
 * to have a stable height. */
enum conv_end conv_end_of(enum preamble_fault, bool sure);

#endif
