/* The whole store, looked at: checksums, ids, links, and signatures if asked.  With the lock what
 * is bad is taken out.
 *
 * Everything is read in pieces of some 4 MiB, each under a transaction of its own, and a pause
 * between them keeps to the rate. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/block-cat/cat.h"
#include "common/chain/proof.h"
#include "common/store/streams.h"
#include "common/sys/log.h"
#include "common/sys/out.h"
#include "common/sys/stage.h"

#define PIECE_BYTES (4u << 20)
#define PIECE_ROWS 50000
#define MAX_BAD_ROWS 4096	/* that one check removes; the next one has others */

struct hit { uint8_t id[ID_LEN], ch[CH_LEN]; bool has_id; };
struct bad_row { enum store_table table; uint8_t key[MAX_KEY]; size_t len; };
struct checking {
	struct store *s;
	const struct check_options *o;
	MDB_txn *txn;
	struct hit *hits;
	size_t n_hits, cap;
	uint8_t (*streams)[ID_LEN];	/* children whose streams of microblocks are bad */
	size_t n_streams;
	struct bad_row *bad;
	size_t n_bad, cap_bad;
	uint64_t blocks, bytes, began, named, all_streams;
	struct trial trial;
	uint8_t from[ID_LEN];		/* of block_ids: where the next piece begins */
	size_t rows;
	bool more;
	uint8_t ch[CH_LEN];		/* tenure of the block before */
};

/* One line a block: height, id, consensus hash, what is wrong.  A run that cannot be read names no
 * id: its blocks come by block_ids. */
static void hit(struct checking *k, const uint8_t *ch, uint64_t height, const uint8_t *id,
    const char *why)
{
	char hex[2 * ID_LEN + 1] = "-", tenure[2 * CH_LEN + 1];
	struct hit *h;

	if (k->n_hits == k->cap) {
		k->cap = k->cap ? k->cap * 2 : 64;
		k->hits = xrealloc(k->hits, k->cap * sizeof(*k->hits));
	}
	h = &k->hits[k->n_hits++];
	memset(h, 0, sizeof(*h));
	memcpy(h->ch, ch, CH_LEN);
	if (id) {
		memcpy(h->id, id, ID_LEN);
		h->has_id = true;
		hex_of(hex, id, ID_LEN);
		k->named++;
	}
	printf("%llu\t%s\t%s\t%s\n", (unsigned long long)height, hex, hex_of(tenure, ch, CH_LEN),
	    why);
}

/* Bytes of a piece: at a low rate small ones, so that reads are spread. */
static size_t piece_of(const struct checking *k)
{
	return k->o->rate && k->o->rate < PIECE_BYTES ? k->o->rate / 4 + 1 : PIECE_BYTES;
}

static void pace(const struct checking *k)
{
	uint64_t due = k->o->rate ? k->began + k->bytes * 1000 / k->o->rate : 0, now = now_ms();

	for (; due > now; now = now_ms())
		usleep((useconds_t)(due - now < 500 ? due - now : 500) * 1000);
}

/* ---- blocks ---- */

/* A proven block stands on one of its tenure, or is its start. */
static bool linked(struct checking *k, const uint8_t *ch, const struct block *n)
{
	struct kept_block parent;
	struct rec_tenure t;

	if (!block_proven(k->s, k->txn, n->id) || tenure_get(k->s, k->txn, ch, &t) < 0 ||
	    memcmp(t.start_id, n->id, ID_LEN) == 0)
		return true;
	return n->height > 0 &&
	    blocks_find(k->s, k->txn, ch, n->height - 1, n->parent, &parent) == 0;
}

/* NULL, or what is wrong with it; and the block, as far as it is one. */
static const char *fault_of(struct checking *k, const uint8_t *ch, const struct kept_block *b,
    struct block *n)
{
	uint8_t where[CH_LEN];
	uint64_t height;
	size_t need;

	if (!block_sound(ch, b))
		return "its checksum does not fit";
	if (block_parse(n, ANY_MODEL, ch, b->bytes, b->len, &need) != (ssize_t)b->len ||
	    memcmp(n->id, b->id, ID_LEN) != 0 || proof_root(n) != REASON_OK)
		return "its bytes do not hash to its id";
	if (n->height != b->height || memcmp(n->ch, ch, CH_LEN) != 0 ||
	    blocks_where(k->s, k->txn, b->id, where, &height) < 0 ||
	    height != b->height || memcmp(where, ch, CH_LEN) != 0)
		return "it does not lie where it belongs";
	return linked(k, ch, n) ? NULL : "its parent is not there";
}

