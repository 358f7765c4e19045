/* What the planner wants done (requests, looks at the store, what is to be told), and what comes of
 * a request. */
#ifndef BLOCK_FETCH_ACTION_H
#define BLOCK_FETCH_ACTION_H

#include "common/chain/bytes.h"
#include "common/limits.h"
#include "enums.h"	/* generated: item kinds, models, classes of faults */

enum action_kind { ACT_REQUEST, ACT_CANCEL, ACT_FAULT, ACT_LOOK, ACT_WANT };
/* What a request asks for: an item; else a suspect alone, a source's own tip, or where that is. */
enum ask {
	ASK_BODY = ITEM_BODY, ASK_START = ITEM_START, ASK_STREAM = ITEM_STREAM,
	ASK_BLOCK, ASK_TIP, ASK_INFO
};
struct action {
	enum action_kind kind;
	unsigned transfer, source;		/* REQUEST, CANCEL; FAULT: source or -1 */
	enum ask ask;
	enum item_kind item;			/* LOOK, WANT */
	enum model model;			/* REQUEST, LOOK */
	uint64_t height;			/* burn height of the tenure */
	uint8_t ch[CH_LEN];
	uint8_t start[ID_LEN], end[ID_LEN];	/* LOOK, WANT (zeros: unknown) */
	uint8_t id[ID_LEN], stop[ID_LEN];	/* REQUEST: what is asked; stop zeros: none */
	char who[MAX_SOURCE + 1];		/* FAULT */
	enum fault_class class;			/* FAULT */
	enum want_state want;			/* WANT */
	const char *what;			/* FAULT */
	char text[200];				/* FAULT: evidence; WANT: why */
};
/* Path of a request into out ("/v3/tenures/…?stop=…"; spec/blocks.md 4.1 to 4.3). */
void planner_path(const struct action *, char out[200]);

/* A block; or a whole stream: then id is the block's that confirms it.  start: a tenure's first;
 * confirms: an epoch 2.x header that confirms a stream. */
struct plan_block {
	const uint8_t *id, *parent, *ch, *prev_ch;
	bool start, confirms;
	uint32_t len;
};
enum plan_take {
	TAKE,		/* write it */
	TAKE_LAST,	/* write it; nothing more is expected of this answer */
	DUPLICATE,	/* have it; go on */
	STOP_WRONG,	/* not what was asked: a lie, the transfer is over */
	STOP_QUIET,	/* no longer needed */
};
enum plan_end {
	END_DONE,	/* a whole answer (status) */
	END_CONNECT,	/* no connection, or hung up before the head */
	END_UNRESOLVED,	/* no address for its name */
	END_CUT,	/* the body ended early, or within a block */
	END_PROTOCOL,	/* no HTTP that we take */
	END_TOO_LARGE,
	END_GARBAGE,	/* bytes that are no block */
	END_TRAILING,	/* bytes after what was asked */
	END_MORE,	/* blocks after what was asked */
	END_PRIVATE,	/* resolves to a private address */
	END_STOPPED,	/* we stopped it: STOP_WRONG, STOP_QUIET, ACT_CANCEL */
};

#endif
