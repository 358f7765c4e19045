/* The P2P codec against vectors of the specification (spec/wire.md 12), every family of messages
 * round, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/chain/key.h"
#include "common/wire/message.h"

static const uint8_t secret[32] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };

static struct message blank(unsigned id)
{
	struct message m = { .id = id };

	m.pre.version = 0x18000010;
	m.pre.network_id = 1;
	m.pre.seq = 0x01020304;
	m.pre.burn_height = 900007;
	m.pre.stable_height = 900000;
	memset(m.pre.burn_hash, 0x11, 32);
	memset(m.pre.stable_hash, 0x22, 32);
	return m;
}

static void check_vector(struct message *m, const char *digest, const char *sig,
    const char *payload)
{
	uint8_t out[1024], d[32], key[KEY_LEN];
	char hex[2048], err[120];
	struct message back;
	size_t n;

	assert_true(message_room(m) <= sizeof(out));
	n = message_encode(m, secret, out);
	assert_true(n <= message_room(m));
	message_digest(d, out, out + PREAMBLE_LEN, n - PREAMBLE_LEN);
	if (digest)
		assert_string_equal(hex_of(hex, d, 32), digest);
	if (sig)
		assert_string_equal(hex_of(hex, m->pre.signature, SIG_LEN), sig);
	if (payload)
		assert_string_equal(hex_of(hex, out + PREAMBLE_LEN, n - PREAMBLE_LEN), payload);
	assert_int_equal(key_public(key, secret), 0);
	assert_true(message_signed_by(out, out + PREAMBLE_LEN, n - PREAMBLE_LEN, key));
	key[0] ^= 1;
	assert_false(message_signed_by(out, out + PREAMBLE_LEN, n - PREAMBLE_LEN, key));

	assert_int_equal(preamble_decode(&back.pre, out), 0);
	assert_int_equal(back.pre.payload_len, n - PREAMBLE_LEN);
	assert_int_equal(message_decode(&back, out + PREAMBLE_LEN, n - PREAMBLE_LEN, err), 0);
	assert_int_equal(back.id, m->id);
	uint8_t again[1024];
	assert_int_equal(message_encode(&back, secret, again), n);
	assert_memory_equal(again, out, n);
	/* Nothing shorter decodes, nothing longer either. */
	for (size_t i = 0; i < n - PREAMBLE_LEN; i++)
		if (m->id != MSG_NAKAMOTO_BLOCKS && m->id != MSG_TRANSACTION)
			assert_int_equal(message_decode(&back, out + PREAMBLE_LEN, i, err), -1);
}

