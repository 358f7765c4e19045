/* How much disk a block takes: 1,000,000 synthetic blocks of 1 to 6 kB, in tenures of 1 to 80,
 * through the keeper, each tenure newest first, eight tenures at once.
 *
 * usage: disk [blocks [blocks-a-commit [dir]]]
 * Prints used pages / bytes of blocks (the figure to watch; freed pages do not count), file /
 * bytes, and times. Blocks carry no signatures and arbitrary Merkle roots: the keeper takes them as
 * held.  Without fsync: this is about space. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/chain/hash.h"
#include "common/store/keeper.h"
#include "common/sys/log.h"

#define LANES 8
#define MAX_TENURE 80
#define TX_HEAD 200

static const char network_text[] =
    "name disk\nchain_id 0x80000000\npeer_version 0xfacade10\nfirst_burn_height 100\n"
    "first_burn_hash 0000000000000000000000000000000000000000000000000000000000000001\n"
    "cycle_length 2100\nprepare_length 100\nstable_confirmations 7\nprivate_peers 1\nepoch 2.5 "
    "100\nepoch 3.0 101\n";

struct plan { uint32_t n; uint64_t height; uint8_t start[ID_LEN], parent[ID_LEN]; };
struct lane {
	size_t tenure;
	uint32_t left;
	uint8_t *blocks[MAX_TENURE];
	uint32_t len[MAX_TENURE];
};

static uint64_t mix(uint64_t x)
{
	x = (x + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 30) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void tenure_ch(uint8_t ch[CH_LEN], size_t t)
{
	uint8_t h[32], x[8];

	put_be64(x, t + 1);
	hash_once(h, x, sizeof(x));
	memcpy(ch, h, CH_LEN);
	if (t == SIZE_MAX)
		memset(ch, 0, CH_LEN);
}

/* The header; the id depends on nothing else. */
static size_t header(uint8_t *p, const uint8_t *ch, const uint8_t *parent, uint64_t height)
{
	memset(p, 0, 217);
	put_be64(p + 1, height);
	put_be64(p + 9, 1000);
	memcpy(p + 17, ch, CH_LEN);
	memcpy(p + 37, parent, ID_LEN);
	put_be64(p + 69, mix(height));
	put_be64(p + 133, height);
	p[140] = 1;
	put_be16(p + 210, 1);	/* pox treatment: one bit */
	put_be32(p + 212, 1);
	p[216] = 1;
	return 217;
}

static void block_id(uint8_t id[ID_LEN], const uint8_t *head, const uint8_t *ch)
{
	uint8_t h[32];

	hash_begin();
	hash_add(head, 141 + 65);
	hash_add(head + 210, 7);
	hash_end(h);
	hash_block_id(id, h, ch);
}

static size_t tx_head(uint8_t *p, uint8_t kind)
{
	size_t n = 0;

	memset(p, 0, TX_HEAD);
	p[n++] = 0x80;
	put_be32(p + n, 0x80000000);
	n += 4;
	p[n++] = 4;
	n += 1 + 20 + 8 + 8 + 1 + 65;	/* single signature, all zeros */
	p[n++] = 1;
	p[n++] = 1;
	n += 4;				/* no post-conditions */
	p[n++] = kind;
	return n;
}

/* Transactions: a tenure change and coinbase in a start, and a contract that fills up. */
static size_t transactions(uint8_t *p, bool start, const uint8_t *ch, const uint8_t *prev_ch,
    const uint8_t *parent, uint32_t prev_blocks, uint64_t seed, size_t fill)
{
	size_t n = 4, i, room;

	put_be32(p, start ? 3 : 1);
	if (start) {
		n += tx_head(p + n, 7);
		memcpy(p + n, ch, CH_LEN);
		memcpy(p + n + 20, prev_ch, CH_LEN);
		memcpy(p + n + 40, ch, CH_LEN);
		memcpy(p + n + 60, parent, ID_LEN);
		put_be32(p + n + 92, prev_blocks);
		memset(p + n + 96, 0, 21);
		n += 117;
		n += tx_head(p + n, 8);
		memset(p + n, 0, 32 + 1 + 80);
		p[n + 32] = 9;
		n += 32 + 1 + 80;
	}
	n += tx_head(p + n, 1);
	p[n++] = 1;
	p[n++] = 'c';
	room = fill > n + 4 ? fill - n - 4 : 0;
	put_be32(p + n, (uint32_t)room);
	n += 4;
	for (i = 0; i < room; i++)
		p[n + i] = (uint8_t)('a' + (mix(seed + i / 8) >> (i % 8 * 8)) % 26);
	return n + room;
}

static void plan_all(struct plan *p, size_t n)
{
	uint8_t head[217], ch[CH_LEN], id[ID_LEN];
	uint64_t height = 1;
	size_t t;
	uint32_t i;

	memset(id, 0, 32);
	put_be32(id, 0x55c9861b);	/* stands in for an epoch 2.x block */
	for (t = 0; t < n; t++) {
		p[t].n = 1 + (uint32_t)(mix(t) % MAX_TENURE);
		p[t].height = height;
		memcpy(p[t].parent, id, ID_LEN);
		tenure_ch(ch, t);
		for (i = 0; i < p[t].n; i++, height++) {
			header(head, ch, id, height);
			block_id(id, head, ch);
			if (i == 0)
				memcpy(p[t].start, id, ID_LEN);
		}
	}
}

