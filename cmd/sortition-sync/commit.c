/* commit - what has been decided goes into the store in one transaction, and is emitted after that.
 *
 * What is emitted is read from the store: the queue holds heights, not rows, so that a slow reader
 * costs nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/sortition-sync/sync.h"
#include "common/sys/log.h"

#define HOLD_MS 5000		/* how long a reorganisation may take to come in whole */

void commit_row(struct sync *s, const struct view_event *e)
{
	if (s->n_rows == s->cap_rows) {
		s->cap_rows = s->cap_rows ? s->cap_rows * 2 : 256;
		s->rows = xrealloc(s->rows, s->cap_rows * sizeof(*s->rows));
	}
	s->rows[s->n_rows] = e->rec;
	s->rows[s->n_rows].sources = e->rec.sources;
	s->n_rows++;
	s->reorg |= e->replaced;
	s->trust_dirty = true;
}

void commit_unsettle(struct sync *s, uint64_t height)
{
	if (!s->unsettled_from || height < s->unsettled_from)
		s->unsettled_from = height;
	s->reorg = s->trust_dirty = true;
}

void commit_set(struct sync *s, const struct rec_reward_set *set)
{
	rec_encode(&s->sets, REC_REWARD_SET, set);
}

void commit_fault(
    struct sync *s, unsigned source, enum fault_class class, const char *what, const char *evidence)
{
	struct fault_note *f;

	if (s->n_faults == sizeof(s->faults) / sizeof(*s->faults))
		return;
	f = &s->faults[s->n_faults++];
	f->source = source;
	f->class = class;
	f->what = what;
	snprintf(f->evidence, sizeof(f->evidence), "%s", evidence);
}

static struct emission *emission_add(struct sync *s, enum rec_type type, uint64_t from, uint64_t to)
{
	struct emission *e;

	if (s->n_out == s->cap_out) {
		s->cap_out = s->cap_out ? s->cap_out * 2 : 64;
		s->out = xrealloc(s->out, s->cap_out * sizeof(*s->out));
	}
	e = &s->out[s->n_out++];
	*e = (struct emission){ .type = type, .from = from, .to = to };
	return e;
}

static int by_height(const void *a, const void *b)
{
	const struct rec_sortition *x = a, *y = b;

	return x->burn_height < y->burn_height ? -1 : x->burn_height > y->burn_height;
}

/* A height that was decided twice since the last commit: the later decision stands. */
static void sort_rows(struct sync *s)
{
	size_t n = 0;

	/* stable: the later one comes second */
	mergesort(s->rows, s->n_rows, sizeof(*s->rows), by_height);
	for (size_t i = 0; i < s->n_rows; i++)
		if (i + 1 == s->n_rows || s->rows[i].burn_height != s->rows[i + 1].burn_height)
			s->rows[n++] = s->rows[i];
	s->n_rows = n;
}

static bool unmark(void *arg, const struct rec_sortition *r)
{
	struct rec_buf *rows = arg;

	if (r->canonical)
		rec_encode(rows, REC_SORTITION, r);
	return true;
}

/* Rows above the new tip are on the fork that gave way. */
static void unmark_from(struct sync *s, MDB_txn *txn, uint64_t height)
{
	struct rec_buf rows = { 0 };
	const uint8_t *payload;
	struct rec rec;
	size_t len;
	char err[160];

	sortition_walk(&s->store, txn, height, unmark, &rows);
	for (size_t at = 0; at < rows.n; at += len + REC_FRAME_HEAD)
		if (rec_frame(rows.p + at, rows.n - at, &payload, &len, err) > 0 &&
		    rec_decode(&rec, payload, len, err) == 0)
			sortition_mark(&s->store, txn, rec.u.sortition.burn_height,
			    rec.u.sortition.consensus_hash, false);
	rec_buf_release(&rows);
}

/* Say where the view gave way, if rows that the store had are replaced. */
static void note_reorg(struct sync *s, MDB_txn *txn)
{
	struct rec_sortition old, tip;
	uint64_t fork = UINT64_MAX, head;
	struct emission *e;

	for (size_t i = 0; i < s->n_rows; i++)
		if (sortition_at(&s->store, txn, s->rows[i].burn_height, &old) == 0 &&
		    memcmp(old.consensus_hash, s->rows[i].consensus_hash, CH_LEN) != 0) {
			fork = s->rows[i].burn_height - 1;
			break;
		}
	if (s->unsettled_from && s->unsettled_from - 1 < fork)
		fork = s->unsettled_from - 1;
	if (fork == UINT64_MAX || sortition_tip(&s->store, txn, &tip) != 0 ||
	    !view_head(&s->view, &head))
		return;
	e = emission_add(s, REC_REORG, 0, 0);
	e->u.reorg.fork_height = fork;
	memcpy(e->u.reorg.old_tip, tip.consensus_hash, CH_LEN);
	view_ch(&s->view, head, e->u.reorg.new_tip);
	if (tip.burn_height - fork > s->store.net.stable_confirmations)
		log_warnx("the burnchain gave way %" PRIu64 " blocks deep, above height %" PRIu64
			  "; the quorum says so",
		    tip.burn_height - fork, fork);
	else
		log_info("the burnchain gave way above height %" PRIu64, fork);
}

