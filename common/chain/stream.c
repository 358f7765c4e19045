/* A stream of microblocks on its anchored block: which of them it is made of, whether they keep the
 * rules, and whether their signer made two of one (spec/blocks.md 3.2, 3.3). */
#include <stdlib.h>

#include "common/chain/stream.h"
#include "common/limits.h"
#include "common/sys/log.h"

/* Microblocks that are none of the stream's, the lowest ones. */
struct rivals {
	struct microblock m[MAX_RIVALS];
	unsigned n;
};

static void set_aside(struct rivals *r, const struct microblock *m)
{
	if (r->n < MAX_RIVALS)
		r->m[r->n++] = *m;
}

static bool same(const uint8_t *a, const uint8_t *b) { return memcmp(a, b, 32) == 0; }

static void reverse(struct microblock *m, uint32_t n)
{
	for (uint32_t i = 0; i < n / 2; i++) {
		struct microblock low = m[i];

		m[i] = m[n - 1 - i];
		m[n - 1 - i] = low;
	}
}

/* Take the vector apart, ascending: *all is as many as the count says. */
static enum chain_reason split(struct stream *s, uint32_t *all, const uint8_t *p, size_t n)
{
	size_t at = 4, need;

	if (n < 4 || n > MAX_STREAM || get_be32(p) == 0 || get_be32(p) > n / MICROBLOCK_HEADER)
		return REASON_CODEC;
	*all = get_be32(p);
	s->m = xcalloc(*all, sizeof(*s->m));
	for (uint32_t i = 0; i < *all; i++) {
		ssize_t used = microblock_parse(&s->m[i], p + at, n - at, &need);

		if (used <= 0)
			return REASON_CODEC;
		at += (size_t)used;
	}
	if (at < n)
		return REASON_TRAILING;
	/* Sequences may be what is wrong: a link tells the order, too. */
	if (s->m[0].sequence > s->m[*all - 1].sequence ||
	    (*all > 1 && same(s->m[0].prev, s->m[1].hash)))
		reverse(s->m, *all);
	return REASON_OK;
}

/* A child's header leads to the bytes, or it is not known whether one does. */
static bool may_commit(const struct stream_view *v) { return v->tail || !v->parent; }

/* From the i-th microblock on the stream does not stand; with a child, none of it. */
static void refuse(struct stream *s, const struct stream_view *v, uint32_t i, bool committed)
{
	s->n = v->tail ? 0 : i;
	s->committed = may_commit(v) && committed;
}

/* What the child confirms, from its tail down, by hash. */
static enum chain_reason pick_confirmed(
    struct stream *s, uint32_t all, const struct stream_view *v, struct rivals *r)
{
	const uint8_t *want = v->tail;
	bool *chosen = xcalloc(all, sizeof(*chosen)), committed;

	for (uint32_t i = all; i-- > 0;) {
		if (same(s->m[i].hash, want)) {
			chosen[i] = true;
			want = s->m[i].prev;
		}
	}
	for (uint32_t i = 0; i < all; i++) {
		if (chosen[i])
			s->m[s->n++] = s->m[i];
		else
			set_aside(r, &s->m[i]);
	}
	free(chosen);
	if (s->n && same(want, v->parent))
		return REASON_OK;
	/* What is lacking could be below, but not below a first one. */
	committed = s->n && s->m[0].sequence == 0;
	refuse(s, v, 0, committed);
	return committed ? REASON_MBSEQ : REASON_MBLINK;
}

/* What was kept as evidence counts like a microblock among the bytes. */
static void add_rival(struct rivals *r, const uint8_t *header)
{
	struct microblock m;
	size_t need;

	if (header && microblock_header(&m, header, MICROBLOCK_HEADER, &need) > 0)
		set_aside(r, &m);
}

/* What stands on the parent, one on another. */
static void pick_linked(
    struct stream *s, uint32_t all, const struct stream_view *v, struct rivals *r)
{
	for (uint32_t i = 0; i < all; i++) {
		const uint8_t *below = s->n ? s->m[s->n - 1].hash :
		    v->parent		    ? v->parent :
					      s->m[0].prev;

		if (s->m[i].sequence == s->n && same(s->m[i].prev, below))
			s->m[s->n++] = s->m[i];
		else
			set_aside(r, &s->m[i]);
	}
}

/* What the transactions are judged by, and what was seen of them. */
struct seen {
	const struct stream_view *v;
	bool has_keys;
};

static enum chain_reason judge_tx(void *arg, uint32_t i, const struct tx *tx)
{
	struct seen *seen = arg;

	seen->has_keys |= tx->has_keys;
	if (tx_is_coinbase(tx))
		return REASON_COINBASE;
	if (tx->anchor_mode == ANCHOR_BLOCK)
		return REASON_ANCHOR;
	return tx_allowed(tx, seen->v->net, seen->v->epoch);
}

/* Roots and transactions.  A body that is not its header's is no fault of the child, so all roots
 * are looked at before a transaction is held against it. */
static enum chain_reason judge_bodies(struct stream *s, struct seen *seen)
{
	enum chain_reason first = REASON_OK, reason;

	for (uint32_t i = 0; i < s->n; i++) {
		struct txs txs = microblock_txs(&s->m[i]);

		reason = txs_judge(&txs, judge_tx, seen);
		if (reason == REASON_MERKLE || reason == REASON_DUPTX || reason == REASON_CODEC) {
			refuse(s, seen->v, i, false);
			return reason;
		}
		if (first == REASON_OK)
			first = reason;
		if (first != REASON_OK && !seen->v->tail)
			refuse(s, seen->v, i, true);
	}
	if (first != REASON_OK && seen->v->tail)
		refuse(s, seen->v, 0, true);
	return first;
}

