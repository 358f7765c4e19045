/* The resolver: names asked at the same time, answers that are kept, failures that are not,
 * limits, and its end. */
#include <dlfcn.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/net/resolver.h"
#include "common/sys/log.h"
#include "tests/unit/skew.h"

/* The child calls this one.  hang.test, hang1.test ...: dead servers; die.test: a bug in the C
 * library; two.test: two addresses; count.test: one that tells calls apart by the last byte of its
 * address; late.test: one that is there at the second call. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **out)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
	    struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
	static unsigned calls, late_calls;
	struct addrinfo *second;
	char number[20];

	if (strncmp(node, "hang", 4) == 0)
		for (;;)
			sleep(100);
	if (strcmp(node, "die.test") == 0)
		_exit(7);
	if (strcmp(node, "late.test") == 0)
		return __atomic_fetch_add(&late_calls, 1, __ATOMIC_SEQ_CST) == 0 ? EAI_AGAIN :
		    real("127.0.0.1", service, hints, out);
	if (strcmp(node, "count.test") == 0) {
		snprintf(number, sizeof(number), "127.0.0.%u",
		    __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST));
		return real(number, service, hints, out);
	}
	if (strcmp(node, "two.test") == 0) {
		assert_true(real("2001:db8::1", service, hints, out) == 0 &&
		    real("192.0.2.1", service, hints, &second) == 0);
		(*out)->ai_next = second;
		return 0;
	}
	return EAI_NONAME;
}

struct asked { struct event_base *base; struct resolved a; unsigned left; };

static void on_answer(void *arg, const struct resolved *a)
{
	struct asked *asked = arg;

	asked->a = *a;
	if (--asked->left == 0)
		event_base_loopbreak(asked->base);
}

static struct resolver *start(struct asked *asked)
{
	struct resolver *r = resolver_start();

	*asked = (struct asked){ .base = event_base_new() };
	resolver_attach(r, asked->base);
	return r;
}

static const struct resolved *ask(struct resolver *r, struct asked *asked, const char *host)
{
	asked->left = 1;
	resolver_ask(r, host, RESOLVE_MS, on_answer, asked);
	assert_int_equal(asked->left, 1);
	event_base_dispatch(asked->base);
	assert_int_equal(asked->left, 0);
	return &asked->a;
}

static void stop(struct resolver *r, struct asked *asked)
{
	resolver_stop(r);
	event_base_free(asked->base);
}

static void answers(void **state)
{
	static const uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1 };
	struct asked asked;
	struct resolver *r = start(&asked);
	const struct resolved *a = ask(r, &asked, "two.test");
	char longest[400];

	assert_null(a->why);
	assert_int_equal(a->n, 2);
	assert_int_equal(a->at[0][0], 0x20);
	assert_memory_equal(a->at[1], v4, 16);
	a = ask(r, &asked, "none.test");
	assert_string_equal(a->why, "Name or service not known");
	assert_int_equal(a->n, 0);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_non_null(ask(r, &asked, longest)->why);
	stop(r, &asked);
}

/* One answer for all that ask while it holds, whatever the letters' case. */
static void kept(void **state)
{
	struct asked asked;
	struct resolver *r = start(&asked);

	asked.left = 3;
	for (unsigned i = 0; i < 3; i++)
		resolver_ask(r, i ? "count.test" : "Count.Test", RESOLVE_MS, on_answer, &asked);
	event_base_dispatch(asked.base);
	assert_int_equal(asked.a.at[0][15], ask(r, &asked, "count.test")->at[0][15]);
	stop(r, &asked);
}

/* An answer holds for ten seconds; a failure is asked about again; and no more names are kept than
 * MAX_NAMES: the eldest is forgotten. */
static void forgotten(void **state)
{
	struct asked asked;
	struct resolver *r = start(&asked);
	uint8_t first;

	assert_non_null(ask(r, &asked, "late.test")->why);
	skew_ms += 600;
	assert_null(ask(r, &asked, "late.test")->why);

	first = ask(r, &asked, "count.test")->at[0][15];
	skew_ms += RESOLVED_MS / 2;
	assert_int_equal(ask(r, &asked, "count.test")->at[0][15], first);
	skew_ms += RESOLVED_MS / 2 + 1;
	assert_int_equal(ask(r, &asked, "count.test")->at[0][15], first + 1);

	skew_stop();
	for (unsigned i = 0; i < MAX_NAMES; i++) {
		char name[40];
		snprintf(name, sizeof(name), "none%u.test", i);
		assert_non_null(ask(r, &asked, name)->why);
	}
	assert_int_equal(ask(r, &asked, "count.test")->at[0][15], first + 2);
	skew_go_on();
	stop(r, &asked);
}

/* More names than may be asked for wait for their turn, and are told so by their own limit. */
static void queued(void **state)
{
	struct asked asked;
	struct resolver *r = start(&asked);
	struct resolver_wait *w[MAX_RESOLVING];

	for (unsigned i = 0; i < MAX_RESOLVING; i++) {
		char name[40];
		snprintf(name, sizeof(name), "hang%u.test", i);
		w[i] = resolver_ask(r, name, RESOLVE_MS, on_answer, &asked);
	}
	asked.left = 1;
	resolver_ask(r, "two.test", 300, on_answer, &asked);
	event_base_dispatch(asked.base);
	assert_string_equal(asked.a.why, "no answer of a name server");
	for (unsigned i = 0; i < MAX_RESOLVING; i++)
		resolver_forget(w[i]);
	stop(r, &asked);
}

/* Names whose servers are dead take a thread each, and delay no other name; who gives up is not
 * called. */
static void dead(void **state)
{
	struct asked asked;
	struct resolver *r = start(&asked);
	struct resolver_wait *w[10];

	for (unsigned i = 0; i < 10; i++)
		w[i] = resolver_ask(r, "hang.test", RESOLVE_MS, on_answer, &asked);
	for (unsigned i = 0; i < 10; i++)
		resolver_forget(w[i]);
	for (unsigned i = 0; i < MAX_NAMES + 10; i++) {
		char name[40];
		snprintf(name, sizeof(name), "none%u.test", i);
		assert_non_null(ask(r, &asked, name)->why);
	}
	assert_int_equal(ask(r, &asked, "two.test")->n, 2);
	asked.left = 1;
	resolver_ask(r, "hang.test", 1, on_answer, &asked);
	event_base_dispatch(asked.base);
	assert_string_equal(asked.a.why, "no answer of a name server");
	/* dropped with the resolver */
	resolver_ask(r, "hang.test", RESOLVE_MS, on_answer, &asked);
	stop(r, &asked);
}

/* A child that died is the end of its parent; and nothing of it is left to be waited for. */
static void death(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct asked asked;
		struct resolver *r = start(&asked);
		ask(r, &asked, "die.test");
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_WORLD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(death), cmocka_unit_test(answers), cmocka_unit_test(kept),
		    cmocka_unit_test(forgotten),
		cmocka_unit_test(queued), cmocka_unit_test(dead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Next: tests/unit/net_http.c */
