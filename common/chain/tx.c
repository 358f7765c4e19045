/* Where a transaction ends, and what a proof wants to know of it (spec/blocks.md 2). */
#include "common/chain/clarity.h"
#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "common/chain/tx.h"
#include "common/chain/work.h"
#include "common/limits.h"

static void needs_epoch(struct tx *tx, enum epoch epoch)
{
	if (tx->since < epoch)
		tx->since = epoch;
}

static int read_signature(struct reader *r)
{
	const uint8_t *sig = read_bytes(r, SIG_LEN);

	if (!sig)
		return -1;
	return signature_parses(sig) ? 0 : read_wrong(r);
}

/* The pieces of a transaction, in the order of its bytes. */
enum step { HEAD, CONDITION, FIELD, REQUIRED, MODES, POST, CODE, PAYLOAD, ARGUMENT, VALUE, END,
    STEPS };

/* Each step reads its piece whole, or leaves the walk as it was, and returns the next step, or
 * -1. */

static int step_head(struct tx_walk *w, struct reader *r)
{
	uint8_t auth;

	w->tx.testnet = read_u8(r) & 0x80;
	w->tx.chain_id = read_u32(r);
	auth = read_u8(r);
	if (r->c.bad)
		return -1;
	if (auth != 0x04 && auth != 0x05)
		return read_wrong(r);
	w->conditions = auth == 0x05 ? 2 : 1;
	return CONDITION;
}

static int condition_done(struct tx_walk *w)
{
	return --w->conditions ? CONDITION : MODES;
}

/* A spending condition.  Signatures are parsed, not verified: that is execution's business. */
static int step_condition(struct tx_walk *w, struct reader *r)
{
	uint8_t mode = read_u8(r);

	if (r->c.bad)
		return -1;
	if (mode == 0x00 || mode == 0x02) {
		const uint8_t *p = read_bytes(r, 20 + 8 + 8 + 1);

		if (!p)
			return -1;
		if (p[36] > 1 || (mode == 0x02 && p[36] == 1))
			return read_wrong(r);
		return read_signature(r) < 0 ? -1 : condition_done(w);
	}
	if (mode != 0x01 && mode != 0x03 && mode != 0x05 && mode != 0x07)
		return read_wrong(r);
	read_bytes(r, 20 + 8 + 8);
	w->left = read_u32(r);
	if (r->c.bad)
		return -1;
	if (mode & 4)
		needs_epoch(&w->tx, EPOCH_30);
	w->mode = mode;
	w->signatures = 0;
	return FIELD;
}

/* A field of a multi-signature condition: a signature, or the key of somebody who did not sign. */
static int step_field(struct tx_walk *w, struct reader *r)
{
	bool witness = w->mode == 0x03 || w->mode == 0x07;
	const uint8_t *key;
	uint8_t id;

	if (w->left == 0)
		return REQUIRED;
	id = read_u8(r);
	if (r->c.bad)
		return -1;
	if (id > 3 || (witness && (id & 1)))
		return read_wrong(r);
	if (id >= 2) {
		if (read_signature(r) < 0)
			return -1;
		w->signatures++;
	} else {
		if (!(key = read_bytes(r, KEY_LEN)))
			return -1;
		if ((key[0] != 2 && key[0] != 3) || (w->points && !key_valid(key)))
			return read_wrong(r);
		w->tx.has_keys = true;
	}
	w->left--;
	return FIELD;
}

static int step_required(struct tx_walk *w, struct reader *r)
{
	uint16_t required = read_u16(r);

	if (r->c.bad)
		return -1;
	if (w->signatures < required || (w->signatures > required && !(w->mode & 4)))
		return read_wrong(r);
	return condition_done(w);
}

static int step_modes(struct tx_walk *w, struct reader *r)
{
	w->tx.anchor_mode = read_u8(r);
	w->tx.post_mode = read_u8(r);
	w->left = read_u32(r);
	if (r->c.bad)
		return -1;
	if (w->tx.anchor_mode < ANCHOR_BLOCK || w->tx.anchor_mode > ANCHOR_ANY ||
	    w->tx.post_mode < 1 || w->tx.post_mode > 3)
		return read_wrong(r);
	if (w->tx.post_mode == 3)
		needs_epoch(&w->tx, EPOCH_34);
	return POST;
}

static int value_then(struct tx_walk *w, enum step after)
{
	w->value.depth = 0;
	w->after = after;
	return VALUE;
}

static int step_value(struct tx_walk *w, struct reader *r)
{
	int done = read_value_piece(r, &w->value);

	return done < 0 ? -1 : done ? w->after : VALUE;
}

