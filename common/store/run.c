/* A run as bytes, and the checksums that stand in it: LMDB has none, and a block's id does not
 * cover its signers' signatures.
 *
 * A block's own checksum is over its id and its bytes.  The run's is over its key and all that
 * stands before the bodies, so that lists need not read the bodies.  A run of schema 1 has neither:
 * there the id and the root of the transactions are computed again. */
#include "common/store/run.h"
#include "common/store/sum.h"

#define SUMMED 0x8000u		/* in the count: the run has checksums */
#define ENTRY_OLD (ID_LEN + 4 + 4)
#define HEAD_OLD 4

void run_key(uint8_t *key, const uint8_t *ch, uint64_t height)
{
	memcpy(key, ch, CH_LEN);
	put_be64(key + CH_LEN, height);
}

uint64_t block_sum(const uint8_t id[ID_LEN], const uint8_t *bytes, size_t len)
{
	return sum_of_three(id, ID_LEN, bytes, len, "", 0);
}

static size_t entry_size(const struct run *r) { return r->summed ? RUN_ENTRY : ENTRY_OLD; }

/* Ends ascend, and the last one is the value's. */
static bool ends_fit(const struct run *r, size_t bodies)
{
	uint32_t i, end, last = 0;

	for (i = 0; i < r->count; i++, last = end) {
		end = get_be32(r->index + i * entry_size(r) + ID_LEN + 4);
		if (end < last || end > bodies)
			return false;
	}
	return last == bodies;
}

int run_parse(struct run *r, const MDB_val *k, const MDB_val *v)
{
	struct cursor c = cursor_of(v->mv_data, v->mv_size);
	const uint8_t *sum = NULL, *value = v->mv_data;
	uint32_t count, source;

	memset(r, 0, sizeof(*r));
	if (k->mv_size != KEY_RUN && k->mv_size != KEY_SIBLING)
		return -1;
	r->low = get_be64((uint8_t *)k->mv_data + CH_LEN);
	r->sibling = k->mv_size == KEY_SIBLING;
	r->value = value;
	r->size = v->mv_size;
	count = cursor_u16(&c);
	r->summed = count & SUMMED;
	count &= ~SUMMED;
	source = cursor_u16(&c);
	if (r->summed)
		sum = cursor_take(&c, 8);
	r->source = rec_bytes(cursor_take(&c, source), source);
	r->index = cursor_take(&c, (size_t)count * entry_size(r));
	r->bodies = c.p;
	if (c.bad || count == 0 || (r->sibling && count != 1) || source > MAX_SOURCE ||
	    r->low + count < r->low)
		return -1;
	r->count = count;
	if (!ends_fit(r, cursor_left(&c))) {
		r->count = 0;
		return -1;
	}
	r->sound = !r->summed ||
	    get_be64(sum) == sum_of_three(k->mv_data, k->mv_size, value, HEAD_OLD, value + RUN_HEAD,
	    (size_t)(r->bodies - value) - RUN_HEAD);
	return 0;
}

void run_block(const struct run *r, uint32_t i, struct kept_block *b)
{
	const uint8_t *e = r->index + (size_t)i * entry_size(r);
	uint32_t from = i ? get_be32(e - entry_size(r) + ID_LEN + 4) : 0;

	b->id = e;
	b->weight = get_be32(e + ID_LEN);
	b->len = get_be32(e + ID_LEN + 4) - from;
	b->bytes = r->bodies + from;
	b->height = r->low + i;
	b->sibling = r->sibling;
	b->source = r->source;
	b->summed = r->summed;
	b->listed = r->sound;
	b->sum = r->summed ? get_be64(e + ID_LEN + 8) : 0;
}

size_t run_size(const struct kept_block *b, size_t n, struct rec_view source)
{
	size_t size = RUN_HEAD + source.n + n * RUN_ENTRY, i;

	for (i = 0; i < n; i++)
		size += b[i].len;
	return size;
}

void run_write(uint8_t *p, const uint8_t *key, size_t klen, const struct kept_block *b, size_t n,
    struct rec_view source)
{
	uint8_t *head = p, *body;
	uint32_t end = 0;
	size_t i;

	put_be16(p, (uint16_t)(n | SUMMED));
	put_be16(p + 2, (uint16_t)source.n);
	p += RUN_HEAD;
	if (source.n)
		memcpy(p, source.p, source.n);
	p += source.n;
	body = p + n * RUN_ENTRY;
	for (i = 0; i < n; i++, p += RUN_ENTRY) {
		memcpy(p, b[i].id, ID_LEN);
		put_be32(p + ID_LEN, b[i].weight);
		memcpy(body + end, b[i].bytes, b[i].len);
		end += b[i].len;
		put_be32(p + ID_LEN + 4, end);
		put_be64(p + ID_LEN + 8,
		    b[i].summed ? b[i].sum : block_sum(b[i].id, b[i].bytes, b[i].len));
	}
	put_be64(head + HEAD_OLD,
	    sum_of_three(key, klen, head, HEAD_OLD, head + RUN_HEAD,
	    (size_t)(p - head) - RUN_HEAD));
}

/* The bytes are a block, this one, and lie where it belongs. */
static bool recomputed(const uint8_t *ch, const struct kept_block *b)
{
	struct block n;
	size_t need;

	return block_parse(&n, ANY_MODEL, ch, b->bytes, b->len, &need) == (ssize_t)b->len &&
	    memcmp(n.id, b->id, ID_LEN) == 0 && memcmp(n.ch, ch, CH_LEN) == 0 &&
	    n.height == b->height && proof_root(&n) == REASON_OK;
}

bool block_sound(const uint8_t ch[CH_LEN], const struct kept_block *b)
{
	if (!b->listed)
		return false;
	return b->summed ? block_sum(b->id, b->bytes, b->len) == b->sum : recomputed(ch, b);
}

void block_carry(const uint8_t ch[CH_LEN], struct kept_block *b)
{
	if (!b->listed || (!b->summed && !recomputed(ch, b)))
		b->sum = ~block_sum(b->id, b->bytes, b->len);
	else if (!b->summed)
		b->sum = block_sum(b->id, b->bytes, b->len);
	b->summed = b->listed = true;
}

bool block_saved(const uint8_t ch[CH_LEN], struct kept_block *b, uint8_t id[ID_LEN])
{
	struct kept_block mine = *b;
	struct block n;
	size_t need;

	if (block_header(&n, ANY_MODEL, ch, b->bytes, b->len, &need) <= 0 ||
	    memcmp(n.ch, ch, CH_LEN) != 0)
		return false;
	memcpy(id, n.id, ID_LEN);
	mine.id = id;
	mine.height = n.height;
	if (!recomputed(ch, &mine) || (b->summed && block_sum(id, b->bytes, b->len) != b->sum))
		return false;
	*b = mine;
	return true;
}

/* Next: common/store/streams.c, how streams of microblocks lie there. */
