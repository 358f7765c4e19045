/* What was written and has no verdict yet, in order, and blocks that were pushed to us.
 *
 * A verdict is found in the store: the block or stream is there, or a row of `verdicts` has its
 * bytes and source. */
#include <stdlib.h>

#include "cmd/block-fetch/fetch.h"
#include "common/chain/hash.h"
#include "common/store/blocks.h"
#include "common/store/streams.h"
#include "common/sys/log.h"

const char *name_intern(struct fetch *f, const char *name)
{
	for (unsigned i = 0; i < f->n_names; i++)
		if (strcmp(f->names[i], name) == 0)
			return f->names[i];
	f->names = xrealloc(f->names, (f->n_names + 1) * sizeof(*f->names));
	return f->names[f->n_names++] = xstrdup(name);
}

static struct written *at(const struct fetch *f, unsigned i)
{
	return &f->ring[(f->head + i) % f->cap];
}

static void push(struct fetch *f, const struct written *w)
{
	if (f->n_written == f->cap) {
		unsigned cap = f->cap ? f->cap * 2 : 256;
		struct written *ring = xmalloc(cap * sizeof(*ring));
		for (unsigned i = 0; i < f->n_written; i++)
			ring[i] = *at(f, i);
		free(f->ring);
		f->ring = ring;
		f->cap = cap;
		f->head = 0;
	}
	f->ring[(f->head + f->n_written++) % f->cap] = *w;
	f->written_bytes += w->len;
	f->written_at = now_ms();
}

static void planner_tell(struct fetch *f, const struct written *w, int source, enum plan_verdict v,
    const char *reason)
{
	struct plan_judged judged = { .kind = w->item,
		.height = w->height,
		.ch = w->slot_ch,
		.id = w->id,
		.hash = w->hash,
		.source = source,
		.reason = reason };

	planner_verdict(f->plan, now_ms(), v, &judged);
}

/* What all that is written has.  a: the request that brought it; NULL: it was pushed to us. */
static struct written written_of(
    struct fetch *f, struct rec_view body, struct rec_view from, const struct action *a)
{
	struct written w = { .index = -1, .item = ITEM_BODY, .len = body.n };
	char source[MAX_SOURCE + 1];

	if (a) {
		w.height = a->height;
		w.index = (int)a->source;
		w.tip = a->ask == ASK_TIP;
		memcpy(w.slot_ch, a->ch, CH_LEN);
	}
	hash_once(w.hash, body.p, body.n);
	w.source = name_intern(f, rec_cstr(source, sizeof(source), from));
	return w;
}

/* Write it, and remember it until its verdict. */
static void write_out(
    struct fetch *f, const struct written *w, enum rec_type type, const void *record)
{
	if (suspect_aside(f, w)) {
		if (w->index >= 0 && !f->written_is_done)
			planner_tell(f, w, w->index, VERDICT_ASIDE, "");
		return;
	}
	stage_emit(f->stage, type, record);
	if (f->written_is_done) {
		f->stored += w->item == ITEM_BODY;
		return;
	}
	f->lone = !f->n_written && suspect_alone(f, w->id);
	push(f, w);
}

void written_add(struct fetch *f, const struct rec_block *r, const struct action *a)
{
	struct written w = written_of(f, r->body, r->source, a);

	memcpy(w.id, r->id, ID_LEN);
	memcpy(w.ch, r->consensus_hash, CH_LEN);
	write_out(f, &w, REC_BLOCK, r);
}

void written_add_stream(struct fetch *f, const struct rec_microblocks *r, const struct action *a)
{
	struct written w = written_of(f, r->body, r->source, a);

	w.item = ITEM_STREAM;
	memcpy(w.id, r->child_id, ID_LEN);
	memcpy(w.ch, r->consensus_hash, CH_LEN);
	write_out(f, &w, REC_MICROBLOCKS, r);
}

/* ---- verdicts ---- */

