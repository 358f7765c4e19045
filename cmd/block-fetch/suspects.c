/* Suspects: blocks that were on their way when a judge died, and what is set aside for that (DESIGN
 * 1).
 *
 * That the reader is gone says nothing about a block: a full disk, a limit or a kill ends a
 * pipeline too.  Blocks without a verdict are noted then, and the next start hears from blocksync
 * ($BLOCKSYNC_CRASHED) whether a judge had crashed.  If so they are suspects: after one crash asked
 * for as any other but few at a time, after two one by one, when another block has shown that the
 * judges are at work.  What was alone on its way in two crashes is set aside for a day: these bytes
 * from anyone, and that block from the source that gave them.  Neither the block's id nor another
 * source is condemned, and a crash of another cause condemns nothing that was merely near. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/block-fetch/fetch.h"
#include "common/store/lock.h"
#include "common/sys/log.h"

#define WHY_ASIDE "its judge crashed at it twice"

static bool is_suspect(const struct suspect *s, const uint8_t id[ID_LEN])
{
	return !s->aside && !s->gone && memcmp(s->id, id, ID_LEN) == 0;
}

static struct rec_download row_of(const struct suspect *s, enum download_state state,
    const char *why)
{
	struct rec_download d = { .source = rec_str(s->source), .state = state,
		.tries = s->tries, .deaths = s->deaths,
		.why = rec_str(why), .time = now_unix(), .until = s->until };

	memcpy(d.consensus_hash, s->ch, CH_LEN);
	memcpy(d.id, s->id, ID_LEN);
	memcpy(d.body_hash, s->hash, 32);
	return d;
}

bool suspect_aside(const struct fetch *f, const struct written *w)
{
	for (unsigned i = 0; i < f->n_suspects; i++) {
		const struct suspect *s = &f->suspects[i];
		if (s->aside && memcmp(s->id, w->id, ID_LEN) == 0 &&
		    (memcmp(s->hash, w->hash, 32) == 0 || strcmp(s->source, w->source) == 0))
			return true;
	}
	return false;
}

bool suspect_alone(const struct fetch *f, const uint8_t id[ID_LEN])
{
	for (unsigned i = 0; i < f->n_suspects; i++)
		if (f->suspects[i].alone && is_suspect(&f->suspects[i], id))
			return true;
	return false;
}

/* A stored block is no suspect, whoever gave it; another verdict clears only the copy that it is
 * about. */
void suspect_told(struct fetch *f, const struct written *w, bool stored)
{
	for (unsigned i = 0; i < f->n_suspects; i++) {
		struct suspect *s = &f->suspects[i];
		if (!is_suspect(s, w->id) ||
		    (!stored &&
		    (memcmp(s->hash, w->hash, 32) != 0 || strcmp(s->source, w->source) != 0)))
			continue;
		s->gone = true;
		f->n_crowd -= !s->alone && f->n_crowd;
	}
}

void suspects_clear(struct fetch *f, unsigned at_least)
{
	unsigned gone = 0, keep = 0;
	struct rec_download d;
	MDB_txn *txn;

	for (unsigned i = 0; i < f->n_suspects; i++)
		gone += f->suspects[i].gone;
	if (!gone || gone < at_least)
		return;
	txn = store_write(&f->store);
	for (unsigned i = 0; i < f->n_suspects; i++) {
		d = row_of(&f->suspects[i], DOWNLOAD_SUSPECT, "");
		if (f->suspects[i].gone)
			download_del(&f->store, txn, &d);
		else
			f->suspects[keep++] = f->suspects[i];
	}
	store_commit_or_die(&f->store, txn);
	f->n_suspects = keep;
}

/* The last act of a run whose reader is gone: what has no verdict is noted, and what was alone on
 * its way when the judges had been seen at work, or there was nothing else to show it. */
