/* Our burnchain view, as sortition-sync keeps it in the store: what our preambles say, which hash
 * names which cycle, and the facts that answers are judged by. */
#include <stdlib.h>

#include "cmd/inv-sync/inv_sync.h"
#include "common/chain/inventory.h"
#include "common/net/self.h"
#include "common/sys/log.h"

const uint8_t *view_cycle_ch(const struct inv_sync *s, uint64_t cycle)
{
	return s->cycle_ch[cycle - s->machine.first];
}

/* The hash of a cycle's query height; when it becomes another one, what peers answered was about
 * another fork. */
static void refresh_cycle(struct inv_sync *s, MDB_txn *txn, uint64_t cycle)
{
	uint8_t *ch = s->cycle_ch[cycle - s->machine.first];
	struct rec_sortition r;
	struct peer *p;

	if (sortition_at(&s->store, txn, inventory_query_height(&s->store.net, cycle), &r) < 0)
		return;
	machine_cycle_known(&s->machine, cycle);
	if (memcmp(ch, r.consensus_hash, CH_LEN) == 0)
		return;
	if (!all_zero(ch, CH_LEN))
		TAILQ_FOREACH(p, &s->peers, entry)
			asks_forget(&p->asks, &s->machine, cycle);
	memcpy(ch, r.consensus_hash, CH_LEN);
	s->moved_at = now_ms();
}

static void refresh_cycles(struct inv_sync *s, MDB_txn *txn)
{
	size_t n = (size_t)(s->machine.last + 1 - s->machine.first);

	if (n > s->n_cycle_ch) {
		s->cycle_ch = xrealloc(s->cycle_ch, n * CH_LEN);
		memset(s->cycle_ch[s->n_cycle_ch], 0, (n - s->n_cycle_ch) * CH_LEN);
		s->n_cycle_ch = n;
	}
	for (size_t i = 0; i < n; i++)
		refresh_cycle(s, txn, s->machine.first + i);
}

/* Where block-fetch begins (-F). */
static void refresh_wanted(struct inv_sync *s, MDB_txn *txn)
{
	char text[24] = "";
	MDB_val v;

	if (meta_get(&s->store, txn, "from_cycle", &v) == 0 && v.mv_size < sizeof(text))
		memcpy(text, v.mv_data, v.mv_size);
	machine_want(&s->machine, network_first_wanted(&s->store.net, strtoull(text, NULL, 10)));
}

void view_refresh(struct inv_sync *s, uint64_t now)
{
	MDB_txn *txn = store_read(&s->store);
	struct rec_sortition tip;
	bool news;

	self_refresh_address(&s->self, &s->store, txn, NULL);
	refresh_wanted(s, txn);
	if (self_refresh_view(&s->self, &s->store, txn, &tip)) {
		news = memcmp(s->tip_ch, tip.consensus_hash, CH_LEN) != 0;
		memcpy(s->tip_ch, tip.consensus_hash, CH_LEN);
		machine_tip(&s->machine, tip.burn_height, news && s->view_known, now);
		refresh_cycles(s, txn);
		s->view_known = true;
	}
	store_read_end(txn);
}

bool view_finished(struct inv_sync *s)
{
	MDB_txn *txn = store_read(&s->store);
	struct stored_block b;
	struct rec_tip tip;
	bool finished = meta_get_row(&s->store, txn, "tip", REC_TIP, &tip) == 0 &&
	    canonical_at(&s->store, txn, tip.height, &b) == 0 && memcmp(b.id, tip.id, ID_LEN) == 0;

	store_read_end(txn);
	return finished;
}

/* Ours at that height: 1 equal, 0 differs, -1 unknown. */
static int hash_known(struct inv_sync *s, MDB_txn *txn, uint64_t height, const uint8_t *hash)
{
	struct rec_sortition r;

	if (sortition_at(&s->store, txn, height, &r) < 0)
		return -1;
	return memcmp(r.burn_hash, hash, 32) == 0;
}

int view_stable_known(void *arg, uint64_t height, const uint8_t *hash)
{
	struct inv_sync *s = arg;

	return self_stable_known(&s->store, &s->self.view, height, hash);
}

/* A peer that is ahead of us may have our chain below; one that names another tip surely has only
 * what is stable. */
uint64_t view_reach(struct inv_sync *s, const struct preamble *pre)
{
	const struct conv_view *v = &s->self.view;
	MDB_txn *txn;
	bool same;

	if (pre->burn_height > v->burn_height)
		return v->burn_height;
	if (pre->burn_height == v->burn_height && memcmp(pre->burn_hash, v->burn_hash, 32) == 0)
		return v->burn_height;
	txn = store_read(&s->store);
	same = hash_known(s, txn, pre->burn_height, pre->burn_hash) == 1;
	store_read_end(txn);
	if (same)
		return pre->burn_height;
	return pre->stable_height < v->stable_height ? pre->stable_height : v->stable_height;
}

static struct judge_fact judge_fact(void *arg, uint64_t height)
{
	struct view_judge *j = arg;
	struct rec_sortition r, parent;
	struct judge_fact f = { 0 };

	if (sortition_at(&j->s->store, j->txn, height, &r) < 0)
		return f;
	f.known = true;
	f.won = r.won;
	if (r.won && sortition_get(&j->s->store, j->txn, r.parent_ch, &parent) == 0)
		f.parent = parent.burn_height;
	memcpy(f.committed, r.committed, ID_LEN);
	return f;
}

void view_judge_begin(struct view_judge *j, struct inv_sync *s, const struct preamble *pre)
{
	const struct conv_view *v = &s->self.view;

	j->s = s;
	j->txn = store_read(&s->store);
	j->v = (struct judge_view){ .net = &s->store.net,
		.tip = v->burn_height,
		.stable = v->stable_height,
		.peer_tip = pre->burn_height,
		.peer_stable = pre->stable_height,
		.fact = judge_fact,
		.arg = j };
	j->v.same_tip = hash_known(s, j->txn, pre->burn_height, pre->burn_hash) == 1;
	j->v.same_stable = hash_known(s, j->txn, pre->stable_height, pre->stable_hash) == 1;
}

void view_judge_end(struct view_judge *j)
{
	store_read_end(j->txn);
}

/* Next: cmd/inv-sync/peers.c, who is known. */
