/* stage - the plainest stage there is, to test the frame of all of them.
 *
 *   stage [-1v] [-b BLOCKS] [-w NEWS] [-e TEXT] [-p MS] -n NETWORK
 *
 * -b emits that many blocks of 2 kB, stopping while the output is full; -w emits that many `want`
 * records at once as news about ten tenures; -e ends with this line and 111 when the reader is
 * gone; -p pauses input for so long after each record.  Without these it passes on what comes. */
#include <stdlib.h>
#include <unistd.h>

#include "common/sys/log.h"
#include "common/sys/sandbox.h"
#include "common/sys/stage.h"
#include "common/sys/start.h"

struct test {
	struct stage *stage;
	const char *lost;
	uint64_t blocks, sent, news, pause_ms, seen;
	struct event *unpause;
	uint8_t body[2000];
};

static bool on_record(void *arg, struct rec *r)
{
	struct test *t = arg;

	t->seen++;
	if (t->pause_ms) {
		stage_pause(t->stage, true);
		event_add(t->unpause, &(struct timeval){ 0, (suseconds_t)t->pause_ms * 1000 });
	}
	return false;
}

static void on_unpause(evutil_socket_t fd, short what, void *arg)
{
	stage_pause(((struct test *)arg)->stage, false);
}

static void blocks_send(struct test *t)
{
	struct rec_block b = { .body = rec_bytes(t->body, sizeof(t->body)),
		.source = rec_str("test") };

	while (t->sent < t->blocks && !stage_full(t->stage)) {
		b.height = ++t->sent;
		put_be64(b.id, b.height);
		stage_emit(t->stage, REC_BLOCK, &b);
	}
	if (t->blocks && t->sent == t->blocks && !stage_has_input(t->stage))
		stage_finish(t->stage, 0);
}

static void on_room(void *arg) { blocks_send(arg); }

static void on_lost(void *arg)
{
	struct test *t = arg;

	if (t->lost)
		log_warnx("%s", t->lost);
}

static void on_report(void *arg)
{
	log_warnx("%llu records", (unsigned long long)((struct test *)arg)->seen);
}

static void news_send(struct test *t)
{
	struct rec_want w = { .state = WANT_WANTED };

	for (uint64_t i = 0; i < t->news; i++) {
		w.burn_height = i;
		w.consensus_hash[0] = (uint8_t)(1 + i % 10);
		stage_emit_news(t->stage, REC_WANT, &w, w.consensus_hash, CH_LEN);
	}
}

int main(int argc, char **argv)
{
	struct options o = {
		.usage = "stage [-1v] [-b BLOCKS] [-w NEWS] [-e TEXT] [-p MS] -n NETWORK\n"
	};
	static const struct stage_ops ops = {
		.record = on_record, .room = on_room, .lost = on_lost, .report = on_report
	};
	struct test t = { 0 };
	struct network net;
	int c, rc;

	program_start("stage");
	while ((c = getopt(argc, argv, OPTIONS_COMMON "1b:e:p:w:")) != -1)
		switch (c) {
		case 'b': t.blocks = options_number("-b", optarg, 1, UINT32_MAX); break;
		case 'e': t.lost = optarg; break;
		case 'p': t.pause_ms = options_number("-p", optarg, 1, 999); break;
		case 'w': t.news = options_number("-w", optarg, 1, UINT32_MAX); break;
		default: options_take(&o, c, optarg);
		}
	if (!o.network)
		options_usage(&o, "no network: give -n");
	network_load(&net, o.network);
	t.stage = stage_new("stage", &o, &ops, &t);
	stage_network(t.stage, &net);
	t.unpause = evtimer_new(stage_base(t.stage), on_unpause, &t);
	sandbox_enter(SANDBOX_NONE);
	news_send(&t);
	blocks_send(&t);
	rc = stage_run(t.stage);
	event_free(t.unpause);
	stage_free(t.stage);
	return rc;
}
