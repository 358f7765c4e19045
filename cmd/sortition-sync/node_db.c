/* node_db - the sortition database of a local node (spec/blocks.md 5.5), read-only.
 *
 * Confinement forbids to open files later, so the connection is opened before, and the canonical
 * chain is walked once then: what is kept is the row number and the consensus hash of each height.
 * A database in WAL mode has its files open from its first read on, so new rows can be followed
 * under confinement; one that is opened as immutable (no right to write beside it) is read as it
 * was. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/sortition-sync/sync.h"
#include "common/sys/log.h"

#define FOLLOW_MS 2000
#define OPEN_BUSY_MS 2000
#define FOLLOW_BUSY_MS 50	/* the loop waits meanwhile; the next look may find it free */
#define ROWS_A_TURN 2000

struct db_row { int64_t id; uint8_t ch[CH_LEN]; bool won; };

struct node_db {
	struct source *source;
	sqlite3 *db;
	sqlite3_stmt *tip, *step, *row, *commit;
	bool immutable, failing;
	struct db_row *rows;		/* rows[h - first] */
	uint64_t first, n;
	uint64_t next_look;
};

static const char sql_tip[] = "SELECT sortition_id FROM snapshots WHERE pox_valid=1 ORDER BY "
			      "block_height DESC, burn_header_hash ASC LIMIT 1";
static const char sql_step[] = "SELECT rowid, block_height, parent_sortition_id, consensus_hash, "
			       "sortition FROM snapshots WHERE sortition_id=?";
static const char sql_row[] = "SELECT burn_header_hash, burn_header_timestamp, sortition_id, "
			      "parent_sortition_id, consensus_hash, sortition, "
			      "miner_pk_hash, winning_stacks_block_hash, ops_hash, total_burn, "
			      "winning_block_txid, block_height FROM snapshots WHERE rowid=?";
static const char sql_commit[] =
    "SELECT parent_block_ptr, new_seed FROM block_commits WHERE txid=? AND sortition_id=?";

static int prepare(struct node_db *d)
{
	return sqlite3_prepare_v2(d->db, sql_tip, -1, &d->tip, NULL) != SQLITE_OK ||
		sqlite3_prepare_v2(d->db, sql_step, -1, &d->step, NULL) != SQLITE_OK ||
		sqlite3_prepare_v2(d->db, sql_row, -1, &d->row, NULL) != SQLITE_OK ||
		sqlite3_prepare_v2(d->db, sql_commit, -1, &d->commit, NULL) != SQLITE_OK ?
	    -1 :
	    0;
}

static void db_close(struct node_db *d)
{
	sqlite3_finalize(d->tip);
	sqlite3_finalize(d->step);
	sqlite3_finalize(d->row);
	sqlite3_finalize(d->commit);
	d->tip = d->step = d->row = d->commit = NULL;
	sqlite3_close(d->db);
	d->db = NULL;
}

