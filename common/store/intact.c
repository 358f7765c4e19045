/* What LMDB takes on trust.  It has no checksums: it believes its first two pages and maps the
 * file, however short that is.
 *
 * A copy that broke off is found at open: LMDB knows how many pages there are, and each one beyond
 * the file's end must be free (the tail of an honest copy may be).  What shows only later is a
 * signal or an assertion, and becomes one line. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/store/intact.h"
#include "common/sys/log.h"

#define META_PAGE 4096
#define META_HEAD 16		/* of every page, before what it holds */
#define MAX_DEPTH 32		/* of a tree, as LMDB has it */
#define PAGE_MIN 256u
#define PAGE_MAX 65536u
#define NO_ROOT UINT64_MAX
#define TRIES 5			/* a commit may be at work on the page that we look at */
#define TRY_MS 10

/* A meta page of LMDB's format 1, as a 64-bit little-endian machine has it. */
struct tree {
	uint32_t pad;
	uint16_t flags, depth;
	uint64_t branches, leaves, overflows, entries, root;
};
struct meta {
	uint32_t magic, version;
	uint64_t address, mapsize;
	struct tree free, main;
	uint64_t last_page, txnid;
};

static bool tree_fits(const struct tree *t, uint64_t last_page)
{
	return t->depth <= MAX_DEPTH &&
	    (t->root == NO_ROOT || (t->root >= 2 && t->root <= last_page)) &&
	    t->branches + t->leaves <= last_page && (t->root == NO_ROOT) == (t->depth == 0);
}

static bool meta_is_one(const struct meta *m, unsigned page)
{
	uint32_t size = m->free.pad;

	return m->magic == 0xbeefc0de && m->version == 1 && size >= PAGE_MIN && size <= PAGE_MAX &&
	    (size & (size - 1)) == 0 &&
	    (m->txnid == 0 || (m->txnid & 1) == page);
}

static bool meta_fits(const struct meta *m)
{
	return (m->free.flags & ~MDB_NOSUBDIR) == MDB_INTEGERKEY && m->main.flags == 0 &&
	    m->main.pad == 0 &&
	    m->last_page >= 1 && m->last_page < UINT64_MAX / PAGE_MAX &&
	    tree_fits(&m->free, m->last_page) && tree_fits(&m->main, m->last_page);
}

/* Commits write them by turns, and the later one counts.  The other may name pages beyond its own
 * last one: LMDB leaves it so after a commit whose meta page could not be written. */
static bool metas_fit(const struct meta *a, const struct meta *b)
{
	uint64_t apart = a->txnid > b->txnid ? a->txnid - b->txnid : b->txnid - a->txnid;

	return meta_is_one(a, 0) && meta_is_one(b, 1) && a->free.pad == b->free.pad && apart <= 1 &&
	    meta_fits(a->txnid < b->txnid ? b : a);
}

static int metas_read(int fd, struct meta m[2])
{
	uint8_t pages[2 * META_PAGE];
	uint32_t size;

	if (pread(fd, pages, sizeof(pages), 0) != (ssize_t)sizeof(pages))
		return -1;
	memcpy(&m[0], pages + META_HEAD, sizeof(m[0]));
	size = m[0].free.pad;
	if (size >= PAGE_MIN && size <= PAGE_MAX &&
	    pread(fd, pages, META_HEAD + sizeof(m[1]), size) != (ssize_t)(META_HEAD + sizeof(m[1])))
		return -1;
	memcpy(&m[1], pages + (size >= PAGE_MIN && size <= PAGE_MAX ? 0 : META_PAGE) + META_HEAD,
	    sizeof(m[1]));
	return 0;
}

void intact_metas(const struct store *s)
{
	char path[sizeof(s->dir) + 16];
	struct meta m[2];
	struct stat st;
	int fd, rc = -1, i;

	snprintf(path, sizeof(path), "%s/data.mdb", s->dir);
	fd = INTACT_LAYOUT ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;		/* mdb_env_open says why */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
		close(fd);
		return;
	}
	for (i = 0; i < TRIES; i++) {
		if ((rc = metas_read(fd, m)) == 0 && metas_fit(&m[0], &m[1]))
			break;
		usleep(TRY_MS * 1000);
	}
	close(fd);
	if (i < TRIES)
		return;
	if (rc == 0 && m[0].magic != 0xbeefc0de && m[1].magic != 0xbeefc0de)
		die_usage("'%s' is no store of ours", s->dir);
	store_damaged(s, rc < 0 ? "its file ends within its first pages" :
	    "its first pages contradict themselves");
}

/* Count the pages in [from, to] that the free list names.  Each row is a count and so many page
 * numbers. */
static uint64_t free_pages(struct store *s, MDB_txn *txn, uint64_t from, uint64_t to)
{
	MDB_val k = { 0 }, v;
	MDB_cursor *c;
	uint64_t n = 0;
	int rc = mdb_cursor_open(txn, 0, &c);

	if (rc != 0)
		store_failed(s, rc);
	for (rc = store_cursor_get(s, c, &k, &v, MDB_FIRST); rc == 0;
	    rc = store_cursor_get(s, c, &k, &v, MDB_NEXT)) {
		const size_t *page = v.mv_data;

		if (v.mv_size < sizeof(*page) || page[0] > v.mv_size / sizeof(*page) - 1)
			store_damaged(s, "its list of free pages");
		for (uint64_t i = 1; i <= page[0]; i++)
			n += page[i] >= from && page[i] <= to;
	}
	mdb_cursor_close(c);
	return n;
}

