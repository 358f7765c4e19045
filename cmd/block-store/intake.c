/* Records on their way into a commit, and what the commit says on its way out.
 *
 * A batch is handed over when it holds 1,024 blocks or 4 MiB, or is 50 ms old, and the writer is
 * free; meanwhile the next one gathers.  When that is full too, no more input is read. */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cmd/block-store/keep.h"
#include "common/chain/hash.h"
#include "common/sys/log.h"
#include "common/sys/loop.h"

#define TICK_MS 1000
#define RESCAN_TICKS 5
#define TIDY_TICKS 60

static void again(struct event *ev, unsigned ms)
{
	event_add(ev, &(struct timeval){ ms / 1000, ms % 1000 * 1000 });
}

static bool batch_full(const struct batch *b)
{
	return b->blocks >= BATCH_BLOCKS || b->frames.n >= BATCH_BYTES;
}

static bool batch_empty(const struct batch *b)
{
	return b->frames.n == 0 && !b->rescan;
}

/* Everything is durable and said. */
static void end_if_drained(struct intake *in)
{
	/* an upgrade goes on the next time */
	bool work = in->writer->idle_work && !in->writer->upgrading;

	if (in->ending && batch_empty(&in->batch) && !writer_busy(in->writer) && !work)
		stage_finish(in->stage, 0);
}

static void tell(struct intake *in)
{
	struct rec_buf *out = &in->writer->out;
	const uint8_t *payload;
	struct rec r;
	char err[160];
	size_t at = 0, len;
	ssize_t n;

	while (at < out->n && (n = rec_frame(out->p + at, out->n - at, &payload, &len, err)) > 0) {
		if (rec_decode(&r, payload, len, err) == 0)
			stage_pass(in->stage, &r);
		at += (size_t)n;
	}
	out->n = 0;
}

static void hand_over(struct intake *in)
{
	bool ready;

	if (writer_busy(in->writer)) {
		stage_pause(in->stage, batch_full(&in->batch));
		return;
	}
	tell(in);
	ready = in->is_due || in->ending || batch_full(&in->batch) ||
	    (batch_empty(&in->batch) && in->writer->idle_work);
	if (in->ending && batch_empty(&in->batch) && in->writer->upgrading)
		ready = false;
	if (ready && (!batch_empty(&in->batch) || in->writer->idle_work)) {
		writer_give(in->writer, &in->batch);
		in->is_due = false;
		in->own_commit = true;
		event_del(in->due);
		stage_pause(in->stage, false);
		/* on_done comes back, also if it is done by now: its reports
		 * are to be told first */
		return;
	}
	stage_pause(in->stage, false);
	end_if_drained(in);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct intake *in = arg;

	in->is_due = true;
	hand_over(in);
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct intake *in = arg;
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0)
		return;
	hand_over(in);
}

/* Another program's commit may have brought what blocks wait for.  While we commit ourselves,
 * nobody can tell: then it is looked at less often. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct intake *in = arg;

	if (store_changed(in->s) || in->unseen)
		in->unseen++;
	if (in->unseen && (!in->own_commit || in->unseen >= RESCAN_TICKS)) {
		in->unseen = 0;
		in->batch.rescan = true;
		in->is_due = true;
		hand_over(in);
	}
	in->own_commit = false;
	if (++in->ticks % TIDY_TICKS == 0)
		store_tidy(in->s);
	again(in->tick, TICK_MS);
}

static void gather(struct intake *in, const struct rec *r)
{
	if (in->batch.frames.n == 0)
		again(in->due, BATCH_MS);
	rec_frame_put(&in->batch.frames, r->payload, r->len);
}

static void gather_verdict(struct intake *in, const struct rec_verdict *v)
{
	struct rec_buf frame = { 0 };

	rec_encode(&frame, REC_VERDICT, v);
	gather(in,
	    &(struct rec){ .payload = frame.p + REC_FRAME_HEAD, .len = frame.n - REC_FRAME_HEAD });
	rec_buf_release(&frame);
}

/* What the judge said goes right before what it said it of, into the same batch. */
static void gather_held(struct intake *in, const struct rec *r)
{
	struct rec_verdict held = { .status = STATUS_HELD, .weight = in->weight };

	memcpy(held.signer, in->signer, HASH160_LEN);
	gather_verdict(in, &held);
	gather(in, r);
	in->batch.blocks++;
}

