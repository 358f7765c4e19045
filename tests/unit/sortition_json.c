/* A node's JSON answers: what is read of them, and what is refused. */
// link: cmd/sortition-sync/json.c
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cmd/sortition-sync/json.h"
#include "common/limits.h"
#include "common/net/json.h"

#define H32 "abababababababababababababababababababababababababababababababab"
#define H20 "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
#define WINNER                                                                                     \
	"[{\"burn_block_hash\":\"0x" H32 "\",\"burn_block_height\":91,\"burn_header_timestamp\":"  \
					 "1629739098,\"sortition_id\":\"0x" H32                    \
	"\",\"parent_sortition_id\":\"0x" H32 "\",\"consensus_hash\":\"0x" H20                     \
	"\",\"was_sortition\":%s,\"miner_pk_hash160\":\"0x" H20 "\",\"stacks_parent_ch\":\"0x" H20 \
	"\",\"last_sortition_ch\":null,\"committed_block_hash\":\"0x" H32 "\"%s}]"

static int read_row(struct rec_sortition *r, const char *won, const char *more)
{
	char text[2000], err[120];

	snprintf(text, sizeof(text), WINNER, won, more);
	return json_sortition(r, text, strlen(text), err);
}

static void test_sortition(void **state)
{
	struct rec_sortition r;
	char err[120];

	assert_int_equal(read_row(&r, "true", ""), 0);	/* older releases have no vrf_seed */
	assert_true(r.won);
	assert_int_equal(r.burn_height, 91);
	assert_int_equal(r.burn_time, 1629739098);
	assert_int_equal(r.burn_hash[31], 0xab);
	assert_int_equal(r.miner[19], 0xcd);
	assert_true(all_zero(r.last_ch, CH_LEN));
	assert_int_equal(read_row(&r, "true", ",\"vrf_seed\":\"0x" H32 "\""), 0);
	assert_int_equal(r.vrf_seed[0], 0xab);
	/* nothing of a winner where there is none */
	assert_int_equal(read_row(&r, "false", ""), 0);
	assert_true(
	    all_zero(r.miner, sizeof(r.miner)) && all_zero(r.committed, sizeof(r.committed)));
	assert_int_equal(read_row(&r, "1", ""), -1);
	assert_int_equal(read_row(&r, "true", ",\"vrf_seed\":\"0x" H20 "\""), -1);
	assert_int_equal(read_row(&r, "true", ",\"was_sortition\":false"), -1);	/* twice */
	assert_int_equal(json_sortition(&r, "[]", 2, err), -1);
	assert_int_equal(json_sortition(&r, "{}", 2, err), -1);
	assert_int_equal(json_sortition(&r, "", 0, err), -1);
	assert_int_equal(json_sortition(&r, "[{}]", 4, err), -1);
	assert_string_equal(err, "no proper 'was_sortition'");
}

