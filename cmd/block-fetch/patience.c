/* When it takes too long: stalls and drips, judged beside the other sources, and another try for
 * what had failed. Time is counted in turns of at most a tenth of a second, so that our own sleep
 * is nobody's fault. */
#include "cmd/block-fetch/plan.h"

#define RECHECK 512	/* proven tenures looked at anew in a round */

static void give_up(struct planner *p, unsigned i, uint64_t now, bool soft, enum trouble trouble)
{
	struct transfer t = p->transfers[i];

	/* Whose fault it is shows with the end of the transfer: how far its answer had come. */
	p->transfers[i].strike = soft ? STRIKE_SOFT : STRIKE_HARD;
	p->transfers[i].trouble = trouble;
	transfer_cancel(p, i);
	if (t.slot < p->n_slots && t.ask <= ASK_STREAM)
		item_failed_at(p, &t, now, (uint8_t)trouble, false);
}

static bool drips(const struct planner *p, struct transfer *t, const struct source *s)
{
	uint64_t ms = t->age - t->marked_at, bytes = t->bytes - t->marked_bytes;

	if (!t->bytes)
		return false;
	if (t->age >= DRIP_MS && t->bytes * 1000 < DRIP_FLOOR * t->age)
		return true;
	if (ms < 2000)
		return false;
	double rate = (double)bytes * 1000 / (double)ms;
	t->marked_at = t->age;
	t->marked_bytes = t->bytes;
	return p->measured >= 2 && rate < DRIP_RATE && s->rate < DRIP_RATE && rate * 64 < p->median;
}

void planner_patience(struct planner *p, uint64_t now, uint64_t spent)
{
	for (unsigned i = 0; i < MAX_TRANSFERS; i++) {
		struct transfer *t = &p->transfers[i];
		struct source *s = &p->sources[t->source];
		if (!t->used || t->cancelled)
			continue;
		t->age += spent;
		t->idle += spent;
		bool others = t->others >= STALL_OTHERS;
		if (t->complete) {
			/* All that was asked is here: the end of the answer is not
			 * waited for long. */
			if (t->idle >= 1000)
				transfer_cancel(p, i);
			continue;
		}
		if (t->idle >= STALL_MS)
			give_up(p, i, now, false, t->bytes ? TROUBLE_STALL : TROUBLE_SILENT);
		else if (t->bytes && t->idle >= STALL_BODY_MS && others &&
		    (double)t->idle > 4 * p->body_ms)
			give_up(p, i, now, true, TROUBLE_STALL);
		else if (!t->bytes && t->idle >= STALL_HEAD_MS && others &&
		    (double)t->idle > 4 * s->latency)
			give_up(p, i, now, true, TROUBLE_SILENT);
		else if (drips(p, t, s))
			give_up(p, i, now, false, TROUBLE_DRIP);
	}
}

void slot_recheck(struct planner *p, uint32_t i)
{
	for (unsigned k = 0; k < 2; k++) {
		const struct item *it = &p->slots[i].item[k];
		if (it->state == ST_PROVEN && it->kind != ITEM_START)
			item_become(p, i, (enum item_kind)it->kind, ST_LOOK);
	}
}

void planner_retry(struct planner *p, uint64_t now)
{
	p->retry_at = now + RETRY_MS;
	for (uint32_t i = 0; i < p->n_works; i++)
		if (p->works[i].used && !p->works[i].transfers) {
			p->works[i].out = 0;
			p->works[i].rounds = 0;
			memset(p->works[i].tries, 0, sizeof(p->works[i].tries));
		}
	for (uint32_t i = 0; i < p->n_slots; i++)
		for (unsigned k = 0; k < 2; k++) {
			const struct item *it = &p->slots[i].item[k];
			if (it->state == ST_FAILED && !(it->due & DUE_ASIDE))
				item_become(p, i, (enum item_kind)it->kind, ST_LOOK);
		}
	/* Some of what was proven, a few at a time and the newest always: what came later may have
	 * un-proven it. */
	for (uint32_t n = 0; n < RECHECK && p->n_slots; n++) {
		uint32_t i =
		    n < RECHECK / 16 ? p->n_slots - 1 - n % p->n_slots : p->recheck++ % p->n_slots;
		slot_recheck(p, i);
	}
	for (unsigned i = 0; i < p->n_sources; i++)
		if (p->sources[i].out_until && p->sources[i].out_until <= now) {
			p->sources[i].out_until = 0;
			p->sources[i].lies = p->sources[i].refused = 0;
		}
	claims_gather(p);
	planner_changed(p);
}

/* Next: cmd/block-fetch/state.c, how far it is. */
