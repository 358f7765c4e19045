#!/usr/bin/env bats
# Broken and odd input, to every stage: one clear line on standard error, the right exit code, and everything before
# the fault kept and passed on.  And the reader gone.

bats_require_minimum_version 1.5.0
load streams

setup() {
	BIN=${BIN:-$PWD/build/bin}
	NET=$PWD/tests/fixtures/transition.network
	VIEW=$PWD/tests/fixtures/transition.rec
	cd "$BATS_TEST_TMPDIR" || return 1
}

# More than pipes and buffers hold.
plenty() {
	streams_news "$NET" | tail -n +2 | "$BIN/rec" -r >plenty
	for _ in $(seq 1 15); do
		cat plenty plenty >twice
		mv twice plenty
	done
}

# every PROGRAM ARGUMENT...
every() {
	[ -x "$BIN/$1" ] || skip "no $1 in this build"
	streams_check "$NET" -- "$BIN/$1" "${@:2}"
	plenty
	streams_reader_gone "$BIN/$1" "${@:2}" <plenty
}

@test "inv-sync" { every inv-sync -d d -n "$NET"; }
@test "block-fetch" { every block-fetch -d d -n "$NET"; }
@test "block-verify" {
	"$BIN/block-store" -1 -d d -n "$NET" </dev/null >/dev/null	# it makes no store itself
	every block-verify -d d -n "$NET"
}
@test "block-store" { every block-store -d d -n "$NET"; }
@test "public-ip" { every public-ip -d d -n "$NET"; }
@test "anti-entropy" { every anti-entropy -d d -n "$NET"; }
@test "pruner" { every pruner -d d -n "$NET"; }

# What follows from it, that nothing came, is not told again.
@test "random bytes: one line" {
	for program in 'public-ip -1' 'inv-sync -1' 'block-fetch -1' block-store block-verify; do
		# shellcheck disable=SC2086
		run --separate-stderr timeout 20 "$BIN"/$program -d d -n "$NET" < <(printf 'random bytes')
		[ "$status" -eq 111 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
}

@test "block-verify with a view from a file" {
	"$BIN/rec" <"$VIEW" | grep '"type":"\(hello\|sortition\|reward_set\)"' | "$BIN/rec" -r >view
	every block-verify -n "$NET" -R view
}

@test "a whole archive through verify and store, cut in its last block: all but that is stored" {
	"$BIN/block-cat" -d whole -n "$NET" -i "$VIEW"
	n=$("$BIN/block-cat" -d whole -l | wc -l)
	[ "$n" -gt 0 ]
	head -c -10 "$VIEW" >cut
	run --separate-stderr bash -o pipefail -c '"$0/block-verify" -n "$1" -R "$2" <cut | "$0/block-store" -d cutstore -n "$1" | "$0/rec" >out' "$BIN" "$NET" "$VIEW"
	[ "$status" -eq 111 ]
	[ "$(grep -c 'cut off in the middle of a record' <<<"$stderr")" -eq 1 ]
	blocks=$("$BIN/rec" <"$VIEW" | grep -c '"type":"block"')
	[ "$(grep -c '"type":"stored"' out)" -eq $((blocks - 1)) ]
}
