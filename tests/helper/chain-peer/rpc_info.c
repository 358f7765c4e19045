/* What the HTTP side says of the burnchain, the reward sets and the node
 * (spec/blocks.md 4.4, 5.1, 5.4), and the lies. */
#include <jansson.h>
#include <stdlib.h>

#include "common/chain/hash.h"
#include "tests/helper/chain-peer/peer.h"

static void member(struct buf *b, const char *name, const uint8_t *p, size_t n, bool present)
{
	buf_text(b, ",\"%s\":", name);
	if (!present) {
		buf_text(b, "null");
		return;
	}
	buf_text(b, "\"0x");
	buf_hex(b, p, n);
	buf_text(b, "\"");
}

/* A sortition whose hashes are made up; those that name burn blocks below the lie stay true. */
static void put_lie(const struct peer *p, const struct rec_sortition *s, struct buf *b)
{
	const uint64_t start = (uint64_t)amount(p, F_LIESORTITION);
	const struct chain_sortition *last = world_sortition(p->world, s->last_ch),
				     *parent = world_sortition(p->world, s->parent_ch);
	struct rec_sortition r = *s;

	made_up(r.burn_hash, 32, s->burn_hash, 32);
	made_up(r.sortition_id, 32, s->sortition_id, 32);
	made_up(r.consensus_hash, CH_LEN, s->consensus_hash, CH_LEN);
	made_up(r.committed, ID_LEN, s->committed, ID_LEN);
	if (s->burn_height > start)
		made_up(r.parent_sortition_id, 32, s->parent_sortition_id, 32);
	if (last && last->row.burn_height >= start)
		made_up(r.last_ch, CH_LEN, s->last_ch, CH_LEN);
	if (parent && parent->row.burn_height >= start)
		made_up(r.parent_ch, CH_LEN, s->parent_ch, CH_LEN);
	buf_text(b,
	    "{\"burn_block_height\":%llu,\"burn_header_timestamp\":%llu,\"was_sortition\":%s",
	    (unsigned long long)s->burn_height, (unsigned long long)s->burn_time,
	    s->won ? "true" : "false");
	member(b, "burn_block_hash", r.burn_hash, 32, true);
	member(b, "sortition_id", r.sortition_id, 32, true);
	member(b, "parent_sortition_id", r.parent_sortition_id, 32, true);
	member(b, "consensus_hash", r.consensus_hash, CH_LEN, true);
	member(b, "miner_pk_hash160", r.miner, HASH160_LEN, s->won);
	member(b, "stacks_parent_ch", r.parent_ch, CH_LEN, s->won);
	member(b, "last_sortition_ch", r.last_ch, CH_LEN, true);
	member(b, "committed_block_hash", r.committed, ID_LEN, s->won);
	member(b, "vrf_seed", r.vrf_seed, 32, s->won);
	buf_text(b, "}");
}

static bool lies_at(const struct peer *p, uint64_t burn_height)
{
	return has(p, F_LIESORTITION) && (double)burn_height >= amount(p, F_LIESORTITION);
}

static void put_sortition(const struct peer *p, const struct chain_sortition *s, struct buf *b)
{
	if (lies_at(p, s->row.burn_height))
		put_lie(p, &s->row, b);
	else
		buf_put(b, s->json, strlen(s->json));
}

static void respond_sortition(const struct peer *p, const struct chain_sortition *s,
    struct response *r)
{
	if (!s) {
		respond_text(r, 404, "Could not find sortition");
		return;
	}
	buf_text(&r->body, "[");
	put_sortition(p, s, &r->body);
	buf_text(&r->body, "]");
	respond_json(r);
}

