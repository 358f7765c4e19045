/* What block-fetch makes of the rows of earlier runs: who is tried alone, what is set aside, for
 * how long, and what it writes at most without a verdict. */
// link: cmd/block-fetch/*.c
#include "cmd/block-fetch/fetch.h"
#include "tests/unit/store_world.h"

static struct world w;
static struct fetch f;
static struct network net;

static void begin(void)
{
	world_open(&w);
	made_network(&net);
	memset(&f, 0, sizeof(f));
	f.store = w.s;
	f.plan = planner_new(&net, 140, false, true);
	setenv("BLOCKSYNC_CRASHED", "block-verify", 1);
}

static void end(void)
{
	planner_free(f.plan);
	for (unsigned i = 0; i < f.n_names; i++)
		free(f.names[i]);
	free(f.names);
	free(f.suspects);
	world_close(&w);
}

/* A row of a block that is a letter, with bytes that are another one. */
static void row(char id, char bytes, const char *source, enum download_state state,
    unsigned deaths, int64_t until)
{
	struct rec_download d = { .source = rec_str(source),
		.state = state,
		.tries = deaths,
		.deaths = deaths,
		.time = now_unix(),
		.until = (uint64_t)((int64_t)now_unix() + until) };
	MDB_txn *txn = store_write(&w.s);

	memset(d.consensus_hash, 'c', CH_LEN);
	memset(d.id, id, ID_LEN);
	memset(d.body_hash, bytes, 32);
	download_put(&w.s, txn, &d);
	store_commit_or_die(&w.s, txn);
}

static const struct suspect *suspect(char id)
{
	for (unsigned i = 0; i < f.n_suspects; i++)
		if (f.suspects[i].id[0] == (uint8_t)id)
			return &f.suspects[i];
	return NULL;
}

static bool aside(char id, char bytes, const char *source)
{
	struct written x = { .source = source };

	memset(x.id, id, ID_LEN);
	memset(x.hash, bytes, 32);
	return suspect_aside(&f, &x);
}

/* Alone on its way in two crashes: these bytes of anyone, and that block of that source; not in
 * one, nor in company. */
static void twice(void **state)
{
	begin();
	row('1', 'x', "one", DOWNLOAD_ALONE, 0, 1000);
	row('2', 'x', "one", DOWNLOAD_ALONE, 1, 1000);
	row('3', 'x', "one", DOWNLOAD_FLIGHT, 1, 1000);
	suspects_load(&f);
	assert_int_equal(f.n_suspects, 3);
	assert_false(suspect('1')->aside || suspect('3')->aside);
	assert_true(suspect('2')->aside && !suspect('2')->alone);
	assert_true(suspect('3')->alone && !suspect('1')->alone);
	assert_true(aside('2', 'x', "one") && aside('2', 'x', "two") && aside('2', 'y', "one"));
	assert_false(aside('2', 'y', "two") || aside('3', 'x', "one") || aside('1', 'x', "one"));
	end();
}

/* Only a crash of a judge counts. */
static void no_crash(void **state)
{
	begin();
	unsetenv("BLOCKSYNC_CRASHED");
	row('2', 'x', "one", DOWNLOAD_ALONE, 1, 1000);
	row('3', 'x', "one", DOWNLOAD_FLIGHT, 0, 1000);
	suspects_load(&f);
	assert_false(aside('2', 'x', "one"));
	assert_null(suspect('3'));
	end();
}

/* A day later it is tried again: at a start, and while the program runs. */
static void expires(void **state)
{
	MDB_txn *txn;

	begin();
	row('1', 'x', "one", DOWNLOAD_SETASIDE, 2, 1000);
	row('2', 'x', "one", DOWNLOAD_SETASIDE, 2, 0);
	suspects_load(&f);
	assert_int_equal(f.n_suspects, 1);
	assert_true(aside('1', 'x', "one"));
	suspects_review(&f);
	assert_true(aside('1', 'x', "one"));
	f.suspects[0].until = now_unix();
	suspects_review(&f);
	assert_false(aside('1', 'x', "one"));
	txn = store_read(&w.s);
	assert_int_equal(store_count(&w.s, txn, T_DOWNLOADS), 0);
	store_read_end(txn);
	end();
}

/* What waits for its verdict has a bound, a small one while suspects are tried again in company;
 * one that is tried alone is alone. */
static void unjudged(void **state)
{
	struct options o = { .usage = "" };

	begin();
	f.stage = stage_new("test", &o, &fetch_ops, &f);
	f.written_bytes = MAX_WRITTEN - 1;
	assert_true(transfers_room(&f));
	f.written_bytes = MAX_WRITTEN;
	assert_false(transfers_room(&f));
	f.n_crowd = 1;
	f.written_bytes = CROWD_BYTES - 1;
	assert_true(transfers_room(&f));
	f.written_bytes = CROWD_BYTES;
	assert_false(transfers_room(&f));
	f.written_bytes = 0;
	f.lone = true;
	assert_false(transfers_room(&f));
	stage_free(f.stage);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(twice),
		cmocka_unit_test(no_crash),
		cmocka_unit_test(expires),
		cmocka_unit_test(unjudged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
