/* What is shown of the chain. */
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "common/chain/hash.h"
#include "tests/helper/chain-peer/peer.h"

double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void made_up(uint8_t *out, size_t n, const void *of, size_t len)
{
	uint8_t all[32];

	hash_begin();
	hash_add("made up ", 8);
	hash_add(of, len);
	hash_end(all);
	memcpy(out, all, n);
}

/* The highest epoch 2.x block that is not canonical and won a canonical sortition, and its
 * ancestors. */
static void find_losers(struct world *w)
{
	const struct chaindir *c = &w->chain;
	const struct chain_block *top = NULL;

	w->losers = xcalloc(c->n_blocks + 1, sizeof(*w->losers));
	for (uint32_t i = 0; i < c->n_blocks; i++) {
		const struct chain_block *b = &c->blocks[i];
		const struct chain_sortition *s = chaindir_sortition(c, b->ch);
		if (b->model == EPOCH2 && !b->canonical && s && s->fork == 0 &&
		    (!top || b->height > top->height))
			top = b;
	}
	for (; top; top = chaindir_find(c, top->parent))
		w->losers[top - c->blocks] = true;
}

/* The lowest burn block that has another consensus hash too. */
static void find_pox_fork(struct world *w)
{
	const struct chaindir *c = &w->chain;

	w->pox_fork = UINT64_MAX;
	for (uint32_t i = c->n_main; i < c->n_sortitions; i++)
		if (world_pox_invalid(w, &c->sortitions[i]) &&
		    c->sortitions[i].row.burn_height < w->pox_fork)
			w->pox_fork = c->sortitions[i].row.burn_height;
}

bool world_pox_invalid(const struct world *w, const struct chain_sortition *s)
{
	const struct chain_sortition *main = chaindir_at(&w->chain, s->row.burn_height);

	return s->fork && main && memcmp(main->row.burn_hash, s->row.burn_hash, 32) == 0;
}

/* What was shown before stays in memory: some answer may be made of it yet. */
void world_show(struct world *w, const char *dir)
{
	chaindir_open(&w->chain, dir);
	w->dir = dir;
	w->tenure_of = xcalloc(w->chain.n_main, sizeof(*w->tenure_of));
	for (uint32_t i = 0; i < w->chain.n_tenures; i++)
		w->tenure_of[w->chain.tenures[i].sortition] = i + 1;
	find_losers(w);
	find_pox_fork(w);
	world_set_tip(w, UINT64_MAX);
}

void world_open(struct world *w, const char *dir)
{
	w->began = seconds();
	keypair_derive(&w->stranger, "a signer that is in no set");
	world_show(w, dir);
}

/* Of the newest tenure, blocks on burn views above the tip are not there yet. */
static uint32_t cut_of(const struct world *w, const struct chain_tenure *t)
{
	struct block block;
	size_t need;

	for (uint32_t i = 0; i < t->count; i++) {
		const struct chain_block *b = tenure_block(w, t, i);
		if (block_parse(&block, MODEL_BIT(NAKAMOTO), NULL, b->bytes,
			b->size, &need) <= 0 ||
		    block.kind == BLOCK_ORDINARY)
			continue;
		const struct chain_sortition *view =
		    chaindir_sortition(&w->chain, block.nakamoto.change.burn_view);
		if (view && view->row.burn_height > w->tip)
			return i;
	}
	return t->count;
}

void world_set_tip(struct world *w, uint64_t height)
{
	const struct chaindir *c = &w->chain;
	uint64_t top = c->sortitions[c->n_main - 1].row.burn_height;

	w->tip = height < top ? height : top;
	for (w->shown = 0; w->shown < c->n_tenures; w->shown++)
		if (c->sortitions[c->tenures[w->shown].sortition].row.burn_height > w->tip)
			break;
	w->cut = w->shown ? cut_of(w, &c->tenures[w->shown - 1]) : 0;
}

const struct chain_block *tenure_block(const struct world *w, const struct chain_tenure *t,
    uint32_t i)
{
	return &w->chain.blocks[w->chain.canon[t->first + i]];
}

const struct chain_sortition *world_at(const struct world *w, uint64_t height)
{
	return height > w->tip ? NULL : chaindir_at(&w->chain, height);
}

const struct chain_sortition *world_sortition(const struct world *w, const uint8_t ch[CH_LEN])
{
	const struct chain_sortition *s = chaindir_sortition(&w->chain, ch);

	return s && s->fork == 0 && s->row.burn_height <= w->tip ? s : NULL;
}

const struct chain_tenure *world_tenure(const struct world *w, const uint8_t ch[CH_LEN])
{
	const struct chain_sortition *s = world_sortition(w, ch);
	uint32_t i = s ? w->tenure_of[s - w->chain.sortitions] : 0;

	return i && i <= w->shown ? &w->chain.tenures[i - 1] : NULL;
}

uint32_t world_count(const struct world *w, const struct chain_tenure *t)
{
	return t == &w->chain.tenures[w->shown - 1] ? w->cut : t->count;
}

void peer_log(const struct peer *p, const char *kind, const char *members, ...)
{
	FILE *f = p->world->log;
	va_list ap;

	if (!f)
		return;
	fprintf(f, "{\"t\":%.6f,\"peer\":%u,\"kind\":\"%s\"", seconds() - p->world->began, p->index,
	    kind);
	if (*members) {
		fputc(',', f);
		va_start(ap, members);
		vfprintf(f, members, ap);
		va_end(ap);
	}
	fputs("}\n", f);
}

struct delayed { struct event *timer; void (*fn)(void *); void *arg; };

static void fire(evutil_socket_t fd, short what, void *arg)
{
	struct delayed *d = arg;

	event_free(d->timer);
	d->fn(d->arg);
	free(d);
}

void later(struct world *w, double ms, void (*fn)(void *), void *arg)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)((ms - (double)(time_t)(ms / 1000) * 1000) * 1000) };
	struct delayed *d = xmalloc(sizeof(*d));

	*d = (struct delayed){ evtimer_new(w->base, fire, d), fn, arg };
	evtimer_add(d->timer, &tv);
}

/* Next: tests/helper/chain-peer/holds.c, what each peer has of it. */
