/* Blocks of either model through the one parser: vectors, every cut and every piece, which model,
 * flipped bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/limits.h"
#include "tests/unit/chain_anchored.h"
#include "tests/unit/chain_make.h"

#define SIZE ANCHORED_SIZE

static struct anchored anchored[ANCHORED];

static int setup(void **state)
{
	anchored_read(anchored);
	return 0;
}

static void assert_hex(const void *p, size_t n, const char *want)
{
	char got[200];

	assert_string_equal(hex_of(got, p, n), want);
}

static void vectors(void **state)
{
	uint8_t id[ID_LEN], hash[32] = { 0 }, two[2 * SIZE];
	struct block b, header;
	enum model model;
	size_t need;

	memcpy(two + SIZE, anchored[0].bytes, SIZE);
	for (int i = 0; i < 3; i++) {
		const uint8_t *p = two, *ch = anchored[i].ch;

		/* What follows is another block. */
		memcpy(two, anchored[i].bytes, SIZE);
		assert_int_equal(
		    block_parse(&b, MODEL_BIT(EPOCH2), ch, two, sizeof(two), &need), SIZE);
		assert_int_equal(b.len, SIZE);
		assert_int_equal(b.model, EPOCH2);
		assert_int_equal(b.kind, BLOCK_START);
		assert_int_equal(b.height, i + 1);
		assert_int_equal(b.n_txs, 2);
		assert_int_equal(b.epoch2.version, 7);
		assert_int_equal(b.epoch2.burn, 1000 * i);
		assert_int_equal(b.epoch2.parent_sequence, i ? 2 : 0);
		assert_int_equal(all_zero(b.epoch2.parent_microblock, 32), i == 0);
		assert_memory_equal(b.id, anchored[i].id, ID_LEN);
		assert_memory_equal(b.parent, hash, 32);
		assert_int_equal(proof_root(&b), REASON_OK);
		/* The parent's id, of its hash and its consensus hash. */
		if (i) {
			hash_block_id(id, b.parent, anchored[i - 1].ch);
			assert_memory_equal(id, anchored[i - 1].id, ID_LEN);
		}
		memcpy(hash, b.hash, 32);
		assert_int_equal(
		    block_header(&header, MODEL_BIT(EPOCH2), ch, p, SIZE, &need), EPOCH2_HEADER);
		assert_memory_equal(header.id, b.id, ID_LEN);
		assert_memory_equal(header.hash, b.hash, 32);
		assert_ptr_equal(block_parent(&model, ch, p, SIZE), p + EPOCH2_PARENT);
		assert_int_equal(model, EPOCH2);
	}
	assert_hex(
	    b.epoch2.microblock_key, HASH160_LEN, "b518c45d5521ab2bf4b76adf9db976984b9c16e8");
}

/* Where nobody says the consensus hash there is no id; and the boot block has no hash. */
static void unknown(void **state)
{
	static const uint8_t none[CH_LEN];
	uint8_t boot[SIZE];
	struct block b;
	size_t need;

	assert_int_equal(
	    block_parse(&b, MODEL_BIT(EPOCH2), NULL, anchored[0].bytes, SIZE, &need), SIZE);
	assert_false(b.has_ch);
	assert_true(all_zero(b.id, ID_LEN) && all_zero(b.ch, CH_LEN) && !all_zero(b.hash, 32));
	memcpy(boot, anchored[0].bytes, SIZE);
	put_be64(boot + 9, 0);
	assert_int_equal(block_parse(&b, MODEL_BIT(EPOCH2), none, boot, SIZE, &need), SIZE);
	assert_true(all_zero(b.hash, 32));
	assert_hex(
	    b.id, ID_LEN, "55c9861be5cff984a20ce6d99d4aa65941412889bdc665094136429b84f8c2ee");
}

/* Some bytes more each time, at another place each time, with nothing behind them. */
static void in_pieces(unsigned models, const uint8_t *own, const uint8_t *p, size_t n, size_t step)
{
	struct block whole, b;
	struct block_walk w;
	size_t have = 0, need = 0;
	ssize_t used = 0;

	assert_int_equal(block_parse(&whole, models, own, p, n, &need), n);
	block_walk_begin(&w, models, own);
	while (used == 0) {
		uint8_t *copy;

		have = have + step < n ? have + step : n;
		copy = memcpy(malloc(have), p, have);
		if (!w.headed && block_walk_header(&w, &b, copy, have, &need) > 0)
			assert_memory_equal(b.id, whole.id, ID_LEN);
		used = block_walk(&w, &b, copy, have, &need);
		assert_true(used > 0 ? have == n : need > have && need <= n);
		free(copy);
	}
	assert_int_equal(used, n);
	assert_int_equal(b.model, whole.model);
	assert_int_equal(b.kind, whole.kind);
	assert_memory_equal(b.id, whole.id, ID_LEN);
	assert_memory_equal(b.hash, whole.hash, 32);
}