static void vectors(void **state)
{
	struct message m = blank(MSG_PING);

	m.u.nonce = 0xdeadbeef;
	check_vector(&m, "b462404ae1a6367a6344ab4f3a1ab89b29a8c0b1e26e58502573cf1cdf4ebee9",
	    "013f9441cc0f822e5cb9cfef62126e1e52ed3d11943feb1ebc5cd284d4c319f90c4e3255786b670ecdcddf"
	    "e420eb69314498a934cc20c806a945be5051316ac5c3",
	    "000000000fdeadbeef");
	m = blank(MSG_GET_NAKAMOTO_INV);
	memset(m.u.get_inv.ch, 0x33, CH_LEN);
	check_vector(&m, "a3635fe0ef43ee92686d7ea4a2972a9bc88ce643b905720e7e3119984d4d93c6",
	    "00cc7de448dbf733236be6d63392c180fe3aded0b482b44bd14d2b54fa5d6fd3ac7f0012f93e9e87d5633a"
	    "30062885aa08a9b4baa79704f6b79436eefce50eb63f",
	    "000000001a3333333333333333333333333333333333333333");
	m = blank(MSG_HANDSHAKE);
	memcpy(m.u.handshake.addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
	m.u.handshake.port = 20444;
	m.u.handshake.services = 3;
	m.u.handshake.expire = INT64_MAX;
	key_public(m.u.handshake.key, secret);
	strcpy(m.u.handshake.data_url, "http://127.0.0.1:20443");
	check_vector(&m, "dd60f3d845d6a63220917a847840eedd815845a49c646799d27174e3e9f4ca93",
	    "01c5b08d9e07a3d135c3e58a48cbe7fc1f73627fd6cf0f169ddcc709ca979ece6a4308c49dd10bb8cdee24"
	    "f14c25bd182da7c4d415775cbcdeb341d27ac3201cf5",
	    "000000000000000000000000000000ffff7f0000014fdc0003031b84c5567b126440995d3ed5aaba0565d7"
	    "1e1834604819ff9c17f5e9d5dd078f"
	    "7fffffffffffffff16687474703a2f2f3132372e302e302e313a3230343433");
	m = blank(MSG_NAKAMOTO_INV);
	m.u.inv.count = 16;
	m.u.inv.bytes = 2;
	m.u.inv.bits = (const uint8_t *)"\xdd\xee";
	check_vector(&m, NULL, NULL, "000000001b001000000002ddee");
}

static void families(void **state)
{
	static const uint8_t bits[3] = { 0xf7, 0x02, 0x01 },
			     tail[] = "01234567890123456789\1\26ABCDEFGHIJABCDEFGHIJ\5name-";
	struct message m = blank(MSG_HANDSHAKE_ACCEPT);

	m.u.handshake.port = 1;
	m.u.handshake.heartbeat = 3600;
	check_vector(&m, NULL, NULL, NULL);
	m.id = MSG_STACKERDB_HANDSHAKE_ACCEPT;
	m.tail = tail;
	m.tail_len = sizeof(tail) - 1;
	check_vector(&m, NULL, NULL, NULL);
	m = blank(MSG_NEIGHBORS);
	m.u.neighbors.n = 3;
	memset(m.u.neighbors.at, 7, 3 * sizeof(m.u.neighbors.at[0]));
	check_vector(&m, NULL, NULL, NULL);
	for (unsigned id = MSG_HANDSHAKE_REJECT; id <= MSG_GET_NEIGHBORS; id++) {
		m = blank(id);
		check_vector(&m, NULL, NULL, NULL);
	}
	m = blank(MSG_BLOCKS_INV);
	m.u.inv.count = 17;
	m.u.inv.bytes = 3;
	m.u.inv.bits = m.u.inv.bits2 = bits;
	check_vector(&m, NULL, NULL, "0000000006001100000003f7020100000003f70201");
	m.id = MSG_POX_INV;
	check_vector(&m, NULL, NULL, "0000000008001100000003f70201");
	m = blank(MSG_GET_BLOCKS_INV);
	m.u.get_inv.count = 2100;
	check_vector(&m, NULL, NULL, NULL);
	m = blank(MSG_NACK);
	m.u.nack = NACK_NO_SUCH_BLOCK;
	m.n_relayers = 2;
	check_vector(&m, NULL, NULL, NULL);
	m = blank(MSG_NAT_PUNCH_REPLY);
	m.u.nat.port = 5;
	check_vector(&m, NULL, NULL, NULL);
	m = blank(MSG_NAKAMOTO_BLOCKS);
	m.u.blocks.n = 2;
	m.u.blocks.p = tail;
	m.u.blocks.len = 9;
	check_vector(&m, NULL, NULL, NULL);
	m = blank(MSG_TRANSACTION);
	m.u.blocks.p = tail;
	m.u.blocks.len = 9;
	check_vector(&m, NULL, NULL, NULL);
}

static void refused_hex(const char *hex, const char *why)
{
	uint8_t p[512];
	char err[120] = "";
	struct message m;
	size_t n = strlen(hex) / 2;

	assert_int_equal(hex_to(p, n, hex, 2 * n), 0);
	assert_int_equal(message_decode(&m, p, n, err), -1);
	if (!strstr(err, why))
		fail_msg("'%s' said of %s, not '%s'", err, hex, why);
}

static void refusals(void **state)
{
	refused_hex("", "cut short");
	refused_hex("0000000014", "unknown message id");
	refused_hex("00000000ff", "unknown message id");
	refused_hex("000000000f00000001ff", "trailing bytes");
	refused_hex("0000001103", "too many relayers");
	refused_hex("ffffffff03", "too many relayers");
	refused_hex("000000000400000081", "too many neighbors");
	refused_hex("0000000004ffffffff", "too many neighbors");
	refused_hex("000000001b000000000000", "bit count");
	refused_hex("000000001b08350000010700", "bit count");
	refused_hex("000000001b0010ffffffffddee", "byte count");
	refused_hex("000000001b001000000003ddee00", "byte count");
	refused_hex("000000001b00100000000200", "cut short");
	refused_hex("0000000005"
		    "3333333333333333333333333333333333333333"
		    "0000",
	    "count out of range");
	refused_hex("0000000007"
		    "3333333333333333333333333333333333333333"
		    "1001",
	    "count out of range");
	refused_hex("000000001c00000021", "too many blocks");
	refused_hex("000000000b00000021", "too many blocks");
	refused_hex("000000001600001001", "vector count");
	refused_hex("0000000000"
		    "00000000000000000000ffff7f000001"
		    "0000"
		    "0003"
		    "031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f"
		    "7fffffffffffffff"
		    "00",
	    "port 0");
	refused_hex("0000000000"
		    "00000000000000000000ffff7f000001"
		    "0001"
		    "0003"
		    "031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f"
		    "7fffffffffffffff"
		    "03667470",
	    "url not allowed");
}

static void urls(void **state)
{
	static const char *const good[] = { "", "http://a", "https://a.b:443/x/y;z=1",
		"http://[::1]:20443", "http://127.0.0.1:20443/" };
	static const char *const bad[] = { "ftp://a", "http://", "http:/a", "http://u@h/",
		"http://h/?q", "http://h/#f", "http://h:port", "http://h:123456", "http://h:99999",
		"http://[::1", "http://a b", "http://h:", "HTTP", "http://:80", "http://h\n" };
	char longest[MAX_URL + 2];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(url_allowed(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(url_allowed(bad[i], strlen(bad[i])));
	assert_false(url_allowed("http://h/\0", 10));
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "http://", 7);
	assert_true(url_allowed(longest, MAX_URL));
	assert_false(url_allowed(longest, MAX_URL + 1));
}

static int known(void *arg, uint64_t height, const uint8_t *hash)
{
	return height == 900000 ? hash[0] == 0x22 : -1;
}

static enum preamble_fault check(const struct preamble *p, uint32_t network_id, uint32_t version,
    uint8_t epoch_now, uint32_t confirmations)
{
	return preamble_check(p, network_id, version, epoch_now, confirmations, known, NULL);
}

static void preambles(void **state)
{
	struct preamble p = blank(0).pre, q;
	uint8_t raw[PREAMBLE_LEN];

	assert_int_equal(check(&p, 1, 0x18000010, 0x10, 7), PREAMBLE_FINE);
	assert_int_equal(check(&p, 2, 0x18000010, 0x10, 7), PREAMBLE_NETWORK);
	assert_int_equal(check(&p, 1, 0xfacade10, 0x10, 7), PREAMBLE_VERSION);
	assert_int_equal(check(&p, 1, 0x18000010, 0x10, 6), PREAMBLE_HEIGHT);
	p.version = 0x1800000f;
	assert_int_equal(check(&p, 1, 0x18000010, 0x10, 7), PREAMBLE_EPOCH);
	assert_int_equal(check(&p, 1, 0x18000010, 0x0f, 7), PREAMBLE_FINE);
	p.version = 0x1800000d;
	assert_int_equal(check(&p, 1, 0x18000010, 0x0e, 7), PREAMBLE_FINE);
	p.version = 0x180000ff;
	assert_int_equal(check(&p, 1, 0x18000010, 0x10, 7), PREAMBLE_FINE);
	p.stable_hash[0] = 0x23;
	assert_int_equal(check(&p, 1, 0x18000010, 0x10, 7), PREAMBLE_HASH);
	p.stable_height--, p.burn_height--;
	assert_int_equal(check(&p, 1, 0x18000010, 0x10, 7), PREAMBLE_FINE);

	p.payload_len = MAX_PAYLOAD;
	preamble_encode(raw, &p);
	assert_int_equal(preamble_decode(&q, raw), 0);
	assert_memory_equal(&p.signature, &q.signature, SIG_LEN);
	put_be32(raw + 161, MAX_PAYLOAD + 1);
	assert_int_equal(preamble_decode(&q, raw), -1);
	put_be32(raw + 161, 4);
	assert_int_equal(preamble_decode(&q, raw), -1);
	put_be32(raw + 161, 5);
	put_be64(raw + 12, p.stable_height);
	assert_int_equal(preamble_decode(&q, raw), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(vectors), cmocka_unit_test(families),
		cmocka_unit_test(refusals), cmocka_unit_test(urls), cmocka_unit_test(preambles) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
