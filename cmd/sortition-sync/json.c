/* json - a node's JSON answers into records.
 *
 * Foreign bytes: the size is bounded by the HTTP client, and whatever is absent or of another kind
 * than the specification says is a fault that names the member. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/sortition-sync/json.h"
#include "common/chain/hash.h"
#include "common/limits.h"
#include "common/net/json.h"

static int fault(char err[120], const char *member)
{
	snprintf(err, 120, "no proper '%s'", member);
	return -1;
}

/* A member in hex with or without 0x.  An absent or null one is zeros if it may be. */
static int get_hex(const json_t *o, const char *name, void *out, size_t n, bool required,
    char err[120])
{
	const json_t *v = json_object_get(o, name);
	const char *s = json_string_value(v);
	size_t len;

	memset(out, 0, n);
	if (!required && (!v || json_is_null(v)))
		return 0;
	if (!s)
		return fault(err, name);
	len = json_string_length(v);
	if (len >= 2 && s[0] == '0' && s[1] == 'x')
		s += 2, len -= 2;
	if (len != 2 * n || hex_to(out, n, s, len) != 0)
		return fault(err, name);
	return 0;
}

static int get_number(const json_t *o, const char *name, uint64_t *out, uint64_t max, char err[120])
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > max)
		return fault(err, name);
	*out = (uint64_t)json_integer_value(v);
	return 0;
}

static int read_sortition(struct rec_sortition *r, const json_t *o, char err[120])
{
	const json_t *won = json_object_get(o, "was_sortition");

	memset(r, 0, sizeof(*r));
	if (!json_is_object(o))
		return fault(err, "sortition");
	if (!json_is_boolean(won))
		return fault(err, "was_sortition");
	r->won = json_is_true(won);
	if (get_number(o, "burn_block_height", &r->burn_height, INT64_MAX, err) != 0 ||
	    get_number(o, "burn_header_timestamp", &r->burn_time, INT64_MAX, err) != 0 ||
	    get_hex(o, "burn_block_hash", r->burn_hash, 32, true, err) != 0 ||
	    get_hex(o, "sortition_id", r->sortition_id, 32, true, err) != 0 ||
	    get_hex(o, "parent_sortition_id", r->parent_sortition_id, 32, true, err) != 0 ||
	    get_hex(o, "consensus_hash", r->consensus_hash, CH_LEN, true, err) != 0 ||
	    get_hex(o, "miner_pk_hash160", r->miner, HASH160_LEN, false, err) != 0 ||
	    get_hex(o, "stacks_parent_ch", r->parent_ch, CH_LEN, false, err) != 0 ||
	    get_hex(o, "last_sortition_ch", r->last_ch, CH_LEN, false, err) != 0 ||
	    get_hex(o, "committed_block_hash", r->committed, ID_LEN, false, err) != 0 ||
	    get_hex(o, "vrf_seed", r->vrf_seed, 32, false, err) != 0)
		return -1;
	if (!r->won) {	/* of a block without winner nothing of a winner is believed */
		memset(r->miner, 0, sizeof(r->miner));
		memset(r->parent_ch, 0, sizeof(r->parent_ch));
		memset(r->committed, 0, sizeof(r->committed));
		memset(r->vrf_seed, 0, sizeof(r->vrf_seed));
	}
	return 0;
}

int json_sortition(struct rec_sortition *r, const void *p, size_t n, char err[120])
{
	json_t *root = json_foreign(p, n, err);
	int rc;

	if (!root)
		return -1;
	rc = json_array_size(root) < 1 ? fault(err, "array") :
					 read_sortition(r, json_array_get(root, 0), err);
	json_decref(root);
	return rc;
}

static int read_signer(const json_t *o, uint8_t key[KEY_LEN], uint8_t weight[4], char err[120])
{
	uint64_t v;

	if (get_hex(o, "signing_key", key, KEY_LEN, true, err) != 0 ||
	    get_number(o, "weight", &v, UINT32_MAX, err) != 0)
		return -1;
	put_be32(weight, (uint32_t)v);
	return 0;
}

int json_reward_set(struct rec_reward_set *set, uint8_t (*keys)[KEY_LEN], uint8_t (*weights)[4],
    const void *p, size_t n, char err[120])
{
	json_t *root = json_foreign(p, n, err);
	const json_t *signers;
	size_t count;
	int rc = 0;

	if (!root)
		return -1;
	signers = json_object_get(json_object_get(root, "stacker_set"), "signers");
	count = json_array_size(signers);
	if (count == 0 || count > MAX_SIGNERS)
		rc = fault(err, "signers");
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = read_signer(json_array_get(signers, i), keys[i], weights[i], err);
	json_decref(root);
	if (rc == 0) {
		memset(set, 0, sizeof(*set));
		set->keys = rec_bytes(keys, count);
		set->weights = rec_bytes(weights, count);
	}
	return rc;
}

