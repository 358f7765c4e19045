/* Who we say we are: the key, the P2P address that others may dial, and where our blocks are; in
 * our own handshakes, and in `meta` for those of the programs that dial with the same key
 * (spec/wire.md 4.8). */
#include <stdlib.h>

#include "cmd/block-serve/serve.h"
#include "common/chain/hash.h"
#include "common/net/address.h"
#include "common/sys/stage.h"

/* Where P2P listens. */
static void set_address(struct serve *s, int p2p, bool any)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	uint8_t addr[16];
	uint16_t port;

	if (p2p < 0 || getsockname(p2p, (struct sockaddr *)&ss, &len) != 0)
		return;
	address_to16(addr, &port, (struct sockaddr *)&ss);
	s->said.port = port;
	if (!any)
		s->said.address = rec_str(address_text(s->said_address, (struct sockaddr *)&ss));
}

void self_set(struct serve *s, int p2p, bool p2p_any, const char *url, const char *http_any)
{
	struct conv_self *self = &s->self;

	self->net = &s->store.net;
	self->held = &s->held;
	conv_budget(self->held);
	self->services = SERVICE_RELAY | SERVICE_RPC;
	self->neighbors = neighbors_tell;
	self->arg = s;
	node_key_load(s->store.dir, self->secret, self->key);
	hash_hash160(s->key_hash, self->key, KEY_LEN);
	if (!url_allowed(url, strlen(url)))
		die_usage("-U '%s' is no URL that a peer would take", url);
	set_address(s, p2p, p2p_any);
	strlcpy(s->said_url, url, sizeof(s->said_url));
	s->said.data_url = rec_str(s->said_url);
	if (http_any && !*url)
		s->said.http_port = (uint32_t)strtoul(strrchr(http_any, ':') + 1, NULL, 10);
}

/* A full disk is no reason to end: peers can be answered all the same. */
void self_say(struct serve *s, bool alive)
{
	MDB_txn *txn = store_write(&s->store);
	struct rec_serve gone = { 0 };

	s->said.time = now_unix();
	meta_put_row(&s->store, txn, "serve", REC_SERVE, alive ? &s->said : &gone);
	if (store_commit(&s->store, txn) != 0)
		log_debug("cannot write where we are reached");
}

/* Next: cmd/block-serve/listen.c, listening sockets, acquired before the program confines
 * itself. */