/* Sequences from 0 on; without a child they are what it was picked by. */
static enum chain_reason judge_sequences(struct stream *s, const struct stream_view *v)
{
	enum chain_reason reason = REASON_OK;

	for (uint32_t i = 0; i < s->n; i++) {
		if (s->m[i].sequence != i) {
			refuse(s, v, i, true);
			reason = REASON_MBSEQ;
		}
	}
	if (v->tail && s->n && s->m[s->n - 1].sequence != v->tail_sequence) {
		refuse(s, v, 0, true);
		reason = REASON_TAIL;
	}
	return reason;
}

/* Whether the key of the stream signed it. */
static bool signed_well(
    const struct stream *s, const struct stream_view *v, const struct microblock *m)
{
	uint8_t own[HASH160_LEN];

	return microblock_signer(own, m) == 0 &&
	    memcmp(own, v->parent ? v->key : s->signer, HASH160_LEN) == 0;
}

static enum chain_reason judge_signatures(struct stream *s, const struct stream_view *v)
{
	uint32_t i = 0;

	if (s->n == 0)
		return REASON_OK;
	if (v->signer)
		memcpy(s->signer, v->signer, HASH160_LEN);
	else if (microblock_signer(s->signer, &s->m[0]) < 0)
		goto refused;
	if (v->parent && memcmp(s->signer, v->key, HASH160_LEN) != 0)
		goto refused;
	for (i = 1; i < s->n && !v->signer; i++)
		if (!signed_well(s, v, &s->m[i]))
			goto refused;
	return REASON_OK;
refused:
	refuse(s, v, i, true);
	return REASON_MBKEY;
}

static enum chain_reason judge_points(struct stream *s, const struct stream_view *v)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct txs txs = microblock_txs(&s->m[i]);

		if (!txs_points(&txs)) {
			refuse(s, v, i, true);
			return REASON_CODEC;
		}
	}
	return REASON_OK;
}

#define NO_RIVAL UINT32_MAX /* place_taken: the microblock is in the stream itself */

/* The lowest place of the stream that another microblock takes too; s->n if it takes none. */
static uint32_t place_taken(const struct stream *s, const struct microblock *rival)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (same(s->m[i].hash, rival->hash))
			return NO_RIVAL;
		if (s->m[i].sequence == rival->sequence || same(s->m[i].prev, rival->prev))
			return i;
	}
	return s->n;
}

/* Evidence of equivocation, at the lowest place.  One signature is looked at, and if it does not
 * hold there is none.  Without a child: whether all others have a place in the stream, too. */
static enum chain_reason judge_rivals(
    struct stream *s, const struct stream_view *v, const struct rivals *r)
{
	const struct microblock *rival = NULL;
	enum chain_reason stray = REASON_OK;
	uint32_t place = s->n;

	for (unsigned i = 0; i < r->n; i++) {
		uint32_t taken = place_taken(s, &r->m[i]);

		if (taken < place) {
			place = taken;
			rival = &r->m[i];
		} else if (taken == s->n) {
			stray = REASON_MBLINK;
		}
	}
	if (!rival)
		return v->tail ? REASON_OK : stray;
	if (!signed_well(s, v, rival))
		return v->tail ? REASON_OK : REASON_MBKEY;
	s->forked = true;
	s->fork = place;
	s->poison[0] = s->m[place].bytes;
	s->poison[1] = rival->bytes;
	if (!v->tail)
		s->n = place;
	return REASON_OK;
}

enum chain_reason stream_judge(
    struct stream *s, const struct stream_view *v, const uint8_t *p, size_t n)
{
	struct seen seen = { v, false };
	struct rivals rivals = { .n = 0 };
	enum chain_reason reason, later;
	uint32_t all = 0;

	*s = (struct stream){ .m = NULL };
	if ((reason = split(s, &all, p, n)) != REASON_OK)
		return reason;
	if (v->epoch >= EPOCH_25) {
		refuse(s, v, 0, v->parent != NULL);
		return REASON_MB25;
	}
	if (v->tail)
		reason = pick_confirmed(s, all, v, &rivals);
	else
		pick_linked(s, all, v, &rivals);
	add_rival(&rivals, v->rival);
	/* Each goes on with what stands so far; what it finds is lower in the stream than what was
	 * found before. */
	if ((later = judge_bodies(s, &seen)) != REASON_OK)
		reason = later;
	if ((later = judge_sequences(s, v)) != REASON_OK)
		reason = later;
	if ((later = judge_signatures(s, v)) != REASON_OK)
		reason = later;
	if (seen.has_keys && !v->signer && (later = judge_points(s, v)) != REASON_OK)
		reason = later;
	if (reason != REASON_OK || (reason = judge_rivals(s, v, &rivals)) == REASON_OK)
		return reason;
	s->committed = !v->parent;
	return reason;
}

void stream_alone(
    struct stream_trial *t, const struct stream_view *v, const uint8_t *p, size_t n)
{
	struct stream s;

	*t = (struct stream_trial){ .reason = stream_judge(&s, v, p, n), .left = s.committed };
	/* Without a child nobody has looked at what is above a fork. */
	if (t->reason == REASON_OK && (v->tail || !s.forked))
		memcpy(t->signer, s.signer, HASH160_LEN);
	stream_release(&s);
}

void stream_release(struct stream *s)
{
	free(s->m);
	*s = (struct stream){ .m = NULL };
}

/* Next: common/chain/nakamoto.c, blocks of the epochs after these. */
