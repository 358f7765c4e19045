/* One block, from its plan to a draft that only lacks signers (spec/blocks.md 1.1, 1.2). */
#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "tests/helper/chain-maker/maker.h"

static void make_txs(struct maker *m, struct plan *p)
{
	uint32_t miner = m->slots[p->burn_height - m->p.first_height].miner;
	uint64_t wanted = dice_range(&m->dice, m->p.tx_min, m->p.tx_max);

	if (p->kind != BLOCK_ORDINARY)
		tx_tenure_change(m, &p->txs[p->n_txs++], miner, &p->change);
	if (p->kind == BLOCK_START)
		tx_coinbase(m, &p->txs[p->n_txs++], miner, true, p->shadow);
	if (p->shadow)
		return;
	if (p->n_txs == 0 && wanted == 0)
		wanted = 1;
	while (wanted-- && p->n_txs < 60)
		tx_any(m, &p->txs[p->n_txs++], network_epoch(&m->net, p->burn_height));
}

static void make_header(struct maker *m, struct plan *p, const struct tip *on)
{
	bool epoch4 = network_epoch(&m->net, p->burn_height) >= EPOCH_40;
	uint32_t fixed = p->kind == BLOCK_START ? 2 : p->kind == BLOCK_EXTEND ? 1 : 0;

	p->version = (uint8_t)(epoch4 | (p->shadow ? SHADOW_BIT : 0));
	p->height = on->height + 1;
	p->timestamp = on->timestamp + dice_range(&m->dice, 1, 15);
	p->cycle = network_cycle(&m->net, p->burn_height);
	p->miner = &m->miners[m->slots[p->burn_height - m->p.first_height].miner];
	memcpy(p->parent, on->id, ID_LEN);
	p->marker = UINT32_MAX;
	if (epoch4 && p->n_txs > fixed && dice_chance(&m->dice, m->p.markers))
		p->marker = p->n_txs - 1;
}

/* What both signatures cover after the timestamp: the pox treatment and the markers. */
static void put_treatment(struct maker *m, const struct plan *p, struct buf *tail)
{
	unsigned bits = (unsigned)dice_range(&m->dice, 1, 20);

	buf_u16(tail, bits);
	buf_u32(tail, (bits + 7) / 8);
	dice_bytes(&m->dice, buf_room(tail, (bits + 7) / 8), (bits + 7) / 8);
	tail->p[tail->n - 1] &= (uint8_t)(0xff >> (7 - (bits - 1) % 8));
	if ((p->version & 0x7f) == 0)
		return;
	buf_u32(tail, p->marker != UINT32_MAX);
	if (p->marker != UINT32_MAX) {
		buf_u32(tail, p->marker);
		buf_u8(tail, (unsigned)dice_range(&m->dice, 0, 3));
	}
}

static void put_head(struct maker *m, const struct plan *p, struct buf *head)
{
	buf_u8(head, p->version);
	buf_u64(head, p->height);
	buf_u64(head, p->burn_spent);
	buf_put(head, p->ch, CH_LEN);
	buf_put(head, p->parent, ID_LEN);
	buf_put(head, p->root, 32);
	dice_bytes(&m->dice, buf_room(head, 32), 32);	/* state root: nobody executes */
	buf_u64(head, p->timestamp);
}

static struct draft *draft_new(struct maker *m)
{
	if (m->n_drafts == m->cap_drafts) {
		m->cap_drafts = m->cap_drafts ? 2 * m->cap_drafts : 1024;
		m->drafts = xrealloc(m->drafts, m->cap_drafts * sizeof(*m->drafts));
	}
	m->drafts[m->n_drafts] = (struct draft){ 0 };
	return &m->drafts[m->n_drafts++];
}

static void write_draft(struct maker *m, struct plan *p, struct draft *d)
{
	uint8_t digest[32];

	put_head(m, p, &d->head);
	put_treatment(m, p, &d->tail);
	hash_begin();
	hash_add(d->head.p, d->head.n);
	hash_add(d->tail.p, d->tail.n);
	hash_end(digest);
	if (p->shadow)
		memset(buf_room(&d->head, SIG_LEN), 0, SIG_LEN);
	else if (key_sign(buf_room(&d->head, SIG_LEN), p->miner->secret, digest) != 0)
		BUG("a miner cannot sign");
	hash_begin();
	hash_add(d->head.p, d->head.n);
	hash_add(d->tail.p, d->tail.n);
	hash_end(d->hash);
	hash_block_id(d->id, d->hash, p->ch);
	memcpy(d->ch, p->ch, CH_LEN);
	memcpy(d->parent, p->parent, ID_LEN);
	d->height = p->height;
	d->cycle = p->cycle;
	d->strict = network_epoch(&m->net, p->burn_height) >= EPOCH_40;
	d->wrong = p->wrong;
	d->shadow = p->shadow;
	buf_u32(&d->tail, p->n_txs);
	for (uint32_t i = 0; i < p->n_txs; i++) {
		buf_put(&d->tail, p->txs[i].p, p->txs[i].n);
		buf_release(&p->txs[i]);
	}
}

static void move_tip(struct maker *m, const struct plan *p, const struct draft *d,
    const struct tip *on)
{
	struct tip t = {
		.height = p->height, .burn_spent = p->burn_spent, .timestamp = p->timestamp
	};

	memcpy(t.id, d->id, ID_LEN);
	memcpy(t.ch, p->ch, CH_LEN);
	memcpy(t.start, p->kind == BLOCK_START ? d->id : on->start, ID_LEN);
	t.count = p->kind == BLOCK_START ? 1 : on->count + 1;
	m->tip = t;
}

void block_add(struct maker *m, struct plan *p, const struct tip *on, bool canonical)
{
	const struct rule *rule = canonical && rule_fits(m, p) ? m->rule : NULL;
	struct draft *d;

	if (rule && rule->change)
		rule->change(m, p);
	make_txs(m, p);
	if (rule && rule->txs)
		rule->txs(m, p);
	txs_root(p->root, p->txs, p->n_txs);
	make_header(m, p, on);
	if (rule && rule->header)
		rule->header(m, p);
	d = draft_new(m);
	write_draft(m, p, d);
	d->canonical = canonical;
	move_tip(m, p, d, on);
	if (rule) {
		m->broken = true;
		memcpy(m->broken_id, d->id, ID_LEN);
	}
}

/* Next: tests/helper/chain-maker/rules.c, which rules a block can break. */