/* For the peer's row, whose keeper holds conversations with those that served. */
static void served(struct fetch *f, const char *who)
{
	unsigned i = 0;

	while (i < f->n_served && f->served[i].who != who)
		i++;
	if (i == MAX_SOURCES)
		return;
	if (i == f->n_served)
		f->served[f->n_served++].who = who;
	f->served[i].n++;
}

/* What nobody was asked for, or for a source's own tip alone, is in the store: it need not be asked
 * for. */
static void came(struct fetch *f, MDB_txn *txn, const struct written *w)
{
	struct rec_tenure t;

	if (w->item == ITEM_STREAM)
		planner_held_stream(f->plan, w->ch);
	else if (tenure_get(&f->store, txn, w->ch, &t) == 0)
		view_held(f, txn, &t);
}

/* The planner counts by the tenure of the request, which need not be the block's own. */
static void told(struct fetch *f, MDB_txn *txn, const struct written *w, enum plan_verdict v,
    const char *reason)
{
	int source = w->index;

	f->written_bytes -= w->len;
	f->stored += v == VERDICT_STORED && w->item == ITEM_BODY;
	if (v == VERDICT_STORED)
		served(f, w->source);
	f->judged = true;
	suspect_told(f, w, v == VERDICT_STORED);
	if (source >= 0) {
		if (strcmp(planner_source_name(f->plan, (unsigned)source), w->source) != 0)
			source = -1; /* its place is another's by now */
		planner_tell(f, w, source, v, reason);
	}
	if ((w->tip || w->index < 0) && v == VERDICT_STORED)
		came(f, txn, w);
}

static enum plan_verdict verdict_of(enum verdict_status status)
{
	switch (status) {
	case STATUS_REFUSED: return VERDICT_REFUSED;
	case STATUS_UNDECIDED: return VERDICT_UNDECIDED;
	case STATUS_HELD: case STATUS_STORED: break;
	}
	return VERDICT_STORED;
}

static bool judge(struct fetch *f, MDB_txn *txn, const struct written *w)
{
	struct rec_verdict v;
	char reason[33] = "";

	if (w->item == ITEM_STREAM ? stream_known(&f->store, txn, w->id) :
				     block_known(&f->store, txn, w->id)) {
		told(f, txn, w, VERDICT_STORED, reason);
		return true;
	}
	if (verdict_get(&f->store, txn, w->id, w->hash, rec_str(w->source), &v) != 0)
		return false;
	rec_cstr(reason, sizeof(reason), v.reason);
	told(f, txn, w, verdict_of(v.status), reason);
	return true;
}

/* From the oldest on, for verdicts come in the order of writing; all of them now and then, should
 * one have been lost on the way. */
void written_check(struct fetch *f, bool changed)
{
	uint64_t now = now_ms();
	bool all = now >= f->scanned_at + 2000;
	MDB_txn *txn;

	if (f->n_crowd && now >= f->crowd_until)
		f->n_crowd = 0;
	if (!f->n_written || (!changed && !all))
		return;
	txn = store_read(&f->store);
	while (f->n_written && judge(f, txn, at(f, 0))) {
		f->head = (f->head + 1) % f->cap;
		f->n_written--;
	}
	if (all) {
		unsigned keep = 0, n = f->n_written;
		f->scanned_at = now;
		for (unsigned i = 0; i < n; i++) {
			struct written w = *at(f, i);
			if (!judge(f, txn, &w))
				*at(f, keep++) = w;
		}
		f->n_written = keep;
	}
	store_read_end(txn);
	f->lone &= f->n_written > 0;
	suspects_clear(f, !f->n_written || all ? 1 : 256);
}

static const struct written *in_flight(const struct fetch *f, unsigned i)
{
	return i < f->n_written ? at(f, i) : NULL;
}

/* The reader is gone: last act. */
void written_lost(struct fetch *f)
{
	if (f->written_is_done || !f->n_written)
		return;
	written_check(f, true);
	if (f->n_written)
		suspects_lost(f, in_flight);
}

/* ---- uploads ---- */

