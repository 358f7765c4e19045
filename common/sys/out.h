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
/* Make stdout write by write_whole from here on; program_start calls it. */
void out_start(void);
/* Flush stdout.  A fault of it, now or since the start, ends the program with 111, without words
 * where the reader is merely gone. */
void out_flush(void);
/* End the program, as out_flush does, for a write to the file `name` (NULL: to standard output)
 * that failed with errno. */
_Noreturn void out_die(const char *name);

#endif
