/* Any bytes as a transaction: nothing is read beyond them, what parses parses again from its own
 * bytes alone, every shorter piece of it asks for more and never for too much, and longer input
 * changes nothing. */
#include <assert.h>
#include <stdlib.h>

#include "common/chain/tx.h"
#include "common/chain/work.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void check_prefix(const uint8_t *p, size_t cut, size_t len)
{
	uint8_t *copy = malloc(cut + 1);
	struct cursor c = cursor_of(copy, cut);
	struct tx tx;
	size_t need = 0;

	assert(copy);
	memcpy(copy, p, cut);
	assert(tx_parse(&tx, &c, &need) < 0);
	assert(c.bad && need > 0 && cut + need <= len);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct cursor c = cursor_of(p, n), own;
	struct work before = work_done;
	struct tx tx, again;
	size_t need = 0;
	int rc = tx_parse(&tx, &c, &need);

	assert(work_since(before).curve == 0 && work_since(before).parsed <= 2 * n + 64);
	if (rc < 0)
		return 0;
	if (tx.has_keys)
		tx_points(&tx);
	assert(tx.bytes == p && tx.len <= n && c.p == p + tx.len);
	tx_txid(&tx);
	own = cursor_of(p, tx.len);
	assert(tx_parse(&again, &own, &need) == 0 && again.len == tx.len &&
	    again.payload == tx.payload && again.since == tx.since);
	for (size_t cut = 0; cut < tx.len; cut += 1 + tx.len / 64)
		check_prefix(p, cut, tx.len);
	return 0;
}
