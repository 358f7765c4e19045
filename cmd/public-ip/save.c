/* Our address and the faults of those who were asked: committed, then told downstream. */
#include "cmd/public-ip/public_ip.h"
#include "common/net/address.h"
#include "common/sys/log.h"

/* A port stands there only where the operator gave one: block-serve's may change. */
static void address_name(char out[65], const uint8_t addr[16], uint16_t port)
{
	struct sockaddr_storage sa;
	char text[64];
	socklen_t len;

	address_from16(&sa, &len, addr, port);
	address_text(text, (struct sockaddr *)&sa);
	if (!port)
		*strrchr(text, ':') = '\0';
	strlcpy(out, text, 65);
}

void save_address(struct public_ip *s, const uint8_t addr[16], uint16_t port, const char *source,
    bool announced, unsigned networks)
{
	address_name(s->told.address, addr, port);
	strlcpy(s->told.source, source, sizeof(s->told.source));
	s->told.row = (struct rec_address){ .address = rec_str(s->told.address),
		.source = rec_str(s->told.source),
		.time = now_unix(),
		.announced = announced,
		.voices = networks };
	s->told.dirty = true;
}

/* What the operator gave to an earlier run counts no longer; what peers agreed upon does. */
void save_load(struct public_ip *s)
{
	MDB_txn *txn = store_read(&s->store);
	uint64_t now = now_unix(), age;
	struct rec_address r;
	uint8_t addr[16];
	uint16_t port;
	char text[65];
	bool ok = meta_get_row(&s->store, txn, "address", REC_ADDRESS, &r) == 0 && r.announced &&
	    self_address_parse(rec_cstr(text, sizeof(text), r.address), addr, &port);

	if (ok && rec_is(r.source, SOURCE_OPERATOR)) {
		save_address(s, addr, port, SOURCE_OPERATOR, false, 0);
	} else if (ok) {
		/* a clock that was set back makes it no older than it may be */
		age = now > r.time ? now - r.time : RETRY_MS / 1000;
		age = age < STALE_MS / 1000 ? age * 1000 : STALE_MS;
		voices_known(&s->voices, addr, age, now_ms());
	}
	store_read_end(txn);
	if (s->o.once)
		s->voices.next = 0;
}

/* The row's time moves with each round that confirms it; that alone is no news. */
static bool put_address(struct public_ip *s, MDB_txn *txn)
{
	struct rec_address *r = &s->told.row, old;
	bool news = meta_get_row(&s->store, txn, "address", REC_ADDRESS, &old) != 0 ||
	    old.announced != r->announced || old.address.n != r->address.n ||
	    memcmp(old.address.p, r->address.p, r->address.n) != 0;

	meta_put_row(&s->store, txn, "address", REC_ADDRESS, r);
	return news;
}

void save_commit(struct public_ip *s, uint64_t now)
{
	bool news = false;
	MDB_txn *txn;

	if ((!s->told.dirty && faults_none(&s->faults)) ||
	    (now != UINT64_MAX && now < s->committed_at + COMMIT_MS))
		return;
	txn = store_write(&s->store);
	if (s->told.dirty)
		news = put_address(s, txn);
	faults_put(&s->faults, &s->store, txn);
	store_commit_or_die(&s->store, txn);
	s->committed_at = now_ms();
	s->told.dirty = false;
	if (news)
		stage_emit_news(s->stage, REC_ADDRESS, &s->told.row, "", 1);
	faults_tell(&s->faults, s->stage);
	faults_clear(&s->faults);
}

/* Next: cmd/inv-sync/main.c, which holds conversations with peers. */
