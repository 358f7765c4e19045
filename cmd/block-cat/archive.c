/* Into the store: an archive proves itself against its own view, and that view must not contradict
 * the store's.
 *
 * A store without a confirmed view takes the archive's and says so (meta trust, confirmed = false)
 * until a source confirms it.  A store with a view of its own keeps it: what contradicts it is
 * refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/block-cat/cat.h"
#include "common/chain/hash.h"
#include "common/sys/log.h"
#include "common/sys/out.h"
#include "common/sys/stage.h"

void archive_open(struct archive *a, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->name = strcmp(name, "-") == 0 ? "stdin" : name;
	a->fd = strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	if (a->fd < 0)
		die_name("cannot read", name);
	a->cap = MAX_FRAME + (1 << 20);
	a->buf = xmalloc(a->cap);
}

bool archive_next(struct archive *a, void (*keep)(void *), void *arg)
{
	const uint8_t *payload;
	char err[160];
	bool unread = false;
	size_t len;
	ssize_t n;

	for (;;) {
		n = rec_frame(a->buf + a->from, a->n - a->from, &payload, &len, err);
		if (n > 0 && rec_decode(&a->rec, payload, len, err) == 0) {
			a->from += (size_t)n;
			a->begun = true;
			return true;
		}
		if (n != 0)
			break;
		memmove(a->buf, a->buf + a->from, a->n - a->from);
		a->n -= a->from;
		a->from = 0;
		n = read_some(a->fd, a->buf + a->n, a->cap - a->n);
		if (n < 0 && errno == EISDIR)
			die_name("cannot read", a->name);
		if (n < 0)
			snprintf(err, sizeof(err), "%s", strerror(errno));
		else if (n == 0 && a->n == 0)
			return false;
		else if (n == 0)
			snprintf(err, sizeof(err), "cut in the middle of a record");
		unread = n < 0;
		if (n <= 0)
			break;
		a->n += (size_t)n;
	}
	if (keep)
		keep(arg);
	if (!a->begun && !unread)
		die_usage("'%s' is no archive: %s", a->name, err);
	die_world("'%s' is broken: %s", a->name, err);
}

void archive_network(struct archive *a, struct network *net)
{
	char err[200];

	if (!archive_next(a, NULL, NULL) || a->rec.type != REC_HELLO || !a->rec.known)
		die_usage("'%s' is no archive: it does not begin with hello", a->name);
	if (a->rec.u.hello.schema > REC_SCHEMA)
		die_usage("'%s' has schema %u, this program speaks %d", a->name,
		    a->rec.u.hello.schema, REC_SCHEMA);
	if (!archive_next(a, NULL, NULL) || a->rec.type != REC_NETWORK || !a->rec.known)
		die_usage("'%s' is no archive: no network follows its hello", a->name);
	if (network_parse(net, a->rec.u.network.text.p, a->rec.u.network.text.n, err) < 0 ||
	    network_untrust(net, err) < 0)
		die_usage("'%s': its network: %s", a->name, err);
}

struct import {
	struct store *s;
	struct archive *a;
	const struct options *o;
	uint64_t began;			/* now_ms() */
	struct keeper *k;
	struct trial trial;
	struct rec_buf out;
	MDB_txn *txn;			/* while view records gather */
	unsigned gathered;
	bool own_view;			/* the store has one that a source confirmed, as of the open
					 * transaction */
	uint64_t refused_view, blocks, refused;
	uint64_t low, high;
	uint8_t tip[CH_LEN];
};

static void view_commit(struct import *m)
{
	if (m->txn)
		store_commit_or_die(m->s, m->txn);
	m->txn = NULL;
	m->gathered = 0;
}

/* A sync may run beside us: whose view the store has is looked at in each transaction. */
static void view_begin(struct import *m)
{
	struct rec_trust trust;

	if (m->txn && ++m->gathered >= 4096)
		view_commit(m);
	if (m->txn)
		return;
	m->txn = store_write(m->s);
	m->own_view = meta_get_row(m->s, m->txn, "trust", REC_TRUST, &trust) == 0 &&
	    trust.confirmed;
}

static int earlier(void *arg, uint64_t height, uint8_t *ch)
{
	const struct import *m = arg;
	struct rec_sortition r;

	if (sortition_at(m->s, m->txn, height, &r) < 0)
		return -1;
	memcpy(ch, r.consensus_hash, CH_LEN);
	return 0;
}

