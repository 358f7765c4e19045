/* What was written and has no verdict yet, in order; suspects of earlier pipelines; blocks that were pushed to us.
 *
 * A verdict is found in the store: the block is there, or a row of `verdicts` has its bytes and source.  Blocks
 * that were in flight when a pipeline died are suspects.  After one death they are asked for as any other, but
 * few at a time; what was in flight in two deaths running is asked for alone; who is alone in two deaths is set
 * aside.  A crash of another cause, however often, thus condemns nothing that was merely near. */
#include <stdlib.h>

#include "cmd/block-fetch/fetch.h"
#include "common/chain/hash.h"
#include "common/store/blocks.h"
#include "common/sys/log.h"

const char *name_intern(struct fetch *f, const char *name)
{
	for (unsigned i = 0; i < f->n_names; i++)
		if (strcmp(f->names[i], name) == 0)
			return f->names[i];
	f->names = xrealloc(f->names, (f->n_names + 1) * sizeof(*f->names));
	return f->names[f->n_names++] = xstrdup(name);
}

static struct written *at(const struct fetch *f, unsigned i) { return &f->ring[(f->head + i) % f->cap]; }

static struct suspect *suspect_find(const struct fetch *f, const uint8_t id[ID_LEN])
{
	for (unsigned i = 0; i < f->n_suspects; i++)
		if (memcmp(f->suspects[i].id, id, ID_LEN) == 0)
			return &f->suspects[i];
	return NULL;
}

