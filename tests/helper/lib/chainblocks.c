/* The blocks and microblocks of a chain directory: rows in *.tsv, bodies in *.bin (chaindir.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/chain/hash.h"
#include "tests/helper/lib/chaindir.h"

/* A table: its rows one by one, and its bodies mapped for as long as the program lives. */
struct table {
	char path[4096];
	FILE *rows;
	char *line;
	size_t cap;
	const uint8_t *bin;
	size_t bin_len;
};

static void map_bodies(struct table *t, const char *dir, const char *name)
{
	struct stat st;
	int fd;

	snprintf(t->path, sizeof(t->path), "%s/%s.bin", dir, name);
	fd = open(t->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		die_world("cannot read '%s': %s", t->path, strerror(errno));
	t->bin_len = (size_t)st.st_size;
	if (t->bin_len > 0)
		t->bin = mmap(NULL, t->bin_len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (t->bin == MAP_FAILED)
		die_world("cannot map '%s': %s", t->path, strerror(errno));
	close(fd);
}

/* False if the directory has no such table. */
static bool table_open(struct table *t, const char *dir, const char *name)
{
	*t = (struct table){ 0 };
	snprintf(t->path, sizeof(t->path), "%s/%s.tsv", dir, name);
	t->rows = fopen(t->path, "r");
	if (!t->rows && errno == ENOENT)
		return false;
	if (!t->rows || getline(&t->line, &t->cap, t->rows) < 1) /* the header line */
		die_world("cannot read '%s': %s", t->path, strerror(errno));
	map_bodies(t, dir, name);
	return true;
}

static const char *table_next(struct table *t)
{
	if (getline(&t->line, &t->cap, t->rows) > 1)
		return t->line;
	free(t->line);
	fclose(t->rows);
	return NULL;
}

static const uint8_t *body(const struct table *t, unsigned long long offset, unsigned size)
{
	if (offset > t->bin_len || size > t->bin_len - offset)
		die_world("'%s': a row is about bytes that are not there", t->path);
	return t->bin + offset;
}

static void read_block(struct chain_block *b, const struct table *t, const char *line)
{
	char id[65], ch[41], parent[65];
	unsigned long long height, offset;
	unsigned size;
	int canonical;

	if (sscanf(line, "%llu\t%64s\t%40s\t%64s\t%u\t%llu\t%d", &height, id, ch, parent, &size,
		&offset, &canonical) != 7 ||
	    hex_to(b->id, ID_LEN, id, strlen(id)) != 0 ||
	    hex_to(b->ch, CH_LEN, ch, strlen(ch)) != 0 ||
	    hex_to(b->parent, ID_LEN, parent, strlen(parent)) != 0)
		die_world("'%s': bad line '%s'", t->path, line);
	b->height = height;
	b->size = size;
	b->canonical = canonical != 0;
	b->bytes = body(t, offset, size);
}

/* Appends; false if there is no such table. */
static bool read_blocks(struct chaindir *c, const char *dir, const char *name, enum model model)
{
	size_t room = c->n_blocks;
	const char *line;
	struct table t;

	if (!table_open(&t, dir, name))
		return false;
	while ((line = table_next(&t)) != NULL) {
		if (c->n_blocks == room) {
			room = room ? room * 2 : 1024;
			c->blocks = xrealloc(c->blocks, room * sizeof(*c->blocks));
		}
		c->blocks[c->n_blocks] = (struct chain_block){ .model = model };
		read_block(&c->blocks[c->n_blocks++], &t, line);
	}
	return true;
}

static void index_blocks(struct chaindir *c)
{
	uint32_t size = 64, at;

	while (size < 2 * c->n_blocks)
		size *= 2;
	c->mask_id = size - 1;
	c->by_id = xcalloc(size, sizeof(*c->by_id));
	for (uint32_t i = 0; i < c->n_blocks; i++) {
		for (at = get_be32(c->blocks[i].id) & c->mask_id; c->by_id[at];
		     at = (at + 1) & c->mask_id)
			;
		c->by_id[at] = i + 1;
	}
}

const struct chain_block *chaindir_find(const struct chaindir *c, const uint8_t id[ID_LEN])
{
	for (uint32_t at = get_be32(id) & c->mask_id; c->by_id[at]; at = (at + 1) & c->mask_id)
		if (memcmp(c->blocks[c->by_id[at] - 1].id, id, ID_LEN) == 0)
			return &c->blocks[c->by_id[at] - 1];
	return NULL;
}

const struct chain_block *chaindir_winner(const struct chaindir *c, const struct chain_sortition *s)
{
	const struct chain_block *b;
	uint8_t id[ID_LEN];

	if (!s->row.won)
		return NULL;
	hash_block_id(id, s->row.committed, s->row.consensus_hash);
	b = chaindir_find(c, id);
	return b && b->model == EPOCH2 ? b : NULL;
}

static void read_micro(struct chain_micro *m, const struct table *t, const char *line)
{
	char block[65], hash[65];
	unsigned long long offset;
	unsigned sequence, size;

	if (sscanf(line, "%64s\t%u\t%64s\t%u\t%llu", block, &sequence, hash, &size, &offset) != 5 ||
	    hex_to(m->block, ID_LEN, block, strlen(block)) != 0 ||
	    hex_to(m->hash, 32, hash, strlen(hash)) != 0)
		die_world("'%s': bad line '%s'", t->path, line);
	m->sequence = (uint16_t)sequence;
	m->size = size;
	m->bytes = body(t, offset, size);
}

/* Appends, and tells the blocks which ones are theirs. */
static void read_micros(struct chaindir *c, const char *dir, const char *name, bool confirmed)
{
	uint32_t room = c->n_micros;
	const char *line;
	struct table t;

	if (!table_open(&t, dir, name))
		return;
	while ((line = table_next(&t)) != NULL) {
		const struct chain_block *found;
		struct chain_block *b;
		if (c->n_micros == room) {
			room = room ? room * 2 : 256;
			c->micros = xrealloc(c->micros, room * sizeof(*c->micros));
		}
		read_micro(&c->micros[c->n_micros++], &t, line);
		found = chaindir_find(c, c->micros[c->n_micros - 1].block);
		if (!found)
			die_world("'%s': a microblock of no block", t.path);
		b = &c->blocks[found - c->blocks];
		if (confirmed && b->n_confirmed++ == 0)
			b->confirmed = c->n_micros - 1;
		if (!confirmed && b->n_loose++ == 0)
			b->loose = c->n_micros - 1;
	}
}

/* Runs of canonical blocks with one consensus hash.  A block of another tenure in the middle of one
 * (chain-maker --break stray) makes a run of its own that is no tenure: only the first run of a
 * consensus hash counts, and it takes the later ones in. */
static void find_tenures(struct chaindir *c)
{
	const uint8_t *ch = NULL;

	c->canon = xcalloc(c->n_blocks + 1, sizeof(*c->canon));
	c->tenures = xcalloc(c->n_blocks + 1, sizeof(*c->tenures));
	for (uint32_t i = 0; i < c->n_blocks; i++) {
		if (c->blocks[i].canonical)
			c->canon[c->n_canon++] = i;
		if (c->blocks[i].model == EPOCH2)
			c->canon3 = c->n_canon;
	}
	for (uint32_t i = c->canon3; i < c->n_canon; i++) {
		const struct chain_block *b = &c->blocks[c->canon[i]];
		const struct chain_sortition *s = chaindir_sortition(c, b->ch);
		struct chain_tenure *t = c->n_tenures ? &c->tenures[c->n_tenures - 1] : NULL;
		if (!s)
			continue;
		if (!t ||
		    (memcmp(ch, b->ch, CH_LEN) != 0 &&
			s->row.burn_height > c->sortitions[t->sortition].row.burn_height)) {
			c->tenures[c->n_tenures++] =
			    (struct chain_tenure){ (uint32_t)(s - c->sortitions), i, 1 };
			ch = b->ch;
		} else {
			t->count++;
		}
	}
}

void chaindir_read_blocks(struct chaindir *c, const char *dir)
{
	bool some = read_blocks(c, dir, "blocks2", EPOCH2);

	if (!read_blocks(c, dir, "blocks", NAKAMOTO) && !some)
		die_world("'%s' has no blocks", dir);
	index_blocks(c);
	read_micros(c, dir, "microblocks", true);
	read_micros(c, dir, "unconfirmed", false);
	find_tenures(c);
}

/* Next: tests/helper/lib/archive.c, the same as a stream of records. */
