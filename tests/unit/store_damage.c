/* Flipped bits and lost pages: what is bad is given to nobody, goes, and can come back. */
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/store/run.h"
#include "common/store/sum_private.h"
#include "tests/unit/store_line.h"

/* What one machine wrote another reads. */
static void one_sum(void **state)
{
	static uint8_t bytes[3000];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	for (size_t n = 0; n < sizeof(bytes); n++) {
		assert_true(sum_of(bytes, n) == sum_of_plain(bytes, n));
		assert_true(sum_of_three(bytes, n / 3, bytes + n / 3, n - n / 3, "",
		    0) == sum_of_plain(bytes, n));
	}
	assert_true(sum_of("", 0) == 0x2d06800538d394c2u);	/* as XXH3 has it */
}

/* Every bit of a run and of its key: each block is found bad, or is what it was. */
static void every_bit_of_a_run(void **state)
{
	struct line l;
	struct kept_block in[4], b;
	uint8_t key[KEY_RUN], was[KEY_RUN], *value, *copy;
	size_t size, bit, bad = 0;
	struct run r;
	unsigned i;

	line_make(&l);
	for (i = 0; i < 4; i++)
		in[i] = (struct kept_block){ .id = l.w.blocks[4 + i].id,
			.bytes = l.w.blocks[4 + i].b->p, .len = (uint32_t)l.w.blocks[4 + i].b->n,
		    .weight = 7, .height = l.w.blocks[4 + i].height };
	memset(key, 'c', CH_LEN);
	put_be64(key + CH_LEN, in[0].height);
	memcpy(was, key, sizeof(was));
	size = run_size(in, 4, rec_str("giver"));
	value = malloc(size);
	run_write(value, key, sizeof(key), in, 4, rec_str("giver"));
	for (bit = 0; bit < (size + KEY_RUN) * 8; bit++) {
		/* In a heap block of its own size: a read beyond it shows under a sanitizer. */
		copy = malloc(size);
		memcpy(copy, value, size);
		memcpy(key, was, sizeof(key));
		(bit / 8 < size ? copy + bit / 8 :
		    key + bit / 8 - size)[0] ^= (uint8_t)(1 << bit % 8);
		if (run_parse(&r, &(MDB_val){ KEY_RUN, key }, &(MDB_val){ size, copy }) == 0)
			for (i = 0; i < r.count; i++) {
				run_block(&r, i, &b);
				assert_true(b.bytes >= r.bodies && b.len <= size &&
				    b.bytes + b.len <= copy + size);
				if (!block_sound(key, &b)) {
					bad++;
					continue;
				}
				assert_true(i < 4 && r.count == 4);
				assert_memory_equal(b.id, in[i].id, ID_LEN);
				assert_int_equal(b.len, in[i].len);
				assert_memory_equal(b.bytes, in[i].bytes, in[i].len);
				assert_int_equal(b.weight, 7);
			}
		free(copy);
	}
	assert_true(bad > size * 8);
	free(value);
	world_close(&l.w);
}

/* Change one byte behind these ones, without a checksum. */
static void spoil_at(struct world *w, const uint8_t *p, size_t n, size_t at)
{
	MDB_txn *txn = store_write(&w->s);
	MDB_cursor *c = store_cursor(&w->s, txn, T_BLOCKS);
	MDB_val k = { 0 }, v;
	uint8_t *copy, *found = NULL;

	while (!found && store_cursor_get(&w->s, c, &k, &v, MDB_NEXT) == 0)
		found = memmem(v.mv_data, v.mv_size, p, n);
	assert_non_null(found);
	copy = malloc(v.mv_size + k.mv_size);
	memcpy(copy, v.mv_data, v.mv_size);
	memcpy(copy + v.mv_size, k.mv_data, k.mv_size);
	copy[found - (uint8_t *)v.mv_data + at] ^= 4;
	mdb_cursor_close(c);
	store_put(&w->s, txn, T_BLOCKS, copy + v.mv_size, k.mv_size, copy, v.mv_size);
	store_commit_or_die(&w->s, txn);
	free(copy);
}

static void spoil(struct world *w, const struct world_block *b, size_t at)
{
	spoil_at(w, b->b->p, b->b->n, at);
}

static void give_all(struct world *w)
{
	keeper_begin(w->k);
	for (size_t i = 0; i < w->n; i++)
		world_give(w, &w->blocks[i]);
	world_commit(w);
}

static void counts_are(struct world *w, uint64_t held, uint64_t proven)
{
	struct keeper_counts c;

	keeper_counts(w->k, &c);
	assert_int_equal(c.held, held);
	assert_int_equal(c.proven, proven);
	assert_int_equal(world_listed(w), proven);
}

