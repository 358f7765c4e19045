/* Burn heights to epochs and reward cycles (spec/blocks.md 6.1). */
#include "common/chain/network.h"

enum epoch network_epoch(const struct network *net, uint64_t burn_height)
{
	enum epoch epoch = EPOCH_10;

	/* Epochs may share a start: the last of them is in force. */
	for (unsigned i = 0; i < net->n_epochs && net->epochs[i].start <= burn_height; i++)
		epoch = net->epochs[i].epoch;
	return epoch;
}

uint64_t network_epoch_start(const struct network *net, enum epoch epoch)
{
	for (unsigned i = 0; i < net->n_epochs; i++)
		if (net->epochs[i].epoch == epoch)
			return net->epochs[i].start;
	return UINT64_MAX;
}

/* Burn height of the first epoch that has Nakamoto blocks. */
static uint64_t nakamoto_start(const struct network *net)
{
	for (unsigned i = 0; i < net->n_epochs; i++)
		if (net->epochs[i].epoch >= EPOCH_30)
			return net->epochs[i].start;
	return UINT64_MAX;
}

unsigned network_models(const struct network *net, uint64_t burn_height)
{
	uint64_t nakamoto = nakamoto_start(net);

	if (nakamoto == UINT64_MAX || burn_height + 1 < nakamoto)
		return MODEL_BIT(EPOCH2);
	return burn_height + 1 == nakamoto ? ANY_MODEL : MODEL_BIT(NAKAMOTO);
}

uint64_t network_model_first(const struct network *net, enum model model)
{
	/* The first burn block has no sortition. */
	uint64_t first = net->first_burn_height + 1;

	if (model == NAKAMOTO)
		return nakamoto_start(net);
	return network_models(net, first) & MODEL_BIT(EPOCH2) ? first : UINT64_MAX;
}

uint64_t network_first_wanted(const struct network *net, uint64_t cycle)
{
	uint64_t epoch2 = network_model_first(net, EPOCH2),
		 nakamoto = network_model_first(net, NAKAMOTO),
		 start = network_cycle_start(net, cycle), first = nakamoto;

	if (epoch2 != UINT64_MAX && (!cycle || network_cycle_start(net, cycle + 1) <= nakamoto))
		first = epoch2;
	return first > start ? first : start;
}

uint64_t network_cycle(const struct network *net, uint64_t burn_height)
{
	return burn_height < net->first_burn_height ?
	    0 :
	    (burn_height - net->first_burn_height) / net->cycle_length;
}

uint64_t network_cycle_start(const struct network *net, uint64_t cycle)
{
	return net->first_burn_height + cycle * net->cycle_length;
}

bool network_is_shadow(const struct network *net, const uint8_t id[ID_LEN])
{
	for (unsigned i = 0; i < net->n_shadow; i++)
		if (memcmp(net->shadow[i], id, ID_LEN) == 0)
			return true;
	return false;
}

/* Next: common/chain/inventory.c, which burn height each bit of an inventory is about. */
