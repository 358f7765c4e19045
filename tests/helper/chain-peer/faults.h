/* The faults that a peer can be told to have.  A SPEC is `honest`, or names joined by '+', with
 * '=value' where a number stands. */
#ifndef CHAIN_PEER_FAULTS_H
#define CHAIN_PEER_FAULTS_H

#include <stdbool.h>
#include <stdio.h>

/* X(symbol, name, default or -1 where it takes no value, meaning) */
#define FAULTS(X)                                                                                  \
	/* behaviour that is no fault */                                                           \
	X(CHATTY, "chatty", 2, "sends N unsolicited messages a second")                            \
	X(NOWALK, "nowalk", -1, "never sends Handshake or GetNeighbors of its own")                \
	X(LACKS, "lacks", 50, "does not have N % of the tenures, and says so")                     \
	X(BEHIND, "behind", 5, "has no blocks of the last N burn blocks, and says so")             \
	X(PINGBACK, "pingback", -1, "dials the address that an authenticated dialler advertised")  \
	X(PUSH, "push", 10,                                                                        \
	    "pushes N of the highest blocks that it has a second, again and again")                \
	X(PUSH2, "push2", 10,                                                                      \
	    "pushes N epoch 2.x blocks a second, highest first, and the streams that they "        \
	    "confirm")                                                                             \
	X(ANNOUNCE, "announce", 10,                                                                \
	    "announces N epoch 2.x blocks a second, highest first, and their streams")             \
	X(LOSER, "loser", -1,                                                                      \
	    "is on the losing side of an epoch 2.x fork: has the highest block that is not "       \
	    "canonical, its ancestors, and nothing else")                                          \
	X(OTHERPOX, "otherpox", -1,                                                                \
	    "is on the other PoX fork of the chain: Nack 4 for canonical hashes from there on, "   \
	    "and no blocks")                                                                       \
	X(REKEY, "rekey", 1,                                                                       \
	    "changes its key N times in each conversation, by a Handshake that the old one signs") \
	X(GROUP, "group", 1, "listens at 127.N.0.1, which is a network of its own")                \
	/* slowness */                                                                             \
	X(RTT, "rtt", 50, "answers P2P and HTTP N ms later")                                       \
	X(RATE, "rate", 20000, "sends HTTP bodies at N bytes a second, over all connections")      \
	X(DRIP, "drip", 1, "sends HTTP bodies at N bytes a second on each connection")             \
	X(SLOWLORIS, "slowloris", 1, "sends HTTP response heads at N bytes a second")              \
	X(SLOWHANDSHAKE, "slowhandshake", 10, "answers a Handshake after N seconds")               \
	X(SILENT, "silent", -1, "accepts P2P and HTTP connections and never says a word")          \
	/* inventories */                                                                          \
	X(OVERCLAIM, "overclaim", -1, "all inventory bits are 1")                                  \
	X(UNDERCLAIM, "underclaim", -1, "all inventory bits are 0")                                \
	X(WITHHOLD, "withhold", 30, "claims all, but answers 404 for N % of the tenures")          \
	X(WITHHOLDTOP, "withholdtop", 1,                                                           \
	    "claims all, but answers 404 for the N highest tenures and epoch 2.x blocks")          \
	X(WITHHOLDLOW, "withholdlow", 3,                                                           \
	    "claims all, but answers 404 for the N-th lowest tenure or epoch 2.x block")           \
	X(GHOSTS, "ghosts", -1,                                                                    \
	    "claims epoch 2.x blocks that no peer has, of winners without one")                    \
	X(FLAP, "flap", 30, "N % of the inventory bits are 0, others at each ask")                 \
	X(WRONGCYCLE, "wrongcycle", 2, "answers with the previous cycle's bits, N seconds late")   \
	X(SHORTHINV, "shorthinv", 5, "inventory answers are N bits too short")                     \
	X(LONGINV, "longinv", 5, "inventory answers are N bits too long")                          \
	X(POXZERO, "poxzero", 1, "PoxInv says that the anchor block of cycle N is unknown")        \
	X(SHORTPOX, "shortpox", 1, "PoxInv answers are N bits too short")                          \
	X(LONGPOX, "longpox", 5, "PoxInv answers are N bits too long")                             \
	X(NACK, "nack", 2, "answers every inventory request with Nack code N")                     \
	X(NACK2, "nack2", 5, "answers requests about epoch 2.x with Nack code N")                  \
	X(MUTE2, "mute2", -1, "never answers requests about epoch 2.x")                            \
	/* the P2P protocol */                                                                     \
	X(WRONGTYPE, "wrongtype", -1, "answers inventory requests with a Pong")                    \
	X(BADSIG, "badsig", -1, "signs P2P messages with another key after the handshake")         \
	X(BADHANDSHAKESIG, "badhandshakesig", -1,                                                  \
	    "signs the HandshakeAccept itself with another key")                                   \
	X(HIGHS, "highs", -1, "P2P signatures are valid but high-S after the handshake")           \
	X(BADSEQ, "badseq", -1, "replies carry another seq than the request")                      \
	X(BADVERSION, "badversion", -1, "peer_version of another major version")                   \
	X(BADNETWORK, "badnetwork", -1, "network_id of another network")                           \
	X(BADSTABLE, "badstable", -1, "stable hash that is not the one of its height")             \
	X(BADGAP, "badgap", -1, "stable height that is not tip - stable_confirmations")            \
	X(STALEVIEW, "staleview", 300, "burn view N blocks below the real one")                    \
	X(AHEADVIEW, "aheadview", 20, "burn view N blocks above the real one, hashes made up")     \
	X(TRUNCATE, "truncate", -1, "inventory replies stop half way, then silence")               \
	X(TRAILING, "trailing", 7, "N extra bytes inside the payload of inventory replies")        \
	X(OVERSIZE, "oversize", -1, "inventory replies announce a payload of 16 MiB and more")     \
	X(LENGTHBOMB, "lengthbomb", -1, "inventory replies hold a vector count of 2^32-1")         \
	X(GARBAGE, "garbage", -1, "random bytes instead of inventory replies")                     \
	X(FLOOD, "flood", 1000, "N unsolicited messages a second once authenticated")              \
	X(JUNKPUSH, "junkpush", 10,                                                                \
	    "pushes N blocks a second that no miner signed, each another one")                     \
	X(JUNKPUSH2, "junkpush2", 10,                                                              \
	    "pushes N epoch 2.x blocks a second that did not win, each another one")               \
	X(BADNEIGHBORS, "badneighbors", 1000, "Neighbors made up of N addresses, 128 a reply")     \
	X(REJECT, "reject", -1, "answers every Handshake with HandshakeReject")                    \
	X(HANGUP, "hangup", 5, "closes the P2P connection after N messages")                       \
	X(NATADDR, "nataddr", 1, "NatPunchReply says 11.0.0.N")                                    \
	X(NATSWITCH, "natswitch", 2,                                                               \
	    "NatPunchReply says the first of 11.0.0.1 to N, then the "                             \
	    "next, and so on")                                                                     \
	X(NATSIX, "natsix", -1, "NatPunchReply says an address of IPv6")                           \
	X(NATPRIVATE, "natprivate", -1, "NatPunchReply says 10.0.1.37")                            \
	X(NATANY, "natany", -1, "NatPunchReply says 0.0.0.0")                                      \
	X(NATNONCE, "natnonce", -1, "NatPunchReply has another nonce")                             \
	X(NATNACK, "natnack", -1, "answers NatPunchRequest with a Nack")                           \
	X(NATSILENT, "natsilent", -1, "does not answer NatPunchRequest")                           \
	/* data_url */                                                                             \
	X(PRIVATEURL, "privateurl", -1, "advertises data_url http://10.0.1.37:20443")              \
	X(DEADURL, "deadurl", -1, "advertises a data_url where nothing listens")                   \
	X(NOURL, "nourl", -1, "advertises an empty data_url")                                      \
	/* HTTP */                                                                                 \
	X(HTTP404, "http404", 30, "404 for N % of block and tenure requests")                      \
	X(HTTP429, "http429", 30, "429 for N % of requests")                                       \
	X(HTTP500, "http500", 30, "500 for N % of requests")                                       \
	X(STATUS, "status", 403,                                                                   \
	    "status N for all requests; where it is a 3xx, with Location: "                        \
	    "http://127.0.0.1:9/moved")                                                            \
	X(QUOTA, "quota", 60, "N requests in two seconds, then 429 and Retry-After")               \
	X(FARAWAY, "faraway", 7200, "after 40 requests 429 and Retry-After: N")                    \
	X(ODDJSON, "oddjson", -1,                                                                  \
	    "JSON has numbers that no machine holds, in members that nobody asks for")             \
	X(CUTBODY, "cutbody", 50, "closes the connection after N % of a body")                     \
	X(ENDLESS, "endless", -1, "block and tenure bodies never end")                             \
	X(HUGEHEAD, "hugehead", -1, "response head of 64 KiB")                                     \
	X(NOLENGTH, "nolength", -1, "neither Content-Length nor chunked")                          \
	X(BOTHLENGTHS, "bothlengths", -1, "Content-Length and chunked")                            \
	X(BADCHUNK, "badchunk", -1, "chunk sizes that are not hex")                                \
	X(STALL, "stall", 50, "stops for ever after N % of a body, connection open")               \
	/* blocks and tenures */                                                                   \
	X(WRONGBLOCK, "wrongblock", -1, "another valid block than the one asked for")              \
	X(GARBAGEBLOCK, "garbageblock", -1, "random bytes of the right size")                      \
	X(BADMERKLE, "badmerkle", -1,                                                              \
	    "one byte of the last transaction changed; the block id still fits")                   \
	X(KEYBOMB, "keybomb", 3800,                                                                \
	    "N KiB of public keys instead of a block's transactions; the block id still fits")     \
	X(BADMINER, "badminer", -1, "miner signature by another key, signers sign that")           \
	X(BADSIGNER, "badsigner", -1, "one signer signature by a key that is not in the set")      \
	X(FEWSIGNERS, "fewsigners", -1, "signatures of less than 70 % of the weight")              \
	X(DUPSIGNER, "dupsigner", -1, "the first signature twice")                                 \
	X(DISORDER, "disorder", -1, "signer signatures in descending order")                       \
	X(HIGHSIGNER, "highsigner", -1,                                                            \
	    "first signer signature high-S: valid, no fault of the block")                         \
	X(MANYSIGS, "manysigs", 250000, "N signer signatures")                                     \
	X(LIGHTERSIGS, "lightersigs", -1, "valid, but with the least weight that is still enough") \
	X(SHADOW, "shadow", -1, "version byte with the shadow bit set")                            \
	X(TRAILINGBLOCK, "trailingblock", 16, "N extra bytes after a block or tenure")             \
	X(WRONGORDER, "wrongorder", -1, "tenures ascending")                                       \
	X(EMPTYTENURE, "emptytenure", -1, "200 with an empty tenure body")                         \
	X(EXTRABLOCKS, "extrablocks", -1, "tenure bodies run on into the parent tenure")           \
	X(OTHERTENURE, "othertenure", -1, "another tenure than the one asked for")                 \
	X(GAPTENURE, "gaptenure", -1, "tenure bodies miss a block in the middle")                  \
	/* streams of microblocks */                                                               \
	X(BADMICRO, "badmicro", -1, "microblock streams with a broken link")                       \
	X(FORGEDMICRO, "forgedmicro", -1, "streams that another key signed from the head on")      \
	X(CUTTAIL, "cuttail", 1, "streams lack their newest N microblocks")                        \
	X(CUTHEAD, "cuthead", 1, "streams lack their oldest N microblocks")                        \
	X(LONGTAIL, "longtail", -1,                                                                \
	    "streams go on above what the block confirms, if there is more")                       \
	X(DISORDERMICRO, "disordermicro", -1, "streams oldest first")                              \
	X(EQUIVOCATE, "equivocate", -1,                                                            \
	    "streams have a second microblock of the newest one's sequence, signed by the same "   \
	    "key (needs keys.json)")                                                               \
	X(WRONGSTREAM, "wrongstream", -1, "the stream of another block")                           \
	X(NOMICRO, "nomicro", -1, "404 for streams, which the inventory claims")                   \
	X(EMPTYMICRO, "emptymicro", -1, "200 with a stream of no microblock")                      \
	X(MICROBOMB, "microbomb", -1, "streams with a count of 2^32-1")                            \
	/* the burnchain view */                                                                   \
	X(LIEINFO, "lieinfo", -1, "/v3/tenures/info and /v2/info of a made-up tip")                \
	X(LIESORTITION, "liesortition", 0, "sortitions from burn height N on are made up")         \
	X(LIEREWARDSET, "lierewardset", -1, "reward sets with made-up keys")

enum fault {
#define X(symbol, name, value, meaning) F_##symbol,
	FAULTS(X)
#undef X
	F_COUNT
};

struct spec { char text[256]; bool on[F_COUNT]; double n[F_COUNT]; };
/* -1: err names what is wrong. */
int spec_parse(struct spec *, const char *text, char err[200]);
void fault_list(FILE *);

#endif
