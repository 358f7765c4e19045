/* Whom we ask, and how far we bear with them.
 *
 * A source is judged by what it delivers: speed against the other sources, never against a constant
 * that a modem or a long way would break; trust falls with what it claims and has not, and comes
 * back with half-life; faults have grades (lying, invalid, useless, slow), and only repeated ones
 * leave a source out. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/block-fetch/plan.h"
#include "common/sys/log.h"

#define TRUST_HALF_LIFE_MS 600000.0
#define CROWD_PATIENCE 64	/* answers before one more connection is tried */
#define SOFT_ANSWERS 8		/* answers that make up for a soft strike */
#define STRIKE_ANSWERS 16	/* for all strikes */

static int source_find(const struct planner *p, const char *name)
{
	for (unsigned i = 0; i < p->n_sources; i++)
		if (p->sources[i].used && strcmp(p->sources[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* A place for a new source: of one which is down and owes nothing, else a free one, else of a peer
 * that is left out. */
static int source_place(struct planner *p)
{
	int down = -1, out = -1, i;

	for (i = 0; i < (int)p->n_sources; i++) {
		const struct source *s = &p->sources[i];
		if (down < 0 && !s->up && !s->inflight && !s->out_until)
			down = i;
		if (out < 0 && s->out_until && !s->inflight && !s->is_url)
			out = i;
	}
	if (down < 0 && p->n_sources < MAX_SOURCES)
		return (int)p->n_sources++;
	i = down >= 0 ? down : out;
	if (i < 0)
		return -1;
	claims_free(&p->sources[i]);
	for (uint32_t w = 0; w < p->n_works; w++) {
		p->works[w].tries[i] = 0;
		p->works[w].out &= ~(1ull << i);
	}
	return i;
}

int planner_source(struct planner *p, uint64_t now, const char *name, bool is_url)
{
	int i = source_find(p, name);

	if (i < 0) {
		i = source_place(p);
		if (i < 0)
			return -1;
		p->sources[i] = (struct source){
			.used = true, .is_url = is_url, .trust = 1, .trust_at = now, .clock = now
		};
		snprintf(p->sources[i].name, sizeof(p->sources[i].name), "%s", name);
	}
	p->any_url |= is_url;
	if (!p->sources[i].up) {
		p->sources[i].up = true;
		if (claims_memory(&p->sources[i]) > 0)
			claims_gather(p);	/* it was up before: its word holds */
		planner_changed(p);
		if (p->retry_at > now + 1000)
			p->retry_at = now + 1000;
	}
	if (p->sources[i].bad_url) {	/* it has another one now */
		p->sources[i].bad_url = false;
		p->sources[i].out_until = 0;
		planner_changed(p);
	}
	return i;
}

void planner_source_down(struct planner *p, unsigned source)
{
	p->sources[source].up = false;
	planner_changed(p);
}

const char *planner_source_name(const struct planner *p, unsigned source)
{
	return source < p->n_sources && p->sources[source].used ? p->sources[source].name : NULL;
}

bool source_usable(const struct source *s, uint64_t now)
{
	return s->used && s->up && s->out_until <= now;
}

double source_trust(const struct source *s, uint64_t now)
{
	return 1 - (1 - s->trust) * exp2(-(double)(now - s->trust_at) / TRUST_HALF_LIFE_MS);
}

static void trust_to(struct source *s, uint64_t now, double target, double weight)
{
	s->trust = source_trust(s, now) * (1 - weight) + target * weight;
	s->trust_at = now;
}

/* How many requests at once: what it brings in two seconds, small until that is known. */
unsigned source_window(const struct planner *p, const struct source *s)
{
	double w;

	if (s->slow || s->fails || s->strikes)
		return 1;
	if (s->answers < 2 || s->rate <= 0)
		return 2;
	w = 1 + s->rate * 2 / (p->body > 1000 ? p->body : 1000);
	if (s->most && w > s->most)
		w = s->most;
	return w >= MAX_CONNECTIONS ? MAX_CONNECTIONS : (unsigned)w;
}

/* A connection was closed before its first byte while others to the same source live: a server that
 * takes no more of them does so, and is not to blame.  We make do with those, and try one more
 * after a while. */
void source_crowded(struct source *s)
{
	s->most = s->inflight;
	s->since_most = 0;
}

/* Account the time in which the source was busy for us. */
void source_clock(struct planner *p, struct source *s, uint64_t now)
{
	uint64_t ms = now > s->clock ? now - s->clock : 0;

	s->clock = now;
	if (s->inflight && p->room)
		s->sample_ms += ms < 1000 ? ms : 1000;
	if (s->sample_ms < 500)
		return;
	double rate = (double)s->sample_bytes * 1000 / (double)s->sample_ms;
	s->rate = s->rate > 0 ? s->rate * 0.6 + rate * 0.4 : rate;
	s->sample_ms = s->sample_bytes = 0;
}

void source_ok(struct planner *p, struct source *s, uint64_t now)
{
	s->answers++;
	s->fails = 0;
	if (s->most && ++s->since_most >= CROWD_PATIENCE) {
		s->most++;
		s->since_most = 0;
	}
	s->since_strike++;
	if (s->since_strike >= SOFT_ANSWERS)
		s->soft = 0;
	if (s->since_strike >= STRIKE_ANSWERS)
		s->strikes = 0;
	if (!s->strikes)
		s->last = TROUBLE_NONE;
	if (s->rate <= 0 && s->answers >= 4 && s->sample_ms > 20)
		s->rate = (double)s->sample_bytes * 1000 / (double)s->sample_ms;
	trust_to(s, now, 1, 0.05);
}

void source_fault(struct planner *p, const struct source *s, enum fault_class class, uint8_t why,
    const char *fmt, ...)
{
	struct action *a = action_add(p, ACT_FAULT);
	va_list ap;

	a->source = (unsigned)(s - p->sources);
	snprintf(a->who, sizeof(a->who), "%s", s->name);
	a->class = class;
	a->what = why_text(p, why);
	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
}

void planner_useless(struct planner *p, uint64_t now, const char *name, enum trouble trouble,
    const char *evidence)
{
	int i = source_find(p, name);
	bool told = i >= 0 && p->sources[i].bad_url;

	i = planner_source(p, now, name, false);
	if (i < 0 || p->sources[i].out_until > now)
		return;
	if (!told)
		source_fault(p, &p->sources[i], FAULT_USELESS, trouble, "%s", evidence);
	source_leave_out(p, &p->sources[i], now, trouble);
	p->sources[i].bad_url = true;
}

void source_leave_out(struct planner *p, struct source *s, uint64_t now, enum trouble trouble)
{
	unsigned n = (unsigned)(s - p->sources);

	s->out_until = p->once ? UINT64_MAX : now + LEFT_OUT_MS;
	s->last = (uint8_t)trouble;
	s->fails = s->strikes = 0;
	planner_changed(p);
	for (unsigned t = 0; t < MAX_TRANSFERS; t++)
		if (p->transfers[t].used && p->transfers[t].source == n)
			transfer_cancel(p, t);
}

/* Nobody says a word, though this source is not the only one that was asked: that need not be its
 * fault. */
static bool quiet(const struct planner *p, const struct source *s, uint64_t now)
{
	bool others = false;

	for (unsigned i = 0; i < p->n_sources; i++) {
		const struct source *x = &p->sources[i];
		others |= x != s && source_usable(x, now) && (x->inflight || x->not_before > now);
	}
	return others && now >= p->heard_at + QUIET_MS;
}

static void pause_for(struct source *s, uint64_t now, uint64_t ms)
{
	if (s->not_before < now + ms)
		s->not_before = now + ms;
}

/* A failure that asks for a pause.  Requests that were out
 * together fail together and count once. */
void source_fail(struct planner *p, struct source *s, uint64_t now, uint64_t sent,
    enum trouble trouble, uint64_t wait)
{
	s->last = (uint8_t)trouble;
	trust_to(s, now, 0, 0.1);
	if (s->fails && sent < s->failed_at) {
		pause_for(s, now, wait);
		return;
	}
	s->failed_at = now;
	uint64_t backoff = !s->fails ? FIRST_BACKOFF_MS :
				       (uint64_t)BACKOFF_MS << (s->fails < 10 ? s->fails - 1 : 9);
	s->fails++;
	if (s->fails == DEAD_FAILS && !s->answers && !s->told && trouble == TROUBLE_CONNECTION) {
		s->told++;
		source_fault(p, s, FAULT_USELESS, TROUBLE_DEAD_URL,
		    "%u connections failed, none ever succeeded", s->fails);
	}
	if (backoff < wait)
		backoff = wait;
	s->not_before =
	    now + (backoff < BACKOFF_MAX_MS || wait > BACKOFF_MAX_MS ? backoff : BACKOFF_MAX_MS);
	if (s->fails < MAX_FAILS)
		return;
	if (quiet(p, s, now) && !p->once) {
		s->fails = MAX_FAILS / 2;
		return;
	}
	if (!quiet(p, s, now))
		source_fault(p, s, FAULT_USELESS, trouble, "%u failures in a row", s->fails);
	s->told++;
	source_leave_out(p, s, now, trouble);
}

/* An answer failed.  What was out together fails together, and counts once. */
void source_error(struct source *s, uint64_t now, const struct transfer *t)
{
	if (s->erred_at && t->sent < s->erred_at)
		return;
	s->erred_at = now;
	s->errors++;
}

/* Errors are counted against answers: one in ten of at least two is complained of, and again at
 * each doubling. */
void source_complain(struct planner *p, struct source *s, uint64_t now)
{
	unsigned bad = s->is_url ? s->errors : s->missing + s->errors, limited = s->limited / 6;

	if (bad + limited < 2u << (s->told < 16 ? s->told : 16) ||
	    (bad + limited) * 10 < s->answers)
		return;
	s->told++;
	source_fault(p, s, FAULT_USELESS,
	    bad < limited	       ? TROUBLE_429 :
		s->missing > s->errors ? TROUBLE_404 :
		s->last		       ? s->last :
					 TROUBLE_ERRORS,
	    "%u claimed blocks absent, %u errors, %u refusals for rate, %u answers", s->missing,
	    s->errors, s->limited, s->answers);
	if (bad >= 50 && s->answers * 10 < bad)
		source_leave_out(p, s, now, TROUBLE_FAILS);
}

/* A stall.  soft: seen only beside others.  Two of these are as good as one, if few answers lie
 * between: an honest source on a busy machine or line stands still too, with all that it was asked
 * at that time.  began: some of the answer had come. */
void source_strike(struct planner *p, struct source *s, uint64_t now, const struct transfer *t,
    bool soft, bool began)
{
	s->last = (uint8_t)t->trouble;
	trust_to(s, now, 0, 0.2);
	if (t->sent < (soft ? s->soft_at : s->struck_at))
		return;
	s->since_strike = 0;
	if (soft) {
		s->soft_at = s->answers ? now : 0;
		if (++s->soft % 2) {
			pause_for(s, now, s->answers ? 1000 : 0);
			return;
		}
	}
	s->struck_at = now;
	if (quiet(p, s, now) && !p->once) {
		pause_for(s, now, 1000);
		return;
	}
	s->strikes++;
	pause_for(s, now, (uint64_t)1000 << (s->strikes - 1));
	if (!quiet(p, s, now))
		source_fault(p, s, began ? FAULT_SLOW : FAULT_USELESS, t->trouble,
		    "%llu bytes in %llu ms, then none for %llu ms", (unsigned long long)t->bytes,
		    (unsigned long long)t->age, (unsigned long long)t->idle);
	if (s->strikes >= MAX_STRIKES || t->age >= DRIP_MS)
		source_leave_out(p, s, now, t->trouble);
}

void source_lie(struct planner *p, struct source *s, uint64_t now, enum fault_class class,
    enum trouble trouble, const uint8_t id[ID_LEN])
{
	char hex[2 * ID_LEN + 1];

	s->lies++;
	s->last = (uint8_t)trouble;
	trust_to(s, now, 0, 0.5);
	source_fault(p, s, class, trouble, "asked for %s", hex_of(hex, id, ID_LEN));
	if (s->lies + s->refused >= MAX_LIES)
		source_leave_out(p, s, now, trouble);
}

/* What was asked came, and then bytes that nobody asked for: it is said once; where others can
 * serve, it is also a reason to leave this one. */
void source_trailing(struct planner *p, struct source *s, uint64_t now, bool blocks)
{
	unsigned others = 0;

	if (!s->trails)
		source_fault(p, s, blocks ? FAULT_LYING : FAULT_INVALID,
		    blocks ? TROUBLE_MORE : TROUBLE_TRAILING, "after a whole answer");
	s->trails = true;
	for (unsigned i = 0; i < p->n_sources; i++)
		others += &p->sources[i] != s && source_usable(&p->sources[i], now) &&
		    p->sources[i].answers > 0;
	if (others && ++s->lies + s->refused >= MAX_LIES)
		source_leave_out(p, s, now, TROUBLE_TRAILING);
}

void planner_source_at(struct planner *p, unsigned source, const char *url)
{
	snprintf(p->sources[source].at, sizeof(p->sources[source].at), "%s", url);
}

bool planner_source_line(const struct planner *p, unsigned source, char out[256])
{
	const struct source *s = &p->sources[source];

	if (source >= p->n_sources || !s->used)
		return false;
	snprintf(out, 256,
	    "%.66s%s%.60s: %s%s, %u in flight, %u answers, %.0f kB/s, %.0f ms, trust %.2f%s%s",
	    s->name, s->at[0] ? " at " : "", s->at,
	    s->out_until ? "left out" :
		s->up	 ? "up" :
			   "down",
	    s->slow ? ", slow" : "", s->inflight, s->answers, s->rate / 1000, s->latency, s->trust,
	    s->last ? ", last: " : "", why_text(p, s->last));
	return true;
}

/* Next: cmd/block-fetch/crowd.c, how they do beside each other. */