static bool damaged(struct world *w, const struct world_block *b)
{
	MDB_txn *txn = store_read(&w->s);
	struct stored_block out;
	bool bad = block_get(&w->s, txn, b->id, &out) < 0 && out.damaged;

	assert_true(!bad || !out.bytes);
	store_read_end(txn);
	return bad;
}

/* Each block in turn, by a keeper that has it in memory and by one that was just started: it goes,
 * its tenure falls back to what is below it, and when it comes again all is as it was. */
static void goes_and_comes(void **state)
{
	static const unsigned left[10] = { 0, 1, 2, 0, 0, 1, 2, 3, 0, 1 },
	    of[10] = { 3, 3, 3, 1, 4, 4, 4, 4, 2, 2 };
	struct line l;
	struct world *w = &l.w;
	size_t i;
	int again;

	for (i = 0; i < 10; i++)
		for (again = 0; again < 2; again++) {
			line_make(&l);
			give_all(w);
			counts_are(w, 10, 10);
			spoil(w, &w->blocks[i], 210);	/* a signer's signature, which no id
							 * covers */
			assert_true(damaged(w, &w->blocks[i]));
			damaged_note(&w->s, w->blocks[i].id);
			if (again)
				world_restart(w);
			keeper_begin(w->k);
			keeper_rescan(w->k);
			world_commit(w);
			counts_are(w, 9, 10 - of[i] + left[i]);
			assert_false(damaged(w, &w->blocks[i]));
			if (again)
				world_restart(w);
			keeper_begin(w->k);
			world_give(w, &w->blocks[i]);
			world_commit(w);
			counts_are(w, 10, 10);
			assert_true(world_tip(w, l.d));
			world_restart(w);
			counts_are(w, 10, 10);
			assert_true(world_tip(w, l.d));
			world_close(w);
		}
}

/* Packing and replacing move blocks: a bad one stays bad. */
static void bad_stays_bad(void **state)
{
	struct line l;
	struct world *w = &l.w;
	struct kept_block heavier;
	MDB_txn *txn;

	line_make(&l);
	give_all(w);
	spoil(w, &w->blocks[5], 210);
	txn = store_write(&w->s);
	heavier = (struct kept_block){ .id = w->blocks[6].id, .bytes = w->blocks[6].b->p,
		.len = (uint32_t)w->blocks[6].b->n, .weight = 99,
	    .height = w->blocks[6].height };
	blocks_replace(&w->s, txn, &heavier);
	blocks_pack(&w->s, txn, (const uint8_t *)"cccccccccccccccccccc");
	store_commit_or_die(&w->s, txn);
	assert_true(damaged(w, &w->blocks[5]));
	assert_false(damaged(w, &w->blocks[6]) || damaged(w, &w->blocks[4]));
	world_close(w);
}

/* The same of a run whose index is bad: no block of it gets a good one. */
static void bad_index_stays_bad(void **state)
{
	struct line l;
	struct world *w = &l.w;
	struct kept_block heavier;
	MDB_txn *txn;

	line_make(&l);
	give_all(w);
	spoil_at(w, w->blocks[5].id, ID_LEN, ID_LEN + 3);	/* its weight */
	assert_true(damaged(w, &w->blocks[5]) && damaged(w, &w->blocks[4]));
	txn = store_write(&w->s);
	heavier = (struct kept_block){ .id = w->blocks[6].id, .bytes = w->blocks[6].b->p,
		.len = (uint32_t)w->blocks[6].b->n,
	    .weight = 99, .height = w->blocks[6].height };
	blocks_replace(&w->s, txn, &heavier);
	store_commit_or_die(&w->s, txn);
	assert_true(damaged(w, &w->blocks[5]) && damaged(w, &w->blocks[4]));
	world_close(w);
}

/* A tenure's row, or a block's, is lost: the writer makes it anew. */
static void lost_rows(void **state)
{
	struct line l;
	struct world *w = &l.w;
	uint8_t ch[CH_LEN];
	MDB_txn *txn;

	line_make(&l);
	give_all(w);
	world_ch(ch, 'c');
	txn = store_write(&w->s);
	store_del(&w->s, txn, T_TENURES, ch, CH_LEN);
	store_commit_or_die(&w->s, txn);
	world_restart(w);
	assert_int_equal(world_listed(w), 6);
	keeper_begin(w->k);
	keeper_heal(w->k, ch);
	world_commit(w);
	counts_are(w, 10, 10);
	assert_true(world_tip(w, l.d));
	world_close(w);
}

