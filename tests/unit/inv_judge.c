// link: cmd/inv-sync/judge.c
// link: cmd/inv-sync/machine.c
/* What an answer proves: lies are named and cut out, and nothing that an honest peer may say is
 * called one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cmd/inv-sync/machine.h"
#include "common/chain/bitvec.h"

static const char network_text[] =
    "name judge\nchain_id 0x80000000\npeer_version 0xfacade10\nfirst_burn_height 100\n"
    "first_burn_hash "
    "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\ncycle_length "
    "10\nprepare_length 3\n"
    "stable_confirmations 7\nprivate_peers 1\nepoch 2.0 100\nepoch 3.0 112\n";
static struct network net;

/* Burn heights 100 to 145: those that end in 5 have no winner; 123 builds on 121, so 122 is an
 * orphan; others build on the one before. 133 seems to build on 131 as 132 does, but names another
 * start of it: a stray block of 131 ends tenure 132. */
static struct judge_fact fact(void *arg, uint64_t h)
{
	struct judge_fact f = { .known = h <= 145,
		.won = h % 10 != 5,
		.parent = h == 123 || h == 133 ? h - 2 :
		    h % 10 == 6		       ? h - 2 :
						 h - 1 };

	f.committed[0] = h == 133 ? 99 : (uint8_t)f.parent;
	return f;
}

static struct judge_view view(void)
{
	char err[200];

	assert_int_equal(network_parse(&net, network_text, strlen(network_text), err), 0);
	return (struct judge_view){ .net = &net,
		.tip = 145,
		.stable = 138,
		.peer_tip = 145,
		.peer_stable = 138,
		.same_tip = true,
		.same_stable = true,
		.fact = fact };
}

static enum judgement judged(const struct judge_view *v, uint64_t cycle, const char *in, char *out)
{
	uint8_t bits[525] = { 0 };
	uint32_t n = (uint32_t)strlen(in);
	char evidence[160] = "";
	enum judgement j;

	for (uint32_t i = 0; i < n; i++)
		if (in[i] == '1')
			bitvec_set(bits, i);
	j = judge_inventory(v, INV_TENURES, cycle, bits, &n, evidence);
	for (uint32_t i = 0; i < n; i++)
		out[i] = bitvec_get(bits, n, i) ? '1' : '0';
	out[n] = '\0';
	assert_int_equal(j == JUDGE_LIE, evidence[0] != '\0');
	return j;
}

static void fine(const struct judge_view *v, uint64_t cycle, const char *in)
{
	char out[600];

	assert_int_equal(judged(v, cycle, in, out), JUDGE_FINE);
	assert_string_equal(out, in);
}

static void lie(const struct judge_view *v, uint64_t cycle, const char *in, const char *left)
{
	char out[600];

	assert_int_equal(judged(v, cycle, in, out), JUDGE_LIE);
	assert_string_equal(out, left);
}

static void honest(void **state)
{
	struct judge_view v = view();

	fine(&v, 1, "0011101111");
	fine(&v, 2, "1101101111");
	fine(&v, 4, "111110");
	fine(&v, 4, "11111");		/* one behind its own preamble */
	fine(&v, 2, "1000000000");	/* holes, or a peer that is behind in blocks */
	fine(&v, 2, "0000000000");
	fine(&v, 3, "1111101111");	/* the stray block */
	fine(&v, 2, "1110000000");	/* the orphan was its chain when it stopped */
	/* on another fork above the stable height: nothing to compare there */
	v.same_tip = false;
	v.peer_tip = 147;
	fine(&v, 4, "11111111");
	v.peer_tip = 130;		/* behind in burn blocks */
	v.peer_stable = 123;
	fine(&v, 3, "1");
	/* ... by its word; its bits know better (a stale preamble) */
	fine(&v, 3, "111110111");
	v.same_stable = false;
	fine(&v, 2, "1111111111");
}

static void lies(void **state)
{
	struct judge_view v = view();

	lie(&v, 1, "1111101111", "0111101111");		/* before epoch 3.0 */
	lie(&v, 3, "1111111111", "1111101111");		/* without winner */
	lie(&v, 2, "1111101111", "1101101111");		/* two forks at once */
	lie(&v, 2, "11011011111", "1101101111");	/* longer than a cycle */
	/* beyond both tips, with slack for one that moves */
	lie(&v, 4, "111110000", "11111000");
	/* too short for a cycle that both have whole */
	lie(&v, 2, "11011", "11011");
	lie(&v, 4, "111", "111");			/* too short for the tip that both have */
	/* a tip above ours is a claim that cannot be checked; what
	 * lies below our stable height can */
	v.peer_tip = 160;
	v.peer_stable = 153;
	v.same_tip = false;
	lie(&v, 2, "1101101", "1101101");
	fine(&v, 4, "111110");
}

static void nacks(void **state)
{
	struct judge_view v = view();

	/* it shows our tip and denies a sortition below it */
	assert_int_equal(judge_nack(&v, NAKAMOTO, 4, 2), NODE_BROKEN);
	assert_int_equal(judge_nack(&v, NAKAMOTO, 4, 4), NODE_BROKEN);
	assert_int_equal(judge_nack(&v, NAKAMOTO, 4, 5), NODE_BROKEN);
	v.same_tip = v.same_stable = false;
	v.peer_tip = 130;
	v.peer_stable = 123;
	assert_int_equal(judge_nack(&v, NAKAMOTO, 4, 2), NODE_STALE);
	v.same_stable = true;
	assert_int_equal(judge_nack(&v, NAKAMOTO, 4, 2), NODE_STALE);
	assert_int_equal(judge_nack(&v, NAKAMOTO, 2, 2), NODE_BROKEN);
	v.peer_tip = 146;
	v.same_stable = false;
	assert_int_equal(judge_nack(&v, NAKAMOTO, 4, 2), NODE_DIVERGED);
	assert_int_equal(judge_nack(&v, NAKAMOTO, 4, 4), NODE_DIVERGED);
	assert_int_equal(judge_nack(&v, NAKAMOTO, 4, 1), NODE_DEAD);
	assert_int_equal(judge_nack(&v, NAKAMOTO, 4, 3), NODE_DEAD);
	assert_int_equal(judge_nack(&v, NAKAMOTO, 4, 6), NODE_BROKEN);
}

static void versions(void **state)
{
	view();
	assert_true(question_known(&inv_questions[0], &net, 0xfacade0b));
	assert_false(question_known(&inv_questions[0], &net, 0xfacade0a));
	net.peer_version = 0x01020304;
	assert_true(question_known(&inv_questions[0], &net, 0x01020304));
	assert_false(question_known(&inv_questions[0], &net, 0x01020305));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(honest), cmocka_unit_test(lies),
		cmocka_unit_test(nacks), cmocka_unit_test(versions) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
