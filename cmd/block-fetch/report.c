/* What is told: faults and progress into the store (at most four commits a second), the same and
 * wants as records, a line on a terminal, the state on SIGUSR1. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/block-fetch/fetch.h"
#include "common/store/streams.h"
#include "common/sys/log.h"

#define MAX_UNAVAILABLE 1000	/* rows of tenures that nobody delivers */

void report_fault(struct fetch *f, const struct action *a)
{
	struct fault_row *row = NULL;

	log_info("%s: %s: %s (%s)", a->who, fault_class_name(a->class), a->what, a->text);
	for (unsigned i = 0; i < f->n_faults && !row; i++)
		if (strcmp(f->faults[i].who, a->who) == 0 &&
		    strcmp(f->faults[i].what, a->what) == 0)
			row = &f->faults[i];
	if (!row) {
		if (f->n_faults == 64)
			return;
		row = &f->faults[f->n_faults++];
		*row = (struct fault_row){ .count = 0 };
		snprintf(row->who, sizeof(row->who), "%s", a->who);
		row->class = a->class;
		snprintf(row->what, sizeof(row->what), "%s", a->what);
	}
	snprintf(row->text, sizeof(row->text), "%s", a->text);
	row->count++;
}

static struct rec_fault fault_of(const struct fault_row *row)
{
	return (struct rec_fault){ .who = rec_str(row->who),
		.class = row->class,
		.what = rec_str(row->what),
		.evidence = rec_str(row->text),
		.stage = rec_str("block-fetch"),
		.count = row->count,
		.first = now_unix(),
		.last = now_unix() };
}

void report_want(struct fetch *f, const struct action *a)
{
	struct rec_want w = {
		.burn_height = a->height, .kind = a->item, .state = a->want,
		.why = rec_str(a->text)
	};
	struct unavailable *row;
	uint8_t key[CH_LEN + 1];	/* each kind of item has news of its own */

	memcpy(w.consensus_hash, a->ch, CH_LEN);
	memcpy(w.start_id, a->start, ID_LEN);
	memcpy(w.end_id, a->end, ID_LEN);
	memcpy(key, a->ch, CH_LEN);
	key[CH_LEN] = (uint8_t)a->item;
	stage_emit_news(f->stage, REC_WANT, &w, key, sizeof(key));
	log_info("%s at burn height %llu: %s: %s",
	    a->item == ITEM_STREAM ? "microblock stream" : "tenure", (unsigned long long)a->height,
	    want_state_name(a->want), a->text);
	if (f->n_unavailable == MAX_UNAVAILABLE)
		return;
	f->unavailable = xrealloc(f->unavailable, (f->n_unavailable + 1) * sizeof(*f->unavailable));
	row = &f->unavailable[f->n_unavailable++];
	*row = (struct unavailable){ .state = a->want == WANT_SETASIDE ? DOWNLOAD_SETASIDE :
									 DOWNLOAD_UNAVAILABLE,
		.kind = a->item };
	memcpy(row->ch, a->ch, CH_LEN);
	memcpy(row->id, a->start, ID_LEN);
	snprintf(row->why, sizeof(row->why), "%s", a->text);
}

static void put_unavailable(struct fetch *f, MDB_txn *txn)
{
	for (unsigned i = 0; i < f->n_unavailable; i++) {
		struct unavailable *row = &f->unavailable[i];
		struct rec_download d = { .state = row->state,
			.why = rec_str(row->why),
			.time = now_unix(),
			.kind = row->kind };
		if (row->written)
			continue;
		memcpy(d.consensus_hash, row->ch, CH_LEN);
		download_put(&f->store, txn, &d);
		row->written = true;
	}
}

static bool available(struct fetch *f, MDB_txn *txn, const struct unavailable *u)
{
	struct rec_tenure t;

	if (u->kind == ITEM_STREAM)
		return stream_known(&f->store, txn, u->id);
	return tenure_get(&f->store, txn, u->ch, &t) == 0 && t.proven;
}

/* Tenures and streams that were unavailable and have been proven since.  Both have one row; what is
 * left of a tenure is written again. */
static void forget_available(struct fetch *f, MDB_txn *txn)
{
	struct rec_download d = { .tries = 0 }; /* of the tenure as a whole */

	for (unsigned i = 0; i < f->n_unavailable; i++)
		while (i < f->n_unavailable && available(f, txn, &f->unavailable[i])) {
			memcpy(d.consensus_hash, f->unavailable[i].ch, CH_LEN);
			download_del(&f->store, txn, &d);
			f->unavailable[i] = f->unavailable[--f->n_unavailable];
			for (unsigned k = 0; k < f->n_unavailable; k++)
				f->unavailable[k].written &=
				    memcmp(f->unavailable[k].ch, d.consensus_hash, CH_LEN) != 0;
		}
}

/* ---- progress ---- */

static void measure(struct fetch *f, uint64_t now)
{
	double s = (double)(now - f->rate_at) / 1000;

	if (s < 0.9)
		return;
	double rate = (double)(f->stored - f->rate_stored) / s,
	       bytes = (double)(f->bytes - f->rate_bytes) / s;
	f->rate = f->rate_at ? f->rate * 0.7 + rate * 0.3 : rate;
	f->byte_rate = f->rate_at ? f->byte_rate * 0.7 + bytes * 0.3 : bytes;
	f->rate_at = now;
	f->rate_stored = f->stored;
	f->rate_bytes = f->bytes;
}

