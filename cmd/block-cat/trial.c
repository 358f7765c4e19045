/* Blocks of an archive, judged on their own by all cores: what block-verify does for a pipeline. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "cmd/block-cat/cat.h"
#include "common/sys/log.h"

#define MAX_CORES 64

bool trial_full(const struct trial *t)
{
	return t->n == sizeof(t->b) / sizeof(*t->b) || t->n_bytes >= TRIAL_BYTES;
}

static void take_bytes(struct trial *t, struct rec_view v)
{
	if (v.n)
		memcpy(t->bytes + t->n_bytes, v.p, v.n);
	t->n_bytes += v.n;
}

static struct trial_block *add(struct trial *t, struct rec_view body, const uint8_t *id,
    const uint8_t *ch)
{
	struct trial_block *b = &t->b[t->n++];

	memset(b, 0, sizeof(*b));
	b->at = t->n_bytes;
	b->len = body.n;
	take_bytes(t, body);
	memcpy(b->id, id, ID_LEN);
	memcpy(b->ch, ch, CH_LEN);
	return b;
}

void trial_add_stream(struct trial *t, const struct rec_microblocks *r)
{
	struct trial_block *b = add(t, r->body, r->child_id, r->consensus_hash);

	b->kind = ITEM_STREAM;
	b->model = EPOCH2;
	b->evidence = r->evidence.n;
	take_bytes(t, r->evidence);
}

void trial_add(struct trial *t, const struct rec_block *r)
{
	struct trial_block *b = add(t, r->body, r->id, r->consensus_hash);
	struct block head;
	size_t need;

	b->height = r->height;
	b->model = r->model;
	/* The header's word counts, not the record's. */
	if (block_header(&head, MODEL_BIT(r->model), b->ch, r->body.p, r->body.n, &need) > 0) {
		memcpy(b->id, head.id, ID_LEN);
		memcpy(b->ch, head.ch, CH_LEN);
		b->height = head.height;
	}
}

static const struct signer_set *set_of(struct trial *t, MDB_txn *txn, uint64_t cycle)
{
	size_t n;

	if (cycle > 1u << 20)
		return NULL;
	if (cycle >= t->n_sets) {
		n = cycle + 16;
		/* Views hold pointers into the array only within one batch; sets are filled before
		 * any is taken. */
		t->sets = xrealloc(t->sets, n * sizeof(*t->sets));
		memset(t->sets + t->n_sets, 0, (n - t->n_sets) * sizeof(*t->sets));
		t->n_sets = n;
	}
	if (t->sets[cycle].n == 0 && reward_set_load(t->s, txn, cycle, &t->sets[cycle]) < 0)
		return NULL;
	return &t->sets[cycle];
}

/* What the judge must know: the sortition and the signers of the tenure. */
static void look_up(struct trial *t, MDB_txn *txn, struct trial_block *b)
{
	struct rec_sortition r;

	b->reason = REASON_OK;
	if (sortition_get(t->s, txn, b->ch, &r) < 0)
		b->reason = REASON_NOSORTITION;
	else if (!r.won && !network_is_shadow(&t->s->net, b->id))
		b->reason = REASON_NOWINNER;
	else if (b->model == NAKAMOTO && !set_of(t, txn, network_cycle(&t->s->net, r.burn_height)))
		b->reason = REASON_NOSET;
	else {
		b->view.net = &t->s->net;
		b->view.burn_height = r.burn_height;
		memcpy(b->miner, r.miner, HASH160_LEN);
		b->view.miner = b->miner;
		memcpy(b->committed, r.committed, ID_LEN);
		b->view.committed = b->committed;
		b->view.ch = b->ch;
		b->view.model = b->model;
	}
	if (b->kind == ITEM_STREAM)
		b->has_ends = stream_ends(t->s, txn, b->id, &b->ends);
}

static void judge_stream(struct trial *t, struct trial_block *b)
{
	struct stream_view v = { .net = &t->s->net,
		.epoch = network_epoch(&t->s->net, b->view.burn_height) };

	if (b->has_ends) {
		v.parent = b->ends.parent;
		v.key = b->ends.key;
		v.tail = b->ends.tail;
		v.tail_sequence = b->ends.tail_sequence;
	}
	stream_alone(&b->stream, &v, t->bytes + b->at, b->len);
	b->reason = b->stream.reason;
}

static void judge_one(struct trial *t, struct trial_block *b)
{
	struct block block;

	if (b->reason != REASON_OK)
		return;
	if (b->kind == ITEM_STREAM) {
		judge_stream(t, b);
		return;
	}
	if (b->model == NAKAMOTO)
		b->view.set = &t->sets[network_cycle(&t->s->net, b->view.burn_height)];
	b->reason = proof_alone(&block, t->bytes + b->at, b->len, &b->view, &b->weight);
}

static void *judge_some(void *arg)
{
	struct trial *t = arg;
	size_t i;

	while ((i = (size_t)__atomic_fetch_add(&t->next, 1, __ATOMIC_RELAXED)) < t->n)
		judge_one(t, &t->b[i]);
	return NULL;
}

/* Not sysconf: that opens files. */
static long cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

void trial_judge(struct trial *t)
{
	long most = cores();
	pthread_t threads[MAX_CORES];
	MDB_txn *txn = store_read(t->s);
	long i, n = 0;
	size_t j;

	for (j = 0; j < t->n; j++)
		look_up(t, txn, &t->b[j]);
	store_read_end(txn);
	t->next = 0;
	for (i = 1; i < most && i <= MAX_CORES && (size_t)i < t->n; i++)
		if (pthread_create(&threads[n], NULL, judge_some, t) == 0)
			n++;
	judge_some(t);
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* Next: cmd/sync-status/main.c, shows how far the sync is, why, and what is in its way. */
