#!/usr/bin/env bats
# The frame that all stages stand in, by the plainest of them (tests/helper/stage).

bats_require_minimum_version 1.5.0
load streams

setup() {
	BIN=${BIN:-$PWD/build/bin}
	STAGE=${HELPER:-$(dirname "$BIN")/helper}/stage
	SCHEMA=$(sed -n 's/^SCHEMA //p' "$BATS_TEST_DIRNAME/../common/rec/records.def")
	cd "$BATS_TEST_TMPDIR" || return 1
	printf '%s\n' 'name n' 'chain_id 7' 'peer_version 1' 'first_burn_height 0' \
	    'first_burn_hash 0000000000000000000000000000000000000000000000000000000000000001' 'cycle_length 20' \
	    'prepare_length 5' 'stable_confirmations 1' 'epoch 2.0 0' 'epoch 3.0 30' >net
}

@test "broken and odd streams" {
	streams_check net -- "$STAGE" -n net
}

@test "reader gone while writing" {
	"$STAGE" -n net -b 2000 </dev/null >many
	streams_reader_gone "$STAGE" -n net <many
}

@test "reader gone while idle" {
	mkfifo in
	exec 9<>in
	run --separate-stderr bash -c 'timeout 10 "$1" -n net <in | sleep 0.1; echo "${PIPESTATUS[0]}"' - "$STAGE"
	exec 9>&-
	[ "$output" = 111 ]
}

@test "under the supervisor a gone reader is 112" {
	"$STAGE" -n net -b 2000 </dev/null >many
	run bash -c 'BLOCKSYNC_SUPERVISED=1 "$1" -n net <many | head -c 1 >/dev/null; echo "${PIPESTATUS[0]}"' - "$STAGE"
	[ "${lines[-1]}" = 112 ]
}

@test "terminal, /dev/null and closed are no input: lives until a signal" {
	for input in '</dev/null' '<&-'; do
		eval 'timeout --foreground 20 "$STAGE" -n net' "$input" '>out 2>err &'
		pid=$!
		for _ in $(seq 1 200); do [ -s out ] && break; sleep 0.02; done
		[ "$("$BIN/rec" <out)" = '{"type":"hello","schema":'"$SCHEMA"',"network":"n","chain_id":7,"stage":"stage"}' ]
		kill "$pid"		# timeout hands it on
		rc=0; wait "$pid" || rc=$?
		[ "$rc" -eq 124 ] || [ "$rc" -eq 0 ]
		[ ! -s err ]
		rm out
	done
}

@test "with -1 and no input it makes its pass at once" {
	run --separate-stderr timeout 5 "$STAGE" -1 -n net </dev/null
	[ "$status" -eq 0 ]
}

@test "output closed or /dev/null is thrown away" {
	timeout 5 "$STAGE" -n net -b 100 </dev/null >/dev/null
	timeout 5 "$STAGE" -n net -b 100 </dev/null >&-
}

@test "a hello that comes first goes on; one that comes late does not" {
	streams_news net | "$BIN/rec" -r | "$STAGE" -n net | "$BIN/rec" >out
	grep -c hello out | grep -qx 1
	grep -q '"stage":"test"' out
	{ streams_news net | tail -1; streams_news net; } | "$BIN/rec" -r | "$STAGE" -n net | "$BIN/rec" >out
	grep -c hello out | grep -qx 1
	head -1 out | grep -q '"stage":"stage"'
}

@test "what is passed on is the same bytes, and a slow reader stops the reading" {
	"$STAGE" -n net -b 10000 </dev/null >many
	"$STAGE" -n net <many | (sleep 0.3; cat) | cmp - many
	mkfifo out
	exec 7<many
	timeout 20 "$STAGE" -n net <&7 >out &
	pid=$!
	exec 9<out
	sleep 0.3
	self=$(pgrep -P "$pid" -x stage)
	taken=$(awk '/^pos/ { print $2 }' /proc/self/fdinfo/7)	# the place is shared with the stage
	[ "$taken" -lt 2500000 ]	# a pipe of 1 MiB, and half a MiB of buffers
	[ "$(awk '/RssAnon/ { print $2 }' "/proc/$self/status")" -lt 16384 ]
	cmp many <(cat <&9)
	exec 7<&-
	wait "$pid"
}

@test "of unwritten news the newest a key is kept" {
	run bash -c '"$1" -1 -n net -w 200000 </dev/null | (sleep 0.3; cat) | "$2/rec" | grep -c want' - "$STAGE" "$BIN"
	[ "$output" -lt 50000 ]
	"$STAGE" -1 -n net -w 200000 </dev/null | (sleep 0.3; cat) | "$BIN/rec" | tail -10 | sort -t: -k4 >last
	[ "$(grep -o '"burn_height":[0-9]*' last | sort -t: -k2n | head -1)" = '"burn_height":199990' ]
}

@test "SIGUSR1 says how things are" {
	mkfifo in
	timeout 20 "$STAGE" -n net <in >/dev/null 2>err &
	pid=$!
	exec 9>in
	streams_news net | "$BIN/rec" -r >&9
	for _ in $(seq 1 100); do self=$(pgrep -P "$pid" -x stage) && break; sleep 0.02; done
	sleep 0.2
	kill -USR1 "$self"
	for _ in $(seq 1 100); do [ "$(wc -l <err)" -ge 2 ] && break; sleep 0.02; done
	exec 9>&-
	wait "$pid"
	grep -q '^stage: input [0-9]* bytes, output 0 bytes waiting$' err
	grep -q '^stage: 3 records$' err
}

@test "a full disk is the world's fault" {
	[ -w /dev/full ] || skip "no /dev/full"
	run --separate-stderr timeout 5 "$STAGE" -n net -b 1000 </dev/null
	run --separate-stderr bash -c 'timeout 5 "$1" -n net -b 1000 </dev/null >/dev/full' - "$STAGE"
	[ "$status" -eq 111 ]
	[ "$stderr" = "stage: cannot write to standard output: No space left on device" ]
}
