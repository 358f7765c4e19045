/* Any bytes as a push of Nakamoto blocks, anchored blocks or microblocks: what is taken is one of
 * the chain's, and nothing costs more than limits.h says. */
#include "common/chain/work.h"
#include "common/limits.h"
#include "common/store/pushed.h"
#include "common/wire/message.h"
#include "tests/unit/store_confirmed.h"

#define X(way, curve, hashed, parsed) \
	COST_##way##_CURVE = curve, COST_##way##_HASHED = hashed, COST_##way##_PARSED = parsed,
enum { COSTS(X) };
#undef X

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct confirmed c;

static void remove_store(void) { world_close(&c.w); }

static void take(void *arg, const struct rec_block *row)
{
	assert(row->kind != ITEM_STREAM || memcmp(row->id, c.h->id, ID_LEN) == 0);
	assert(row->body.n > 0 && row->body.n <= *(size_t *)arg);
}

/* The first byte says which message, the second how many Nakamoto blocks. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const unsigned ids[] = { MSG_NAKAMOTO_BLOCKS, MSG_BLOCKS, MSG_MICROBLOCKS };
	struct message m = { 0 };
	struct work before, did;
	uint8_t *copy;

	if (n < 2)
		return 0;
	if (!c.g) {
		setenv("BLOCKSYNC_MAP", "67108864", 1);
		confirmed_make(&c, BEND_NONE);
		give_range(&c.w, 0, c.w.n);
		atexit(remove_store);
	}
	m.id = ids[p[0] % 3];
	m.u.blocks.n = m.id == MSG_NAKAMOTO_BLOCKS ? p[1] : 0;
	m.u.blocks.len = n -= 2;
	/* Of exact size, so that a read beyond it shows. */
	copy = malloc(n + !n);
	memcpy(copy, p + 2, n);
	m.u.blocks.p = copy;
	before = work_done;
	pushed_message(&c.w.s, &m, take, &n);
	did = work_since(before);
	/* What is looked at of our own block counts too. */
	assert(did.curve <= COST_UPLOAD_CURVE * (uint64_t)(1 + n / 220));
	assert(did.hashed <= COST_UPLOAD_HASHED * n + (1 + n / 220) * COST_BLOCK);
	assert(did.parsed <= COST_UPLOAD_PARSED * n + (1 + n / 220) * COST_BLOCK);
	pushed_fault(pushed_message(&c.w.s, &m, take, &n));
	free(copy);
	return 0;
}
