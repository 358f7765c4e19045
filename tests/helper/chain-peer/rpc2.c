/* What the HTTP side answers about epoch 2.x (spec/blocks.md 4.3), and the lies told with it. */
#include <stdlib.h>

#include "common/chain/hash.h"
#include "tests/helper/chain-peer/peer.h"

enum { MAX_HEADERS = 2100, PREV_AT = 3 };

static const struct chain_block *find(const struct peer *p, const uint8_t id[ID_LEN])
{
	const struct chain_block *b = peer_find(p, id);

	return b && b->model == EPOCH2 ? b : NULL;
}

static void get_block(struct peer *p, const uint8_t id[ID_LEN], struct response *r)
{
	const struct chain_block *b = falls(p, F_HTTP404) ? NULL : find(p, id);

	if (!b || peer_withholds(p, b->ch)) {
		respond_text(r, 404, "No such block");
		return;
	}
	forge_anchored(p, has(p, F_WRONGBLOCK) ? other_block(p, b) : b, &r->body);
	respond_data(p, r);
}

static void get_confirmed(struct peer *p, const uint8_t id[ID_LEN], struct response *r)
{
	const struct chain_block *b = falls(p, F_HTTP404) || has(p, F_NOMICRO) ? NULL : find(p, id);

	if (!b || b->n_confirmed == 0) {
		respond_text(r, 404, "No such confirmed microblock stream");
		return;
	}
	forge_stream(p, b, &r->body);
	respond_data(p, r);
}

/* A microblock on a block, confirmed or not, by the hash of what it stands on; or NULL. */
static const struct chain_micro *above(
    const struct peer *p, const struct chain_block *on, const uint8_t prev[32])
{
	const struct chaindir *c = &p->world->chain;

	for (uint32_t i = 0; i < c->n_micros; i++) {
		const struct chain_micro *m = &c->micros[i];
		const struct chain_block *b = chaindir_find(c, m->block);
		bool loose = b == on && i >= b->loose && i - b->loose < b->n_loose;
		if (memcmp(m->bytes + PREV_AT, prev, 32) == 0 &&
		    (loose || memcmp(b->parent, on->id, ID_LEN) == 0))
			return m;
	}
	return NULL;
}

/* All on a block from a sequence up, without a count. */
static void get_unconfirmed(
    struct peer *p, const uint8_t id[ID_LEN], unsigned long first, struct response *r)
{
	const struct chain_block *on = has(p, F_NOMICRO) ? NULL : find(p, id);
	const struct chain_micro *m;
	uint8_t prev[32];

	if (!on) {
		respond_text(r, 404, "No such block");
		return;
	}
	hash_once(prev, on->bytes, EPOCH2_HEADER);
	while ((m = above(p, on, prev)) != NULL) {
		if (m->sequence >= first)
			buf_put(&r->body, m->bytes, m->size);
		memcpy(prev, m->hash, 32);
	}
	if (r->body.n == 0)
		respond_text(r, 404, "No such unconfirmed microblocks");
	else
		respond_data(p, r);
}

/* From a microblock down to sequence 0; its id is of its hash, and of the consensus hash of the
 * block that it is on. */
static void get_indexed(struct peer *p, const uint8_t id[ID_LEN], struct response *r)
{
	const struct chaindir *c = &p->world->chain;
	uint8_t own[ID_LEN];

	for (uint32_t i = 0; i < c->n_blocks; i++) {
		const struct chain_block *b = &c->blocks[i], *parent = find(p, b->parent);
		for (uint32_t k = 0; parent && k < b->n_confirmed; k++) {
			hash_block_id(own, c->micros[b->confirmed + k].hash, parent->ch);
			if (memcmp(own, id, ID_LEN) != 0)
				continue;
			buf_u32(&r->body, k + 1);
			for (uint32_t at = b->confirmed + k + 1; at > b->confirmed; at--)
				buf_put(&r->body, c->micros[at - 1].bytes, c->micros[at - 1].size);
			respond_data(p, r);
			return;
		}
	}
	respond_text(r, 404, "No such microblock stream");
}

