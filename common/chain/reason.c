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

enum chain_reason chain_reason_of(const char *word, size_t n)
{
	enum chain_reason r = 0;

	while (r < REASONS_END &&
	    (strlen(reasons[r].word) != n || memcmp(reasons[r].word, word, n) != 0))
		r++;
	return r;
}

/* Next: common/chain/tx.c, where the first of these reasons arise. */