static void stream_hit(struct checking *k, const uint8_t *child, const char *why);

static void judge_signatures(struct checking *k)
{
	size_t i;

	trial_judge(&k->trial);
	for (i = 0; i < k->trial.n; i++) {
		struct trial_block *b = &k->trial.b[i];

		/* What the view does not know cannot be judged. */
		if (b->reason == REASON_OK || b->reason == REASON_NOSORTITION ||
		    b->reason == REASON_NOWINNER || b->reason == REASON_NOSET)
			continue;
		if (b->kind == ITEM_STREAM)
			stream_hit(k, b->id, chain_reason_text(b->reason));
		else
			hit(k, b->ch, b->height, b->id, chain_reason_text(b->reason));
	}
	k->trial.n = k->trial.n_bytes = 0;
}

static void check_block(void *arg, const uint8_t *ch, uint64_t height, const struct kept_block *b)
{
	struct checking *k = arg;
	struct rec_block r = { .height = height };
	struct kept_block saved;
	struct block block;
	struct rec_tenure t;
	uint8_t id[ID_LEN];
	const char *why;

	if (memcmp(k->ch, ch, CH_LEN) != 0 && tenure_get(k->s, k->txn, ch, &t) < 0)
		hit(k, ch, height, NULL, "its tenure has no row");
	memcpy(k->ch, ch, CH_LEN);
	if (!b) {
		hit(k, ch, height, NULL, "a run of blocks that cannot be read");
		return;
	}
	k->blocks++;
	k->bytes += b->len;
	why = fault_of(k, ch, b, &block);
	if (why) {
		saved = *b;
		hit(k, ch, height, block_saved(ch, &saved, id) ? id : b->id, why);
	} else if (k->o->signatures) {
		memcpy(r.consensus_hash, ch, CH_LEN);
		r.model = block.model;
		r.body = rec_bytes(b->bytes, b->len);
		trial_add(&k->trial, &r);
		if (trial_full(&k->trial))
			judge_signatures(k);
	}
}

/* ---- streams of microblocks ---- */

static void bad_row_add(void *checking, enum store_table, const MDB_val *key);

static void stream_hit(struct checking *k, const uint8_t *child, const char *why)
{
	char hex[2 * ID_LEN + 1], tenure[2 * CH_LEN + 1];
	uint8_t ch[CH_LEN] = { 0 };
	uint64_t height = 0;

	k->streams = xrealloc(k->streams, (k->n_streams + 1) * sizeof(*k->streams));
	memcpy(k->streams[k->n_streams++], child, ID_LEN);
	blocks_where(k->s, k->txn, child, ch, &height);
	printf("%llu\t%s\t%s\tits stream of microblocks: %s\n", (unsigned long long)height,
	    hex_of(hex, child, ID_LEN), hex_of(tenure, ch, CH_LEN), why);
}

static void check_stream(void *arg, const uint8_t *child, const struct rec_stream *r,
    const MDB_val *key)
{
	struct checking *k = arg;
	struct rec_microblocks record;

	k->all_streams += child != NULL;
	k->bytes += r ? r->body.n : 0;
	if (!child) {
		bad_row_add(k, T_MICROBLOCKS, key);
		k->s->hurt = true;
	} else if (!r) {
		stream_hit(k, child, "its checksum does not fit");
	} else if (k->o->signatures) {
		stream_record(&record, r);
		trial_add_stream(&k->trial, &record);
		free((void *)record.body.p);
		if (trial_full(&k->trial))
			judge_signatures(k);
	}
}

/* A tenure's row that says its stream is there. */
static bool check_claim(void *arg, const struct rec_tenure *t)
{
	struct checking *k = arg;

	if ((t->stream == STREAM_PROVEN || t->stream == STREAM_CUT) &&
	    !stream_known(k->s, k->txn, t->start_id))
		stream_hit(k, t->start_id, "it is not there");
	return true;
}

static void look_at_streams(struct checking *k)
{
	uint8_t key[MAX_KEY];
	size_t klen = 0;

	for (bool more = true; more; pace(k)) {
		k->txn = store_read(k->s);
		more = streams_scan(k->s, k->txn, key, &klen, piece_of(k), check_stream, k);
		store_read_end(k->txn);
	}
	k->txn = store_read(k->s);
	tenure_walk(k->s, k->txn, check_claim, k);
	store_read_end(k->txn);
	if (k->o->signatures)
		judge_signatures(k);
}

