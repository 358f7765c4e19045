/* Tables of the view and of others: indexes, forks, bounds,
 * and the discipline of who writes what. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "common/store/lock.h"
#include "common/sys/log.h"
#include "tests/unit/store_world.h"

static bool count(void *arg, const struct rec_sortition *r) { ++*(unsigned *)arg; return true; }
static bool count_verdict(void *arg, const struct rec_verdict *r)
{
	++*(unsigned *)arg;
	return true;
}
static bool count_upload(void *arg, uint64_t seq, const struct rec_block *r)
{
	++*(unsigned *)arg;
	return true;
}
static bool count_inventory(void *arg, const struct rec_inventory *r)
{
	++*(unsigned *)arg;
	return true;
}

static void sortitions(void **state)
{
	struct rec_sortition r;
	uint8_t id[ID_LEN] = { 7 }, other[ID_LEN] = { 8 }, ch[CH_LEN];
	struct world w;
	struct burn_fact f;
	struct store_txn st;
	unsigned n = 0;
	MDB_txn *txn;

	world_open(&w);
	world_sortition(&w, 'a', 10, id, true);
	world_sortition(&w, 'b', 11, id, true);
	world_sortition(&w, 'c', 11, id, false);
	world_sortition(&w, 'd', 12, other, true);
	world_sortition(&w, 'e', 13, other, false);
	txn = store_read(&w.s);
	assert_int_equal(sortition_tip(&w.s, txn, &r), 0);
	assert_int_equal(r.burn_height, 12);
	assert_int_equal(sortition_at(&w.s, txn, 11, &r), 0);
	assert_int_equal(r.consensus_hash[0], 'b');
	assert_int_equal(sortition_at(&w.s, txn, 13, &r), -1);
	sortition_naming(&w.s, txn, id, count, &n);
	assert_int_equal(n, 3);
	n = 0;
	sortition_walk(&w.s, txn, 11, count, &n);
	assert_int_equal(n, 4);
	st = (struct store_txn){ &w.s, txn };
	world_ch(ch, 'c');
	f = sortition_fact(&st, ch);
	assert_true(f.found && !f.canonical && f.won && f.burn_height == 11);
	store_read_end(txn);
	/* Another one of the height takes the mark; another commit moves the index. */
	world_sortition(&w, 'c', 11, other, true);
	txn = store_read(&w.s);
	assert_int_equal(sortition_at(&w.s, txn, 11, &r), 0);
	assert_int_equal(r.consensus_hash[0], 'c');
	n = 0;
	sortition_naming(&w.s, txn, id, count, &n);
	assert_int_equal(n, 2);
	store_read_end(txn);
	world_close(&w);
}

static void burn_row(struct rec_sortition *r, uint64_t height, uint8_t fork, uint8_t hash)
{
	*r = (struct rec_sortition){ .burn_height = height, .canonical = fork == 0,
		.consensus_hash = { fork }, .burn_hash = { hash } };
	put_be64(r->consensus_hash + 1, height);
	put_be64(r->burn_hash + 1, hash == 1 ? height : 0);
}

/* As a version without the index of burn hashes wrote it. */
static void put_old(struct world *w, MDB_txn *txn, uint64_t height)
{
	struct rec_sortition r;
	uint8_t key[9 + CH_LEN] = { 'h' };

	burn_row(&r, height, 0, 1);
	put_be64(key + 1, height);
	memcpy(key + 9, r.consensus_hash, CH_LEN);
	store_put_row(&w->s, txn, T_SORTITIONS, key, sizeof(key), REC_SORTITION, &r);
}

/* Height of the canonical sortition of a burn block; 0 if there is none.  That is a few rows,
 * however many there are. */