void intact_length(struct store *s)
{
	MDB_txn *txn;
	MDB_envinfo info;
	MDB_stat st;
	struct stat file;
	int fd;
	uint64_t held;

	/* In this order: what the info tells of is written before the file is measured, and free or
	 * used in the transaction. */
	if (mdb_env_info(s->env, &info) != 0 || mdb_env_stat(s->env, &st) != 0 ||
	    mdb_env_get_fd(s->env, &fd) != 0)
		return;
	txn = store_read(s);
	if (fstat(fd, &file) == 0 &&
	    (held = (uint64_t)file.st_size / st.ms_psize) <= info.me_last_pgno &&
	    free_pages(s, txn, held, info.me_last_pgno) < info.me_last_pgno - held + 1)
		store_damaged(s, "its file is shorter than its pages");
	store_read_end(txn);
}

/* What the handler needs is made before: it may only write and end. */
static struct {
	char line[sizeof((struct store *)0)->dir + 200];
	size_t n;
	int code;
	uintptr_t low, high;
	struct sigaction before[3];
} watch;
static const int watched[3] = { SIGSEGV, SIGBUS, SIGABRT };
_Thread_local volatile int intact_inside;

static _Noreturn void end_damaged(void)
{
	(void)!write(STDERR_FILENO, watch.line, watch.n);
	_exit(watch.code);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;

	/* Of files only the store is mapped and may be cut: SIGBUS by the kernel is that. */
	if (intact_inside || (info->si_code > 0 &&
	    (sig == SIGBUS || (sig == SIGSEGV && at >= watch.low && at < watch.high))))
		end_damaged();
	for (int i = 0; i < 3; i++)
		if (watched[i] == sig)
			sigaction(sig, &watch.before[i], NULL);
	if (info->si_code <= 0)
		raise(sig);
}

static void on_assert(MDB_env *env, const char *text)
{
	end_damaged();
}

void intact_watch(const struct store *s)
{
	struct sigaction ours = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, was;

	watch.n = (size_t)snprintf(watch.line, sizeof(watch.line),
	    "%s: store '%s' is damaged: a page that cannot be read; " STORE_DAMAGED_ADVICE "\n",
	    log_program(), s->dir);
	watch.code = exit_unusable();
	for (int i = 0; i < 3; i++)
		if (sigaction(watched[i], &ours, &was) == 0 &&
		    (was.sa_sigaction != on_fault || !(was.sa_flags & SA_SIGINFO)))
			watch.before[i] = was;
	mdb_env_set_assert(s->env, on_assert);
}

/* LMDB does not say where it has mapped the file.  But each page begins with its own number, so any
 * value tells. */
void intact_map(struct store *s, const void *value)
{
	MDB_envinfo info;
	MDB_stat st;
	unsigned char there;
	uintptr_t page, base;
	uint64_t number;

	if (!INTACT_LAYOUT || mdb_env_info(s->env, &info) != 0 || mdb_env_stat(s->env, &st) != 0)
		return;
	page = (uintptr_t)value & ~((uintptr_t)st.ms_psize - 1);
	number = *(const uint64_t *)page;
	base = page - number * st.ms_psize;
	if (number > info.me_last_pgno || base > page ||
	    mincore((void *)base, META_PAGE, &there) != 0 ||
	    ((const struct meta *)(base + META_HEAD))->magic != 0xbeefc0de)
		store_damaged(s, "a page is not where it belongs");
	s->page = st.ms_psize;
	watch.low = base;
	watch.high = base + info.me_mapsize;
}

bool intact_holds(const void *p)
{
	return (uintptr_t)p >= watch.low && (uintptr_t)p < watch.high;
}

uint64_t intact_number(const struct store *s, const void *page)
{
	return ((uintptr_t)page - watch.low) / s->page;
}

struct large_head { uint64_t number; uint16_t pad, flags; uint32_t pages; };
#define FLAG_OVERFLOW 4

/* The number and the length are what the leaf led here by.  Of two lengths the smaller holds:
 * rather pages that nobody uses than pages of two values. */
void intact_large(const struct store *s, const MDB_val *v)
{
	const uint8_t *page = (const uint8_t *)v->mv_data - META_HEAD;
	struct large_head is, right = { .number = intact_number(s, page), .flags = FLAG_OVERFLOW };
	int fd;

	if (((uintptr_t)page & (s->page - 1)) != 0)	/* it lies among others in a leaf */
		return;
	memcpy(&is, page, sizeof(is));
	right.pages = (uint32_t)((META_HEAD - 1 + v->mv_size) / s->page + 1);
	if (is.number == right.number && is.flags == right.flags && is.pages <= right.pages)
		return;
	if (mdb_env_get_fd(s->env, &fd) != 0 ||
	    pwrite(fd, &right, sizeof(right), (off_t)(right.number * s->page)) != sizeof(right))
		store_damaged(s, "a page is not where it belongs");
}

void intact_forget(void)
{
	watch.low = watch.high = 0;
}

/* Next: common/store/rows.c, raw rows. */
