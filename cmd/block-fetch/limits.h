/* What block-fetch grants to strangers: every bound on foreign bytes and patience, each with its
 * reason.  block-fetch(1) lists them; bounds of formats are in common/limits.h. */
#ifndef BLOCK_FETCH_LIMITS_H
#define BLOCK_FETCH_LIMITS_H

#define MAX_SOURCES 64              /* peers and URLs asked at the same time */
#define MAX_CONNECTIONS 6           /* requests in flight at one source */
#define MAX_TRANSFERS 96            /* requests in flight at all */
#define MAX_BLOCK_ANSWER                                                       \
	(4u << 20)		    /* body of /v3/blocks/ID, /v2/blocks/ID or \
				     * /v2/microblocks/confirmed/ID: it must fit a record */
#define MAX_BODY_ANSWER (17u << 20) /* body of /v3/tenures/ID: a server cuts at 16 MiB, the first
                                     * block aside */
#define MAX_INFO_ANSWER 4096        /* body of /v3/tenures/info */
#define MAX_EXTRA 65536             /* bytes after what was asked, until it is clear whose they
                                     * are */
#define MAX_UNFINISHED (32u << 20)  /* bytes of not yet whole blocks, of all transfers */
#define MAX_WRITTEN (8u << 20)      /* bytes written and without verdict */
#define CROWD_BYTES 131072          /* the same while suspects of a pipeline that died are asked
                                     * for again */
#define CROWD_MS 10000              /* but not for longer */
#define MAX_ALONE 128               /* suspects that are asked for alone; if more, they are a
                                     * crowd again */
#define CONTROL_MS 3000             /* with nothing else to judge: judges that live so long do not
                                     * crash by themselves */
#define ASIDE_S 86400               /* what is set aside may be tried again after a day: by then it
                                     * may have been our fault, and be mended */
#define MAX_BURN_BLOCKS 1000000           /* burn blocks above the first wanted one (19 years) */
#define MAX_UNRESOLVED 4096         /* sortitions whose parent tenure is not yet known */

#define STALL_MS 10000              /* no byte for so long: the request is cut */
#define STALL_BODY_MS 1500          /* the same within a body, when STALL_OTHERS answers of
                                     * others came meanwhile */
#define STALL_HEAD_MS 5000          /* the same before the first byte, which a long way excuses */
#define STALL_OTHERS 8
#define QUIET_MS 5000               /* not a byte of anyone for so long, though several were
                                     * asked: it may be our own line */
#define MOST_TURN_MS 100            /* a turn counts for no more: when we get no time, neither do
                                     * they */
#define OVERTAKEN_MS 800            /* stood still so long when another source had it: half a
                                     * stall */
#define DRIP_MS 30000               /* a lone source may go below DRIP_FLOOR for so long */
#define DRIP_FLOOR 64               /* bytes a second */
#define DRIP_RATE 2000              /* below this, and 64 times below the median: dripping */
#define LIMITED_MS 60000            /* after a refusal for rate a source is not compared with the
                                     * others by speed */
#define MAX_STRIKES 3               /* stalls in a row, then a source is left out */
#define MAX_FAILS 9                 /* failures in a row, then a source is left out */
#define DEAD_FAILS 2                /* connections that fail before any succeeded: a dead URL */
#define MAX_LIES 3                  /* answers proven wrong, blocks refused: then a source is
                                     * left out */
#define MAX_TRIES 8                 /* failures of one tenure at one source */
#define SPARE_TRIES 3               /* the same of a block that nobody misses, and that need not
                                     * exist */
#define FIRST_BACKOFF_MS 10         /* wait after a first failure */
#define BACKOFF_MS 100              /* after the next; doubles */
#define BACKOFF_MAX_MS 30000
#define LEFT_OUT_MS 600000          /* how long a source is left out (with -1: for the run) */
#define RETRY_MS 30000              /* an unavailable tenure is tried again after this */
#define INFO_MS 15000               /* /v3/tenures/info at most so often at one source, but where
                                     * there is news: a public node that is a source of the view
                                     * too allows so many requests a minute */

#endif
