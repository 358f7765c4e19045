/* Any bytes as an answer of a node's RPC: each reader takes or refuses them, and reads nothing
 * beyond. */
#include <assert.h>
#include <stdlib.h>

#include "cmd/sortition-sync/json.c"
#include "common/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static uint8_t keys[MAX_SIGNERS][KEY_LEN], weights[MAX_SIGNERS][4];
	static const struct network net = { .cycle_length = 20, .prepare_length = 5 };
	struct rec_sortition row;
	struct rec_reward_set set;
	struct rec_tip tip;
	uint32_t id;
	char err[120];

	if (json_sortition(&row, p, n, err) == 0)
		assert(row.won || all_zero(row.miner, sizeof(row.miner)));
	if (json_reward_set(&set, keys, weights, p, n, err) == 0)
		assert(set.keys.n > 0 && set.keys.n <= MAX_SIGNERS && set.keys.n == set.weights.n);
	json_tip(&tip, p, n, err);
	json_node_tip(&tip, p, n, err);
	json_chain_id(&id, p, n, err);
	json_pox(&net, p, n, err);
	return 0;
}
