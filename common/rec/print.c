/* A record as one line of JSON.  Numbers are numbers, text is text, bytes are hex, fixed bytes that
 * stand for none are null, lists are arrays.  A payload that this form would not give back bit for
 * bit (another encoding of the same values, extra fields, an unknown type, text that is not UTF-8)
 * is printed as {"type":...,"raw":"hex"}. */
#include <stdlib.h>

#include "common/rec/rec.h"
#include "common/rec/schema.h"

/* Length of the UTF-8 sequence at p, 0 if it is none; *code gets its number. */
static unsigned utf8_take(const uint8_t *p, size_t n, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;

	if (len == 0 || len > n || p[0] > 0xf4)
		return 0;
	*code = len == 1 ? p[0] : p[0] & (0x7fu >> len);
	for (unsigned i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	if (*code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return len;
}

static bool utf8_valid(const uint8_t *p, size_t n)
{
	uint32_t code;

	for (unsigned len; n; p += len, n -= len)
		if (!(len = utf8_take(p, n, &code)))
			return false;
	return true;
}

static void print_str(FILE *f, const uint8_t *p, size_t n)
{
	uint32_t code = 0;

	putc_unlocked('"', f);
	for (unsigned len; n; p += len, n -= len) {
		len = utf8_take(p, n, &code);
		/* must not paint a terminal */
		if (code < 0x20 || (code >= 0x7f && code < 0xa0))
			fprintf(f, "\\u%04x", code);
		else if (code == '"' || code == '\\')
			fprintf(f, "\\%c", (char)code);
		else
			fwrite(p, 1, len, f);
	}
	putc_unlocked('"', f);
}

static void print_hex(FILE *f, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char out[4096];
	size_t used = 0;

	putc_unlocked('"', f);
	for (size_t i = 0; i < n; i++) {
		out[used++] = digits[p[i] >> 4];
		out[used++] = digits[p[i] & 15];
		if (used == sizeof(out)) {
			fwrite(out, 1, used, f);
			used = 0;
		}
	}
	fwrite(out, 1, used, f);
	putc_unlocked('"', f);
}

static void print_list(FILE *f, struct rec_view v, uint32_t item, bool numbers)
{
	putc_unlocked('[', f);
	for (uint32_t i = 0; i < v.n; i++) {
		if (i)
			putc_unlocked(',', f);
		if (numbers)
			fprintf(f, "%u", rec_u32_at(v, i));
		else
			print_hex(f, (const uint8_t *)v.p + (size_t)i * item, item);
	}
	putc_unlocked(']', f);
}

static void print_field(FILE *f, const struct rec_field *field, const void *rec)
{
	const void *at = (const char *)rec + field->offset;
	const struct rec_view *v = at;
	uint32_t item = rec_item_size(field->type);

	switch (field->type) {
	case F_BOOL:
		fputs(*(const bool *)at ? "true" : "false", f);
		return;
	case F_U32:
		fprintf(f, "%u", *(const uint32_t *)at);
		return;
	case F_U64:
		fprintf(f, "%llu", (unsigned long long)*(const uint64_t *)at);
		return;
	case F_BYTES20: case F_BYTES32: case F_BYTES33:
		if (all_zero(at, item))
			fputs("null", f);
		else
			print_hex(f, at, item);
		return;
	case F_ENUM:
		v = &field->names[*(const uint32_t *)at];
		print_str(f, v->p, v->n);
		return;
	case F_STR:
		print_str(f, v->p, v->n);
		return;
	case F_BYTES:
		print_hex(f, v->p, v->n);
		return;
	case F_LIST20: case F_LIST32: case F_LIST33: case F_LISTU32:
		print_list(f, *v, item, field->type == F_LISTU32);
		return;
	}
}

/* Whether the fields as JSON lead back to the same bytes.
 * Numbers above 2^63 do not survive JSON. */
static bool faithful(const struct rec *r, const struct rec_schema *s)
{
	struct rec_buf again = { 0 };
	bool same;

	if (r->fields > s->n)
		return false;
	for (unsigned i = 0; i < r->fields; i++) {
		const void *at = (const char *)&r->u + s->fields[i].offset;
		const struct rec_view *v = at;

		if (s->fields[i].type == F_STR && !utf8_valid(v->p, v->n))
			return false;
		if (s->fields[i].type == F_U64 && *(const uint64_t *)at > INT64_MAX)
			return false;
	}
	rec_encode_first(&again, s, &r->u, (unsigned)r->fields);
	same = again.n == r->len && !memcmp(again.p, r->payload, r->len);
	rec_buf_release(&again);
	return same;
}

void rec_print(FILE *f, const struct rec *r)
{
	const struct rec_schema *s = r->known ? rec_schema_of(r->type) : NULL;
	const char *name = rec_type_name(r->type);

	if (name)
		fprintf(f, "{\"type\":\"%s\"", name);
	else
		fprintf(f, "{\"type\":%u", r->type);
	if (s && faithful(r, s)) {
		for (unsigned i = 0; i < r->fields; i++) {
			fprintf(f, ",\"%s\":", s->fields[i].name);
			print_field(f, &s->fields[i], &r->u);
		}
	} else {
		fputs(",\"raw\":", f);
		print_hex(f, r->payload, r->len);
	}
	fputs("}\n", f);
}

/* Next: common/rec/parse.c, which undoes this. */
