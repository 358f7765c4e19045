/* Transactions: the vectors of spec/blocks.md 7, and what each rule of section 2 refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/unit/chain_make_tx.h"

/* Parse b as a whole; -1 if it is none or has more bytes. */
static int parse(struct tx *tx, const struct bytes *b)
{
	struct cursor c = cursor_of(b->p, b->n);

	if (tx_parse(tx, &c, NULL) < 0 || cursor_left(&c) != 0)
		return -1;
	tx_txid(tx);
	return 0;
}

static void assert_txid(const struct bytes *b, const char *want)
{
	struct tx tx;
	char hex[65];

	assert_int_equal(parse(&tx, b), 0);
	assert_string_equal(hex_of(hex, tx.txid, 32), want);
}

/* Mainnet, anchor mode 3, as the vectors have it. */
static struct bytes head(void)
{
	struct bytes b = { .n = 0 };

	tx_head(&b, 0x00, 1, 3, 1);
	return b;
}

static struct bytes call(const void *args, size_t len, uint32_t n)
{
	struct bytes b = head();

	add(&b, "\x02\x16", 2);
	add_fill(&b, 0x22, 20);
	add(&b, "\x03" "foo" "\x03" "bar", 8);
	add_u32(&b, n);
	add(&b, args, len);
	return b;
}

static bool call_parses(const void *arg, size_t len)
{
	struct bytes b = call(arg, len, 1);
	struct tx tx;

	return parse(&tx, &b) == 0;
}
#define CALL(bytes) call_parses(bytes, sizeof(bytes) - 1)

static void vectors(void **state)
{
	static const char args[] = "\x0a\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05"
				   "\x0c\0\0\0\x01\x01"
				   "a"
				   "\x0b\0\0\0\x02\x03\x04";
	struct bytes b = head();
	struct tx tx;

	add(&b, "\0\x05\x16", 3);
	add_fill(&b, 0x22, 20);
	add_u64(&b, 1000);
	add_fill(&b, 0, 34);
	assert_int_equal(b.n, 180);
	assert_txid(&b, "17aa4c0a57bb7cd4e3a00ebb66d62da1201050b1b912d7987b51db7f862229fd");
	b.p[0] = 0x05;	/* low bits of the version are not hashed */
	assert_txid(&b, "17aa4c0a57bb7cd4e3a00ebb66d62da1201050b1b912d7987b51db7f862229fd");

	b = head();
	add_u8(&b, 7);
	add_fill(&b, 4, 20);
	add_fill(&b, 3, 20);
	add_fill(&b, 4, 20);
	add_fill(&b, 5, 32);
	add_u32(&b, 1);
	add_u8(&b, 0);
	add_fill(&b, 2, 20);
	assert_int_equal(b.n, 233);
	assert_txid(&b, "950b37a652725720c80baac5fd44d30b3948096b6574ddbac40147095060dd9e");
	assert_int_equal(parse(&tx, &b), 0);
	assert_int_equal(tx.payload, TX_TENURE_CHANGE);
	assert_int_equal(tx.change.prev_blocks, 1);
	assert_int_equal(tx.since, EPOCH_30);
	b.p[b.n - 21] = 7;	/* cause */
	assert_int_equal(parse(&tx, &b), -1);

	b = call(args, sizeof(args) - 1, 2);
	assert_int_equal(b.n, 181);
	assert_txid(&b, "36d049c663dcdeb7f697c1216a04e234933bd187400d60eb04c2bdfac480866d");
}

static void nesting(void **state)
{
	uint8_t some[20];

	memset(some, 0x0a, sizeof(some));
	some[15] = 0x09;
	assert_true(call_parses(some, 16));
	some[15] = 0x0a;
	some[16] = 0x09;
	assert_false(call_parses(some, 17));
	/* An empty list is a leaf. */
	memset(some, 0x07, 15);
	memcpy(some + 15, "\x0b\0\0\0\0", 5);
	assert_true(call_parses(some, 20));
}

