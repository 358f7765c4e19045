/* Which addresses are private, in every disguise. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/chain/bytes.h"
#include "common/net/address.h"

static bool is_private(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return address_private((struct sockaddr *)&in);
	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return address_private((struct sockaddr *)&in6);
}

/* First and last address of each special network, and their neighbours. */
static void test_private(void **state)
{
	static const char *const yes[] = { "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255",
		"100.64.0.0", "100.127.255.255", "127.0.0.0",
	    "127.255.255.255", "169.254.0.0", "169.254.255.255", "172.16.0.0", "172.31.255.255",
	    "192.0.0.0", "192.0.0.255", "192.0.2.0",
	    "192.0.2.255", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.0",
	    "192.168.255.255", "192.175.48.1", "198.18.0.0",
	    "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.0", "239.255.255.255",
	    "240.0.0.0", "255.255.255.255",
	    "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:10.0.0.1", "::ffff:100.64.0.1",
	    "::ffff:0:8.8.8.8", "64:ff9b::10.0.0.1",
	    "64:ff9b:1::8.8.8.8", "64:ff9b:1:ffff::1", "64:ff9b::1:8.8.8.8", "100::1",
	    "100:0:0:1::1", "1fff::1", "2001::1", "2001:0:808:808::1",
	    "2001:2::1", "2001:10::1", "2001:1ff:ffff::1", "2001:db8::1", "2001:db8:ffff:ffff::1",
	    "2002:a00:1::1", "2002:7f00:1::1",
	    "2620:4f:8000::1", "3fff::1", "3fff:fff:ffff::1", "4000::1", "5f00::1", "fc00::1",
	    "fdff::1", "fe80::1", "fec0::1", "ff02::1" };
	static const char *const no[] = { "1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "126.255.255.255",
	    "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
	    "191.255.255.255", "192.0.1.1", "192.0.3.0",
	    "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.101.0",
	    "203.0.112.255", "223.255.255.255",
	    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:200::1", "2001:4860::1", "2001:db7::1",
	    "2001:db9::1", "2002:808:808::1",
	    "2600::1", "2620:4f:8001::1", "2a00::1", "3ffe::1", "3fff:1000::1" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (!is_private(yes[i]))
			fail_msg("%s is not public", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		if (is_private(no[i]))
			fail_msg("%s is public", no[i]);
}

static void test_same_host(void **state)
{
	static const struct { const char *a, *b; bool same; } rows[] = {
		{ "http://10.0.1.37:20443", "http://10.0.1.37:20444", true },
		{ "http://[::ffff:10.0.1.37]/", "http://10.0.1.37", true },
		{ "http://localhost:1", "http://127.0.0.1:2", true },
		{ "http://127.0.0.2:1", "http://[::1]:2", true },
		{ "http://[::ffff:127.0.0.2]:1", "http://[::1]:2", true },
		{ "http://10.0.1.38:20443", "http://10.0.1.37:20444", false },
		{ "http://127.0.0.1:20443", "http://10.0.1.37:20444", false },
		{ "http://[::2]", "http://[::1]", false },
	};
	uint8_t a[16], b[16];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(address_of_url(a, rows[i].a) && address_of_url(b, rows[i].b));
		assert_int_equal(address_same_host16(a, b), rows[i].same);
	}
	assert_false(address_of_url(a, "http://Node.Example/"));
	assert_false(address_of_url(a, "nonsense"));
}

static void test_url(void **state)
{
	assert_true(address_url_private("http://10.0.1.37:20443"));
	assert_true(address_url_private("http://user@127.0.0.1/x"));
	assert_true(address_url_private("http://127.1:80"));
	assert_true(address_url_private("http://0x7f000001/"));
	assert_true(address_url_private("http://[::1]:20443/v2"));
	assert_true(address_url_private("http://LOCALHOST"));
	assert_false(address_url_private("http://8.8.8.8"));
	assert_false(address_url_private("https://example.org/10.0.0.1"));
	assert_false(address_url_private("nonsense"));
	assert_false(address_url_private(""));
}

static void test_forms(void **state)
{
	uint8_t addr[16], zero[16] = { 0 };
	uint16_t port;
	struct sockaddr_storage ss;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(20444) };
	socklen_t len;
	char text[64];

	inet_pton(AF_INET, "192.0.2.7", &in.sin_addr);
	address_to16(addr, &port, (struct sockaddr *)&in);
	assert_int_equal(port, 20444);
	assert_int_equal(addr[10], 0xff);
	assert_int_equal(addr[12], 192);
	address_from16(&ss, &len, addr, port);
	assert_int_equal(len, sizeof(in));
	assert_memory_equal(&ss, &in, sizeof(in));
	assert_string_equal(address_text(text, (struct sockaddr *)&ss), "192.0.2.7:20444");
	assert_false(address_any16(addr));
	assert_true(address_any16(zero));
	memset(zero + 10, 0xff, 2);
	assert_true(address_any16(zero));
	memset(addr, 0, sizeof(addr));
	addr[0] = 0x26, addr[15] = 1;
	address_from16(&ss, &len, addr, 80);
	assert_string_equal(address_text(text, (struct sockaddr *)&ss), "[2600::1]:80");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_same_host),
		cmocka_unit_test(test_private), cmocka_unit_test(test_url),
		cmocka_unit_test(test_forms) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Next: cmd/sortition-sync/main.c */
