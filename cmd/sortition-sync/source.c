/* source - one of those whom the burnchain view is trusted from: a node's RPC, a node's database,
 * or a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/sortition-sync/sync.h"
#include "common/sys/log.h"

#define FORMAT_SQLITE "SQLite format 3" /* how such a file begins, with the NUL */

void source_open(struct sync *s, struct source *source, const char *name)
{
	char magic[sizeof(FORMAT_SQLITE)] = "";
	ssize_t n;
	int fd;

	source->sync = s;
	source->index = (unsigned)(source - s->sources);
	source->name = name;
	if (strncmp(name, "http://", 7) == 0 || strncmp(name, "https://", 8) == 0) {
		if (http_url_fault(name))
			die_usage("bad source '%s': %s", name, http_url_fault(name));
		source->rpc = rpc_new(source, name);
		s->claims.sets_from |= 1ull << source->index;
		s->claims.tips_from |= 1ull << source->index;
		return;
	}
	source->info_done = true;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		die_usage("source '%s' is neither an http(s) URL nor a file", name);
	if (fd < 0)
		die_name("cannot read source", name);
	n = read(fd, magic, sizeof(magic));
	close(fd);	/* before SQLite opens it: a close drops all locks that this process has on
			 * a file */
	if (n == sizeof(magic) && memcmp(magic, FORMAT_SQLITE, sizeof(magic)) == 0)
		source->db = node_db_open(source, name);
	else
		source->file = rec_file_open(source, name);
}

void source_close(struct source *source)
{
	if (source->rpc)
		rpc_free(source->rpc);
	if (source->db)
		node_db_free(source->db);
	if (source->file)
		rec_file_free(source->file);
}

void source_pump(struct source *source)
{
	bool more = false;

	if (sync_ignored(source))
		return;
	if (source->rpc)
		rpc_pump(source->rpc, now_ms());
	else if (source->db)
		more = node_db_pump(source->db, now_ms());
	else
		more = rec_file_pump(source->file);
	if (more)
		sync_local_work(source->sync);
}

enum check source_check(struct source *source, struct rec_sortition *r,
    int (*prev)(void *, uint64_t, uint8_t *), void *arg)
{
	const struct network *net = &source->sync->store.net;
	uint8_t ch[CH_LEN];
	char evidence[120];

	r->checked = false;
	if (!r->has_burn || r->burn_height == net->first_burn_height)
		return CHECK_UNKNOWN;
	if (view_consensus_hash(ch, net, r->burn_height, r->burn_hash, r->ops_hash, r->total_burn,
		prev, arg) != 0)
		return CHECK_UNKNOWN;
	if (memcmp(ch, r->consensus_hash, CH_LEN) == 0) {
		r->checked = true;
		return CHECK_FITS;
	}
	snprintf(evidence, sizeof(evidence),
	    "burn height %llu: its data do not hash to its consensus hash",
	    (unsigned long long)r->burn_height);
	sync_blame(source, BLAME_CONSENSUS_HASH, evidence);
	return CHECK_FALSE;
}

/* Next: cmd/sortition-sync/rpc.c, a node's RPC. */
