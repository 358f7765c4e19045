/* rpc_answer - what is made of a node's answers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/sortition-sync/json.h"
#include "cmd/sortition-sync/rpc.h"
#include "common/sys/log.h"

#define RECENT 200	/* burn blocks, of which the newest tenure is one unless the chain stands
			 * still */

/* The source is of another network: it is asked nothing any more. */
static void other_network(struct source *s, const char *how) { sync_blame(s, BLAME_NETWORK, how); }

static int answer_node(struct source *s, const struct http_result *h, char err[120])
{
	uint32_t id;
	char how[100];

	if (h->status != 200)
		return 0;
	if (json_chain_id(&id, h->body, h->len, err) != 0)
		return -1;
	if (id != s->sync->store.net.chain_id) {
		snprintf(how, sizeof(how), "chain id 0x%08x", id);
		other_network(s, how);
	}
	return 0;
}

static int answer_pox(struct source *s, const struct http_result *h, char err[120])
{
	int rc;

	if (h->status != 200)
		return 0;
	rc = json_pox(&s->sync->store.net, h->body, h->len, err);
	if (rc == 1)
		other_network(s, err);
	return rc < 0 ? -1 : 0;
}

static int answer_height(struct rpc_request *q, const struct http_result *h, char err[120])
{
	struct source *s = q->rpc->source;
	struct rec_sortition r;

	if (h->status != 200) {
		sync_missing(s, q->from);
		return 0;
	}
	if (json_sortition(&r, h->body, h->len, err) != 0)
		return -1;
	if (r.burn_height != q->from) {
		snprintf(err, 120, "asked for burn height %" PRIu64 ", got %" PRIu64, q->from,
		    r.burn_height);
		return -1;
	}
	sync_claim(s, &r);
	return 0;
}

static int answer_set(struct rpc_request *q, const struct http_result *h, char err[120])
{
	struct source *s = q->rpc->source;
	struct rec_reward_set set;
	uint8_t (*keys)[KEY_LEN], (*weights)[4];
	int rc;

	if (h->status != 200) {
		claims_missing(&s->sync->claims, s->index, q->from);
		return 0;
	}
	keys = xmalloc(MAX_SIGNERS * sizeof(*keys));
	weights = xmalloc(MAX_SIGNERS * sizeof(*weights));
	rc = json_reward_set(&set, keys, weights, h->body, h->len, err);
	if (rc == 0) {
		set.cycle = q->from;
		sync_set(s, &set);
	}
	free(keys);
	free(weights);
	return rc;
}

/* One record of a batch. */
static void batch_record(struct rpc_request *q, struct rec *rec, uint8_t *seen)
{
	struct source *s = q->rpc->source;
	struct rec_sortition *r = &rec->u.sortition;

	if (!rec->known)
		return;
	if (rec->type == REC_HELLO && rec->u.hello.chain_id != s->sync->store.net.chain_id) {
		other_network(s, "hello of another chain id");
	} else if (rec->type == REC_SORTITION) {
		if (r->burn_height < q->from || r->burn_height >= q->from + q->n)
			return;	/* a server that lacks the first ones begins higher */
		seen[r->burn_height - q->from] = 1;
		/* what it says of that is nothing to us */
		r->checked = check_burn(s->sync, r) == CHECK_FITS;
		s->gave_burn |= r->has_burn;
		sync_claim(s, r);
	} else if (rec->type == REC_REWARD_SET) {
		sync_set(s, &rec->u.reward_set);
	}
}

static int answer_batch(struct rpc_request *q, const struct http_result *h, char err[120])
{
	struct source *s = q->rpc->source;
	uint8_t seen[MAX_BATCH] = { 0 };
	const uint8_t *p = h->body, *payload;
	size_t left = h->len, len;
	char fault[160];
	struct rec rec;
	ssize_t n;

	if (h->status != 200) {
		q->rpc->batch = RPC_NO;	/* a plain node */
		view_failed(&s->sync->view, s->index, q->from, q->n);
		return 0;
	}
	q->rpc->batch = RPC_YES;
	while (left > 0) {
		n = rec_frame(p, left, &payload, &len, fault);
		if (n <= 0 || rec_decode(&rec, payload, len, fault) != 0) {
			snprintf(err, 120, "batch: %.100s", n == 0 ? "ends in a record" : fault);
			return -1;
		}
		batch_record(q, &rec, seen);
		p += n;
		left -= (size_t)n;
	}
	for (uint32_t i = 0; i < q->n; i++)
		if (!seen[i])
			sync_missing(s, q->from + i);
	return 0;
}

/* Whether the newest burn blocks of the view are known to have this one among them. */
static bool recent(struct view *v, const uint8_t ch[CH_LEN])
{
	uint64_t first = v->net->first_burn_height;
	uint8_t known[CH_LEN];

	for (uint64_t h = v->tip, n = 0; v->has_tip && h > first && n < RECENT; h--, n++)
		if (view_ch(v, h, known) == 0 && memcmp(known, ch, CH_LEN) == 0)
			return true;
	return false;
}

/* A node that has no tenure, or is older than these, may have blocks of epoch 2.x. */
static int answer_info(struct rpc_request *q, const struct http_result *h, char err[120])
{
	struct rpc *r = q->rpc;
	struct source *s = r->source;
	struct rec_tip tip;
	int rc;

	r->no_tenure = q->kind == RPC_INFO && h->status != 200;
	s->info_done = !r->no_tenure;
	if (h->status != 200)
		return 0;
	rc = q->kind == RPC_INFO ? json_tip(&tip, h->body, h->len, err) :
				   json_node_tip(&tip, h->body, h->len, err);
	if (rc != 0 || tip.height == 0) /* the boot block is no news */
		return rc;
	sync_block_tip(s, &tip);
	if (!recent(&s->sync->view, tip.consensus_hash))
		rpc_poll_soon(r, now_ms());	/* a tenure of a burn block that we do not know */
	return 0;
}

static int answer_tip(struct source *s, const struct http_result *h, char err[120])
{
	struct rec_sortition r;

	if (json_sortition(&r, h->body, h->len, err) != 0)
		return -1;
	sync_burn_tip(s, &r);
	return 0;
}

int rpc_answer(struct rpc_request *q, const struct http_result *h, char why[200])
{
	struct source *s = q->rpc->source;
	int rc = 0;

	switch (q->kind) {
	case RPC_NODE:
		rc = answer_node(s, h, why);
		break;
	case RPC_POX:
		rc = answer_pox(s, h, why);
		break;
	case RPC_TIP:
		rc = answer_tip(s, h, why);
		break;
	case RPC_INFO:
	case RPC_OLD_INFO: rc = answer_info(q, h, why); break;
	case RPC_HEIGHT:
		rc = answer_height(q, h, why);
		break;
	case RPC_BATCH:
		rc = answer_batch(q, h, why);
		break;
	case RPC_SET:
		rc = answer_set(q, h, why);
		break;
	}
	return rc;
}

/* Next: cmd/sortition-sync/node_db.c, a node's own database as a source. */