void suspects_lost(struct fetch *f, const struct written *(*next)(const struct fetch *, unsigned))
{
	const struct written *w;
	MDB_txn *txn = store_write(&f->store);

	for (unsigned i = 0; (w = next(f, i)) != NULL; i++) {
		struct suspect now = { .source = w->source, .until = now_unix() + ASIDE_S };
		struct rec_download d;
		bool alone;

		memcpy(now.id, w->id, ID_LEN);
		memcpy(now.ch, w->ch, CH_LEN);
		memcpy(now.hash, w->hash, 32);
		for (unsigned k = 0; k < f->n_suspects; k++) {
			const struct suspect *s = &f->suspects[k];
			if (is_suspect(s, w->id) && memcmp(s->hash, w->hash, 32) == 0 &&
			    strcmp(s->source, w->source) == 0) {
				now.tries = s->tries;
				now.deaths = s->deaths;
			}
		}
		alone = f->lone && (f->judged || f->n_alone == 1);
		d = row_of(&now, alone ? DOWNLOAD_ALONE : DOWNLOAD_FLIGHT,
		    "on its way when the pipeline ended");
		download_put(&f->store, txn, &d);
	}
	/* Where there is no room that is told by who needs it. */
	if (store_commit(&f->store, txn) != 0 && !store_full(&f->store, errno))
		log_warn("cannot note %u blocks on their way", f->n_written);
}

/* ---- at the start ---- */

struct loading { struct fetch *f; MDB_txn *txn; bool crashed, old; unsigned changed; };

static bool on_row(void *arg, const struct rec_download *d)
{
	struct loading *l = arg;
	struct fetch *f = l->f;
	bool flight = d->state == DOWNLOAD_FLIGHT, alone = d->state == DOWNLOAD_ALONE;
	bool whole = all_zero(d->id, ID_LEN), old = !whole && all_zero(d->body_hash, 32);
	struct suspect *s = &f->suspects[f->n_suspects++];
	char source[MAX_SOURCE + 1];

	*s = (struct suspect){ .tries = d->tries, .deaths = d->deaths, .until = d->until,
		.aside = d->state == DOWNLOAD_SETASIDE };
	s->source = name_intern(f, rec_cstr(source, sizeof(source), d->source));
	memcpy(s->id, d->id, ID_LEN);
	memcpy(s->ch, d->consensus_hash, CH_LEN);
	memcpy(s->hash, d->body_hash, 32);
	if ((flight || alone) && l->crashed) {
		s->tries++;
		s->deaths += alone;
	}
	s->changed = flight || alone;
	/* Rows of whole tenures are the last run's; those without a hash, an earlier program's,
	 * which did not ask why it had lost its reader. */
	s->gone = whole || old || d->until <= now_unix() ||
	    (!s->aside && (s->tries == 0 || block_known(&f->store, l->txn, d->id)));
	l->old |= old;
	l->changed += s->changed || s->gone;
	return true;
}

/* Rows of one block stand together: suspects[i] up to the returned index. */
static unsigned group_end(const struct fetch *f, unsigned i)
{
	unsigned j = i + 1;

	while (j < f->n_suspects && memcmp(f->suspects[j].id, f->suspects[i].id, ID_LEN) == 0)
		j++;
	return j;
}

/* How often a block was on its way in a crash, whatever its bytes. */
static unsigned group_tries(const struct fetch *f, unsigned i, unsigned end)
{
	unsigned n = 0;

	for (; i < end; i++)
		n += f->suspects[i].aside || f->suspects[i].gone ? 0 : f->suspects[i].tries;
	return n;
}

/* What a source gave, twice alone on its way in a crash; it may vary the bytes. */
static bool condemned(const struct fetch *f, const struct suspect *s, unsigned i, unsigned end)
{
	unsigned deaths = 0;

	for (; i < end; i++)
		deaths += !f->suspects[i].gone && f->suspects[i].source == s->source ?
		    f->suspects[i].deaths : 0;
	return !s->aside && !s->gone && s->deaths && deaths >= 2;
}

