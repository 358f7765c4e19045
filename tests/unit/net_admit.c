/* Who has to go when there is no room: never somebody for whom fewer speak than for those who
 * crowd. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/net/address.h"
#include "common/net/admit.h"

#define MANY 2000
static const uint8_t secret[32] = { 1 };
static struct admit_conn conns[MANY];
static struct admit_conn *all[MANY];
static size_t n;

static struct admit_conn at(const char *text, uint64_t since)
{
	struct admit_conn c = { .since = since, .rtt = UINT32_MAX };
	uint8_t addr[16] = { [10] = 0xff, 0xff };

	if (inet_pton(AF_INET6, text, addr) != 1)
		assert_int_equal(inet_pton(AF_INET, text, addr + 12), 1);
	admit_place(&c, addr, secret);
	return c;
}

static struct admit_conn *add(struct admit_conn c)
{
	conns[n] = c;
	all[n] = &conns[n];
	return all[n++];
}

/* `each` connections from each of `hosts` addresses, in networks of their own or in one. */
static void crowd(unsigned hosts, unsigned each, bool one_network, uint64_t since)
{
	char text[64];

	for (unsigned i = 0; i < hosts * each; i++) {
		unsigned h = i % hosts;
		snprintf(text, sizeof(text), one_network ? "9.9.%u.%u" : "%u.%u.0.1",
		    one_network ? h / 250 : 20 + h / 250, 1 + h % 250);
		add(at(text, since + i));
	}
}

static struct admit_conn *victim(const char *newcomer, uint64_t now)
{
	struct admit_conn c = at(newcomer, now);

	return admit_victim(all, n, &c, now);
}

static void places(void **state)
{
	static const struct { const char *a, *b; bool host, network; } pairs[] = {
		{ "1.2.3.4", "1.2.3.4", true, true },
		{ "1.2.3.4", "1.2.3.5", false, true },
		{ "1.2.3.4", "1.3.3.4", false, false },
		{ "1.2.3.4", "::ffff:1.2.3.4", true, true },
		{ "1.2.3.4", "64:ff9b::1.2.3.4", true, true },
		{ "1.2.3.4", "2002:0102:0304:5::6", true, true },
		{ "1.2.3.4", "2001:0:5:6:7:8:fefd:fcfb", true, true },
		{ "2600:1:2:3::4", "2600:1:2:3:5:6:7:8", true, true },
		{ "2600:1:2:3::4", "2600:1:2:4::4", false, true },
		{ "2600:1:2:3::4", "2600:2:2:3::4", false, false },
		{ "0.0.0.6", "::6", false, false },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct admit_conn a = at(pairs[i].a, 0), b = at(pairs[i].b, 0);
		if ((a.host == b.host) != pairs[i].host ||
		    (a.network == b.network) != pairs[i].network)
			fail_msg("%s and %s", pairs[i].a, pairs[i].b);
	}
}

/* Few hosts hold every place, each in a network of its own or all in that of the newcomer. */
static void few_hosts(void **state)
{
	for (unsigned hosts = 1; hosts <= 20; hosts++) {
		for (int one = 0; one < 2; one++) {
			n = 0;
			crowd(hosts, 500 / hosts, one, 1000);
			struct admit_conn *c = victim("9.9.200.1", 90000);
			assert_non_null(c);
			assert_int_equal(admit_same_host(all, n, c), 500 / hosts);
			/* Its own next connection does not push anybody out. */
			assert_null(victim(one ? "9.9.0.1" : "20.1.0.1", 90000));
		}
	}
}

/* Hosts of a flood that are nearly as heavy do not push each other out: the heaviest give way once,
 * then all are refused. */
static void no_churn(void **state)
{
	unsigned moved = 0;

	n = 0;
	crowd(20, 37, false, 1000);
	for (unsigned i = 0; i < 10; i++) {
		char text[64];
		snprintf(text, sizeof(text), "20.%u.0.1", 1 + i);
		add(at(text, 5000));
	}
	for (unsigned round = 0; round < 400; round++) {
		char text[64];
		snprintf(text, sizeof(text), "20.%u.0.1", 1 + round % 20);
		struct admit_conn *c = victim(text, 90000 + round);
		if (c) {
			*c = at(text, 90000 + round);
			moved++;
		}
	}
	assert_int_equal(moved, 0);
	for (unsigned i = 0; i < 100; i++)
		*all[i] = at("20.1.0.1", 1000);
	struct admit_conn *c = victim("20.2.0.1", 90000);
	assert_non_null(c);
	assert_true(c->host == at("20.1.0.1", 0).host);
}

/* A host with many connections goes before a network of many hosts. */
static void host_first(void **state)
{
	n = 0;
	crowd(60, 1, true, 2000);
	for (unsigned i = 0; i < 20; i++)
		add(at("8.8.8.8", 1000));
	struct admit_conn *c = victim("7.7.7.7", 90000);
	assert_non_null(c);
	assert_true(c->host == at("8.8.8.8", 0).host);
	assert_int_equal(c->weight, 20 + ADMIT_HOST_WEIGHT * 19);
}

/* Lone hosts of one network are many votes for none: a lone newcomer of another network comes
 * in. */
