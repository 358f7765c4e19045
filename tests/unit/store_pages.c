/* Bits that flipped in LMDB's own pages: whoever reads them says so in one line and ends with 111,
 * and takes no row for another and none for absent. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/store/intact.h"
#include "tests/unit/store_world.h"

#define PAGE 4096
#define ROWS 300
enum { BRANCH = 1, LEAF = 2 };		/* flags of a page */

static struct world w;
static char path[96];
static uint8_t *file;
static size_t size;

static uint16_t get16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static void put16(uint8_t *p, uint16_t v) { memcpy(p, &v, 2); }

static int setup(void **state)
{
	char key[16], value[100] = "";
	struct stat st;
	MDB_txn *txn;
	int fd;

	world_open(&w);
	txn = store_write(&w.s);
	for (unsigned i = 0; i < ROWS; i++) {
		snprintf(key, sizeof(key), "k%03u", i);
		store_put(&w.s, txn, T_PUSHES, key, 4, value, sizeof(value));
	}
	store_commit_or_die(&w.s, txn);
	store_close(&w.s);
	snprintf(path, sizeof(path), "%s/data.mdb", w.dir);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	size = (size_t)st.st_size;
	file = malloc(size);
	assert_true(read(fd, file, size) == (ssize_t)size);
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	free(file);
	world_close(&w);
	return 0;
}

static bool pass(void *arg, const MDB_val *key, const MDB_val *data) { return true; }

/* How a reader of all rows and then of one ends, over these bytes: 0 it is there, 3 it is not; and
 * how many lines it says. */
static int reads(const uint8_t *bytes, const char *key, unsigned *lines)
{
	static struct store s;
	int status, fd = open(path, O_WRONLY), ends[2];
	char said[4096];
	ssize_t n;
	MDB_val v;
	pid_t pid;

	assert_true(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && pipe(ends) == 0);
	close(fd);
	if ((pid = fork()) == 0) {
		dup2(ends[1], STDERR_FILENO);
		store_open_net(&s, w.dir, NULL, 0, 0);
		store_walk(&s, store_read(&s), T_PUSHES, "", 0, pass, NULL);
		_exit(store_get(&s, store_read(&s), T_PUSHES, key, 4, &v) < 0 ? 3 :
		    v.mv_size == 100 ? 0 : 4);
	}
	close(ends[1]);
	n = read(ends[0], said, sizeof(said));
	close(ends[0]);
	*lines = 0;
	for (ssize_t i = 0; i < n; i++)
		*lines += said[i] == '\n';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void refused(const uint8_t *bytes, const char *key)
{
	unsigned lines;
	int rc = reads(bytes, key, &lines);

	if (rc != 111 || lines != 1)
		fail_msg("%s: %d, %u lines", key, rc, lines);
}

/* A copy to be spoilt, one at a time.  It hangs on a variable of its own, so that a child that ends
 * by exit() has not lost it for a leak checker. */
static uint8_t *spoilt(void)
{
	static uint8_t *copy;

	return copy = memcpy(malloc(size), file, size);
}

/* The next page of a kind that holds our rows; NULL: there is none. */
static uint8_t *page_next(uint8_t *bytes, uint8_t *after, unsigned kind)
{
	for (uint8_t *p = after ? after + PAGE : bytes + 2 * PAGE; p + PAGE <= bytes + size;
	    p += PAGE) {
		unsigned keys = (get16(p + 12) - 16u) / 2;
		uint8_t *last = p + get16(p + 16 + 2 * (keys - 1));

		if (get16(p + 10) == kind && keys > 1 && keys < PAGE / 2 && last + 12 <= p + PAGE &&
		    get16(last + 6) == 4 && last[8] == 'k')
			return p;
	}
	return NULL;
}

static void whole(void **state)
{
	unsigned lines;

	assert_int_equal(reads(file, "k123", &lines), 0);
	assert_int_equal(lines, 0);
	assert_int_equal(reads(file, "k12x", &lines), 3);
	assert_int_equal(lines, 0);
}

/* Lengths of values in a leaf, and its head. */
static void leaves(void **state)
{
	static const unsigned heads[] = { 12, 13, 14, 15 };	/* lower, upper */
	uint8_t *b = spoilt();

	if (!INTACT_LAYOUT)
		skip();
	for (uint8_t *p = page_next(b, NULL, LEAF); p; p = page_next(b, p, LEAF))
		for (unsigned i = 0; i < (get16(p + 12) - 16u) / 2; i++)
			p[get16(p + 16 + 2 * i)] ^= 8;
	refused(b, "k123");
	free(b);
	for (unsigned i = 0; i < 4; i++) {
		b = spoilt();
		for (uint8_t *p = page_next(b, NULL, LEAF), *next; p; p = next) {
			next = page_next(b, p, LEAF);
			p[heads[i]] ^= 2;
		}
		refused(b, "k123");
		free(b);
	}
}

/* A key above the leaves leads astray, either way. */
static void branches(void **state)
{
	char key[16];

	if (!INTACT_LAYOUT)
		skip();
	for (int by = -5; by <= 5; by += 10) {
		uint8_t *b = spoilt(), *p = page_next(b, NULL, BRANCH), *node;
		int at;

		assert_non_null(p);
		node = p + get16(p + 18);
		snprintf(key, sizeof(key), "%.3s", (char *)node + 9);
		at = atoi(key);
		snprintf(key, sizeof(key), "k%03d", at + by);
		memcpy(node + 8, key, 4);
		snprintf(key, sizeof(key), "k%03d", by > 0 ? at + 2 : at - 2);
		refused(b, key);
		free(b);
	}
}

/* What fails an assertion of LMDB's is told in our words alone. */
static void assertions(void **state)
{
	uint8_t *b = spoilt(), *p = page_next(b, NULL, BRANCH);

	put16(p + 12, 18);	/* one key */
	refused(b, "k123");
	free(b);
}

/* A commit whose meta page could not be written leaves the older one with the new roots and its own
 * last page: the newer one counts, and the store is whole. */
static void meta_left(void **state)
{
	uint8_t *b = spoilt(), *older = b;
	uint64_t at[2], last_page = 1;
	unsigned lines;

	if (!INTACT_LAYOUT)
		skip();
	memcpy(&at[0], b + 144, 8);
	memcpy(&at[1], b + PAGE + 144, 8);
	if (at[1] < at[0])
		older += PAGE;
	memcpy(older + 136, &last_page, 8);
	assert_int_equal(reads(b, "k123", &lines), 0);
	assert_int_equal(lines, 0);
	free(b);
}

/* The first two pages are of two commits, one behind the other. */
static void metas(void **state)
{
	uint8_t *b = spoilt(), *older = b;
	uint64_t at[2];

	if (!INTACT_LAYOUT)
		skip();
	memcpy(&at[0], b + 144, 8);
	memcpy(&at[1], b + PAGE + 144, 8);
	assert_true(at[0] + 1 == at[1] || at[1] + 1 == at[0]);
	if (at[1] < at[0])
		older += PAGE;
	at[0] = (at[0] < at[1] ? at[0] : at[1]) - 2;
	memcpy(older + 144, &at[0], 8);
	refused(b, "k123");
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole), cmocka_unit_test(leaves), cmocka_unit_test(branches),
		    cmocka_unit_test(assertions),
		cmocka_unit_test(metas), cmocka_unit_test(meta_left),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