/* Nobody stores what nobody judged. */
static void unjudged(struct intake *in, struct rec_verdict v, struct rec_view body)
{
	char hex[2 * ID_LEN + 1];

	if (!in->unjudged_told)
		log_warnx("block '%s' came without a verdict: not stored (is block-verify in the "
			  "pipeline?)",
		    hex_of(hex, v.id, ID_LEN));
	in->unjudged_told = true;
	v.status = STATUS_UNDECIDED;
	v.reason = rec_str(chain_reason_word(REASON_UNJUDGED));
	v.detail = rec_str(chain_reason_text(REASON_UNJUDGED));
	v.time = now_unix();
	hash_once(v.body_hash, body.p, body.n);
	gather_verdict(in, &v);
}

/* A block or a stream: was its verdict the record before? */
static void take_judged(struct intake *in, const struct rec *r, bool held)
{
	const struct rec_block *b = &r->u.block;
	const struct rec_microblocks *m = &r->u.microblocks;
	bool stream = r->type == REC_MICROBLOCKS;
	struct rec_verdict v = { .source = stream ? m->source : b->source,
		.kind = stream ? ITEM_STREAM : ITEM_BODY,
		.height = stream ? 0 : b->height };

	memcpy(v.id, stream ? m->child_id : b->id, ID_LEN);
	memcpy(v.consensus_hash, stream ? m->consensus_hash : b->consensus_hash, CH_LEN);
	if (held && in->kind == v.kind && memcmp(in->held, v.id, ID_LEN) == 0)
		gather_held(in, r);
	else
		unjudged(in, v, stream ? m->body : b->body);
}

static bool on_verdict(struct intake *in, const struct rec *r)
{
	if (r->u.verdict.status == STATUS_STORED)
		return false;
	in->has_held = r->u.verdict.status == STATUS_HELD;
	if (in->has_held) {
		memcpy(in->held, r->u.verdict.id, ID_LEN);
		memcpy(in->signer, r->u.verdict.signer, HASH160_LEN);
		in->kind = r->u.verdict.kind;
		in->weight = r->u.verdict.weight;
	} else
		gather(in, r);
	return true;
}

static bool on_record(void *arg, struct rec *r)
{
	struct intake *in = arg;
	bool held = in->has_held, consumed = true;

	in->has_held = false;
	if (!r->known)
		return false;
	switch (r->type) {
	case REC_VERDICT:
		consumed = on_verdict(in, r);
		break;
	case REC_BLOCK:
	case REC_MICROBLOCKS:
		take_judged(in, r, held);
		break;
	case REC_SORTITION:
	case REC_REORG:
		gather(in, r);
		consumed = false;
		break;
	default:
		return false;
	}
	if (batch_full(&in->batch))
		hand_over(in);
	return consumed;
}

/* What others wrote before the input ended (the view, the first cycle wanted) counts, also if no
 * block came after it. */
static void on_end(void *arg)
{
	struct intake *in = arg;

	in->ending = true;
	in->batch.rescan = true;
	hand_over(in);
}

/* The reader is gone, but what came is worth its commit. */
static void on_lost(void *arg)
{
	struct intake *in = arg;

	writer_wait(in->writer);
	if (!batch_empty(&in->batch)) {
		writer_give(in->writer, &in->batch);
		writer_wait(in->writer);
	}
}

static void on_report(void *arg)
{
	struct intake *in = arg;
	struct keeper_counts c = writer_counts(in->writer);

	log_warnx("%llu blocks held, %llu of them proven; %llu tenures, %llu of them proven; %u "
		  "blocks gathered, writer %s",
	    (unsigned long long)c.held, (unsigned long long)c.proven, (unsigned long long)c.tenures,
	    (unsigned long long)c.tenures_proven, in->batch.blocks,
	    writer_busy(in->writer) ? "busy" : "idle");
}

const struct stage_ops intake_ops = {
	.record = on_record,
	.end = on_end,
	.terminate = on_end,
	.report = on_report,
	.lost = on_lost,
};

void intake_start(struct intake *in, struct stage *stage, struct store *s, struct writer *w)
{
	in->stage = stage;
	in->s = s;
	in->writer = w;
	in->due = loop_event(stage_base(stage), -1, 0, on_due, in);
	in->tick = loop_event(stage_base(stage), -1, 0, on_tick, in);
	in->done = loop_event(stage_base(stage), w->wake, EV_READ | EV_PERSIST, on_done, in);
	if (event_add(in->done, NULL) < 0)
		die_world("cannot watch the writer: %s", strerror(errno));
	again(in->tick, TICK_MS);
	/* What waited when the last run ended. */
	in->batch.rescan = true;
	in->is_due = true;
	hand_over(in);
}

void intake_stop(struct intake *in)
{
	event_free(in->due);
	event_free(in->tick);
	event_free(in->done);
	rec_buf_release(&in->batch.frames);
}

/* Next: cmd/block-store/writer.c, the commits. */
