/* Any bytes as a block of either model, or of whichever it is: nothing is read beyond them; header,
 * parse and peek agree; a piece of a block asks for more and never for too much; whole or in
 * pieces, the same comes of it, at no higher price than limits.h says; and judging ends in a
 * reason. */
#include <assert.h>
#include <stdlib.h>

#include "common/chain/hash.h"
#include "common/chain/proof.h"
#include "common/chain/work.h"
#include "common/limits.h"

#define X(way, curve, hashed, parsed) \
	COST_##way##_CURVE = curve, COST_##way##_HASHED = hashed, COST_##way##_PARSED = parsed,
enum { COSTS(X) };
#undef X

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What the giver says. */
static unsigned models;
static const uint8_t *ch;

static void check_prefix(const uint8_t *p, size_t cut, size_t len)
{
	uint8_t *copy = malloc(cut + 1);
	struct block b;
	size_t need = 0;

	assert(copy);
	memcpy(copy, p, cut);
	assert(block_parse(&b, models, ch, copy, cut, &need) == 0);
	assert(need > cut && need <= len);
	free(copy);
}

static void check_block(const uint8_t *p, size_t n, ssize_t used, const struct block *b)
{
	struct block header, peeked;
	enum model model;
	size_t need;

	assert((size_t)used <= n && (size_t)used <= MAX_BLOCK && b->len == (size_t)used);
	assert(block_header(&header, models, ch, p, n, &need) > 0 &&
	    memcmp(header.id, b->id, ID_LEN) == 0);
	assert(block_peek(&peeked, models, ch, p, n, &need) == (ssize_t)header.len);
	assert(header.height == b->height && peeked.height == b->height);
	assert(header.model == b->model && peeked.model == b->model);
	assert(memcmp(peeked.parent, b->parent, ID_LEN) == 0);
	if (models == ANY_MODEL)
		assert(memcmp(block_parent(&model, ch, p, n), b->parent, ID_LEN) == 0 &&
		    model == b->model);
	for (size_t cut = 0; cut < (size_t)used; cut += 1 + (size_t)used / 64)
		check_prefix(p, cut, (size_t)used);
}

/* As block-fetch meets them: a few bytes more each time, at another place. */
static void check_pieces(const uint8_t *p, size_t n, ssize_t whole, size_t step)
{
	struct block_walk w;
	struct work before = work_done, cost;
	struct block b;
	size_t have = 0, need = 0;
	ssize_t used = 0;

	block_walk_begin(&w, models, ch);
	while (used == 0 && have < n) {
		uint8_t *copy;

		have = need > have + step ? need : have + step;
		have = have < n ? have : n;
		assert((copy = malloc(have)));
		memcpy(copy, p, have);
		used = block_walk(&w, &b, copy, have, &need);
		assert(used != 0 || need > have);
		free(copy);
	}
	assert(used == whole);
	cost = work_since(before);
	assert(cost.curve == COST_ANSWER_CURVE &&
	    cost.hashed <= COST_BLOCK + COST_ANSWER_HASHED * n &&
	    cost.parsed <= COST_BLOCK + COST_ANSWER_PARSED * n);
}

static void check(const uint8_t *p, size_t n)
{
	static struct network net = {
		.chain_id = 0x80000000, .cycle_length = 20, .prepare_length = 5
	};
	static const uint8_t key[1][KEY_LEN] = { { 2 } }, miner[HASH160_LEN];
	static const uint32_t weight[1] = { 1 };
	uint8_t winner[32] = { 0 };
	struct block b;
	struct signer_set set;
	struct proof_view view = { .net = &net,
		.burn_height = 100,
		.miner = miner,
		.set = &set,
		.model = models & MODEL_BIT(EPOCH2) ? EPOCH2 : NAKAMOTO,
		.ch = ch };
	uint64_t sum;
	size_t need = 0;
	ssize_t used = block_parse(&b, models, ch, p, n, &need);

	if (used == 0)
		assert(need > n && need <= MAX_BLOCK);
	if (used > 0)
		check_block(p, n, used, &b);
	check_pieces(p, n, used, 1);
	check_pieces(p, n, used, 37);
	net.n_epochs = 1;
	net.epochs[0].epoch = n & 1 ? EPOCH_30 : EPOCH_40;
	if (view.model == EPOCH2) {
		/* Whose sortition the bytes have won, if they have a header. */
		net.epochs[0].epoch = n & 1 ? EPOCH_20 : EPOCH_24;
		if (n >= EPOCH2_HEADER)
			hash_once(winner, p, EPOCH2_HEADER);
		view.committed = winner;
	}
	assert(signer_set_init(&set, 5, 1, key, weight) == 0);
	assert(proof_alone(&b, p, n, &view, &sum) < REASONS_END);
	signer_set_release(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint8_t other[CH_LEN] = { 1 };
	struct block b;
	size_t need;

	models = MODEL_BIT(NAKAMOTO), ch = NULL;
	check(p, n);
	models = MODEL_BIT(EPOCH2), ch = other;
	check(p, n);
	models = ANY_MODEL;
	check(p, n);
	ch = n < NAKAMOTO_CH + CH_LEN ? other : p + NAKAMOTO_CH;
	check(p, n);
	/* What either model's parser would take for its own is never of epoch 2.x. */
	assert(ch == other ||
	    block_header(&b, models = MODEL_BIT(EPOCH2), ch, p, n, &need) <= 0);
	return 0;
}
