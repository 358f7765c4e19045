/* Records in, verdicts and blocks out, in the order of input.  While a block is being judged
 * everything behind it waits in a queue that is bounded in bytes and in records: a full one pauses
 * the input. */
#include <stdlib.h>

#include "cmd/block-verify/verify.h"
#include "common/sys/log.h"
#include "common/sys/loop.h"

/* Enough to keep all cores busy for a while; little, because what is in flight when a pipeline dies
 * is asked for again. */
#define QUEUE_BYTES (2u << 20)
#define QUEUE_RECORDS 4096

static struct job *job_new(const struct rec *r)
{
	struct job *j = xmalloc(sizeof(*j) + r->len);

	memset(j, 0, sizeof(*j));
	j->len = r->len;
	memcpy(j->payload, r->payload, r->len);
	atomic_init(&j->done, true);
	return j;
}

/* The same bytes in the job's copy of the record. */
static struct rec_view view_in_job(const struct job *j, const struct rec *r, struct rec_view v)
{
	return v.n ? rec_bytes(j->payload + ((const uint8_t *)v.p - r->payload), v.n) :
		     rec_bytes(j->payload, 0);
}

/* A record whose body is to be judged. */
static struct job *trial_job(const struct rec *r, struct rec_view body, struct rec_view source,
    const uint8_t *id, const uint8_t *ch)
{
	struct job *j = job_new(r);

	j->judged = true;
	atomic_init(&j->done, false);
	body = view_in_job(j, r, body);
	j->body = body.p;
	j->body_len = body.n;
	j->source = view_in_job(j, r, source);
	memcpy(j->id, id, ID_LEN);
	memcpy(j->ch, ch, CH_LEN);
	return j;
}

static struct job *stream_job(struct flow *f, const struct rec *r)
{
	const struct rec_microblocks *m = &r->u.microblocks;
	struct job *j = trial_job(r, m->body, m->source, m->child_id, m->consensus_hash);
	MDB_txn *txn;

	j->kind = ITEM_STREAM;
	j->known = view_lookup(f->view, j->ch, &j->fact, &j->signers);
	if (j->known == REASON_NOSET)
		j->known = REASON_OK;
	if (f->view->store) {
		txn = store_read(f->view->store);
		j->has_ends = stream_ends(f->view->store, txn, j->id, &j->ends);
		store_read_end(txn);
	}
	return j;
}

/* A shadow block that the network file lists: its sortition need have no winner. */
static bool is_listed(const struct flow *f, const struct job *j)
{
	struct block head;
	size_t need;

	return j->model == NAKAMOTO &&
	    block_header(&head, MODEL_BIT(NAKAMOTO), NULL, j->body, j->body_len, &need) > 0 &&
	    head.nakamoto.version & SHADOW_BIT && network_is_shadow(f->view->net, head.id);
}

static struct job *block_job(struct flow *f, const struct rec *r)
{
	const struct rec_block *b = &r->u.block;
	struct job *j = trial_job(r, b->body, b->source, b->id, b->consensus_hash);
	struct block head;
	size_t need;

	j->height = b->height;
	j->model = b->model;
	/* The header's word counts, not the record's. */
	if (block_peek(&head, MODEL_BIT(j->model), j->ch, j->body, j->body_len, &need) > 0)
		memcpy(j->ch, head.ch, CH_LEN);
	j->known = view_lookup(f->view, j->ch, &j->fact, &j->signers);
	if (j->known == REASON_NOWINNER && is_listed(f, j))
		j->known = j->signers ? REASON_OK : REASON_NOSET;
	if (j->known == REASON_NOSET && j->model == EPOCH2)
		j->known = REASON_OK; /* no cycle signs it */
	return j;
}

static void queue(struct flow *f, struct job *j)
{
	*f->tail = j;
	f->tail = &j->next;
	f->bytes += j->len;
	f->n++;
	if (j->judged)
		pool_push(f->pool, j);
	if (!f->paused && (f->bytes >= QUEUE_BYTES || f->n >= QUEUE_RECORDS)) {
		f->paused = true;
		stage_pause(f->stage, true);
	}
}

