/* The options that every program has (DESIGN 6): -h -V -v -q -d -n.  Those that make one pass name
 * '1' too.  A program's own getopt loop hands what it does not know itself to options_take. */
#ifndef BLOCKSYNC_OPTIONS_H
#define BLOCKSYNC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/chain/network.h"

#define BLOCKSYNC_VERSION "0.1.0"
#define OPTIONS_COMMON "d:hn:qVv"

struct options {
	const char *usage;	/* the SYNOPSIS, lines with '\n', without "usage:" */
	const char *dir;	/* -d, or NULL: options_dir takes $BLOCKSYNC_DIR then */
	const char *network;	/* -n, or NULL */
	bool once, quiet;	/* -1, -q */
	int verbose;
};
/* Takes one of the common letters; -h and -V print and exit 0; anything else prints the usage,
 * exits 100. */
void options_take(struct options *, int letter, const char *arg);
/* The directory, or the one-line complaint and exit 100. */
const char *options_dir(const struct options *);
_Noreturn void options_usage(const struct options *, const char *fault, ...)
    __attribute__((format(printf, 2, 3)));
/* A whole number in [min, max]; a fault of it is exit 100 naming the option. */
uint64_t options_number(const char *option, const char *arg, uint64_t min, uint64_t max);

/* Read a network by profile name or file path.  A fault exits 100 with the file, the line and the
 * fault. */
void network_load(struct network *, const char *name_or_path);

/* pubkey@host:port, or host:port (then key is zeros).  -1: neither; err says why. */
struct peer_addr { uint8_t key[KEY_LEN]; bool has_key; char host[256]; uint16_t port; };
int peer_addr_parse(struct peer_addr *, const char *text, char err[120]);
/* One that -p or the network file names, and `name`: host:port, to be dialled.  A bad one of the
 * operator is exit 100; one of the file is a warning, and false. */
bool peer_addr_named(struct peer_addr *, char name[264], const char *text, bool operator_said);

#endif