static void values(void **state)
{
	assert_true(CALL("\x0d\0\0\0\x02ok"));
	assert_false(CALL("\x0d\0\0\0\x01\x80"));
	assert_true(CALL("\x0e\0\0\0\x03\xe2\x9c\x93"));
	assert_false(CALL("\x0e\0\0\0\x02\xe2\x9c"));
	assert_false(CALL("\x0e\0\0\0\x02\xc0\x80"));
	assert_false(CALL("\x0e\0\0\0\x03\xed\xa0\x80"));
	assert_true(CALL("\x0c\0\0\0\x02\x01" "a\x03\x02" "ab\x04"));
	assert_false(CALL("\x0c\0\0\0\x02\x02" "ab\x03\x01" "a\x04"));
	assert_false(CALL("\x0c\0\0\0\x02\x01" "a\x03\x01" "a\x04"));
	assert_false(CALL("\x0c\0\0\0\0"));
	assert_false(CALL("\x0b\x00\x10\x00\x01"));
	assert_false(CALL("\x0f"));
	assert_true(CALL("\x06\x16" "12345678901234567890" "\x01" "a"));
	assert_false(CALL("\x06\x16" "12345678901234567890" "\x01" "1"));
	assert_false(CALL("\x05\x20" "12345678901234567890"));
	assert_true(CALL("\x0c\0\0\0\x01\x02<=\x03"));
	assert_false(CALL("\x0c\0\0\0\x01\x02==\x03"));
}

/* A transfer with one byte set to v. */
static int bent(size_t at, uint8_t v)
{
	struct bytes b = { .n = 0 };
	struct tx tx;

	tx_transfer(&b, 1);
	b.p[at] = v;
	return parse(&tx, &b);
}

static void envelope(void **state)
{
	assert_int_equal(bent(0, 0x80), 0);
	assert_int_equal(bent(5, 0x03), -1);		/* auth flag */
	assert_int_equal(bent(6, 0x04), -1);		/* hash mode */
	assert_int_equal(bent(43, 2), -1);		/* key encoding */
	assert_int_equal(bent(44, 4), -1);		/* recovery id */
	assert_int_equal(bent(109, 0), -1);		/* anchor mode */
	assert_int_equal(bent(110, 4), -1);		/* post-condition mode */
	assert_int_equal(bent(115, 9), -1);		/* payload id */
	assert_int_equal(bent(116, 0x09), -1);		/* recipient */
	assert_int_equal(bent(117, 32), -1);		/* address version */
}

/* Two of three keys in a script: the second field is a key, the others signatures. */
static int multisig(struct tx *tx, uint8_t mode, uint16_t required, uint8_t key_id)
{
	struct bytes b = { .n = 0 };
	uint8_t secret[32], key[KEY_LEN];

	made_secret(secret, 5);
	assert_int_equal(key_public(key, secret), 0);
	add(&b, "\x80\x80\0\0\0\x04", 6);
	add_u8(&b, mode);
	add_fill(&b, 0x11, 20);
	add_fill(&b, 0, 16);
	add_u32(&b, 3);
	add_u8(&b, 2);
	add_fill(&b, 0, 65);
	add_u8(&b, key_id);
	add(&b, key, KEY_LEN);
	add_u8(&b, 2);
	add_fill(&b, 0, 65);
	add_u16(&b, required);
	add(&b, "\x03\x02\0\0\0\0", 6);
	add(&b, "\0\x05\x16", 3);
	add_fill(&b, 0x22, 20);
	add_fill(&b, 0, 42);
	return parse(tx, &b);
}

static void conditions(void **state)
{
	struct tx tx;

	assert_int_equal(multisig(&tx, 1, 2, 0), 0);
	assert_int_equal(tx.since, EPOCH_20);
	assert_int_equal(multisig(&tx, 1, 1, 0), -1);
	assert_int_equal(multisig(&tx, 1, 3, 0), -1);
	assert_int_equal(multisig(&tx, 5, 1, 0), 0);
	assert_int_equal(tx.since, EPOCH_30);
	assert_int_equal(multisig(&tx, 5, 3, 0), -1);
	assert_int_equal(multisig(&tx, 3, 2, 1), -1);
	assert_int_equal(multisig(&tx, 1, 2, 1), 0);
	assert_int_equal(multisig(&tx, 1, 2, 4), -1);
}

