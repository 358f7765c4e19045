/* The network file: what it may say, what each fault is called, and the arithmetic of epochs and
 * cycles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/chain/inventory.h"

#define HASH "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
#define HEAD "name test\nchain_id 0x80000000\nfirst_burn_height 100\nfirst_burn_hash " HASH "\n" \
	"cycle_length 20\nprepare_length 5\nstable_confirmations 7\nepoch 2.0 100\nepoch 2.5 101\n"

static void parses(void **state)
{
	struct network *net = calloc(1, sizeof(*net));
	char err[200];
	const char *text =
	    "# head\n" HEAD "epoch 3.0 140 # a remark\r\nepoch 3.1 140\nprivate_peers 1\n\n"
	    "bootstrap "
	    "0348af7ce1b224476e8f042727af3f84dcf49a69bb3c9dd2a1afaa783acfffb729@[::1]:"
	    "20444\nbootstrap a.b:1\n"
	    "source http://127.0.0.1:1\nshadow " HASH;

	assert_int_equal(network_parse(net, text, strlen(text), err), 0);
	assert_string_equal(net->name, "test");
	assert_true(net->chain_id == 0x80000000);
	assert_true(net->peer_version == 0xfacade10);
	assert_int_equal(net->inv_reward_cycles, 6);
	assert_int_equal(net->n_epochs, 4);
	assert_int_equal(net->n_bootstrap, 2);
	assert_int_equal(net->n_source, 1);
	assert_string_equal(net->source[0], "http://127.0.0.1:1");
	assert_true(net->private_peers);
	assert_true(network_is_shadow(net, net->first_burn_hash));
	assert_string_equal(net->text, text);

	assert_int_equal(network_epoch(net, 99), EPOCH_10);
	assert_int_equal(network_epoch(net, 100), EPOCH_20);
	assert_int_equal(network_epoch(net, 139), EPOCH_25);
	assert_int_equal(network_epoch(net, 140), EPOCH_31);
	assert_true(network_epoch_start(net, EPOCH_30) == 140);
	assert_true(network_epoch_start(net, EPOCH_40) == UINT64_MAX);
	assert_true(network_cycle(net, 99) == 0);
	assert_true(network_cycle(net, 119) == 0);
	assert_true(network_cycle(net, 120) == 1);
	assert_true(network_cycle_start(net, 2) == 140);
	assert_true(inventory_query_height(net, 2) == 141);
	free(net);
}

static void faults(void **state)
{
	static const struct { const char *text, *err;
	} cases[] = {
		{ HEAD "colour red\n", "line 10: no setting 'colour' is known" },
		{ HEAD "chain_id 1\n", "line 10: 'chain_id' a second time" },
		{ HEAD "source\n", "line 10: 'source' without a value" },
		{ HEAD "epoch 2.6 200\n", "line 10: no epoch '2.6' is known" },
		{ HEAD "epoch 3.0\n", "line 10: 'epoch' needs a number, not ''" },
		{ HEAD "epoch 3.0 99\n", "line 10: epoch '3.0' at 99 is not after the one before" },
		{ HEAD "epoch 2.1 200\n",
		    "line 10: epoch '2.1' at 200 is not after the one before" },
		{ HEAD "private_peers 2\n", "line 10: 'private_peers' is above 1: '2'" },
		{ HEAD "peer_version 0x1ffffffff\n",
		    "line 10: 'peer_version' is above 4294967295: '0x1ffffffff'" },
		{ HEAD "bootstrap here\n",
		    "line 10: 'bootstrap' needs pubkey@host:port, not 'here'" },
		{ HEAD "bootstrap zz@a:1\n",
		    "line 10: 'bootstrap' needs a key of 66 hex digits before '@': 'zz@a:1'" },
		{ HEAD "bootstrap a:70000\n", "line 10: 'bootstrap' is above 65535: '70000'" },
		{ HEAD "shadow 12\n",
		    "line 10: 'shadow' needs a block id of 64 hex digits, not '12'" },
		{ "name a b\n", "line 1: 'name' is one word of at most 63 bytes" },
		{ "name a\ncycle_length 0\n", "line 2: 'cycle_length' is zero" },
		{ "name a\nfirst_burn_hash 00\n",
		    "line 2: 'first_burn_hash' needs 64 hex digits, not '00'" },
		{ "name a\n", "line 2: the file ends without 'chain_id'" },
		{ "", "line 1: the file ends without 'name'" },
	};
	struct network *net = calloc(1, sizeof(*net));

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char err[200] = "";

		assert_int_equal(network_parse(net, cases[i].text, strlen(cases[i].text), err), -1);
		assert_string_equal(err, cases[i].err);
	}
	free(net);
}

static void profiles(void **state)
{
	static const char *const names[] = { "mainnet", "testnet" };
	struct network *net = calloc(1, sizeof(*net));
	char err[200];

	for (int i = 0; i < 2; i++) {
		const char *text = network_profile(names[i]);

		assert_non_null(text);
		assert_int_equal(network_parse(net, text, strlen(text), err), 0);
		assert_string_equal(net->name, names[i]);
		assert_true(net->n_bootstrap > 0 && net->n_source > 0);
	}
	assert_null(network_profile("krypton"));
	assert_int_equal(
	    network_parse(net, network_profile("mainnet"), strlen(network_profile("mainnet")), err),
	    0);
	assert_true(network_cycle(net, 867867) == 96);
	assert_true(inventory_query_height(net, 96) == 867651);
	assert_int_equal(network_epoch(net, 867866), EPOCH_25);
	assert_int_equal(network_epoch(net, 867867), EPOCH_30);
	assert_int_equal(network_epoch(net, 960230), EPOCH_40);
	free(net);
}

/* What a stranger's description may say: the facts of its chain, and never whom to trust. */
static void untrusted(void **state)
{
	struct network *net = calloc(1, sizeof(*net)), *own = calloc(1, sizeof(*own));
	const char *mainnet = network_profile("mainnet");
	char err[200], text[8192];

	snprintf(text, sizeof(text),
	    "bootstrap a.b:1\n# source of all\n" HEAD
	    "sources\t \n private_peers 1\n\tsource\thttp://h # x\nepoch 3.0 140\n"
	    "shadow " HASH "\nbootstrap c.d:2\r\nsource http://last");
	/* `sources` is no setting */
	assert_int_equal(network_parse(net, text, strlen(text), err), -1);
	*strstr(text, "sources") = '#';
	assert_int_equal(network_parse(net, text, strlen(text), err), 0);
	assert_true(net->n_source == 2 && net->n_bootstrap == 2 && net->n_shadow == 1 &&
	    net->private_peers);
	assert_int_equal(network_untrust(net, err), 0);
	assert_true(net->n_source == 0 && net->n_bootstrap == 0 && net->n_shadow == 0 &&
	    !net->private_peers);
	assert_string_equal(net->text, "# source of all\n" HEAD "#ources\t \nepoch 3.0 140\n");
	assert_int_equal(network_parse(own, net->text, strlen(net->text), err), 0);
	assert_true(network_same(own, net) && own->n_epochs == 3 &&
	    own->n_source + own->n_bootstrap + own->n_shadow == 0);

	/* A built-in network is the one that is built in, whatever its epochs and peers are said to
	 * be; its name on another is a fraud. */
	snprintf(text, sizeof(text), "%ssource http://evil\nepoch 4.1 970000\n", mainnet);
	assert_int_equal(network_parse(net, text, strlen(text), err), 0);
	assert_int_equal(network_untrust(net, err), 0);
	assert_string_equal(net->text, mainnet);
	assert_string_equal(net->source[0], "https://api.hiro.so");
	assert_true(network_epoch_start(net, EPOCH_41) == UINT64_MAX);
	net->chain_id = 5;
	assert_int_equal(network_untrust(net, err), -1);
	assert_string_equal(err, "it is called 'mainnet' and is not that network");
	free(net);
	free(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(parses), cmocka_unit_test(faults),
		cmocka_unit_test(profiles),
		cmocka_unit_test(untrusted) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