/* By consensus hash (20 bytes) or burn hash (32), as this peer names them. */
static const struct chain_sortition *by_hash(const struct peer *p, const uint8_t *hash, size_t n)
{
	const struct chaindir *c = &p->world->chain;
	uint8_t name[32];

	for (uint32_t i = 0; i < c->n_main && c->sortitions[i].row.burn_height <= p->world->tip;
	     i++) {
		const struct rec_sortition *s = &c->sortitions[i].row;
		memcpy(name, n == CH_LEN ? s->consensus_hash : s->burn_hash, n);
		if (lies_at(p, s->burn_height))
			made_up(name, n, n == CH_LEN ? s->consensus_hash : s->burn_hash, n);
		if (memcmp(name, hash, n) == 0)
			return &c->sortitions[i];
	}
	return NULL;
}

static void latest_and_last(const struct peer *p, struct response *r)
{
	unsigned found = 0;

	buf_text(&r->body, "[");
	for (uint64_t h = p->world->tip; found < 2 && world_at(p->world, h); h--) {
		if (!world_at(p->world, h)->row.won)
			continue;
		buf_text(&r->body, found++ ? "," : "");
		put_sortition(p, world_at(p->world, h), &r->body);
	}
	buf_text(&r->body, "]");
	respond_json(r);
}

/* path: what follows /v3/sortitions */
static void get_sortition(const struct peer *p, const char *path, struct response *r)
{
	uint8_t hash[32];
	size_t n;

	if (*path == '\0') {
		respond_sortition(p, world_at(p->world, p->world->tip), r);
	} else if (strncmp(path, "/burn_height/", 13) == 0) {
		respond_sortition(p, world_at(p->world, strtoull(path + 13, NULL, 10)), r);
	} else if (strncmp(path, "/consensus/", 11) == 0 || strncmp(path, "/burn/", 6) == 0) {
		n = path[1] == 'c' ? CH_LEN : 32;
		path += n == CH_LEN ? 11 : 6;
		if (strncmp(path, "0x", 2) == 0)
			path += 2;
		if (strlen(path) != 2 * n || hex_to(hash, n, path, 2 * n) != 0)
			respond_text(r, 400, "Bad hash");
		else
			respond_sortition(p, by_hash(p, hash, n), r);
	} else if (strcmp(path, "/latest_and_last") == 0) {
		latest_and_last(p, r);
	} else {
		respond_text(r, 404, "No such file or directory");
	}
}

/* The next cycle's set is known from its prepare phase on. */
static void get_set(const struct peer *p, uint64_t cycle, struct response *r)
{
	const struct world *w = p->world;
	const struct network *net = &w->chain.net;
	uint64_t known = network_cycle(net, w->tip),
		 offset = (w->tip - net->first_burn_height) % net->cycle_length;
	json_t *o, *one;
	size_t i;

	if (offset > net->cycle_length - net->prepare_length)
		known++;
	if (cycle > known || cycle >= w->chain.n_sets || !w->chain.sets[cycle].json) {
		buf_text(&r->body,
		    "{\"response\":\"error\",\"err_type\":\"not_available_try_again\",\"err_msg\":"
		    "\"Could not read reward set\"}");
		respond_json(r);
		r->status = 400;
		return;
	}
	respond_json(r);
	if (!has(p, F_LIEREWARDSET)) {
		buf_put(&r->body, w->chain.sets[cycle].json, strlen(w->chain.sets[cycle].json));
		return;
	}
	o = json_loads(w->chain.sets[cycle].json, 0, NULL);
	json_array_foreach(json_object_get(json_object_get(o, "stacker_set"), "signers"), i, one) {
		uint8_t key[KEY_LEN] = { 2 };
		char hex[2 * KEY_LEN + 1];
		made_up(key + 1, 32, w->chain.sets[cycle].set.keys[i], KEY_LEN);
		json_object_set_new(one, "signing_key", json_string(hex_of(hex, key, KEY_LEN)));
	}
	char *text = json_dumps(o, JSON_COMPACT);
	buf_put(&r->body, text, strlen(text));
	free(text);
	json_decref(o);
}

static void hex_member(struct buf *b, const char *name, const uint8_t *p, size_t n,
    const char *comma)
{
	buf_text(b, "%s\"%s\":\"", comma, name);
	buf_hex(b, p, n);
	buf_text(b, "\"");
}

