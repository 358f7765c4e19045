/* Where the figures come from: rows that the stages keep, read in one transaction. */
#include "cmd/sync-status/status.h"
#include "common/sys/log.h"
#include "common/sys/stage.h"

#define SILENT_S 30	/* block-fetch reports every ten seconds */

struct gather {
	json_t *list;		/* the list that a walk fills */
	uint64_t heard;		/* unix seconds: the last contact with any peer */
	size_t left_out, peers_up;
	uint64_t held, bytes, tenures, proven, linked;
	bool provisional;	/* nobody knows what the canonical chain stands on */
};

static json_t *hex_json(const void *p, size_t n)
{
	char hex[2 * 64 + 1];
	return all_zero(p, n) ? json_null() : json_string(hex_of(hex, p, n));
}

/* Foreign text: control characters and broken UTF-8 do not reach a terminal. */
static json_t *text_json(struct rec_view v)
{
	char s[4096 + 1];	/* the longest: sources of the view */

	rec_cstr(s, sizeof(s), v);
	for (char *p = s; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	return json_string(s);
}

static json_t *int_json(uint64_t v) { return json_integer((json_int_t)v); }

/* A row of the list that is being filled. */
static void row_add(struct gather *g, json_t *row)
{
	if (json_array_size(g->list) < STATUS_ROWS) {
		json_array_append_new(g->list, row);
	} else {
		g->left_out++;
		json_decref(row);
	}
}

static json_t *unavailable_json(const uint8_t *ch, const uint8_t *id, const char *state,
    struct rec_view why, struct rec_view source)
{
	return json_pack("{so so so so so}", "consensus_hash", hex_json(ch, CH_LEN), "block_id",
	    hex_json(id, ID_LEN), "state", json_string(state), "why", text_json(why), "source",
	    text_json(source));
}

static bool on_tenure(void *arg, const struct rec_tenure *t)
{
	struct gather *g = arg;

	g->held += t->held;
	g->bytes += t->bytes;
	g->tenures++;
	g->proven += t->proven;
	g->linked += t->linked;
	g->provisional |= t->proven && t->canonical && t->why.n;
	if (!t->proven && t->why.n)
		row_add(g,
		    unavailable_json(t->consensus_hash, t->start_id, "unproven", t->why,
			t->source));
	return true;
}

/* A row of a block counts until its time has come. */
static bool is_unavailable(const struct rec_download *d, bool block)
{
	switch (d->state) {
	case DOWNLOAD_SETASIDE:
		return !block || d->until > now_unix();
	case DOWNLOAD_UNAVAILABLE: case DOWNLOAD_FAILED:
		return !block;
	case DOWNLOAD_SUSPECT: case DOWNLOAD_FLIGHT: case DOWNLOAD_ALONE:
		return false;
	}
	return false;
}

static bool on_download(void *arg, const struct rec_download *d)
{
	bool block = !all_zero(d->id, ID_LEN);
	json_t *row;

	if (!is_unavailable(d, block))
		return true;
	row = unavailable_json(d->consensus_hash, d->id, download_state_name(d->state), d->why,
	    d->source);
	if (block)
		json_object_set_new(row, "until", int_json(d->until));
	json_object_set_new(row, "stream", json_boolean(d->kind == ITEM_STREAM));
	row_add(arg, row);
	return true;
}

static bool on_peer(void *arg, const struct rec_peer *p)
{
	struct gather *g = arg;

	g->peers_up += p->state == PEER_UP;
	g->heard = p->last_contact > g->heard ? p->last_contact : g->heard;
	row_add(g,
	    json_pack("{so so so so sb so so so}", "key", hex_json(p->key, KEY_LEN), "address",
		text_json(p->address), "data_url", text_json(p->data_url), "state",
		json_string(peer_state_name(p->state)), "inbound", p->inbound,
		"burn_height", int_json(p->burn_height),
		"last_contact", int_json(p->last_contact), "banned_until",
		int_json(p->banned_until)));
	return true;
}

static bool on_fault(void *arg, const struct rec_fault *f)
{
	row_add(arg,
	    json_pack("{so so so so so so so so}", "who", text_json(f->who), "class",
		json_string(fault_class_name(f->class)), "what", text_json(f->what),
		"evidence", text_json(f->evidence),
		"stage", text_json(f->stage), "count", int_json(f->count), "first",
		int_json(f->first), "last", int_json(f->last)));
	return true;
}

static void add_view(struct store *s, MDB_txn *txn, const struct rec_trust *t, json_t *o)
{
	struct rec_sortition tip;
	bool any = sortition_tip(s, txn, &tip) == 0;
	json_t *view = json_object();

	json_object_set_new(o, "burn_tip", any ? int_json(tip.burn_height) : json_null());
	json_object_set_new(o, "burn_tip_consensus_hash",
	    any ? hex_json(tip.consensus_hash, CH_LEN) : json_null());
	if (t)
		json_object_update_new(view,
		    json_pack("{so so so sb sb so so so}", "sources", text_json(t->sources),
		    "quorum", int_json(t->quorum),
		    "answering", int_json(t->answering), "at_tip", t->at_tip, "confirmed",
		    t->confirmed, "low_height", int_json(t->low_height),
		    "checked_from", int_json(t->checked_from), "time", int_json(t->time)));
	json_object_set_new(o, "view", view);
}

static json_t *known_json(bool known, uint64_t v) { return known ? int_json(v) : json_null(); }

/* From the view and the tenures, not from what a stage got round to say. */
static void add_wanted(struct store *s, MDB_txn *txn, const struct rec_trust *t, json_t *o)
{
	struct wanted w = wanted_count(s, txn, t ? t->low_height : 0);

	json_object_set_new(o, "wanted", known_json(w.exact || w.blocks, w.blocks));
	json_object_set_new(o, "wanted_total", known_json(w.exact || w.blocks, w.total));
	json_object_set_new(o, "wanted_exact", json_boolean(w.exact));
	json_object_set_new(o, "tenures_wanted", known_json(w.known, w.tenures));
	json_object_set_new(o, "tenures_done", int_json(w.done));
	json_object_set_new(o, "streams_missing", known_json(w.known, w.streams));
	json_object_set_new(o, "offered", int_json(w.offered));
	json_object_set_new(o, "offered_done", int_json(w.offered_done));
	json_object_set_new(o, "unclaimed", int_json(w.unclaimed));
}

static void set_mode(json_t *o, json_t *mode, const char *reason, uint64_t since)
{
	json_object_set_new(o, "mode", mode);
	json_object_set_new(o, "reason", reason ? json_string(reason) : json_null());
	json_object_set_new(o, "since", since ? int_json(since) : json_null());
}

/* What block-fetch says that it does counts as long as the view is confirmed and there is somebody
 * to fetch from; else it waits, whatever it calls that. */
static void add_mode(const struct rec_progress *p, bool running, const struct rec_trust *t,
    uint64_t heard, json_t *o)
{
	char reason[120];

	if (!running) {
		set_mode(o, json_string("stopped"), NULL, p->time);
	} else if (!t || t->answering < t->quorum || !t->answering) {
		snprintf(reason, sizeof(reason),
		    "%u of %u sources that must agree on the burnchain view answer",
		    t ? t->answering : 0, t && t->quorum ? t->quorum : 1);
		set_mode(o, json_string("waiting"), reason, t ? t->time : 0);
	} else if (p->peers == 0 && p->tenures_total) {
		set_mode(o, json_string("waiting"),
		    "no peer is up and no URL answers: there is nobody to fetch from", heard);
	} else {
		set_mode(o, json_string(sync_mode_name(p->mode)), NULL, 0);
	}
}

/* block-fetch's own row: mode and rate.  It says itself that it has ended; one that it has not
 * written three times in a row tells of a sync that was killed.  Returns whether it runs. */
static bool add_progress(
    struct store *s, MDB_txn *txn, const struct rec_trust *t, uint64_t heard, json_t *o)
{
	struct rec_progress p;
	bool any = meta_get_row(s, txn, "progress.block-fetch", REC_PROGRESS, &p) == 0, running,
	    fetches;

	if (!any)
		p = (struct rec_progress){ .text = rec_str("") };
	running = any && p.time + SILENT_S > now_unix() && p.mode != MODE_STOPPED;
	add_mode(&p, running, t, heard, o);
	fetches = running && p.peers > 0;	/* from nobody nothing comes, however fast it
						 * came */
	json_object_set_new(o, "rate", json_real(fetches ? p.rate / 1000.0 : 0));
	json_object_set_new(o, "byte_rate", int_json(fetches ? p.byte_rate : 0));
	json_object_set_new(o, "eta", fetches && p.eta ? int_json(p.eta) : json_null());
	json_object_set_new(o, "sources_in_use", int_json(running ? p.peers : 0));
	json_object_set_new(o, "text", text_json(p.text));
	return running;
}

/* What inv-sync says of peers that do not answer, those too that have no row, since they never said
 * who they are. */
static void add_peers_down(struct store *s, MDB_txn *txn, json_t *o)
{
	struct rec_progress p;
	bool any = meta_get_row(s, txn, "progress.inv-sync", REC_PROGRESS, &p) == 0 && p.text.n > 0;

	json_object_set_new(o, "peers_down", any ? text_json(p.text) : json_null());
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

/* Who writes the store's blocks now, or null. */
static json_t *writer_json(const struct store_holder *h)
{
	return json_pack("{so so so}", "program", text_json(rec_str(h->program)), "pid",
	    h->pid ? int_json(h->pid) : json_null(),
	    "host", text_json(rec_str(h->host)));
}

json_t *status_gather(struct store *s, const struct store_holder *writer, bool *running)
{
	MDB_txn *txn = store_read(s);
	json_t *o = json_object();
	struct gather blocks = { .list = json_array() }, peers = { .list = json_array() },
		      faults = { .list = json_array() };
	struct rec_trust row, *trust = NULL;
	struct rec_tenure top;
	uint64_t height = 0;
	uint8_t id[ID_LEN] = { 0 };

	if (meta_get_row(s, txn, "trust", REC_TRUST, &row) == 0)
		trust = &row;
	peer_walk(s, txn, on_peer, &peers);
	json_object_set_new(o, "network", json_string(s->net.name));
	json_object_set_new(o, "writer", writer ? writer_json(writer) : json_null());
	*running = add_progress(s, txn, trust, peers.heard, o);
	add_wanted(s, txn, trust, o);
	add_view(s, txn, trust, o);
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
	json_object_set_new(o, "provisional", json_boolean(blocks.provisional));
	add_list(o, "unavailable", &blocks);
	add_list(o, "peers", &peers);
	json_object_set_new(o, "peers_up", int_json(peers.peers_up));
	add_peers_down(s, txn, o);
	fault_walk(s, txn, on_fault, &faults);
	add_list(o, "faults", &faults);
	store_read_end(txn);
	return o;
}

/* Next: cmd/sync-status/wanted.c, what is lacking. */
