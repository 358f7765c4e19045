/* The node's facts as JSON: /v2/info, /v2/pox, /v2/neighbors, /v3/health (spec/blocks.md 4.4). */
#include <arpa/inet.h>

#include "cmd/block-serve/http.h"
#include "common/net/address.h"

/* parent_network_id: bitcoin's network magic, and that of its testnet */
#define MAGIC_BITCOIN 3652501241u
#define MAGIC_BITCOIN_TESTNET 118034699u

/* Block hash of the canonical tip: its header is parsed for it. */
static void tip_hash(struct serve *s, uint8_t hash[32])
{
	MDB_txn *txn = store_read(&s->store);
	struct stored_block b;
	struct block n;

	memset(hash, 0, 32);
	if (block_get(&s->store, txn, s->view.id, &b) == 0 && stored_header(&b, &n) == 0)
		memcpy(hash, n.hash, 32);
	store_read_end(txn);
}

struct lowest { struct serve *s; MDB_txn *txn; struct rec_tenure t; bool found; };

static bool take_lowest(void *arg, const MDB_val *key, const MDB_val *ch)
{
	struct lowest *l = arg;

	l->found =
	    ch->mv_size == CH_LEN && tenure_get(&l->s->store, l->txn, ch->mv_data, &l->t) == 0;
	return false;
}

/* Tenures from the chain's beginning, as a node counts them.  Those of epoch 2.x have one block
 * each, so the height below the first Nakamoto block is their number.  Null where the chain begins
 * later (-F). */
static void add_tenure_height(struct evbuffer *b, struct serve *s)
{
	MDB_txn *txn = store_read(&s->store);
	struct lowest l = { .s = s, .txn = txn };
	struct rec_sortition below;
	uint64_t nakamoto = network_model_first(&s->store.net, NAKAMOTO);

	store_walk(&s->store, txn, T_CANONICAL, "", 0, take_lowest, &l);
	if (l.found &&
	    (all_zero(l.t.prev_ch, CH_LEN) ||
		(sortition_get(&s->store, txn, l.t.prev_ch, &below) == 0 &&
		    below.burn_height < nakamoto)))
		evbuffer_add_printf(b, ",\"tenure_height\":%llu",
		    (unsigned long long)(l.t.start_height - 1 +
			store_count(&s->store, txn, T_CANONICAL)));
	else
		evbuffer_add_printf(b, ",\"tenure_height\":null");
	store_read_end(txn);
}

/* Without `last_pox_anchor`: which commit was the anchor block's no source tells. */
void get_info(struct request *r)
{
	const struct view *v = &r->s->view;
	const struct network *net = &r->s->store.net;
	struct evbuffer *b = reply_buffer();
	uint8_t hash[32] = { 0 }, none[32] = { 0 };

	if (v->has_chain)
		tip_hash(r->s, hash);
	evbuffer_add_printf(b, "{\"peer_version\":%u", net->peer_version);
	add_hex(b, ",\"pox_consensus\":\"", v->burn.consensus_hash, CH_LEN, "\"");
	evbuffer_add_printf(b, ",\"burn_block_height\":%llu",
	    (unsigned long long)v->burn.burn_height);
	add_hex(b, ",\"stable_pox_consensus\":\"", v->stable.consensus_hash, CH_LEN, "\"");
	evbuffer_add_printf(b,
	    ",\"stable_burn_block_height\":%llu,\"server_version\":\"blocksync "
	    "%s\",\"network_id\":%u"
	    ",\"parent_network_id\":%u,\"stacks_tip_height\":%llu",
	    (unsigned long long)v->stable.burn_height, BLOCKSYNC_VERSION, net->chain_id,
	    strcmp(net->name, "testnet") == 0 ? MAGIC_BITCOIN_TESTNET : MAGIC_BITCOIN,
	    (unsigned long long)v->height);
	add_hex(b, ",\"stacks_tip\":\"", hash, 32, "\"");
	add_hex(b, ",\"stacks_tip_consensus_hash\":\"", v->tenure.consensus_hash, CH_LEN, "\"");
	add_hex(b, ",\"genesis_chainstate_hash\":\"", none, 32, "\"");
	evbuffer_add_printf(b, ",\"unanchored_tip\":null,\"unanchored_seq\":null");
	add_tenure_height(b, r->s);
	evbuffer_add_printf(b, ",\"exit_at_block_height\":null,\"is_fully_synced\":%s",
	    v->has_chain && v->has_tip && v->height >= v->tip.height ? "true" : "false");
	add_hex(b, ",\"node_public_key\":\"", r->s->self.key, KEY_LEN, "\"");
	add_hex(b, ",\"node_public_key_hash\":\"", r->s->key_hash, HASH160_LEN,
	    "\",\"stackerdbs\":[]}");
	reply_json(r, 200, b);
}