/* Whether its burn total hashes to its consensus hash: what the archive says of that is nothing to
 * us. */
static bool burn_fits(struct import *m, const struct rec_sortition *r)
{
	uint8_t ch[CH_LEN];

	return r->has_burn && r->burn_height != m->s->net.first_burn_height &&
	    view_consensus_hash(ch, &m->s->net, r->burn_height, r->burn_hash, r->ops_hash,
		r->total_burn, earlier, m) == 0 &&
	    memcmp(ch, r->consensus_hash, CH_LEN) == 0;
}

static void take_sortition(struct import *m, const struct rec_sortition *r)
{
	struct rec_sortition own, copy = *r;

	view_begin(m);
	if (sortition_get(m->s, m->txn, r->consensus_hash, &own) == 0)
		return;
	if (sortition_at(m->s, m->txn, r->burn_height, &own) == 0 && r->canonical) {
		if (m->own_view) {
			m->refused_view++;
			return;
		}
		copy.canonical = false;
	}
	copy.sources = 0;
	copy.checked = burn_fits(m, r);
	sortition_put(m->s, m->txn, &copy);
	if (copy.canonical && (m->low == 0 || r->burn_height < m->low))
		m->low = r->burn_height;
	if (copy.canonical && r->burn_height >= m->high) {
		m->high = r->burn_height;
		memcpy(m->tip, r->consensus_hash, CH_LEN);
	}
}

static void take_reward_set(struct import *m, const struct rec_reward_set *r)
{
	struct rec_reward_set own, copy = *r;

	view_begin(m);
	if (reward_set_get(m->s, m->txn, r->cycle, &own) == 0) {
		if (own.keys.n != r->keys.n ||
		    memcmp(own.keys.p, r->keys.p, (size_t)KEY_LEN * r->keys.n) != 0)
			m->refused_view++;
		return;
	}
	copy.sources = 0;
	reward_set_put(m->s, m->txn, &copy);
}

static void refuse(struct import *m, const struct trial_block *b, struct rec_view source)
{
	struct rec_verdict v = { .source = source,
		.kind = b->kind,
		.reason = rec_str(chain_reason_word(b->reason)),
		.detail = rec_str(chain_reason_text(b->reason)),
		.height = b->height,
		.time = now_unix() };

	v.status = b->reason == REASON_NOSORTITION || b->reason == REASON_NOSET ||
		b->reason == REASON_NOWINNER ?
	    STATUS_UNDECIDED :
	    STATUS_REFUSED;
	memcpy(v.id, b->id, ID_LEN);
	memcpy(v.consensus_hash, b->ch, CH_LEN);
	hash_once(v.body_hash, m->trial.bytes + b->at, b->len);
	keeper_verdict(m->k, &v);
	m->refused++;
}

static void keep_block(struct import *m, const struct trial_block *b, struct rec_view source)
{
	struct block block;
	size_t need;

	if (block_parse(&block, MODEL_BIT(b->model), b->ch, m->trial.bytes + b->at, b->len,
		&need) != (ssize_t)b->len)
		BUG("a block that holds is none");
	keeper_block(m->k, &block, b->weight, source);
}

/* Between its blocks, of this commit and of those before, the keeper judges it again. */
static void keep_stream(struct import *m, const struct trial_block *b, struct rec_view source)
{
	const uint8_t *bytes = m->trial.bytes + b->at;
	struct rec_microblocks r = { .source = source,
		.body = rec_bytes(bytes, b->len),
		.evidence = rec_bytes(bytes + b->len, b->evidence) };

	memcpy(r.child_id, b->id, ID_LEN);
	memcpy(r.consensus_hash, b->ch, CH_LEN);
	keeper_stream(m->k, &r, b->stream.signer);
}

