/* Reading a chain directory: see chaindir.h. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/sys/options.h"
#include "tests/helper/lib/chaindir.h"

static const char *path_of(const char *dir, const char *name)
{
	static _Thread_local char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* Hex after an optional 0x; null or absent leaves zeros. */
static void take_hex(json_t *obj, const char *name, void *out, size_t n)
{
	const char *text = json_string_value(json_object_get(obj, name));

	memset(out, 0, n);
	if (!text)
		return;
	if (text[0] == '0' && text[1] == 'x')
		text += 2;
	if (hex_to(out, n, text, strlen(text)) != 0)
		die_world("sortitions.jsonl: member '%s' is not %zu bytes of hex", name, n);
}

static void read_sortition(struct chain_sortition *s, const char *line)
{
	json_error_t err;
	json_t *o = json_loads(line, 0, &err);
	struct rec_sortition *r = &s->row;

	if (!o)
		die_world("sortitions.jsonl: %s", err.text);
	r->burn_height = (uint64_t)json_integer_value(json_object_get(o, "burn_block_height"));
	r->burn_time = (uint64_t)json_integer_value(json_object_get(o, "burn_header_timestamp"));
	r->won = json_is_true(json_object_get(o, "was_sortition"));
	take_hex(o, "burn_block_hash", r->burn_hash, 32);
	take_hex(o, "sortition_id", r->sortition_id, 32);
	take_hex(o, "parent_sortition_id", r->parent_sortition_id, 32);
	take_hex(o, "consensus_hash", r->consensus_hash, CH_LEN);
	take_hex(o, "miner_pk_hash160", r->miner, HASH160_LEN);
	take_hex(o, "stacks_parent_ch", r->parent_ch, CH_LEN);
	take_hex(o, "last_sortition_ch", r->last_ch, CH_LEN);
	take_hex(o, "committed_block_hash", r->committed, ID_LEN);
	take_hex(o, "vrf_seed", r->vrf_seed, 32);
	s->fork = (unsigned)json_integer_value(json_object_get(o, "fork"));
	r->canonical = s->fork == 0;
	r->sources = 1;
	s->json = xstrdup(line);
	json_decref(o);
}

static int by_fork_and_height(const void *a, const void *b)
{
	const struct chain_sortition *x = a, *y = b;

	if (x->fork != y->fork)
		return x->fork < y->fork ? -1 : 1;
	return x->row.burn_height < y->row.burn_height ? -1 :
							 x->row.burn_height > y->row.burn_height;
}

static void read_sortitions(struct chaindir *c, const char *dir)
{
	FILE *f = fopen(path_of(dir, "sortitions.jsonl"), "r");
	char *line = NULL;
	size_t cap = 0, room = 0;
	ssize_t n;

	if (!f)
		die_world("cannot read '%s': %s", path_of(dir, "sortitions.jsonl"),
		    strerror(errno));
	while ((n = getline(&line, &cap, f)) > 1) {
		line[n - 1] = '\0';
		if (c->n_sortitions == room) {
			room = room ? room * 2 : 256;
			c->sortitions = xrealloc(c->sortitions, room * sizeof(*c->sortitions));
		}
		memset(&c->sortitions[c->n_sortitions], 0, sizeof(*c->sortitions));
		read_sortition(&c->sortitions[c->n_sortitions++], line);
	}
	free(line);
	fclose(f);
	qsort(c->sortitions, c->n_sortitions, sizeof(*c->sortitions), by_fork_and_height);
	while (c->n_main < c->n_sortitions && c->sortitions[c->n_main].fork == 0)
		c->n_main++;
	if (c->n_main == 0)
		die_world("'%s' has no sortitions", dir);
}

static void read_burns(struct chaindir *c, const char *dir)
{
	FILE *f = fopen(path_of(dir, "burns.tsv"), "r");
	unsigned long long height, burn;
	char line[256], hex[65];

	while (f && fgets(line, sizeof(line), f)) {
		const struct chain_sortition *s;
		if (sscanf(line, "%llu\t%64s\t%llu", &height, hex, &burn) != 3)
			continue; /* the header line */
		if ((s = chaindir_at(c, height)) == NULL)
			continue;
		struct rec_sortition *r = &c->sortitions[s - c->sortitions].row;
		if (hex_to(r->ops_hash, 32, hex, strlen(hex)) != 0)
			die_world("burns.tsv: bad line '%s'", line);
		r->total_burn = burn;
		r->has_burn = true;
	}
	if (f)
		fclose(f);
}

static void read_set(struct chaindir *c, uint64_t cycle, const char *path)
{
	json_error_t err;
	json_t *o = json_load_file(path, 0, &err), *list, *one;
	uint8_t (*keys)[KEY_LEN];
	uint32_t *weights;
	size_t i, n;

	if (!o)
		die_world("'%s': %s", path, err.text);
	list = json_object_get(json_object_get(o, "stacker_set"), "signers");
	n = json_array_size(list);
	keys = xcalloc(n + 1, KEY_LEN);
	weights = xcalloc(n + 1, sizeof(*weights));
	json_array_foreach(list, i, one) {
		const char *hex = json_string_value(json_object_get(one, "signing_key"));
		if (!hex || hex_to(keys[i], KEY_LEN, hex, strlen(hex)) != 0)
			die_world("'%s': a signing key is not hex", path);
		weights[i] = (uint32_t)json_integer_value(json_object_get(one, "weight"));
	}
	if (n > 0 &&
	    signer_set_init(&c->sets[cycle].set, cycle, (uint32_t)n,
		(const uint8_t(*)[KEY_LEN])keys, weights) != 0)
		die_world("'%s': not a signer set", path);
	c->sets[cycle].json = json_dumps(o, JSON_COMPACT);
	free(keys);
	free(weights);
	json_decref(o);
}

