/* What every answer needs of the store: tips and burn views, read anew when a commit shows. */
#include "cmd/block-serve/serve.h"
#include "common/chain/hash.h"
#include "common/sys/stage.h"

static bool load_burn(struct serve *s, MDB_txn *txn, struct view *v)
{
	uint64_t gap = s->store.net.stable_confirmations;

	if (sortition_tip(&s->store, txn, &v->burn) != 0 || v->burn.burn_height < gap)
		return false;
	return sortition_at(&s->store, txn, v->burn.burn_height - gap, &v->stable) == 0;
}

/* The inventory depends on the canonical chain's top tenure, the burn tip, and which tenures are
 * the newest. */
static void key_of(const struct view *v, uint8_t key[32])
{
	hash_begin();
	if (v->has_burn)
		hash_add(v->burn.consensus_hash, CH_LEN);
	if (v->has_chain) {
		hash_add(v->tenure.start_id, ID_LEN);
		hash_add(v->tenure.prev_ch, CH_LEN);
		hash_add(&v->tenure.complete, sizeof(v->tenure.complete));
	}
	if (v->has_tip)
		hash_add(v->tip.consensus_hash, CH_LEN);
	hash_end(key);
}

static void fill_self(struct serve *s)
{
	const struct view *v = &s->view;

	s->self.view.burn_height = v->burn.burn_height;
	s->self.view.stable_height = v->stable.burn_height;
	memcpy(s->self.view.burn_hash, v->burn.burn_hash, 32);
	memcpy(s->self.view.stable_hash, v->stable.burn_hash, 32);
}

void view_refresh(struct serve *s)
{
	struct view *v = &s->view;
	uint8_t key[32];

	if (!store_changed(&s->store) && v->loaded)
		return;
	MDB_txn *txn = store_read(&s->store);
	memset(v, 0, sizeof(*v));
	v->loaded = true;
	self_refresh_address(&s->self, &s->store, txn, &s->said);
	v->has_burn = load_burn(s, txn, v);
	v->has_chain = canonical_tip(&s->store, txn, &v->tenure, &v->height, v->id) == 0;
	v->chain_lost = !v->has_chain && store_count(&s->store, txn, T_CANONICAL) > 0;
	v->has_tip = meta_get_row(&s->store, txn, "tip", REC_TIP, &v->tip) == 0;
	store_read_end(txn);
	v->tenure.why = v->tenure.source = rec_str("");
	snprintf(v->height_text, sizeof(v->height_text), "%llu", (unsigned long long)v->height);
	if (v->has_burn)
		fill_self(s);
	key_of(v, key);
	inv_index_key(&s->inv, key, now_ms());
	uploads_check(s);
}

/* Next: cmd/block-serve/head.c, what a request says. */
