/* Who we are, out of the store (self.h). */
#include <event2/util.h>
#include <stdio.h>

#include "common/net/address.h"
#include "common/net/self.h"
#include "common/sys/stage.h"

bool self_address_parse(const char *text, uint8_t addr[16], uint16_t *port)
{
	struct sockaddr_storage sa;
	int len = sizeof(sa);

	if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&sa, &len) != 0)
		return false;
	address_to16(addr, port, (struct sockaddr *)&sa);
	return !address_any16(addr);
}

static bool is_alive(const struct rec_serve *r)
{
	uint64_t now = now_unix(), age = now > r->time ? now - r->time : r->time - now;

	return age <= SERVE_ALIVE;
}

/* Where block-serve is reached. */
static void say_served(struct conv_self *self, const struct store *s, const struct rec_serve *r)
{
	uint16_t port;
	char text[65];

	if (r->port > 0 && r->port <= UINT16_MAX)
		self->port = (uint16_t)r->port;
	if (url_allowed(r->data_url.p, r->data_url.n))
		rec_cstr(self->data_url, sizeof(self->data_url), r->data_url);
	if (!self_address_parse(rec_cstr(text, sizeof(text), r->address), self->addr, &port) ||
	    (address_private16(self->addr) && !s->net.private_peers))
		memset(self->addr, 0, sizeof(self->addr));
}

/* The announced address.  HTTP on all addresses of the machine is there, too. */
static void say_announced(
    struct conv_self *self, const uint8_t addr[16], uint16_t port, uint32_t http_port)
{
	struct sockaddr_storage sa;
	socklen_t len;
	char text[64];

	memcpy(self->addr, addr, 16);
	if (port)
		self->port = port;
	if (self->data_url[0] || !http_port || http_port > UINT16_MAX)
		return;
	address_from16(&sa, &len, addr, (uint16_t)http_port);
	snprintf(self->data_url, sizeof(self->data_url), "http://%s",
	    address_text(text, (struct sockaddr *)&sa));
}

void self_refresh_address(
    struct conv_self *self, struct store *s, MDB_txn *txn, const struct rec_serve *own)
{
	struct rec_serve r = { 0 };
	struct rec_address a;
	uint8_t addr[16];
	uint16_t port;
	char text[65];

	memset(self->addr, 0, sizeof(self->addr));
	self->port = SELF_PORT;
	self->data_url[0] = '\0';
	if (own)
		r = *own;
	else if (meta_get_row(s, txn, "serve", REC_SERVE, &r) != 0 || !is_alive(&r))
		r = (struct rec_serve){ 0 };
	say_served(self, s, &r);
	if (meta_get_row(s, txn, "address", REC_ADDRESS, &a) == 0 && a.announced &&
	    self_address_parse(rec_cstr(text, sizeof(text), a.address), addr, &port))
		say_announced(self, addr, port, r.http_port);
}

bool self_refresh_view(
    struct conv_self *self, struct store *s, MDB_txn *txn, struct rec_sortition *tip)
{
	uint64_t depth = s->net.stable_confirmations;
	struct conv_view *v = &self->view;
	struct rec_sortition stable;

	if (sortition_tip(s, txn, tip) < 0 ||
	    tip->burn_height < s->net.first_burn_height + depth ||
	    sortition_at(s, txn, tip->burn_height - depth, &stable) < 0)
		return false;
	v->burn_height = tip->burn_height;
	v->stable_height = stable.burn_height;
	memcpy(v->burn_hash, tip->burn_hash, 32);
	memcpy(v->stable_hash, stable.burn_hash, 32);
	return true;
}

struct fork_search {
	uint64_t height;
	const uint8_t *hash;
	bool found;
};

static bool fork_step(void *arg, const struct rec_sortition *r)
{
	struct fork_search *f = arg;

	if (r->burn_height != f->height)
		return false;
	f->found = memcmp(r->burn_hash, f->hash, 32) == 0;
	return !f->found;
}

int self_stable_known(
    struct store *s, const struct conv_view *v, uint64_t height, const uint8_t *hash)
{
	struct fork_search f = { height, hash, false };
	MDB_txn *txn = store_read(s);
	struct rec_sortition r;
	int known = -1;

	if (sortition_at(s, txn, height, &r) == 0)
		known = memcmp(r.burn_hash, hash, 32) == 0;
	if (known == 0)
		sortition_walk(s, txn, height, fork_step, &f);
	store_read_end(txn);
	return known == 0 && (f.found || height > v->stable_height) ? -1 : known;
}

/* Next: common/net/resolver.c (first its header), names to addresses. */
