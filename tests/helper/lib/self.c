/* Who a test is towards a peer. */
#include "common/chain/key.h"
#include "common/sys/log.h"
#include "tests/helper/lib/self.h"

static int any_hash(void *arg, uint64_t height, const uint8_t *hash) { return -1; }

void self_load(struct conv_self *self, struct store *s, const char *dir)
{
	static struct budget held;
	struct rec_sortition tip, stable;

	conv_budget(&held);
	self->held = &held;
	store_open(s, dir, NULL, 0, 0);
	MDB_txn *txn = store_read(s);
	if (sortition_tip(s, txn, &tip) != 0 ||
	    sortition_at(s, txn, tip.burn_height - s->net.stable_confirmations, &stable) != 0)
		die_world("the store has no burnchain view");
	store_read_end(txn);
	self->net = &s->net;
	self->port = 20444;
	self->view.burn_height = tip.burn_height;
	self->view.stable_height = stable.burn_height;
	memcpy(self->view.burn_hash, tip.burn_hash, 32);
	memcpy(self->view.stable_hash, stable.burn_hash, 32);
	self->stable_known = any_hash;
	memset(self->secret, 7, sizeof(self->secret));
	key_public(self->key, self->secret);
}
