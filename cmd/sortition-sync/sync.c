/* sync - what sources say goes into the pure view; what follows from it goes to the next commit, to
 * stderr, and back to the sources as requests. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/sortition-sync/sync.h"
#include "common/sys/log.h"
#include "common/sys/loop.h"

#define TICK_MS 50
#define SAY_AGAIN_MS 600000	/* a standing trouble is told again after ten minutes */

bool sync_ignored(const struct source *source)
{
	return source->sync->view.sources[source->index].ignored;
}

static const struct {
	enum fault_class class;
	const char *words;
} blames[] = {
#define X(blame, class, words) [BLAME_##blame] = { FAULT_##class, words },
	BLAMES(X)
#undef X
};

/* Name a source, and let nothing that it says count any more. */
static void blame(struct source *source, enum blame why, const char *evidence)
{
	struct sync *s = source->sync;
	const char *words = blames[why].words;

	commit_fault(s, source->index, blames[why].class, words, evidence);
	log_warnx("source '%s': %s (%s); it is ignored from now on", source->name, words, evidence);
	source->class = blames[why].class;
	snprintf(source->why, sizeof(source->why), "%s", words);
	view_ignore(&s->view, source->index);
	claims_ignore(&s->claims, source->index);
	s->trust_dirty = true;
	if (view_live(&s->view) == 0 && why == BLAME_NETWORK) {
		commit_now(s);
		s->done = true;
		log_warnx("no source is of the network '%s': check -n and -s", s->store.net.name);
		stage_finish(s->stage, EXIT_USAGE);
	}
}

void sync_blame(struct source *source, enum blame why, const char *evidence)
{
	if (!sync_ignored(source))
		blame(source, why, evidence);
}

void sync_failing(struct source *source)
{
	if (source->failing)
		return;
	source->failing = true;
	if (source->class == FAULT_NONE) {
		source->class = FAULT_USELESS;
		snprintf(source->why, sizeof(source->why), "no answer");
	}
	if (!source->rpc || !rpc_limited(source->rpc))	/* a limit that we have passed is no fault
							 * of its */
		commit_fault(source->sync, source->index, source->class, "no answer", source->why);
	if (!source->sync->o.once)	/* with -1 the last line tells it */
		log_warnx("source '%s' fails: %s; trying on", source->name, source->why);
}

void sync_answers(struct source *source)
{
	if (!source->failing)
		return;
	source->failing = false;
	source->class = FAULT_NONE;
	log_info("source '%s' answers again", source->name);
}

static void blame_mask(struct sync *s, uint64_t mask, enum blame why, const char *evidence)
{
	for (unsigned i = 0; i < s->n; i++)
		if (mask >> i & 1)
			sync_blame(&s->sources[i], why, evidence);
}

static void contested(struct sync *s, uint64_t height)
{
	uint64_t now = now_ms();

	s->trust_dirty = true;
	if (s->contested_said && now - s->contested_said < SAY_AGAIN_MS)
		return;
	s->contested_said = now;
	log_warnx("no quorum: the sources contradict each other at burn height %" PRIu64
		  "; such heights are left out",
	    height);
}

/* What the view has decided. */
static void take_events(struct sync *s)
{
	struct view_event e;
	char evidence[100];

	while (view_event(&s->view, &e)) {
		switch (e.what) {
		case VIEW_SETTLED:
			s->progress = now_ms();
			if (e.replaced)
				claims_recheck(&s->claims,
				    network_cycle(&s->store.net, e.height) + 1);
			commit_row(s, &e);
			break;
		case VIEW_UNSETTLED:
			claims_recheck(&s->claims, network_cycle(&s->store.net, e.height) + 1);
			commit_unsettle(s, e.height);
			break;
		case VIEW_LIAR:
			snprintf(evidence, sizeof(evidence),
			    "burn height %" PRIu64 ": contradicts the quorum", e.height);
			blame(&s->sources[e.source], BLAME_SORTITION, evidence);
			break;
		case VIEW_CONTESTED:
			contested(s, e.height);
			break;
		}
	}
	if (s->n_rows >= MAX_ROWS && !s->held_since)
		commit_now(s);
}

void sync_claim(struct source *source, const struct rec_sortition *r)
{
	struct sync *s = source->sync;
	uint64_t i = r->burn_height - s->store.net.first_burn_height;

	if (r->has_burn && i < s->view.n_slots) {
		if (i >= s->n_burn_by) {
			s->burn_by = xrealloc(s->burn_by, s->view.n_slots + 4096);
			memset(s->burn_by + s->n_burn_by, 0, s->view.n_slots + 4096 - s->n_burn_by);
			s->n_burn_by = s->view.n_slots + 4096;
		}
		if (!s->burn_by[i])
			s->burn_by[i] = (uint8_t)(source->index + 1);
	}
	view_claim(&s->view, source->index, r);
	take_events(s);
}

void sync_missing(struct source *source, uint64_t height)
{
	view_missing(&source->sync->view, source->index, height);
	take_events(source->sync);
}

