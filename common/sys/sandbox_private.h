/* What the files of the sandbox share: not for programs. */
#ifndef BLOCKSYNC_SYS_SANDBOX_PRIVATE_H
#define BLOCKSYNC_SYS_SANDBOX_PRIVATE_H

#include <seccomp.h>
#include <stdbool.h>

#include "common/sys/sandbox.h"

/* Allow what these flags need.  0, or -errno of the first rule that could not be made. */
int sandbox_rules(scmp_filter_ctx, unsigned flags);
/* Files, TCP ports, signals and abstract sockets by Landlock.  False: the kernel has none.  Any
 * other failure ends the program, 111. */
bool sandbox_files(unsigned flags);
/* Try each forbidden thing and exit (a build with SANDBOX_PROBE). */
void sandbox_probe(unsigned flags, bool files);

#endif
