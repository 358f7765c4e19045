/* Any bytes as the file of block-verify -R: read whole, or refused in one line; then each
 * consensus hash in it is looked up. */
#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/sys/log.h"
#include "tests/fuzz/escape.h"

/* The buffer of view_read, which is not freed where the program ends. */
static void *buffer;
static void *grab(size_t n) { return buffer = xmalloc(n); }
#define xmalloc grab
#include "cmd/block-verify/view.c"
#undef xmalloc

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct network net = { .name = "fuzz", .cycle_length = 20, .prepare_length = 5,
		.first_burn_height = 100 };
	static struct view v;
	int fd = memfd_create("view", 0);
	struct signers *signers;
	struct fact fact;

	assert(fd >= 0 && write(fd, p, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
	view_init(&v, &net, NULL);
	if (!ESCAPES()) {
		view_read(&v, fd, "view");
		escape_armed = 0;
	} else {
		free(buffer);
		close(fd);
	}
	for (size_t i = 0; i + CH_LEN <= n && i < 4096; i++) {
		signers = NULL;
		view_lookup(&v, p + i, &fact, &signers);
		signers_unref(signers);
	}
	view_release(&v);
	return 0;
}
