/* A line of JSON, as print.c writes it or a person does, to a framed record.  Fields may stand in
 * any order and may be missing (zero; behind the last one named no field is written, as by an older
 * schema); an unknown field is a fault, since it is most likely a misspelt one. */
#include <jansson.h>
#include <stdlib.h>

#include "common/rec/rec.h"
#include "common/rec/schema.h"
#include "common/sys/log.h"

#define FAULT(...) (snprintf(err, 160, __VA_ARGS__), -1)

/* What the views of the struct point at until it is encoded.  Two bytes for each byte of the line
 * are enough: the worst is a list of numbers, where "0," becomes four bytes. */
struct arena { uint8_t *p; size_t n; };

/* Hex of at most `max` bytes to the arena.  -1: no hex, or too long. */
static int arena_hex(struct arena *a, const json_t *v, size_t max, struct rec_view *view)
{
	size_t len = json_string_length(v);

	if (!json_is_string(v) || len % 2 || len / 2 > max ||
	    hex_to(a->p + a->n, len / 2, json_string_value(v), len) < 0)
		return -1;
	*view = (struct rec_view){ a->p + a->n, (uint32_t)(len / 2) };
	a->n += len / 2;
	return 0;
}

static int parse_number(void *at, const struct rec_field *f, const json_t *v)
{
	json_int_t n = json_integer_value(v);

	if (f->type == F_BOOL) {
		*(bool *)at = json_is_true(v);
		return json_is_boolean(v) ? 0 : -1;
	}
	if (!json_is_integer(v) || n < 0 || (f->type == F_U32 && n > UINT32_MAX))
		return -1;
	if (f->type == F_U32)
		*(uint32_t *)at = (uint32_t)n;
	else
		*(uint64_t *)at = (uint64_t)n;
	return 0;
}

static int parse_fixed(void *at, const struct rec_field *f, const json_t *v)
{
	uint32_t size = rec_item_size(f->type);

	if (json_is_null(v) || (json_is_string(v) && json_string_length(v) == 0))
		return 0;
	return json_is_string(v) ? hex_to(at, size, json_string_value(v), json_string_length(v)) :
				   -1;
}

static int parse_list(struct rec_view *view, const struct rec_field *f, const json_t *v,
    struct arena *a)
{
	uint32_t item = rec_item_size(f->type);
	size_t n = json_array_size(v);
	struct rec_view one;

	if (!json_is_array(v) || n > f->max)
		return -1;
	*view = (struct rec_view){ a->p + a->n, (uint32_t)n };
	for (size_t i = 0; i < n; i++) {
		const json_t *e = json_array_get(v, i);

		if (f->type == F_LISTU32) {
			json_int_t x = json_integer_value(e);

			if (!json_is_integer(e) || x < 0 || x > UINT32_MAX)
				return -1;
			put_be32(a->p + a->n, (uint32_t)x);
			a->n += 4;
		} else if (arena_hex(a, e, item, &one) < 0 || one.n != item) {
			return -1;
		}
	}
	return 0;
}

static int parse_enum(void *at, const struct rec_field *f, const json_t *v)
{
	struct rec_view name = rec_bytes(json_string_value(v), json_string_length(v));

	for (uint32_t i = 0; json_is_string(v) && i <= f->max; i++)
		if (rec_is(name, f->names[i].p)) {
			*(uint32_t *)at = i;
			return 0;
		}
	return json_is_string(v) && name.n == 0 ? 0 : -1;
}

static int parse_field(void *rec, const struct rec_field *f, const json_t *v, struct arena *a)
{
	void *at = (char *)rec + f->offset;
	struct rec_view *view = at;

	switch (f->type) {
	case F_BOOL: case F_U32: case F_U64:
		return parse_number(at, f, v);
	case F_BYTES20: case F_BYTES32: case F_BYTES33:
		return parse_fixed(at, f, v);
	case F_ENUM:
		return parse_enum(at, f, v);
	case F_BYTES:
		return arena_hex(a, v, f->max, view);
	case F_STR:
		if (!json_is_string(v) || json_string_length(v) > f->max)
			return -1;
		*view = rec_bytes(json_string_value(v), json_string_length(v));
		return 0;
	case F_LIST20: case F_LIST32: case F_LIST33: case F_LISTU32:
		return parse_list(view, f, v, a);
	}
	return -1;
}

static const struct rec_field *field_named(const struct rec_schema *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!strcmp(s->fields[i].name, name))
			return &s->fields[i];
	return NULL;
}

static int parse_fields(struct rec_buf *out, json_t *object, struct arena *a, char err[160])
{
	const char *type = json_string_value(json_object_get(object, "type")), *key;
	const struct rec_schema *s = type ? rec_schema_named(type) : NULL;
	unsigned named = 0;
	union rec_any rec;
	json_t *v;

	if (!s || s->is_row)
		return FAULT(
		    "unknown type: \"type\" must be a name of records(5), or give \"raw\"");
	memset(&rec, 0, sizeof(rec));
	json_object_foreach(object, key, v) {
		const struct rec_field *f = field_named(s, key);

		if (!f && !strcmp(key, "type"))
			continue;
		if (!f)
			return FAULT("%s.%.40s: no such field", s->name, key);
		if (parse_field(&rec, f, v, a) < 0)
			return FAULT("%s.%s: bad value", s->name, key);
		if (named < f - s->fields + 1)
			named = (unsigned)(f - s->fields) + 1;
	}
	rec_frame_first(out, s, &rec, named);
	return 0;
}

int rec_parse(struct rec_buf *out, const char *line, size_t len, char err[160])
{
	struct arena a = { xmalloc(2 * len + 64), 0 };
	json_error_t fault;
	json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault),
	    *raw;
	struct rec_view view;
	int rc = 0;

	if (!object)
		rc = FAULT("no JSON: %.120s", fault.text);
	else if (!json_is_object(object))
		rc = FAULT("no JSON object");
	else if (!(raw = json_object_get(object, "raw")))
		rc = parse_fields(out, object, &a, err);
	else if (arena_hex(&a, raw, MAX_FRAME, &view) < 0 || view.n == 0)
		rc = FAULT("raw: not hex of 1 to %u bytes", MAX_FRAME);
	else
		rec_frame_put(out, view.p, view.n);
	json_decref(object);
	free(a.p);
	return rc;
}

/* Next: common/sys/start.c, how every program begins. */
