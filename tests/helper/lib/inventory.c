/* What an honest peer with the whole of a chain answers to inventory requests: inventory.jsonl. */
#include <inttypes.h>
#include <stdlib.h>

#include "common/chain/inventory.h"
#include "tests/helper/lib/chaindir.h"

/* By canonical sortition: whether it began a Nakamoto tenure that is canonical. */
static bool *started(const struct chaindir *c)
{
	bool *at = xcalloc(c->n_main, sizeof(*at));

	for (uint32_t i = 0; i < c->n_tenures; i++)
		at[c->tenures[i].sortition] = true;
	return at;
}

static void put_bits(FILE *f, const struct chaindir *c, enum inventory_kind kind, uint64_t cycle,
    const bool *tenures)
{
	uint64_t tip = c->sortitions[c->n_main - 1].row.burn_height;
	uint32_t n = inventory_length(&c->net, kind, cycle, tip);

	fprintf(f, ", \"%s\": \"", inventory_kind_name(kind));
	for (uint32_t i = 0; i < n; i++) {
		const struct chain_sortition *s =
		    chaindir_at(c, inventory_height(&c->net, kind, cycle, i));
		const struct chain_block *b = s ? chaindir_winner(c, s) : NULL;
		bool bit = kind == INV_TENURES ? s && tenures[s - c->sortitions] :
		    kind == INV_BLOCKS	       ? b != NULL :
						 b && b->n_confirmed > 0;
		fputc(bit ? '1' : '0', f);
	}
	fputc('"', f);
}

void chaindir_inventory(const struct chaindir *c, FILE *f)
{
	uint64_t tip = c->sortitions[c->n_main - 1].row.burn_height;
	bool *tenures = started(c);

	for (uint64_t cycle = 0; inventory_query_height(&c->net, cycle) <= tip; cycle++) {
		fprintf(f, "{\"cycle\": %" PRIu64, cycle);
		put_bits(f, c, INV_TENURES, cycle, tenures);
		put_bits(f, c, INV_BLOCKS, cycle, tenures);
		put_bits(f, c, INV_MICROBLOCKS, cycle, tenures);
		fputs(", \"pox\": 1}\n", f);
	}
	free(tenures);
}

/* Next: tests/helper/chain-maker/maker.h, where such a directory is made. */
