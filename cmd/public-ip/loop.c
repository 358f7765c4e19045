/* The turn of the loop, ten times a second: look at the store, ask whoever's turn it is, judge a
 * round when all have answered, commit, and see whether one pass is over. */
#include "cmd/public-ip/public_ip.h"
#include "common/net/address.h"
#include "common/sys/log.h"
#include "common/sys/loop.h"

static void finish(struct public_ip *s, int code)
{
	save_commit(s, UINT64_MAX);
	stage_finish(s->stage, code);
}

static void view_refresh(struct public_ip *s)
{
	MDB_txn *txn = store_read(&s->store);
	struct rec_sortition tip;

	s->view_known |= self_refresh_view(&s->self, &s->store, txn, &tip);
	self_refresh_address(&s->self, &s->store, txn, NULL);
	store_read_end(txn);
}

/* The names of those who said it. */
static void tellers(struct public_ip *s, const uint8_t addr[16], char *out, size_t size)
{
	const struct voices *v = &s->voices;
	const struct peer *p;
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < v->n_heard; i++)
		TAILQ_FOREACH (p, &s->peers, entry)
			if (p->number == v->heard[i].peer &&
			    memcmp(v->heard[i].addr, addr, 16) == 0 &&
			    n + strlen(p->name) + 2 <= size)
				n += (size_t)snprintf(
				    out + n, size - n, "%s%s", n ? " " : "", p->name);
}

/* What a round has brought, to people: once, until it changes. */
static void say(struct public_ip *s, const struct verdict *v)
{
	struct sockaddr_storage sa;
	socklen_t len;
	char text[64];

	address_from16(&sa, &len, v->addr, 0);
	address_text(text, (struct sockaddr *)&sa);
	*strrchr(text, ':') = '\0';
	if (v->agreed)
		log_info("our address is %s: peers of %u networks say so", text, v->networks);
	else if (v->networks > 0)
		log_info("our address may be %s, which is not announced: peers of %u network%s "
			 "say so",
		    text, v->networks, v->networks == 1 ? "" : "s");
	else
		log_info("no peer has told our address");
}

static void judge(struct public_ip *s, uint64_t now)
{
	char source[sizeof(s->told.source)];
	struct verdict v;

	if (!voices_decide(&s->voices, now, &v))
		return;
	s->round_done = true;
	say(s, &v);
	if (!v.news)
		return;
	tellers(s, v.addr, source, sizeof(source));
	save_address(s, v.networks ? v.addr : s->voices.addr, 0, source, v.agreed, v.networks);
}

/* One pass is over when the input has ended, and the round, for which nobody is waited long. */
static void end_of_pass(struct public_ip *s, uint64_t now)
{
	if (!s->o.once || !s->input_ended)
		return;
	if (s->given || s->round_done || (s->view_known && TAILQ_EMPTY(&s->peers))) {
		finish(s, 0);
	} else if (!s->view_known) {
		stage_no_view(s->stage, s->store.dir);
		finish(s, EXIT_WORLD);
	}
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct public_ip *s = arg;
	uint64_t now = now_ms();

	if (store_changed(&s->store))
		view_refresh(s);
	/* Without a view no preamble is true, and a peer would hang up on us. */
	if (s->view_known && !s->given && !(s->o.once && s->round_done)) {
		s->round_at = s->round_at ? s->round_at : now;
		if (s->o.once && now >= s->round_at + ROUND_ONCE_MS)
			peers_leave(s);
		peers_ask(s, now);
		judge(s, now);
	}
	save_commit(s, now);
	end_of_pass(s, now);
}

void loop_start(struct public_ip *s)
{
	struct timeval tv = { .tv_usec = TURN_MS * 1000 };

	store_changed(&s->store);
	view_refresh(s);
	s->turn = loop_event(stage_base(s->stage), -1, EV_PERSIST, on_turn, s);
	if (event_add(s->turn, &tv) < 0)
		die_world("cannot set a timer");
}

static void on_end(void *arg)
{
	struct public_ip *s = arg;

	s->input_ended = true;
	if (!s->o.once)
		finish(s, 0);
}

static void on_terminate(void *arg) { finish(arg, 0); }

static void on_lost(void *arg) { save_commit(arg, UINT64_MAX); }

static void on_report(void *arg)
{
	struct public_ip *s = arg;
	const struct peer *p;

	TAILQ_FOREACH (p, &s->peers, entry)
		log_warnx(
		    "peer '%s': %u failures%s", p->name, p->failures, p->conv ? ", asked" : "");
	log_warnx("%u voices in this round, an address is %sannounced", s->voices.n_heard,
	    s->given || s->voices.announced ? "" : "not ");
}

const struct stage_ops public_ip_ops = {
	.end = on_end, .terminate = on_terminate, .report = on_report, .lost = on_lost
};

/* Next: cmd/public-ip/voices.c, who is asked. */
