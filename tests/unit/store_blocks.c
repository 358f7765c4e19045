/* Runs of blocks against a plain model: put, put beside, take out, replace, pack; then find and
 * walk. */
#include "common/chain/hash.h"
#include "tests/unit/store_world.h"

#define HEIGHTS 120
#define MODEL 300

struct item {
	bool in, sibling;
	uint64_t height;
	uint8_t id[ID_LEN];
	uint8_t *bytes;
	uint32_t len, weight;
};
struct expected { struct item v[MODEL]; size_t n; };

static void item_make(struct item *i, uint64_t height, unsigned salt, uint32_t len)
{
	uint8_t seed[16];

	put_be64(seed, height);
	put_be64(seed + 8, salt);
	memset(i, 0, sizeof(*i));
	hash_once(i->id, seed, sizeof(seed));
	i->height = height;
	i->len = len;
	i->weight = salt;
	i->bytes = malloc(len);
	memset(i->bytes, (int)salt, len);
	i->in = true;
}

static struct kept_block kept(const struct item *i, const char *source)
{
	return (struct kept_block){ .id = i->id,
		.bytes = i->bytes,
		.len = i->len,
		.weight = i->weight,
		.height = i->height,
		.sibling = i->sibling,
		.source = rec_str(source) };
}

struct seen { const struct expected *m; bool found[MODEL]; uint64_t last; size_t n; bool good; };

static bool see(void *arg, const struct kept_block *b)
{
	struct seen *s = arg;
	size_t i;

	s->good = s->good && b->height >= s->last;
	s->last = b->height;
	for (i = 0; i < s->m->n; i++)
		if (memcmp(s->m->v[i].id, b->id, ID_LEN) == 0)
			break;
	s->good = s->good && i < s->m->n && s->m->v[i].in && !s->found[i] &&
	    s->m->v[i].len == b->len && s->m->v[i].weight == b->weight &&
	    memcmp(s->m->v[i].bytes, b->bytes, b->len) == 0 && s->m->v[i].sibling == b->sibling;
	if (i < s->m->n)
		s->found[i] = true;
	s->n++;
	return true;
}

static void compare(struct world *w, MDB_txn *txn, const struct expected *m, const uint8_t *ch,
    uint64_t low, uint64_t high)
{
	struct seen seen = { .m = m, .good = true };
	struct kept_block b;
	uint8_t where[CH_LEN];
	uint64_t height;
	size_t i, n = 0;

	blocks_walk(&w->s, txn, ch, low, high, see, &seen);
	assert_true(seen.good);
	for (i = 0; i < m->n; i++) {
		const struct item *it = &m->v[i];

		n += it->in && it->height >= low && it->height <= high;
		assert_int_equal(blocks_find(&w->s, txn, ch, it->height, it->id, &b),
		    it->in ? 0 : -1);
		assert_int_equal(blocks_where(&w->s, txn, it->id, where, &height), it->in ? 0 : -1);
		if (it->in)
			assert_memory_equal(b.bytes, it->bytes, it->len);
	}
	assert_int_equal(seen.n, n);
}

/* Heights in random pieces, as commits would bring them. */
static void put_pieces(struct world *w, MDB_txn *txn, struct expected *m, const uint8_t *ch)
{
	struct kept_block b[HEIGHTS];
	bool done[HEIGHTS] = { false };
	size_t left = HEIGHTS, from, n, i;

	for (i = 0; i < HEIGHTS; i++)
		item_make(&m->v[m->n++], 1000 + i, (unsigned)i % 200,
		    100 + (uint32_t)rand() % 9000);
	while (left > 0) {
		from = (size_t)rand() % HEIGHTS;
		for (n = 0; from + n < HEIGHTS && !done[from + n] && n < (size_t)rand() % 30; n++) {
			b[n] = kept(&m->v[from + n], (from + n) % 40 < 20 ? "one" : "two");
			done[from + n] = true;
		}
		blocks_put(&w->s, txn, ch, b, n, rand() % 2);
		left -= n;
	}
}