/* As a URI of SQLite, where ? # and % mean something. */
static int db_open(struct node_db *d, const char *path, bool immutable)
{
	char uri[8192] = "file:", *p = uri + 5;

	for (; *path && p < uri + sizeof(uri) - 64; path++)
		if (strchr("?#%", *path))
			p += snprintf(p, 4, "%%%02x", (unsigned char)*path);
		else
			*p++ = *path;
	strlcpy(p, immutable ? "?immutable=1" : "", 16);
	d->immutable = immutable;
	if (sqlite3_open_v2(uri, &d->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK)
		return -1;
	sqlite3_busy_timeout(d->db, OPEN_BUSY_MS);
	return prepare(d) == 0 && sqlite3_exec(d->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK ? 0 :
												-1;
}

static int column_hex(sqlite3_stmt *s, int i, void *out, size_t n)
{
	const char *text = (const char *)sqlite3_column_text(s, i);

	memset(out, 0, n);
	if (!text)
		return 0;
	return (size_t)sqlite3_column_bytes(s, i) == 2 * n ? hex_to(out, n, text, 2 * n) : -1;
}

/* Walk from the tip down to rows that are known already.  0, or -1 if the database does not make
 * sense. */
static int walk(struct node_db *d)
{
	int64_t above = INT64_MAX;	/* parents are below: a circle of them has no end */
	char id[65] = "";
	int rc = -1;

	if (sqlite3_step(d->tip) == SQLITE_ROW && sqlite3_column_bytes(d->tip, 0) == 64)
		memcpy(id, sqlite3_column_text(d->tip, 0), 65);
	sqlite3_reset(d->tip);
	for (bool top = true; id[0]; top = false) {
		int64_t row, height;
		bool same;

		sqlite3_bind_text(d->step, 1, id, 64, SQLITE_TRANSIENT);
		if (sqlite3_step(d->step) != SQLITE_ROW)
			break;
		row = sqlite3_column_int64(d->step, 0);
		height = sqlite3_column_int64(d->step, 1);
		if (height >= above || height < (int64_t)d->first ||
		    height >= (int64_t)(d->first + VIEW_MAX_HEIGHTS))
			break;
		above = height;
		if (top) {
			uint64_t n = (uint64_t)height - d->first + 1;
			d->rows = xrealloc(d->rows, n * sizeof(*d->rows));
			if (n > d->n)
				memset(d->rows + d->n, 0, (n - d->n) * sizeof(*d->rows));
			d->n = n;
		}
		struct db_row *r = (uint64_t)height - d->first < d->n ?
		    &d->rows[(uint64_t)height - d->first] :
		    NULL;
		if (!r || column_hex(d->step, 3, r->ch, CH_LEN) != 0)
			break;
		same = r->id == row;
		r->id = row;
		r->won = sqlite3_column_int(d->step, 4) != 0;
		rc = 0;
		if (same || height == (int64_t)d->first || sqlite3_column_bytes(d->step, 2) != 64)
			break;
		memcpy(id, sqlite3_column_text(d->step, 2), 65);
		sqlite3_reset(d->step);
	}
	sqlite3_reset(d->step);
	return rc;
}

struct node_db *node_db_open(struct source *source, const char *path)
{
	struct node_db *d = xcalloc(1, sizeof(*d));
	char dir[4096], *slash;

	d->source = source;
	source->sync->view.sources[source->index].tells_burn = true;
	d->first = source->sync->store.net.first_burn_height;
	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	bool writable = access(slash ? dir : ".", W_OK) == 0;
	if (!writable || db_open(d, path, false) != 0 || walk(d) != 0) {
		db_close(d);
		if (db_open(d, path, true) != 0)
			die_usage("cannot read the database '%s': %s", path,
			    d->db ? sqlite3_errmsg(d->db) : "no memory");
		if (walk(d) != 0)
			die_usage("'%s' is no sortition database of this network", path);
	}
	sqlite3_busy_timeout(d->db, FOLLOW_BUSY_MS);
	return d;
}

void node_db_free(struct node_db *d)
{
	db_close(d);
	free(d->rows);
	free(d);
}

static int prev_ch(void *arg, uint64_t height, uint8_t *ch)
{
	const struct node_db *d = arg;

	if (height < d->first || height - d->first >= d->n || !d->rows[height - d->first].id)
		return -1;
	memcpy(ch, d->rows[height - d->first].ch, CH_LEN);
	return 0;
}

/* What only the winning commit says: the parent tenure is the winner of the burn block that it
 * points at. */
static void read_commit(struct node_db *d, struct rec_sortition *r, const char *txid,
    const char *sortition)
{
	sqlite3_bind_text(d->commit, 1, txid, -1, SQLITE_STATIC);
	sqlite3_bind_text(d->commit, 2, sortition, -1, SQLITE_STATIC);
	if (sqlite3_step(d->commit) == SQLITE_ROW) {
		int64_t at = sqlite3_column_int64(d->commit, 0);
		if (at > 0 && prev_ch(d, (uint64_t)at, r->parent_ch) != 0)
			memset(r->parent_ch, 0, sizeof(r->parent_ch));
		column_hex(d->commit, 1, r->vrf_seed, 32);
	}
	sqlite3_reset(d->commit);
}

static int read_row(struct node_db *d, uint64_t height, struct rec_sortition *r)
{
	struct db_row *at =
	    height >= d->first && height - d->first < d->n ? &d->rows[height - d->first] : NULL;
	int rc = -1;

	memset(r, 0, sizeof(*r));
	if (!at || !at->id)
		return -1;
	sqlite3_bind_int64(d->row, 1, at->id);
	if (sqlite3_step(d->row) == SQLITE_ROW &&
	    (uint64_t)sqlite3_column_int64(d->row, 11) == height) {
		const char *burn = (const char *)sqlite3_column_text(d->row, 9);
		r->burn_height = height;
		r->burn_time = (uint64_t)sqlite3_column_int64(d->row, 1);
		r->won = sqlite3_column_int(d->row, 5) != 0;
		rc = column_hex(d->row, 0, r->burn_hash, 32) |
		    column_hex(d->row, 2, r->sortition_id, 32) |
		    column_hex(d->row, 3, r->parent_sortition_id, 32) |
		    column_hex(d->row, 4, r->consensus_hash, CH_LEN) |
		    column_hex(d->row, 8, r->ops_hash, 32);
		if (r->won) {
			rc |= column_hex(d->row, 6, r->miner, HASH160_LEN) |
			    column_hex(d->row, 7, r->committed, ID_LEN);
			read_commit(d, r, (const char *)sqlite3_column_text(d->row, 10),
			    (const char *)sqlite3_column_text(d->row, 2));
		}
		r->has_burn = burn != NULL;
		r->total_burn = burn ? strtoull(burn, NULL, 10) : 0;
	}
	sqlite3_reset(d->row);
	for (struct db_row *below = at; below-- > d->rows; )
		if (below->won) {
			memcpy(r->last_ch, below->ch, CH_LEN);
			break;
		}
	return rc;
}

static void claim(struct node_db *d, uint64_t height)
{
	struct rec_sortition r;

	if (read_row(d, height, &r) != 0)
		sync_missing(d->source, height);
	else if (source_check(d->source, &r, prev_ch, d) != CHECK_FALSE)
		sync_claim(d->source, &r);
}

/* Is there something new?  Under confinement this works on what is open.  Where it does not (a
 * writer holds the database), what is known stands, and it is said once. */
static void look(struct node_db *d, uint64_t now)
{
	struct rec_sortition r;

	d->next_look = now + FOLLOW_MS;
	if (!d->immutable) {
		sqlite3_exec(d->db, "COMMIT", NULL, NULL, NULL);
		bool ok =
		    sqlite3_exec(d->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK && walk(d) == 0;
		if (!ok && !d->failing)
			log_warnx("source '%s' cannot be followed for now: %s", d->source->name,
			    sqlite3_errmsg(d->db));
		d->failing = !ok;
	}
	if (d->n > 0 && read_row(d, d->first + d->n - 1, &r) == 0 &&
	    source_check(d->source, &r, prev_ch, d) != CHECK_FALSE)
		sync_burn_tip(d->source, &r);
}

bool node_db_pump(struct node_db *d, uint64_t now)
{
	struct source *s = d->source;
	unsigned rows = 0;
	uint64_t from;
	uint32_t n;

	if (now >= d->next_look)
		look(d, now);
	while (rows < ROWS_A_TURN && !sync_ignored(s) &&
	    view_next(&s->sync->view, s->index, 500, &from, &n)) {
		rows += n;
		for (uint32_t i = n; i-- > 0 && !sync_ignored(s); )
			claim(d, from + i);
	}
	s->idle = rows == 0;
	return rows >= ROWS_A_TURN;
}

/* Next: cmd/sortition-sync/rec_file.c, records in a file as a source. */