/* How a child ends that opens the store. */
static int opened(const char *dir)
{
	static struct store s;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		store_open_net(&s, dir, NULL, 0, 0);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static size_t free_tail(struct world *w)
{
	MDB_txn *txn = store_read(&w->s);
	MDB_cursor *c;
	MDB_envinfo info;
	MDB_val k, v;
	size_t n = 0;
	bool is[1 << 16] = { false };

	assert_int_equal(mdb_cursor_open(txn, 0, &c), 0);
	while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0)
		for (size_t i = 1; i <= ((size_t *)v.mv_data)[0]; i++)
			is[((size_t *)v.mv_data)[i]] = true;
	mdb_env_info(w->s.env, &info);
	while (is[info.me_last_pgno - n])
		n++;
	mdb_cursor_close(c);
	store_read_end(txn);
	return n;
}

/* A copy may be shorter by what is free at its end, and not by a page more. */
static void short_copies(void **state)
{
	struct world w;
	char path[96], junk[100000] = "";
	MDB_txn *txn;
	MDB_envinfo info;
	size_t tail;

	world_open(&w);
	for (int i = 0; i < 20; i++) {	/* some pages to take before any at the end */
		txn = store_write(&w.s);
		store_put(&w.s, txn, T_PUSHES, "some", 4, junk, i < 10 ? 1000 * (size_t)i : 4);
		store_commit_or_die(&w.s, txn);
	}
	txn = store_write(&w.s);
	store_put(&w.s, txn, T_PUSHES, "junk", 4, junk, sizeof(junk));
	store_commit_or_die(&w.s, txn);
	txn = store_write(&w.s);
	store_del(&w.s, txn, T_PUSHES, "junk", 4);
	store_commit_or_die(&w.s, txn);
	tail = free_tail(&w);
	assert_true(tail > 10);
	mdb_env_info(w.s.env, &info);
	store_close(&w.s);
	snprintf(path, sizeof(path), "%s/data.mdb", w.dir);
	assert_int_equal(opened(w.dir), 0);
	assert_int_equal(truncate(path, (off_t)(info.me_last_pgno + 1 - tail) * 4096), 0);
	assert_int_equal(opened(w.dir), 0);
	assert_int_equal(truncate(path, (off_t)(info.me_last_pgno - tail) * 4096), 0);
	assert_int_equal(opened(w.dir), 111);
	assert_int_equal(truncate(path, 5000), 0);
	assert_int_equal(opened(w.dir), 111);
	world_close(&w);
}

/* Tables are made together: one that is not there was lost. */
static void lost_table(void **state)
{
	struct world w;
	MDB_txn *txn;

	world_open(&w);
	txn = store_write(&w.s);
	assert_int_equal(mdb_drop(txn, w.s.dbi[T_PEERS], 1), 0);
	store_commit_or_die(&w.s, txn);
	store_close(&w.s);
	assert_int_equal(opened(w.dir), 111);
	world_close(&w);
}

static void put_meta(const char *dir, const char *name, const char *value, size_t n)
{
	struct store s;
	MDB_txn *txn;

	store_open_net(&s, dir, NULL, WORLD_TABLES & ~(TABLE(T_BLOCKS) | TABLE(T_BLOCK_IDS)), 0);
	txn = store_write(&s);
	meta_put(&s, txn, name, value, n);
	store_commit_or_die(&s, txn);
	store_close(&s);
}

/* A network whose text is not what its checksum says is damage; a store of a later version is
 * another program's. */
static void meta_rows(void **state)
{
	struct world w;
	char text[2048];
	size_t n;

	world_open(&w);
	n = strlen(w.s.net.text);
	assert_true(n < sizeof(text));
	memcpy(text, w.s.net.text, n);
	store_close(&w.s);
	assert_int_equal(opened(w.dir), 0);
	memcpy(strstr(text, "stable_confirmations 7"), "stable_confirmations 6", 22);
	put_meta(w.dir, "network", text, n);
	assert_int_equal(opened(w.dir), 111);
	world_close(&w);

	world_open(&w);
	store_close(&w.s);
	put_meta(w.dir, "schema", "99", 2);
	assert_int_equal(opened(w.dir), 100);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_sum), cmocka_unit_test(every_bit_of_a_run),
		    cmocka_unit_test(goes_and_comes), cmocka_unit_test(bad_stays_bad),
		    cmocka_unit_test(bad_index_stays_bad), cmocka_unit_test(lost_table),
		cmocka_unit_test(meta_rows),
		cmocka_unit_test(lost_rows), cmocka_unit_test(short_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
