/* Files by Landlock, with raw system calls: the C library has none, and Debian 12's headers know
 * less than newer kernels offer, so what the kernel can do is asked at run time. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/sys/log.h"
#include "common/sys/sandbox_private.h"

/* struct landlock_ruleset_attr as of ABI 6; older kernels are given its beginning. */
struct ruleset { uint64_t files, net, scopes; };
#define NET_BIND (1u << 0)		/* TCP */
#define NET_CONNECT (1u << 1)
#define RULE_NET_PORT 2
#define DNS_PORT 53
#define SCOPE_ABSTRACT (1u << 0)	/* connect to abstract Unix sockets of others */
#define SCOPE_SIGNAL (1u << 1)		/* signals to others */

/* Where name resolution and its plug-ins live.  Directories: what a file is replaced by is another
 * file.  /run and /mnt/wsl: resolv.conf points there. */
static const char *const readable[] = {
	"/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/run", "/mnt/wsl",
};

/* All rights over files that this ABI knows: what is not named here stays free. */
static uint64_t all_rights(int abi)
{
	unsigned bits = abi == 1 ? 13 : abi == 2 ? 14 : abi < 5 ? 15 : 16;

	return (1ull << bits) - 1;
}

static void allow_beneath(int rules, const char *path)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE };
	struct stat st;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;		/* not on this machine */
	if (fstat(rule.parent_fd, &st) == 0 && S_ISDIR(st.st_mode))
		rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		log_warn("Landlock does not take '%s'", path);
	close(rule.parent_fd);
}

static void allow_port(int rules, uint64_t port)
{
	struct { uint64_t access, port; } rule = { NET_CONNECT, port };

	if (syscall(SYS_landlock_add_rule, rules, RULE_NET_PORT, &rule, 0) < 0)
		log_warn("Landlock does not take port %d", (int)port);
}

/* Where else these files are: what they point to now. */
static void allow_targets(int rules)
{
	static const char *const files[] = { "/etc/resolv.conf", "/etc/hosts",
		"/etc/nsswitch.conf" };
	char *real, *slash;

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		real = realpath(files[i], NULL);
		slash = real ? strrchr(real, '/') : NULL;
		if (slash && slash > real) {
			*slash = '\0';
			allow_beneath(rules, real);
		}
		free(real);
	}
}

static int rules_make(const struct ruleset *all, long abi)
{
	size_t size = abi < 4 ? sizeof(all->files) : abi < 6 ? offsetof(struct ruleset, scopes) :
	    sizeof(*all);
	int rules = (int)syscall(SYS_landlock_create_ruleset, all, size, 0);

	if (rules < 0)
		die_world("cannot make rules for files: %s", strerror(errno));
	return rules;
}

bool sandbox_files(unsigned flags)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset all = { .net = NET_BIND, .scopes = SCOPE_ABSTRACT | SCOPE_SIGNAL };
	int rules;

	if (abi < 1)	/* the kernel's age, its configuration, or a container's filter: all mean
			 * that there is none */
		return false;
	all.files = all_rights((int)abi);
	if (!(flags & SANDBOX_CONNECT))
		all.net |= NET_CONNECT;
	rules = rules_make(&all, abi);
	if (flags & SANDBOX_RESOLVE) {
		for (unsigned i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
			allow_beneath(rules, readable[i]);
		allow_targets(rules);
		if (abi >= 4)
			allow_port(rules, DNS_PORT);
	}
	if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		die_world("cannot confine files: %s", strerror(errno));
	close(rules);
	return true;
}

/* Next: common/sys/sandbox_probe.c. */
