/* What the HTTP side answers: blocks and tenures
 * (spec/blocks.md 4.2), and the lies told with them. */
#include <stdlib.h>

#include "common/limits.h"
#include "tests/helper/chain-peer/peer.h"

void respond_text(struct response *r, int status, const char *text)
{
	r->status = status;
	r->type = "text/plain";
	r->body.n = 0;
	buf_text(&r->body, "%s\n", text);
}

void respond_json(struct response *r)
{
	r->status = 200;
	r->type = "application/json";
}

void respond_data(struct peer *p, struct response *r)
{
	size_t extra = (size_t)amount(p, F_TRAILINGBLOCK);

	r->status = 200;
	r->type = "application/octet-stream";
	r->chunked = r->data = true;
	if (has(p, F_TRAILINGBLOCK))
		dice_bytes(&p->dice, buf_room(&r->body, extra), extra);
}

const struct chain_block *other_block(struct peer *p, const struct chain_block *b)
{
	const struct chaindir *c = &p->world->chain;

	for (unsigned tries = 0; tries < 100; tries++) {
		const struct chain_block *o =
		    &c->blocks[c->canon[dice_range(&p->dice, 0, c->n_canon - 1)]];
		if (o != b && o->model == b->model && peer_find(p, o->id))
			return o;
	}
	return b;
}

static void get_block(struct peer *p, const struct chain_block *b, struct response *r)
{
	if (!b || b->model != NAKAMOTO || peer_withholds(p, b->ch)) {
		respond_text(r, 404, "No such block");
		return;
	}
	if (has(p, F_WRONGBLOCK))
		b = other_block(p, b);
	forge_block(p, b, &r->body);
	respond_data(p, r);
}

/* The end of another tenure. */
static const struct chain_block *other_tenure(struct peer *p, const struct chain_block *b)
{
	struct world *w = p->world;

	for (unsigned tries = 0; tries < 100 && w->shown > 1; tries++) {
		const struct chain_tenure *t =
		    &w->chain.tenures[dice_range(&p->dice, 0, w->shown - 1)];
		const struct chain_block *end = tenure_block(w, t, world_count(w, t) - 1);
		if (memcmp(end->ch, b->ch, CH_LEN) != 0 && peer_holds(p, end->ch))
			return end;
	}
	return b;
}

/* Blocks from b down by parent links to the tenure's start, the stop id or the size limit; extra:
 * on into the parent tenure. */
static const struct chain_block **tenure_stream(struct peer *p, const struct chain_block *b,
    const uint8_t *stop, size_t *n)
{
	const struct chain_block **list = NULL;
	size_t bytes = 0, room = 0;
	const uint8_t *ch = b->ch;

	for (*n = 0; b && b->model == NAKAMOTO; b = peer_find(p, b->parent)) {
		bool leaves = memcmp(b->ch, ch, CH_LEN) != 0;
		if (*n > 0 &&
		    ((stop && memcmp(b->id, stop, ID_LEN) == 0) ||
			bytes + b->size > MAX_TENURE_BODY))
			break;
		if (leaves && (!has(p, F_EXTRABLOCKS) || *n > 500))
			break;
		if (*n == room) {
			room = room ? 2 * room : 64;
			list = xrealloc(list, room * sizeof(*list));
		}
		list[(*n)++] = b;
		bytes += b->size;
	}
	return list;
}

static void get_tenure(struct peer *p, const struct chain_block *b, const uint8_t *stop,
    struct response *r)
{
	const struct chain_block **list;
	size_t n;

	if (!b || b->model != NAKAMOTO || peer_withholds(p, b->ch)) {
		respond_text(r, 404, "No such block");
		return;
	}
	if (has(p, F_EMPTYTENURE)) {
		r->status = 200;
		r->type = "application/octet-stream";
		r->chunked = r->data = true;
		return;
	}
	list = tenure_stream(p, has(p, F_OTHERTENURE) ? other_tenure(p, b) : b, stop, &n);
	for (size_t i = 0; i < n; i++)
		if (!(has(p, F_GAPTENURE) && n > 2 && i == n / 2))
			forge_block(p, list[has(p, F_WRONGORDER) ? n - 1 - i : i], &r->body);
	free(list);
	respond_data(p, r);
}

static void get_height(struct peer *p, uint64_t height, struct response *r)
{
	const struct chaindir *c = &p->world->chain;

	for (uint32_t i = 0; i < c->n_canon; i++)
		if (c->blocks[c->canon[i]].height == height) {
			get_block(p, peer_find(p, c->blocks[c->canon[i]].id), r);
			return;
		}
	respond_text(r, 404, "No such block");
}

