/* old-kernel - runs a command as a kernel without Landlock would: those system calls do not exist.
 *
 *   old-kernel COMMAND [ARGUMENT]... */
#include <errno.h>
#include <seccomp.h>
#include <unistd.h>
#include "common/sys/log.h"

int main(int argc, char **argv)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	log_init("old-kernel");
	if (argc < 2)
		die_usage("no command");
	if (!f || seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0) < 0 || seccomp_load(f) < 0)
		die_world("cannot hide Landlock");
	execvp(argv[1], argv + 1);
	die_world("cannot run '%s'", argv[1]);
}

/* Next: tests/sandbox.bats. */