static void against_model(void **state)
{
	struct world w;
	struct expected *m;
	uint8_t ch[CH_LEN], other[CH_LEN];
	MDB_txn *txn;
	unsigned seed;
	size_t i, at;

	for (seed = 1; seed <= 12; seed++) {
		srand(seed);
		m = calloc(1, sizeof(*m));
		world_open(&w);
		world_ch(ch, 'm');
		world_ch(other, 'l');
		txn = store_write(&w.s);
		put_pieces(&w, txn, m, ch);
		compare(&w, txn, m, ch, 0, UINT64_MAX);
		for (i = 0; i < 10; i++) {
			struct item *it = &m->v[m->n++];
			struct kept_block b;

			item_make(it, 1000 + (uint64_t)rand() % HEIGHTS, 201 + (unsigned)i, 700);
			it->sibling = true;
			b = kept(it, "three");
			blocks_put_sibling(&w.s, txn, ch, &b);
		}
		compare(&w, txn, m, ch, 0, UINT64_MAX);
		for (i = 0; i < 15; i++) {
			at = (size_t)rand() % m->n;
			if (m->v[at].in)
				blocks_remove(&w.s, txn, m->v[at].id);
			m->v[at].in = false;
		}
		for (i = 0; i < 15; i++) {
			struct kept_block b;

			at = (size_t)rand() % m->n;
			if (!m->v[at].in)
				continue;
			m->v[at].len = 50 + (uint32_t)rand() % 20000;
			m->v[at].bytes = realloc(m->v[at].bytes, m->v[at].len);
			memset(m->v[at].bytes, 7, m->v[at].len);
			m->v[at].weight = 250;
			b = kept(&m->v[at], "");
			blocks_replace(&w.s, txn, &b);
		}
		compare(&w, txn, m, ch, 0, UINT64_MAX);
		compare(&w, txn, m, ch, 1033, 1077);
		blocks_pack(&w.s, txn, ch);
		compare(&w, txn, m, ch, 0, UINT64_MAX);
		compare(&w, txn, m, ch, 1050, 1050);
		assert_int_equal(store_commit(&w.s, txn), 0);
		for (i = 0; i < m->n; i++)
			free(m->v[i].bytes);
		free(m);
		world_close(&w);
	}
}

/* Packing is worth it: many small runs become few pages. */
static void packing_saves(void **state)
{
	struct world w;
	struct expected *m = calloc(1, sizeof(*m));
	uint8_t ch[CH_LEN];
	MDB_stat before, after;
	MDB_txn *txn;
	size_t i, bytes = 0;

	world_open(&w);
	world_ch(ch, 'p');
	txn = store_write(&w.s);
	for (i = 0; i < 200; i++) {
		struct kept_block b;

		item_make(&m->v[m->n], 5 + i, 1, 2100);
		b = kept(&m->v[m->n++], "one");
		bytes += b.len;
		blocks_put(&w.s, txn, ch, &b, 1, false);
	}
	mdb_stat(txn, w.s.dbi[T_BLOCKS], &before);
	assert_true(blocks_pack(&w.s, txn, ch) > bytes);
	mdb_stat(txn, w.s.dbi[T_BLOCKS], &after);
	assert_true(before.ms_overflow_pages * 4096 > bytes * 3 / 2);
	assert_true((after.ms_overflow_pages + after.ms_leaf_pages) * 4096 < bytes * 11 / 10);
	compare(&w, txn, m, ch, 0, UINT64_MAX);
	assert_int_equal(blocks_pack(&w.s, txn, ch), 0);
	store_abort(txn);
	for (i = 0; i < m->n; i++)
		free(m->v[i].bytes);
	free(m);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(against_model),
		cmocka_unit_test(packing_saves) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
