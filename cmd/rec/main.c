/* rec - records to JSON lines, and back with -r.
 * Reads: any stream of records, or JSON lines.  Writes: the other.  Store: none.  Net: none. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/rec/rec.h"
#include "common/sys/log.h"
#include "common/sys/options.h"
#include "common/sys/out.h"
#include "common/sys/sandbox.h"
#include "common/sys/start.h"

static const char usage[] = "rec [-r]\n";

#define READ_SIZE (256u << 10)
#define MAX_LINE (4u * MAX_FRAME)	/* hex doubles; the rest is for blanks and escapes */

/* Standard input: what was read and is not taken yet is p + start .. p + end. */
struct input { char *p; size_t start, end, cap; uint64_t offset, line; };

/* Read on.  False at the end of input. */
static bool input_fill(struct input *in)
{
	ssize_t n;

	if (in->start) {
		memmove(in->p, in->p + in->start, in->end - in->start);
		in->offset += in->start;
		in->end -= in->start;
		in->start = 0;
	}
	if (in->cap - in->end < READ_SIZE) {	/* grows by what has come, at most by one record */
		in->cap = in->cap ? 2 * in->cap : 2 * READ_SIZE;
		in->p = xrealloc(in->p, in->cap);
	}
	n = read_some(STDIN_FILENO, in->p + in->end, READ_SIZE);
	if (n < 0)
		die_world("cannot read standard input: %s", strerror(errno));
	in->end += (size_t)n;
	return n > 0;
}

/* Print the complete records.  -1: broken. */
static int print_records(struct input *in)
{
	const uint8_t *payload;
	char err[160];
	struct rec r;
	size_t len;
	ssize_t n;

	while ((n = rec_frame((const uint8_t *)in->p + in->start, in->end - in->start, &payload,
		    &len, err)) > 0) {
		if (rec_decode(&r, payload, len, err) < 0)
			log_info("byte %llu: %s: printed raw",
			    (unsigned long long)(in->offset + in->start), err);
		rec_print(stdout, &r);
		in->start += (size_t)n;
	}
	out_flush();	/* at the pace of input, so that a live stream can be watched */
	if (n < 0)
		log_warnx("standard input is broken at byte %llu: %s",
		    (unsigned long long)(in->offset + in->start), err);
	return (int)n;
}

static int to_json(struct input *in)
{
	while (input_fill(in))
		if (print_records(in) < 0)
			return EXIT_WORLD;
	if (in->end == in->start)
		return 0;
	log_warnx("standard input is broken at byte %llu: cut off in the middle of a record",
	    (unsigned long long)(in->offset + in->start));
	return EXIT_WORLD;
}

static int write_record(struct input *in, size_t len)
{
	struct rec_buf frame = { 0 };
	const char *line = in->p + in->start;
	char err[160];
	int rc = 0;

	in->line++;
	if (strspn(line, " \t\r\n") < len)
		rc = rec_parse(&frame, line, len, err);
	if (frame.n)
		fwrite(frame.p, 1, frame.n, stdout);
	rec_buf_release(&frame);
	if (rc < 0)
		log_warnx("standard input, line %llu: %s", (unsigned long long)in->line, err);
	return rc;
}

static int write_records(struct input *in)
{
	char *end;
	int rc = 0;

	while (rc == 0 && (end = memchr(in->p + in->start, '\n', in->end - in->start))) {
		size_t len = (size_t)(end - (in->p + in->start)) + 1;

		rc = write_record(in, len);
		in->start += len;
	}
	if (rc == 0 && in->end - in->start > MAX_LINE) {
		log_warnx("standard input, line %llu: longer than %u bytes",
		    (unsigned long long)in->line + 1, MAX_LINE);
		rc = -1;
	}
	out_flush();
	return rc;
}

static int to_records(struct input *in)
{
	while (input_fill(in))
		if (write_records(in) < 0)
			return EXIT_WORLD;
	if (in->end > in->start) {	/* a last line without its newline */
		in->p[in->end++] = '\n';
		if (write_records(in) < 0)
			return EXIT_WORLD;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .usage = usage };
	struct input in = { 0 };
	bool reverse = false;
	int c, rc;

	program_start("rec");
	while ((c = getopt(argc, argv, "hqrVv")) != -1)
		if (c == 'r')
			reverse = true;
		else
			options_take(&o, c, optarg);
	if (optind < argc)
		options_usage(&o, "unexpected argument '%s'", argv[optind]);
	if (reverse && isatty(STDOUT_FILENO))
		options_usage(&o, "records are not for a terminal: redirect the output of -r");
	sandbox_enter(SANDBOX_NONE);
	rc = reverse ? to_records(&in) : to_json(&in);
	free(in.p);
	return rc;
}

/* Next: common/rec/rec.c, the records themselves. */
