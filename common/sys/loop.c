/* Libevent's loop, made ours. */
#include <errno.h>
#include <string.h>

#include "common/sys/log.h"
#include "common/sys/loop.h"

/* Callbacks that run before the loop looks again at what is ready.  Without a bound libevent also
 * runs whatever these make active, and whoever makes itself active anew keeps all others from being
 * heard. */
#define CALLBACKS 64

static void on_words(int severity, const char *words) { log_debug("libevent: %s", words); }

/* libevent calls this where it cannot go on, after its last words: almost always for want of
 * memory. */
static void on_fatal(int error) { die_world("the event loop cannot go on: %s", strerror(ENOMEM)); }

struct event_base *loop_new(int features, int flags)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	event_set_log_callback(on_words);
	event_set_fatal_callback(on_fatal);
	if (config && event_config_require_features(config, features) == 0 &&
	    event_config_set_flag(config, flags) == 0 &&
	    event_config_set_max_dispatch_interval(config, NULL, CALLBACKS, 0) == 0)
		base = event_base_new_with_config(config);
	if (!base)
		die_world("cannot make an event loop: %s", strerror(ENOMEM));
	event_config_free(config);
	return base;
}

struct event *loop_event(struct event_base *base, evutil_socket_t fd, short what,
    event_callback_fn fn, void *arg)
{
	struct event *ev = event_new(base, fd, what, fn, arg);

	if (!ev)
		die_world("cannot make an event: %s", strerror(ENOMEM));
	return ev;
}

/* Next: common/sys/stage_input.c, frames out of a descriptor. */