static uint64_t by_burn(struct world *w, uint8_t hash, uint64_t height)
{
	MDB_txn *txn = store_read(&w->s);
	uint8_t key[32] = { hash };
	unsigned long long before = w->s.looked;
	struct rec_sortition r;
	int rc;

	put_be64(key + 1, height);
	rc = sortition_by_burn(&w->s, txn, key, &r);
	store_read_end(txn);
	assert_in_range(w->s.looked - before, 1, 6);
	return rc == 0 ? r.burn_height : 0;
}

static void burn_index(void **state)
{
	enum { ROWS = 20000 };	/* more than two slices */
	struct rec_sortition r;
	struct world w;
	unsigned long long before;
	MDB_txn *txn;

	world_open(&w);
	txn = store_write(&w.s);
	for (uint64_t h = 1; h <= ROWS; h++)
		put_old(&w, txn, h);
	burn_row(&r, 500, 1, 2);		/* a fork's, of another burn block ... */
	sortition_put(&w.s, txn, &r);
	burn_row(&r, 600, 1, 3);		/* ... and one that names a block of ours at another
						 * height */
	sortition_put(&w.s, txn, &r);
	burn_row(&r, ROWS + 1, 0, 3);
	sortition_put(&w.s, txn, &r);
	burn_row(&r, ROWS + 2, 0, 0);		/* the burn hash is not known */
	memset(r.burn_hash, 0, 32);
	sortition_put(&w.s, txn, &r);
	store_commit_or_die(&w.s, txn);
	assert_int_equal(by_burn(&w, 1, 1), 0);
	assert_int_equal(by_burn(&w, 3, 0), ROWS + 1);	/* of this version: at once */
	sortition_index(&w.s);
	assert_int_equal(by_burn(&w, 1, 1), 1);
	assert_int_equal(by_burn(&w, 1, 8192), 8192);
	assert_int_equal(by_burn(&w, 1, ROWS), ROWS);
	assert_int_equal(by_burn(&w, 1, ROWS + 1), 0);
	assert_int_equal(by_burn(&w, 2, 0), 0);
	assert_int_equal(by_burn(&w, 3, 0), ROWS + 1);
	assert_int_equal(by_burn(&w, 0, 0), 0);
	/* The version before goes on for a while; what was done is not done again. */
	txn = store_write(&w.s);
	put_old(&w, txn, ROWS + 3);
	store_commit_or_die(&w.s, txn);
	before = w.s.looked;
	sortition_index(&w.s);
	assert_in_range(w.s.looked - before, 1, 40);
	assert_int_equal(by_burn(&w, 1, ROWS + 3), ROWS + 3);
	world_close(&w);
}

/* The table of peers is full: who goes has brought nothing, was named by nobody here, and was not
 * heard of for longest. */
static void peers_make_room(void **state)
{
	struct rec_inventory v = { .kind = INV_TENURES, .count = 8,
		.bits = rec_bytes("x", 1) };
	struct rec_peer r = { .address = rec_str("192.0.2.1:20444") };
	struct world w;
	MDB_txn *txn;

	world_open(&w);
	txn = store_write(&w.s);
	for (unsigned i = 0; i < PEER_ROWS + 2; i++) {
		put_be64(r.key, i);
		r.last_contact = 1000 + (i * 7919) % PEER_ROWS;
		r.pinned = i == 0;
		r.blocks = i == 1;
		r.banned_until = i == 2 ? 1 : 0;
		if (i < 6)
			r.last_contact = i;	/* the stalest: 3, 4 and 5 go */
		peer_put(&w.s, txn, &r);
		memcpy(v.peer, r.key, KEY_LEN);
		for (v.cycle = 0; v.cycle < 3 && i < 6; v.cycle++)
			inventory_put(&w.s, txn, &v);
	}
	peer_make_room(&w.s, txn);
	assert_int_equal(store_count(&w.s, txn, T_PEERS), PEER_ROWS - 1);
	for (unsigned i = 0; i < 6; i++) {
		put_be64(r.key, i);
		assert_int_equal(peer_get(&w.s, txn, r.key, &r), i < 3 ? 0 : -1);
		memset(&r, 0, sizeof(r));
	}
	assert_int_equal(store_count(&w.s, txn, T_INVENTORIES), 9);
	store_abort(txn);
	world_close(&w);
}

