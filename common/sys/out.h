/* Standard output of programs that are no stages, and descriptors that may not block. */
#ifndef BLOCKSYNC_OUT_H
#define BLOCKSYNC_OUT_H

#include <stddef.h>
#include <sys/types.h>

/* Write all n bytes: an interruption goes on, a descriptor that does not block and is full is
 * waited for.  0, or -1 and errno; some of the bytes may be written then. */
int write_whole(int fd, const void *, size_t n);
/* As read(2), but an interruption goes on, and a descriptor that does not block is waited for. */
ssize_t read_some(int fd, void *, size_t n);
/* For program_start: from here on stdout writes by write_whole. */
void out_start(void);
/* Flush stdout.  A fault of it, now or since the start, ends the program with 111, without words
 * where the reader is merely gone. */
void out_flush(void);
/* Writing to the file `name` has failed, with errno; NULL: to standard output.  As out_flush
 * ends. */
_Noreturn void out_die(const char *name);

#endif
