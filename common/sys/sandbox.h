/* Confinement (DESIGN 1): Landlock for files, signals and sockets, seccomp for calls and their
 * arguments.  Acquire first (store, key, sockets, CA bundle), then enter, then read the first
 * foreign byte; threads are started after entering. */
#ifndef BLOCKSYNC_SANDBOX_H
#define BLOCKSYNC_SANDBOX_H

enum sandbox {
	SANDBOX_NONE = 0,		/* stdio, memory, clocks, reading open descriptors (a store
					 * opened for reading included) */
	SANDBOX_CONNECT = 1,		/* new outgoing TCP connections to addresses; no names, no
					 * files */
	SANDBOX_ACCEPT = 2,		/* accept on sockets that listen already */
	SANDBOX_THREADS = 4,		/* start threads */
	SANDBOX_SPAWN = 8,		/* the supervisor: fork and exec; nothing is confined for
					 * it */
	SANDBOX_RESOLVE = 16,		/* resolve names: UDP, TCP to port 53, threads, read /etc,
					 * /run and library paths, load plug-ins */
	SANDBOX_WRITE = 32,		/* write open files at a place of their own: a store that is
					 * open for writing */
	SANDBOX_DATABASE = 64,		/* follow an open SQLite database: see which files are
					 * there, map shared memory */
};
/* A refused call fails with EPERM (EACCES from Landlock) and is named once on stderr ("inv-sync:
 * refused system call 'listen'").  Memory is never writable and executable at once, and may grow by
 * SANDBOX_MEMORY from here on (not under sanitizers).  A kernel without Landlock or seccomp: one
 * line that says so, and go on.  Any other reason for which it cannot be confined ends the program
 * with 111.  Threads must not block SIGSYS: a refusal would kill.
 *
 * With $BLOCKSYNC_PROBE set in a build with PROBE=1, tries each thing that can be forbidden, prints
 * "probe: THING refused" or "probe: THING ALLOWED" for each, and exits 0 iff exactly what the flags
 * forbid was refused. */
void sandbox_enter(unsigned flags);

#define SANDBOX_MEMORY (1ul << 30)	/* address space above what is mapped at that time: stacks,
					 * arenas, data */

#endif
