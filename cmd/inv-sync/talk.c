/* What is said in a conversation: who the peer is, whom it knows, and what it has of each cycle. An
 * answer is filed under the cycle that was asked, which travels with the question. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/inv-sync/inv_sync.h"
#include "common/chain/bitvec.h"
#include "common/chain/hash.h"
#include "common/sys/log.h"

#define FAULT_MS 30000		/* between two faults of one peer's inventories */

/* So that only news is told: of count and bits. Never 0. */
static uint64_t digest_of(const uint8_t *bits, uint32_t count)
{
	uint8_t all[4 + 525], hash[32];
	size_t n = bitvec_bytes(count);

	put_be32(all, count);
	memcpy(all + 4, bits, n);
	hash_once(hash, all, 4 + n);
	return get_be64(hash) | 1;
}

static uint64_t *digest_at(struct peer *p, uint64_t cycle)
{
	size_t i = (size_t)(cycle - p->s->machine.first);

	if (i >= p->n_digest) {
		p->digest = xrealloc(p->digest, (i + 1) * sizeof(*p->digest));
		memset(p->digest + p->n_digest, 0, (i + 1 - p->n_digest) * sizeof(*p->digest));
		p->n_digest = i + 1;
	}
	return &p->digest[i];
}

static void have(struct peer *p, uint64_t cycle, const uint8_t *bits, uint32_t count)
{
	size_t i = (size_t)(cycle - p->s->machine.first);
	uint16_t n = 0;

	for (uint32_t b = 0; b < count; b++)
		n += bitvec_get(bits, count, b);
	if (i >= p->n_have) {
		p->have = xrealloc(p->have, (i + 1) * sizeof(*p->have));
		memset(p->have + p->n_have, 0, (i + 1 - p->n_have) * sizeof(*p->have));
		p->n_have = i + 1;
	}
	p->have[i] = n;
}

static bool load_step(void *arg, const struct rec_inventory *r)
{
	struct peer *p = arg;

	if (memcmp(r->peer, p->key, KEY_LEN) != 0)
		return false;
	if (r->kind == INV_TENURES && r->cycle >= p->s->machine.first &&
	    r->cycle <= p->s->machine.last && r->count <= MAX_CYCLE_BITS &&
	    r->bits.n == bitvec_bytes(r->count))
		*digest_at(p, r->cycle) = digest_of(r->bits.p, r->count);
	return true;
}

/* What this key has answered in earlier conversations and runs stays known. */
void talk_load_known(struct peer *p)
{
	MDB_txn *txn = store_read(&p->s->store);
	struct rec_peer r;

	p->seat.blocks = peer_get(&p->s->store, txn, p->key, &r) == 0 ? r.blocks : 0;
	free(p->digest);
	p->digest = NULL;
	p->n_digest = 0;
	inventory_walk(&p->s->store, txn, p->key, load_step, p);
	store_read_end(txn);
}

static void fault(struct peer *p, enum fault_class class, const char *what, const char *evidence)
{
	char who[2 * KEY_LEN + 1];
	uint64_t now = now_ms();

	if (p->fault_at && now < p->fault_at + FAULT_MS)
		return;
	p->fault_at = now;
	peers_fault(p, hex_of(who, p->key, KEY_LEN), class, what, evidence);
}

static void set_state(struct peer *p, enum peer_state state)
{
	if (p->state == state)
		return;
	p->state = state;
	save_peer(p, true);
}

static void take_inventory(struct peer *p, uint64_t cycle, const struct message *m)
{
	struct inv_sync *s = p->s;
	struct view_judge j;
	uint8_t bits[525] = { 0 };
	uint32_t count = m->u.inv.count;
	char evidence[160];
	uint64_t digest;

	memcpy(bits, m->u.inv.bits, m->u.inv.bytes);
	/* What was found fine before is fine still, but where the burn chain may have changed. */
	if (cycle + 1 >= s->machine.last || digest_of(bits, count) != *digest_at(p, cycle)) {
		view_judge_begin(&j, s, &m->pre);
		if (judge_inventory(&j.v, cycle, bits, &count, evidence) == JUDGE_LIE)
			fault(p, FAULT_LYING, "inventory", evidence);
		view_judge_end(&j);
	}
	asks_answered(&p->asks, &s->machine, cycle, now_ms());
	p->progressed = true;
	p->debt.what = NULL;
	if (cycle == s->machine.last)
		set_state(p, PEER_UP);
	have(p, cycle, bits, count);
	digest = digest_of(bits, count);
	if (!p->contends && digest != *digest_at(p, cycle)) {
		*digest_at(p, cycle) = digest;
		save_inventory(p, cycle, bits, count);
	}
}

static void take_nack(struct peer *p, uint64_t cycle, const struct message *m)
{
	enum nack_meaning meaning;
	struct view_judge j;
	char text[120];
	bool last;

	view_judge_begin(&j, p->s, &m->pre);
	meaning = judge_nack(&j.v, cycle, m->u.nack);
	view_judge_end(&j);
	last = asks_refused(&p->asks, &p->s->machine, cycle, now_ms());
	if (meaning != NACK_REFUSES) {
		set_state(p, meaning == NACK_BEHIND ? PEER_BEHIND : PEER_DIVERGED);
		return;
	}
	snprintf(
	    text, sizeof(text), "Nack %u to GetNakamotoInv of cycle %" PRIu64, m->u.nack, cycle);
	p->debt = (struct debt){ FAULT_USELESS, last ? NULL : "nack", "" };
	snprintf(p->debt.text, sizeof(p->debt.text), "nack: %s", text);
	if (last)
		fault(p, FAULT_USELESS, "nack", text);
}

