/* The turn of block-fetch: verdicts from the store, the planner's turn, its actions, its end.
 * Everything that happens (a record, bytes, the end of an answer, a tick ten times a second) only
 * wakes it. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/block-fetch/fetch.h"
#include "common/sys/log.h"
#include "common/sys/loop.h"

#define TICK_MS 50
#define NO_VERDICTS_MS 60000	/* with -1: nobody judges or stores what is written */

static void act(struct fetch *f, const struct action *a)
{
	switch (a->kind) {
	case ACT_REQUEST: transfer_start(f, a); break;
	case ACT_CANCEL: transfer_stop(f, a->transfer); break;
	case ACT_FAULT: report_fault(f, a); break;
	case ACT_LOOK: look_at(f, a); break;
	case ACT_WANT: report_want(f, a); break;
	}
}

/* Nothing is wanted: said why; the exit code. */
static int nothing_wanted(struct fetch *f)
{
	MDB_txn *txn = store_read(&f->store);
	unsigned long long first = f->first;
	struct rec_sortition tip;
	bool view = sortition_tip(&f->store, txn, &tip) == 0;

	store_read_end(txn);
	if (view && tip.burn_height < f->first)
		log_warnx("nothing is wanted yet: what is wanted begins at burn height %llu, cycle "
			  "%llu, and the burnchain view ends at %llu",
		    first, (unsigned long long)network_cycle(&f->store.net, f->first),
		    (unsigned long long)tip.burn_height);
	else if (view)
		log_warnx("nothing is wanted: the store knows no tenures from burn height %llu on",
		    first);
	else
		stage_no_view(f->stage, f->store.dir);
	return view ? 0 : EXIT_WORLD;
}

/* With -1: when nothing is under way, awaited or on offer. */
static void maybe_end(struct fetch *f)
{
	struct plan_state s;
	char why[1500];
	int code = 0;

	if (!f->ended || f->finishing)
		return;
	if (!f->once) {
		f->finishing = true;
		report_turn(f, true);
		stage_finish(f->stage, 0);
		return;
	}
	planner_state(f->plan, now_ms(), &s);
	if (f->n_written && !s.in_flight && now_ms() > f->written_at + NO_VERDICTS_MS) {
		log_warnx(
		    "no verdict on %u blocks: is block-store in the pipeline? (-o does without)",
		    f->n_written);
		code = EXIT_WORLD;
	} else if (!s.idle || f->n_written || f->full) {
		return;
	} else if (!f->rechecked && !f->written_is_done) {
		/* What was proven may have been un-proven by what came later. */
		f->rechecked = true;
		planner_recheck(f->plan);
		fetch_wake(f);
		return;
	} else if (planner_missing(f->plan, why, sizeof(why))) {
		progress_end();
		planner_tell_missing(f->plan);
		for (struct action a; planner_action(f->plan, &a);)
			if (a.kind == ACT_WANT)
				report_want(f, &a);
		log_warnx("%s", why);
		code = EXIT_WORLD;
	} else if (!s.wanted) {
		code = nothing_wanted(f);
	}
	f->finishing = true;
	report_turn(f, true);
	progress_end();
	stage_finish(f->stage, code);
}

static bool hurt_add(void *arg, const MDB_val *key, const MDB_val *data)
{
	struct fetch *f = arg;

	if (data->mv_size < CH_LEN)
		return true;
	for (unsigned i = 0; i < f->n_hurt; i++)
		if (memcmp(f->hurt[i], data->mv_data, CH_LEN) == 0)
			return true;
	if (f->n_hurt < MAX_HURT)
		memcpy(f->hurt[f->n_hurt++], data->mv_data, CH_LEN);
	return f->n_hurt < MAX_HURT;
}

/* Blocks that a reader found bad: when the keeper has taken them out, their tenures are looked at
 * again. */
static void hurt_check(struct fetch *f)
{
	MDB_txn *txn = store_read(&f->store);

	store_walk(&f->store, txn, T_DAMAGED, NULL, 0, hurt_add, f);
	if (store_count(&f->store, txn, T_DAMAGED) == 0)
		while (f->n_hurt > 0)
			planner_relook(f->plan, f->hurt[--f->n_hurt]);
	store_read_end(txn);
}

static void turn(struct fetch *f)
{
	bool changed = store_changed(&f->store);
	struct action a;
	unsigned rounds = 0;
	bool looked;

	written_check(f, changed);
	if (changed)
		hurt_check(f);
	if (f->full)
		transfers_resume(f);
	if (changed && !f->full)
		uploads_take(f);
	if (!stage_has_input(f->stage) && !f->once)
		view_poll(f);
	do {
		looked = false;
		planner_turn(f->plan, now_ms());
		while (planner_action(f->plan, &a)) {
			looked |= a.kind == ACT_LOOK;
			act(f, &a);
		}
	} while (looked && ++rounds < 16);
	report_turn(f, false);
	maybe_end(f);
	if (now_ms() >= f->tidied_at + 60000) {
		f->tidied_at = now_ms();
		store_tidy(&f->store);
		suspects_review(f);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct fetch *f = arg;
	struct timeval next = { .tv_usec = TICK_MS * 1000 };

	event_add(f->tick, &next);
	if (!f->finishing)
		turn(f);
}

void fetch_wake(struct fetch *f) { event_active(f->tick, EV_TIMEOUT, 0); }

/* ---- what the stage calls ---- */

static bool on_record(void *arg, struct rec *r)
{
	view_news(arg, r);
	return false;
}

static void on_input_end(void *arg)
{
	struct fetch *f = arg;

	f->ended = true;
	planner_no_news(f->plan);
	fetch_wake(f);
}

static void on_terminate(void *arg)
{
	struct fetch *f = arg;

	f->finishing = true;
	progress_end();
	report_turn(f, true);
	stage_finish(f->stage, 0);
}

static void on_report(void *arg) { report_state(arg); }
static void on_room(void *arg) { fetch_wake(arg); }
static void on_lost(void *arg) { written_lost(arg); }

const struct stage_ops fetch_ops = {
	.record = on_record,
	.end = on_input_end,
	.terminate = on_terminate,
	.report = on_report,
	.room = on_room,
	.lost = on_lost,
};

void fetch_init(struct fetch *f)
{
	f->tick = loop_event(stage_base(f->stage), -1, 0, on_tick, f);
	f->progress_at = now_ms();	/* the input's hello first */
	view_start(f);
	view_seed(f);
	fetch_wake(f);
}

void fetch_release(struct fetch *f)
{
	for (unsigned i = 0; i < MAX_TRANSFERS; i++)
		free(f->xfers[i].buf);
	for (unsigned i = 0; i < f->n_names; i++)
		free(f->names[i]);
	free(f->names);
	free(f->ring);
	free(f->suspects);
	free(f->unavailable);
	event_free(f->tick);
	planner_free(f->plan);
}

/* Next: cmd/block-fetch/transfer.c, requests and the blocks in their answers. */