bool written_aside(const struct fetch *f, const uint8_t id[ID_LEN])
{
	struct suspect *s = suspect_find(f, id);
	return s && s->deaths >= 2;
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

/* Write a block, and remember it until its verdict.  a: the request that brought it; NULL: it was pushed to us. */
void written_add(struct fetch *f, const struct rec_block *r, const struct action *a)
{
	struct written w = { .index = -1, .len = r->body.n };
	char source[MAX_SOURCE + 1];

	if (a) {
		w.height = a->height;
		w.index = (int)a->source;
		w.tip = a->ask == ASK_TIP;
		memcpy(w.slot_ch, a->ch, CH_LEN);
	}
	if (written_aside(f, r->id)) {
		if (a && !f->written_is_done)
			planner_verdict(f->plan, now_ms(), w.height, w.slot_ch, w.index, VERDICT_ASIDE, r->id, r->id, "setaside");
		return;
	}
	stage_emit(f->stage, REC_BLOCK, r);
	if (f->written_is_done) {
		f->stored++;
		return;
	}
	memcpy(w.id, r->id, ID_LEN);
	memcpy(w.ch, r->consensus_hash, CH_LEN);
	hash_once(w.hash, r->body.p, r->body.n);
	w.source = name_intern(f, rec_cstr(source, sizeof(source), r->source));
	push(f, &w);
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

/* The planner counts by the tenure of the request, which need not be the block's own. */
static void told(struct fetch *f, MDB_txn *txn, const struct written *w, enum plan_verdict v, const char *reason)
{
	struct suspect *s = f->n_suspects ? suspect_find(f, w->id) : NULL;
	struct rec_tenure t;
	int source = w->index;

	f->written_bytes -= w->len;
	f->stored += v == VERDICT_STORED;
	if (v == VERDICT_STORED)
		served(f, w->source);
	if (s && !s->gone) {
		s->gone = true;
		f->n_crowd -= !s->alone && f->n_crowd;
	}
	if (w->index < 0)
		return;
	if (strcmp(planner_source_name(f->plan, (unsigned)source), w->source) != 0)
		source = -1;	/* its place is another's by now */
	planner_verdict(f->plan, now_ms(), w->height, w->slot_ch, source, v, w->id, w->hash, reason);
	if (w->tip && v == VERDICT_STORED && tenure_get(&f->store, txn, w->ch, &t) == 0)
		planner_held(f->plan, w->ch, !all_zero(t.start_id, ID_LEN), t.parent_id, t.prev_ch);
}

static bool judge(struct fetch *f, MDB_txn *txn, const struct written *w)
{
	struct rec_verdict v;
	char reason[33] = "";

	if (block_known(&f->store, txn, w->id)) {
		told(f, txn, w, VERDICT_STORED, reason);
		return true;
	}
	if (verdict_get(&f->store, txn, w->id, w->hash, rec_str(w->source), &v) != 0)
		return false;
	rec_cstr(reason, sizeof(reason), v.reason);
	told(f, txn, w, rec_is(v.status, "refused") ? VERDICT_REFUSED : rec_is(v.status, "undecided") ? VERDICT_UNDECIDED : VERDICT_STORED, reason);
	return true;
}

static void suspects_clear(struct fetch *f)
{
	MDB_txn *txn;

	txn = store_write(&f->store);
	for (unsigned i = 0; i < f->n_suspects; i++)
		if (f->suspects[i].gone)
			download_del(&f->store, txn, f->suspects[i].ch, f->suspects[i].id);
	store_commit_or_die(&f->store, txn);
	for (unsigned i = 0; i < f->n_suspects; i++)
		while (i < f->n_suspects && f->suspects[i].gone)
			f->suspects[i] = f->suspects[--f->n_suspects];
}

/* From the oldest on, for verdicts come in the order of writing; all of them now and then, should one have
 * been lost on the way. */
void written_check(struct fetch *f, bool changed)
{
	uint64_t now = now_ms();
	bool all = now >= f->scanned_at + 2000;
	unsigned gone = 0;
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
	for (unsigned i = 0; i < f->n_suspects; i++)
		gone += f->suspects[i].gone;
	if (gone && (gone >= 256 || !f->n_written || all))
		suspects_clear(f);
}

/* ---- suspects ---- */

/* Last act: what has no verdict is to be suspected. */
void written_lost(struct fetch *f)
{
	bool alone = planner_alone(f->plan) && f->n_written == 1;
	MDB_txn *txn;

	if (f->written_is_done || !f->n_written)
		return;
	written_check(f, true);
	if (!f->n_written)
		return;
	txn = store_write(&f->store);
	for (unsigned i = 0; i < f->n_written; i++) {
		struct written *w = at(f, i);
		struct suspect *s = suspect_find(f, w->id);
		struct rec_download d = { .source = rec_str(w->source), .state = rec_str("suspect"), .tries = (s ? s->tries : 0) + 1,
			.deaths = (s ? s->deaths : 0) + alone, .why = rec_str("in flight when the pipeline died"), .time = now_unix() };
		memcpy(d.consensus_hash, w->ch, CH_LEN);
		memcpy(d.id, w->id, ID_LEN);
		download_put(&f->store, txn, &d);
	}
	if (store_commit(&f->store, txn) != 0)
		log_warn("cannot note %u blocks in flight", f->n_written);
}

static void set_aside(struct fetch *f, MDB_txn *txn, const struct rec_download *d)
{
	struct rec_verdict v = { .source = d->source, .status = rec_str("refused"), .reason = rec_str("setaside"),
		.detail = rec_str("judging it ended the verifier twice"), .time = now_unix() };
	struct rec_download row = *d;
	struct rec_fault fault = { .who = d->source, .class = rec_str("invalid"), .what = rec_str("setaside"), .stage = rec_str("block-fetch"),
		.first = now_unix(), .last = now_unix() };
	char hex[2 * ID_LEN + 1];

	memcpy(v.id, d->id, ID_LEN);
	memcpy(v.consensus_hash, d->consensus_hash, CH_LEN);
	verdict_put(&f->store, txn, &v);
	row.state = rec_str("setaside");
	row.why = rec_str("judging it ended the verifier twice");
	download_put(&f->store, txn, &row);
	fault.evidence = rec_str(hex_of(hex, d->id, ID_LEN));
	fault_add(&f->store, txn, &fault);
	log_warnx("block %s is set aside: two pipelines died at it", hex);
}

/* The rows, copied: writing moves the pages that views point into. */
struct row { struct rec_download d; char source[MAX_SOURCE + 1]; enum { ROW_KEEP, ROW_DROP, ROW_ASIDE } fate; };
struct loading { struct fetch *f; MDB_txn *txn; struct row *rows; unsigned n, changes; };

static bool on_download(void *arg, const struct rec_download *d)
{
	struct loading *l = arg;
	struct fetch *f = l->f;
	struct row *row;
	bool suspect = rec_is(d->state, "suspect");
	struct suspect s = { .tries = d->tries, .deaths = d->deaths };

	l->rows = xrealloc(l->rows, (l->n + 1) * sizeof(*l->rows));
	row = &l->rows[l->n++];
	row->d = *d;
	rec_cstr(row->source, sizeof(row->source), d->source);
	row->fate = ROW_DROP;
	if ((suspect || rec_is(d->state, "setaside")) && !block_known(&f->store, l->txn, d->id)) {
		row->fate = suspect && d->deaths >= 2 ? ROW_ASIDE : ROW_KEEP;
		memcpy(s.id, d->id, ID_LEN);
		memcpy(s.ch, d->consensus_hash, CH_LEN);
		f->suspects[f->n_suspects++] = s;
	}
	l->changes += row->fate != ROW_KEEP;
	return true;
}

/* Who was in flight in two deaths is asked for alone, as long as these are few; the others are the crowd. */
static void sort_out(struct fetch *f, const struct loading *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->n_suspects; i++)
		n += f->suspects[i].tries >= 2 && f->suspects[i].deaths < 2;
	for (unsigned i = 0; i < f->n_suspects; i++)
		f->suspects[i].alone = n <= MAX_ALONE && f->suspects[i].tries >= 2;
	for (unsigned i = 0; i < f->n_suspects; i++)
		f->n_crowd += !f->suspects[i].alone && f->suspects[i].deaths < 2;
	for (unsigned i = 0; i < l->n; i++) {
		const struct row *row = &l->rows[i];
		struct suspect *s = row->fate == ROW_KEEP ? suspect_find(f, row->d.id) : NULL;
		if (s && s->alone && s->deaths < 2)
			planner_suspect(f->plan, row->d.consensus_hash, row->d.id, row->source);
	}
	f->crowd_until = now_ms() + CROWD_MS;
}

/* Suspects, and rows of the last run that are of no use now. */
void suspects_load(struct fetch *f)
{
	struct loading l = { .f = f, .txn = store_read(&f->store) };

	f->suspects = xcalloc(store_count(&f->store, l.txn, T_DOWNLOADS) + 1, sizeof(*f->suspects));
	download_walk(&f->store, l.txn, on_download, &l);
	store_read_end(l.txn);
	sort_out(f, &l);
	if (l.changes) {
		MDB_txn *txn = store_write(&f->store);
		for (unsigned i = 0; i < l.n; i++) {
			l.rows[i].d.source = rec_str(l.rows[i].source);
			if (l.rows[i].fate == ROW_DROP)
				download_del(&f->store, txn, l.rows[i].d.consensus_hash, l.rows[i].d.id);
			else if (l.rows[i].fate == ROW_ASIDE)
				set_aside(f, txn, &l.rows[i].d);
		}
		store_commit_or_die(&f->store, txn);
	}
	free(l.rows);
}

/* ---- uploads ---- */

static bool on_upload(void *arg, uint64_t seq, const struct rec_block *b)
{
	struct fetch *f = arg;

	if (!transfers_room(f))
		return false;
	f->upload_next = seq + 1;
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
	memcpy(w->parent, b->bytes + BLOCK_PARENT_OFFSET, ID_LEN);
	w->any = true;
	return true;
}

void look_at(struct fetch *f, const struct action *a)
{
	MDB_txn *txn = store_read(&f->store);
	const uint8_t *end = all_zero(a->end, ID_LEN) ? a->start : a->end;
	struct plan_look look = { .proven = false };
	struct rec_tenure t = { .held = 0 };
	struct walk w = { .any = false };
	bool row = tenure_get(&f->store, txn, a->ch, &t) == 0;

	if (row && t.proven && (memcmp(t.tip_id, end, ID_LEN) == 0 || block_proven(&f->store, txn, end))) {
		look.proven = true;
	} else {
		tenure_blocks_down(&f->store, txn, end, NULL, on_block, &w);
		/* Under a start there is nothing of its tenure, whoever names it. */
		look.whole = w.any && (memcmp(w.lowest, a->start, ID_LEN) == 0 || (row && memcmp(w.lowest, t.start_id, ID_LEN) == 0));
		memcpy(look.cursor, w.any ? w.parent : end, ID_LEN);
		if (row && memcmp(t.start_id, a->start, ID_LEN) == 0)
			memcpy(look.stop, t.tip_id, ID_LEN);
		rec_cstr(look.why, sizeof(look.why), t.why);
	}
	store_read_end(txn);
	if (w.hit)
		damaged_note(&f->store, w.damaged);
	/* Its start may have come as a suspect or an upload: that ends the tenure below. */
	if (row && !all_zero(t.start_id, ID_LEN))
		planner_held(f->plan, a->ch, true, t.parent_id, t.prev_ch);
	planner_looked(f->plan, now_ms(), a->height, &look);
}

/* Next: cmd/block-fetch/view.c, what is known at the start and what is new. */