static void blocks_commit(struct import *m)
{
	struct keeper_counts c;
	char source[MAX_SOURCE + 1];
	size_t i;

	if (m->trial.n == 0)
		return;
	view_commit(m);
	if (!m->k)
		m->k = keeper_new(m->s, "block-cat");
	snprintf(source, sizeof(source), "file:%s", m->a->name);
	trial_judge(&m->trial);
	keeper_begin(m->k);
	for (i = 0; i < m->trial.n; i++) {
		struct trial_block *b = &m->trial.b[i];

		if (b->reason != REASON_OK && !b->stream.left)
			refuse(m, b, rec_str(source));
		else if (b->kind == ITEM_STREAM)
			keep_stream(m, b, rec_str(source));
		else
			keep_block(m, b, rec_str(source));
	}
	m->out.n = 0;
	if (keeper_commit(m->k, &m->out) < 0)
		store_die(m->s, errno);
	keeper_counts(m->k, &c);
	for (i = 0; i < m->trial.n; i++)
		m->blocks += m->trial.b[i].kind == ITEM_BODY;
	progress_line(m->o, "%llu blocks, %llu proven, %llu blocks/s",
	    (unsigned long long)m->blocks, (unsigned long long)c.proven,
	    (unsigned long long)(m->blocks * 1000 / (now_ms() - m->began + 1)));
	m->trial.n = m->trial.n_bytes = 0;
}

static void trust_write(struct import *m)
{
	char source[MAX_SOURCE + 8];
	struct rec_trust t = { .tip_height = m->high,
		.low_height = m->low,
		.stable_height = m->high,
		.time = now_unix() };

	if (m->high == 0)
		return;
	view_begin(m);
	if (m->own_view)
		return;
	snprintf(source, sizeof(source), "file:%s", m->a->name);
	t.sources = rec_str(source);
	memcpy(t.tip, m->tip, CH_LEN);
	meta_put_row(m->s, m->txn, "trust", REC_TRUST, &t);
}

/* All that came so far. */
static void keep(void *arg)
{
	struct import *m = arg;

	trust_write(m);
	view_commit(m);
	blocks_commit(m);
}

/* Archives may stand one behind the other, if they are of one network. */
static void take_hello(struct import *m, const struct rec_hello *r)
{
	char name[65];

	if (rec_is(r->network, m->s->net.name) && r->chain_id == m->s->net.chain_id)
		return;
	keep(m);
	die_usage("'%s' goes on with network '%s': what came before is kept", m->a->name,
	    rec_cstr(name, sizeof(name), r->network));
}

/* True if the archive was taken whole. */
static bool summary(struct import *m)
{
	struct keeper_counts c = { 0 };

	if (m->k)
		keeper_counts(m->k, &c);
	if (m->refused_view)
		log_warnx("%llu sortitions and reward sets of '%s' contradict the store's own "
			  "view: refused",
		    (unsigned long long)m->refused_view, m->a->name);
	if (m->refused + c.refused)
		log_warnx("%llu blocks of '%s' are refused: see the table verdicts",
		    (unsigned long long)(m->refused + c.refused), m->a->name);
	log_info("%llu blocks read, %llu held, %llu proven", (unsigned long long)m->blocks,
	    (unsigned long long)c.held, (unsigned long long)c.proven);
	return m->refused_view + m->refused + c.refused == 0;
}

static void take_record(struct import *m, const struct rec *r)
{
	if (!r->known)
		return;
	if (r->type == REC_HELLO) {
		take_hello(m, &r->u.hello);
	} else if (r->type == REC_SORTITION) {
		take_sortition(m, &r->u.sortition);
	} else if (r->type == REC_REWARD_SET) {
		take_reward_set(m, &r->u.reward_set);
	} else if (r->type == REC_BLOCK || r->type == REC_MICROBLOCKS) {
		if (m->txn)
			trust_write(m);
		view_commit(m);
		if (r->type == REC_BLOCK)
			trial_add(&m->trial, &r->u.block);
		else
			trial_add_stream(&m->trial, &r->u.microblocks);
		if (trial_full(&m->trial))
			blocks_commit(m);
	}
}

/* What the keeper has put off. */
static void finish(struct import *m)
{
	keep(m);
	while (m->k && keeper_idle_work(m->k)) {
		keeper_begin(m->k);
		if (keeper_commit(m->k, &m->out) < 0)
			store_die(m->s, errno);
	}
}

bool archive_import(struct store *s, struct archive *a, const struct options *o)
{
	static struct import m;
	bool whole;

	m.s = m.trial.s = s;
	m.a = a;
	m.o = o;
	m.began = now_ms();
	m.trial.bytes = xmalloc(TRIAL_ROOM);
	while (archive_next(a, keep, &m))
		take_record(&m, &a->rec);
	finish(&m);
	progress_end();
	whole = summary(&m);
	if (m.k)
		keeper_free(m.k);
	rec_buf_release(&m.out);
	free(m.trial.bytes);
	return whole;
}

/* Next: cmd/block-cat/trial.c, the judging of an archive's blocks. */
