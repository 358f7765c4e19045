/* rec_file - a file of records (an archive, a captured stream) as a source of the burnchain view.
 *
 * The file is mapped and indexed before confinement: where each height's newest row is, and each
 * reward set.  Records are decoded when they are asked for. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/sortition-sync/sync.h"
#include "common/sys/log.h"

#define ROWS_A_TURN 2000

struct rec_file {
	struct source *source;
	const uint8_t *map;
	size_t len;
	/* heights: at[h - first] is an offset of a frame plus one, 0: none */
	uint64_t first, n;
	uint64_t *at;
	uint64_t *sets;		/* offsets of reward sets */
	size_t n_sets;
	uint64_t sets_told;	/* cycles that were wanted when they were told */
	bool has_tip, tip_told;
	struct rec_tip tip;
};

/* Decode the frame at an offset.  Its length, or 0 at the end, or -1 with err. */
static ssize_t frame_at(const struct rec_file *f, uint64_t at, struct rec *rec, char err[160])
{
	const uint8_t *payload;
	size_t len;
	ssize_t n;

	if (at >= f->len)
		return 0;
	n = rec_frame(f->map + at, f->len - at, &payload, &len, err);
	if (n == 0)
		snprintf(err, 160, "ends in the middle of a record");
	if (n <= 0 || rec_decode(rec, payload, len, err) != 0)
		return -1;
	return n;
}

static void index_row(struct rec_file *f, const struct rec_sortition *r, uint64_t at)
{
	uint64_t i = r->burn_height - f->first;

	if (r->burn_height < f->first || i >= VIEW_MAX_HEIGHTS)
		return;
	if (i >= f->n) {
		uint64_t n = f->n * 2 > i + 1 ? f->n * 2 : i + 1024;
		f->at = xrealloc(f->at, n * sizeof(*f->at));
		memset(f->at + f->n, 0, (n - f->n) * sizeof(*f->at));
		f->n = n;
	}
	f->at[i] = at + 1;
}

static void index_record(struct rec_file *f, const struct rec *rec, uint64_t at, const char *path)
{
	const struct network *net = &f->source->sync->store.net;

	switch (rec->type) {
	case REC_HELLO:
		if (rec->u.hello.chain_id != net->chain_id)
			die_usage("'%s' is of another network: chain id 0x%08x", path,
			    rec->u.hello.chain_id);
		if (rec->u.hello.schema > REC_SCHEMA)
			die_usage("'%s' has the newer schema %u", path, rec->u.hello.schema);
		break;
	case REC_SORTITION:
		/* Of a store's rows the canonical ones are meant; a stream
		 * tells forks by 'reorg'. */
		if (rec->u.sortition.canonical || rec->u.sortition.burn_height - f->first >= f->n ||
		    !f->at[rec->u.sortition.burn_height - f->first])
			index_row(f, &rec->u.sortition, at);
		f->source->sync->view.sources[f->source->index].tells_burn |=
		    rec->u.sortition.has_burn;
		break;
	case REC_REORG:
		for (uint64_t h = rec->u.reorg.fork_height + 1; h > f->first && h - f->first < f->n;
		     h++)
			f->at[h - f->first] = 0;
		break;
	case REC_REWARD_SET:
		f->sets = xrealloc(f->sets, (f->n_sets + 1) * sizeof(*f->sets));
		f->sets[f->n_sets++] = at;
		break;
	case REC_TIP:
		f->tip = rec->u.tip;
		f->has_tip = true;
		break;
	}
}

struct rec_file *rec_file_open(struct source *source, const char *path)
{
	struct rec_file *f = xcalloc(1, sizeof(*f));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct rec rec;
	char err[160] = "";
	ssize_t n;