static void read_sets(struct chaindir *c, const char *dir)
{
	uint64_t last = network_cycle(&c->net, c->sortitions[c->n_main - 1].row.burn_height) + 2;
	char name[64];

	c->n_sets = (uint32_t)last + 1;
	c->sets = xcalloc(c->n_sets, sizeof(*c->sets));
	for (uint64_t cycle = 0; cycle <= last; cycle++) {
		snprintf(name, sizeof(name), "reward_sets/%llu.json", (unsigned long long)cycle);
		if (access(path_of(dir, name), R_OK) == 0)
			read_set(c, cycle, path_of(dir, name));
	}
}

static struct keypair *read_secrets(json_t *list, uint32_t *n)
{
	struct keypair *keys = xcalloc(json_array_size(list) + 1, sizeof(*keys));
	uint8_t secret[32];
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		const char *hex = json_string_value(one);
		if (!hex || hex_to(secret, 32, hex, strlen(hex)) != 0)
			die_world("keys.json: a key is not hex");
		keypair_of_secret(&keys[i], secret);
	}
	*n = (uint32_t)i;
	return keys;
}

/* Keys that sign microblocks, by the index block hash of the block that they follow. */
static void read_producers(struct chaindir *c, json_t *all)
{
	uint8_t id[ID_LEN], secret[32];
	const char *name, *hex;
	struct keypair *k = c->producers = xcalloc(json_object_size(all) + 1, sizeof(*k));
	json_t *one;

	json_object_foreach (all, name, one) {
		const struct chain_block *b;
		hex = json_string_value(one);
		if (hex_to(id, ID_LEN, name, strlen(name)) != 0 || !hex ||
		    hex_to(secret, 32, hex, strlen(hex)) != 0)
			die_world("keys.json: a microblock producer's id or key is not hex");
		if ((b = chaindir_find(c, id)) == NULL)
			continue;
		keypair_of_secret(k, secret);
		c->blocks[b - c->blocks].producer = k++;
	}
}

static void read_keys(struct chaindir *c, const char *dir)
{
	json_t *o = json_load_file(path_of(dir, "keys.json"), 0, NULL), *list;
	const char *cycle;
	uint32_t n;

	if (!o)
		return;		/* a captured chain: nobody knows its keys */
	c->miners = read_secrets(json_object_get(o, "miners"), &c->n_miners);
	json_object_foreach(json_object_get(o, "signers"), cycle, list) {
		unsigned long i = strtoul(cycle, NULL, 10);
		if (i >= c->n_sets || !c->sets[i].json)
			continue;
		c->sets[i].keys = read_secrets(list, &n);
		if (n != c->sets[i].set.n)
			die_world("keys.json: cycle %lu has %u keys and %u signers", i, n,
			    c->sets[i].set.n);
	}
	read_producers(c, json_object_get(o, "microblock_producers"));
	json_decref(o);
}

static void index_sortitions(struct chaindir *c)
{
	uint32_t size = 64, at;

	while (size < 2 * c->n_sortitions)
		size *= 2;
	c->mask_ch = size - 1;
	c->by_ch = xcalloc(size, sizeof(*c->by_ch));
	for (uint32_t i = 0; i < c->n_sortitions; i++) {
		for (at = get_be32(c->sortitions[i].row.consensus_hash) & c->mask_ch; c->by_ch[at];
		     at = (at + 1) & c->mask_ch)
			;
		c->by_ch[at] = i + 1;
	}
}

void chaindir_open(struct chaindir *c, const char *dir)
{
	memset(c, 0, sizeof(*c));
	network_load(&c->net, path_of(dir, "network"));
	read_sortitions(c, dir);
	read_burns(c, dir);
	index_sortitions(c);
	read_sets(c, dir);
	chaindir_read_blocks(c, dir);
	read_keys(c, dir);
}

const struct chain_sortition *chaindir_sortition(const struct chaindir *c, const uint8_t ch[CH_LEN])
{
	for (uint32_t at = get_be32(ch) & c->mask_ch; c->by_ch[at]; at = (at + 1) & c->mask_ch)
		if (memcmp(c->sortitions[c->by_ch[at] - 1].row.consensus_hash, ch, CH_LEN) == 0)
			return &c->sortitions[c->by_ch[at] - 1];
	return NULL;
}

const struct chain_sortition *chaindir_at(const struct chaindir *c, uint64_t burn_height)
{
	uint64_t base = c->sortitions[0].row.burn_height;

	return burn_height < base || burn_height - base >= c->n_main ?
	    NULL :
	    &c->sortitions[burn_height - base];
}

const struct chain_set *chaindir_set_of(const struct chaindir *c, const uint8_t ch[CH_LEN])
{
	const struct chain_sortition *s = chaindir_sortition(c, ch);
	uint64_t cycle = s ? network_cycle(&c->net, s->row.burn_height) : UINT64_MAX;

	return cycle < c->n_sets && c->sets[cycle].set.n > 0 ? &c->sets[cycle] : NULL;
}

/* Next: tests/helper/lib/chainblocks.c, its blocks and microblocks. */
