/* What is asked for by itself: suspects of pipelines that died, one at a time, and sources' own
 * tips. */
#include <stdio.h>

#include "cmd/block-fetch/plan.h"
#include "common/sys/log.h"

/* ---- suspects ---- */

/* The others keep their order: the least suspected first. */
void single_drop(struct planner *p, unsigned i)
{
	memmove(&p->singles[i], &p->singles[i + 1], (--p->n_singles - i) * sizeof(*p->singles));
}

void planner_suspect(struct planner *p, const uint8_t ch[CH_LEN], const uint8_t id[ID_LEN],
    const char *avoid)
{
	struct slot *slot = slot_find(p, ch);
	struct single *s;

	p->singles = xrealloc(p->singles, (p->n_singles + 1) * sizeof(*p->singles));
	s = &p->singles[p->n_singles++];
	*s = (struct single){ .tries = 0 };
	memcpy(s->id, id, ID_LEN);
	memcpy(s->ch, ch, CH_LEN);
	snprintf(s->avoid, sizeof(s->avoid), "%s", avoid);
	if (!slot)
		return;
	slot->item[0].due |= DUE_HELD;
	p->holds = true;
	slot_refresh(p, slot_index(p, slot));
}

void ask_single(struct planner *p, uint64_t now)
{
	struct single *one = &p->singles[0];
	struct slot *slot = slot_find(p, one->ch);
	int source = -1;

	if (one->asked)
		return;
	if (!slot || !item_offered(p, slot_index(p, slot), ITEM_BODY, now)) {
		single_drop(p, 0);
		return;
	}
	for (unsigned i = 0; i < p->n_sources && source < 0; i++)
		if (source_has_room(p, &p->sources[i], now) &&
		    item_may_ask(p, i, slot_index(p, slot), ITEM_BODY) &&
		    strcmp(p->sources[i].name, one->avoid) != 0)
			source = (int)i;
	if (source < 0)
		source = source_pick(p, slot_index(p, slot), ITEM_BODY, now, -1);
	if (source >= 0 &&
	    send_ask(p, now, (unsigned)source, ASK_BLOCK, slot_index(p, slot), one->id))
		one->asked = true;
}

/* Once the judges are seen at work.  Where suspects are all that is on offer one may show it for
 * another; a lone one is tried when the judges have not crashed by themselves. */
bool singles_due(struct planner *p, uint64_t now)
{
	return p->judged || p->singles[0].asked ||
	    ((p->n_singles > 1 || now >= p->began + CONTROL_MS) && !p->awaiting && !p->in_flight &&
	    !planner_offers(p, now));
}

void holds_end(struct planner *p)
{
	p->holds = false;
	for (uint32_t i = 0; i < p->n_slots; i++)
		if (p->slots[i].item[0].due & DUE_HELD) {
			p->slots[i].item[0].due &= (uint8_t)~DUE_HELD;
			slot_refresh(p, i);
		}
}

/* ---- tips ---- */

void planner_claim(struct planner *p, uint64_t now, unsigned source, const uint8_t ch[CH_LEN],
    const uint8_t id[ID_LEN], const uint8_t *stop)
{
	struct source *s = &p->sources[source];
	struct slot *slot = slot_find(p, ch);

	if (!slot || !(slot->facts & FACT_WON) || s->tip_asked || id_is(slot->end, id) ||
	    (id_is(s->tip_failed, id) && s->tip_fails % 2 == 0))
		return;
	s->has_claim = true;
	memcpy(s->tip_ch, ch, CH_LEN);
	memcpy(s->tip_id, id, ID_LEN);
	if (stop)
		memcpy(s->tip_stop, stop, ID_LEN);
	else
		memset(s->tip_stop, 0, ID_LEN);
}

/* Another source's word for the same tenure is being tried: if that brings this tip too, it need
 * not travel again. */
static bool tip_under_way(const struct planner *p, uint32_t slot)
{
	for (unsigned i = 0; i < MAX_TRANSFERS; i++) {
		const struct transfer *t = &p->transfers[i];
		if (t->used && !t->cancelled && t->ask == ASK_TIP && t->slot == slot &&
		    !transfer_lags(p, t))
			return true;
	}
	return p->slots[slot].item[0].awaiting > 0;
}

void ask_tips(struct planner *p, uint64_t now)
{
	static const uint8_t none[ID_LEN];
	bool near = planner_near_tip(p);

	for (unsigned i = 0; i < p->n_sources; i++) {
		struct source *s = &p->sources[i];
		if (!source_has_room(p, s, now))
			continue;
		if (s->has_claim) {
			struct slot *slot = slot_find(p, s->tip_ch);
			if (slot && tip_under_way(p, slot_index(p, slot)))
				continue;
			s->has_claim = false;
			if (!slot || id_is(slot->end, s->tip_id) ||
			    !slot_judgeable(p, slot_index(p, slot)))
				continue;
			struct transfer *t =
			    send_ask(p, now, i, ASK_TIP, slot_index(p, slot), s->tip_id);
			if (!t)
				return;
			s->tip_asked = true;
			send_stop(p, t, s->tip_stop);
		} else if (near && !s->tip_asked &&
		    (p->once ? p->ended && !p->has_tip && !s->info_at :
			       s->info_at + INFO_MS <= now)) {
			s->info_at = now ? now : 1;
			send_ask(p, now, i, ASK_INFO, UINT32_MAX, none);
		}
	}
}

/* Next: cmd/block-fetch/patience.c, when it takes too long. */