void sync_burn_tip(struct source *source, const struct rec_sortition *r)
{
	struct sync *s = source->sync;
	struct view_source *vs = &s->view.sources[source->index];
	bool changed =
	    !vs->has_tip || memcmp(vs->tip.consensus_hash, r->consensus_hash, CH_LEN) != 0;
	uint64_t now = now_ms(), cycle;

	view_tip(&s->view, source->index, r);
	take_events(s);
	if (!changed || !s->view.has_tip)
		return;
	cycle = network_cycle(&s->store.net, s->view.tip);
	if (cycle + 2 > s->claims.low)
		/* the next cycle's set too, as soon as it is there */
		claims_want(&s->claims, cycle + 2);
	claims_retry(&s->claims, cycle);
	for (unsigned i = 0; i < s->n; i++)	/* the others will have it in a moment too */
		if (i != source->index && s->sources[i].rpc)
			rpc_poll_soon(s->sources[i].rpc, now);
	sync_local_work(s);
}

void sync_set(struct source *source, const struct rec_reward_set *set)
{
	struct sync *s = source->sync;
	struct rec_reward_set out;
	uint64_t liars;
	char evidence[100];
	enum claim c = claims_set(&s->claims, source->index, set, &out, &liars);

	snprintf(evidence, sizeof(evidence),
	    "reward set of cycle %" PRIu64 " contradicts the quorum", set->cycle);
	if (c == CLAIM_SETTLED) {
		s->progress = now_ms();
		out.cycle = set->cycle;
		commit_set(s, &out);
	}
	/* A cycle that has not begun may still get another set, when its prepare phase is
	 * reorganised. */
	if (liars && set->cycle <= network_cycle(&s->store.net, s->view.tip))
		blame_mask(s, liars, BLAME_REWARD_SET, evidence);
}

void sync_block_tip(struct source *source, const struct rec_tip *tip)
{
	struct sync *s = source->sync;
	uint64_t liars;

	if (claims_tip(&s->claims, source->index, tip, &liars) == CLAIM_SETTLED)
		s->tip_dirty = true;
	blame_mask(s, liars, BLAME_TIP, "another start of the newest tenure than the quorum names");
}

void sync_local_work(struct sync *s)
{
	event_active(s->local, EV_TIMEOUT, 0);
}

static void on_local(evutil_socket_t fd, short what, void *arg)
{
	struct sync *s = arg;
	struct timeval soon = { 0, 0 };
	bool more = false;

	for (unsigned i = 0; i < s->n && !s->done; i++) {
		if (s->sources[i].db && !sync_ignored(&s->sources[i]))
			more |= node_db_pump(s->sources[i].db, now_ms());
		if (s->sources[i].file && !sync_ignored(&s->sources[i]))
			more |= rec_file_pump(s->sources[i].file);
	}
	if (more)
		/* by way of the timer, so that sockets get their turn */
		evtimer_add(s->local, &soon);
}

/* The sources that did not help, with what is known of why. */
static void name_failing(struct sync *s, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < s->n && n < size; i++)
		if (s->sources[i].class != FAULT_NONE)
			n += (size_t)snprintf(out + n, size - n, "; source '%s': %s",
			    s->sources[i].name, s->sources[i].why);
}

/* Every source has spoken about what is settled, or has had the time to. */
static bool heard_all(struct sync *s, uint64_t now)
{
	bool late = now - s->complete_since >= GRACE_MS;

	if (!view_quiet(&s->view) && !late)
		return false;
	for (unsigned i = 0; i < s->n; i++) {
		struct source *src = &s->sources[i];
		bool heard = s->view.sources[i].deep && src->info_done && src->idle;
		if (sync_ignored(src) || src->failing || heard)
			continue;
		if (!late)
			return false;
		sync_failing(src);
	}
	return true;
}

static bool complete(struct sync *s)
{
	uint64_t cycle;

	if (!view_complete(&s->view))
		return false;
	cycle = network_cycle(&s->store.net, s->view.tip);
	return (cycle < s->claims.low || claims_complete(&s->claims, cycle + 1)) && s->late_at == 0;
}

/* With -1: whether waiting may still help. */
static bool hopeful(const struct sync *s, uint64_t now)
{
	unsigned live = view_live(&s->view);
	uint64_t patience = TRY_MS;

	for (unsigned i = 0; i < s->n; i++) {
		const struct rpc *r = s->sources[i].rpc;
		if (!r || sync_ignored(&s->sources[i]))
			continue;
		live -= rpc_hopeless(r, now);
		patience = rpc_limited(r) ? TRY_LIMITED_MS : patience;
	}
	return live >= s->quorum && now - s->progress < patience;
}

