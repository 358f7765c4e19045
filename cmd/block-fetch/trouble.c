/* The names of troubles: what people, faults and rows are told.  Nothing is decided by them. */
#include "cmd/block-fetch/trouble.h"

static const char *const names[TROUBLES] = {
	[TROUBLE_NONE] = "",
	[TROUBLE_CONNECTION] = "no connection",
	[TROUBLE_NAME] = "cannot resolve",
	[TROUBLE_404] = "404",
	[TROUBLE_429] = "429",
	[TROUBLE_503] = "503",
	[TROUBLE_SERVER] = "server error",
	[TROUBLE_EARLY] = "ends early",
	[TROUBLE_EMPTY] = "empty answer",
	[TROUBLE_CUT] = "cut body",
	[TROUBLE_HTTP] = "malformed HTTP",
	[TROUBLE_GARBAGE] = "undecodable block",
	[TROUBLE_LARGE] = "answer too large",
	[TROUBLE_PRIVATE] = "private url",
	[TROUBLE_NO_URL] = "no url",
	[TROUBLE_BAD_URL] = "malformed url",
	[TROUBLE_DEAD_URL] = "dead url",
	[TROUBLE_WRONG] = "wrong block",
	[TROUBLE_MORE] = "more than asked",
	[TROUBLE_TRAILING] = "trailing bytes",
	[TROUBLE_STALL] = "stall",
	[TROUBLE_SILENT] = "no answer",
	[TROUBLE_DRIP] = "drip",
	[TROUBLE_TIP] = "tip",
	[TROUBLE_NO_TIP] = "no tip",
	[TROUBLE_FAILS] = "fails nearly always",
	[TROUBLE_INVALID] = "invalid blocks",
	[TROUBLE_ERRORS] = "errors",
	[TROUBLE_ASIDE] = "setaside",
	[TROUBLE_CRASHED] = "the judge of one of its blocks crashed twice",
	[TROUBLE_UNPROVEN] = "not proven",
	[TROUBLE_LOST] = "its blocks do not stay in the store",
	[TROUBLE_OTHER_START] = "does not link down to the named start",
};

const char *trouble_name(enum trouble t) { return names[t]; }

/* Next: cmd/block-fetch/slots.c, the slots of burn blocks and their items. */
