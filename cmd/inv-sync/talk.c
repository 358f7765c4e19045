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
	uint8_t all[4 + INV_BYTES], hash[32];
	size_t n = bitvec_bytes(count);

	put_be32(all, count);
	memcpy(all + 4, bits, n);
	hash_once(hash, all, 4 + n);
	return get_be64(hash) | 1;
}

static struct said *said_at(struct peer *p, enum inventory_kind kind, uint64_t cycle)
{
	size_t i = (size_t)(cycle - p->s->machine.first), n = p->said[kind].n;

	if (i >= n) {
		p->said[kind].at = xrealloc(p->said[kind].at, (i + 1) * sizeof(struct said));
		memset(p->said[kind].at + n, 0, (i + 1 - n) * sizeof(struct said));
		p->said[kind].n = i + 1;
	}
	return &p->said[kind].at[i];
}

uint64_t talk_has(const struct peer *p)
{
	uint64_t n = 0;

	for (unsigned k = 0; k < INV_KINDS; k++)
		for (size_t i = 0; i < p->said[k].n; i++)
			n += p->said[k].at[i].has;
	return n;
}

void talk_forget(struct peer *p)
{
	asks_release(&p->asks);
	for (unsigned k = 0; k < INV_KINDS; k++) {
		free(p->said[k].at);
		p->said[k].at = NULL;
		p->said[k].n = 0;
	}
}

static bool load_step(void *arg, const struct rec_inventory *r)
{
	struct peer *p = arg;

	if (memcmp(r->peer, p->key, KEY_LEN) != 0)
		return false;
	if (r->cycle >= p->s->machine.first && r->cycle <= p->s->machine.last &&
	    r->count <= MAX_CYCLE_BITS && r->bits.n == bitvec_bytes(r->count))
		said_at(p, r->kind, r->cycle)->digest = digest_of(r->bits.p, r->count);
	return true;
}

/* What this key has answered in earlier conversations and runs stays known. */
void talk_load_known(struct peer *p)
{
	MDB_txn *txn = store_read(&p->s->store);
	struct rec_peer r;

	p->seat.blocks = peer_get(&p->s->store, txn, p->key, &r) == 0 ? r.blocks : 0;
	for (unsigned k = 0; k < INV_KINDS; k++)
		for (size_t i = 0; i < p->said[k].n; i++)
			p->said[k].at[i].digest = 0;
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

/* One vector of an answer. */
static void take_vector(struct peer *p, enum inventory_kind kind, uint64_t cycle,
    const struct message *m, const uint8_t *vector)
{
	struct said *said = said_at(p, kind, cycle);
	uint8_t bits[INV_BYTES] = { 0 };
	uint32_t count = m->u.inv.count;
	struct view_judge j;
	char evidence[160];
	uint64_t digest;

	/* one bit too many tells the judge enough */
	count = count <= MAX_CYCLE_BITS ? count : MAX_CYCLE_BITS + 1;
	memcpy(bits, vector, bitvec_bytes(count));
	/* What was found fine before is fine still, but where the burn chain may have changed. */
	if (cycle + 1 >= p->s->machine.last || digest_of(bits, count) != said->digest) {
		view_judge_begin(&j, p->s, &m->pre);
		if (judge_inventory(&j.v, kind, cycle, bits, &count, evidence) == JUDGE_LIE)
			fault(p, FAULT_LYING, "inventory", evidence);
		view_judge_end(&j);
	}
	said->has = 0;
	for (uint32_t b = 0; b < count; b++)
		said->has += bitvec_get(bits, count, b);
	digest = digest_of(bits, count);
	if (p->contends || digest == said->digest)
		return;
	said->digest = digest;
	save_inventory(p, kind, cycle, bits, count);
}

static void take_answer(struct peer *p, struct inquiry i, const struct message *m)
{
	const struct question *q = &p->s->machine.questions[i.question];
	const uint8_t *vectors[] = { m->u.inv.bits, m->u.inv.bits2 };

	asks_answered(&p->asks, &p->s->machine, i, now_ms());
	p->progressed = true;
	p->debt.what = NULL;
	if (i.cycle == p->s->machine.last)
		set_state(p, PEER_UP);
	for (unsigned v = 0; v < q->vectors; v++)
		take_vector(p, q->kind + v, i.cycle, m, vectors[v]);
}

static void take_nack(struct peer *p, struct inquiry i, const struct message *m)
{
	const struct question *q = &p->s->machine.questions[i.question];
	enum nack_meaning meaning;
	struct view_judge j;
	char text[120];
	bool last;

	view_judge_begin(&j, p->s, &m->pre);
	meaning = judge_nack(&j.v, i.cycle, m->u.nack);
	view_judge_end(&j);
	last = asks_refused(&p->asks, &p->s->machine, i, now_ms());
	if (meaning != NACK_REFUSES) {
		set_state(p, meaning == NACK_BEHIND ? PEER_BEHIND : PEER_DIVERGED);
		return;
	}
	snprintf(text, sizeof(text), "Nack %u to %s of cycle %" PRIu64, m->u.nack,
	    message_name(q->query), i.cycle);
	p->debt = (struct debt){ FAULT_USELESS, last ? NULL : "nack", "" };
	snprintf(p->debt.text, sizeof(p->debt.text), "nack: %s", text);
	if (last)
		fault(p, FAULT_USELESS, "nack", text);
}

/* An inquiry travels with its request. */
static void *inquiry_arg(struct inquiry i)
{
	return (void *)(uintptr_t)(i.cycle * MAX_QUESTIONS + i.question);
}

static struct inquiry inquiry_of(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	return (struct inquiry){ n % MAX_QUESTIONS, n / MAX_QUESTIONS };
}

static void on_answer(struct conv *c, void *arg, const struct message *m)
{
	struct peer *p = conv_arg(c);
	struct inquiry i = inquiry_of(arg);
	const struct question *q = &p->s->machine.questions[i.question];
	char more[100];

	if (!m) {
		snprintf(more, sizeof(more), ": no answer to %s", message_name(q->query));
		conv_fail(c, CONV_END_SILENT, more);
		return;
	}
	if (m->id == q->reply) {
		take_answer(p, i, m);
	} else if (m->id == MSG_NACK) {
		take_nack(p, i, m);
	} else {
		snprintf(
		    more, sizeof(more), ": %s to %s", message_name(m->id), message_name(q->query));
		conv_fail(c, CONV_END_WRONG_ANSWER, more);
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
	struct inquiry i;

	if (!p->conv || !conv_is_up(p->conv))
		return;
	if (now >= p->neighbors_at) {
		p->neighbors_at = now + NEIGHBORS_MS;
		conv_request(p->conv, &m, REPLY_MS, on_neighbors, NULL);
	}
	while (conv_is_up(p->conv) && asks_next(&p->asks, &s->machine, p->view.version, now, &i)) {
		m.id = s->machine.questions[i.question].query;
		memcpy(m.u.get_inv.ch, view_cycle_ch(s, i.cycle), CH_LEN);
		conv_request(p->conv, &m, peer_patience(p), on_answer, inquiry_arg(i));
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
		conv_fail(c, CONV_END_MANY_KEYS, NULL);
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
		asks_lost(&p->asks, &p->s->machine);
		talk_forget(p);
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
