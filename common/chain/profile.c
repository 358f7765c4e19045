/* The networks that need no file (spec/wire.md 9). */
#include "common/chain/network.h"

static const char mainnet[] =
    "name mainnet\n"
    "chain_id 0x00000001\n"
    "peer_version 0x18000010\n"
    "first_burn_height 666050\n"
    "first_burn_hash 0000000000000000000ab248c8e35c574514d052a83dbc12669e19bc43df486e\n"
    "cycle_length 2100\n"
    "prepare_length 100\n"
    "stable_confirmations 7\n"
    "inv_reward_cycles 3\n"
    "private_peers 0\n"
    "epoch 1.0 0\n"
    "epoch 2.0 666050\n"
    "epoch 2.05 713000\n"
    "epoch 2.1 781551\n"
    "epoch 2.2 787651\n"
    "epoch 2.3 788240\n"
    "epoch 2.4 791551\n"
    "epoch 2.5 840360\n"
    "epoch 3.0 867867\n"
    "epoch 3.1 875000\n"
    "epoch 3.2 907740\n"
    "epoch 3.3 923222\n"
    "epoch 3.4 943333\n"
    "epoch 4.0 960230\n"
    "bootstrap "
    "02196f005965cebe6ddc3901b7b1cc1aa7a88f305bb8c5893456b8f9a605923893@seed.mainnet.hiro.so:"
    "20444\n"
    "bootstrap "
    "02539449ad94e6e6392d8c1deb2b4e61f80ae2a18964349bc14336d8b903c46a8c@cet.stacksnodes.org:20444\n"
    "bootstrap "
    "02ececc8ce79b8adf813f13a0255f8ae58d4357309ba0cedd523d9f1a306fcfb79@sgt.stacksnodes.org:20444\n"
    "bootstrap "
    "0303144ba518fe7a0fb56a8a7d488f950307a4330f146e1e1458fc63fb33defe96@est.stacksnodes.org:20444\n"
    "source https://api.hiro.so\n";

static const char testnet[] =
    "name testnet\n"
    "chain_id 0x80000000\n"
    "peer_version 0xfacade10\n"
    "first_burn_height 0\n"
    "first_burn_hash 0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206\n"
    "cycle_length 900\n"
    "prepare_length 100\n"
    "stable_confirmations 1\n"
    "inv_reward_cycles 6\n"
    "private_peers 0\n"
    "epoch 1.0 0\n"
    "epoch 2.0 0\n"
    "epoch 2.05 1\n"
    "epoch 2.1 2\n"
    "epoch 2.2 3\n"
    "epoch 2.3 4\n"
    "epoch 2.4 5\n"
    "epoch 2.5 6\n"
    "epoch 3.0 1802\n"
    "epoch 3.1 1803\n"
    "epoch 3.2 1804\n"
    "epoch 3.3 1805\n"
    "epoch 3.4 1806\n"
    "epoch 4.0 2702\n"
    "bootstrap "
    "0348af7ce1b224476e8f042727af3f84dcf49a69bb3c9dd2a1afaa783acfffb729@seed.testnet.hiro.so:"
    "20444\n"
    "source https://api.testnet.hiro.so\n";

const char *network_profile(const char *name)
{
	if (strcmp(name, "mainnet") == 0)
		return mainnet;
	if (strcmp(name, "testnet") == 0)
		return testnet;
	return NULL;
}

/* Next: common/chain/reason.c, the words of a refusal. */
