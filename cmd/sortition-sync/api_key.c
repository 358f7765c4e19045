/* api_key - the file of -K: one header line, which goes to the sources and nowhere else, and into
 * no log. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/sortition-sync/sync.h"
#include "common/sys/log.h"

#define MAX_KEY 4096

static size_t file_read(const char *path, char text[MAX_KEY])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t n = 0;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0)
		die_name("cannot read the API key", path);
	while ((got = read(fd, text + n, MAX_KEY - n)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			die_name("cannot read the API key", path);
		n += (size_t)got;
		if (n == MAX_KEY)
			die_usage("API key '%s': longer than %d bytes", path, MAX_KEY - 1);
	}
	close(fd);
	if (S_ISREG(st.st_mode) && (st.st_mode & 027))
		log_warnx("API key '%s': others may read or change it (mode %03o): chmod 600", path,
		    st.st_mode & 0777);
	return n;
}

/* The name of a header, with its colon: its length, or 0 (RFC 9110 5.1). */
static size_t name_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || (p[n] && strchr("!#$%&'*+-.^_`|~", p[n])))
		n++;
	return n && p[n] == ':' ? n + 1 : 0;
}

char *api_key_read(const char *path)
{
	char text[MAX_KEY], *line = text, *out;
	size_t n = file_read(path, text), name;

	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	text[n] = '\0';
	while (isspace((unsigned char)*line))
		line++, n--;
	name = name_length(line);
	for (size_t i = 0; i < n; i++)
		if (!isprint((unsigned char)line[i]))
			die_usage("API key '%s': one line of printable characters, please", path);
	if (n == 0 || (name && strspn(line + name, " ") == n - name) ||
	    (!name && strchr(line, ' ')))
		die_usage("API key '%s': neither a header line, 'name: value', nor a key", path);
	out = xmalloc(n + 32);
	snprintf(out, n + 32, "%s%s", name ? "" : "x-api-key: ", line);
	memset(text, 0, sizeof(text));
	return out;
}

/* Next: cmd/sortition-sync/source.c, whom the view comes from. */