static void put_rows(struct sync *s, MDB_txn *txn)
{
	sort_rows(s);
	if (s->reorg)
		note_reorg(s, txn);
	if (s->unsettled_from)
		unmark_from(s, txn, s->unsettled_from);
	for (size_t i = 0; i < s->n_rows; i++) {
		struct rec_sortition *r = &s->rows[i];
		check_row(s, r);
		sortition_put(&s->store, txn, r);
		if (s->n_out > 0 && s->out[s->n_out - 1].type == REC_SORTITION && i > 0 &&
		    s->out[s->n_out - 1].to + 1 == r->burn_height)
			s->out[s->n_out - 1].to++;
		else
			emission_add(s, REC_SORTITION, r->burn_height, r->burn_height);
	}
	s->n_rows = 0;
	s->unsettled_from = 0;
	s->reorg = false;
	s->held_since = 0;
}

static void put_sets(struct sync *s, MDB_txn *txn)
{
	const uint8_t *payload;
	struct rec rec;
	size_t len;
	char err[160];

	for (size_t at = 0; at < s->sets.n; at += len + REC_FRAME_HEAD) {
		if (rec_frame(s->sets.p + at, s->sets.n - at, &payload, &len, err) <= 0 ||
		    rec_decode(&rec, payload, len, err) != 0)
			BUG("a record of our own: %s", err);
		reward_set_put(&s->store, txn, &rec.u.reward_set);
		emission_add(s, REC_REWARD_SET, rec.u.reward_set.cycle, rec.u.reward_set.cycle);
	}
	s->sets.n = 0;
}

static void put_faults(struct sync *s, MDB_txn *txn)
{
	for (unsigned i = 0; i < s->n_faults; i++) {
		const struct fault_note *n = &s->faults[i];
		struct rec_fault f = { .who = rec_str(s->sources[n->source].name),
			.class = n->class,
			.what = rec_str(n->what),
			.evidence = rec_str(n->evidence),
			.stage = rec_str("sortition-sync"),
			.count = 1 };
		f.who.n = f.who.n > MAX_SOURCE ? MAX_SOURCE : f.who.n;
		f.first = f.last = now_unix();
		fault_add(&s->store, txn, &f);
		stage_emit(s->stage, REC_FAULT, &f);
	}
	s->n_faults = 0;
}

static void put_tip(struct sync *s, MDB_txn *txn)
{
	struct rec_tip old, tip = s->claims.best;

	s->tip_dirty = false;
	tip.time = now_unix();
	if (meta_get_row(&s->store, txn, "tip", REC_TIP, &old) == 0 &&
	    memcmp(old.id, tip.id, ID_LEN) == 0)
		return;
	meta_put_row(&s->store, txn, "tip", REC_TIP, &tip);
	emission_add(s, REC_TIP, 0, 0)->u.tip = tip;
}

/* Somebody else than a file says so. */
static bool confirmed(const struct sync *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!s->sources[i].file && !sync_ignored(&s->sources[i]) &&
		    s->view.sources[i].has_tip)
			return true;
	return false;
}

/* Sources that would tell if there were news. */
static unsigned answering(const struct sync *s)
{
	unsigned n = 0;
	uint64_t now = now_ms();

	for (unsigned i = 0; i < s->n; i++)
		n += !sync_ignored(&s->sources[i]) &&
		    (!s->sources[i].rpc || rpc_answers(s->sources[i].rpc, now));
	return n;
}

const char *commit_names(struct sync *s)
{
	size_t n = 0;

	s->trust_names[0] = '\0';
	for (unsigned i = 0; i < s->n && n < sizeof(s->trust_names); i++)
		if (!sync_ignored(&s->sources[i]))
			n += (size_t)snprintf(s->trust_names + n, sizeof(s->trust_names) - n,
			    "%s%s", n ? " " : "", s->sources[i].name);
	return s->trust_names;
}

