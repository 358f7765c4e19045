/* The table of ends, by end. */
#include "common/net/conv_end.h"
#include "common/sys/log.h"

static const struct {
	enum fault_class class;
	const char *words;
} ends[] = {
#define X(end, class, words) [CONV_END_##end] = { FAULT_##class, words },
	CONV_ENDS(X)
#undef X
};

enum fault_class conv_end_class(enum conv_end end) { return ends[end].class; }

const char *conv_end_words(enum conv_end end) { return ends[end].words; }

enum conv_end conv_end_of(enum preamble_fault fault, bool sure)
{
	switch (fault) {
	case PREAMBLE_NETWORK: return CONV_END_NETWORK;
	case PREAMBLE_VERSION: return CONV_END_VERSION;
	case PREAMBLE_EPOCH: return CONV_END_EPOCH;
	case PREAMBLE_HEIGHT: return sure ? CONV_END_STABLE_HEIGHT : CONV_END_UNSURE_HEIGHT;
	case PREAMBLE_HASH: return sure ? CONV_END_STABLE_HASH : CONV_END_UNSURE_HASH;
	case PREAMBLE_FINE: break;
	}
	BUG("a preamble without fault ends nothing");
}

/* Next: common/net/conv.c, the life of a conversation. */