/* Start ids are those of the chain: the peer may lack the tenure below. */
static void tenure_info(const struct peer *p, struct response *r)
{
	const struct world *w = p->world;
	const struct chain_tenure *t = peer_tip_tenure(p);
	const struct chain_block *tip = peer_tip(p), *start;
	static const uint8_t zeros[32];
	uint8_t parent_ch[CH_LEN] = { 0 }, parent_start[ID_LEN], tip_id[ID_LEN], start_id[ID_LEN];

	if (!tip) {
		respond_text(r, 404, "No Nakamoto tenure yet");
		return;
	}
	start = tenure_block(w, t, 0);
	memcpy(tip_id, tip->id, ID_LEN);
	memcpy(start_id, start->id, ID_LEN);
	hash_block_id(parent_start, zeros, zeros);	/* the boot block */
	if (t > w->chain.tenures) {
		memcpy(parent_ch, tenure_block(w, t - 1, 0)->ch, CH_LEN);
		memcpy(parent_start, tenure_block(w, t - 1, 0)->id, ID_LEN);
	} else if (w->chain.sortitions[t->sortition].row.won) {
		memcpy(parent_ch, w->chain.sortitions[t->sortition].row.parent_ch, CH_LEN);
		memcpy(parent_start, w->chain.sortitions[t->sortition].row.committed, ID_LEN);
	}
	if (has(p, F_LIEINFO)) {
		made_up(tip_id, ID_LEN, tip->id, ID_LEN);
		made_up(start_id, ID_LEN, start->ch, CH_LEN);
	}
	hex_member(&r->body, "consensus_hash", tip->ch, CH_LEN, "{");
	hex_member(&r->body, "tenure_start_block_id", start_id, ID_LEN, ",");
	hex_member(&r->body, "parent_consensus_hash", parent_ch, CH_LEN, ",");
	hex_member(&r->body, "parent_tenure_start_block_id", parent_start, ID_LEN, ",");
	hex_member(&r->body, "tip_block_id", tip_id, ID_LEN, ",");
	buf_text(&r->body, ",\"tip_height\":%llu,\"reward_cycle\":%llu}",
	    (unsigned long long)(tip->height + (has(p, F_LIEINFO) ? 1000 : 0)),
	    (unsigned long long)network_cycle(&w->chain.net, w->tip));
	respond_json(r);
}

static void node_info(const struct peer *p, struct response *r)
{
	const struct world *w = p->world;
	const struct network *net = &w->chain.net;
	const struct chain_block *tip = peer_top(p);
	const struct chain_sortition *stable = world_at(w, w->tip - net->stable_confirmations),
				     *top = world_at(w, w->tip);
	uint8_t hash[32] = { 0 }, ch[CH_LEN] = { 0 };
	struct block block;
	size_t need;

	if (tip &&
	    block_header(&block, MODEL_BIT(tip->model), tip->ch, tip->bytes, tip->size, &need) >
		0) {
		memcpy(hash, block.hash, 32);
		memcpy(ch, tip->ch, CH_LEN);
	}
	if (has(p, F_LIEINFO))
		made_up(hash, 32, hash, 32);
	if (!stable)
		stable = &w->chain.sortitions[0];
	buf_text(&r->body,
	    "{\"peer_version\":%u,\"burn_block_height\":%llu,\"stable_burn_block_height\":%llu,"
	    "\"server_version\":\"stacks-node 4.0.2 (chain-peer)\","
	    "\"network_id\":%u,\"parent_network_id\":3669344250,\"stacks_tip_height\":%llu,"
	    "\"unanchored_tip\":null,\"unanchored_seq\":null,"
	    "\"tenure_height\":%u,\"exit_at_block_height\":null,\"is_fully_synced\":true,"
	    "\"stackerdbs\":[]",
	    net->peer_version, (unsigned long long)w->tip,
	    (unsigned long long)stable->row.burn_height, net->chain_id,
	    (unsigned long long)((tip ? tip->height : 0) + (has(p, F_LIEINFO) ? 1000 : 0)),
	    w->shown);
	hex_member(&r->body, "pox_consensus", top->row.consensus_hash, CH_LEN, ",");
	hex_member(&r->body, "stable_pox_consensus", stable->row.consensus_hash, CH_LEN, ",");
	hex_member(&r->body, "stacks_tip", hash, 32, ",");
	hex_member(&r->body, "stacks_tip_consensus_hash", ch, CH_LEN, ",");
	hex_member(&r->body, "node_public_key", p->key.public, KEY_LEN, ",");
	hex_member(&r->body, "node_public_key_hash", p->key.hash, HASH160_LEN, ",");
	buf_text(&r->body, "}");
	respond_json(r);
}

