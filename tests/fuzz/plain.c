/* Runs a fuzz target over files, so that a stored corpus is a test wherever there is no libFuzzer.
 * Arguments are files or directories; prints TAP, one line a file. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A copy of exact size, so that a sanitizer sees a read beyond it. */
static void run_file(const char *path, unsigned *n)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *p;

	if (!f || fstat(fileno(f), &st) < 0 || !(p = malloc((size_t)st.st_size + !st.st_size)) ||
	    fread(p, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
		printf("not ok %u - %s: cannot read\n", ++*n, path);
		exit(1);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(p, (size_t)st.st_size);
	free(p);
	printf("ok %u - %s\n", ++*n, path);
}

static int no_dots(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void run_path(const char *path, unsigned *n)
{
	struct dirent **names;
	int count = scandir(path, &names, no_dots, alphasort);

	if (count < 0) {
		run_file(path, n);
		return;
	}
	for (int i = 0; i < count; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		run_file(file, n);
		free(names[i]);
	}
	free(names);
}

int main(int argc, char **argv)
{
	unsigned n = 0;

	/* the line before the one that aborts must be out */
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		run_path(argv[i], &n);
	printf("1..%u\n", n);
	return 0;
}