static bool on_record(void *arg, struct rec *r)
{
	struct flow *f = arg;

	if (r->known && r->type == REC_BLOCK) {
		queue(f, block_job(f, r));
		return true;
	}
	if (r->known && r->type == REC_MICROBLOCKS) {
		queue(f, stream_job(f, r));
		return true;
	}
	view_take(f->view, r);
	if (!f->head)
		return false;
	queue(f, job_new(r));
	return true;
}

static void write_verdict(struct flow *f, const struct job *j)
{
	enum verdict_status status = judge_status(j->reason);
	struct rec_verdict v = { .source = j->source,
		.status = status,
		.kind = j->kind,
		.weight = j->weight,
		.height = j->height,
		.time = now_unix() };
	char detail[MAX_REASON], hex[2 * ID_LEN + 1];

	memcpy(v.id, j->id, ID_LEN);
	memcpy(v.body_hash, j->body_hash, 32);
	memcpy(v.consensus_hash, j->ch, CH_LEN);
	memcpy(v.signer, j->signer, HASH160_LEN);
	if (j->reason == REASON_OK) {
		f->held++;
	} else {
		judge_detail(detail, sizeof(detail), j);
		v.reason = rec_str(chain_reason_word(j->reason));
		v.detail = rec_str(detail);
		*(status == STATUS_REFUSED ? &f->refused : &f->undecided) += 1;
		log_info("%s %s %s: %s",
		    j->kind == ITEM_STREAM ? "the microblocks that confirms" : "block",
		    hex_of(hex, j->id, ID_LEN), verdict_status_name(status), detail);
	}
	stage_emit(f->stage, REC_VERDICT, &v);
}

static void write_job(struct flow *f, const struct job *j)
{
	const struct rec r = { .payload = j->payload, .len = j->len };

	if (j->judged)
		write_verdict(f, j);
	if (!j->judged || j->reason == REASON_OK)
		stage_pass(f->stage, &r);
}

static void job_free(struct job *j)
{
	signers_unref(j->signers);
	free(j);
}

/* Write what is judged, as far as the output has room. */
static void drain(struct flow *f)
{
	struct job *j;

	while ((j = f->head) && atomic_load_explicit(&j->done, memory_order_acquire) &&
	    !stage_full(f->stage)) {
		write_job(f, j);
		if (!(f->head = j->next))
			f->tail = &f->head;
		f->bytes -= j->len;
		f->n--;
		job_free(j);
	}
	if (f->paused && !f->ended && f->bytes < QUEUE_BYTES / 2 && f->n < QUEUE_RECORDS / 2) {
		f->paused = false;
		stage_pause(f->stage, false);
	}
	if (f->ended && !f->head)
		stage_finish(f->stage, 0);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct flow *f = arg;

	pool_woken(f->pool);
	drain(f);
}

static void on_room(void *arg)
{
	drain(arg);
}

/* End of input and SIGTERM alike: what was taken in is judged and written. */
static void on_end(void *arg)
{
	struct flow *f = arg;

	f->ended = true;
	f->paused = true;
	stage_pause(f->stage, true);
	drain(f);
}

static void on_report(void *arg)
{
	struct flow *f = arg;

	log_warnx(
	    "%llu blocks held, %llu refused, %llu undecided; %zu records of %zu bytes in work",
	    (unsigned long long)f->held, (unsigned long long)f->refused,
	    (unsigned long long)f->undecided, f->n, f->bytes);
}

const struct stage_ops flow_ops = {
	.record = on_record,
	.unknown = on_record,
	.end = on_end,
	.terminate = on_end,
	.report = on_report,
	.room = on_room,
};

void flow_init(struct flow *f, struct stage *stage, struct view *view, struct pool *pool)
{
	memset(f, 0, sizeof(*f));
	f->stage = stage;
	f->view = view;
	f->pool = pool;
	f->tail = &f->head;
	f->wake = loop_event(stage_base(stage), pool->wake_fd, EV_READ | EV_PERSIST, on_wake, f);
	if (event_add(f->wake, NULL) < 0)
		die_world("cannot watch the worker threads");
}

void flow_release(struct flow *f)
{
	for (struct job *j = f->head, *next; j; j = next) {
		next = j->next;
		job_free(j);
	}
	event_free(f->wake);
}

/* Next: cmd/block-verify/view.c, what a block is judged against. */