static const struct { enum epoch epoch; const char *id;
} epoch_ids[] = {
	{ EPOCH_10, "Epoch10" },
	{ EPOCH_20, "Epoch20" },
	{ EPOCH_205, "Epoch2_05" },
	{ EPOCH_21, "Epoch21" },
	{ EPOCH_22, "Epoch22" },
	{ EPOCH_23, "Epoch23" },
	{ EPOCH_24, "Epoch24" },
	{ EPOCH_25, "Epoch25" },
	{ EPOCH_30, "Epoch30" },
	{ EPOCH_31, "Epoch31" },
	{ EPOCH_32, "Epoch32" },
	{ EPOCH_33, "Epoch33" },
	{ EPOCH_34, "Epoch34" },
	{ EPOCH_40, "Epoch40" },
	{ EPOCH_41, "Epoch41" },
};

static const char *epoch_id(enum epoch e)
{
	for (size_t i = 0; i < sizeof(epoch_ids) / sizeof(epoch_ids[0]); i++)
		if (epoch_ids[i].epoch == e)
			return epoch_ids[i].id;
	return "Epoch10";
}

void get_pox(struct request *r)
{
	const struct view *v = &r->s->view;
	const struct network *net = &r->s->store.net;
	struct evbuffer *b = reply_buffer();

	evbuffer_add_printf(b,
	    "{\"first_burnchain_block_height\":%llu,\"current_burnchain_block_height\":%llu"
	    ",\"prepare_phase_block_length\":%u,\"reward_phase_block_length\":%u,\"reward_cycle_"
	    "length\":%u,\"prepare_cycle_length\":%u"
	    ",\"reward_cycle_id\":%llu,\"current_cycle\":{\"id\":%llu},\"current_epoch\":\"%s\","
	    "\"contract_versions\":[],\"epochs\":[",
	    (unsigned long long)net->first_burn_height, (unsigned long long)v->burn.burn_height,
	    net->prepare_length, net->cycle_length - net->prepare_length, net->cycle_length,
	    net->prepare_length, (unsigned long long)network_cycle(net, v->burn.burn_height),
	    (unsigned long long)network_cycle(net, v->burn.burn_height),
	    epoch_id(network_epoch(net, v->burn.burn_height)));
	for (unsigned i = 0; i < net->n_epochs; i++)
		evbuffer_add_printf(b,
		    "%s{\"epoch_id\":\"%s\",\"start_height\":%llu,\"end_height\":%llu,\"network_"
		    "epoch\":%d}",
		    i > 0 ? "," : "", epoch_id(net->epochs[i].epoch),
		    (unsigned long long)net->epochs[i].start,
		    (unsigned long long)(i + 1 < net->n_epochs ? net->epochs[i + 1].start :
								 INT64_MAX),
		    net->epochs[i].epoch == EPOCH_10 ? 0 : (int)net->epochs[i].epoch);
	evbuffer_add_printf(b, "]}");
	reply_json(r, 200, b);
}

void get_neighbors(struct request *r)
{
	struct neighbor all[MAX_NEIGHBORS];
	uint32_t n = neighbors_tell(r->s, all);
	struct evbuffer *b = reply_buffer();
	struct sockaddr_storage ss;
	socklen_t len;
	char ip[INET6_ADDRSTRLEN];

	evbuffer_add_printf(b, "{\"bootstrap\":[],\"sample\":[");
	for (uint32_t i = 0; i < n; i++) {
		address_from16(&ss, &len, all[i].addr, all[i].port);
		const void *addr = ss.ss_family == AF_INET ?
		    (const void *)&((struct sockaddr_in *)&ss)->sin_addr :
		    (const void *)&((struct sockaddr_in6 *)&ss)->sin6_addr;
		evbuffer_add_printf(b,
		    "%s{\"network_id\":%u,\"peer_version\":%u,\"ip\":\"%s\",\"port\":%u",
		    i > 0 ? "," : "", r->s->store.net.chain_id, r->s->store.net.peer_version,
		    inet_ntop(ss.ss_family, addr, ip, sizeof(ip)), all[i].port);
		add_hex(b, ",\"public_key_hash\":\"", all[i].key_hash, HASH160_LEN,
		    "\",\"authenticated\":true}");
	}
	evbuffer_add_printf(b, "],\"inbound\":[],\"outbound\":[]}");
	reply_json(r, 200, b);
}

void get_health(struct request *r)
{
	const struct view *v = &r->s->view;
	uint64_t most = v->has_tip ? v->tip.height : 0;
	struct evbuffer *b = reply_buffer();

	evbuffer_add_printf(b,
	    "{\"difference_from_max_peer\":%llu,\"max_stacks_height_of_neighbors\":%llu"
	    ",\"max_stacks_neighbor_address\":null,\"node_stacks_tip_height\":%llu}",
	    (unsigned long long)(most > v->height ? most - v->height : 0), (unsigned long long)most,
	    (unsigned long long)v->height);
	reply_json(r, 200, b);
}

/* Next: cmd/block-serve/http_tenures.c, tenures as JSON. */
