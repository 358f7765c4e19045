/* How every program begins, stage or not: what it inherited from whoever started it is put into a
 * known state. */
#ifndef BLOCKSYNC_START_H
#define BLOCKSYNC_START_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first call of each main.  `name` is kept: it stands at the head of each line for people.
 *   Descriptors 0, 1 and 2 are open afterwards, on /dev/null where they were closed: what is opened
 *   later, such as the store's file, takes none of these numbers.  Output to one that was closed is
 *   thrown away.  Signals that the parent blocked arrive again.  SIGPIPE and SIGXFSZ are ignored,
 *   so that a write fails instead; SIGCHLD has its default; any other that was ignored stays
 *   ignored (signal_ignored).  No core is written, and nobody of the same user may look into the
 *   process: its memory may hold the node key.  The limit of open files is raised as far as the
 *   system allows, to 65,536 at most; below 64, exit 111.  jansson, libevent and libcrypto end the
 *   program with 111 where memory cannot be had, as xmalloc does; whoever starts libcurl does the
 *   same for it.  stdout is written whole also where the descriptor does not block
 *   (common/sys/out.h).
 * A machine that does not even have /dev/null: exit 111. */
void program_start(const char *name);
/* Around calls of a library that does not survive a failed allocation (libseccomp): if it crashes
 * in between, or does not return, the program ends with the line "cannot DOING: out of memory",
 * 111.  DOING is kept.  Call both while there is one thread; library_end puts back the handlers of
 * SIGABRT, SIGSEGV, SIGBUS and SIGALRM that library_begin found. */
void library_begin(const char *doing);
void library_end(void);
/* Whether this signal was ignored when the program started (nohup, a shell's background job): then
 * it is not to be caught. */
bool signal_ignored(int sig);
/* Start a thread that receives no signals but those of its own faults, and SIGSYS, by which the
 * sandbox speaks: the others are the first thread's.  It is joined by the caller.  A thread that
 * cannot be started ends the program, 111. */
void thread_start(pthread_t *, void *(*run)(void *), void *arg);

/* Fill n bytes, 256 at most, with what nobody can foretell; a kernel that has none ends the
 * program, 111. */
void random_bytes(void *, size_t n);
uint32_t random_u32(void);

#endif