static void pieces(void **state)
{
	static const enum block_kind kinds[] = { BLOCK_ORDINARY, BLOCK_START, BLOCK_EXTEND };
	struct made m;

	for (size_t step = 1; step < SIZE; step += step < 40 ? 1 : 67) {
		for (int i = 0; i < 3; i++)
			in_pieces(MODEL_BIT(EPOCH2), anchored[i].ch, anchored[i].bytes, SIZE, step);
		for (int k = 0; k < 3; k++) {
			made_block(&m, kinds[k], 1);
			made_seal(&m);
			in_pieces(MODEL_BIT(NAKAMOTO), NULL, m.out.p, m.out.n, step);
			in_pieces(ANY_MODEL, m.ch, m.out.p, m.out.n, step);
		}
	}
}

/* Each cut asks for more, and for no more than the block has. */
static void every_cut(unsigned models, const uint8_t *own, const uint8_t *p, size_t n)
{
	struct block b;
	size_t need;

	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *copy = memcpy(malloc(cut + 1), p, cut);

		assert_int_equal(block_parse(&b, models, own, copy, cut, &need), 0);
		assert_true(need > cut && need <= n);
		assert_true(block_header(&b, models, own, copy, cut, &need) > 0 || need > cut);
		free(copy);
	}
}

static void cuts(void **state)
{
	struct made m;

	for (int i = 0; i < 3; i++) {
		every_cut(MODEL_BIT(EPOCH2), anchored[i].ch, anchored[i].bytes, SIZE);
		every_cut(ANY_MODEL, anchored[i].ch, anchored[i].bytes, SIZE);
	}
	for (uint8_t version = 0; version < 2; version++) {
		made_block(&m, BLOCK_START, version);
		made_seal(&m);
		every_cut(MODEL_BIT(NAKAMOTO), NULL, m.out.p, m.out.n);
		every_cut(ANY_MODEL, m.ch, m.out.p, m.out.n);
	}
}

/* At the last height below epoch 3.0 both models may be: the bytes decide. */
static void boundary(void **state)
{
	struct network net;
	struct block b;
	struct made m;
	enum model model;
	size_t need;

	made_network(&net);
	assert_int_equal(network_models(&net, 138), MODEL_BIT(EPOCH2));
	assert_int_equal(network_models(&net, 139), ANY_MODEL);
	assert_int_equal(network_models(&net, 140), MODEL_BIT(NAKAMOTO));
	assert_int_equal(network_models(&net, UINT64_MAX - 1), MODEL_BIT(NAKAMOTO));
	assert_true(network_model_first(&net, EPOCH2) == 101);
	assert_true(network_model_first(&net, NAKAMOTO) == 140);
	/* A cycle that has Nakamoto blocks leaves its part of epoch 2.x out. */
	uint64_t crossing = network_cycle(&net, 140);
	assert_true(network_first_wanted(&net, 0) == 101);
	assert_true(network_first_wanted(&net, crossing) == 140);
	for (uint64_t c = 1; c < crossing; c++)
		assert_true(network_first_wanted(&net, c) == network_cycle_start(&net, c));
	assert_true(
	    network_first_wanted(&net, crossing + 1) == network_cycle_start(&net, crossing + 1));
	made_block(&m, BLOCK_START, 0);
	made_seal(&m);
	assert_int_equal(
	    block_parse(&b, network_models(&net, 139), m.ch, m.out.p, m.out.n, &need), m.out.n);
	assert_int_equal(b.model, NAKAMOTO);
	assert_ptr_equal(block_parent(&model, m.ch, m.out.p, m.out.n), m.out.p + NAKAMOTO_PARENT);
	assert_int_equal(
	    block_parse(&b, ANY_MODEL, anchored[1].ch, anchored[1].bytes, SIZE, &need), SIZE);
	assert_int_equal(b.model, EPOCH2);
	/* Nobody starts Nakamoto; and nobody has anything else. */
	net.n_epochs = 2;
	assert_int_equal(network_models(&net, UINT64_MAX - 1), MODEL_BIT(EPOCH2));
	assert_true(network_model_first(&net, NAKAMOTO) == UINT64_MAX);
	assert_true(network_first_wanted(&net, 0) == 101);
	assert_true(network_first_wanted(&net, 2) == network_cycle_start(&net, 2));
	/* A network may skip epoch 3.0. */
	net.n_epochs = 3;
	net.epochs[2].epoch = EPOCH_40;
	assert_int_equal(network_models(&net, 140), MODEL_BIT(NAKAMOTO));
	assert_true(network_model_first(&net, NAKAMOTO) == 140);
	net.n_epochs = 1;
	net.epochs[0].epoch = EPOCH_30;
	net.epochs[0].start = net.first_burn_height;
	assert_int_equal(network_models(&net, 101), MODEL_BIT(NAKAMOTO));
	assert_true(network_model_first(&net, EPOCH2) == UINT64_MAX);
	assert_true(network_first_wanted(&net, 0) == net.first_burn_height);
}

