/* UrlString: the one string of the wire (spec/wire.md 1): http or https, a host, perhaps a port and
 * a path; no user, query or fragment. */
#include <ctype.h>

#include "common/wire/message.h"

static bool charset_ok(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!p[i] ||
		    !(isascii((unsigned char)p[i]) &&
			(isalnum((unsigned char)p[i]) || strchr("._~:/[]!$&'()*+,;%=-", p[i]))))
			/* '?', '#' and '@' are in the wire's alphabet, but only for parts that it
			 * refuses */
			return false;
	return true;
}

/* What follows the host: nothing, or a port of up to five digits; then nothing, or a path. */
static bool port_and_path_ok(const char *p, const char *end)
{
	if (p < end && *p == ':') {
		const char *digits = ++p;
		while (p < end && isdigit((unsigned char)*p))
			p++;
		if (p == digits || p - digits > 5)
			return false;
		unsigned long port = 0;
		for (; digits < p; digits++)
			port = port * 10 + (unsigned)(*digits - '0');
		if (port > 65535)
			return false;
	}
	return p == end || *p == '/';
}

bool url_allowed(const char *url, size_t n)
{
	const char *p = url, *end = url + n, *host;

	if (n == 0)
		return true;
	if (n > MAX_URL || !charset_ok(url, n))
		return false;
	if (n > 7 && memcmp(url, "http://", 7) == 0)
		p += 7;
	else if (n > 8 && memcmp(url, "https://", 8) == 0)
		p += 8;
	else
		return false;
	host = p;
	if (*p == '[') {
		while (p < end && *p != ']')
			if (!isxdigit((unsigned char)*p) && !strchr("[:.", *p))
				return false;
			else
				p++;
		if (p == end || p == host + 1)
			return false;
		return port_and_path_ok(p + 1, end);
	}
	while (p < end && !strchr(":/[]", *p))
		p++;
	return p > host && port_and_path_ok(p, end);
}

/* Next: common/wire/decode.c, messages. */
