/* The burnchain view that blocks are judged against: the store, if there is one, then what records
 * said.  A consensus hash names one burn block for ever, so an answer holds until the store has
 * another commit. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/block-verify/verify.h"
#include "common/sys/log.h"

/* Bounds on what is kept of records: all sortitions of mainnet, and years to come; some 45 MB at
 * worst. */
#define MAX_ROWS 393216 /* three quarters of a table of 2^19 */
#define MAX_GIVEN 256
#define MAX_GIVEN_SIGNERS 100000

struct view_row { uint8_t ch[CH_LEN]; bool used; struct fact fact; };

void view_init(struct view *v, const struct network *net, struct store *store)
{
	memset(v, 0, sizeof(*v));
	v->net = net;
	v->store = store;
	v->generation = 1;
}

static struct signers *signers_ref(struct signers *s)
{
	if (s)
		s->refs++;
	return s;
}

void signers_unref(struct signers *s)
{
	if (s && --s->refs == 0) {
		signer_set_release(&s->set);
		free(s);
	}
}

/* NULL if the record makes no set. */
static struct signers *signers_new(const struct rec_reward_set *r)
{
	struct signers *s = xcalloc(1, sizeof(*s));

	s->refs = 1;
	if (signer_set_of_record(&s->set, r) == 0)
		return s;
	free(s);
	return NULL;
}

static bool signers_equal(const struct signers *s, const struct rec_reward_set *r)
{
	if (s->set.n != r->keys.n || s->set.n != r->weights.n ||
	    memcmp(s->set.keys, r->keys.p, (size_t)s->set.n * KEY_LEN) != 0)
		return false;
	for (uint32_t i = 0; i < s->set.n; i++)
		if (s->set.weights[i] != rec_u32_at(r->weights, i))
			return false;
	return true;
}

void view_release(struct view *v)
{
	for (size_t i = 0; i < v->n_given; i++)
		signers_unref(v->given[i]);
	for (unsigned i = 0; i < CACHED_SETS; i++)
		signers_unref(v->cache[i]);
	signers_unref(v->last.signers);
	free(v->given);
	free(v->rows);
}

/* The row of a consensus hash, or the free one where it would stand.  Consensus hashes are hashes
 * already. */
static struct view_row *row_of(struct view_row *rows, size_t cap, const uint8_t ch[CH_LEN])
{
	size_t i = (get_be32(ch) ^ get_be32(ch + 4)) & (cap - 1);

	while (rows[i].used && memcmp(rows[i].ch, ch, CH_LEN) != 0)
		i = (i + 1) & (cap - 1);
	return &rows[i];
}

static void grow(struct view *v)
{
	size_t cap = v->cap ? 2 * v->cap : 1024;
	struct view_row *rows = xcalloc(cap, sizeof(*rows));

	for (size_t i = 0; i < v->cap; i++)
		if (v->rows[i].used)
			*row_of(rows, cap, v->rows[i].ch) = v->rows[i];
	free(v->rows);
	v->rows = rows;
	v->cap = cap;
}

static void too_much(struct view *v)
{
	if (!v->warned)
		log_warnx("the view in records is too large: what comes now is not kept");
	v->warned = true;
}

static void take_sortition(struct view *v, const struct rec_sortition *s)
{
	struct view_row *row;

	if (v->n_rows < MAX_ROWS && v->n_rows * 4 >= v->cap * 3)
		grow(v);
	row = row_of(v->rows, v->cap, s->consensus_hash);
	if (!row->used && v->n_rows >= MAX_ROWS) {
		too_much(v);
		return;
	}
	v->n_rows += !row->used;
	row->used = true;
	memcpy(row->ch, s->consensus_hash, CH_LEN);
	row->fact.burn_height = s->burn_height;
	row->fact.won = s->won;
	memcpy(row->fact.miner, s->miner, HASH160_LEN);
	memcpy(row->fact.committed, s->committed, ID_LEN);
}

static void take_set(struct view *v, const struct rec_reward_set *r)
{
	struct signers *s = signers_new(r);
	size_t i = 0, total = 0;

	if (!s) {
		log_warnx("the reward set of cycle %llu makes no sense",
		    (unsigned long long)r->cycle);
		return;
	}
	for (size_t k = 0; k < v->n_given; k++)
		total += v->given[k]->set.n;
	while (i < v->n_given && v->given[i]->set.cycle < r->cycle)
		i++;
	if (i < v->n_given && v->given[i]->set.cycle == r->cycle) {
		signers_unref(v->given[i]);
		v->given[i] = s;
	} else if (v->n_given == MAX_GIVEN || total + s->set.n > MAX_GIVEN_SIGNERS) {
		too_much(v);
		signers_unref(s);
	} else {
		v->given = xrealloc(v->given, (v->n_given + 1) * sizeof(*v->given));
		memmove(v->given + i + 1, v->given + i, (v->n_given - i) * sizeof(*v->given));
		v->given[i] = s;
		v->n_given++;
	}
}

void view_take(struct view *v, const struct rec *r)
{
	if (!r->known || (r->type != REC_SORTITION && r->type != REC_REWARD_SET))
		return;
	v->generation++;
	if (r->type == REC_SORTITION)
		take_sortition(v, &r->u.sortition);
	else
		take_set(v, &r->u.reward_set);
}