/* A post-condition up to what it says of the amount or the asset. */
static int step_post(struct tx_walk *w, struct reader *r)
{
	uint8_t asset, principal;

	if (w->left == 0)
		return PAYLOAD;
	asset = read_u8(r);
	principal = read_u8(r);
	if (r->c.bad)
		return -1;
	if (asset > 4 || principal < 1 || principal > 3)
		return read_wrong(r);
	if (principal > 1)
		read_address(r);
	if (principal == 3)
		read_contract_name(r, 40);
	if (asset == 1 || asset == 2) {
		read_address(r);
		read_contract_name(r, 40);
		read_clarity_name(r, NULL, NULL);
	}
	if (r->c.bad)
		return -1;
	if (asset >= 3)
		needs_epoch(&w->tx, EPOCH_40);
	w->asset = asset;
	return asset == 2 ? value_then(w, CODE) : CODE;
}

/* What an asset's condition may say: 0x10 to 0x12 of a non-fungible one, 0x30 to 0x32 of pox, else
 * 1 to 5. */
static int step_code(struct tx_walk *w, struct reader *r)
{
	uint8_t low = w->asset == 2 ? 0x10 : w->asset == 4 ? 0x30 : 1;
	uint8_t high = w->asset == 2 ? 0x12 : w->asset == 4 ? 0x32 : 5;
	uint8_t code = read_u8(r);

	if (r->c.bad)
		return -1;
	if (code < low || code > high)
		return read_wrong(r);
	if (w->asset != 2 && w->asset != 4)
		read_bytes(r, 8);
	if (r->c.bad)
		return -1;
	if (code == 0x12)
		needs_epoch(&w->tx, EPOCH_34);
	w->left--;
	return POST;
}

/* Contract name and source text. */
static int read_code(struct reader *r)
{
	const uint8_t *p;
	uint32_t n;

	read_contract_name(r, 40);
	n = read_u32(r);
	if (!(p = read_bytes(r, n)))
		return -1;
	work_done.parsed += n;
	for (uint32_t i = 0; i < n; i++)
		if ((p[i] < 0x20 || p[i] > 0x7e) && p[i] != '\t' && p[i] != '\n')
			return read_wrong(r);
	return 0;
}

static int read_versioned(struct tx *tx, struct reader *r)
{
	static const enum epoch since[] = { EPOCH_21, EPOCH_21, EPOCH_30, EPOCH_33, EPOCH_34,
		EPOCH_40 };
	uint8_t version = read_u8(r);

	if (r->c.bad)
		return -1;
	if (version < 1 || version > sizeof(since) / sizeof(since[0]))
		return read_wrong(r);
	needs_epoch(tx, since[version - 1]);
	return read_code(r);
}

static int read_call(struct tx_walk *w, struct reader *r)
{
	read_address(r);
	read_contract_name(r, 40);
	read_clarity_name(r, NULL, NULL);
	w->left = read_u32(r);
	return r->c.bad ? -1 : ARGUMENT;
}

static int step_argument(struct tx_walk *w, struct reader *r)
{
	if (w->left == 0)
		return END;
	w->left--;
	return value_then(w, ARGUMENT);
}

/* Two conflicting microblock headers: sequence at 1, previous block at 3, signature at 67 of 132
 * bytes. */
static int read_poison(struct reader *r)
{
	const uint8_t *a = read_bytes(r, 2 * 132), *b;

	if (!a)
		return -1;
	b = a + 132;
	if (memcmp(a, b, 132) == 0 ||
	    (memcmp(a + 1, b + 1, 2) != 0 && memcmp(a + 3, b + 3, 32) != 0) ||
	    !signature_parses(a + 67) || !signature_parses(b + 67))
		return read_wrong(r);
	return 0;
}

static int read_change(struct tenure_change *c, struct reader *r)
{
	const uint8_t *p = read_bytes(r, 117);

	if (!p)
		return -1;
	memcpy(c->tenure, p, CH_LEN);
	memcpy(c->prev_tenure, p + 20, CH_LEN);
	memcpy(c->burn_view, p + 40, CH_LEN);
	memcpy(c->prev_end, p + 60, ID_LEN);
	c->prev_blocks = get_be32(p + 92);
	c->cause = p[96];
	memcpy(c->pubkey_hash, p + 97, HASH160_LEN);
	return c->cause <= 6 ? 0 : read_wrong(r);
}

/* Payload, recipient, proof.  A recipient that is some(no principal) would be written as none by a
 * node, with another txid than these bytes have: refused, as unsorted tuples are. */
