/* The network file and the arithmetic of cycles and epochs (DESIGN 6, spec/blocks.md 6). */
#ifndef BLOCKSYNC_CHAIN_NETWORK_H
#define BLOCKSYNC_CHAIN_NETWORK_H

#include "common/chain/bytes.h"
#include "common/chain/model.h"

enum epoch { /* the byte of spec/wire.md 9, which is also their order */
	EPOCH_10 = -1,
	EPOCH_20 = 0,
	EPOCH_205 = 5,
	EPOCH_21 = 6,
	EPOCH_22 = 7,
	EPOCH_23 = 8,
	EPOCH_24 = 9,
	EPOCH_25 = 10,
	EPOCH_30 = 11,
	EPOCH_31 = 12,
	EPOCH_32 = 13,
	EPOCH_33 = 14,
	EPOCH_34 = 15,
	EPOCH_40 = 16,
	EPOCH_41 = 17
};

#define MAX_EPOCHS 24
#define MAX_BOOTSTRAP 64
#define MAX_SHADOWS 64

struct network {
	char name[64];
	uint32_t chain_id, peer_version;
	uint64_t first_burn_height;
	uint8_t first_burn_hash[32];
	uint32_t cycle_length, prepare_length, stable_confirmations;
	uint32_t inv_reward_cycles;		/* default 3 for chain id 1, else 6 */
	bool private_peers;			/* private addresses are peers like others */
	struct { enum epoch epoch; uint64_t start; } epochs[MAX_EPOCHS];
	unsigned n_epochs;			/* ascending by start */
	char bootstrap[MAX_BOOTSTRAP][200];	/* pubkey@host:port */
	unsigned n_bootstrap;
	char source[MAX_BOOTSTRAP][256];	/* URLs */
	unsigned n_source;
	uint8_t shadow[MAX_SHADOWS][ID_LEN];
	unsigned n_shadow;
	/* the text it was parsed from, NUL-terminated: what `meta` keeps */
	char text[16384];
};

/* Parse the text of a network file.  -1: err says "line N: what", in one line. */
int network_parse(struct network *, const char *text, size_t len, char err[200]);
/* Whether two descriptions are of one network: they may differ in epochs to come and in the lines
 * of an operator. */
bool network_same(const struct network *, const struct network *);
/* Take out what only an operator may set, the lines `source`, `bootstrap`, `shadow` and
 * `private_peers`: of ->text, and of the fields that they set. */
void network_strip(struct network *);
/* Turn a description that a stranger gave (an archive's) into what may be believed: the built-in
 * profile if it is of that network, else itself, stripped.  0; -1: it bears the name of a built-in
 * network and is another one, and err says so. */
int network_untrust(struct network *, char err[200]);
/* The built-in profile "mainnet" or "testnet" as text, or NULL. */
const char *network_profile(const char *name);

/* Epoch in force at a burn height. */
enum epoch network_epoch(const struct network *, uint64_t burn_height);
/* Burn height at which an epoch starts; UINT64_MAX if the network does not schedule it. */
uint64_t network_epoch_start(const struct network *, enum epoch);
/* Which models the block of a burn height's sortition may have, as a mask: both at the last height
 * below epoch 3.0, as the first Nakamoto tenure may be elected there (spec/blocks.md 8.6).  With
 * network_model_first the only reader of epoch 3.0's height. */
unsigned network_models(const struct network *, uint64_t burn_height);
/* The lowest burn height at which blocks of this model are looked for; UINT64_MAX: nowhere. */
uint64_t network_model_first(const struct network *, enum model);
/* The lowest burn height wanted, from a cycle on (block-fetch -F; 0: from the chain's beginning).
 * A cycle that has Nakamoto blocks leaves all of epoch 2.x out, even its own part of it. */
uint64_t network_first_wanted(const struct network *, uint64_t cycle);
/* Cycle of a burn height, mod 0 (0 below the first height). */
uint64_t network_cycle(const struct network *, uint64_t burn_height);
/* First burn height of a cycle (mod 0); bits of inventories: inventory.h. */
uint64_t network_cycle_start(const struct network *, uint64_t cycle);
bool network_is_shadow(const struct network *, const uint8_t id[ID_LEN]);

#endif
