/* The status in words: how far, how fast, on whose word, and what is in the way. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/sync-status/status.h"
#include "common/sys/stage.h"

#define LINES 10	/* of a list; the JSON has all */

static json_int_t number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}
static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));
	return s ? s : "-";
}

/* 1234567 as 1,234,567. */
static const char *grouped(char out[32], json_int_t v)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%lld", (long long)v), at = 0;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0 && digits[i - 1] != '-')
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

static void print_eta(json_int_t seconds)
{
	if (seconds >= 7200)
		printf(", %lld h left", (long long)seconds / 3600);
	else if (seconds >= 120)
		printf(", %lld min left", (long long)seconds / 60);
	else if (seconds > 0)
		printf(", %lld s left", (long long)seconds);
}

static void print_writer(const json_t *w)
{
	if (json_is_integer(json_object_get(w, "pid")))
		printf("writer    %s (process %lld on %s)\n", text(w, "program"),
		    (long long)number(w, "pid"), text(w, "host"));
	else
		printf("writer    %s\n",
		    json_is_object(w) ? "a program that could not write its name" : "none now");
}

static void print_mode(const json_t *o)
{
	json_int_t total = number(o, "tenures_wanted"), done = number(o, "tenures_done");
	time_t since = (time_t)number(o, "since");
	bool waits = json_is_string(json_object_get(o, "reason"));
	char when[32];
	struct tm tm;

	printf("mode      %s", text(o, "mode"));
	if (waits && since && gmtime_r(&since, &tm) &&
	    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm))
		printf(" since %s UTC", when);
	if (total > 0)	/* cut, not rounded: 100 is all */
		printf(", %lld.%lld %%%s", (long long)(done * 100 / total),
		    (long long)(done * 1000 / total % 10), waits ? " of what is known" : "");
	if (waits)
		printf(": %s", text(o, "reason"));
}

/* Winners of epoch 2.x that nothing wanted builds on. */
static void print_beside(const json_t *o)
{
	json_int_t offered = number(o, "offered"), unclaimed = number(o, "unclaimed");
	char a[32], b[32], c[32];

	if (offered || unclaimed)
		printf("beside    %s blocks of epoch 2.x on offer, %s of them proven; %s winners "
		       "whose block nobody claims\n",
		    grouped(a, offered), grouped(b, number(o, "offered_done")),
		    grouped(c, unclaimed));
}

static void print_wanted(const json_t *o)
{
	char a[32];

	if (json_is_integer(json_object_get(o, "wanted")))
		printf("wanted    %s%s blocks",
		    json_is_true(json_object_get(o, "wanted_exact")) ? "" : "at least ",
		    grouped(a, number(o, "wanted")));
	else
		printf("wanted    nobody has told yet how many blocks");
	printf("; %s of ", grouped(a, number(o, "tenures_done")));
	if (json_is_integer(json_object_get(o, "tenures_wanted")))
		printf("%s tenures done\n", grouped(a, number(o, "tenures_wanted")));
	else
		printf("an unknown number of tenures done: nobody has told which, down to the "
		       "first\n");
	if (number(o, "streams_missing"))
		printf("streams   %s microblock streams missing\n",
		    grouped(a, number(o, "streams_missing")));
	print_beside(o);
}

static void print_how_far(const json_t *o)
{
	char a[32], b[32];

	print_mode(o);
	double rate = json_real_value(json_object_get(o, "rate"));
	if (rate >= 0.1)
		printf(", %.*f blocks/s, %.1f MB/s from %lld sources", rate < 10 ? 1 : 0, rate,
		    (double)number(o, "byte_rate") / 1e6, (long long)number(o, "sources_in_use"));
	print_eta(number(o, "eta"));
	printf("\nnetwork   %s\n", text(o, "network"));
	print_writer(json_object_get(o, "writer"));
	if (json_is_integer(json_object_get(o, "burn_tip")))
		printf("burn tip  %s  %s\n", grouped(a, number(o, "burn_tip")),
		    text(o, "burn_tip_consensus_hash"));
	else
		printf("burn tip  none yet\n");
	if (json_is_integer(json_object_get(o, "proven_height")))
		printf("proven    height %s%s  %s\n", grouped(a, number(o, "proven_height")),
		    json_is_true(json_object_get(o, "provisional")) ? " (provisional)" : "",
		    text(o, "proven_tip"));
	else
		printf("proven    nothing yet\n");
	printf("held      %s blocks, %.1f MB", grouped(a, number(o, "held")),
	    (double)number(o, "held_bytes") / 1e6);
	printf("; %s tenures", grouped(b, number(o, "tenures_held")));
	printf(", %s proven", grouped(a, number(o, "tenures_proven")));
	printf(", %s linked\n", grouped(b, number(o, "tenures_linked")));
	print_wanted(o);
}