int json_tip(struct rec_tip *tip, const void *p, size_t n, char err[120])
{
	json_t *root = json_foreign(p, n, err);
	int rc;

	if (!root)
		return -1;
	memset(tip, 0, sizeof(*tip));
	rc = get_hex(root, "consensus_hash", tip->consensus_hash, CH_LEN, true, err) != 0 ||
		get_hex(root, "tenure_start_block_id", tip->start_id, ID_LEN, true, err) != 0 ||
		get_hex(root, "parent_consensus_hash", tip->parent_ch, CH_LEN, true, err) != 0 ||
		get_hex(root, "parent_tenure_start_block_id", tip->parent_start_id, ID_LEN, true,
		    err) != 0 ||
		get_hex(root, "tip_block_id", tip->id, ID_LEN, true, err) != 0 ||
		get_number(root, "tip_height", &tip->height, INT64_MAX, err) != 0 ?
	    -1 :
	    0;
	json_decref(root);
	return rc;
}

int json_node_tip(struct rec_tip *tip, const void *p, size_t n, char err[120])
{
	json_t *root = json_foreign(p, n, err);
	uint8_t hash[32];
	int rc;

	if (!root)
		return -1;
	memset(tip, 0, sizeof(*tip));
	rc = get_hex(root, "stacks_tip", hash, 32, true, err) != 0 ||
		get_hex(root, "stacks_tip_consensus_hash", tip->consensus_hash, CH_LEN, true,
		    err) != 0 ||
		get_number(root, "stacks_tip_height", &tip->height, INT64_MAX, err) != 0 ?
	    -1 :
	    0;
	json_decref(root);
	hash_block_id(tip->id, hash, tip->consensus_hash);
	return rc;
}

int json_chain_id(uint32_t *id, const void *p, size_t n, char err[120])
{
	json_t *root = json_foreign(p, n, err);
	uint64_t v = 0;
	int rc;

	if (!root)
		return -1;
	rc = get_number(root, "network_id", &v, UINT32_MAX, err);
	*id = (uint32_t)v;
	json_decref(root);
	return rc;
}

/* "Epoch2_05", "Epoch30" as the network file writes them; false if it is another word. */
static bool epoch_of_name(const char *name, enum epoch *e)
{
	static const struct { const char *name; enum epoch epoch;
	} names[] = {
		{ "Epoch20", EPOCH_20 },
		{ "Epoch2_05", EPOCH_205 },
		{ "Epoch21", EPOCH_21 },
		{ "Epoch22", EPOCH_22 },
		{ "Epoch23", EPOCH_23 },
		{ "Epoch24", EPOCH_24 },
		{ "Epoch25", EPOCH_25 },
		{ "Epoch30", EPOCH_30 },
		{ "Epoch31", EPOCH_31 },
		{ "Epoch32", EPOCH_32 },
		{ "Epoch33", EPOCH_33 },
		{ "Epoch34", EPOCH_34 },
		{ "Epoch40", EPOCH_40 },
		{ "Epoch41", EPOCH_41 },
	};

	for (size_t i = 0; name && i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i].name, name) == 0) {
			*e = names[i].epoch;
			return true;
		}
	return false;
}

/* Epochs that both name must begin at the same height; one that only one of them knows may be newer
 * than the other. */
static int compare_epochs(const struct network *net, const json_t *epochs, char err[120])
{
	size_t i;
	json_t *o;
	uint64_t start, ours;
	enum epoch e;

	json_array_foreach(epochs, i, o) {
		if (!epoch_of_name(json_string_value(json_object_get(o, "epoch_id")), &e))
			continue;
		if (get_number(o, "start_height", &start, INT64_MAX, err) != 0)
			return -1;
		ours = network_epoch_start(net, e);
		if (ours == UINT64_MAX || ours == start || start < net->first_burn_height)
			continue;
		snprintf(err, 120,
		    "epoch of byte %d starts at %" PRIu64 " there, at %" PRIu64
		    " in the network file",
		    e, start, ours);
		return 1;
	}
	return 0;
}

int json_pox(const struct network *net, const void *p, size_t n, char err[120])
{
	json_t *root = json_foreign(p, n, err);
	uint64_t first, length, prepare;
	int rc;

	if (!root)
		return -1;
	if (get_number(root, "first_burnchain_block_height", &first, INT64_MAX, err) != 0 ||
	    get_number(root, "reward_cycle_length", &length, INT64_MAX, err) != 0 ||
	    get_number(root, "prepare_cycle_length", &prepare, INT64_MAX, err) != 0) {
		rc = -1;
	} else if (first != net->first_burn_height || length != net->cycle_length ||
	    prepare != net->prepare_length) {
		snprintf(err, 120,
		    "first burn height %" PRIu64 ", cycle length %" PRIu64
		    ", prepare length %" PRIu64 " there",
		    first, length, prepare);
		rc = 1;
	} else {
		rc = compare_epochs(net, json_object_get(root, "epochs"), err);
	}
	json_decref(root);
	return rc;
}

/* Next: cmd/public-ip/main.c, which asks for our address. */
