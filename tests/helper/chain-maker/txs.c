/* Transactions of many shapes (spec/blocks.md 2).  Their signatures have the right form and mean
 * nothing: nobody who proves blocks looks at them, and making them would take as long as the
 * blocks' own. */
#include "common/chain/hash.h"
#include "tests/helper/chain-maker/epoch2.h"

enum { STANDARD = 4, SPONSORED = 5, DENY = 2, FEE = 180, VRF_LEN = 80, MICRO_HEADER = 132 };

static void head(const struct maker *m, struct buf *b, unsigned auth)
{
	buf_u8(b, m->net.chain_id == 1 ? 0x00 : 0x80);
	buf_u32(b, m->net.chain_id);
	buf_u8(b, auth);
}

static void signature(struct maker *m, struct buf *b)
{
	uint8_t *p = buf_room(b, SIG_LEN);

	dice_bytes(&m->dice, p, SIG_LEN);
	p[0] &= 3;
	p[1] &= 0x7f;	/* r and s below the group's order */
	p[33] &= 0x7f;
}

static void single(struct maker *m, struct buf *b, const struct keypair *who, uint64_t nonce,
    uint64_t fee)
{
	buf_u8(b, 0);		/* P2PKH */
	buf_put(b, who->hash, HASH160_LEN);
	buf_u64(b, nonce);
	buf_u64(b, fee);
	buf_u8(b, 0);		/* compressed */
	signature(m, b);
}

/* Everything of a one-signature transaction up to its payload; no post-conditions. */
static void standard(struct maker *m, struct buf *b, const struct keypair *who, uint64_t *nonce,
    uint64_t fee, unsigned anchor)
{
	head(m, b, STANDARD);
	single(m, b, who, (*nonce)++, fee);
	buf_u8(b, anchor);
	buf_u8(b, DENY);
	buf_u32(b, 0);
}

void tx_tenure_change(struct maker *m, struct buf *b, uint32_t miner, const struct tenure_change *c)
{
	standard(m, b, &m->miners[miner], &m->miner_nonces[miner], 0, ANCHOR_BLOCK);
	buf_u8(b, TX_TENURE_CHANGE);
	buf_put(b, c->tenure, CH_LEN);
	buf_put(b, c->prev_tenure, CH_LEN);
	buf_put(b, c->burn_view, CH_LEN);
	buf_put(b, c->prev_end, ID_LEN);
	buf_u32(b, c->prev_blocks);
	buf_u8(b, c->cause);
	buf_put(b, c->pubkey_hash, HASH160_LEN);
}

/* The proof has the shape of one: the base point of edwards25519, and a small scalar. */
void vrf_proof(struct maker *m, struct buf *b)
{
	uint8_t *p = buf_room(b, VRF_LEN);

	memset(p, 0x66, 32);
	p[0] = 0x58;
	dice_bytes(&m->dice, p + 32, 48);
	p[79] &= 0x0f;		/* below the order of the group */
}

static void coinbase(struct maker *m, struct buf *b, uint32_t miner, enum tx_payload payload)
{
	standard(m, b, &m->miners[miner], &m->miner_nonces[miner], 0, ANCHOR_BLOCK);
	buf_u8(b, payload);
	dice_bytes(&m->dice, buf_room(b, 32), 32);
}

void tx_coinbase(struct maker *m, struct buf *b, uint32_t miner, bool vrf, const uint8_t *payload)
{
	coinbase(m, b, miner, vrf ? TX_COINBASE_VRF : TX_COINBASE);
	if (payload)
		memcpy(b->p + b->n - 32, payload, 32);
	if (!vrf)
		return;
	buf_u8(b, 0x09);
	vrf_proof(m, b);
}

void tx_coinbase_alt(struct maker *m, struct buf *b, uint32_t miner)
{
	coinbase(m, b, miner, TX_COINBASE_ALT);
	buf_u8(b, 0x05);
	buf_u8(b, 26);
	buf_put(b, m->accounts[0].hash, HASH160_LEN);
}

void tx_poison(struct maker *m, struct buf *b, uint32_t miner, const struct micro *one,
    const struct micro *other)
{
	standard(m, b, &m->miners[miner], &m->miner_nonces[miner], 0, ANCHOR_BLOCK);
	buf_u8(b, TX_POISON);
	buf_put(b, one->raw.p, MICRO_HEADER);
	buf_put(b, other->raw.p, MICRO_HEADER);
}

