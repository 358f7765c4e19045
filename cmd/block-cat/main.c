/* block-cat - lists, prints, checks, exports and imports stored blocks.
 * Store: read; -i and -c write.  Net: none. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/block-cat/cat.h"
#include "common/sys/log.h"
#include "common/sys/options.h"
#include "common/sys/sandbox.h"
#include "common/sys/start.h"

static int create(const char *name)
{
	int fd = strcmp(name, "-") == 0 ?
	    STDOUT_FILENO :
	    open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		die_name("cannot write", name);
	return fd;
}

/* The archive describes the network that the store must be of (but names nobody to trust:
 * network_untrust), so its first two records are read before the store is opened, and that is
 * before confinement. */
static int import_file(struct store *s, const struct options *o, const char *name)
{
	static struct archive a;
	static struct network net;

	archive_open(&a, name);
	archive_network(&a, &net);
	if (o->network)
		store_open(s, options_dir(o), o->network,
		    KEEPER_TABLES | TABLE(T_SORTITIONS) | TABLE(T_REWARD_SETS), 0);
	else
		store_open_net(s, options_dir(o), &net,
		    KEEPER_TABLES | TABLE(T_SORTITIONS) | TABLE(T_REWARD_SETS), 0);
	if (strcmp(s->net.name, net.name) != 0 || s->net.chain_id != net.chain_id)
		die_usage("'%s' is of network '%s', the store of '%s'", name, net.name,
		    s->net.name);
	sandbox_enter(SANDBOX_THREADS | SANDBOX_WRITE);
	return archive_import(s, &a, o) ? 0 : EXIT_WORLD;
}

/* With the lock what is damaged can be removed; while another program has it, that one does. */
static int check(struct store *s, const struct check_options *k)
{
	char path[4096];
	struct store_holder holder;

	snprintf(path, sizeof(path), "%s/data.mdb", options_dir(k->options));
	store_open(s, options_dir(k->options), k->options->network, access(path, W_OK) != 0 ? 0 :
	    store_lock_holder(options_dir(k->options), &holder) ? TABLE(T_DAMAGED) : CHECK_TABLES,
	    0);
	sandbox_enter(SANDBOX_THREADS | (s->writes ? SANDBOX_WRITE : 0));
	return check_store(s, k) ? 0 : EXIT_WORLD;
}

int main(int argc, char **argv)
{
	struct options o = {
		.usage = "block-cat -d DIR -l\nblock-cat -d DIR ID\nblock-cat -d DIR -m [ID]\n"
			 "block-cat -d DIR -x FILE\nblock-cat -d DIR [-n NETWORK] -i FILE\n"
			 "block-cat -d DIR -c [-s] [-B BYTES/S]"
	};
	struct check_options k = { .options = &o };
	const char *from = NULL, *to = NULL;
	bool list = false, whole = false, streams = false;
	int c, rc = 0, fd = -1;

	program_start("block-cat");
	while ((c = getopt(argc, argv, OPTIONS_COMMON "B:ci:lmsx:")) != -1)
		switch (c) {
		case 'B': k.rate = options_number("-B", optarg, 1, UINT64_MAX >> 20); break;
		case 'c': whole = true; break;
		case 'i': from = optarg; break;
		case 'l': list = true; break;
		case 'm': streams = true; break;
		case 's': k.signatures = true; break;
		case 'x': to = optarg; break;
		default: options_take(&o, c, optarg);
		}
	if (list + whole + streams + (from != NULL) + (to != NULL) +
		(streams ? argc - optind > 1 : argc - optind) != 1)
		options_usage(&o, "give one of -l, ID, -m, -x FILE, -i FILE, -c");
	if (!whole && (k.rate || k.signatures))
		options_usage(&o, "-B and -s go with -c");

	static struct store s;
	if (from)
		rc = import_file(&s, &o, from);
	else if (whole)
		rc = check(&s, &k);
	else {
		store_open(&s, options_dir(&o), o.network, 0, 0);
		s.strict = true;
		if (to)
			fd = create(to);
		sandbox_enter(SANDBOX_NONE);
		if (list)
			list_blocks(&s);
		else if (streams && optind == argc)
			list_streams(&s);
		else if (streams)
			print_stream(&s, argv[optind]);
		else if (to)
			archive_write(&s, fd, to);
		else
			print_block(&s, argv[optind]);
	}
	store_close(&s);
	return rc;
}

/* Next: cmd/block-cat/out.c, out of the store. */
