/* The turn of the loop, ten times a second: look at the store, dial, ask what is due, commit, and
 * see whether one pass is over.  Answers need no turn: they are handled, and the next question
 * asked, as they come. */
#include "cmd/inv-sync/inv_sync.h"
#include "common/sys/log.h"
#include "common/sys/loop.h"

#define LOOK_MS 5000

static void finish(struct inv_sync *s, int code)
{
	/* After one pass the rows still say who can be asked: block-fetch may come later. */
	if (!s->o.once)
		peers_stop(s);
	save_commit(s, UINT64_MAX);
	stage_finish(s->stage, code);
}

/* One pass is over when the input has ended and nobody is left to answer.  Who is silent may have
 * what is missing; where nothing is, it holds up nobody. */
static void end_of_pass(struct inv_sync *s, uint64_t now)
{
	if (!s->o.once || !s->input_ended)
		return;
	if (!s->view_known) {
		stage_no_view(s->stage, s->store.dir);
		finish(s, EXIT_WORLD);
	} else if (peers_pass_done(s, now)) {
		dead_look(s, now, true);
		finish(s, 0);
	} else if (now >= s->ended_at + FINISHED_MS && view_finished(s)) {
		peers_leave(s);
		finish(s, 0);
	}
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct inv_sync *s = arg;
	uint64_t now = now_ms();
	struct peer *p;

	if (store_changed(&s->store))
		view_refresh(s, now);
	if (now >= s->looked_at + LOOK_MS) {
		s->looked_at = now;
		view_refresh(s, now); /* block-serve may have ended without a commit */
		s->calm = view_finished(s);
		peers_look(s);
		peers_tidy(s);
		store_tidy(&s->store);
	}
	/* Without a view no preamble is true, and a peer would hang up on us. */
	if (s->view_known)
		peers_dial(s, now);
	TAILQ_FOREACH(p, &s->peers, entry)
		talk_ask(p, now);
	rivals_decide(s);
	dead_look(s, now, false);
	save_commit(s, now);
	end_of_pass(s, now);
}

void loop_start(struct inv_sync *s)
{
	struct timeval tv = { .tv_usec = TURN_MS * 1000 };

	store_changed(&s->store);
	view_refresh(s, now_ms());
	s->turn = loop_event(stage_base(s->stage), -1, EV_PERSIST, on_turn, s);
	if (event_add(s->turn, &tv) < 0)
		die_world("cannot set a timer");
}

static void on_end(void *arg)
{
	struct inv_sync *s = arg;

	s->input_ended = true;
	s->ended_at = now_ms();
	if (!s->o.once)
		finish(s, 0);
}

static void on_terminate(void *arg)
{
	finish(arg, 0);
}

static void on_lost(void *arg)
{
	save_commit(arg, UINT64_MAX);
}

static void on_report(void *arg)
{
	struct inv_sync *s = arg;
	unsigned up = 0;
	struct peer *p;

	TAILQ_FOREACH(p, &s->peers, entry) {
		up += p->conv && conv_is_up(p->conv);
		log_warnx("peer '%s': %s, %u failures, %u questions in flight%s", p->name,
		    peer_state_name(p->state), p->failures,
		    p->asks.flying[NAKAMOTO] + p->asks.flying[EPOCH2],
		    p->conv ? ", connected" : "");
	}
	log_warnx("%u peers known, %u up, burn tip %llu", s->n_peers, up,
	    (unsigned long long)s->self.view.burn_height);
}

const struct stage_ops inv_sync_ops = {
	.end = on_end, .terminate = on_terminate, .report = on_report, .lost = on_lost
};

/* Next: cmd/inv-sync/view.c, our burnchain view. */