static void sortitions(struct store *s, const struct plan *p, size_t n)
{
	MDB_txn *txn = store_write(s);
	struct rec_sortition r;
	size_t t;

	for (t = 0; t <= n; t++) {
		memset(&r, 0, sizeof(r));
		r.burn_height = 101 + t;
		tenure_ch(r.consensus_hash, t);
		r.won = r.canonical = true;
		memcpy(r.committed, t ? p[t - 1].start : p[0].parent, ID_LEN);
		if (t)
			tenure_ch(r.parent_ch, t - 1);
		sortition_put(s, txn, &r);
	}
	store_commit_or_die(s, txn);
}

static void lane_fill(struct lane *l, const struct plan *p, size_t t)
{
	uint8_t ch[CH_LEN], prev_ch[CH_LEN], id[ID_LEN];
	uint32_t i;

	tenure_ch(ch, t);
	memset(prev_ch, 0, CH_LEN);
	if (t)
		tenure_ch(prev_ch, t - 1);
	memcpy(id, p[t].parent, ID_LEN);
	for (i = 0; i < p[t].n; i++) {
		uint64_t seed = mix(t * 1000 + i);
		size_t size = 1000 + seed % 5001, n;

		free(l->blocks[i]);
		l->blocks[i] = xmalloc(size + 2000);
		n = header(l->blocks[i], ch, id, p[t].height + i);
		n += transactions(l->blocks[i] + n, i == 0, ch, prev_ch, id, t ? p[t - 1].n : 1,
		    seed, size - 217);
		l->len[i] = (uint32_t)n;
		block_id(id, l->blocks[i], ch);
	}
	l->tenure = t;
	l->left = p[t].n;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long private_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	long kb = 0, n;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %ld", &n) == 1 || sscanf(line, "RssShmem: %ld", &n) == 1)
			kb += n;
	if (f)
		fclose(f);
	return kb;
}

static void report(struct store *s, uint64_t blocks, uint64_t bytes, double taken,
    const struct keeper *k)
{
	MDB_txn *txn = store_read(s);
	struct keeper_counts c;
	MDB_envinfo info;
	MDB_cursor *cur;
	MDB_val key, v;
	size_t free_pages = 0, pages;

	mdb_env_info(s->env, &info);
	if (mdb_cursor_open(txn, 0, &cur) != 0)
		die_world("cannot read the free list");
	while (mdb_cursor_get(cur, &key, &v, MDB_NEXT) == 0)
		free_pages += *(size_t *)v.mv_data;
	mdb_cursor_close(cur);
	store_read_end(txn);
	keeper_counts(k, &c);
	pages = info.me_last_pgno + 1;
	printf("blocks %llu, bytes %llu, held %llu, proven %llu, tenures proven %llu\n",
	    (unsigned long long)blocks, (unsigned long long)bytes, (unsigned long long)c.held,
	    (unsigned long long)c.proven, (unsigned long long)c.tenures_proven);
	printf("private %ld kB\nused/bytes %.3f\nfile/bytes %.3f\nmicroseconds/block %.1f\n",
	    private_kb(), (double)(pages - free_pages) * 4096 / (double)bytes,
	    (double)pages * 4096 / (double)bytes, taken * 1e6 / (double)blocks);
}

static struct lane lanes[LANES];
static struct totals { uint64_t blocks, bytes; double kept; } totals;

/* One commit of at most `batch` blocks, lane by lane; false if there was none. */
static bool one_commit(struct keeper *k, size_t batch, struct rec_buf *out)
{
	double began = seconds();
	size_t n = 0, i, idle = 0, need;
	struct block block;

	keeper_begin(k);
	for (i = 0; n < batch && idle < LANES; i = (i + 1) % LANES) {
		struct lane *l = &lanes[i];

		if (l->left == 0) {
			idle++;
			continue;
		}
		idle = 0;
		l->left--;
		block_parse(
		    &block, MODEL_BIT(NAKAMOTO), NULL, l->blocks[l->left], l->len[l->left], &need);
		keeper_block(k, &block, 100, rec_str("disk"));
		totals.blocks++;
		totals.bytes += l->len[l->left];
		n++;
	}
	out->n = 0;
	if (keeper_commit(k, out) < 0)
		die_world("cannot write the store");
	totals.kept += seconds() - began;
	return n > 0;
}

static void clean(const char *dir)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/lock.mdb", dir);
	unlink(path);
	rmdir(dir);
}

int main(int argc, char **argv)
{
	size_t want = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000,
	       batch = argc > 2 ? strtoul(argv[2], NULL, 10) : 256;
	size_t n = want * 2 / (MAX_TENURE + 1) + 1, next = 0, i;
	char made[] = "/tmp/disk.XXXXXX", err[200] = "no directory";
	const char *dir = argc > 3 ? argv[3] : mkdtemp(made);
	static struct network net;
	static struct store s;
	struct rec_buf out = { 0 };
	struct keeper *k;
	struct plan *p;

	log_init("disk");
	if (!dir || network_parse(&net, network_text, strlen(network_text), err) < 0)
		die_world("cannot begin: %s", err);
	store_open_net(&s, dir, &net, KEEPER_TABLES | TABLE(T_SORTITIONS), 0);
	mdb_env_set_flags(s.env, MDB_NOSYNC, 1);
	p = xcalloc(n, sizeof(*p));
	plan_all(p, n);
	sortitions(&s, p, n);
	k = keeper_new(&s, "disk");
	do {
		/* A lane is only filled again when its last block is committed: the bytes are the
		 * lane's. */
		for (i = 0; i < LANES; i++)
			if (lanes[i].left == 0 && next < n)
				lane_fill(&lanes[i], p, next++);
	} while (one_commit(k, batch, &out));
	while (keeper_idle_work(k))
		one_commit(k, batch, &out);
	report(&s, totals.blocks, totals.bytes, totals.kept, k);
	keeper_free(k);
	store_close(&s);
	if (argc <= 3)
		clean(dir);
	return 0;
}
