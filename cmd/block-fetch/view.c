/* What the planner is told of the world: the store at the start, then records as they come.  The
 * table of a commit is never read anew; news comes by pipe. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/block-fetch/fetch.h"
#include "common/net/address.h"
#include "common/store/read.h"
#include "common/sys/log.h"

#define POLL_MS 1000
#define POLL_ALL_MS 10000
#define RECENT_S 900		/* a peer of the store that was up so lately may still be */

static void sortition(struct fetch *f, const struct rec_sortition *s)
{
	if (s->canonical)
		planner_sortition(f->plan, s->burn_height, s->consensus_hash, s->won, s->parent_ch,
		    s->committed);
}

static bool on_sortition(void *arg, const struct rec_sortition *s)
{
	sortition(arg, s);
	return true;
}

static void tip(struct fetch *f, const struct rec_tip *t)
{
	struct plan_tip tip;

	memcpy(tip.id, t->id, ID_LEN);
	memcpy(tip.ch, t->consensus_hash, CH_LEN);
	memcpy(tip.start_id, t->start_id, ID_LEN);
	memcpy(tip.parent_ch, t->parent_ch, CH_LEN);
	memcpy(tip.parent_start_id, t->parent_start_id, ID_LEN);
	planner_tip(f->plan, &tip);
}

/* ---- peers ---- */

/* The host that we are in conversation with; zeros: none.  A private data_url is on that very host,
 * whatever the network allows and whatever the peer was named: else any peer could have us knock at
 * our neighbours' doors. */
static void own_address(uint8_t own[16], const struct rec_peer *p)
{
	char text[MAX_SOURCE + 1];
	struct sockaddr_storage sa;
	int len = sizeof(sa);
	uint16_t port;

	memset(own, 0, 16);
	rec_cstr(text, sizeof(text), p->dialled.n ? p->dialled : p->address);
	if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&sa, &len) == 0)
		address_to16(own, &port, (struct sockaddr *)&sa);
}

/* What is wrong with a peer's URL. */
static enum trouble url_trouble(const uint8_t own[16], const char *url)
{
	uint8_t addr[16];

	if (!url[0])
		return TROUBLE_NO_URL;
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return TROUBLE_BAD_URL;
	if (address_of_url(addr, url) && address_private16(addr) && !address_same_host16(addr, own))
		return TROUBLE_PRIVATE;
	return TROUBLE_NONE;
}

static int find_peer(struct fetch *f, const char *name)
{
	const char *s;

	for (unsigned i = 0; i < MAX_SOURCES && (s = planner_source_name(f->plan, i)); i++)
		if (strcmp(s, name) == 0)
			return (int)i;
	return -1;
}

static void peer(struct fetch *f, const struct rec_peer *p, bool stored)
{
	char name[2 * KEY_LEN + 1], url[MAX_SOURCE + 1];
	bool up = p->state == PEER_UP || p->state == PEER_BEHIND;
	enum trouble trouble;
	uint8_t own[16];
	int i;

	if (all_zero(p->key, KEY_LEN) || p->inbound)
		return;
	hex_of(name, p->key, KEY_LEN);
	if (stored && p->last_contact + RECENT_S < now_unix())
		return;
	if (!up) {
		if ((i = find_peer(f, name)) >= 0)
			planner_source_down(f->plan, (unsigned)i);
		return;
	}
	rec_cstr(url, sizeof(url), p->data_url);
	own_address(own, p);
	trouble = url_trouble(own, url);
	if (trouble) {
		planner_useless(f->plan, now_ms(), name, trouble,
		    url[0] ? url : "its handshake has no data_url");
		return;
	}
	if ((i = planner_source(f->plan, now_ms(), name, false)) < 0)
		return;
	for (size_t n = strlen(url); n && url[n - 1] == '/';)
		url[--n] = '\0';
	memcpy(f->places[i].base, url, sizeof(url));
	memcpy(f->places[i].own, own, sizeof(own));
	f->places[i].private_ok = false;
	planner_source_at(f->plan, (unsigned)i, url);
}

static bool on_peer(void *arg, const struct rec_peer *p)
{
	peer(arg, p, true);
	return true;
}

static void inventory(struct fetch *f, const struct rec_inventory *v)
{
	char name[2 * KEY_LEN + 1];
	int i;

	if (v->bits.n < (v->count + 7) / 8)
		return;
	i = find_peer(f, hex_of(name, v->peer, KEY_LEN));
	if (i >= 0)
		planner_claims(f->plan, (unsigned)i, v->kind, v->cycle, v->bits.p, v->count);
}

static bool on_inventory(void *arg, const struct rec_inventory *v)
{
	inventory(arg, v);
	return true;
}

/* A peer that comes up: what it said earlier may be in the store alone. */
static void peer_news(struct fetch *f, const struct rec_peer *p)
{
	char name[2 * KEY_LEN + 1];
	bool new = find_peer(f, hex_of(name, p->key, KEY_LEN)) < 0;
	MDB_txn *txn;

	peer(f, p, false);
	if (!new || find_peer(f, name) < 0)
		return;
	txn = store_read(&f->store);
	inventory_walk(&f->store, txn, p->key, on_inventory, f);
	store_read_end(txn);
}

/* ---- tenures ---- */

void view_shadow(struct fetch *f, const struct block *b)
{
	uint8_t id[ID_LEN];

	if (block_shadow_commit(b, &f->store.net, id))
		planner_shadow(f->plan, b->ch, b->nakamoto.change.prev_tenure, id, b->parent);
}

