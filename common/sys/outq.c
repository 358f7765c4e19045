/* The output queue of a stage.  Frames stand in one growing buffer that is written from its head.
 * News waits in a list beside it until the buffer runs low, and can be replaced there by newer news
 * of the same type and key. Whatever is not news takes the waiting news along in front of it, so
 * that order is kept. */
#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/tree.h>
#include <unistd.h>

#include "common/sys/log.h"
#include "common/sys/outq.h"

#define LOW (64u << 10)		/* news moves into the buffer below this */

struct news {
	RB_ENTRY(news) by_key;
	TAILQ_ENTRY(news) in_order;
	enum rec_type type;
	size_t key_len, len;
	uint8_t bytes[];	/* key, then frame */
};
RB_HEAD(news_tree, news);
TAILQ_HEAD(news_list, news);

struct outq {
	int fd;
	bool discard;
	struct rec_buf buf;	/* frames; those before head are written */
	size_t head;
	struct rec_buf scratch;
	struct news_tree tree;	/* those of the list that have a key */
	struct news_list list;
	size_t news_bytes;
	unsigned long dropped;
};

static int news_cmp(const struct news *a, const struct news *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->key_len != b->key_len)
		return a->key_len < b->key_len ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->key_len);
}
RB_GENERATE_INTERNAL(news_tree, news, by_key, news_cmp, __attribute__((unused)) static)

struct outq *outq_new(int fd, bool discard)
{
	struct outq *q = xcalloc(1, sizeof(*q));

	q->fd = fd;
	q->discard = discard;
	RB_INIT(&q->tree);
	TAILQ_INIT(&q->list);
	return q;
}

static void news_remove(struct outq *q, struct news *n)
{
	if (n->key_len)
		RB_REMOVE(news_tree, &q->tree, n);
	TAILQ_REMOVE(&q->list, n, in_order);
	q->news_bytes -= n->len;
	free(n);
}

void outq_free(struct outq *q)
{
	struct news *n;

	while ((n = TAILQ_FIRST(&q->list)))
		news_remove(q, n);
	rec_buf_release(&q->buf);
	rec_buf_release(&q->scratch);
	free(q);
}

size_t outq_bytes(const struct outq *q) { return q->buf.n - q->head + q->news_bytes; }

/* Move waiting news to the buffer until it holds `upto` bytes. */
static void news_move(struct outq *q, size_t upto)
{
	struct news *n;

	while ((n = TAILQ_FIRST(&q->list)) && q->buf.n - q->head < upto) {
		rec_frame_put(&q->buf, n->bytes + n->key_len + REC_FRAME_HEAD,
		    n->len - REC_FRAME_HEAD);
		news_remove(q, n);
	}
}

void outq_pass(struct outq *q, const uint8_t *payload, size_t n)
{
	if (q->discard)
		return;
	news_move(q, SIZE_MAX);
	rec_frame_put(&q->buf, payload, n);
}

void outq_emit(struct outq *q, enum rec_type type, const void *rec)
{
	if (q->discard)
		return;
	news_move(q, SIZE_MAX);
	rec_encode(&q->buf, type, rec);
}

static void news_insert(struct outq *q, enum rec_type type, const void *key, size_t key_len)
{
	struct news *n = xmalloc(sizeof(*n) + key_len + q->scratch.n), *old;

	n->type = type;
	n->key_len = key_len;
	n->len = q->scratch.n;
	if (key_len)
		memcpy(n->bytes, key, key_len);
	memcpy(n->bytes + key_len, q->scratch.p, n->len);
	if (key_len && (old = RB_FIND(news_tree, &q->tree, n)))
		news_remove(q, old);
	if (key_len)
		RB_INSERT(news_tree, &q->tree, n);
	TAILQ_INSERT_TAIL(&q->list, n, in_order);
	q->news_bytes += n->len;
}

void outq_news(struct outq *q, enum rec_type type, const void *rec, const void *key, size_t key_len)
{
	if (q->discard)
		return;
	if (TAILQ_EMPTY(&q->list) && q->buf.n - q->head < LOW) {
		rec_encode(&q->buf, type, rec);
		return;
	}
	q->scratch.n = 0;
	rec_encode(&q->scratch, type, rec);
	news_insert(q, type, key, key ? key_len : 0);
	while (q->news_bytes > OUT_NEWS) {
		news_remove(q, TAILQ_FIRST(&q->list));
		if (q->dropped++ == 0)
			log_debug("the reader is slow: old news is dropped");
	}
}

/* Close the gap of written bytes when it is the larger part, or nothing is left. */
static void buf_tidy(struct outq *q)
{
	if (q->head == q->buf.n) {
		q->head = q->buf.n = 0;
		if (q->buf.cap > 4 * OUT_FULL)	/* after one huge record or a burst */
			rec_buf_release(&q->buf);
	} else if (q->head > OUT_FULL && q->head > q->buf.n / 2) {
		memmove(q->buf.p, q->buf.p + q->head, q->buf.n - q->head);
		q->buf.n -= q->head;
		q->head = 0;
	}
}

int outq_write(struct outq *q)
{
	ssize_t n;

	for (;;) {
		if (q->buf.n - q->head < LOW)
			news_move(q, LOW);
		if (q->head == q->buf.n)
			return 1;
		n = write(q->fd, q->buf.p + q->head, q->buf.n - q->head);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		q->head += (size_t)n;
		buf_tidy(q);
	}
}

/* Next: common/sys/stage.c, which feeds and drains this. */
