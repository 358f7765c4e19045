/* json - a body that another machine wrote, as a JSON value.
 *
 * jansson refuses a whole text for one integer above 64 bits or one real above a double's range,
 * wherever it stands; an API may tell amounts of 128 bits, or more, in members that are nothing to
 * us. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/net/json.h"
#include "common/sys/log.h"

#define EXACT 18	/* digits that a signed 64-bit integer always holds */

static size_t digits(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && isdigit((unsigned char)p[i]))
		i++;
	return i;
}

/* Length of the number at p as JSON writes it, or 0; *integer: it has neither fraction nor
 * exponent. */
static size_t number(const char *p, size_t n, bool *integer)
{
	size_t at = n > 0 && *p == '-', more;

	more = digits(p + at, n - at);
	if (more == 0 || (more > 1 && p[at] == '0'))
		return 0;
	at += more;
	*integer = true;
	if (at + 1 < n && p[at] == '.' && (more = digits(p + at + 1, n - at - 1)) > 0) {
		at += 1 + more;
		*integer = false;
	}
	if (at + 1 < n && (p[at] == 'e' || p[at] == 'E')) {
		size_t sign = p[at + 1] == '+' || p[at + 1] == '-';
		if ((more = digits(p + at + 1 + sign, n - at - 1 - sign)) > 0) {
			at += 1 + sign + more;
			*integer = false;
		}
	}
	return at < n && (isalnum((unsigned char)p[at]) || p[at] == '.') ? 0 : at;
}

/* Outside of strings, numbers beyond what is exact become null; shorter ones than that word can do
 * no harm. */
static void tame(char *p, size_t n)
{
	bool in_string = false, integer;
	size_t len;

	for (size_t i = 0; i < n; i++) {
		if (in_string && p[i] == '\\') {
			i++;
		} else if (p[i] == '"') {
			in_string = !in_string;
		} else if (!in_string && (p[i] == '-' || isdigit((unsigned char)p[i]))) {
			len = number(p + i, n - i, &integer);
			if (len >= 4 && (!integer || len > EXACT)) {
				memset(p + i, ' ', len);
				memcpy(p + i, "null", 4);
			}
			/* else what looks like a number is left to the parser, whole */
			while (i + 1 < n &&
			    (isalnum((unsigned char)p[i + 1]) || strchr("+-.", p[i + 1])))
				i++;
		}
	}
}

json_t *json_foreign(const void *body, size_t n, char err[120])
{
	char *text = xmalloc(n);
	json_error_t e;
	json_t *root;

	memcpy(text, body, n);
	tame(text, n);
	root = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	free(text);
	if (!root)
		snprintf(err, 120, "no JSON: %.80s", e.text);
	return root;
}

/* Next: cmd/sortition-sync/main.c, follow the burnchain view of the sources that the operator
 * trusts. */
