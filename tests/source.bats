#!/usr/bin/env bats
# What make check-source looks for, shown by sources that have it.
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/.." || return 1
	words="$BATS_TEST_TMPDIR/words.c"
}

check_words() { run contrib/check-words common/rec/records.def "$words"; }

@test "no decision hangs on a sentence, a name of an enum, or a name that a table gives" {
	cat >"$words" <<'END'
#define SENTENCE "it has our own key"
#define ENDS(X) \
	X(SILENT, USELESS, "silent")
const char *end_words(enum end);
static const char *const held = "another network";
int f(const char *why, enum end end)
{
	return strcmp(why, "another key") == 0 ||
	    strncmp(why, "stable hash (", 11) == 0 ||
	    strstr(why, SENTENCE) ||
	    strcmp(held, why) == 0 ||
	    rec_is(r->state, "banned") ||
	    strcmp(why, "catching" " up") == 0 ||
	    strncmp(why, "silent", 6) == 0 ||
	    strcmp(why, end_words(end)) == 0;
}
END
	check_words
	[ "$status" = 1 ]
	for line in 8 9 10 11 12 13 14 15; do
		[[ "$output" == *"$words:$line: decides by "* ]]
	done
	[ "${#lines[@]}" = 8 ]
}

@test "formats, names that are given, and comments are no such thing" {
	cat >"$words" <<'END'
#define FORMAT_STATUS "HTTP/1.1 "
/* strcmp(why, "a sentence that was") */
int f(const char *head, const char *name, const char *option)
{
	say("nobody is up", strcmp(name, option));
	return strncmp(head, FORMAT_STATUS, 9) == 0 || strcasecmp(name, "Content-Length") == 0 ||
	    strcmp(option, "-") == 0 || strspn(head, " \t") > 0;
}
END
	check_words
	[ "$status" = 0 ]
	[ "$output" = "" ]
}