static int read_coinbase_vrf(struct tx *tx, struct reader *r)
{
	static const uint8_t order[32] = {
		/* of the curve's prime subgroup, little-endian */
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2,
		0xde, 0xf9, 0xde, 0x14,
		[31] = 0x10,
	};
	const uint8_t *proof;
	uint8_t kind;

	read_bytes(r, 32);
	kind = read_u8(r);
	if (r->c.bad)
		return -1;
	if (kind != 0x09 && kind != 0x0a)
		return read_wrong(r);
	if (kind == 0x0a && read_principal(r) < 0)
		return -1;
	tx->alt_recipient = kind == 0x0a;
	needs_epoch(tx, EPOCH_30);
	if (!(proof = read_bytes(r, 80)))
		return -1;
	for (int i = 31; i >= 0; i--) {
		if (proof[48 + i] < order[i])
			return 0;
		if (proof[48 + i] > order[i])
			break;
	}
	return read_wrong(r);
}

/* A payload without a list of values. */
static int read_payload(struct tx *tx, struct reader *r)
{
	switch (tx->payload) {
	case TX_TRANSFER:
		return read_principal(r) < 0 || !read_bytes(r, 8 + 34) ? -1 : 0;
	case TX_CONTRACT:
		return read_code(r);
	case TX_POISON:
		return read_poison(r);
	case TX_COINBASE:
		return read_bytes(r, 32) ? 0 : -1;
	case TX_COINBASE_ALT:
		needs_epoch(tx, EPOCH_21);
		tx->alt_recipient = true;
		return read_bytes(r, 32) ? read_principal(r) : -1;
	case TX_VERSIONED_CONTRACT:
		return read_versioned(tx, r);
	case TX_TENURE_CHANGE:
		needs_epoch(tx, EPOCH_30);
		return read_change(&tx->change, r);
	case TX_COINBASE_VRF:
		return read_coinbase_vrf(tx, r);
	case TX_CALL:
		break;
	}
	return read_wrong(r);
}

static int step_payload(struct tx_walk *w, struct reader *r)
{
	uint8_t id = read_u8(r);

	if (r->c.bad)
		return -1;
	if (id > TX_COINBASE_VRF)
		return read_wrong(r);
	w->tx.payload = id;
	w->tx.payload_at = (uint32_t)(r->c.p - r->start);
	if (w->tx.payload == TX_CALL)
		return read_call(w, r);
	return read_payload(&w->tx, r) < 0 ? -1 : END;
}

/* What only the chain's own kinds must be: anchored in a block. */
static bool misplaced(const struct tx *tx)
{
	return tx->anchor_mode != ANCHOR_BLOCK &&
	    (tx->payload == TX_COINBASE || tx->payload == TX_COINBASE_ALT ||
		tx->payload == TX_COINBASE_VRF || tx->payload == TX_POISON);
}

/* Only what is read before it is written: the rest of the value's stack is left alone. */
void tx_walk_begin(struct tx_walk *w)
{
	memset(&w->tx, 0, sizeof(w->tx));
	w->tx.since = EPOCH_20;
	w->at = 0;
	w->step = HEAD;
	w->value.depth = 0;
}

int tx_walk(struct tx_walk *w, const uint8_t *p, size_t n, size_t *need)
{
	static int (*const steps[STEPS])(struct tx_walk *, struct reader *) = {
		[HEAD] = step_head, [CONDITION] = step_condition, [FIELD] = step_field,
		[REQUIRED] = step_required,
		[MODES] = step_modes, [POST] = step_post, [CODE] = step_code,
		[PAYLOAD] = step_payload,
		[ARGUMENT] = step_argument, [VALUE] = step_value,
	};
	size_t bound = n < MAX_TX ? n : MAX_TX;
	struct reader r = { .c = cursor_of(p + w->at, bound - w->at), .start = p };

	while (w->step != END) {
		int next = steps[w->step](w, &r);

		if (next < 0) {
			/* What runs over the bound is wrong: more bytes do not help. */
			if (r.need == 0 || bound + r.need > MAX_TX)
				return -1;
			*need = r.need;
			return 0;
		}
		w->step = (uint8_t)next;
		w->at = (size_t)(r.c.p - p);
	}
	return misplaced(&w->tx) ? -1 : 1;
}

int tx_parse(struct tx *tx, struct cursor *c, size_t *need)
{
	struct tx_walk w = { .step = HEAD };
	size_t lacking = 0;

	if (c->bad || tx_walk(&w, c->p, cursor_left(c), &lacking) <= 0) {
		if (need)
			*need = lacking;
		c->bad = true;
		return -1;
	}
	*tx = w.tx;
	tx->bytes = c->p;
	tx->len = w.at;
	c->p += w.at;
	return 0;
}

bool tx_points(const struct tx *tx)
{
	struct tx_walk w = { .points = true };
	size_t need;

	return tx_walk(&w, tx->bytes, tx->len, &need) == 1;
}

void tx_txid(struct tx *tx)
{
	uint8_t version = tx->testnet ? 0x80 : 0x00;

	hash_begin();
	hash_add(&version, 1);
	hash_add(tx->bytes + 1, tx->len - 1);
	hash_end(tx->txid);
}

/* Next: common/chain/clarity.c, the values inside of a call. */
