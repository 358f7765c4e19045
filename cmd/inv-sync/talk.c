/* What is said in a conversation: who the peer is, whom it knows, and what it has of each cycle. An
 * answer is filed under the cycle that was asked, which travels with the question. */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/inv-sync/learn.h"
#include "common/sys/log.h"

static void set_state(struct peer *p, enum peer_state state)
{
	if (p->state == state)
		return;
	p->state = state;
	save_peer(p, true);
}

static void take_answer(struct peer *p, struct inquiry i, const struct message *m)
{
	const struct machine *machine = &p->s->machine;

	asks_answered(&p->asks, machine, i, now_ms());
	p->progressed = true;
	p->debt.what = NULL;
	if (i.cycle == machine->last && machine->questions[i.question].kind != INV_POX)
		set_state(p, PEER_UP);
	learn_answer(p, i, m);
}

/* Once the chain is Nakamoto's, a node need not answer for epoch 2.x: nothing that it says to that
 * is held against it. */
static bool is_optional(const struct peer *p, struct inquiry i)
{
	return p->s->machine.questions[i.question].model == EPOCH2 &&
	    !(network_models(&p->s->store.net, p->s->self.view.burn_height) & MODEL_BIT(EPOCH2));
}

static void take_refusal(struct peer *p, struct inquiry i, uint32_t code, bool last)
{
	const struct question *q = &p->s->machine.questions[i.question];
	char text[120];

	snprintf(text, sizeof(text), "Nack %u to %s of cycle %" PRIu64, code,
	    message_name(q->query), i.cycle);
	p->debt = (struct debt){ FAULT_USELESS, last ? NULL : "nack", "" };
	snprintf(p->debt.text, sizeof(p->debt.text), "nack: %s", text);
	if (last)
		learn_fault(p, FAULT_USELESS, "nack", text);
}

static void take_nack(struct peer *p, struct inquiry i, const struct message *m)
{
	const struct question *q = &p->s->machine.questions[i.question];
	enum node_status status;
	struct view_judge j;
	char more[80];
	bool last;

	view_judge_begin(&j, p->s, &m->pre);
	status = judge_nack(&j.v, q->model, i.cycle, m->u.nack);
	view_judge_end(&j);
	if (status == NODE_DEAD && !is_optional(p, i)) {
		snprintf(more, sizeof(more), ": Nack %u to %s", m->u.nack, message_name(q->query));
		conv_fail(p->conv, CONV_END_REFUSED, more);
		return;
	}
	last = asks_refused(&p->asks, &p->s->machine, i, now_ms());
	if (status == NODE_DIVERGED)
		learn_diverged(p, i);
	if (is_optional(p, i))
		asks_let(&p->asks, &p->s->machine, i);
	else if (status == NODE_BROKEN)
		take_refusal(p, i, m->u.nack, last);
	else
		set_state(p, status == NODE_STALE ? PEER_BEHIND : PEER_DIVERGED);
}

/* An inquiry travels with its request. */
#define MAX_COUNT (2 * MAX_POX_BITS)

static void *inquiry_arg(struct inquiry i)
{
	return (void *)(uintptr_t)((i.cycle * MAX_COUNT + i.count) * MAX_QUESTIONS + i.question);
}

static struct inquiry inquiry_of(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	return (struct inquiry){ .question = n % MAX_QUESTIONS,
		.count = n / MAX_QUESTIONS % MAX_COUNT,
		.cycle = n / MAX_QUESTIONS / MAX_COUNT };
}

static void on_answer(struct conv *c, void *arg, const struct message *m)
{
	struct peer *p = conv_arg(c);
	struct inquiry i = inquiry_of(arg);
	const struct question *q = &p->s->machine.questions[i.question];
	char more[100];

	if (!m && conv_is_up(c) && is_optional(p, i)) {
		asks_refused(&p->asks, &p->s->machine, i, now_ms());
		asks_let(&p->asks, &p->s->machine, i);
		return;
	}
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

struct asked talk_asked(const struct peer *p)
{
	return (struct asked){ p->view.version, view_reach(p->s, &p->view) };
}

void talk_ask(struct peer *p, uint64_t now)
{
	struct inv_sync *s = p->s;
	struct message m = { .id = MSG_GET_NEIGHBORS };
	struct asked asked;
	struct inquiry i;

	if (!p->conv || !conv_is_up(p->conv))
		return;
	asked = talk_asked(p);
	if (now >= p->neighbors_at) {
		p->neighbors_at = now + NEIGHBORS_MS;
		conv_request(p->conv, &m, REPLY_MS, on_neighbors, NULL);
	}
	while (conv_is_up(p->conv) && asks_next(&p->asks, &s->machine, &asked, now, &i)) {
		m.id = s->machine.questions[i.question].query;
		memcpy(m.u.get_inv.ch, view_cycle_ch(s, i.cycle), CH_LEN);
		m.u.get_inv.count = (uint16_t)i.count;
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
		learn_forget(p);
		learn_load(p);
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

	if (m->id == MSG_NAKAMOTO_BLOCKS || m->id == MSG_BLOCKS || m->id == MSG_MICROBLOCKS)
		save_push(p->s, c, m);
	else if (m->id == MSG_BLOCKS_AVAILABLE || m->id == MSG_MICROBLOCKS_AVAILABLE)
		learn_announced(p, m);
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

/* Next: cmd/inv-sync/learn.c, what becomes of the answers. */
