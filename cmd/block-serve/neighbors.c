/* Whom we tell of: peers that inv-sync has dialled and talked to.  Those who only dialled us may
 * claim any address. */
#include <netinet/in.h>

#include "cmd/block-serve/serve.h"
#include "common/chain/hash.h"
#include "common/net/address.h"
#include "common/sys/stage.h"

#define NEIGHBORS_MS 5000
#define HEARD_S (3 * 86400)	/* as nodes do: a row may be of an inv-sync that was killed */

static bool add_neighbor(void *arg, const struct rec_peer *row)
{
	struct serve *s = arg;
	struct neighbor *n = &s->neighbors.at[s->neighbors.n];
	struct sockaddr_storage ss = { 0 };
	struct peer_addr at;
	char text[MAX_SOURCE + 1], err[120];

	if (row->inbound || row->state != PEER_UP || row->last_contact + HEARD_S < now_unix() ||
	    peer_addr_parse(&at, rec_cstr(text, sizeof(text), row->address), err) != 0)
		return true;
	if (evutil_inet_pton(AF_INET, at.host, &((struct sockaddr_in *)&ss)->sin_addr) == 1)
		ss.ss_family = AF_INET;
	else if (evutil_inet_pton(AF_INET6, at.host, &((struct sockaddr_in6 *)&ss)->sin6_addr) == 1)
		ss.ss_family = AF_INET6;
	else
		return true;
	if (address_private((struct sockaddr *)&ss) && !s->store.net.private_peers)
		return true;
	address_to16(n->addr, &n->port, (struct sockaddr *)&ss);
	n->port = at.port;
	hash_hash160(n->key_hash, row->key, KEY_LEN);
	return ++s->neighbors.n < MAX_NEIGHBORS;
}

uint32_t neighbors_tell(void *arg, struct neighbor *out)
{
	struct serve *s = arg;
	struct neighbors *n = &s->neighbors;

	if (n->made == 0 || now_ms() - n->made > NEIGHBORS_MS) {
		MDB_txn *txn = store_read(&s->store);
		n->n = 0;
		peer_walk(&s->store, txn, add_neighbor, s);
		store_read_end(txn);
		n->made = now_ms();
	}
	memcpy(out, n->at, n->n * sizeof(out[0]));
	return n->n;
}

/* Next: cmd/block-cat/main.c, lists, prints, exports and imports stored blocks. */
