/* The event loop that every program with sockets or pipes has: libevent's, with its words and its
 * ends made ours. */
#ifndef BLOCKSYNC_LOOP_H
#define BLOCKSYNC_LOOP_H

#include <event2/event.h>

/* A new loop; features (EV_FEATURE_*) and flags (EVENT_BASE_FLAG_*) are libevent's, 0 for its
 * defaults.  A loop that cannot be made, now or when libevent later runs out of memory, ends the
 * program with one line, 111.  What libevent would print goes to the debug log.  A callback that
 * makes an event active gives all others that are ready their turn first.  The caller frees the
 * base. */
struct event_base *loop_new(int features, int flags);
/* Events that cannot fail but for want of memory, which ends the program, 111.  The caller frees
 * them. */
struct event *loop_event(struct event_base *, evutil_socket_t, short what, event_callback_fn,
    void *arg);

#endif
