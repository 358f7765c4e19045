/* A node's sortition database that may hold anything: any bytes as its file, or rows of which each
 * field is chosen.  It is opened, walked and read, or refused in one line; nothing is walked for
 * ever. */
#include <assert.h>
#include <fcntl.h>

#include "cmd/sortition-sync/node_db.c"
#include "tests/fuzz/escape.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct sync sync_;
static uint64_t asked, claimed;

/* What node_db asks of the rest of the program. */
void sync_claim(struct source *s, const struct rec_sortition *r)
{
	assert(r->burn_height >= 100 && r->burn_height < 100 + asked);
	claimed++;
}
void sync_missing(struct source *s, uint64_t height) { }
void sync_burn_tip(struct source *s, const struct rec_sortition *r) { }
bool sync_ignored(const struct source *s) { return false; }
enum check source_check(struct source *s, struct rec_sortition *r,
    int (*prev)(void *, uint64_t, uint8_t *), void *arg)
{
	uint8_t ch[CH_LEN];

	return r->burn_height > 0 && prev(arg, r->burn_height - 1, ch) == 0 ? CHECK_FALSE :
									       CHECK_UNKNOWN;
}
bool view_next(struct view *v, unsigned source, uint32_t most, uint64_t *from, uint32_t *n)
{
	if (asked >= 400)
		return false;
	*from = 100 + asked;
	*n = 40;
	asked += 40;
	return true;
}

static const char schema[] =
    "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
    "CREATE TABLE snapshots (block_height INTEGER, burn_header_hash TEXT, sortition_id TEXT, "
    "parent_sortition_id TEXT,"
    "burn_header_timestamp INTEGER, consensus_hash TEXT, sortition INTEGER, miner_pk_hash TEXT,"
    "winning_stacks_block_hash TEXT, ops_hash TEXT, total_burn TEXT, winning_block_txid TEXT, "
    "pox_valid INTEGER);"
    "CREATE TABLE block_commits (txid TEXT, sortition_id TEXT, parent_block_ptr INTEGER, new_seed "
    "TEXT);";

/* Two hex digits, again and again; or cut, or a blob, or nothing. */
static void bind_hex(sqlite3_stmt *s, int i, uint8_t what, int len)
{
	static const char digits[] = "0123456789abcdef";
	char text[64];

	for (int k = 0; k < len; k += 2) {
		text[k] = digits[what >> 4];
		text[k + 1] = digits[what & 15];
	}
	if (what == 0xff)
		sqlite3_bind_null(s, i);
	else if (what == 0xfe)
		sqlite3_bind_blob(s, i, "\0\1\2", 3, SQLITE_STATIC);
	else
		sqlite3_bind_text(s, i, text, what == 0xfd ? len - 1 : len, SQLITE_TRANSIENT);
}

/* Nine bytes a row. */
static void fill(sqlite3 *db, const uint8_t *p, size_t n)
{
	sqlite3_stmt *row, *commit;

	assert(sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
	assert(sqlite3_prepare_v2(db, "INSERT INTO snapshots VALUES (?,?,?,?,?,?,?,?,?,?,?,?,1)",
	    -1, &row, NULL) == SQLITE_OK);
	assert(sqlite3_prepare_v2(db, "INSERT INTO block_commits VALUES (?,?,?,?)", -1, &commit,
	    NULL) == SQLITE_OK);
	for (; n >= 9; p += 9, n -= 9) {
		sqlite3_bind_int64(row, 1,
		    p[0] == 0xff ? INT64_MIN : p[0] == 0xfe ? INT64_MAX : 90 + p[0]);
		for (int i = 2; i <= 4; i++)
			bind_hex(row, i, p[i - 1], 64);
		sqlite3_bind_int64(row, 5, p[4]);
		bind_hex(row, 6, p[4], 40);
		sqlite3_bind_int(row, 7, p[5] & 1);
		bind_hex(row, 8, p[6], 40);
		bind_hex(row, 9, p[6], 64);
		bind_hex(row, 10, p[7], 64);
		bind_hex(row, 11, p[7], 20);
		bind_hex(row, 12, p[8], 64);
		sqlite3_step(row);
		sqlite3_reset(row);
		bind_hex(commit, 1, p[8], 64);
		bind_hex(commit, 2, p[2], 64);
		sqlite3_bind_int64(commit, 3, p[8] == 9 ? INT64_MAX : 90 + p[7]);
		bind_hex(commit, 4, p[6], 64);
		sqlite3_step(commit);
		sqlite3_reset(commit);
	}
	sqlite3_finalize(row);
	sqlite3_finalize(commit);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
}

static char path[] = "/tmp/fuzz-nodedb.XXXXXX";

static void forget(void) { unlink(path); }

static void write_file(const uint8_t *p, size_t n)
{
	sqlite3 *db;
	int fd;

	if (!strchr(path, 'X') || (fd = mkstemp(path)) < 0) {
		fd = open(path, O_WRONLY | O_TRUNC);
	} else {
		atexit(forget);
	}
	assert(fd >= 0);
	if (p[0] & 1) {
		assert(sqlite3_open(path, &db) == SQLITE_OK);
		fill(db, p + 1, n - 1);
		sqlite3_close(db);
	} else {
		assert(write(fd, p + 1, n - 1) == (ssize_t)n - 1);
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct source *s;
	struct node_db *volatile d = NULL;

	if (n < 1)
		return 0;
	write_file(p, n);
	s = &sync_.sources[0];
	s->sync = &sync_;
	s->name = "database";
	sync_.store.net.first_burn_height = 100;
	asked = claimed = 0;
	if (!ESCAPES()) {
		d = node_db_open(s, path);
		escape_armed = 0;
		for (int i = 0; i < 20 && node_db_pump(d, now_ms()); i++)
			;
		assert(claimed <= asked);
		node_db_free(d);
	}
	return 0;
}