static uint32_t account(struct maker *m) { return (uint32_t)dice_range(&m->dice, 0, ACCOUNTS - 1); }

void tx_transfer(struct maker *m, struct buf *b, unsigned anchor_mode)
{
	uint32_t from = account(m), to = account(m);

	standard(m, b, &m->accounts[from], &m->nonces[from], FEE, anchor_mode);
	buf_u8(b, TX_TRANSFER);
	buf_u8(b, 0x05);
	buf_u8(b, 26);
	buf_put(b, m->accounts[to].hash, HASH160_LEN);
	buf_u64(b, dice_range(&m->dice, 1, 1000000000));
	memset(buf_room(b, 34), 0, 34);
}

static void name(struct buf *b, const char *text)
{
	buf_u8(b, (unsigned)strlen(text));
	buf_put(b, text, strlen(text));
}

static void random_bytes(struct maker *m, struct buf *b, size_t n)
{
	dice_bytes(&m->dice, buf_room(b, n), n);
}

/* A Clarity value, at most four containers deep. */
static void value(struct maker *m, struct buf *b, unsigned depth)
{
	unsigned kind = (unsigned)dice_range(&m->dice, 0, depth > 3 ? 8 : 12), n;

	switch (kind) {
	case 0: case 1:				/* int, uint */
		buf_u8(b, kind);
		random_bytes(m, b, 16);
		break;
	case 2:					/* buffer */
		n = (unsigned)dice_range(&m->dice, 0, 40);
		buf_u8(b, 2);
		buf_u32(b, n);
		random_bytes(m, b, n);
		break;
	case 3: case 4:				/* true, false */
		buf_u8(b, kind);
		break;
	case 5: case 6:				/* principals */
		buf_u8(b, kind);
		buf_u8(b, 26);
		random_bytes(m, b, HASH160_LEN);
		if (kind == 6)
			name(b, "token-v2");
		break;
	case 7: case 8:				/* strings */
		buf_u8(b, kind == 7 ? 0x0d : 0x0e);
		buf_u32(b, 6);
		buf_put(b, kind == 7 ? "hello!" : "h\xc3\xa9llo", 6);
		break;
	case 9: case 10:			/* ok or some of a value */
		buf_u8(b, kind == 9 ? 0x07 : 0x0a);
		value(m, b, depth + 1);
		break;
	case 11:				/* a list of uints */
		n = (unsigned)dice_range(&m->dice, 0, 4);
		buf_u8(b, 0x0b);
		buf_u32(b, n);
		for (; n; n--) {
			buf_u8(b, 1);
			random_bytes(m, b, 16);
		}
		break;
	default:				/* a tuple, keys sorted */
		buf_u8(b, 0x0c);
		buf_u32(b, 2);
		name(b, "amount");
		value(m, b, depth + 1);
		name(b, "who");
		value(m, b, depth + 1);
	}
}

static void call(struct maker *m, struct buf *b)
{
	unsigned n = (unsigned)dice_range(&m->dice, 0, 3);

	buf_u8(b, TX_CALL);
	buf_u8(b, 26);
	random_bytes(m, b, HASH160_LEN);
	name(b, "pool-v1");
	name(b, "swap!");
	buf_u32(b, n);
	while (n--)
		value(m, b, 0);
}

static void contract(struct maker *m, struct buf *b, unsigned size, bool versioned)
{
	buf_u8(b, versioned ? TX_VERSIONED_CONTRACT : TX_CONTRACT);
	if (versioned)
		buf_u8(b, 2); /* Clarity version */
	name(b, "contract-a");
	buf_u32(b, size);
	memset(buf_room(b, size), 'x', size);
}

/* A post-condition that the epoch knows. */
static void condition(struct maker *m, struct buf *b, enum epoch epoch)
{
	unsigned kind = (unsigned)dice_range(&m->dice, 0, epoch >= EPOCH_40 ? 4 : 2);

	buf_u8(b, kind);
	buf_u8(b, 1);		/* the origin's */
	if (kind == 1 || kind == 2) {
		buf_u8(b, 26);
		random_bytes(m, b, HASH160_LEN);
		name(b, "coin");
		name(b, "coin-token");
	}
	if (kind == 2) {
		buf_u8(b, 1);
		random_bytes(m, b, 16);
		buf_u8(b, epoch >= EPOCH_34 ? 0x12 : 0x10);
	} else if (kind == 4) {
		buf_u8(b, 0x31);
	} else {
		buf_u8(b, (unsigned)dice_range(&m->dice, 1, 5));
		random_bytes(m, b, 8);
	}
}

