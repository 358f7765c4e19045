/* Running a command and looking at it and its descendants ten times a second: private memory is
 * RssAnon + RssShmem, as the pages of the store that are mapped are everybody's. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/sys/log.h"
#include "tests/helper/test-tool/tool.h"

enum { MAX_PROGRAMS = 64, MAX_PIDS = 4096 };

struct process { int pid, parent; char name[32]; unsigned long kib; };
struct peak { char name[32]; unsigned long kib; };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -1: gone. */
static int look(struct process *p, int pid)
{
	char path[64], line[256];
	unsigned long n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	if (!f)
		return -1;
	*p = (struct process){ .pid = pid };
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "RssAnon: %lu", &n) == 1 || sscanf(line, "RssShmem: %lu", &n) == 1)
			p->kib += n;
		sscanf(line, "PPid: %d", &p->parent);
		sscanf(line, "Name: %31s", p->name);
	}
	fclose(f);
	return 0;
}

static void note(struct peak *peaks, const struct process *p)
{
	unsigned i;

	for (i = 0; i < MAX_PROGRAMS && peaks[i].name[0]; i++)
		if (strcmp(peaks[i].name, p->name) == 0)
			break;
	if (i == MAX_PROGRAMS)
		return;
	strcpy(peaks[i].name, p->name);
	if (p->kib > peaks[i].kib)
		peaks[i].kib = p->kib;
}

static void sample(int root, struct peak *peaks)
{
	static struct process all[MAX_PIDS];
	DIR *dir = opendir("/proc");
	struct dirent *e;
	unsigned n = 0;
	bool more = true;

	while (dir && (e = readdir(dir)) != NULL && n < MAX_PIDS)
		if (isdigit((unsigned char)e->d_name[0]) && look(&all[n], atoi(e->d_name)) == 0)
			n++;
	if (dir)
		closedir(dir);
	for (unsigned i = 0; i < n; i++)	/* descendants get the root as their parent */
		if (all[i].pid == root)
			all[i].parent = root;
	while (more) {
		more = false;
		for (unsigned i = 0; i < n; i++)
			for (unsigned j = 0; all[i].parent != root && j < n; j++)
				if (all[j].pid == all[i].parent && all[j].parent == root) {
					all[i].parent = root;
					more = true;
				}
	}
	for (unsigned i = 0; i < n; i++)
		if (all[i].parent == root)
			note(peaks, &all[i]);
}

static double cpu_of_children(void)
{
	struct rusage r;

	getrusage(RUSAGE_CHILDREN, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	    (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

int tool_run(const char *file, char **argv)
{
	static struct peak peaks[MAX_PROGRAMS];
	double began = now(), wall;
	pid_t pid = fork();
	int status, ticks = 0;
	FILE *f;

	if (pid < 0)
		die_world("cannot fork: %s", strerror(errno));
	if (pid == 0) {
		execvp(argv[0], argv);
		die_world("cannot run '%s': %s", argv[0], strerror(errno));
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (ticks++ % 10 == 0)
			sample((int)pid, peaks);
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
	wall = now() - began;
	f = fopen(file, "w");
	if (!f)
		die_world("cannot write '%s': %s", file, strerror(errno));
	fprintf(f, "wall %.3f\ncpu %.3f\n", wall, cpu_of_children());
	for (unsigned i = 0; i < MAX_PROGRAMS && peaks[i].name[0]; i++)
		fprintf(f, "peak %s %lu\n", peaks[i].name, peaks[i].kib);
	fclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Next: tests/helper/delay-proxy/main.c, which puts peers far away. */