static void set_aside(struct fetch *f, MDB_txn *txn, struct suspect *s)
{
	struct rec_verdict v = { .source = rec_str(s->source),
		.status = STATUS_REFUSED,
		.reason = rec_str(chain_reason_word(REASON_SETASIDE)),
		.detail = rec_str(WHY_ASIDE),
		.time = now_unix() };
	struct rec_fault fault = { .who = rec_str(s->source),
		.class = FAULT_INVALID,
		.what = rec_str(chain_reason_word(REASON_SETASIDE)),
		.stage = rec_str("block-fetch"),
		.first = now_unix(),
		.last = now_unix() };
	char hex[2 * ID_LEN + 1], text[120];

	s->aside = s->changed = true;
	s->until = now_unix() + ASIDE_S;
	memcpy(v.id, s->id, ID_LEN);
	memcpy(v.body_hash, s->hash, 32);
	memcpy(v.consensus_hash, s->ch, CH_LEN);
	verdict_put(&f->store, txn, &v);
	snprintf(text, sizeof(text), "block %s: " WHY_ASIDE, hex_of(hex, s->id, ID_LEN));
	fault.evidence = rec_str(text);
	fault_add(&f->store, txn, &fault);
	log_warnx("block %s from %s is set aside for a day: " WHY_ASIDE
		  " (block-fetch -d %s -R %s has it tried again)",
	    hex, s->source, f->store.dir, hex);
}

/* What an earlier program set aside, and put down to sources, for whatever ended its pipeline. */
static bool setaside_verdict(const struct rec_verdict *v)
{
	return chain_reason_of(v->reason.p, v->reason.n) == REASON_SETASIDE;
}
static bool old_verdict(const struct rec_verdict *v)
{
	return setaside_verdict(v) && all_zero(v->body_hash, 32);
}
static bool old_fault(const struct rec_fault *f)
{
	return chain_reason_of(f->what.p, f->what.n) == REASON_SETASIDE &&
	    f->evidence.n == 2 * ID_LEN;
}

/* Blocks that were on their way in two crashes are asked for alone, as long as these are few; the
 * others are the crowd. */
static void sort_out(struct fetch *f)
{
	unsigned n = 0, most = 0, end;

	for (unsigned i = 0; i < f->n_suspects; i = end) {
		end = group_end(f, i);
		n += group_tries(f, i, end) >= 2;
	}
	for (unsigned i = 0; i < f->n_suspects; i = end) {
		end = group_end(f, i);
		unsigned tries = group_tries(f, i, end);
		most = tries > most ? tries : most;
		for (unsigned k = i; k < end; k++) {
			struct suspect *s = &f->suspects[k];
			s->alone = !s->aside && !s->gone && tries >= 2 && n <= MAX_ALONE;
			f->n_crowd += !s->aside && !s->gone && !s->alone;
		}
	}
	/* The most suspected last: that others were judged before shows that it is not the
	 * judges. */
	for (unsigned tries = 2; tries <= most; tries++)
		for (unsigned i = 0; i < f->n_suspects; i = end) {
			end = group_end(f, i);
			for (unsigned k = i; k < end && group_tries(f, i, end) == tries; k++)
				if (f->suspects[k].alone) {
					planner_suspect(f->plan, f->suspects[k].ch,
					    f->suspects[k].id, f->suspects[k].source);
					f->n_alone++;
					break;
				}
		}
	f->crowd_until = now_ms() + CROWD_MS;
}