/* "Epoch20", "Epoch2_05", "Epoch33"... by the epoch's byte. */
static const char *epoch_name(enum epoch e)
{
	static const char *const names[] = { "Epoch10", "Epoch20", 0, 0, 0, 0, "Epoch2_05",
		"Epoch21", "Epoch22", "Epoch23", "Epoch24", "Epoch25", "Epoch30", "Epoch31",
		"Epoch32", "Epoch33", "Epoch34", "Epoch40", "Epoch41" };

	return names[(int)e + 1];
}

static void pox_info(const struct peer *p, struct response *r)
{
	const struct world *w = p->world;
	const struct network *net = &w->chain.net;

	buf_text(&r->body,
	    "{\"contract_id\":\"ST000000000000000000002AMW42H.pox-4\",\"first_burnchain_block_"
	    "height\":%llu,"
	    "\"current_burnchain_block_height\":%llu,\"reward_cycle_id\":%llu,\"reward_cycle_"
	    "length\":%u,\"prepare_cycle_length\":%u,"
	    "\"prepare_phase_block_length\":%u,\"reward_phase_block_length\":%u,\"current_epoch\":"
	    "\"%s\",\"contract_versions\":[],\"epochs\":[",
	    (unsigned long long)net->first_burn_height, (unsigned long long)w->tip,
	    (unsigned long long)network_cycle(net, w->tip), net->cycle_length, net->prepare_length,
	    net->prepare_length, net->cycle_length - net->prepare_length,
	    epoch_name(network_epoch(net, w->tip)));
	for (unsigned i = 0; i < net->n_epochs; i++)
		buf_text(&r->body,
		    "%s{\"epoch_id\":\"%s\",\"start_height\":%llu,\"end_height\":%llu,\"network_"
		    "epoch\":%d}",
		    i ? "," : "", epoch_name(net->epochs[i].epoch),
		    (unsigned long long)net->epochs[i].start,
		    (unsigned long long)(i + 1 < net->n_epochs ? net->epochs[i + 1].start :
								 INT64_MAX),
		    net->epochs[i].epoch > 0 ? (int)net->epochs[i].epoch : 0);
	buf_text(&r->body, "]}");
	respond_json(r);
}

bool rpc_info(struct peer *p, const char *path, struct response *r)
{
	const struct chain_block *tip = peer_top(p);

	if (strncmp(path, "/v3/sortitions", 14) == 0) {
		get_sortition(p, path + 14, r);
	} else if (strncmp(path, "/v3/stacker_set/", 16) == 0) {
		get_set(p, strtoull(path + 16, NULL, 10), r);
	} else if (strncmp(path, "/v3/tenures/info", 16) == 0) {
		tenure_info(p, r);
	} else if (strcmp(path, "/v2/info") == 0) {
		node_info(p, r);
	} else if (strcmp(path, "/v2/pox") == 0) {
		pox_info(p, r);
	} else if (strcmp(path, "/v3/health") == 0) {
		buf_text(&r->body,
		    "{\"difference_from_max_peer\":0,\"max_stacks_height_of_neighbors\":0,"
		    "\"max_stacks_neighbor_address\":null,\"node_stacks_tip_height\":%llu}",
		    (unsigned long long)(tip ? tip->height : 0));
		respond_json(r);
	} else {
		return false;
	}
	return true;
}

/* Next: tests/helper/chain-peer/forge.c, bad blocks made of good ones. */
