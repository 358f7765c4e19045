/* Any bytes as a message: nothing is read beyond them, and
 * what decodes encodes to the same bytes. */
#include <assert.h>
#include <stdlib.h>

#include "common/wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t secret[32] = { [31] = 1 };
	struct message m = { .id = 0 };
	char err[120];
	uint8_t *out;

	if (n < PREAMBLE_LEN || preamble_decode(&m.pre, p) < 0)
		return 0;
	if (message_decode(&m, p + PREAMBLE_LEN, n - PREAMBLE_LEN, err) < 0)
		return 0;
	assert(message_room(&m) >= n);
	out = malloc(message_room(&m));
	assert(out && message_encode(&m, secret, out) == n);
	/* A relayer's seq is not kept; all else must come out as it came in. */
	if (m.n_relayers == 0)
		assert(memcmp(out + PREAMBLE_LEN, p + PREAMBLE_LEN, n - PREAMBLE_LEN) == 0);
	free(out);
	return 0;
}