static void rows_write(struct fetch *f, const struct loading *l)
{
	MDB_txn *txn = store_write(&f->store);
	unsigned end;

	if (l->old) {
		verdict_forget(&f->store, txn, NULL, old_verdict);
		fault_forget(&f->store, txn, old_fault);
	}
	for (unsigned i = 0; i < f->n_suspects; i = end) {
		end = group_end(f, i);
		for (unsigned k = i; k < end; k++)
			if (condemned(f, &f->suspects[k], i, end))
				set_aside(f, txn, &f->suspects[k]);
	}
	for (unsigned i = 0; i < f->n_suspects; i++) {
		struct suspect *s = &f->suspects[i];
		struct rec_download d = row_of(s, s->aside ? DOWNLOAD_SETASIDE : DOWNLOAD_SUSPECT,
		    s->aside ? WHY_ASIDE : "on its way when a judge crashed");
		if (s->changed && !s->gone)
			download_put(&f->store, txn, &d);
	}
	store_commit_or_die(&f->store, txn);
	suspects_clear(f, 1);
}

/* The rows of earlier runs.  Only a crash of a judge, which blocksync tells of, makes suspects of
 * what was on its way. */
void suspects_load(struct fetch *f)
{
	struct loading l = { .f = f, .txn = store_read(&f->store),
		.crashed = getenv("BLOCKSYNC_CRASHED") != NULL };

	f->suspects = xcalloc(store_count(&f->store, l.txn, T_DOWNLOADS) + 1, sizeof(*f->suspects));
	download_walk(&f->store, l.txn, on_row, &l);
	store_read_end(l.txn);
	if (l.changed)
		rows_write(f, &l);
	sort_out(f);
}

/* ---- the end of it ---- */

static void row_forget(struct fetch *f, MDB_txn *txn, const struct suspect *s)
{
	struct rec_download d = row_of(s, DOWNLOAD_SUSPECT, "");

	download_del(&f->store, txn, &d);
	verdict_del(&f->store, txn, s->id, s->hash, rec_str(s->source));
}

/* A day is over, or another block-fetch was told -R: what was set aside may be tried again. */
void suspects_review(struct fetch *f)
{
	MDB_txn *txn = store_read(&f->store);
	unsigned expired = 0, over = 0;

	for (unsigned i = 0; i < f->n_suspects; i++) {
		struct suspect *s = &f->suspects[i];
		struct rec_download d = row_of(s, DOWNLOAD_SUSPECT, "");
		if (!s->aside)
			continue;
		expired += s->until <= now_unix();
		s->gone = s->until <= now_unix() || !download_stands(&f->store, txn, &d);
		over += s->gone;
	}
	store_read_end(txn);
	if (!over)
		return;
	if (expired) {
		txn = store_write(&f->store);
		for (unsigned i = 0; i < f->n_suspects; i++)
			if (f->suspects[i].aside && f->suspects[i].gone)
				row_forget(f, txn, &f->suspects[i]);
		store_commit_or_die(&f->store, txn);
	}
	suspects_clear(f, 1);
	planner_forgive(f->plan);
}

/* -R: before suspects_load. */
void suspects_retry(struct fetch *f, const uint8_t id[ID_LEN])
{
	struct loading l = { .f = f, .txn = store_read(&f->store) };
	char hex[2 * ID_LEN + 1];
	unsigned n = 0;
	MDB_txn *txn;

	f->suspects = xcalloc(store_count(&f->store, l.txn, T_DOWNLOADS) + 1, sizeof(*f->suspects));
	download_walk(&f->store, l.txn, on_row, &l);
	store_read_end(l.txn);
	txn = store_write(&f->store);
	for (unsigned i = 0; i < f->n_suspects; i++)
		if (memcmp(f->suspects[i].id, id, ID_LEN) == 0) {
			row_forget(f, txn, &f->suspects[i]);
			n += f->suspects[i].aside;
		}
	verdict_forget(&f->store, txn, id, setaside_verdict);
	store_commit_or_die(&f->store, txn);
	free(f->suspects);
	f->suspects = NULL;
	f->n_suspects = 0;
	log_warnx(n ? "block %s may be tried again" : "block %s is not set aside",
	    hex_of(hex, id, ID_LEN));
}

/* Next: cmd/block-fetch/view.c, what is known at the start and what is new. */