static void test_set(void **state)
{
	static uint8_t keys[MAX_SIGNERS][KEY_LEN], weights[MAX_SIGNERS][4];
	static const char good[] = "{\"stacker_set\":{\"signers\":[{\"signing_key\":\"02" H32
				   "\",\"stacked_amt\":6000000000000000000,\"weight\":7}]}}";
	static const char rich[] =
	    "{\"stacker_set\":{\"signers\":[{\"signing_key\":\"02" H32
	    "\",\"stacked_amt\":340282366920938463463374607431768211455,\"weight\":4294967295}]}}";
	static const char *const bad[] = { "{\"stacker_set\":{\"signers\":[]}}",
		"{\"stacker_set\":{}}", "[]",
		"{\"stacker_set\":{\"signers\":[{\"signing_key\":\"02" H32
		"\",\"weight\":4294967296}]}}",
		"{\"stacker_set\":{\"signers\":[{\"signing_key\":\"02" H32 "\",\"weight\":1.5}]}}",
		"{\"stacker_set\":{\"signers\":[{\"signing_key\":\"02" H32 "\",\"weight\":-1}]}}",
		"{\"stacker_set\":{\"signers\":[{\"signing_key\":\"02" H32
		"\",\"weight\":\"7\"}]}}",
		"{\"stacker_set\":{\"signers\":[{\"signing_key\":\"" H32 "\",\"weight\":1}]}}" };
	struct rec_reward_set set;
	char err[120];

	assert_int_equal(json_reward_set(&set, keys, weights, good, strlen(good), err), 0);
	assert_int_equal(set.keys.n, 1);
	assert_int_equal(rec_u32_at(set.weights, 0), 7);
	/* amounts are of 128 bits */
	assert_int_equal(json_reward_set(&set, keys, weights, rich, strlen(rich), err), 0);
	assert_int_equal(rec_u32_at(set.weights, 0), UINT32_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(json_reward_set(&set, keys, weights, bad[i], strlen(bad[i]), err),
		    -1);
}

/* As many signers as there may be, and one more. */
static void test_most(void **state)
{
	static uint8_t keys[MAX_SIGNERS + 1][KEY_LEN], weights[MAX_SIGNERS + 1][4];
	static char text[(MAX_SIGNERS + 1) * 120 + 100];
	struct rec_reward_set set;
	char err[120];

	for (unsigned n = MAX_SIGNERS; n <= MAX_SIGNERS + 1; n++) {
		size_t at = (size_t)snprintf(text, sizeof(text), "{\"stacker_set\":{\"signers\":[");

		for (unsigned i = 0; i < n; i++)
			at += (size_t)snprintf(text + at, sizeof(text) - at,
			    "%s{\"signing_key\":\"%066x\",\"weight\":1}", i ? "," : "", i);
		at += (size_t)snprintf(text + at, sizeof(text) - at, "]}}");
		assert_int_equal(json_reward_set(&set, keys, weights, text, at, err),
		    n > MAX_SIGNERS ? -1 : 0);
	}
}

static void test_pox(void **state)
{
	struct network net = {
		.first_burn_height = 10, .cycle_length = 20, .prepare_length = 5, .n_epochs = 1
	};
	static const struct { const char *text; int rc;
	} cases[] = {
		{ "{\"first_burnchain_block_height\":10,\"reward_cycle_length\":20,\"prepare_cycle_"
		  "length\":5,\"epochs\":[]}",
		    0 },
		{ "{\"first_burnchain_block_height\":11,\"reward_cycle_length\":20,\"prepare_cycle_"
		  "length\":5,\"epochs\":[]}",
		    1 },
		{ "{\"first_burnchain_block_height\":10,\"reward_cycle_length\":21,\"prepare_cycle_"
		  "length\":5,\"epochs\":[]}",
		    1 },
		{ "{\"first_burnchain_block_height\":10,\"reward_cycle_length\":20,\"prepare_cycle_"
		  "length\":5,"
		  "\"epochs\":[{\"epoch_id\":\"Epoch30\",\"start_height\":82},{\"epoch_id\":"
		  "\"Epoch99\",\"start_height\":1}]}",
		    0 },
		{ "{\"first_burnchain_block_height\":10,\"reward_cycle_length\":20,\"prepare_cycle_"
		  "length\":5,"
		  "\"epochs\":[{\"epoch_id\":\"Epoch30\",\"start_height\":83}]}",
		    1 },
		{ "{\"first_burnchain_block_height\":10}", -1 },
	};
	char err[120];

	net.epochs[0].epoch = EPOCH_30;
	net.epochs[0].start = 82;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(json_pox(&net, cases[i].text, strlen(cases[i].text), err),
		    cases[i].rc);
}

static void test_tip_and_chain(void **state)
{
	static const char tip[] =
	    "{\"consensus_hash\":\"" H20 "\",\"tenure_start_block_id\":\"" H32
	    "\",\"parent_consensus_hash\":\"" H20 "\",\"parent_tenure_start_block_id\":\"" H32
	    "\",\"tip_block_id\":\"" H32 "\",\"tip_height\":716,\"reward_cycle\":11}";
	static const uint8_t boot_id[] = { 0x55, 0xc9, 0x86, 0x1b };
	struct rec_tip t;
	uint32_t id;
	char err[120], text[300];

	assert_int_equal(json_tip(&t, tip, strlen(tip), err), 0);
	assert_int_equal(t.height, 716);
	assert_int_equal(json_tip(&t, "{}", 2, err), -1);
	/* Of epoch 2.x a node names the hash, and the sortition: the id is made of both. */
	snprintf(text, sizeof(text),
	    "{\"stacks_tip\":\"%064d\",\"stacks_tip_consensus_hash\":\"%040d\","
	    "\"stacks_tip_height\":0}",
	    0, 0);
	assert_int_equal(json_node_tip(&t, text, strlen(text), err), 0);
	assert_memory_equal(t.id, boot_id, 4);
	assert_true(all_zero(t.start_id, ID_LEN));
	assert_int_equal(json_node_tip(&t, tip, strlen(tip), err), -1);
	assert_int_equal(json_chain_id(&id, "{\"network_id\":2147483648}", 25, err), 0);
	assert_int_equal(id, 0x80000000);
	assert_int_equal(json_chain_id(&id, "{\"network_id\":4294967296}", 25, err), -1);
}

/* Members that nobody asks for hold what they like; those that somebody does are exact, or a
 * fault. */
static void test_strange_numbers(void **state)
{
	static const char *const unknown[] = { "18446744073709551616", "-9223372036854775809",
		"1e999", "-1E+400", "1e-999", "0.1e99999", "-0.0",
	    "1.7976931348623157e309", "[[{\"a\":18446744073709551616},1e999]]",
	    "\"18446744073709551616 \\\" 1e999 \\u0000\"", "12345678901234567890.5",
	    "999999999999999999", "null", "{\"won\":1e5}" };
	static const char *const broken[] = { "01", "1.", ".5", "1e", "+1", "NaN", "-Infinity",
		"0x10", "1e999x", "12345678901234567890f", "--1", "1 2" };
	static const char tip[] =
	    "{\"consensus_hash\":\"" H20 "\",\"tenure_start_block_id\":\"" H32
	    "\",\"parent_consensus_hash\":\"" H20 "\",\"parent_tenure_start_block_id\":\"" H32
	    "\",\"tip_block_id\":\"" H32 "\",\"tip_height\":%s}";
	static const struct { const char *text; int rc;
	    } heights[] = { { "9007199254740993", 0 }, { "999999999999999999", 0 },
	    { "1000000000000000000", -1 },
	    { "18446744073709551617", -1 }, { "716.0", -1 }, { "7e2", -1 }, { "1e999", -1 },
	    { "-1", -1 } };
	struct rec_sortition r;
	struct rec_tip t;
	char more[200], text[600], err[120];
	char *deep = malloc(200001);
	json_t *o;

	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		snprintf(more, sizeof(more), ",\"what\":%s", unknown[i]);
		assert_int_equal(read_row(&r, "true", more), 0);
		assert_int_equal(r.burn_height, 91);
	}
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		snprintf(more, sizeof(more), ",\"what\":%s", broken[i]);
		assert_int_equal(read_row(&r, "true", more), -1);
	}
	assert_int_equal(read_row(&r, "true", ",\"what\":1,\"what\":1"), -1);
	for (size_t i = 0; i < sizeof(heights) / sizeof(*heights); i++) {
		snprintf(text, sizeof(text), tip, heights[i].text);
		assert_int_equal(json_tip(&t, text, strlen(text), err), heights[i].rc);
		if (heights[i].rc == 0)
			assert_true(t.height == strtoull(heights[i].text, NULL, 10));
	}
	memset(deep, '[', 200000);	/* bounded depth: refused, and no stack is lost */
	assert_null(json_foreign(deep, 200000, err));
	memset(deep, '9', 200000);
	o = json_foreign(deep, 200000, err);
	assert_true(o && json_is_null(o));
	json_decref(o);
	free(deep);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sortition),
		cmocka_unit_test(test_set), cmocka_unit_test(test_most), cmocka_unit_test(test_pox),
	    cmocka_unit_test(test_tip_and_chain),
		cmocka_unit_test(test_strange_numbers) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Next: tests/unit/sortition_claims.c */