/* A verdict is of these bytes from this source. */
static void verdicts(void **state)
{
	struct rec_verdict v = { .source = rec_str("somebody"), .status = STATUS_REFUSED }, got;
	uint8_t other[32] = { 1 };
	struct world w;
	MDB_txn *txn;

	world_open(&w);
	txn = store_write(&w.s);
	verdict_put(&w.s, txn, &v);
	assert_int_equal(verdict_get(&w.s, txn, v.id, v.body_hash, v.source, &got), 0);
	assert_int_equal(verdict_get(&w.s, txn, v.id, other, v.source, &got), -1);
	assert_int_equal(verdict_get(&w.s, txn, other, v.body_hash, v.source, &got), -1);
	assert_int_equal(verdict_get(&w.s, txn, v.id, v.body_hash, rec_str("another"), &got), -1);
	store_abort(txn);
	world_close(&w);
}

static void bounds(void **state)
{
	struct rec_verdict v = { .source = rec_str("somebody"), .status = STATUS_REFUSED }, got;
	struct rec_block b = { .source = rec_str("x") };
	uint8_t *body = calloc(1, 1 << 20);
	struct world w;
	unsigned n = 0, i;
	MDB_txn *txn;

	world_open(&w);
	txn = store_write(&w.s);
	for (i = 0; i < 17000; i++) {
		put_be32(v.id, i);
		verdict_put(&w.s, txn, &v);
	}
	verdict_walk(&w.s, txn, NULL, count_verdict, &n);
	assert_int_equal(n, 16384);
	put_be32(v.id, 0);
	assert_int_equal(verdict_get(&w.s, txn, v.id, v.body_hash, v.source, &got), -1);
	put_be32(v.id, 16999);
	assert_int_equal(verdict_get(&w.s, txn, v.id, v.body_hash, v.source, &got), 0);
	assert_int_equal(verdict_get(&w.s, txn, v.id, v.body_hash, rec_str("another"), &got), -1);
	n = 0;
	verdict_walk(&w.s, txn, v.id, count_verdict, &n);
	assert_int_equal(n, 1);
	b.body = rec_bytes(body, 1 << 20);
	for (i = 1; i <= 70; i++)
		assert_int_equal(upload_put(&w.s, txn, &b), i);
	n = 0;
	upload_walk(&w.s, txn, 0, count_upload, &n);
	assert_int_equal(n, 63);
	b.body.n = 10;
	for (i = 0; i < 5000; i++)
		upload_put(&w.s, txn, &b);
	n = 0;
	upload_walk(&w.s, txn, 0, count_upload, &n);
	assert_int_equal(n, 4096);
	store_abort(txn);
	free(body);
	world_close(&w);
}

struct sum { uint64_t count, first, last; unsigned rows; };
static bool sum_fault(void *arg, const struct rec_fault *f)
{
	struct sum *s = arg;

	s->rows++;
	s->count = f->count;
	s->first = f->first;
	s->last = f->last;
	return true;
}

static void faults(void **state)
{
	struct rec_fault f = { .who = rec_str("somebody"),
		.class = FAULT_LYING,
		.what = rec_str("made-up tip"),
		.last = 100 };
	struct sum s = { 0 };
	struct world w;
	MDB_txn *txn;

	world_open(&w);
	txn = store_write(&w.s);
	fault_add(&w.s, txn, &f);
	f.last = 200;
	f.count = 3;
	fault_add(&w.s, txn, &f);
	fault_walk(&w.s, txn, sum_fault, &s);
	assert_int_equal(s.rows, 1);
	assert_int_equal(s.count, 4);
	assert_int_equal(s.first, 100);
	assert_int_equal(s.last, 200);
	f.what = rec_str("another");
	fault_add(&w.s, txn, &f);
	s.rows = 0;
	fault_walk(&w.s, txn, sum_fault, &s);
	assert_int_equal(s.rows, 2);
	store_abort(txn);
	world_close(&w);
}