void view_held(struct fetch *f, MDB_txn *txn, const struct rec_tenure *t)
{
	struct stored_block s;
	struct block b;
	size_t need;

	planner_held(
	    f->plan, t->consensus_hash, !all_zero(t->start_id, ID_LEN), t->parent_id, t->prev_ch);
	if (network_is_shadow(&f->store.net, t->start_id) &&
	    block_get(&f->store, txn, t->start_id, &s) == 0 &&
	    block_parse(&b, MODEL_BIT(s.model), s.ch, s.bytes, s.len, &need) > 0)
		view_shadow(f, &b);
}

struct seeding {
	struct fetch *f;
	MDB_txn *txn;
};

static bool on_tenure(void *arg, const struct rec_tenure *t)
{
	const struct seeding *s = arg;

	if (t->held)
		view_held(s->f, s->txn, t);
	return true;
}

/* ---- start and news ---- */

/* -F is kept in the store, for all stages; without it the store's holds. */
static uint64_t from_cycle(struct fetch *f)
{
	char text[24] = "";
	MDB_txn *txn;
	MDB_val v;

	if (f->from_cycle >= 0) {
		snprintf(text, sizeof(text), "%lld", (long long)f->from_cycle);
		txn = store_write(&f->store);
		meta_put(&f->store, txn, "from_cycle", text, strlen(text));
		store_commit_or_die(&f->store, txn);
	} else {
		txn = store_read(&f->store);
		if (meta_get(&f->store, txn, "from_cycle", &v) == 0 && v.mv_size < sizeof(text))
			memcpy(text, v.mv_data, v.mv_size);
		store_read_end(txn);
	}
	return strtoull(text, NULL, 10);
}

void view_start(struct fetch *f)
{
	/* Below it the planner has no slots, and asks for nothing. */
	f->first = network_first_wanted(&f->store.net, from_cycle(f));
	f->plan = planner_new(&f->store.net, f->first, f->written_is_done, f->once);
	for (unsigned i = 0; i < f->n_urls; i++) {
		int s = planner_source(f->plan, now_ms(), f->urls[i], true);
		snprintf(f->places[s].base, sizeof(f->places[s].base), "%s", f->urls[i]);
		for (size_t n = strlen(f->places[s].base); n && f->places[s].base[n - 1] == '/';)
			f->places[s].base[--n] = '\0';
		f->places[s].private_ok = true;
	}
}

/* Sortitions, reward sets and the tip, as the store has them. */
static void read_burn(struct fetch *f, MDB_txn *txn)
{
	struct rec_sortition top;
	struct rec_reward_set set;
	struct rec_tip t;

	sortition_walk(&f->store, txn, f->first, on_sortition, f);
	f->n_sortitions = store_count(&f->store, txn, T_SORTITIONS);
	if (sortition_tip(&f->store, txn, &top) == 0)
		for (uint64_t c = network_cycle(&f->store.net, f->first);
		     c <= network_cycle(&f->store.net, top.burn_height) + 1; c++)
			if (reward_set_get(&f->store, txn, c, &set) == 0)
				planner_reward_set(f->plan, c);
	if (meta_get_row(&f->store, txn, "tip", REC_TIP, &t) == 0)
		tip(f, &t);
}

static void read_peers(struct fetch *f, MDB_txn *txn)
{
	peer_walk(&f->store, txn, on_peer, f);
	inventory_walk(&f->store, txn, NULL, on_inventory, f);
}

void view_seed(struct fetch *f)
{
	MDB_txn *txn = store_read(&f->store);
	struct seeding s = { f, txn };

	read_burn(f, txn);
	tenure_walk(&f->store, txn, on_tenure, &s);
	read_peers(f, txn);
	f->held = store_count(&f->store, txn, T_BLOCK_IDS);
	store_read_end(txn);
	suspects_load(f);
}

/* Without input, other programs' news is in the store alone: it is looked at where it changed, not
 * at each commit. */
void view_poll(struct fetch *f)
{
	uint64_t now = now_ms();
	MDB_txn *txn;

	if (now < f->polled_at + POLL_MS)
		return;
	txn = store_read(&f->store);
	if (store_count(&f->store, txn, T_SORTITIONS) != f->n_sortitions ||
	    now >= f->polled_all_at + POLL_ALL_MS) {
		read_burn(f, txn);
		read_peers(f, txn);
		f->polled_all_at = now;
	}
	store_read_end(txn);
	f->polled_at = now;
}

void view_news(struct fetch *f, const struct rec *r)
{
	MDB_txn *txn;

	switch (r->type) {
	case REC_SORTITION:
		sortition(f, &r->u.sortition);
		break;
	case REC_REORG:
		planner_unlearn(f->plan, r->u.reorg.fork_height);
		txn = store_read(&f->store);
		sortition_walk(&f->store, txn,
		    r->u.reorg.fork_height + 1 > f->first ? r->u.reorg.fork_height + 1 : f->first,
		    on_sortition, f);
		store_read_end(txn);
		break;
	case REC_REWARD_SET:
		planner_reward_set(f->plan, r->u.reward_set.cycle);
		break;
	case REC_PEER:
		peer_news(f, &r->u.peer);
		break;
	case REC_INVENTORY:
		inventory(f, &r->u.inventory);
		break;
	case REC_TIP:
		tip(f, &r->u.tip);
		break;
	default:
		return;
	}
	fetch_wake(f);
}

/* Next: cmd/block-fetch/report.c, what people and the store are told. */
