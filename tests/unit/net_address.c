/* Which addresses are private, in every disguise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include "common/chain/bytes.h"
#include "common/net/address.h"

static bool
is_private(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return address_private((struct sockaddr *)&in);
	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return address_private((struct sockaddr *)&in6);
}

static void
test_private(void **state)
{
	static const char *const yes[] = { "127.0.0.1", "10.0.1.37", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "0.0.0.0",
	    "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fec0::1", "fc00::1", "fdff::1", "ff02::1", "::ffff:10.0.0.1",
	    "::127.0.0.1", "64:ff9b::10.0.0.1", "2002:0a00:0001::1" };
	static const char *const no[] = { "8.8.8.8", "172.32.0.1", "172.15.255.255", "100.128.0.1", "11.0.0.1", "2600::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "223.255.255.255" };

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!is_private(yes[i]))
			fail_msg("%s is private", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (is_private(no[i]))
			fail_msg("%s is public", no[i]);
}

static void
test_own_url(void **state)
{
	(void)state;
	assert_true(address_url_of("http://10.0.1.37:20443", "10.0.1.37:20444"));
	assert_true(address_url_of("http://Node.Example/", "node.example:20444"));
	assert_true(address_url_of("http://localhost:1", "127.0.0.1:2"));
	assert_true(address_url_of("http://127.0.0.2:1", "[::1]:2"));
	assert_false(address_url_of("http://10.0.1.38:20443", "10.0.1.37:20444"));
	assert_false(address_url_of("http://127.0.0.1:20443", "10.0.1.37:20444"));
	assert_false(address_url_of("http://10.0.1.37:20443", "127.0.0.1:20444"));
	assert_false(address_url_of("nonsense", "127.0.0.1:20444"));
}

static void
test_url(void **state)
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

static void
test_forms(void **state)
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
	assert_int_equal(len, sizeof in);
	assert_memory_equal(&ss, &in, sizeof in);
	assert_string_equal(address_text(text, (struct sockaddr *)&ss), "192.0.2.7:20444");
	assert_false(address_any16(addr));
	assert_true(address_any16(zero));
	memset(zero + 10, 0xff, 2);
	assert_true(address_any16(zero));
	memset(addr, 0, sizeof addr);
	addr[0] = 0x26, addr[15] = 1;
	address_from16(&ss, &len, addr, 80);
	assert_string_equal(address_text(text, (struct sockaddr *)&ss), "[2600::1]:80");
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_own_url),
		cmocka_unit_test(test_private), cmocka_unit_test(test_url), cmocka_unit_test(test_forms) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Next: cmd/sortition-sync/main.c */
