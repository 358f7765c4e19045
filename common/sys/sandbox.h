/* Confinement (DESIGN 1): Landlock for files, seccomp for the rest.  Acquire first (store, key, sockets, CA
 * bundle), then enter, then read the first foreign byte; threads are started after entering. */
#ifndef BLOCKSYNC_SANDBOX_H
#define BLOCKSYNC_SANDBOX_H

enum sandbox {
	SANDBOX_NONE = 0,		/* stdio, memory, clocks, open descriptors (LMDB included) */
	SANDBOX_CONNECT = 1,		/* new outgoing sockets, and name resolution (reads under /etc and library paths) */
	SANDBOX_ACCEPT = 2,		/* accept on sockets that listen already */
	SANDBOX_THREADS = 4,		/* start threads */
	SANDBOX_RESOLVE = 16,		/* the resolver: ask name servers, and read /etc, /run and library paths; implies the
					 * threads and sockets for that */
	SANDBOX_SPAWN = 8,		/* the supervisor: fork and exec; nothing else is confined for it */
};
/* A refused call fails with EPERM (EACCES from Landlock) and is named once on stderr ("inv-sync: refused system call
 * 'listen'").  A kernel without Landlock or seccomp: one line that says so, and go on.  SANDBOX_CONNECT implies
 * SANDBOX_THREADS, for libcurl resolves names in threads.  Threads must not block SIGSYS: a refusal would kill.
 *
 * With $BLOCKSYNC_PROBE set in a build with PROBE=1, tries each thing that can be forbidden, prints "probe: THING
 * refused" or "probe: THING ALLOWED" for each, and exits 0 iff exactly what the flags forbid was refused. */
void sandbox_enter(unsigned flags);

#endif