/* ---- rows ---- */

static bool check_id(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct checking *k = arg;
	const uint8_t *where = data->mv_data;
	struct kept_block b;

	if (key->mv_size != ID_LEN)
		return true;
	k->more = k->rows++ == PIECE_ROWS;
	memcpy(k->from, key->mv_data, ID_LEN);
	if (k->more)
		return false;
	if (data->mv_size != CH_LEN + 8 ||
	    blocks_find(k->s, k->txn, where, get_be64(where + CH_LEN), key->mv_data, &b) < 0)
		hit(k, data->mv_size == CH_LEN + 8 ? where : (const uint8_t[CH_LEN]){ 0 },
		    data->mv_size == CH_LEN + 8 ? get_be64(where + CH_LEN) : 0,
		    key->mv_data, "it is not where its row in block_ids says");
	return true;
}

static bool see_listed(void *arg, const struct stored_block *b) { return true; }
static bool see_sortition(void *arg, const struct rec_sortition *r) { return true; }
static bool see_peer(void *arg, const struct rec_peer *r) { return true; }
static bool see_inventory(void *arg, const struct rec_inventory *r) { return true; }
static bool see_verdict(void *arg, const struct rec_verdict *r) { return true; }
static bool see_fault(void *arg, const struct rec_fault *r) { return true; }
static bool see_download(void *arg, const struct rec_download *r) { return true; }

static bool see_reward_set(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct rec_reward_set r;

	store_row(arg, T_REWARD_SETS, key, data, REC_REWARD_SET, &r);
	return true;
}

/* The canonical chain from its tip to its first tenure. */
static bool see_canonical(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct checking *k = arg;
	struct rec_tenure t;

	if (key->mv_size != 8 || data->mv_size != CH_LEN ||
	    tenure_get(k->s, k->txn, data->mv_data, &t) < 0 || !t.canonical ||
	    t.start_height != get_be64(key->mv_data))
		store_row_bad(k->s, T_CANONICAL, key);
	return true;
}

static void bad_row_add(void *arg, enum store_table t, const MDB_val *key)
{
	struct checking *k = arg;
	struct bad_row *b;

	for (b = k->bad; b < k->bad + k->n_bad; b++)
		if (b->table == t && b->len == key->mv_size &&
		    memcmp(b->key, key->mv_data, b->len) == 0)
			return;
	if (key->mv_size > MAX_KEY || k->n_bad == MAX_BAD_ROWS)
		return;
	if (k->n_bad == k->cap_bad) {
		k->cap_bad = k->cap_bad ? k->cap_bad * 2 : 64;
		k->bad = xrealloc(k->bad, k->cap_bad * sizeof(*k->bad));
	}
	b = &k->bad[k->n_bad++];
	b->table = t;
	b->len = key->mv_size;
	memcpy(b->key, key->mv_data, b->len);
}

/* The walks decode each row that is a record; one that fails is told by store_row, which sets the
 * store's `hurt`. */
static void check_rows(struct checking *k)
{
	struct store *s = k->s;

	k->txn = store_read(s);
	s->bad_row = bad_row_add;
	s->bad_row_arg = k;
	proven_list(s, k->txn, 0, see_listed, k);
	store_walk(s, k->txn, T_CANONICAL, NULL, 0, see_canonical, k);
	sortition_walk(s, k->txn, 0, see_sortition, k);
	store_walk(s, k->txn, T_REWARD_SETS, NULL, 0, see_reward_set, s);
	peer_walk(s, k->txn, see_peer, k);
	inventory_walk(s, k->txn, NULL, see_inventory, k);
	verdict_walk(s, k->txn, NULL, see_verdict, k);
	fault_walk(s, k->txn, see_fault, k);
	download_walk(s, k->txn, see_download, k);
	store_read_end(k->txn);
	s->bad_row = NULL;
	if (k->n_bad)
		log_warnx("store '%s' is damaged: %zu rows of tables, the first of '%s'%s",
		    s->dir, k->n_bad, store_table_name(k->bad[0].table),
		    s->writes & TABLE(T_BLOCKS) ?
		    ": removed, the next sync brings back what they said" : "");
	if (s->holes && k->n_hits == 0)
		log_warnx("store '%s' is damaged: its tenures count blocks that are not there",
		    s->dir);
}