static void inventories(void **state)
{
	struct rec_inventory v = { .peer = { 2, 1 }, .kind = INV_TENURES, .cycle = 5 };
	struct world w;
	unsigned n = 0;
	MDB_txn *txn;

	world_open(&w);
	txn = store_write(&w.s);
	inventory_put(&w.s, txn, &v);
	v.kind = INV_BLOCKS;
	inventory_put(&w.s, txn, &v);
	v.peer[1] = 2;
	inventory_put(&w.s, txn, &v);
	inventory_walk(&w.s, txn, v.peer, count_inventory, &n);
	assert_int_equal(n, 1);
	inventory_walk(&w.s, txn, NULL, count_inventory, &n);
	assert_int_equal(n, 4);
	store_abort(txn);
	world_close(&w);
}

static bool of_seven(const struct rec_verdict *v) { return v->height == 7; }
static bool of_blame(const struct rec_fault *f) { return rec_is(f->what, "blame"); }

/* A row that goes before its time leaves nothing in the order of age: the bound still counts
 * rows. */
static void forgotten(void **state)
{
	struct rec_verdict v = { .source = rec_str("s"), .status = STATUS_REFUSED,
		.reason = rec_str("x") };
	struct rec_fault f = { .who = rec_str("a"), .class = FAULT_INVALID,
		.what = rec_str("blame") };
	struct world w;
	MDB_txn *txn;

	world_open(&w);
	txn = store_write(&w.s);
	for (v.height = 5; v.height < 9; v.height++) {
		v.id[0] = (uint8_t)v.height;
		verdict_put(&w.s, txn, &v);
	}
	verdict_forget(&w.s, txn, NULL, of_seven);
	v.id[0] = 5;
	verdict_del(&w.s, txn, v.id, v.body_hash, v.source);
	/* two rows and their ages */
	assert_int_equal(store_count(&w.s, txn, T_VERDICTS), 4);
	fault_add(&w.s, txn, &f);
	f.what = rec_str("other");
	fault_add(&w.s, txn, &f);
	fault_forget(&w.s, txn, of_blame);
	assert_int_equal(store_count(&w.s, txn, T_FAULTS), 2);
	store_abort(txn);
	world_close(&w);
}

/* The row of a tenure, and of two copies of one block in it, do not touch each other. */
static void downloads(void **state)
{
	struct rec_download d = { .state = DOWNLOAD_FAILED, .consensus_hash = { 1 } },
	    block = { .state = DOWNLOAD_SETASIDE, .consensus_hash = { 1 },
	    .id = { 2 }, .body_hash = { 3 }, .source = rec_str("s") };
	struct world w;
	MDB_txn *txn;

	world_open(&w);
	txn = store_write(&w.s);
	download_put(&w.s, txn, &d);
	download_put(&w.s, txn, &block);
	block.body_hash[0] = 4;
	download_put(&w.s, txn, &block);
	block.source = rec_str("t");
	assert_false(download_stands(&w.s, txn, &block));
	download_put(&w.s, txn, &block);
	assert_int_equal(store_count(&w.s, txn, T_DOWNLOADS), 4);
	download_del(&w.s, txn, &block);
	assert_false(download_stands(&w.s, txn, &block));
	assert_true(download_stands(&w.s, txn, &d));
	assert_int_equal(store_count(&w.s, txn, T_DOWNLOADS), 3);
	store_abort(txn);
	world_close(&w);
}

