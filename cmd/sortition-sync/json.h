/* The JSON answers of a node's RPC (spec/blocks.md 4.2, 4.4, 5.1, 5.4).  Pure; every number and
 * string is checked. */
#ifndef SORTITION_SYNC_JSON_H
#define SORTITION_SYNC_JSON_H

#include "common/chain/network.h"
#include "common/rec/rec.h"

/* The first element of a /v3/sortitions answer.  0, or -1 and err says why. */
int json_sortition(struct rec_sortition *, const void *p, size_t n, char err[120]);
/* A /v3/stacker_set answer; keys and weights are the caller's, MAX_SIGNERS of each. A set without
 * signers is -1. */
int json_reward_set(struct rec_reward_set *, uint8_t (*keys)[KEY_LEN], uint8_t (*weights)[4],
    const void *p, size_t n, char err[120]);
/* A /v3/tenures/info answer. */
int json_tip(struct rec_tip *, const void *p, size_t n, char err[120]);
/* The same out of /v2/info, of a node whose tip is of epoch 2.x: its id, consensus hash and height,
 * and nothing of tenures. */
int json_node_tip(struct rec_tip *, const void *p, size_t n, char err[120]);
/* Chain id of a /v2/info answer. */
int json_chain_id(uint32_t *, const void *p, size_t n, char err[120]);
/* Whether a /v2/pox answer describes this network: 0 yes; 1 no, and err says how; -1 it cannot be
 * read. */
int json_pox(const struct network *, const void *p, size_t n, char err[120]);

#endif