static bool find_fact(struct view *v, MDB_txn *txn, const uint8_t ch[CH_LEN], struct fact *f)
{
	struct rec_sortition s;
	struct view_row *row;

	if (txn && sortition_get(v->store, txn, ch, &s) == 0) {
		f->burn_height = s.burn_height;
		f->won = s.won;
		memcpy(f->miner, s.miner, HASH160_LEN);
		memcpy(f->committed, s.committed, ID_LEN);
		return true;
	}
	row = v->cap ? row_of(v->rows, v->cap, ch) : NULL;
	if (!row || !row->used)
		return false;
	*f = row->fact;
	return true;
}

/* The store's set of a cycle by way of the cache, whose entry is good if it equals the row. */
static struct signers *find_stored(struct view *v, MDB_txn *txn, uint64_t cycle)
{
	struct rec_reward_set r;
	struct signers *s = NULL;
	unsigned i;

	for (i = 0; i < CACHED_SETS - 1 && v->cache[i] && v->cache[i]->set.cycle != cycle; i++)
		;
	if (v->cache[i] && v->cache[i]->set.cycle == cycle)
		s = v->cache[i];
	if (!s || s->checked != v->generation) {
		if (reward_set_get(v->store, txn, cycle, &r) < 0)
			return NULL;
		if (!s || !signers_equal(s, &r)) {
			if (!(s = signers_new(&r)))
				return NULL;
			signers_unref(v->cache[i]);
		}
		s->checked = v->generation;
	}
	memmove(v->cache + 1, v->cache, i * sizeof(*v->cache));
	v->cache[0] = s;
	return s;
}

static struct signers *find_signers(struct view *v, MDB_txn *txn, uint64_t cycle)
{
	struct signers *s = txn ? find_stored(v, txn, cycle) : NULL;

	for (size_t i = 0; !s && i < v->n_given; i++)
		if (v->given[i]->set.cycle == cycle)
			s = v->given[i];
	return s;
}

static enum chain_reason look_up(struct view *v, const uint8_t ch[CH_LEN], struct fact *f,
    struct signers **signers)
{
	MDB_txn *txn = v->store ? store_read(v->store) : NULL;
	enum chain_reason reason = REASON_OK;

	*signers = NULL;
	if (!find_fact(v, txn, ch, f))
		reason = REASON_NOSORTITION;
	else if (!(*signers = find_signers(v, txn, network_cycle(v->net, f->burn_height))))
		reason = f->won ? REASON_NOSET : REASON_NOWINNER;
	else if (!f->won)
		reason = REASON_NOWINNER;
	if (txn)
		store_read_end(txn);
	return reason;
}

enum chain_reason view_lookup(struct view *v, const uint8_t ch[CH_LEN], struct fact *f,
    struct signers **signers)
{
	if (v->store && store_changed(v->store))
		v->generation++;
	if (!v->last.set || v->last.generation != v->generation ||
	    memcmp(v->last.ch, ch, CH_LEN) != 0) {
		struct signers *before = v->last.signers;

		memset(&v->last.fact, 0, sizeof(v->last.fact));
		v->last.reason = look_up(v, ch, &v->last.fact, &v->last.signers);
		signers_ref(v->last.signers);
		signers_unref(before);
		memcpy(v->last.ch, ch, CH_LEN);
		v->last.generation = v->generation;
		v->last.set = true;
	}
	*f = v->last.fact;
	*signers = signers_ref(v->last.signers);
	return v->last.reason;
}

/* One record of the file of -R. */
static void read_record(struct view *v, const uint8_t *payload, size_t len, const char *path)
{
	char err[160], name[80];
	struct rec r;

	if (rec_decode(&r, payload, len, err) < 0)
		die_usage("view '%s' is broken: %s", path, err);
	if (r.known && r.type == REC_HELLO && !rec_is(r.u.hello.network, v->net->name))
		die_usage("view '%s' is of network '%s', not '%s'", path,
		    rec_cstr(name, sizeof(name), r.u.hello.network), v->net->name);
	view_take(v, &r);
}

/* Frames of a file that may be longer than memory: an archive has blocks, which are of no interest
 * here. */
void view_read(struct view *v, int fd, const char *path)
{
	size_t have = 0, cap = MAX_FRAME + REC_FRAME_HEAD;
	uint8_t *buf = xmalloc(cap);
	ssize_t got;

	while ((got = read(fd, buf + have, cap - have)) != 0) {
		size_t at = 0, len;
		ssize_t used;
		const uint8_t *payload;
		char err[160];

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			die_name("cannot read view", path);
		have += (size_t)got;
		while ((used = rec_frame(buf + at, have - at, &payload, &len, err)) > 0) {
			read_record(v, payload, len, path);
			at += (size_t)used;
		}
		if (used < 0)
			die_usage("view '%s' is broken: %s", path, err);
		memmove(buf, buf + at, have - at);
		have -= at;
	}
	if (have)
		die_usage("view '%s' is cut off in the middle of a record", path);
	free(buf);
	close(fd);
}

/* Next: cmd/block-verify/pool.c, the threads that judge. */
