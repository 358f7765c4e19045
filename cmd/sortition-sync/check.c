/* check - burn totals are believed only when they hash, with all earlier consensus hashes, to a
 * consensus hash that the quorum agreed on (spec/blocks.md 5.6).
 *
 * A row that comes newest first cannot be checked before those below it are known: it is kept with
 * `checked` off, which nobody downstream uses, and checked when the view is complete. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/sortition-sync/sync.h"
#include "common/sys/log.h"

#define ROWS_A_TURN 10000
#define MAX_PUTS 512

enum check check_burn(const struct sync *s, const struct rec_sortition *r)
{
	uint8_t ch[CH_LEN];

	if (!r->has_burn || r->burn_height == s->store.net.first_burn_height)
		return CHECK_UNKNOWN;
	if (view_consensus_hash(ch, &s->store.net, r->burn_height, r->burn_hash, r->ops_hash,
		r->total_burn, view_ch, (void *)&s->view) != 0)
		return CHECK_UNKNOWN;
	return memcmp(ch, r->consensus_hash, CH_LEN) == 0 ? CHECK_FITS : CHECK_FALSE;
}

/* The totals are wrong: forget them, and whose they were is a liar. */
static void strip(struct sync *s, struct rec_sortition *r)
{
	uint64_t i = r->burn_height - s->store.net.first_burn_height;
	char evidence[120];

	r->has_burn = r->checked = false;
	r->total_burn = 0;
	memset(r->ops_hash, 0, sizeof(r->ops_hash));
	if (i >= s->n_burn_by || !s->burn_by[i])
		return;
	snprintf(evidence, sizeof(evidence),
	    "burn height %llu: its data do not hash to its consensus hash",
	    (unsigned long long)r->burn_height);
	sync_blame(&s->sources[s->burn_by[i] - 1], BLAME_CONSENSUS_HASH, evidence);
	s->burn_by[i] = 0;
}

void check_row(struct sync *s, struct rec_sortition *r)
{
	enum check check = r->checked ? CHECK_FITS : check_burn(s, r);

	if (check == CHECK_FITS) {
		r->checked = true;
		view_checked(&s->view, r->burn_height);
	} else if (check == CHECK_FALSE) {
		strip(s, r);
	}
	if (r->has_burn && (!r->checked || !s->checked_from))
		s->late_at = s->store.net.first_burn_height + 1;
	if (!r->checked)
		s->checked_from = 0;
}

/* A slice of the late check, upwards, over what the store has. */
void check_late(struct sync *s)
{
	struct rec_sortition *rows, r;
	MDB_txn *txn;
	unsigned n = 0;
	uint64_t h = s->late_at, end;

	if (!view_complete(&s->view) || s->n_rows > 0)
		return;
	if (h == s->store.net.first_burn_height + 1)
		s->late_from = h;
	view_head(&s->view, &end);
	rows = xmalloc(MAX_PUTS * sizeof(*rows));
	txn = store_read(&s->store);
	for (unsigned i = 0; i < ROWS_A_TURN && h <= end && n < MAX_PUTS; i++, h++) {
		if (sortition_at(&s->store, txn, h, &r) != 0) {
			s->late_from = h + 1;
			continue;
		}
		enum check check = r.checked ? CHECK_FITS : check_burn(s, &r);
		if (check == CHECK_FITS && !r.checked) {
			r.checked = true;
			view_checked(&s->view, h);
			rows[n++] = r;
		} else if (check == CHECK_FALSE) {
			strip(s, &r);
			rows[n++] = r;
		}
		if (check != CHECK_FITS)
			s->late_from = h + 1;
	}
	store_read_end(txn);
	s->late_at = h > end ? 0 : h;
	if (s->late_at == 0) {
		s->checked_from = s->late_from > end ? 0 : s->late_from;
		s->trust_dirty = true;
	}
	if (n > 0) {
		txn = store_write(&s->store);
		for (unsigned i = 0; i < n; i++)
			sortition_put(&s->store, txn, &rows[i]);
		store_commit_or_die(&s->store, txn);
	}
	free(rows);
}

/* Next: cmd/sortition-sync/sync.c, what follows from what sources say. */
