/* What every command line shares: peers' addresses, numbers, the network file and its faults, exit
 * codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/sys/log.h"
#include "common/sys/options.h"

#define KEY "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"

static void peers(void **state)
{
	static const struct { const char *text, *host; unsigned port; bool key; } good[] = {
		{ "127.0.0.1:20444", "127.0.0.1", 20444, false },
		{ KEY "@seed.example.org:1", "seed.example.org", 1, true },
		{ "[::1]:65535", "::1", 65535, false },
		{ KEY "@[2001:db8::1]:20444", "2001:db8::1", 20444, true },
	};
	static const char *const bad[] = {
		"",
		"host",
		"host:",
		"host:0",
		"host:65536",
		"host:-1",
		"host:1x",
		":1",
		"::1:20444",
		"@h:1",
		"00@h:1",
		"a b:1",
		"h/x:1",
		"[]:1",
		KEY "0@h:1",
		"03ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff@h:1",
	};
	struct peer_addr a;
	char err[120];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(peer_addr_parse(&a, good[i].text, err), 0);
		assert_string_equal(a.host, good[i].host);
		assert_int_equal(a.port, good[i].port);
		assert_int_equal(a.has_key, good[i].key);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err[0] = 0;
		assert_int_equal(peer_addr_parse(&a, bad[i], err), -1);
		assert_true(err[0]);
	}
}

/* Runs what may end the program; its exit code, and what it said. */
static int ends_with(void (*run)(const void *), const void *arg, char said[512])
{
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		log_init("prog");
		run(arg);
		_exit(7);
	}
	close(ends[1]);
	n = read(ends[0], said, 511);
	said[n > 0 ? n : 0] = 0;
	close(ends[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void run_number(const void *arg) { options_number("-Q", arg, 1, 10); }

static void numbers(void **state)
{
	static const char *const bad[] = { "", "x", "0", "11", "-1", "+1", " 1", "1 ", "0x1",
		"99999999999999999999" };
	char said[512];

	assert_int_equal(options_number("-Q", "10", 1, 10), 10);
	assert_true(options_number("-b", "18446744073709551615", 0, UINT64_MAX) == UINT64_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ends_with(run_number, bad[i], said), EXIT_USAGE);
	ends_with(run_number, "x", said);
	assert_string_equal(said, "prog: bad number 'x' for -Q: give 1 to 10\n");
}

static void run_network(const void *arg)
{
	struct network net;

	network_load(&net, arg);
}

static void networks(void **state)
{
	char path[] = "/tmp/sys_options.XXXXXX", said[512], want[128];
	int fd = mkstemp(path);
	struct network net;

	network_load(&net, "mainnet");
	assert_string_equal(net.name, "mainnet");
	assert_int_equal(ends_with(run_network, "nowhere", said), EXIT_USAGE);
	assert_non_null(strstr(said, "prog: no network 'nowhere': No such file or directory"));
	assert_int_equal(write(fd, "name n\nchain_id x\n", 18), 18);
	assert_int_equal(ends_with(run_network, path, said), EXIT_USAGE);
	snprintf(want, sizeof(want), "prog: %s:2: ", path);
	assert_memory_equal(said, want, strlen(want));
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	close(fd);
	unlink(path);
}

static void run_warn(const void *arg) { log_warnx("bad name '%s'", (const char *)arg); }
static void run_world(const void *arg) { die_world("%s", (const char *)arg); }

/* Foreign text cannot paint the terminal or fake a line, and a long one is cut. */
static void words(void **state)
{
	char said[512], *big = malloc(100001);

	assert_int_equal(ends_with(run_warn, "a\nprog: b\x1b[2J", said), 7);
	assert_string_equal(said, "prog: bad name 'a?prog: b?[2J'\n");
	memset(big, 'x', 100000);
	big[100000] = 0;
	assert_int_equal(ends_with(run_warn, big, said), 7);
	assert_int_equal(ends_with(run_world, "gone", said), EXIT_WORLD);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers),
		cmocka_unit_test(numbers),
		cmocka_unit_test(networks),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
