/* The burnchain view as a stacks-node gives it: sortitions and
 * signers (spec/blocks.md 5.1, 5.4). */
#include "cmd/block-serve/http.h"

static void add_or_null(struct evbuffer *b, const char *name, const uint8_t *p, size_t n,
    bool there)
{
	if (there)
		add_hex(b, name, p, n, "\"");
	else	/* without the opening `"0x` */
		evbuffer_add_printf(b, "%.*snull", (int)strlen(name) - 3, name);
}

static void add_sortition(struct evbuffer *b, const struct rec_sortition *r)
{
	add_hex(b, "{\"burn_block_hash\":\"0x", r->burn_hash, 32, "\"");
	evbuffer_add_printf(b, ",\"burn_block_height\":%llu,\"burn_header_timestamp\":%llu",
	    (unsigned long long)r->burn_height, (unsigned long long)r->burn_time);
	add_hex(b, ",\"sortition_id\":\"0x", r->sortition_id, 32, "\"");
	add_hex(b, ",\"parent_sortition_id\":\"0x", r->parent_sortition_id, 32, "\"");
	add_hex(b, ",\"consensus_hash\":\"0x", r->consensus_hash, CH_LEN, "\"");
	evbuffer_add_printf(b, ",\"was_sortition\":%s", r->won ? "true" : "false");
	add_or_null(b, ",\"miner_pk_hash160\":\"0x", r->miner, HASH160_LEN,
	    r->won && !all_zero(r->miner, HASH160_LEN));
	add_or_null(b, ",\"stacks_parent_ch\":\"0x", r->parent_ch, CH_LEN, r->won);
	add_or_null(b, ",\"last_sortition_ch\":\"0x", r->last_ch, CH_LEN, true);
	add_or_null(b, ",\"committed_block_hash\":\"0x", r->committed, 32, r->won);
	add_or_null(b, ",\"vrf_seed\":\"0x", r->vrf_seed, 32, r->won && !all_zero(r->vrf_seed, 32));
	evbuffer_add(b, "}", 1);
}

static void reply_sortition(struct request *r, int rc, const struct rec_sortition *row,
    const char *kind)
{
	struct evbuffer *b;

	if (rc != 0) {
		reply_text(r, 404, "Could not find snapshot %s(%.80s)\n", kind,
		    r->arg ? r->arg : "");
		return;
	}
	b = reply_buffer();
	evbuffer_add(b, "[", 1);
	add_sortition(b, row);
	evbuffer_add(b, "]", 1);
	reply_json(r, 200, b);
}

void get_sortition(struct request *r)
{
	reply_sortition(r, r->s->view.has_burn ? 0 : -1, &r->s->view.burn, "Latest");
}

void get_sortition_height(struct request *r)
{
	struct rec_sortition row;
	MDB_txn *txn;
	int rc;

	if (r->number < r->s->store.net.first_burn_height) {
		reply_text(r, 400, "Height %llu is below the first burn block\n",
		    (unsigned long long)r->number);
		return;
	}
	txn = store_read(&r->s->store);
	rc = sortition_at(&r->s->store, txn, r->number, &row);
	store_read_end(txn);
	reply_sortition(r, rc, &row, "BlockHeight");
}

void get_sortition_ch(struct request *r)
{
	MDB_txn *txn = store_read(&r->s->store);
	struct rec_sortition row;
	int rc = sortition_get(&r->s->store, txn, r->hash, &row);

	store_read_end(txn);
	reply_sortition(r, rc, &row, "ConsensusHash");
}

void get_sortition_burn(struct request *r)
{
	MDB_txn *txn = store_read(&r->s->store);
	struct rec_sortition row;
	int rc = sortition_by_burn(&r->s->store, txn, r->hash, &row);

	store_read_end(txn);
	reply_sortition(r, rc, &row, "BurnHash");
}

/* The latest winner, and the winner before it. */
void get_sortitions_last(struct request *r)
{
	const struct view *v = &r->s->view;
	MDB_txn *txn = store_read(&r->s->store);
	struct rec_sortition last = v->burn, before;
	int rc = v->has_burn ? 0 : -1, more;

	if (rc == 0 && !last.won)
		rc = sortition_get(&r->s->store, txn, v->burn.last_ch, &last);
	more = rc == 0 ? sortition_get(&r->s->store, txn, last.last_ch, &before) : -1;
	store_read_end(txn);
	if (rc != 0 || more != 0) {
		reply_sortition(r, rc, &last, "Latest");
		return;
	}
	struct evbuffer *b = reply_buffer();
	evbuffer_add(b, "[", 1);
	add_sortition(b, &last);
	evbuffer_add(b, ",", 1);
	add_sortition(b, &before);
	evbuffer_add(b, "]", 1);
	reply_json(r, 200, b);
}

/* Amounts stacked are not kept; the weight is all that proofs need. */
void get_stacker_set(struct request *r)
{
	MDB_txn *txn = store_read(&r->s->store);
	struct rec_reward_set set;
	struct evbuffer *b = reply_buffer();

	if (reward_set_get(&r->s->store, txn, r->number, &set) != 0) {
		store_read_end(txn);
		evbuffer_add_printf(b,
		    "{\"err_msg\":\"Could not read reward set. Prepare phase may not have started "
		    "for this cycle yet. "
		    "Cycle = "
		    "%llu\",\"err_type\":\"not_available_try_again\",\"response\":\"error\"}",
		    (unsigned long long)r->number);
		reply_json(r, 400, b);
		return;
	}
	evbuffer_add_printf(b,
	    "{\"stacker_set\":{\"pox_ustx_threshold\":null,\"reward_set_version\":0,\"rewarded_"
	    "addresses\":[],\"signers\":[");
	for (uint32_t i = 0; i < set.keys.n; i++) {
		add_hex(b, i > 0 ? ",{\"signing_key\":\"" : "{\"signing_key\":\"",
		    (const uint8_t *)set.keys.p + (size_t)KEY_LEN * i, KEY_LEN, "\"");
		evbuffer_add_printf(b, ",\"stacked_amt\":0,\"weight\":%u}",
		    i < set.weights.n ? rec_u32_at(set.weights, i) : 0);
	}
	store_read_end(txn);
	evbuffer_add_printf(b, "],\"start_cycle_state\":{\"missed_reward_slots\":[]}}}");
	reply_json(r, 200, b);
}

/* Next: cmd/block-serve/http_records.c, the same for another blocksync. */
