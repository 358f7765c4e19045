/* old-kernel - runs a command as a kernel without Landlock would: those system calls do not exist.
 *
 *   old-kernel [ERRNO | links] COMMAND [ARGUMENT]...
 *
 * With a number, filters of system calls fail with that error, in both ways to make one; with
 * "links", there are no hard links, as on exFAT.  Landlock stays then. */
#include <ctype.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/sys/log.h"

static int hide(scmp_filter_ctx f, int error)
{
	const uint32_t action = SCMP_ACT_ERRNO((uint32_t)error);
	int rc = seccomp_rule_add(f, action, SCMP_SYS(seccomp), 1,
	    SCMP_A0(SCMP_CMP_EQ, SECCOMP_SET_MODE_FILTER));

	return rc ? rc : seccomp_rule_add(f, action, SCMP_SYS(prctl), 1,
	    SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP));
}

static int hide_links(scmp_filter_ctx f)
{
	int rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(linkat), 0);

	return rc ? rc : seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(link), 0);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int error = argc > 1 && isdigit((unsigned char)argv[1][0]) ?
	    (int)strtol(argv[1], NULL, 10) : 0;
	bool links = argc > 1 && strcmp(argv[1], "links") == 0;
	char **command = argv + 1 + (error || links);
	int rc;

	log_init("old-kernel");
	if (!*command)
		die_usage("no command");
	rc = error ? hide(f, error) : links ? hide_links(f) :
	    seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0);
	if (!f || rc < 0 || seccomp_load(f) < 0)
		die_world("cannot hide what is new");
	execvp(command[0], command);
	die_world("cannot run '%s'", command[0]);
}

/* Next: tests/sandbox.bats. */