static void look(struct checking *k)
{
	uint8_t key[MAX_KEY];
	size_t klen = 0;
	bool more = true;

	while (more) {
		k->txn = store_read(k->s);
		more = blocks_scan(k->s, k->txn, key, &klen, piece_of(k), check_block, k);
		store_read_end(k->txn);
		progress_line(k->o->options, "%llu blocks checked, %llu damaged",
		    (unsigned long long)k->blocks, (unsigned long long)k->named);
		pace(k);
	}
	if (k->o->signatures)
		judge_signatures(k);
	for (k->more = true; k->more; pace(k)) {
		k->rows = 0;
		k->more = false;
		k->txn = store_read(k->s);
		store_walk(k->s, k->txn, T_BLOCK_IDS, k->from, ID_LEN, check_id, k);
		store_read_end(k->txn);
	}
	look_at_streams(k);
	check_rows(k);
	progress_end();
}

/* ---- what is done about it ---- */

static void keep(struct checking *k, struct keeper *keeper, struct rec_buf *out)
{
	out->n = 0;
	if (keeper_commit(keeper, out) < 0)
		store_die(k->s, errno);
}

/* What they said is known elsewhere, or is asked for again where there is no row. */
static void remove_rows(struct checking *k)
{
	MDB_txn *txn;

	if (k->n_bad == 0)
		return;
	txn = store_write(k->s);
	for (size_t i = 0; i < k->n_bad; i++)
		store_del(k->s, txn, k->bad[i].table, k->bad[i].key, k->bad[i].len);
	store_commit_or_die(k->s, txn);
}

static void remove_hits(struct checking *k)
{
	struct keeper *keeper = keeper_new(k->s, "block-cat");
	struct rec_buf out = { 0 };
	size_t i;

	keeper_begin(keeper);
	for (i = 0; i < k->n_hits; i++)
		keeper_condemn(keeper, k->hits[i].ch, k->hits[i].has_id ? k->hits[i].id : NULL);
	keeper_rescan(keeper);
	keep(k, keeper, &out);
	while (keeper_idle_work(keeper)) {	/* checksums for a store of schema 1, too */
		keeper_begin(keeper);
		keep(k, keeper, &out);
	}
	keeper_free(keeper);
	rec_buf_release(&out);
}

/* The keeper removes what is noted and bad; whatever its bytes look like, what is gone already. */
static void note_streams(struct checking *k, bool owner)
{
	MDB_txn *txn = owner && k->n_streams ? store_write(k->s) : NULL;

	for (size_t i = 0; txn && i < k->n_streams; i++)
		stream_del(k->s, txn, k->streams[i]);
	if (txn)
		store_commit_or_die(k->s, txn);
	for (size_t i = 0; i < k->n_streams; i++)
		stream_note(k->s, k->streams[i]);
}

static void note_hits(struct checking *k)
{
	for (size_t i = 0; i < k->n_hits; i++)
		if (k->hits[i].has_id)
			damaged_note(k->s, k->hits[i].id);
}

static void tell(const struct checking *k, bool owner)
{
	const char *what = owner	 ? "removed, the next sync brings them back" :
			   k->s->writes ? "the program that holds the store's lock removes them" :
					  "nothing may be written here, so they stay";

	if (k->n_hits)
		log_warnx("%llu of %llu blocks are damaged: %s", (unsigned long long)k->named,
		    (unsigned long long)k->blocks, what);
	if (k->n_streams)
		log_warnx("%zu of %llu streams of microblocks are damaged: %s", k->n_streams,
		    (unsigned long long)k->all_streams, what);
}

bool check_store(struct store *s, const struct check_options *o)
{
	static struct checking k;
	bool owner = s->writes & TABLE(T_BLOCKS);

	k.s = k.trial.s = s;
	k.o = o;
	k.began = now_ms();
	if (o->signatures)
		k.trial.bytes = xmalloc(TRIAL_ROOM);
	look(&k);
	out_flush();
	if (s->writes)
		note_streams(&k, owner);
	if (owner) {
		remove_rows(&k);
		remove_hits(&k);
	} else if (s->writes)
		note_hits(&k);
	tell(&k, owner);
	free(k.trial.bytes);
	free(k.hits);
	free(k.bad);
	free(k.streams);
	return k.n_hits == 0 && k.n_streams == 0 && !s->holes && !s->hurt;
}

/* Next: cmd/block-cat/archive.c, into the store. */
