/* The options that every program has, numbers, the network file and peer addresses of a command
 * line. A fault of the operator is one line and exit 100. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/chain/key.h"
#include "common/limits.h"
#include "common/sys/log.h"
#include "common/sys/options.h"

static void usage_print(const struct options *o, FILE *to)
{
	const char *line = o->usage, *end;

	for (const char *head = "usage: "; *line; head = "       ", line = *end ? end + 1 : end) {
		end = line + strcspn(line, "\n");
		fprintf(to, "%s%.*s\n", head, (int)(end - line), line);
	}
}

void options_take(struct options *o, int letter, const char *arg)
{
	switch (letter) {
	case '1': o->once = true; break;
	case 'd': o->dir = arg; break;
	case 'n': o->network = arg; break;
	case 'q': o->quiet = true; break;
	case 'v': log_verbose(++o->verbose); break;
	case 'h':
		usage_print(o, stdout);
		exit(0);
	case 'V':
		printf("%s %s\n", log_program(), BLOCKSYNC_VERSION);
		exit(0);
	default:
		usage_print(o, stderr);
		exit(EXIT_USAGE);
	}
}

const char *options_dir(const struct options *o)
{
	const char *dir = o->dir ? o->dir : getenv("BLOCKSYNC_DIR");

	if (!dir || !*dir)
		die_usage("no store: give -d DIR or set $BLOCKSYNC_DIR");
	return dir;
}

void options_usage(const struct options *o, const char *fmt, ...)
{
	char fault[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fault, sizeof(fault), fmt, ap);
	va_end(ap);
	die_usage("%s (%s -h shows the usage)", fault, log_program());
}

uint64_t options_number(const char *option, const char *arg, uint64_t min, uint64_t max)
{
	unsigned long long v = 0;
	char *end;

	errno = 0;
	if (*arg >= '0' && *arg <= '9')
		v = strtoull(arg, &end, 10);
	else
		end = (char *)arg;
	if (end == arg || *end || errno == ERANGE || v < min || v > max)
		die_usage("bad number '%s' for %s: give %llu to %llu", arg, option,
		    (unsigned long long)min, (unsigned long long)max);
	return v;
}

/* The whole file, or exit 100. */
static size_t network_read(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f && errno == ENOENT)
		die_usage(
		    "no network '%s': %s (give mainnet, testnet or the path of a network file)",
		    path, strerror(errno));
	if (!f)
		die_name("cannot read network file", path);
	n = fread(text, 1, size, f);
	if (ferror(f))
		die_name("cannot read network file", path);
	fclose(f);
	if (n == size)
		die_usage("network file '%s' is too long: at most %zu bytes", path, size - 1);
	return n;
}

void network_load(struct network *net, const char *name)
{
	const char *text = network_profile(name), *colon;
	char *file = NULL, err[200];
	size_t n;
	int line;

	if (text) {
		n = strlen(text);
	} else {
		text = file = xmalloc(MAX_NETWORK_TEXT);
		n = network_read(name, file, MAX_NETWORK_TEXT);
	}
	if (network_parse(net, text, n, err) < 0) {
		colon = strchr(err, ':');
		if (sscanf(err, "line %d:", &line) == 1 && colon)
			die_usage("%s:%d:%s", name, line, colon + 1);
		die_usage("%s: %s", name, err);
	}
	free(file);
}

/* The port after the last colon: 1 to 65535, digits only. */
static bool port_parse(uint16_t *port, const char *text)
{
	char *end;
	long v;

	if (*text < '0' || *text > '9')
		return false;
	v = strtol(text, &end, 10);
	if (*end || v < 1 || v > 65535)
		return false;
	*port = (uint16_t)v;
	return true;
}

int peer_addr_parse(struct peer_addr *a, const char *text, char err[120])
{
	const char *at = strchr(text, '@'), *host = at ? at + 1 : text, *colon = strrchr(host, ':');
	size_t n;

	memset(a, 0, sizeof(*a));
	if (at) {
		if (hex_to(a->key, KEY_LEN, text, (size_t)(at - text)) < 0 || !key_valid(a->key))
			return snprintf(err, 120,
				   "the public key is not a compressed secp256k1 key of 66 hex "
				   "digits"),
			       -1;
		a->has_key = true;
	}
	if (!colon || !port_parse(&a->port, colon + 1))
		return snprintf(err, 120, "no port from 1 to 65535 at its end"), -1;
	n = (size_t)(colon - host);
	if (*host == '[' && n > 2 && host[n - 1] == ']') {	/* [IPv6] */
		host++;
		n -= 2;
	} else if (memchr(host, ':', n)) {
		return snprintf(err, 120, "write an IPv6 address in brackets"), -1;
	}
	if (n == 0 || n >= sizeof(a->host) || strcspn(host, " \t/@[]") < n)
		return snprintf(err, 120, "bad host name"), -1;
	memcpy(a->host, host, n);
	return 0;
}

bool peer_addr_named(struct peer_addr *a, char name[264], const char *text, bool operator_said)
{
	char err[120];

	if (peer_addr_parse(a, text, err) < 0) {
		if (operator_said)
			die_usage("peer '%s': %s", text, err);
		log_warnx("network file: bootstrap '%s': %s", text, err);
		return false;
	}
	snprintf(name, 264, strchr(a->host, ':') ? "[%s]:%u" : "%s:%u", a->host, a->port);
	return true;
}

/* Next: common/sys/clock.c, clocks, back-off and the progress line. */