static void call_with_conditions(struct maker *m, struct buf *b, enum epoch epoch)
{
	uint32_t from = account(m);
	unsigned n = (unsigned)dice_range(&m->dice, 0, 2);

	head(m, b, STANDARD);
	single(m, b, &m->accounts[from], m->nonces[from]++, FEE);
	buf_u8(b, ANCHOR_ANY);
	buf_u8(b, epoch >= EPOCH_34 && dice_chance(&m->dice, 0.3) ? 3 : DENY);
	buf_u32(b, n);
	while (n--)
		condition(m, b, epoch);
	call(m, b);
}

static void sponsored(struct maker *m, struct buf *b)
{
	uint32_t from = account(m), payer = account(m);

	head(m, b, SPONSORED);
	single(m, b, &m->accounts[from], m->nonces[from]++, 0);
	single(m, b, &m->accounts[payer], m->nonces[payer]++, FEE);
	buf_u8(b, ANCHOR_ANY);
	buf_u8(b, 1);
	buf_u32(b, 0);
	call(m, b);
}

/* Two of three keys sign. */
static void multisig(struct maker *m, struct buf *b, uint32_t third, unsigned mode)
{
	head(m, b, STANDARD);
	buf_u8(b, mode);
	random_bytes(m, b, HASH160_LEN);
	buf_u64(b, m->nonces[third]++);
	buf_u64(b, FEE);
	buf_u32(b, 3);
	buf_u8(b, 2);
	signature(m, b);
	buf_u8(b, 0);
	buf_put(b, m->accounts[third].public, KEY_LEN);
	buf_u8(b, 2);
	signature(m, b);
	buf_u16(b, 2);
	buf_u8(b, ANCHOR_ANY);
	buf_u8(b, DENY);
	buf_u32(b, 0);
	call(m, b);
}

void tx_multisig(struct maker *m, struct buf *b, unsigned mode)
{
	multisig(m, b, account(m), mode);
}

/* Of a mode that the epoch knows: 5 and 7 came with epoch 3.0. */
static void any_multisig(struct maker *m, struct buf *b, enum epoch epoch)
{
	static const uint8_t modes[] = { 1, 3, 5, 7 };
	uint32_t third = account(m);

	multisig(m, b, third, modes[dice_range(&m->dice, 0, epoch >= EPOCH_30 ? 3 : 1)]);
}

void tx_contract(struct maker *m, struct buf *b, bool versioned)
{
	uint32_t from = account(m);

	standard(m, b, &m->accounts[from], &m->nonces[from], FEE, ANCHOR_ANY);
	contract(m, b, (unsigned)dice_range(&m->dice, 40, 400), versioned);
}

void tx_any(struct maker *m, struct buf *b, enum epoch epoch)
{
	uint64_t draw = dice_range(&m->dice, 0, 99);

	if (draw < 60)
		tx_transfer(m, b, ANCHOR_ANY);
	else if (draw < 85)
		call_with_conditions(m, b, epoch);
	else if (draw < 90)
		sponsored(m, b);
	else if (draw < 95)
		any_multisig(m, b, epoch);
	else
		tx_contract(m, b, epoch >= EPOCH_21);
}

/* A contract under a staking post-condition, which epoch 4.0 brings. */
void tx_staking(struct maker *m, struct buf *b)
{
	head(m, b, STANDARD);
	single(m, b, &m->accounts[0], m->nonces[0]++, FEE);
	buf_u8(b, ANCHOR_ANY);
	buf_u8(b, DENY);
	buf_u32(b, 1);
	buf_u8(b, 3);
	buf_u8(b, 1);
	buf_u8(b, 1);
	buf_u64(b, 1);
	contract(m, b, 40, true);
}

void txs_root(uint8_t root[32], const struct buf *txs, uint32_t n)
{
	uint8_t ids[64][32];

	for (uint32_t i = 0; i < n; i++) {
		uint8_t version = txs[i].p[0] & 0x80;
		hash_begin();
		hash_add(&version, 1);
		hash_add(txs[i].p + 1, txs[i].n - 1);
		hash_end(ids[i]);
	}
	hash_merkle_root(root, ids, n);
}

/* Next: tests/helper/chain-maker/block.c, which makes blocks of them. */