	f->source = source;
	f->first = source->sync->store.net.first_burn_height;
	if (fd < 0 || fstat(fd, &st) != 0)
		die_name("cannot read source", path);
	errno = EISDIR;
	if (S_ISDIR(st.st_mode))
		die_name("cannot read source", path);
	f->len = (size_t)st.st_size;
	/* An empty file cannot be mapped: it has no sortitions, as is said below. */
	f->map = f->len > 0 ? mmap(NULL, f->len, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	if (f->map == MAP_FAILED)
		die_world("cannot map '%s': %s", path, strerror(errno));
	close(fd);
	for (uint64_t at = 0; (n = frame_at(f, at, &rec, err)) != 0; at += (uint64_t)n) {
		if (n < 0) {
			if (at > 0)	/* else nothing counts, as is said below */
				log_warnx("source '%s' at byte %llu: %s; what is before it counts",
				    path, (unsigned long long)at, err);
			break;
		}
		if (rec.known)
			index_record(f, &rec, at, path);
	}
	while (f->n > 0 && !f->at[f->n - 1])
		f->n--;
	if (f->n == 0 && f->n_sets == 0)
		die_usage("source '%s' has no sortitions: neither a sortition database nor a file "
			  "of records",
		    path);
	source->sync->view.sources[source->index].fixed = true;
	if (f->n_sets)
		source->sync->claims.sets_from |= 1ull << source->index;
	if (f->has_tip)
		source->sync->claims.tips_from |= 1ull << source->index;
	return f;
}

void rec_file_free(struct rec_file *f)
{
	munmap((void *)f->map, f->len);
	free(f->at);
	free(f->sets);
	free(f);
}

static int row_at(const struct rec_file *f, uint64_t height, struct rec_sortition *r)
{
	struct rec rec;
	char err[160];

	if (height < f->first || height - f->first >= f->n || !f->at[height - f->first])
		return -1;
	if (frame_at(f, f->at[height - f->first] - 1, &rec, err) <= 0)
		return -1;
	*r = rec.u.sortition;
	return 0;
}

static int prev_ch(void *arg, uint64_t height, uint8_t *ch)
{
	struct rec_sortition r;

	if (row_at(arg, height, &r) != 0)
		return -1;
	memcpy(ch, r.consensus_hash, CH_LEN);
	return 0;
}

static void tell_others(struct rec_file *f)
{
	struct sync *s = f->source->sync;
	struct rec rec;
	char err[160];

	if (f->has_tip && !f->tip_told) {
		f->tip_told = true;
		sync_block_tip(f->source, &f->tip);
	}
	if (f->sets_told == s->claims.high)
		return;
	f->sets_told = s->claims.high;
	for (size_t i = 0; i < f->n_sets; i++)
		if (frame_at(f, f->sets[i], &rec, err) > 0)
			sync_set(f->source, &rec.u.reward_set);
	for (uint64_t c = s->claims.low; c < s->claims.high; c++)
		claims_missing(&s->claims, f->source->index, c);	/* it will not have more */
}

bool rec_file_pump(struct rec_file *f)
{
	struct source *s = f->source;
	struct view *v = &s->sync->view;
	struct rec_sortition r;
	unsigned rows = 0;
	uint64_t from;
	uint32_t n;

	if (!v->sources[s->index].has_tip && f->n > 0 && row_at(f, f->first + f->n - 1, &r) == 0 &&
	    source_check(s, &r, prev_ch, f) != CHECK_FALSE)
		sync_burn_tip(s, &r);
	tell_others(f);
	while (rows < ROWS_A_TURN && !sync_ignored(s) && view_next(v, s->index, 500, &from, &n)) {
		rows += n;
		for (uint32_t i = n; i-- > 0 && !sync_ignored(s); ) {
			if (row_at(f, from + i, &r) != 0)
				sync_missing(s, from + i);
			else if (source_check(s, &r, prev_ch, f) != CHECK_FALSE)
				sync_claim(s, &r);
		}
	}
	s->idle = rows == 0;
	return rows >= ROWS_A_TURN;
}

/* Next: cmd/sortition-sync/commit.c, into the store and out. */
