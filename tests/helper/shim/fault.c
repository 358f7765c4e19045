/* fault.so - makes one library call of a program fail, for tests/torture.t: LD_PRELOAD=.../fault.so
 *
 *   FAULT_FILE=FILE      counters, shared by every process of a run; made if it is not there
 *   FAULT=PROGRAM:CLASS:N  the Nth call of a class fails in that program, once in a whole run;
 *   without it calls are only counted
 *
 * FILE is an array of struct slot, one a process; the first slot belongs to nobody and remembers
 * that the fault was made.  A class fails as the system would: write ENOSPC, sync EIO, map and
 * malloc ENOMEM, socket and open EMFILE, read EIO or ECONNRESET, thread EAGAIN. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum class { WRITE, SYNC, MAP, MALLOC, SOCKET, OPEN, READ, THREAD, CLASSES };
static const char *const class_name[CLASSES] = { "write", "sync", "map", "malloc", "socket", "open",
	"read", "thread" };

struct slot { char program[16]; atomic_uint claimed, fired, calls[CLASSES]; };
enum { SLOTS = 256 };

static struct slot *slots, *own;	/* NULL before the constructor has run, and where FAULT_FILE
					 * is not set */
static int planned = -1;		/* class that is to fail here */
static unsigned planned_call;
static __thread bool inside;		/* a call made by this file */

/* Whether this call is the one that fails. */
static bool fails(enum class c)
{
	unsigned n;

	if (!own || inside)
		return false;
	n = atomic_fetch_add(&own->calls[c], 1) + 1;
	if ((int)c != planned || n != planned_call)
		return false;
	return atomic_exchange(&slots[0].fired, 1) == 0;
}

static void plan_read(const char *plan)
{
	size_t n = strcspn(plan, ":");

	if (strlen(own->program) != n || strncmp(plan, own->program, n) != 0 || plan[n] != ':')
		return;
	plan += n + 1;
	n = strcspn(plan, ":");
	for (int c = 0; c < CLASSES; c++)
		if (strlen(class_name[c]) == n && strncmp(plan, class_name[c], n) == 0)
			planned = c;
	planned_call = plan[n] == ':' ? (unsigned)strtoul(plan + n + 1, NULL, 10) : 0;
}