/* The block of this id confirms these microblocks, as far as whoever took them could see. */
static void add_stream(struct fetch *f, const struct rec_block *b)
{
	struct rec_microblocks r = { .source = b->source, .request = b->request, .body = b->body };

	memcpy(r.child_id, b->id, ID_LEN);
	memcpy(r.consensus_hash, b->consensus_hash, CH_LEN);
	written_add_stream(f, &r, NULL);
}

static bool on_upload(void *arg, uint64_t seq, const struct rec_block *b)
{
	struct fetch *f = arg;

	/* A suspect goes alone, when the judges are seen at work. */
	if (!transfers_room(f) || ((f->n_written || !f->judged) && suspect_alone(f, b->id)))
		return false;
	f->upload_next = seq + 1;
	if (b->kind == ITEM_STREAM)
		add_stream(f, b);
	else
		written_add(f, b, NULL);
	return true;
}

/* Blocks that were pushed to our conversations or uploaded: a source like others. */
void uploads_take(struct fetch *f)
{
	MDB_txn *txn = store_read(&f->store);

	upload_walk(&f->store, txn, f->upload_next, on_upload, f);
	store_read_end(txn);
}

/* ---- how much of a tenure the store has ---- */

struct walk { uint8_t lowest[ID_LEN], parent[ID_LEN], damaged[ID_LEN]; bool any, hit; };

static bool on_block(void *arg, const struct stored_block *b)
{
	struct walk *w = arg;

	if (b->damaged) {	/* what the keeper removes: it is fetched again from there down */
		memcpy(w->parent, b->id, ID_LEN);
		memcpy(w->damaged, b->id, ID_LEN);
		return w->any = w->hit = true;
	}
	memcpy(w->lowest, b->id, ID_LEN);
	memcpy(w->parent, b->parent, ID_LEN);
	w->any = true;
	return true;
}

/* A stream is proven or it is not there at all. */
static void look_at_stream(struct fetch *f, const struct action *a)
{
	MDB_txn *txn = store_read(&f->store);
	struct plan_look look = { .proven = stream_known(&f->store, txn, a->start) };

	store_read_end(txn);
	planner_looked(f->plan, now_ms(), a->height, a->item, &look);
}

void look_at(struct fetch *f, const struct action *a)
{
	if (a->item == ITEM_STREAM) {
		look_at_stream(f, a);
		return;
	}

	MDB_txn *txn = store_read(&f->store);
	const uint8_t *end = all_zero(a->end, ID_LEN) ? a->start : a->end;
	struct plan_look look = { .proven = false };
	struct rec_tenure t = { .held = 0 };
	struct walk w = { .any = false };
	bool row = tenure_get(&f->store, txn, a->ch, &t) == 0;

	look.confirms = row && t.stream != STREAM_NONE && t.stream != STREAM_UNKNOWN;
	if (row && t.proven &&
	    (memcmp(t.tip_id, end, ID_LEN) == 0 || block_proven(&f->store, txn, end))) {
		look.proven = true;
	} else {
		tenure_blocks_down(&f->store, txn, end, NULL, on_block, &w);
		/* Under a start there is nothing of its tenure, whoever names it. */
		look.whole = w.any &&
		    (memcmp(w.lowest, a->start, ID_LEN) == 0 ||
			(row && memcmp(w.lowest, t.start_id, ID_LEN) == 0));
		memcpy(look.cursor, w.any ? w.parent : end, ID_LEN);
		if (row && memcmp(t.start_id, a->start, ID_LEN) == 0)
			memcpy(look.stop, t.tip_id, ID_LEN);
		rec_cstr(look.why, sizeof(look.why), t.why);
	}
	/* Its start may have come as a suspect or an upload: that ends the tenure below. */
	if (row && !all_zero(t.start_id, ID_LEN))
		view_held(f, txn, &t);
	store_read_end(txn);
	if (w.hit)
		damaged_note(&f->store, w.damaged);
	planner_looked(f->plan, now_ms(), a->height, a->item, &look);
}

/* Next: cmd/block-fetch/suspects.c, what was on its way when a judge died. */