/* Where a transaction ends does not depend on whether its keys are points; that is asked on its
 * own. */
static void points(void **state)
{
	static const uint8_t none[KEY_LEN] = { 2, [KEY_LEN - 1] = 5 };	/* no point has this x */
	uint8_t secret[32], key[KEY_LEN];
	struct bytes b;
	struct tx tx;

	made_secret(secret, 3);
	assert_int_equal(key_public(key, secret), 0);
	for (int i = 0; i < 3; i++) {
		b = (struct bytes){ .n = 0 };
		add(&b, "\x80\x80\0\0\0\x04\x01", 7);
		add_fill(&b, 0x11, 20 + 8 + 8);
		add_u32(&b, 1);
		add_u8(&b, 0);
		add(&b, i == 1 ? none : key, KEY_LEN);
		if (i == 2)
			b.p[b.n - KEY_LEN] = 4;		/* no compressed key */
		add_u16(&b, 0);
		add(&b, "\x01\x02\0\0\0\0\x04", 7);
		add_fill(&b, 0, 32);
		assert_int_equal(parse(&tx, &b), i == 2 ? -1 : 0);
		if (i < 2) {
			assert_true(tx.has_keys);
			assert_int_equal(tx_points(&tx), i == 0);
		}
	}
	b = (struct bytes){ .n = 0 };
	tx_coinbase(&b);
	assert_int_equal(parse(&tx, &b), 0);
	assert_false(tx.has_keys);
}

static void epochs(void **state)
{
	static const struct { const char *condition; size_t n; enum epoch since; } cases[] = {
		{ "\x00\x01\x05\0\0\0\0\0\0\0\x01", 11, EPOCH_20 },
		{ "\x03\x01\x05\0\0\0\0\0\0\0\x01", 11, EPOCH_40 },
		{ "\x04\x01\x30", 3, EPOCH_40 },
		{ "\x02\x01\x16" "12345678901234567890" "\x01" "a\x01" "b\x03\x12", 29, EPOCH_34 },
		{ "\x02\x01\x16" "12345678901234567890" "\x01" "a\x01" "b\x03\x11", 29, EPOCH_20 },
	};
	struct bytes b;
	struct tx tx;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		b = head();
		b.n -= 4;
		add_u32(&b, 1);
		add(&b, cases[i].condition, cases[i].n);
		add(&b, "\x06\x02\x01" "a\0\0\0\x01x", 9);
		assert_int_equal(parse(&tx, &b), 0);
		assert_int_equal(tx.since, cases[i].since == EPOCH_20 ? EPOCH_21 : cases[i].since);
	}
	b = head();
	add(&b, "\x06\x07\x01" "a\0\0\0\x01x", 9);
	assert_int_equal(parse(&tx, &b), -1);
	b.p[b.n - 8] = 6;
	assert_int_equal(parse(&tx, &b), 0);
	assert_int_equal(tx.since, EPOCH_40);
	b.p[b.n - 1] = 0x07;	/* no printable source */
	assert_int_equal(parse(&tx, &b), -1);
}

/* Every shorter piece asks for at least a byte, never for more than there is; a wrong one asks for
 * none. */
static void needs(void **state)
{
	struct bytes b = { .n = 0 };
	struct cursor c;
	struct tx tx;
	size_t need;

	tx_coinbase(&b);
	for (size_t cut = 0; cut < b.n; cut++) {
		c = cursor_of(b.p, cut);
		assert_int_equal(tx_parse(&tx, &c, &need), -1);
		assert_true(need > 0 && cut + need <= b.n);
	}
	b.p[109] = 2;		/* a coinbase is anchored on chain */
	c = cursor_of(b.p, b.n);
	assert_int_equal(tx_parse(&tx, &c, &need), -1);
	assert_int_equal(need, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(nesting),
		cmocka_unit_test(values),
		cmocka_unit_test(envelope),
		cmocka_unit_test(conditions),
		cmocka_unit_test(points),
		cmocka_unit_test(epochs),
		cmocka_unit_test(needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