/* With -1: at the tip of the sources, or there is no getting there. */
static void pass_done(struct sync *s, uint64_t now)
{
	char names[600], why[160];

	if (complete(s)) {
		if (!s->complete_since)
			s->complete_since = now;
		if (!s->claims.has_best && now - s->complete_since < GRACE_MS / 2)
			for (unsigned i = 0; i < s->n; i++)
				if (!s->sources[i].info_done && !sync_ignored(&s->sources[i]))
					return;
		if (!heard_all(s, now))
			return;
		commit_now(s);
		if (commit_pending(s) || emit_pending(s) || s->late_at)
			return;
		for (unsigned i = 0; i < s->n; i++)
			if (s->sources[i].failing)
				log_warnx("source '%s' fails: %s", s->sources[i].name,
				    s->sources[i].why);
		s->done = true;
		stage_finish(s->stage, 0);
		return;
	}
	s->complete_since = 0;
	if (hopeful(s, now))
		return;
	for (unsigned i = 0; i < s->n; i++)
		if (!sync_ignored(&s->sources[i]) && s->sources[i].class != FAULT_NONE)
			sync_failing(&s->sources[i]);
	commit_now(s);
	name_failing(s, names, sizeof(names));
	log_warnx("no quorum of %u: %s%s", s->quorum,
	    view_complete(&s->view) ? "a reward set is missing" : view_explain(&s->view, why),
	    names);
	s->done = true;
	stage_finish(s->stage, exit_unusable());
}

static void say_no_quorum(struct sync *s, uint64_t now)
{
	char names[600], why[160];

	if (view_at_tip(&s->view) || now - s->progress < TRY_MS ||
	    (s->noquorum_said && now - s->noquorum_said < SAY_AGAIN_MS))
		return;
	s->noquorum_said = now;
	name_failing(s, names, sizeof(names));
	log_warnx("no quorum of %u for now: %s%s", s->quorum, view_explain(&s->view, why), names);
}

/* Rows that a node told, without burn totals, before a mirror could: the mirror is asked for them
 * when all is there. */
static void ask_burn(struct sync *s)
{
	if (s->late_at || !view_complete(&s->view))
		return;
	for (unsigned i = 0; i < s->n; i++)
		if (s->sources[i].gave_burn && !s->view.sources[i].tells_burn) {
			view_tells_burn(&s->view, i);
			s->sources[i].idle = false;
			rpc_pump(s->sources[i].rpc, now_ms());
		}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct sync *s = arg;
	uint64_t now = now_ms();

	if (s->done)
		return;
	view_tick(&s->view, now);
	take_events(s);
	s->steady = !s->o.once && (now - s->progress > IDLE_MS || complete(s));
	for (unsigned i = 0; i < s->n && !s->done; i++)
		source_pump(&s->sources[i]);
	if (s->late_at)
		check_late(s);
	ask_burn(s);
	if (now - s->last_commit >= COMMIT_MS)
		commit_now(s);
	if (now - s->last_tidy >= 60000) {
		s->last_tidy = now;
		store_tidy(&s->store);
	}
	emit_pump(s);
	if (s->done)
		return;
	if (s->o.once)
		pass_done(s, now_ms());
	else
		say_no_quorum(s, now_ms());
}

void sync_start(struct sync *s)
{
	struct timeval tv = { 0, TICK_MS * 1000 };

	s->progress = now_ms();
	view_tick(&s->view, s->progress);
	s->local = loop_event(stage_base(s->stage), -1, 0, on_local, s);
	s->tick = loop_event(stage_base(s->stage), -1, EV_PERSIST, on_tick, s);
	if (event_add(s->tick, &tv) != 0)
		die_world("cannot set a timer");
	sync_local_work(s);
	for (unsigned i = 0; i < s->n; i++)
		source_pump(&s->sources[i]);
}

void sync_terminate(void *arg)
{
	struct sync *s = arg;

	s->done = true;
	commit_now(s);
	emit_pump(s);
	stage_finish(s->stage, 0);
}

void sync_end(void *arg)
{
	struct sync *s = arg;

	if (!s->o.once)		/* a pass is made whole, whatever stdin is */
		sync_terminate(s);
}

void sync_room(void *arg)
{
	emit_pump(arg);
}

static const char *state_of(const struct source *source)
{
	if (source->failing || (sync_ignored(source) && source->class != FAULT_NONE))
		return source->why;
	return source->rpc && !rpc_answers(source->rpc, now_ms()) ? "no answer of late" : "in use";
}

void sync_report(void *arg)
{
	struct sync *s = arg;
	uint64_t head = 0;

	view_head(&s->view, &head);
	log_warnx("burn height %" PRIu64 " down to %" PRIu64 ", quorum %u, sources %u of %u, %s",
	    head, view_low(&s->view), s->quorum, view_live(&s->view), s->n,
	    view_at_tip(&s->view) ? "at the tip" : "not at the tip");
	for (unsigned i = 0; i < s->n; i++)
		log_warnx("source '%s': %s%s", s->sources[i].name,
		    sync_ignored(&s->sources[i]) ? "ignored: " : "", state_of(&s->sources[i]));
}

/* Next: cmd/sortition-sync/view.c, who has the quorum. */
