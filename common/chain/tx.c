/* Where a transaction ends, and what a proof wants to know of it (spec/blocks.md 2). */
#include "common/chain/clarity.h"
#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "common/chain/tx.h"
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

/* Fields of a multi-signature condition; returns the number of signatures among them, or -1. */
static int64_t read_auth_fields(struct reader *r, bool witness)
{
	uint32_t n = read_u32(r);
	int64_t signatures = 0;

	while (n-- && !r->c.bad) {
		uint8_t id = read_u8(r);
		const uint8_t *key;

		if (r->c.bad)
			return -1;
		if (id > 3 || (witness && (id & 1)))
			return read_wrong(r);
		if (id >= 2) {
			if (read_signature(r) < 0)
				return -1;
			signatures++;
		} else if (!(key = read_bytes(r, KEY_LEN))) {
			return -1;
		} else if (!key_valid(key)) {
			return read_wrong(r);
		}
	}
	return r->c.bad ? -1 : signatures;
}

/* A spending condition.  Signatures are parsed, not verified: that is execution's business. */
static int read_condition(struct tx *tx, struct reader *r)
{
	uint8_t mode = read_u8(r);
	int64_t signatures;
	uint16_t required;

	if (r->c.bad)
		return -1;
	if (mode == 0x00 || mode == 0x02) {
		const uint8_t *p = read_bytes(r, 20 + 8 + 8 + 1);

		if (!p)
			return -1;
		if (p[36] > 1 || (mode == 0x02 && p[36] == 1))
			return read_wrong(r);
		return read_signature(r);
	}
	if (mode != 0x01 && mode != 0x03 && mode != 0x05 && mode != 0x07)
		return read_wrong(r);
	if (mode & 4)
		needs_epoch(tx, EPOCH_30);
	read_bytes(r, 20 + 8 + 8);
	signatures = read_auth_fields(r, mode == 0x03 || mode == 0x07);
	required = read_u16(r);
	if (r->c.bad)
		return -1;
	if (signatures < required || (signatures > required && !(mode & 4)))
		return read_wrong(r);
	return 0;
}

/* What an asset's condition may say: 0x10 to 0x12 of a non-fungible one, 0x30 to 0x32 of pox, else 1 to 5. */
static int read_condition_code(struct tx *tx, struct reader *r, uint8_t asset)
{
	uint8_t low = asset == 2 ? 0x10 : asset == 4 ? 0x30 : 1;
	uint8_t high = asset == 2 ? 0x12 : asset == 4 ? 0x32 : 5;
	uint8_t code = read_u8(r);

	if (r->c.bad)
		return -1;
	if (code < low || code > high)
		return read_wrong(r);
	if (code == 0x12)
		needs_epoch(tx, EPOCH_34);
	if (asset != 2 && asset != 4)
		read_bytes(r, 8);
	return r->c.bad ? -1 : 0;
}

static int read_post_condition(struct tx *tx, struct reader *r)
{
	uint8_t asset = read_u8(r), principal = read_u8(r);

	if (r->c.bad)
		return -1;
	if (asset > 4 || principal < 1 || principal > 3)
		return read_wrong(r);
	if (asset >= 3)
		needs_epoch(tx, EPOCH_40);
	if (principal > 1)
		read_address(r);
	if (principal == 3)
		read_contract_name(r, 40);
	if (asset == 1 || asset == 2) {
		read_address(r);
		read_contract_name(r, 40);
		read_clarity_name(r, NULL, NULL);
	}
	if (asset == 2)
		read_value(r);
	return read_condition_code(tx, r, asset);
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
	for (uint32_t i = 0; i < n; i++)
		if ((p[i] < 0x20 || p[i] > 0x7e) && p[i] != '\t' && p[i] != '\n')
			return read_wrong(r);
	return 0;
}

static int read_versioned(struct tx *tx, struct reader *r)
{
	static const enum epoch since[] = { EPOCH_21, EPOCH_21, EPOCH_30, EPOCH_33, EPOCH_34, EPOCH_40 };
	uint8_t version = read_u8(r);

	if (r->c.bad)
		return -1;
	if (version < 1 || version > sizeof(since) / sizeof(since[0]))
		return read_wrong(r);
	needs_epoch(tx, since[version - 1]);
	return read_code(r);
}