static void on_inventory(struct conv *c, void *arg, const struct message *m)
{
	struct peer *p = conv_arg(c);
	uint64_t cycle = (uint64_t)(uintptr_t)arg;
	char more[100];

	if (!m) {
		conv_fail(c, END_SILENT, ": no answer to GetNakamotoInv");
		return;
	}
	if (m->id == MSG_NAKAMOTO_INV) {
		take_inventory(p, cycle, m);
	} else if (m->id == MSG_NACK) {
		take_nack(p, cycle, m);
	} else {
		snprintf(more, sizeof(more), ": %s to GetNakamotoInv", message_name(m->id));
		conv_fail(c, END_WRONG_ANSWER, more);
		return;
	}
	talk_ask(p, now_ms());
}

static void on_neighbors(struct conv *c, void *arg, const struct message *m)
{
	struct peer *p = conv_arg(c);

	if (m && m->id == MSG_NEIGHBORS)
		peers_told(p->s, p, m);
}

void talk_ask(struct peer *p, uint64_t now)
{
	struct inv_sync *s = p->s;
	struct message m = { .id = MSG_GET_NEIGHBORS };
	uint64_t cycle;

	if (!p->conv || !conv_is_up(p->conv))
		return;
	if (now >= p->neighbors_at) {
		p->neighbors_at = now + NEIGHBORS_MS;
		conv_request(p->conv, &m, REPLY_MS, on_neighbors, NULL);
	}
	while (conv_is_up(p->conv) && judge_version(&s->store.net, p->view.version) &&
	    asks_next(&p->asks, &s->machine, now, &cycle)) {
		m.id = MSG_GET_NAKAMOTO_INV;
		memcpy(m.u.get_inv.ch, view_cycle_ch(s, cycle), CH_LEN);
		conv_request(p->conv, &m, peer_patience(p), on_inventory, (void *)(uintptr_t)cycle);
	}
}

/* Another key speaks at this address: whoever had the former is not there any more. */
static void leave_key(struct peer *p)
{
	if ((!p->has_key && !p->stored) || rival_of(p))
		return;
	p->state = PEER_DOWN;
	save_peer(p, true);
	save_commit(p->s, UINT64_MAX);
	p->stored = false;
}

static void on_up(struct conv *c, void *arg)
{
	struct peer *p = arg;
	bool same = p->has_key && memcmp(p->key, conv_key(c), KEY_LEN) == 0;

	if (!same && ++p->keys > MAX_KEYS) {
		conv_fail(c, END_MANY_KEYS, NULL);
		return;
	}
	if (memcmp(p->key, conv_key(c), KEY_LEN) != 0)
		leave_key(p);
	p->view = *conv_preamble(c);
	memcpy(p->key, conv_key(c), KEY_LEN);
	p->has_key = true;
	p->yielded = p->contends = false;
	if (rival_met(p))
		return;
	if (!same) {
		/* Another key is another peer: nothing that was answered before is its. */
		asks_lost(&p->asks);
		asks_release(&p->asks);
		free(p->have);
		p->have = NULL;
		p->n_have = 0;
		talk_load_known(p);
	}
	p->state = PEER_UP;
	p->neighbors_at = p->s->o.once || p->neighbors_at <= now_ms() ? 0 : p->neighbors_at;
	save_peer(p, true);
	log_info("'%s' is up", p->name);
	talk_ask(p, now_ms());
}

static void on_message(struct conv *c, void *arg, const struct message *m)
{
	struct peer *p = arg;

	if (m->id == MSG_NAKAMOTO_BLOCKS)
		save_push(p->s, c, m);
	else if (m->id == MSG_GET_NAKAMOTO_INV || m->id == MSG_GET_BLOCKS_INV ||
	    m->id == MSG_GET_POX_INV) {
		/* Nodes ask that only of whom they dialled, and block-serve alone can answer. */
		struct message nack = { .id = MSG_NACK, .u.nack = NACK_NO_SUCH_BLOCK };
		conv_reply(c, m, &nack);
	}
}

static void on_heard(struct conv *c, void *arg, const struct preamble *pre)
{
	struct peer *p = arg;
	bool moved = pre->burn_height != p->view.burn_height ||
	    memcmp(pre->burn_hash, p->view.burn_hash, 32) != 0;
	uint64_t now = now_ms();

	p->view = *pre;
	if (moved || now > p->saved_at + 60000) {
		p->saved_at = now;
		save_peer(p, moved);
	}
}

static void on_down(struct conv *c, void *arg, enum conv_end end, const char *text)
{
	peers_down(arg, end, text);
}

const struct conv_ops talk_ops = { on_up, on_message, on_heard, on_down };

/* Next: cmd/inv-sync/machine.c, which cycle to ask of whom. */
