/* The network file: lines `name value`, comments from '#'; and what epochs and cycles follow from
 * it. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/chain/network.h"

/* Names of the file: which may stand more than once, which must stand, and which say whom to trust
 * or what to allow, and so are nobody's to set but the operator's. */
enum line {
	NAME,
	CHAIN_ID,
	PEER_VERSION,
	FIRST_HEIGHT,
	FIRST_HASH,
	CYCLE,
	PREPARE,
	STABLE,
	INV_CYCLES,
	PRIVATE,
	EPOCH,
	BOOTSTRAP,
	SOURCE,
	SHADOW,
	LINES
};

static const struct { const char *name; bool repeated, needed, operators; } lines[LINES] = {
	[NAME] = { "name", false, true },
	[CHAIN_ID] = { "chain_id", false, true },
	[PEER_VERSION] = { "peer_version", false, false },
	[FIRST_HEIGHT] = { "first_burn_height", false, true },
	[FIRST_HASH] = { "first_burn_hash", false, true },
	[CYCLE] = { "cycle_length", false, true },
	[PREPARE] = { "prepare_length", false, true },
	[STABLE] = { "stable_confirmations", false, true },
	[INV_CYCLES] = { "inv_reward_cycles", false, false },
	[PRIVATE] = { "private_peers", false, false, true },
	[EPOCH] = { "epoch", true, true },
	[BOOTSTRAP] = { "bootstrap", true, false, true },
	[SOURCE] = { "source", true, false, true },
	[SHADOW] = { "shadow", true, false, true },
};

static const struct { const char *name; enum epoch epoch;
} epochs[] = {
	{ "1.0", EPOCH_10 },
	{ "2.0", EPOCH_20 },
	{ "2.05", EPOCH_205 },
	{ "2.1", EPOCH_21 },
	{ "2.2", EPOCH_22 },
	{ "2.3", EPOCH_23 },
	{ "2.4", EPOCH_24 },
	{ "2.5", EPOCH_25 },
	{ "3.0", EPOCH_30 },
	{ "3.1", EPOCH_31 },
	{ "3.2", EPOCH_32 },
	{ "3.3", EPOCH_33 },
	{ "3.4", EPOCH_34 },
	{ "4.0", EPOCH_40 },
	{ "4.1", EPOCH_41 },
};

/* One line being read: fault() fills err with its number and gives -1. */
struct reader { unsigned line; char *err; bool seen[LINES]; };

