/* Words for people, on stderr: "program: fault 'subject': cause".  Control characters of foreign
 * text are replaced.  errno is kept. */
#ifndef BLOCKSYNC_LOG_H
#define BLOCKSYNC_LOG_H

#define EXIT_USAGE 100	/* wrong use: never retry */
#define EXIT_WORLD 111	/* the world failed: try again */
#define EXIT_UNUSABLE 113	/* of a stage towards blocksync alone: its store, or no source, can
				 * be used, and a restart does not help */
#define EXIT_FULL 114		/* the same: there is no room */

#define PRINTF(a, b) __attribute__((format(printf, a, b)))
void log_init(const char *program);		/* name at the head of each line */
void log_verbose(int level);			/* 0 warnings; 1 info; 2 debug */
const char *log_program(void);
void log_warn(const char *, ...) PRINTF(1, 2);	/* with strerror(errno) */
void log_warnx(const char *, ...) PRINTF(1, 2);
void log_info(const char *, ...) PRINTF(1, 2);
void log_debug(const char *, ...) PRINTF(1, 2);
_Noreturn void die_usage(const char *, ...) PRINTF(1, 2);	/* exit 100 */
_Noreturn void die_world(const char *, ...) PRINTF(1, 2);	/* exit 111 */
/* The exit code of a stage that has said what cannot be used: 111, or 113 where blocksync hears
 * it. */
int exit_unusable(void);
/* The store is locked by another program, or damaged: exit 111; under blocksync, which sets
 * $BLOCKSYNC_SUPERVISED, 113. */
_Noreturn void die_unusable(const char *, ...) PRINTF(1, 2);
/* A file or directory that the operator named, and errno: "what 'name': cause".  Exit 100 where the
 * name is wrong (nothing is there, or something of another kind), 111 where the world is (what may
 * not be read is there all the same). */
_Noreturn void die_name(const char *what, const char *name);
/* No room: on the disk, in the map, under a limit of file sizes.  One line and exit 111; under
 * blocksync without words 114, for it says that once however often it tries again. */
_Noreturn void die_full(const char *, ...) PRINTF(1, 2);
/* loud, abort */
_Noreturn void bug_at(const char *file, int line, const char *, ...) PRINTF(3, 4);
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)

/* Allocation that cannot fail: for want of memory it ends the program with 111. */
void *xmalloc(unsigned long);
void *xcalloc(unsigned long, unsigned long);
void *xrealloc(void *, unsigned long);
char *xstrdup(const char *);

#endif