static void wrong_model(void **state)
{
	uint8_t forged[SIZE];
	struct made m;
	struct block b;
	size_t need;

	assert_true(
	    block_parse(&b, MODEL_BIT(NAKAMOTO), NULL, anchored[0].bytes, SIZE, &need) <= 0);
	made_block(&m, BLOCK_START, 0);
	made_seal(&m);
	assert_int_equal(block_parse(&b, MODEL_BIT(EPOCH2), m.ch, m.out.p, m.out.n, &need), -1);
	/* Of another sortition, where both may be: no Nakamoto block of this one. */
	assert_int_equal(block_parse(&b, ANY_MODEL, anchored[0].ch, m.out.p, m.out.n, &need), -1);
	assert_int_equal(b.model, EPOCH2);
	/* A VRF proof that holds the consensus hash: of neither model, whatever the giver says. */
	memcpy(forged, anchored[0].bytes, SIZE);
	memcpy(forged + NAKAMOTO_CH, anchored[0].ch, CH_LEN);
	for (unsigned models = 1; models <= ANY_MODEL; models++)
		assert_true(block_parse(&b, models, anchored[0].ch, forged, SIZE, &need) <= 0);
	assert_int_equal(
	    block_parse(&b, MODEL_BIT(EPOCH2), anchored[1].ch, forged, SIZE, &need), SIZE);
}

static void counts(void **state)
{
	uint8_t copy[SIZE];
	struct block b;
	size_t need;

	memcpy(copy, anchored[0].bytes, SIZE);
	put_be32(copy + EPOCH2_HEADER, UINT32_MAX);
	assert_int_equal(block_parse(&b, MODEL_BIT(EPOCH2), NULL, copy, SIZE, &need), -1);
	put_be32(copy + EPOCH2_HEADER, 3);
	assert_int_equal(block_parse(&b, MODEL_BIT(EPOCH2), NULL, copy, SIZE, &need), 0);
	put_be32(copy + EPOCH2_HEADER, 0);
	assert_int_equal(
	    block_parse(&b, MODEL_BIT(EPOCH2), NULL, copy, SIZE, &need), EPOCH2_HEADER + 4);
}

/* A bit of a block makes another block or none, but for the seven that a transaction's version byte
 * does not use (spec/blocks.md 2.1). */
static void flips(void **state)
{
	const uint8_t *p = anchored[1].bytes;
	uint8_t copy[SIZE];
	struct block was, b;
	unsigned same = 0;
	size_t need;

	block_parse(&was, MODEL_BIT(EPOCH2), anchored[1].ch, p, SIZE, &need);
	for (unsigned bit = 0; bit < SIZE * 8; bit++) {
		memcpy(copy, p, SIZE);
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (block_parse(&b, MODEL_BIT(EPOCH2), anchored[1].ch, copy, SIZE, &need) == SIZE &&
		    memcmp(b.id, was.id, ID_LEN) == 0 && proof_root(&b) == REASON_OK)
			same++;
	}
	assert_int_equal(same, 7 * was.n_txs);
}

static void changes(void **state)
{
	static const enum block_kind kinds[] = { BLOCK_ORDINARY, BLOCK_START, BLOCK_EXTEND };
	struct tenure_change c;
	struct made m;
	struct block b;
	size_t need;

	for (int k = 0; k < 3; k++) {
		made_block(&m, kinds[k], 0);
		made_seal(&m);
		assert_true(
		    block_header(&b, MODEL_BIT(NAKAMOTO), NULL, m.out.p, m.out.n, &need) > 0);
		assert_int_equal(block_change(&b, m.out.n, &c), k > 0);
		if (k > 0)
			assert_int_equal(c.prev_blocks, 3);
		assert_false(block_change(&b, b.len + 4, &c));
		assert_false(block_change(&b, b.len + 40, &c));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(vectors), cmocka_unit_test(unknown),
		cmocka_unit_test(pieces), cmocka_unit_test(cuts), cmocka_unit_test(boundary),
		cmocka_unit_test(wrong_model), cmocka_unit_test(counts), cmocka_unit_test(flips),
		cmocka_unit_test(changes) };

	return cmocka_run_group_tests(tests, setup, NULL);
}
