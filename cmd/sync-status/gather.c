/* Where the figures come from: rows that the stages keep, read in one transaction. */
#include "cmd/sync-status/status.h"
#include "common/sys/log.h"
#include "common/sys/stage.h"

struct gather {
	json_t *list;		/* the list that a walk fills */
	size_t left_out;
	uint64_t held, bytes, tenures, proven, linked;
};

static json_t *hex_json(const void *p, size_t n)
{
	char hex[2 * 64 + 1];
	return all_zero(p, n) ? json_null() : json_string(hex_of(hex, p, n));
}

/* Foreign text: control characters and broken UTF-8 do not reach a terminal. */
static json_t *text_json(struct rec_view v)
{
	char s[512];
	rec_cstr(s, sizeof(s), v);
	for (char *p = s; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	return json_string(s);
}

static json_t *int_json(uint64_t v) { return json_integer((json_int_t)v); }

static bool room(struct gather *g)
{
	if (json_array_size(g->list) < STATUS_ROWS)
		return true;
	g->left_out++;
	return false;
}

static void unavailable_add(struct gather *g, const uint8_t *ch, const uint8_t *id, const char *state, struct rec_view why, struct rec_view source)
{
	if (!room(g))
		return;
	json_t *o = json_object();
	json_object_set_new(o, "consensus_hash", hex_json(ch, CH_LEN));
	json_object_set_new(o, "block_id", hex_json(id, ID_LEN));
	json_object_set_new(o, "state", json_string(state));
	json_object_set_new(o, "why", text_json(why));
	json_object_set_new(o, "source", text_json(source));
	json_array_append_new(g->list, o);
}

static bool on_tenure(void *arg, const struct rec_tenure *t)
{
	struct gather *g = arg;

	g->held += t->held;
	g->bytes += t->bytes;
	g->tenures++;
	g->proven += t->proven;
	g->linked += t->linked;
	if (!t->proven && t->why.n)
		unavailable_add(g, t->consensus_hash, t->start_id, "unproven", t->why, rec_str(""));
	return true;
}

static bool on_download(void *arg, const struct rec_download *d)
{
	if (rec_is(d->state, "failed") || rec_is(d->state, "setaside") || rec_is(d->state, "unavailable")) {
		char state[32];
		unavailable_add(arg, d->consensus_hash, d->id, rec_cstr(state, sizeof(state), d->state), d->why, d->source);
	}
	return true;
}

static bool on_peer(void *arg, const struct rec_peer *p)
{
	struct gather *g = arg;
	json_t *o;

	if (!room(g))
		return true;
	o = json_object();
	json_object_set_new(o, "key", hex_json(p->key, KEY_LEN));
	json_object_set_new(o, "address", text_json(p->address));
	json_object_set_new(o, "data_url", text_json(p->data_url));
	json_object_set_new(o, "state", text_json(p->state));
	json_object_set_new(o, "inbound", json_boolean(p->inbound));
	json_object_set_new(o, "burn_height", int_json(p->burn_height));
	json_object_set_new(o, "last_contact", int_json(p->last_contact));
	json_object_set_new(o, "banned_until", int_json(p->banned_until));
	json_array_append_new(g->list, o);
	return true;
}

static bool on_fault(void *arg, const struct rec_fault *f)
{
	struct gather *g = arg;
	json_t *o;

	if (!room(g))
		return true;
	o = json_object();
	json_object_set_new(o, "who", text_json(f->who));
	json_object_set_new(o, "class", text_json(f->class));
	json_object_set_new(o, "what", text_json(f->what));
	json_object_set_new(o, "evidence", text_json(f->evidence));
	json_object_set_new(o, "stage", text_json(f->stage));
	json_object_set_new(o, "count", int_json(f->count));
	json_object_set_new(o, "first", int_json(f->first));
	json_object_set_new(o, "last", int_json(f->last));
	json_array_append_new(g->list, o);
	return true;
}

static void add_view(struct store *s, MDB_txn *txn, json_t *o)
{
	struct rec_sortition tip;
	struct rec_trust trust;
	json_t *view = json_object();

	if (sortition_tip(s, txn, &tip) == 0) {
		json_object_set_new(o, "burn_tip", int_json(tip.burn_height));
		json_object_set_new(o, "burn_tip_consensus_hash", hex_json(tip.consensus_hash, CH_LEN));
	} else {
		json_object_set_new(o, "burn_tip", json_null());
		json_object_set_new(o, "burn_tip_consensus_hash", json_null());
	}
	if (meta_get_row(s, txn, "trust", REC_TRUST, &trust) == 0) {
		json_object_set_new(view, "sources", text_json(trust.sources));
		json_object_set_new(view, "quorum", int_json(trust.quorum));
		json_object_set_new(view, "at_tip", json_boolean(trust.at_tip));
		json_object_set_new(view, "confirmed", json_boolean(trust.confirmed));
		json_object_set_new(view, "low_height", int_json(trust.low_height));
		json_object_set_new(view, "checked_from", int_json(trust.checked_from));
		json_object_set_new(view, "time", int_json(trust.time));
	}
	json_object_set_new(o, "view", view);
}

/* block-fetch's own row: mode, rate, what is wanted. A row older than a minute tells of a sync that does not run. */
static void add_progress(struct store *s, MDB_txn *txn, json_t *o)
{
	struct rec_progress p;
	bool fresh = meta_get_row(s, txn, "progress.block-fetch", REC_PROGRESS, &p) == 0;

	if (!fresh)
		p = (struct rec_progress){ .text = rec_str("") };
	bool running = fresh && p.time + 60 > now_unix();
	json_object_set_new(o, "mode", running ? text_json(p.mode) : json_string("stopped"));
	json_object_set_new(o, "wanted", int_json(p.total > p.done ? p.total - p.done : 0));
	json_object_set_new(o, "wanted_total", int_json(p.total));
	json_object_set_new(o, "tenures_wanted", int_json(p.tenures_total));
	json_object_set_new(o, "tenures_done", int_json(p.tenures_done));
	json_object_set_new(o, "rate", json_real(running ? p.rate / 1000.0 : 0));
	json_object_set_new(o, "byte_rate", int_json(running ? p.byte_rate : 0));
	json_object_set_new(o, "eta", running && p.eta ? int_json(p.eta) : json_null());
	json_object_set_new(o, "sources_in_use", int_json(running ? p.peers : 0));
	json_object_set_new(o, "text", text_json(p.text));
}

static void add_list(json_t *o, const char *name, struct gather *g)
{
	json_object_set_new(o, name, g->list);
	if (g->left_out) {
		char more[64];
		snprintf(more, sizeof(more), "%s_left_out", name);
		json_object_set_new(o, more, int_json(g->left_out));
	}
}

json_t *status_gather(struct store *s)
{
	MDB_txn *txn = store_read(s);
	json_t *o = json_object();
	struct gather blocks = { .list = json_array() }, peers = { .list = json_array() }, faults = { .list = json_array() };
	struct rec_tenure top;
	uint64_t height = 0;
	uint8_t id[ID_LEN] = { 0 };

	json_object_set_new(o, "network", json_string(s->net.name));
	add_progress(s, txn, o);
	add_view(s, txn, o);
	bool any = canonical_tip(s, txn, &top, &height, id) == 0;
	json_object_set_new(o, "proven_height", any ? int_json(height) : json_null());
	json_object_set_new(o, "proven_tip", hex_json(id, ID_LEN));

	tenure_walk(s, txn, on_tenure, &blocks);
	download_walk(s, txn, on_download, &blocks);
	json_object_set_new(o, "held", int_json(blocks.held));
	json_object_set_new(o, "held_bytes", int_json(blocks.bytes));
	json_object_set_new(o, "tenures_held", int_json(blocks.tenures));
	json_object_set_new(o, "tenures_proven", int_json(blocks.proven));
	json_object_set_new(o, "tenures_linked", int_json(blocks.linked));
	add_list(o, "unavailable", &blocks);
	peer_walk(s, txn, on_peer, &peers);
	add_list(o, "peers", &peers);
	fault_walk(s, txn, on_fault, &faults);
	add_list(o, "faults", &faults);
	store_read_end(txn);
	return o;
}

/* Next: cmd/sync-status/print.c, which says it to people. */
