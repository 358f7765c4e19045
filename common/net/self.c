/* Who we are, out of the store (self.h). */
#include <event2/util.h>

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

void self_refresh_address(struct conv_self *self, struct store *s, MDB_txn *txn)
{
	struct rec_address a;
	struct rec_serve r;
	uint16_t port;
	char text[65];

	memset(self->addr, 0, sizeof(self->addr));
	self->port = SELF_PORT;
	self->data_url[0] = '\0';
	if (meta_get_row(s, txn, "serve", REC_SERVE, &r) == 0 && is_alive(&r)) {
		if (r.port > 0 && r.port <= UINT16_MAX)
			self->port = (uint16_t)r.port;
		if (url_allowed(r.data_url.p, r.data_url.n))
			rec_cstr(self->data_url, sizeof(self->data_url), r.data_url);
	}
	if (meta_get_row(s, txn, "address", REC_ADDRESS, &a) != 0 || !a.announced ||
	    !self_address_parse(rec_cstr(text, sizeof(text), a.address), self->addr, &port))
		memset(self->addr, 0, sizeof(self->addr));
	else if (port)
		self->port = port;
}

bool self_refresh_view(
    struct conv_self *self, struct store *s, MDB_txn *txn, struct rec_sortition *tip)
{
	uint64_t depth = s->net.stable_confirmations;
	struct conv_view *v = &self->view;
	struct rec_sortition stable;

	if (sortition_tip(s, txn, tip) < 0 ||
	    tip->burn_height <= s->net.first_burn_height + depth ||
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