static struct rec_progress progress_of(struct fetch *f, const struct plan_state *s, char text[200])
{
	uint64_t done = f->held + f->stored, each = s->proven ? done / s->proven : 0;
	struct rec_progress p = { .stage = rec_str("block-fetch"),
		.done = done,
		.total = done + s->missing * each,
		.tenures_done = s->proven,
		.tenures_total = s->wanted,
		.rate = (uint64_t)(f->rate * 1000),
		.byte_rate = (uint64_t)f->byte_rate,
		.peers = s->sources,
		.time = now_unix() };

	p.mode = !s->wanted ? MODE_IDLE : s->catching_up ? MODE_CATCHING_UP : MODE_FOLLOWING;
	if (f->rate > 0.1)
		p.eta = (uint64_t)((double)(p.total - p.done) / f->rate);
	int n = snprintf(text, 200,
	    "%u tenures missing, %u unavailable, %u requests in flight, %u blocks without verdict",
	    s->missing, s->unavailable, s->in_flight, s->awaiting);
	if (s->streams)
		snprintf(text + n, 200 - (size_t)n, ", %u microblock streams missing", s->streams);
	p.text = rec_str(text);
	return p;
}

static void show(struct fetch *f, const struct rec_progress *p)
{
	if (p->tenures_total)
		progress_line(&f->options,
		    "%s: %llu blocks, %llu of %llu tenures (%.1f %%), %.0f blocks/s, %.1f MB/s, "
		    "%llu s left, %u sources",
		    sync_mode_name(p->mode), (unsigned long long)p->done,
		    (unsigned long long)p->tenures_done,
		    (unsigned long long)p->tenures_total,
		    100.0 * (double)p->tenures_done / (double)p->tenures_total, f->rate,
		    f->byte_rate / 1e6, (unsigned long long)p->eta, p->peers);
}

/* The progress row is written when it says something new, and
 * every ten seconds as a sign of life. */
static bool progress_is_news(struct fetch *f, const struct rec_progress *p, uint64_t now)
{
	char now_text[sizeof(f->kept)];

	snprintf(now_text, sizeof(now_text), "%llu %u %.*s", (unsigned long long)p->done, p->peers,
	    (int)p->text.n, (const char *)p->text.p);
	if (strcmp(now_text, f->kept) == 0 && now < f->kept_at + 10000)
		return false;
	memcpy(f->kept, now_text, sizeof(now_text));
	f->kept_at = now;
	return true;
}

/* A source that is a peer is named by its key. */
static void put_served(struct fetch *f, MDB_txn *txn)
{
	for (unsigned i = 0; i < f->n_served; i++) {
		const char *who = f->served[i].who;
		uint8_t key[KEY_LEN];
		struct rec_peer r;
		if (hex_to(key, KEY_LEN, who, strlen(who)) != 0 ||
		    peer_get(&f->store, txn, key, &r) != 0)
			continue;
		r.blocks += f->served[i].n;
		peer_put(&f->store, txn, &r);
	}
	f->n_served = 0;
}

static void keep(struct fetch *f, const struct rec_progress *p)
{
	MDB_txn *txn = store_write(&f->store);

	for (unsigned i = 0; i < f->n_faults; i++) {
		struct rec_fault fault = fault_of(&f->faults[i]);
		fault_add(&f->store, txn, &fault);
	}
	if (p)
		forget_available(f, txn);
	put_unavailable(f, txn);
	if (p) {
		put_served(f, txn);
		meta_put_row(&f->store, txn, "progress.block-fetch", REC_PROGRESS, p);
		meta_put(&f->store, txn, "mode", sync_mode_name(p->mode),
		    strlen(sync_mode_name(p->mode)));
	}
	store_commit_or_die(&f->store, txn);
	for (unsigned i = 0; i < f->n_faults; i++) {
		struct rec_fault fault = fault_of(&f->faults[i]);
		stage_emit(f->stage, REC_FAULT, &fault);
	}
	f->n_faults = 0;
}

void report_turn(struct fetch *f, bool last)
{
	uint64_t now = now_ms();
	bool progress = last || now >= f->progress_at + 1000, news;
	struct rec_progress p;
	struct plan_state s;
	char text[200];

	if (!progress && !(f->n_faults && now >= f->flushed_at + 250))
		return;
	measure(f, now);
	planner_state(f->plan, now, &s);
	p = progress_of(f, &s, text);
	if (last)
		p.mode = MODE_STOPPED;
	news = progress && (last || progress_is_news(f, &p, now));
	if (news || f->n_faults)
		keep(f, news ? &p : NULL);
	f->flushed_at = now;
	if (!progress)
		return;
	f->progress_at = now;
	stage_emit_news(f->stage, REC_PROGRESS, &p, "block-fetch", 11);
	show(f, &p);
}

void report_state(struct fetch *f)
{
	struct plan_state s;
	char line[256], missing[1000];

	planner_state(f->plan, now_ms(), &s);
	log_warnx("state: %u of %u tenures proven, %u missing, %u unavailable; %u requests in "
		  "flight; %u blocks (%zu bytes) without verdict; %zu bytes unfinished%s",
	    s.proven, s.wanted, s.missing, s.unavailable, s.in_flight, f->n_written,
	    f->written_bytes, f->unfinished, f->full ? "; output is full" : "");
	if (s.streams || s.offered || s.unclaimed)
		log_warnx("state: epoch 2.x: %u microblock streams missing, %u other blocks on "
			  "offer, %u winners whose block nobody claims",
		    s.streams, s.offered, s.unclaimed);
	for (unsigned i = 0; i < MAX_SOURCES; i++)
		if (planner_source_line(f->plan, i, line))
			log_warnx("state: %s", line);
	if (planner_missing(f->plan, missing, sizeof(missing)))
		log_warnx("state: %s", missing);
}

/* Next: cmd/block-verify/main.c, who judges the blocks that leave here. */