/* A table that was not declared at open: our own bug, and loud. */
static void discipline(void **state)
{
	struct world w;
	int status;
	pid_t pid;

	world_open(&w);
	pid = fork();
	if (pid == 0) {
		struct store s;

		/* No environment across fork: a fresh one. */
		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		store_open_net(&s, w.dir, &w.s.net, TABLE(T_META), 0);
		store_put(&s, store_write(&s), T_PEERS, "k", 1, "v", 1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	world_close(&w);
}

/* The line in DIR/lock counts only while its writer holds the lock: a line that a dead writer left
 * names nobody. */
static void holder(void **state)
{
	struct store_holder h;
	char path[96], text[STORE_HOLDER_TEXT];
	struct flock held = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	struct world w;
	int fd;

	world_open(&w);
	assert_true(store_lock_holder(w.dir, &h));
	assert_int_equal(h.pid, getpid());
	assert_string_equal(h.program, log_program());
	store_close(&w.s);
	assert_false(store_lock_holder(w.dir, &h));
	snprintf(path, sizeof(path), "%s/lock", w.dir);
	fd = open(path, O_RDWR);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &held), 0);
	assert_true(store_lock_holder(w.dir, &h));
	assert_int_equal(h.pid, 0);
	assert_string_equal(store_holder_text(&h, text), "a program that could not write its name");
	close(fd);
	world_close(&w);
}

static void changes(void **state)
{
	uint8_t id[ID_LEN] = { 1 };
	struct world w;

	world_open(&w);
	store_changed(&w.s);
	assert_false(store_changed(&w.s));
	world_sortition(&w, 'a', 1, id, true);
	assert_true(store_changed(&w.s));
	assert_false(store_changed(&w.s));
	world_close(&w);
}

/* Opens the store anew and gives the sources that its network has: of -n FILE, or without -n. */
static unsigned sources_of(const struct world *w, const char *file, unsigned writes)
{
	struct store s;
	unsigned n;

	store_open(&s, w->dir, file, writes, 0);
	n = s.net.n_source + s.net.n_bootstrap;
	store_close(&s);
	return n;
}

/* A network text that no -n brought (an archive's, an older program's) names nobody to trust; what
 * -n brought once is remembered. */
static void whom_to_trust(void **state)
{
	struct network evil;
	struct world w;
	char file[96];
	MDB_txn *txn;
	FILE *f;

	world_open(&w);
	evil = w.s.net;
	strcat(evil.text, "source http://evil\nbootstrap evil:1\n");
	txn = store_write(&w.s);
	meta_put(&w.s, txn, "network", evil.text, strlen(evil.text));
	store_del(&w.s, txn, T_META, "network.sum", 11);
	store_commit_or_die(&w.s, txn);
	snprintf(file, sizeof(file), "%s/network", w.dir);
	f = fopen(file, "w");
	assert_non_null(f);
	fprintf(f, "%ssource http://friend\n", w.s.net.text);
	fclose(f);
	store_close(&w.s);

	assert_int_equal(sources_of(&w, NULL, 0), 0);
	assert_int_equal(sources_of(&w, file, 0), 1);	/* a reader writes nothing */
	assert_int_equal(sources_of(&w, NULL, 0), 0);
	assert_int_equal(sources_of(&w, file, TABLE(T_PEERS)), 1);
	assert_int_equal(sources_of(&w, NULL, 0), 1);
	/* An archive's word changes neither what is stored nor what this run goes by. */
	store_open_net(&w.s, w.dir, &evil, WORLD_TABLES, 0);
	assert_int_equal(w.s.net.n_source + w.s.net.n_bootstrap, 1);
	assert_string_equal(w.s.net.source[0], "http://friend");
	unlink(file);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sortitions),
		cmocka_unit_test(burn_index), cmocka_unit_test(peers_make_room),
		    cmocka_unit_test(verdicts), cmocka_unit_test(bounds), cmocka_unit_test(faults),
		    cmocka_unit_test(inventories),
		cmocka_unit_test(forgotten), cmocka_unit_test(downloads),
		cmocka_unit_test(discipline), cmocka_unit_test(holder), cmocka_unit_test(changes),
		cmocka_unit_test(whom_to_trust),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
