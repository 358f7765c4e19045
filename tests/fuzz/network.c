/* Any text as a network file: a fault is one line with its number, and what parses parses the same
 * again. */
#include <assert.h>
#include <stdlib.h>

#include "common/chain/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct network net, again;
	char err[200] = "";

	if (network_parse(&net, (const char *)p, n, err) < 0) {
		assert(strncmp(err, "line ", 5) == 0 && !strchr(err, '\n'));
		return 0;
	}
	assert(strlen(net.text) == n && net.cycle_length > 0 && net.n_epochs > 0);
	assert(
	    network_parse(&again, net.text, n, err) == 0 && memcmp(&net, &again, sizeof(net)) == 0);
	for (uint64_t h = 0; h < 100; h++)
		assert(network_cycle(&net, network_cycle_start(&net, h)) == h ||
		    net.first_burn_height > INT64_MAX);
	return 0;
}
