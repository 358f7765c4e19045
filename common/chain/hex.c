/* Hex, the way that identifiers are printed and read. */
#include "common/chain/bytes.h"

char *hex_of(char *out, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *b = p;
	char *o = out;

	for (size_t i = 0; i < n; i++) {
		*o++ = digits[b[i] >> 4];
		*o++ = digits[b[i] & 15];
	}
	*o = '\0';
	return out;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_to(void *out, size_t n, const char *hex, size_t len)
{
	uint8_t *o = out;

	if (len != 2 * n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		o[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* Next: common/chain/work.c, which counts what foreign bytes cost. */