/* Who told the reward sets, once all are known: whoever trusts others later has them told anew. */
static void put_sets_by(struct sync *s, MDB_txn *txn)
{
	const struct claims *c = &s->claims;

	if (s->sets_told || c->high == c->low || !(c->sets_from & ~c->ignored) ||
	    !claims_complete(c, c->high))
		return;
	s->sets_told = true;
	meta_put(&s->store, txn, "sets_by", commit_names(s), strlen(s->trust_names));
}

/* Whom the view is trusted from, and how far it is. */
static bool put_trust(struct sync *s, MDB_txn *txn)
{
	struct rec_trust *t = &s->trust, old = s->trust;
	uint64_t head = 0;

	s->trust_dirty = false;
	t->quorum = s->quorum;
	t->sources = rec_str(commit_names(s));
	if (view_head(&s->view, &head)) {
		t->tip_height = head;
		view_ch(&s->view, head, t->tip);
		t->stable_height =
		    head > s->store.net.first_burn_height + s->store.net.stable_confirmations ?
		    head - s->store.net.stable_confirmations :
		    s->store.net.first_burn_height;
		t->low_height = view_low(&s->view);
	}
	t->answering = answering(s);
	t->at_tip = view_at_tip(&s->view);
	t->confirmed |= t->at_tip && confirmed(s);
	t->checked_from = s->checked_from;
	if (memcmp(t, &old, sizeof(old)) == 0)
		return false;
	t->time = now_unix();
	meta_put_row(&s->store, txn, "trust", REC_TRUST, t);
	return true;
}

bool commit_pending(const struct sync *s)
{
	return s->n_rows > 0 || s->unsettled_from || s->sets.n > 0 || s->n_faults > 0 ||
	    s->tip_dirty || s->trust_dirty;
}

void commit_now(struct sync *s)
{
	uint64_t now = now_ms();
	bool trust = s->trust_dirty, hold = false;
	MDB_txn *txn;

	if (view_at_tip(&s->view) != s->trust.at_tip || answering(s) != s->trust.answering)
		trust = s->trust_dirty = true;
	if (!commit_pending(s))
		return;
	/* a reorganisation is coming in: rather whole than at once */
	if (!view_linked(&s->view)) {
		s->held_since = s->held_since ? s->held_since : now;
		hold = now - s->held_since < HOLD_MS;
	}
	s->last_commit = now;
	txn = store_write(&s->store);
	if (!hold && (s->n_rows > 0 || s->unsettled_from))
		put_rows(s, txn);
	put_sets(s, txn);
	put_sets_by(s, txn);
	if (s->tip_dirty)
		put_tip(s, txn);
	if (trust && !hold && put_trust(s, txn))
		emission_add(s, REC_TRUST, 0, 0);
	put_faults(s, txn);
	store_commit_or_die(&s->store, txn);
	emit_pump(s);
}

bool emit_pending(const struct sync *s)
{
	return s->next_out < s->n_out;
}

/* One entry, as far as there is room.  False: full. */
static bool emit_entry(struct sync *s, struct emission *e, MDB_txn *txn)
{
	struct rec_sortition row;
	struct rec_reward_set set;

	if (e->type == REC_REORG) {
		stage_emit(s->stage, REC_REORG, &e->u.reorg);
		return true;
	}
	if (e->type == REC_TIP) {
		stage_emit_news(s->stage, REC_TIP, &e->u.tip, "tip", 3);
		return true;
	}
	if (e->type == REC_TRUST) {	/* as it is now: later than what it is about */
		stage_emit_news(s->stage, REC_TRUST, &s->trust, "trust", 5);
		return true;
	}
	for (; e->from <= e->to; e->from++) {
		if (stage_full(s->stage))
			return false;
		if (e->type == REC_REWARD_SET && reward_set_get(&s->store, txn, e->from, &set) == 0)
			stage_emit(s->stage, REC_REWARD_SET, &set);
		else if (e->type == REC_SORTITION &&
		    sortition_at(&s->store, txn, e->from, &row) == 0)
			stage_emit(s->stage, REC_SORTITION, &row);
	}
	return true;
}

void emit_pump(struct sync *s)
{
	MDB_txn *txn;

	if (!emit_pending(s) || stage_full(s->stage))
		return;
	txn = store_read(&s->store);
	while (emit_pending(s) && emit_entry(s, &s->out[s->next_out], txn))
		s->next_out++;
	store_read_end(txn);
	if (!emit_pending(s))
		s->next_out = s->n_out = 0;
}

/* Next: cmd/sortition-sync/check.c, burn totals against consensus hashes. */