static void print_view(const json_t *o, bool running)
{
	const json_t *view = json_object_get(o, "view");
	json_int_t quorum = number(view, "quorum");

	if (json_object_size(view) == 0) {
		printf("view      no burnchain view yet%s\n",
		    json_array_size(json_object_get(o, "faults")) != 0 ?
			": see what its sources did, below" :
			running ? "" :
				  ": run sortition-sync");
		return;
	}
	printf("view      from %s", text(view, "sources"));
	if (json_is_false(json_object_get(view, "confirmed")))
		printf(" alone: not confirmed by any source\n");
	else if (quorum <= 1)
		printf(", trusted on its own word\n");
	else
		printf(", %lld must agree\n", (long long)quorum);
	if (!json_is_true(json_object_get(view, "at_tip")) &&
	    json_is_true(json_object_get(view, "confirmed")))
		printf("          not at the sources' tip yet\n");
}

/* How many rows a list has, those that were left out too. */
static size_t count(const json_t *o, const char *list)
{
	char left_out[64];

	snprintf(left_out, sizeof(left_out), "%s_left_out", list);
	return json_array_size(json_object_get(o, list)) + (size_t)number(o, left_out);
}

static void print_more(size_t n)
{
	if (n > LINES)
		printf("  … and %zu more (-j lists them)\n", n - LINES);
}

static void print_in_the_way(const json_t *row)
{
	json_int_t left = (number(row, "until") - (json_int_t)now_unix() + 3599) / 3600;

	if (json_is_integer(json_object_get(row, "until")))
		printf("  block %s from %s set aside, %lld h left: %s (block-fetch -R %s has it "
		       "tried again)\n",
		    text(row, "block_id"), text(row, "source"), (long long)left, text(row, "why"),
		    text(row, "block_id"));
	else
		printf("  %s %s %s: %s\n",
		    json_is_true(json_object_get(row, "stream")) ? "microblock stream of tenure" :
								   "tenure",
		    text(row, "consensus_hash"), text(row, "state"), text(row, "why"));
}

static void print_lists(const json_t *o, bool running)
{
	const json_t *row;
	size_t i;

	if (count(o, "unavailable"))
		printf("in the way\n");
	json_array_foreach(json_object_get(o, "unavailable"), i, row)
		if (i < LINES)
			print_in_the_way(row);
	print_more(count(o, "unavailable"));

	printf("peers     %zu known, %lld up%s\n", count(o, "peers"),
	    (long long)number(o, "peers_up"), running ? "" : " when last seen");
	json_array_foreach(json_object_get(o, "peers"), i, row)
		if (i < LINES)
			printf("  %.12s…@%s  %s, burn height %lld\n", text(row, "key"),
			    text(row, "address"), text(row, "state"),
			    (long long)number(row, "burn_height"));
	print_more(count(o, "peers"));
	if (json_is_string(json_object_get(o, "peers_down")))
		printf("down      %s\n", text(o, "peers_down"));

	printf("faults    %zu\n", count(o, "faults"));
	json_array_foreach(json_object_get(o, "faults"), i, row)
		if (i < LINES)
			printf("  %s: %s, %s, %lld times: %s\n", text(row, "who"),
			    text(row, "class"), text(row, "what"), (long long)number(row, "count"),
			    text(row, "evidence"));
	print_more(count(o, "faults"));
}

void status_print(const json_t *o, bool running)
{
	print_how_far(o);
	print_view(o, running);
	print_lists(o, running);
}

/* Next: cmd/blocksync/main.c, starts the stages as one pipeline, and starts them again when one
 * fails. */
