/* The table of faults, and the SPECs made of it: see faults.h. */
#include <stdlib.h>
#include <string.h>

#include "tests/helper/chain-peer/faults.h"

static const struct { const char *name; double value; const char *meaning; } table[] = {
#define X(symbol, name, value, meaning) { name, value, meaning },
	FAULTS(X)
#undef X
};

static int take(struct spec *s, char *word, char err[200])
{
	char *equal = strchr(word, '='), *end;

	if (strcmp(word, "honest") == 0)
		return 0;
	if (equal)
		*equal++ = '\0';
	for (unsigned i = 0; i < F_COUNT; i++) {
		if (strcmp(table[i].name, word) != 0)
			continue;
		s->on[i] = true;
		s->n[i] = equal ? strtod(equal, &end) : table[i].value;
		if (equal && (table[i].value < 0 || *end != '\0' || end == equal)) {
			snprintf(err, 200, "fault '%s' takes no value '%s'", word, equal);
			return -1;
		}
		return 0;
	}
	snprintf(err, 200, "no fault named '%s'", word);
	return -1;
}

int spec_parse(struct spec *s, const char *text, char err[200])
{
	char copy[256], *word, *rest = copy;

	memset(s, 0, sizeof(*s));
	if (strlen(text) >= sizeof(copy)) {
		snprintf(err, 200, "SPEC too long");
		return -1;
	}
	strcpy(s->text, text);
	strcpy(copy, text);
	while ((word = strsep(&rest, "+")) != NULL)
		if (take(s, word, err) != 0)
			return -1;
	return 0;
}

void fault_list(FILE *f)
{
	for (unsigned i = 0; i < F_COUNT; i++) {
		fputs(table[i].name, f);
		if (table[i].value >= 0)
			fprintf(f, "=%g", table[i].value);
		fprintf(f, "\t%s\n", table[i].meaning);
	}
}

/* Next: tests/helper/chain-peer/world.c, what each peer has of the chain. */