static void get_headers(struct peer *p, const char *count, const char *query, struct response *r)
{
	unsigned long n = strtoul(count, NULL, 10);
	const struct chain_block *b = peer_top(p);
	uint8_t id[ID_LEN];
	const char *tip;

	if (path_starts(query, "tip=", &tip))
		b = path_id(tip, id) ? find(p, id) : NULL;
	if (n > MAX_HEADERS || !b || b->model != EPOCH2) {
		respond_text(r, n > MAX_HEADERS ? 400 : 404, "No such chain tip");
		return;
	}
	buf_text(&r->body, "[");
	for (; b && n; n--, b = find(p, b->parent)) {
		buf_text(&r->body, "%s{\"consensus_hash\":\"", r->body.n > 1 ? "," : "");
		buf_hex(&r->body, b->ch, CH_LEN);
		buf_text(&r->body, "\",\"header\":\"");
		buf_hex(&r->body, b->bytes, EPOCH2_HEADER);
		buf_text(&r->body, "\",\"parent_block_id\":\"");
		buf_hex(&r->body, b->parent, ID_LEN);
		buf_text(&r->body, "\"}");
	}
	buf_text(&r->body, "]");
	respond_json(r);
	r->chunked = true;
}

bool rpc2_get(struct peer *p, const char *path, const char *query, struct response *r)
{
	char text[2 * ID_LEN + 1];
	uint8_t id[ID_LEN];
	const char *rest;

	if (path_starts(path, "/v2/blocks/", &rest) && path_id(rest, id)) {
		get_block(p, id, r);
	} else if (path_starts(path, "/v2/microblocks/confirmed/", &rest) && path_id(rest, id)) {
		get_confirmed(p, id, r);
	} else if (path_starts(path, "/v2/microblocks/unconfirmed/", &rest)) {
		snprintf(text, sizeof(text), "%s", rest);
		if (!path_id(text, id) || rest[2 * ID_LEN] != '/')
			return false;
		get_unconfirmed(p, id, strtoul(rest + 2 * ID_LEN + 1, NULL, 10), r);
	} else if (path_starts(path, "/v2/microblocks/", &rest) && path_id(rest, id)) {
		get_indexed(p, id, r);
	} else if (path_starts(path, "/v2/headers/", &rest)) {
		get_headers(p, rest, query, r);
	} else {
		return false;
	}
	return true;
}

/* What the chain has is taken; other bytes, and another block than the winner, are refused. */
static void post_block(
    struct peer *p, const char *text, const uint8_t *body, size_t len, struct response *r)
{
	const struct chain_sortition *s;
	struct block block = { 0 };
	uint8_t ch[CH_LEN];
	bool fits = false;
	size_t need;

	s = strlen(text) == 2 * CH_LEN && hex_to(ch, CH_LEN, text, 2 * CH_LEN) == 0 ?
	    world_sortition(p->world, ch) :
	    NULL;
	if (s && len > 0)
		fits =
		    block_parse(&block, MODEL_BIT(EPOCH2), ch, body, len, &need) == (ssize_t)len &&
		    s->row.won && memcmp(s->row.committed, block.hash, 32) == 0;
	peer_log(p, "upload", "\"bytes\":%zu,\"outcome\":\"%s\"", len,
	    fits  ? "accepted" :
		s ? "invalid" :
		    "unknown-sortition");
	if (!fits) {
		respond_text(r, s ? 500 : 404, s ? "Invalid block" : "No such consensus hash");
		return;
	}
	buf_text(&r->body, "{\"stacks_block_id\":\"");
	buf_hex(&r->body, block.id, ID_LEN);
	buf_text(&r->body, "\",\"accepted\":%s}", find(p, block.id) ? "false" : "true");
	respond_json(r);
}

static void post_microblock(struct peer *p, const uint8_t *body, size_t len, struct response *r)
{
	const struct chaindir *c = &p->world->chain;

	for (uint32_t i = 0; i < c->n_micros; i++) {
		const struct chain_micro *m = &c->micros[i];
		if (m->size != len || memcmp(m->bytes, body, len) != 0)
			continue;
		peer_log(p, "upload", "\"bytes\":%zu,\"outcome\":\"accepted\"", len);
		buf_text(&r->body, "\"");
		buf_hex(&r->body, m->hash, 32);
		buf_text(&r->body, "\"");
		respond_json(r);
		return;
	}
	peer_log(p, "upload", "\"bytes\":%zu,\"outcome\":\"invalid\"", len);
	respond_text(r, 400, "Invalid microblock");
}

bool rpc2_post(
    struct peer *p, const char *path, const uint8_t *body, size_t len, struct response *r)
{
	const char *rest;

	if (path_starts(path, "/v2/blocks/upload/", &rest))
		post_block(p, rest, body, len, r);
	else if (strcmp(path, "/v2/microblocks") == 0)
		post_microblock(p, body, len, r);
	else
		return false;
	return true;
}

/* Next: tests/helper/chain-peer/rpc_info.c, the burnchain view and the node itself. */
