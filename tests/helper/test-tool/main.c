/* test-tool - what tests ask of a store or a running pipeline.
 *
 *   test-tool verdicts DIR         id, status, reason, source, detail: one line a row, tab
 *                                  separated
 *   test-tool faults DIR           who, class, what, count, stage, evidence
 *   test-tool tenures DIR          burn height, consensus hash, held, named, proven, complete,
 *                                  linked, why
 *   test-tool uploads DIR          id, source, request
 *   test-tool downloads DIR        consensus hash, id, state, source, tries, deaths, why
 *   test-tool damaged DIR          id
 *   test-tool aside DIR CH ID SOURCE [HASH UNTIL]
 *                                  set a block aside, as this program does, or without HASH as an
 *                                  earlier one did
 *   test-tool age DIR SECONDS      our address was agreed upon so long ago, or (negative) will be
 *   test-tool run FILE CMD...      run a command; into FILE: wall seconds, CPU seconds of it and
 *                                  all it waited for, and `peak PROGRAM KIB` of private memory
 *                                  for each program under it */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/store/store.h"
#include "common/sys/log.h"
#include "common/sys/stage.h"
#include "tests/helper/test-tool/tool.h"

static void hex(const void *p, size_t n)
{
	char text[2 * KEY_LEN + 1];

	fputs(hex_of(text, p, n), stdout);
}

static void text(struct rec_view v) { printf("\t%.*s", (int)v.n, (const char *)v.p); }

static bool print_verdict(void *arg, const struct rec_verdict *v)
{
	hex(v->id, ID_LEN);
	printf("\t%s", verdict_status_name(v->status));
	text(v->reason);
	text(v->source);
	text(v->detail);
	putchar('\n');
	return true;
}

static bool print_fault(void *arg, const struct rec_fault *f)
{
	printf("%.*s", (int)f->who.n, (const char *)f->who.p);
	printf("\t%s", fault_class_name(f->class));
	text(f->what);
	printf("\t%llu", (unsigned long long)f->count);
	text(f->stage);
	text(f->evidence);
	putchar('\n');
	return true;
}

static bool print_id(void *arg, const MDB_val *key, const MDB_val *data)
{
	hex(key->mv_data, key->mv_size < ID_LEN ? key->mv_size : ID_LEN);
	putchar('\n');
	return true;
}

static bool print_tenure(void *arg, const struct rec_tenure *t)
{
	printf("%llu\t", (unsigned long long)t->burn_height);
	hex(t->consensus_hash, CH_LEN);
	printf("\t%u\t%d\t%d\t%d\t%d", t->held, t->named, t->proven, t->complete, t->linked);
	text(t->why);
	putchar('\n');
	return true;
}

static bool print_upload(void *arg, uint64_t seq, const struct rec_block *b)
{
	hex(b->id, ID_LEN);
	text(b->source);
	text(b->request);
	putchar('\n');
	return true;
}

static bool print_download(void *arg, const struct rec_download *d)
{
	hex(d->consensus_hash, CH_LEN);
	putchar('\t');
	hex(d->id, ID_LEN);
	printf("\t%s", download_state_name(d->state));
	text(d->source);
	printf("\t%u\t%u", d->tries, d->deaths);
	text(d->why);
	putchar('\n');
	return true;
}

/* A row of downloads, with the verdict and the fault that go with it. */
static int aside(int argc, char **argv)
{
	static struct store s;
	struct rec_download d = { .source = rec_str(argv[5]), .state = DOWNLOAD_SETASIDE,
		.deaths = 2, .why = rec_str("a test") };
	struct rec_verdict v = { .source = d.source, .status = STATUS_REFUSED,
		.reason = rec_str("setaside") };
	struct rec_fault f = { .who = d.source, .class = FAULT_INVALID,
		.what = rec_str("setaside"), .evidence = rec_str(argv[4]) };
	char evidence[100];
	MDB_txn *txn;

	if (hex_to(d.consensus_hash, CH_LEN, argv[3], strlen(argv[3])) < 0 ||
	    hex_to(d.id, ID_LEN, argv[4], strlen(argv[4])) < 0 ||
	    (argc == 8 && hex_to(d.body_hash, 32, argv[6], strlen(argv[6])) < 0))
		die_usage("bad hex");
	if (argc == 8) {
		d.until = strtoull(argv[7], NULL, 10);
		snprintf(evidence, sizeof(evidence), "block %s", argv[4]);
		f.evidence = rec_str(evidence);
	}
	memcpy(v.id, d.id, ID_LEN);
	memcpy(v.body_hash, d.body_hash, 32);
	store_open(&s, argv[2], NULL, TABLE(T_DOWNLOADS) | TABLE(T_VERDICTS) | TABLE(T_FAULTS), 0);
	txn = store_write(&s);
	download_put(&s, txn, &d);
	verdict_put(&s, txn, &v);
	fault_add(&s, txn, &f);
	store_commit_or_die(&s, txn);
	store_close(&s);
	return 0;
}

static int age(int argc, char **argv)
{
	static struct store s;
	struct rec_address r;
	char address[65], source[301];
	MDB_txn *txn;

	store_open(&s, argv[2], NULL, TABLE(T_META), 0);
	txn = store_write(&s);
	if (meta_get_row(&s, txn, "address", REC_ADDRESS, &r) != 0)
		die_world("no address is known");
	r.address = rec_str(rec_cstr(address, sizeof(address), r.address));
	r.source = rec_str(rec_cstr(source, sizeof(source), r.source));
	r.time = now_unix() - (uint64_t)strtoll(argv[3], NULL, 10);
	meta_put_row(&s, txn, "address", REC_ADDRESS, &r);
	store_commit_or_die(&s, txn);
	store_close(&s);
	return 0;
}

int main(int argc, char **argv)
{
	static struct store s;
	MDB_txn *txn;

	log_init("test-tool");
	if (argc < 3)
		die_usage("usage: test-tool verdicts|faults|tenures|uploads|downloads|damaged DIR, "
			  "or run FILE CMD...");
	if (strcmp(argv[1], "run") == 0)
		return tool_run(argv[2], argv + 3);
	if (strcmp(argv[1], "aside") == 0 && (argc == 6 || argc == 8))
		return aside(argc, argv);
	if (strcmp(argv[1], "age") == 0 && argc == 4)
		return age(argc, argv);
	store_open(&s, argv[2], NULL, 0, 0);
	txn = store_read(&s);
	if (strcmp(argv[1], "verdicts") == 0)
		verdict_walk(&s, txn, NULL, print_verdict, NULL);
	else if (strcmp(argv[1], "faults") == 0)
		fault_walk(&s, txn, print_fault, NULL);
	else if (strcmp(argv[1], "tenures") == 0)
		tenure_walk(&s, txn, print_tenure, NULL);
	else if (strcmp(argv[1], "uploads") == 0)
		upload_walk(&s, txn, 0, print_upload, NULL);
	else if (strcmp(argv[1], "downloads") == 0)
		download_walk(&s, txn, print_download, NULL);
	else if (strcmp(argv[1], "damaged") == 0)
		store_walk(&s, txn, T_DAMAGED, NULL, 0, print_id, NULL);
	else
		die_usage("no subcommand '%s'", argv[1]);
	store_read_end(txn);
	store_close(&s);
	return 0;
}

/* Next: tests/helper/test-tool/run.c, which measures a running pipeline. */
