/* What is done with the keeper's graph, file by file, within one commit. */
#ifndef BLOCKSYNC_STORE_JUDGE_H
#define BLOCKSYNC_STORE_JUDGE_H

#include "common/store/graph.h"

/* grow.c: a block came, on its own or with what was read; what stands on blocks just linked is
 * judged; what waited for a burn view is judged again. */
void grow_arrival(struct keeper *, struct node *);
void grow_link(struct keeper *, struct node *);
void grow_follow(struct keeper *);
void grow_retry(struct keeper *, struct tenure *);
/* Our view may lack what this block's burn view is, or be on the other side of a reorg. */
bool grow_view_may_come(struct keeper *, const struct node *);

/* fall.c: a block is refused; a tenure is proven no longer (its blocks are loaded), and what stood
 * on it is judged again; some of its blocks are gone. */
void fall_refuse(struct keeper *, struct node *, enum chain_reason);
void fall_unprove(struct keeper *, struct tenure *);
void fall_again(struct keeper *, struct tenure *);

/* bottom.c: whether the view has every burn block from one height up to another, which is not
 * looked at; whether a tenure may stand at the bottom of the chain: into its `base` and
 * `below_unknown`.  REASON_OK, or what is wrong with its start whatever is below. */
bool view_whole(struct keeper *, uint64_t from, uint64_t to);
enum chain_reason bottom_judge(struct keeper *, struct tenure *, const struct link *start);

/* judge.c */
void judge_queue(struct keeper *);

/* confirm.c: judge the streams of this commit, and those that wait; a child that breaks a rule is
 * refused. */
void confirm_streams(struct keeper *);
void confirm_free(struct keeper *);
/* What such a child was refused for, as long as the table `verdicts` remembers; else REASON_OK. */
enum chain_reason confirm_refused(struct keeper *, const uint8_t child[ID_LEN]);

/* restore.c: the graph out of the rows, at the start; and the first cycle wanted, which may be
 * another at any commit. */
void restore_rows(struct keeper *);
void restore_from_cycle(struct keeper *);

/* canon.c */
void canon_linked(struct keeper *, struct tenure *);	/* its linked may have changed */
void canon_grown(struct keeper *, struct tenure *);	/* its tip is higher */
/* it is no part of the canonical chain any more */
void canon_leave(struct keeper *, struct tenure *);
void canon_settle(struct keeper *);			/* choose anew, if something gave way */
/* flags from the rows, within a read transaction */
void canon_restore(struct keeper *);

/* report.c */
void report_verdict(struct keeper *, const struct node *, enum verdict_status, enum chain_reason,
    const char *detail);
void report_stored(struct keeper *, const struct node *);

#endif
