/* Hex, hashes, keys, bit vectors: vectors of spec/blocks.md 7 and of the standards. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/chain/bitvec.h"
#include "common/chain/hash.h"
#include "common/chain/key.h"
#include "common/chain/reason.h"

static void assert_hex(const void *p, size_t n, const char *want)
{
	char got[200];

	assert_string_equal(hex_of(got, p, n), want);
}

static void hex(void **state)
{
	uint8_t b[3] = { 9, 9, 9 };

	assert_int_equal(hex_to(b, 3, "00fFa1", 6), 0);
	assert_hex(b, 3, "00ffa1");
	assert_int_equal(hex_to(b, 3, "00ffa", 5), -1);
	assert_int_equal(hex_to(b, 3, "00ffag", 6), -1);
	assert_int_equal(hex_to(b, 3, "0x00ff", 6), -1);
}

static void sha512_256(void **state)
{
	uint8_t out[32], pieces[32];

	hash_once(out, "abc", 3);
	assert_hex(out, 32, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23");
	hash_begin();
	hash_add("a", 1);
	hash_add("bc", 2);
	hash_end(pieces);
	assert_memory_equal(out, pieces, 32);
	hash_sha256(out, "abc", 3);
	assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_hash160(out, "abc", 3);
	assert_hex(out, 20, "bb1be98c142444d7a56aa3981c3942a978e4dc33");
}

static void block_id(void **state)
{
	uint8_t zeros[32] = { 0 }, id[32];

	hash_block_id(id, zeros, zeros);
	assert_hex(id, 32, "55c9861be5cff984a20ce6d99d4aa65941412889bdc665094136429b84f8c2ee");
}

static void merkle(void **state)
{
	static const struct { size_t n; const char *root; } want[] = {
		{ 0, "0000000000000000000000000000000000000000000000000000000000000000" },
		{ 1, "46a3219eea5ffce23d53706e59af38e2ceb1ac2315939890f9a01c7df3775313" },
		{ 2, "e2e5072a6a94257e419ccabb5390c35c46bead3ca43aac53e386e183222f9448" },
		{ 3, "c9ad330cdf21dcf4147c2bd03884aef23b9112ea8542746afaa407751c732daf" },
		{ 5, "60d0995611723e315fbba0a8c641328cf87caac58daa9c7bb43d5af87d2e1a68" },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		uint8_t txids[5][32], root[32];

		for (int j = 0; j < 5; j++)
			memset(txids[j], j + 1, 32);
		hash_merkle_root(root, txids, want[i].n);
		assert_hex(root, 32, want[i].root);
	}
}

static void *hash_in_thread(void *arg)
{
	hash_once(arg, "abc", 3);
	return NULL;
}

static void threads(void **state)
{
	uint8_t out[4][32], want[32];
	pthread_t t[4];

	hash_once(want, "abc", 3);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hash_in_thread, out[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		assert_memory_equal(out[i], want, 32);
	}
}

/* The same signature with the other S: n - s, and the recovery id's parity turned. */
static void flip_s(uint8_t sig[SIG_LEN])
{
	uint8_t n[32];
	int borrow = 0;

	hex_to(n, 32, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 64);
	for (int i = 31; i >= 0; i--) {
		int d = n[i] - sig[33 + i] - borrow;

		borrow = d < 0;
		sig[33 + i] = (uint8_t)d;
	}
	sig[0] ^= 1;
}

static void keys(void **state)
{
	uint8_t secret[32] = { 0 }, key[KEY_LEN], got[KEY_LEN], sig[SIG_LEN], digest[32];

	secret[31] = 1;
	assert_int_equal(key_public(key, secret), 0);
	assert_hex(key, KEY_LEN,
	    "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
	assert_true(key_valid(key));
	hash_once(digest, "abc", 3);
	assert_int_equal(key_sign(sig, secret, digest), 0);
	assert_true(key_sig_low_s(sig));
	assert_int_equal(key_recover(got, sig, digest), 0);
	assert_memory_equal(got, key, KEY_LEN);

	flip_s(sig);
	assert_false(key_sig_low_s(sig));
	assert_int_equal(key_recover(got, sig, digest), 0);
	assert_memory_equal(got, key, KEY_LEN);

	sig[0] = 4;
	assert_int_equal(key_recover(got, sig, digest), -1);
	memset(sig, 0xff, SIG_LEN);
	sig[0] = 0;
	assert_int_equal(key_recover(got, sig, digest), -1);
	memset(secret, 0, 32);
	assert_int_equal(key_sign(sig, secret, digest), -1);
	assert_int_equal(key_public(key, secret), -1);
	memset(key, 0, KEY_LEN);
	assert_false(key_valid(key));
}

static void bits(void **state)
{
	uint8_t v[4] = { 0x01, 0x00, 0x80, 0xff };

	assert_int_equal(bitvec_bytes(25), 4);
	assert_int_equal(bitvec_count(v, 25), 3);
	assert_int_equal(bitvec_count(v, 24), 2);
	assert_int_equal(bitvec_next(v, 25, 0), 0);
	assert_int_equal(bitvec_next(v, 25, 1), 23);
	assert_int_equal(bitvec_next(v, 25, 24), 24);
	assert_int_equal(bitvec_next(v, 25, 25), -1);
	assert_int_equal(bitvec_next(v, 23, 1), -1);
	assert_false(bitvec_get(v, 25, 25));
	bitvec_set(v, 9);
	assert_int_equal(bitvec_next(v, 25, 1), 9);
	bitvec_clear(v, 9);
	assert_int_equal(bitvec_next(v, 25, 1), 23);
}

static void reasons(void **state)
{
	assert_string_equal(chain_reason_word(REASON_OK), "ok");
	assert_string_equal(chain_reason_word(REASON_FEW), "few");
	assert_string_equal(chain_reason_text(REASON_TRAILING), "bytes after the block");
	assert_string_equal(chain_reason_word(REASONS_END), "unknown");
	for (enum chain_reason r = 0; r < REASONS_END; r++) {
		const char *word = chain_reason_word(r);
		assert_int_equal(chain_reason_of(word, strlen(word)), r);
		assert_int_equal(chain_reason_of(word, strlen(word) - 1), REASONS_END);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex),
		cmocka_unit_test(sha512_256),
		cmocka_unit_test(block_id),
		cmocka_unit_test(merkle),
		cmocka_unit_test(threads),
		cmocka_unit_test(keys),
		cmocka_unit_test(bits),
		cmocka_unit_test(reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