static int read_call(struct reader *r)
{
	uint32_t n;

	read_address(r);
	read_contract_name(r, 40);
	read_clarity_name(r, NULL, NULL);
	n = read_u32(r);
	while (n-- && !r->c.bad)
		read_value(r);
	return r->c.bad ? -1 : 0;
}

/* Two conflicting microblock headers: sequence at 1, previous block at 3, signature at 67 of 132 bytes. */
static int read_poison(struct reader *r)
{
	const uint8_t *a = read_bytes(r, 2 * 132), *b;

	if (!a)
		return -1;
	b = a + 132;
	if (memcmp(a, b, 132) == 0 || (memcmp(a + 1, b + 1, 2) != 0 && memcmp(a + 3, b + 3, 32) != 0) ||
	    !signature_parses(a + 67) || !signature_parses(b + 67))
		return read_wrong(r);
	return 0;
}

/* A principal as a Clarity value. */
static int read_principal(struct reader *r)
{
	int kind = read_value(r);

	return kind < 0 ? -1 : kind == 0x05 || kind == 0x06 ? 0 : read_wrong(r);
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

/* Payload, recipient, proof.  A recipient that is some(no principal) would be written as none by a node, with
 * another txid than these bytes have: refused, as unsorted tuples are. */
static int read_coinbase_vrf(struct tx *tx, struct reader *r)
{
	static const uint8_t order[32] = {	/* of the curve's prime subgroup, little-endian */
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
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

static int read_payload(struct tx *tx, struct reader *r)
{
	uint8_t id = read_u8(r);

	if (r->c.bad)
		return -1;
	if (id > TX_COINBASE_VRF)
		return read_wrong(r);
	tx->payload = id;
	switch (tx->payload) {
	case TX_TRANSFER:
		return read_principal(r) < 0 || !read_bytes(r, 8 + 34) ? -1 : 0;
	case TX_CONTRACT:
		return read_code(r);
	case TX_CALL:
		return read_call(r);
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
	}
	return read_wrong(r);
}

static int read_tx(struct tx *tx, struct reader *r)
{
	uint8_t auth;
	uint32_t n;

	tx->testnet = read_u8(r) & 0x80;
	tx->chain_id = read_u32(r);
	auth = read_u8(r);
	if (r->c.bad)
		return -1;
	if (auth != 0x04 && auth != 0x05)
		return read_wrong(r);
	if (read_condition(tx, r) < 0 || (auth == 0x05 && read_condition(tx, r) < 0))
		return -1;
	tx->anchor_mode = read_u8(r);
	tx->post_mode = read_u8(r);
	n = read_u32(r);
	while (n-- && !r->c.bad)
		read_post_condition(tx, r);
	if (r->c.bad || read_payload(tx, r) < 0)
		return -1;
	if (tx->anchor_mode < 1 || tx->anchor_mode > 3 || tx->post_mode < 1 || tx->post_mode > 3)
		return read_wrong(r);
	if (tx->post_mode == 3)
		needs_epoch(tx, EPOCH_34);
	if (tx->anchor_mode != 1 && (tx->payload == TX_COINBASE || tx->payload == TX_COINBASE_ALT ||
	    tx->payload == TX_COINBASE_VRF || tx->payload == TX_POISON))
		return read_wrong(r);
	return 0;
}

int tx_parse(struct tx *tx, struct cursor *c, size_t *need)
{
	struct reader r = { .c = *c };
	bool bounded = cursor_left(c) > MAX_TX;

	memset(tx, 0, sizeof(*tx));
	tx->since = EPOCH_20;
	tx->bytes = c->p;
	if (bounded)
		r.c.end = c->p + MAX_TX;
	if (read_tx(tx, &r) < 0) {
		/* What runs over the bound is wrong: more bytes do not help. */
		if (need)
			*need = bounded ? 0 : r.need;
		c->bad = true;
		return -1;
	}
	tx->len = (size_t)(r.c.p - c->p);
	c->p = r.c.p;
	return 0;
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
