/* Any bytes as an archive: read as a file it ends, or is broken in one line; and its records,
 * whatever they say, are taken into a store or refused. */
#include <sys/mman.h>

#include "tests/fuzz/escape.h"
#include "tests/fuzz/fuzz_store.h"
// link: cmd/block-cat/trial.c
#include "cmd/block-cat/archive.c"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* The records are of the network that the archive names, if it gets as far as that. */
static void read_file(const uint8_t *p, size_t n)
{
	static struct archive a;
	static struct network net;
	int fd = memfd_create("archive", 0);

	assert(fd >= 0 && write(fd, p, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
	if (!a.buf) {
		a.cap = MAX_FRAME + (1 << 20);
		a.buf = xmalloc(a.cap);
		a.name = "archive";
	}
	a.fd = fd;
	a.from = a.n = 0;
	if (!ESCAPES()) {
		archive_network(&a, &net);
		store.net = net;
		while (archive_next(&a, NULL, NULL))
			;
		escape_armed = 0;
	}
	close(fd);
}

static void take_records(const uint8_t *p, size_t n)
{
	static struct options o;
	static struct archive a = { .name = "archive" };
	static struct import m;
	static uint8_t *bytes;
	const uint8_t *payload;
	struct rec r;
	char err[160];
	size_t len, i;
	ssize_t took;

	if (!bytes)
		bytes = xmalloc(TRIAL_BYTES + MAX_BLOCK);
	m = (struct import){ .s = &store, .a = &a, .o = &o,
		.trial = { .s = &store, .bytes = bytes } };
	for (; (took = rec_frame(p, n, &payload, &len, err)) > 0; p += took, n -= (size_t)took)
		if (rec_decode(&r, payload, len, err) == 0 && r.type != REC_HELLO)
			take_record(&m, &r);
	finish(&m);
	summary(&m);
	if (m.k)
		keeper_free(m.k);
	for (i = 0; i < m.trial.n_sets; i++)
		signer_set_release(&m.trial.sets[i]);
	free(m.trial.sets);
	rec_buf_release(&m.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	store_begin();
	read_file(p, n);
	take_records(p, n);
	return 0;
}