__attribute__((constructor)) static void start(void)
{
	const char *file = getenv("FAULT_FILE"), *plan = getenv("FAULT");
	const size_t size = SLOTS * sizeof(struct slot);
	struct slot *map;
	int fd;

	if (!file || (fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return;
	map = ftruncate(fd, (off_t)size) < 0 ? MAP_FAILED :
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	slots = map;
	for (int i = 1; i < SLOTS && !own; i++)
		if (atomic_exchange(&map[i].claimed, 1) == 0)
			own = &map[i];
	if (!own)
		return;
	snprintf(own->program, sizeof(own->program), "%s", program_invocation_short_name);
	if (plan)
		plan_read(plan);
}

/* The library's own function of that name. */
#define REAL(name)                                                          \
	({                                                                  \
		static __typeof__(name) *real;                              \
		if (!real) {                                                \
			inside = true;                                      \
			real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); \
			inside = false;                                     \
		}                                                           \
		real;                                                       \
	})
#define FAIL(error, value) do { errno = (error); return (value); } while (0)

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* What a write may end with: a full disk, or a peer that has gone.  Words for people are left
 * alone, so that a test can read them. */
static bool write_fails(int fd)
{
	if (fd == STDERR_FILENO || !fails(WRITE))
		return false;
	errno = is_socket(fd) ? ECONNRESET : ENOSPC;
	return true;
}

static bool read_fails(int fd)
{
	if (!fails(READ))
		return false;
	errno = is_socket(fd) ? ECONNRESET : EIO;
	return true;
}

#define WRITER(name, type, params, args) \
	type name params { return write_fails(fd) ? -1 : REAL(name) args; }
WRITER(write, ssize_t, (int fd, const void *p, size_t n), (fd, p, n))
WRITER(pwrite, ssize_t, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
WRITER(pwrite64, ssize_t, (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at))
WRITER(writev, ssize_t, (int fd, const struct iovec *v, int n), (fd, v, n))
WRITER(pwritev, ssize_t, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at))
WRITER(pwritev64, ssize_t, (int fd, const struct iovec *v, int n, off64_t at), (fd, v, n, at))
WRITER(send, ssize_t, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
WRITER(ftruncate, int, (int fd, off_t n), (fd, n))
WRITER(ftruncate64, int, (int fd, off64_t n), (fd, n))

#define READER(name, type, params, args) \
	type name params { return read_fails(fd) ? -1 : REAL(name) args; }
READER(read, ssize_t, (int fd, void *p, size_t n), (fd, p, n))
READER(pread, ssize_t, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
READER(pread64, ssize_t, (int fd, void *p, size_t n, off64_t at), (fd, p, n, at))
READER(readv, ssize_t, (int fd, const struct iovec *v, int n), (fd, v, n))
READER(recv, ssize_t, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))

int fsync(int fd) { if (fails(SYNC)) FAIL(EIO, -1); return REAL(fsync)(fd); }
int fdatasync(int fd) { if (fails(SYNC)) FAIL(EIO, -1); return REAL(fdatasync)(fd); }
int msync(void *p, size_t n, int flags)
{
	if (fails(SYNC))
		FAIL(EIO, -1);
	return REAL(msync)(p, n, flags);
}

void *mmap(void *p, size_t n, int prot, int flags, int fd, off_t at)
{
	if (fails(MAP))
		FAIL(ENOMEM, MAP_FAILED);
	return REAL(mmap)(p, n, prot, flags, fd, at);
}

void *mmap64(void *p, size_t n, int prot, int flags, int fd, off64_t at)
{
	if (fails(MAP))
		FAIL(ENOMEM, MAP_FAILED);
	return REAL(mmap64)(p, n, prot, flags, fd, at);
}

/* dlsym itself allocates, so these go to the C library by its second names. */
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
void *malloc(size_t n) { if (fails(MALLOC)) FAIL(ENOMEM, NULL); return __libc_malloc(n); }
void *calloc(size_t n, size_t size)
{
	if (fails(MALLOC))
		FAIL(ENOMEM, NULL);
	return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n)
{
	if (fails(MALLOC))
		FAIL(ENOMEM, NULL);
	return __libc_realloc(p, n);
}

int socket(int family, int type, int protocol)
{
	if (fails(SOCKET))
		FAIL(EMFILE, -1);
	return REAL(socket)(family, type, protocol);
}

int connect(int fd, const struct sockaddr *a, socklen_t n)
{
	if (fails(SOCKET))
		FAIL(ENETUNREACH, -1);
	return REAL(connect)(fd, a, n);
}

int accept4(int fd, struct sockaddr *a, socklen_t *n, int flags)
{
	if (fails(SOCKET))
		FAIL(EMFILE, -1);
	return REAL(accept4)(fd, a, n, flags);
}

int setsockopt(int fd, int level, int name, const void *p, socklen_t n)
{
	if (fails(SOCKET))
		FAIL(ENOBUFS, -1);
	return REAL(setsockopt)(fd, level, name, p, n);
}

#define OPENER(name) \
	int name(const char *path, int flags, ...) \
	{ \
		mode_t mode = 0; \
		va_list ap; \
		if (flags & (O_CREAT | O_TMPFILE)) { \
			va_start(ap, flags); \
			mode = va_arg(ap, mode_t); \
			va_end(ap); \
		} \
		if (fails(OPEN)) \
			FAIL(EMFILE, -1); \
		return REAL(name)(path, flags, mode); \
	}
OPENER(open)
OPENER(open64)

int pipe2(int fds[2], int flags)
{
	if (fails(OPEN))
		FAIL(EMFILE, -1);
	return REAL(pipe2)(fds, flags);
}

int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg)
{
	if (fails(THREAD))
		return EAGAIN;
	return REAL(pthread_create)(t, a, fn, arg);
}

/* Next: tests/helper/test-tool/main.c, which looks at what is left. */