/* Uploads are judged by nobody here: what the chain has is taken, anything else refused. */
static void post_block(struct peer *p, const uint8_t *body, size_t len, struct response *r)
{
	struct block block;
	size_t need;
	const struct chain_block *b = NULL;

	if (len > 0 &&
	    block_parse(&block, MODEL_BIT(NAKAMOTO), NULL, body, len, &need) == (ssize_t)len)
		b = chaindir_find(&p->world->chain, block.id);
	peer_log(p, "upload", "\"bytes\":%zu,\"outcome\":\"%s\"", len, b ? "accepted" : "invalid");
	if (!b) {
		respond_text(r, 400, "Invalid block");
		return;
	}
	buf_text(&r->body, "{\"stacks_block_id\":\"");
	buf_hex(&r->body, b->id, ID_LEN);
	buf_text(&r->body, "\",\"accepted\":%s}", peer_find(p, b->id) ? "false" : "true");
	respond_json(r);
}

bool path_starts(const char *path, const char *prefix, const char **rest)
{
	size_t n = strlen(prefix);

	*rest = path + n;
	return strncmp(path, prefix, n) == 0;
}

bool path_id(const char *text, uint8_t id[ID_LEN])
{
	return strlen(text) == 2 * ID_LEN && hex_to(id, ID_LEN, text, 2 * ID_LEN) == 0;
}

static bool get_data(struct peer *p, const char *path, const char *query, struct response *r)
{
	uint8_t id[ID_LEN], stop[ID_LEN];
	const char *rest, *at;

	if (path_starts(path, "/v3/blocks/height/", &rest)) {
		if (falls(p, F_HTTP404))
			respond_text(r, 404, "No such block");
		else
			get_height(p, strtoull(rest, NULL, 10), r);
		return true;
	}
	if (path_starts(path, "/v3/blocks/", &rest) && path_id(rest, id)) {
		get_block(p, falls(p, F_HTTP404) ? NULL : peer_find(p, id), r);
		return true;
	}
	if (path_starts(path, "/v3/tenures/", &rest) && path_id(rest, id)) {
		bool has_stop = path_starts(query, "stop=", &at) && path_id(at, stop);
		get_tenure(p, falls(p, F_HTTP404) ? NULL : peer_find(p, id), has_stop ? stop : NULL,
		    r);
		return true;
	}
	return false;
}

/* Whether a limit of requests has been passed. */
static bool limited(struct peer *p, struct response *r)
{
	double now = seconds();

	if (has(p, F_FARAWAY) && ++p->quota_used > 40) {
		r->retry_after = (unsigned)amount(p, F_FARAWAY);
		return true;
	}
	if (!has(p, F_QUOTA))
		return false;
	if (now > p->quota_at + 2) {
		p->quota_at = now;
		p->quota_used = 0;
	}
	r->retry_after = 2;
	return ++p->quota_used > amount(p, F_QUOTA);
}

/* Behind the first brace of what is in r. */
static void add_odd_numbers(struct response *r)
{
	static const char odd[] = "\"odd\":[18446744073709551616,-1e999,{\"deeper\":0.1e-99999}],";
	const uint8_t *brace = memchr(r->body.p, '{', r->body.n);
	size_t at, n = sizeof(odd) - 1, rest;

	if (!brace || brace[1] == '}')
		return;
	at = (size_t)(brace - r->body.p) + 1;
	rest = r->body.n - at;
	buf_room(&r->body, n);
	memmove(r->body.p + at + n, r->body.p + at, rest);
	memcpy(r->body.p + at, odd, n);
}

void rpc_answer(struct peer *p, const char *method, const char *path, const char *query,
    const uint8_t *body, size_t len, struct response *r)
{
	bool post = strcmp(method, "POST") == 0;

	if (has(p, F_STATUS))
		respond_text(r, (int)amount(p, F_STATUS), "Go away");
	else if (falls(p, F_HTTP429) || limited(p, r))
		respond_text(r, 429, "Try again later");
	else if (falls(p, F_HTTP500))
		respond_text(r, 500, "Try again later");
	else if (post && strncmp(path, "/v3/blocks/upload", 17) == 0)
		post_block(p, body, len, r);
	else if (post && rpc2_post(p, path, body, len, r))
		;
	else if (post || strcmp(method, "GET") != 0)
		respond_text(r, 405, "Method Not Allowed");
	else if (!get_data(p, path, query, r) && !rpc2_get(p, path, query, r) &&
	    !rpc_info(p, path, r)) {
		respond_text(r, 404, "No such file or directory");
		r->close = true;
	}
	if (r->status == 200)
		r->retry_after = 0;
	if (has(p, F_ODDJSON) && r->status == 200 && strcmp(r->type, "application/json") == 0)
		add_odd_numbers(r);
}

/* Next: tests/helper/chain-peer/rpc2.c, epoch 2.x. */