static void one_network(void **state)
{
	n = 0;
	struct admit_conn *honest[6];
	for (unsigned i = 0; i < 6; i++)
		honest[i] = add(at("8.8.8.8", 5));
	crowd(494, 1, true, 1000);
	struct admit_conn *c = victim("7.7.7.7", 90000);
	assert_non_null(c);
	assert_true(c->network == at("9.9.0.1", 0).network);
	for (unsigned i = 0; i < 6; i++)
		assert_ptr_not_equal(c, honest[i]);
	assert_int_equal(c->weight, 494);
	n = 0;
	for (unsigned i = 0; i < 500; i++) {
		char text[64];
		snprintf(text, sizeof(text), "2600:1:%x:%x::1", i / 16, i);
		add(at(text, 1000 + i));
	}
	assert_non_null(victim("2700::1", 90000));
}

/* A flood from everywhere: each newcomer comes in, and those who have just come, or have proven
 * themselves, stay. */
static void everywhere(void **state)
{
	n = 0;
	crowd(500, 1, false, 1000);
	struct admit_conn *useful = &conns[480], *near = &conns[481], *young = &conns[482];
	useful->useful = 50000;
	near->rtt = 10;
	young->since = 89000;
	for (unsigned i = 0; i < 100; i++) {
		struct admit_conn *c = victim("7.7.7.7", 90000);
		assert_non_null(c);
		assert_true(c != useful && c != near && c != young);
		assert_true(c->since > 1000 + 200);	/* the elder half stays */
		c->since = 2000;			/* its place is taken by another one */
	}
	/* Of equals whoever is silent goes first, then whoever was of no use. */
	for (unsigned i = 0; i < 500; i++)
		conns[i] = (struct admit_conn){ .network = i + 1, .host = i + 1, .since = 1000 + i,
			.rtt = UINT32_MAX,
		    .key = i == 300 ? 0 : i + 1, .useful = i % 2 == 0 && i != 300 ? 500 : 0 };
	assert_ptr_equal(victim("7.7.7.7", 90000), &conns[300]);
	conns[300].key = 301;
	assert_ptr_equal(victim("7.7.7.7", 90000), &conns[499]);
	/* Of those who have just come not more than a few stay, or they would be a way in for a
	 * flood of its own. */
	unsigned kept = 0;
	for (unsigned i = 0; i < 500; i++)
		conns[i].since = 89000 + i;
	victim("7.7.7.7", 90000);
	for (unsigned i = 0; i < 500; i++)
		kept += conns[i].kept;
	assert_true(kept <=
	    250 + ADMIT_KEEP_NETWORKS + ADMIT_KEEP_NEAR + ADMIT_KEEP_USEFUL + ADMIT_KEEP_NEW);
}

static unsigned kept_of(unsigned from, unsigned to)
{
	unsigned kept = 0;

	for (; from < to; from++)
		kept += conns[from].kept;
	return kept;
}

/* Each reason to stay is one for so many, though they came late: the best of those who have it. */
static void reasons(void **state)
{
	n = 0;
	crowd(500, 1, false, 1000);
	victim("7.7.7.7", 90000);
	assert_int_equal(kept_of(0, 500), ADMIT_KEEP_NETWORKS + (500 - ADMIT_KEEP_NETWORKS) / 2);
	assert_true(kept_of(400, 500) <= ADMIT_KEEP_NETWORKS);

	for (int kind = 0; kind < 2; kind++) {
		unsigned most = kind == 0 ? ADMIT_KEEP_NEAR : ADMIT_KEEP_USEFUL, before;

		n = 0;
		crowd(500, 1, false, 1000);
		victim("7.7.7.7", 90000);
		before = kept_of(400, 500);
		for (unsigned i = 0; i < 2 * most; i++)
			if (kind == 0)
				conns[480 + i].rtt = 10 + i;
			else
				conns[480 + i].useful = 80000 - i;
		victim("7.7.7.7", 90000);
		assert_int_equal(kept_of(480, 480 + most), most);
		assert_true(kept_of(400, 500) <= before + most);
	}
}

/* A key, and a host, has one vote, however many connections speak for it and whatever they did. */
static void one_vote(void **state)
{
	unsigned kept = 0;

	n = 0;
	crowd(400, 1, false, 1000);
	for (size_t i = 0; i < n; i++) {
		conns[i].key = i < 300 ? admit_hash(secret, "one key", 7) : 0;
		conns[i].useful = 80000;
		conns[i].rtt = 1;
	}
	assert_non_null(victim("7.7.7.7", 90000));
	for (size_t i = 0; i < 300; i++)
		kept += conns[i].kept;
	assert_int_equal(kept, 1);
	n = 0;
	crowd(1, 300, false, 1000);
	for (size_t i = 0; i < n; i++) {
		conns[i].key = admit_hash(secret, &i, sizeof(i));
		conns[i].useful = 80000;
	}
	kept = 0;
	assert_non_null(victim("7.7.7.7", 90000));
	for (size_t i = 0; i < n; i++)
		kept += conns[i].kept;
	assert_int_equal(kept, 1);
}

static void exempt(void **state)
{
	struct admit_conn own = at("127.0.0.1", 90000);

	own.exempt = true;
	n = 0;
	crowd(1, 10, false, 1000);
	for (unsigned i = 0; i < 90; i++)
		add(own);
	struct admit_conn *c = admit_victim(all, n, &own, 90000);
	assert_non_null(c);
	assert_false(c->exempt);
	n = 0;
	for (unsigned i = 0; i < 90; i++)
		add(own);
	assert_null(admit_victim(all, n, &own, 90000));
	assert_null(victim("7.7.7.7", 90000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places), cmocka_unit_test(few_hosts), cmocka_unit_test(no_churn),
		cmocka_unit_test(one_network), cmocka_unit_test(host_first),
		    cmocka_unit_test(everywhere), cmocka_unit_test(reasons),
		cmocka_unit_test(one_vote), cmocka_unit_test(exempt)
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