__attribute__((format(printf, 2, 3)))
static int fault(const struct reader *r, const char *fmt, ...)
{
	char what[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	snprintf(r->err, 200, "line %u: %s", r->line, what);
	return -1;
}

/* A whole number in decimal or with 0x, at most max. */
static int number(const struct reader *r, const char *name, const char *value, uint64_t max,
    uint64_t *out)
{
	bool hex = value[0] == '0' && (value[1] == 'x' || value[1] == 'X');
	const char *digits = hex ? value + 2 : value;
	uint64_t v = 0;

	if (*digits == '\0' ||
	    digits[strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789")] != '\0')
		return fault(r, "'%s' needs a number, not '%.60s'", name, value);
	for (; *digits; digits++) {
		unsigned base = hex ? 16 : 10;
		unsigned d = (unsigned)(*digits <= '9' ? *digits - '0' : (*digits | 32) - 'a' + 10);

		if (d > max || v > (max - d) / base)
			return fault(r, "'%s' is above %" PRIu64 ": '%.60s'", name, max, value);
		v = v * base + d;
	}
	*out = v;
	return 0;
}

static int take_epoch(struct network *net, const struct reader *r, char *value)
{
	char *start = value + strcspn(value, " \t");
	uint64_t height;

	if (*start) {
		*start++ = '\0';
		start += strspn(start, " \t");
	}
	for (size_t i = 0; i < sizeof(epochs) / sizeof(epochs[0]); i++) {
		if (strcmp(epochs[i].name, value) != 0)
			continue;
		if (number(r, "epoch", start, UINT64_MAX, &height) < 0)
			return -1;
		if (net->n_epochs == MAX_EPOCHS)
			return fault(r, "more than %d epochs", MAX_EPOCHS);
		if (net->n_epochs &&
		    (net->epochs[net->n_epochs - 1].epoch >= epochs[i].epoch ||
			net->epochs[net->n_epochs - 1].start > height))
			return fault(r, "epoch '%s' at %" PRIu64 " is not after the one before",
			    value, height);
		net->epochs[net->n_epochs].epoch = epochs[i].epoch;
		net->epochs[net->n_epochs++].start = height;
		return 0;
	}
	return fault(r, "no epoch '%.20s' is known", value);
}

/* pubkey@host:port, or host:port. */
static int take_bootstrap(struct network *net, const struct reader *r, const char *value)
{
	const char *at = strchr(value, '@'), *host = at ? at + 1 : value,
		   *colon = strrchr(host, ':');
	uint8_t key[KEY_LEN];
	uint64_t port;

	if (at && hex_to(key, KEY_LEN, value, (size_t)(at - value)) < 0)
		return fault(r, "'bootstrap' needs a key of 66 hex digits before '@': '%.80s'",
		    value);
	if (!colon || colon == host || strpbrk(host, " \t"))
		return fault(r, "'bootstrap' needs pubkey@host:port, not '%.80s'", value);
	if (number(r, "bootstrap", colon + 1, 65535, &port) < 0)
		return -1;
	if (net->n_bootstrap == MAX_BOOTSTRAP || strlen(value) >= sizeof(net->bootstrap[0]))
		return fault(r, "'bootstrap' is too long, or one of more than %d", MAX_BOOTSTRAP);
	memcpy(net->bootstrap[net->n_bootstrap++], value, strlen(value) + 1);
	return 0;
}

static int take_source(struct network *net, const struct reader *r, const char *value)
{
	if (net->n_source == MAX_BOOTSTRAP || strlen(value) >= sizeof(net->source[0]))
		return fault(r, "'source' is too long, or one of more than %d", MAX_BOOTSTRAP);
	memcpy(net->source[net->n_source++], value, strlen(value) + 1);
	return 0;
}

static int take_shadow(struct network *net, const struct reader *r, const char *value)
{
	if (net->n_shadow == MAX_SHADOWS)
		return fault(r, "more than %d shadow blocks", MAX_SHADOWS);
	if (hex_to(net->shadow[net->n_shadow], ID_LEN, value, strlen(value)) < 0)
		return fault(r, "'shadow' needs a block id of 64 hex digits, not '%.80s'", value);
	net->n_shadow++;
	return 0;
}

static int take_name(struct network *net, const struct reader *r, const char *value)
{
	if (strlen(value) >= sizeof(net->name) || strpbrk(value, " \t"))
		return fault(r, "'name' is one word of at most %zu bytes", sizeof(net->name) - 1);
	memcpy(net->name, value, strlen(value) + 1);
	return 0;
}

static int take_number(struct network *net, const struct reader *r, enum line which,
    const char *value)
{
	static const uint64_t max[LINES] = {
		[CHAIN_ID] = UINT32_MAX,
		[PEER_VERSION] = UINT32_MAX,
		[FIRST_HEIGHT] = INT64_MAX,
		[CYCLE] = 1u << 20,
		[PREPARE] = 1u << 20,
		[STABLE] = 1u << 20,
		[INV_CYCLES] = 1u << 20,
		[PRIVATE] = 1,
	};
	uint64_t v;

	if (number(r, lines[which].name, value, max[which], &v) < 0)
		return -1;
	if ((which == CYCLE || which == INV_CYCLES) && v == 0)
		return fault(r, "'%s' is zero", lines[which].name);
	switch (which) {
	case CHAIN_ID: net->chain_id = (uint32_t)v; break;
	case PEER_VERSION: net->peer_version = (uint32_t)v; break;
	case FIRST_HEIGHT: net->first_burn_height = v; break;
	case CYCLE: net->cycle_length = (uint32_t)v; break;
	case PREPARE: net->prepare_length = (uint32_t)v; break;
	case STABLE: net->stable_confirmations = (uint32_t)v; break;
	case INV_CYCLES: net->inv_reward_cycles = (uint32_t)v; break;
	case PRIVATE: net->private_peers = v == 1; break;
	default: break;
	}
	return 0;
}

static int take_line(struct network *net, struct reader *r, char *text)
{
	char *value;
	unsigned which;

	text[strcspn(text, "#\r")] = '\0';
	text += strspn(text, " \t");
	for (size_t n = strlen(text); n && (text[n - 1] == ' ' || text[n - 1] == '\t'); )
		text[--n] = '\0';
	if (*text == '\0')
		return 0;
	value = text + strcspn(text, " \t");
	if (*value) {
		*value++ = '\0';
		value += strspn(value, " \t");
	}
	for (which = 0; which < LINES && strcmp(lines[which].name, text) != 0; which++)
		;
	if (which == LINES)
		return fault(r, "no setting '%.60s' is known", text);
	if (*value == '\0')
		return fault(r, "'%s' without a value", text);
	if (r->seen[which] && !lines[which].repeated)
		return fault(r, "'%s' a second time", text);
	r->seen[which] = true;
	switch (which) {
	case NAME: return take_name(net, r, value);
	case FIRST_HASH:
		if (hex_to(net->first_burn_hash, 32, value, strlen(value)) < 0)
			return fault(r, "'first_burn_hash' needs 64 hex digits, not '%.80s'",
			    value);
		return 0;
	case EPOCH: return take_epoch(net, r, value);
	case BOOTSTRAP: return take_bootstrap(net, r, value);
	case SOURCE: return take_source(net, r, value);
	case SHADOW: return take_shadow(net, r, value);
	default: return take_number(net, r, which, value);
	}
}

/* What no single line can say. */
static int whole(struct network *net, const struct reader *r)
{
	for (unsigned i = 0; i < LINES; i++)
		if (lines[i].needed && !r->seen[i])
			return fault(r, "the file ends without '%s'", lines[i].name);
	if (net->prepare_length >= net->cycle_length)
		return fault(r, "'prepare_length' %u is not below 'cycle_length' %u",
		    net->prepare_length, net->cycle_length);
	if (!r->seen[PEER_VERSION])
		net->peer_version = net->chain_id == 1 ? 0x18000010 : 0xfacade10;
	if (!r->seen[INV_CYCLES])
		net->inv_reward_cycles = net->chain_id == 1 ? 3 : 6;
	return 0;
}

int network_parse(struct network *net, const char *text, size_t len, char err[200])
{
	struct reader r = { .line = 1, .err = err };
	const char *p = text, *end = text + len;

	memset(net, 0, sizeof(*net));
	if (len >= sizeof(net->text))
		return fault(&r, "the file has %zu bytes, more than %zu", len,
		    sizeof(net->text) - 1);
	if (memchr(text, '\0', len))
		return fault(&r, "the file is not text");
	for (; p < end; r.line++) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((eol ? eol : end) - p);
		char line[512];

		if (n >= sizeof(line))
			return fault(&r, "longer than %zu bytes", sizeof(line) - 1);
		memcpy(line, p, n);
		line[n] = '\0';
		if (take_line(net, &r, line) < 0)
			return -1;
		p += n + 1;
	}
	if (whole(net, &r) < 0)
		return -1;
	memcpy(net->text, text, len);
	return 0;
}

bool network_same(const struct network *a, const struct network *b)
{
	return strcmp(a->name, b->name) == 0 && a->chain_id == b->chain_id &&
	    a->first_burn_height == b->first_burn_height &&
	    a->cycle_length == b->cycle_length &&
	    memcmp(a->first_burn_hash, b->first_burn_hash, 32) == 0;
}

static bool operators_line(const char *line, size_t n)
{
	size_t word = 0;

	while (n && (*line == ' ' || *line == '\t'))
		line++, n--;
	while (word < n && !strchr(" \t\r\n#", line[word]))
		word++;
	for (unsigned i = 0; i < LINES; i++)
		if (lines[i].operators && strlen(lines[i].name) == word &&
		    memcmp(lines[i].name, line, word) == 0)
			return true;
	return false;
}

void network_strip(struct network *net)
{
	char *to = net->text;
	size_t n;

	for (const char *p = net->text; *p; p += n) {
		n = strcspn(p, "\n");
		n += p[n] == '\n';
		if (operators_line(p, n))
			continue;
		memmove(to, p, n);
		to += n;
	}
	*to = '\0';
	net->private_peers = false;
	net->n_bootstrap = net->n_source = net->n_shadow = 0;
}

int network_untrust(struct network *net, char err[200])
{
	const char *profile = network_profile(net->name);
	struct network own;

	if (!profile) {
		network_strip(net);
		return 0;
	}
	if (network_parse(&own, profile, strlen(profile), err) < 0)
		return -1;
	if (!network_same(&own, net)) {
		snprintf(err, 200, "it is called '%s' and is not that network", net->name);
		return -1;
	}
	*net = own;
	return 0;
}

/* Next: common/chain/epoch.c, what heights mean in this network. */
