/* The words of reason.h, as strings. */
#include "common/chain/reason.h"

static const struct { const char *word, *text; } reasons[REASONS_END] = {
#define X(name, word, text) { word, text },
	CHAIN_REASONS(X)
#undef X
};

const char *chain_reason_word(enum chain_reason r)
{
	return r < REASONS_END ? reasons[r].word : "unknown";
}

const char *chain_reason_text(enum chain_reason r)
{
	return r < REASONS_END ? reasons[r].text : "unknown";
}

/* Next: common/chain/tx.c, where the first of these reasons arise. */
