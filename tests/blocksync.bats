#!/usr/bin/env bats
# blocksync: the supervisor with stages that are shell scripts beside a copy of it.

bats_require_minimum_version 1.5.0

setup() {
	BIN=${BIN:-$PWD/build/bin}
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir -p bin dir
	cp "$BIN/blocksync" bin
	for s in sortition-sync inv-sync block-fetch block-verify block-store; do
		stage $s 'exec cat'
	done
	stage block-store 'exec cat >>records'
	# a first stage has no input: it lives until it is told to end
	stage sortition-sync 'trap "exit 0" TERM; echo up; while :; do sleep 0.05; done'
	printf '%s\n' 'name n' 'chain_id 7' 'peer_version 1' 'first_burn_height 0' \
	    'first_burn_hash 0000000000000000000000000000000000000000000000000000000000000001' 'cycle_length 20' \
	    'prepare_length 5' 'stable_confirmations 1' 'epoch 2.0 0' 'epoch 3.0 30' >net
}

# stage NAME SCRIPT: a program that notes its start and options in NAME.log
stage() {
	printf '#!/bin/bash\necho "$0 $* $$" >>%s/%s.log\n%s\n' "$PWD" "$1" "$2" >"bin/$1"
	chmod +x "bin/$1"
}

# until COMMAND holds, at most ten seconds
until_holds() {
	for _ in $(seq 1 200); do
		"$@" && return 0
		sleep 0.05
	done
	return 1
}

starts() { [ "$(cat "$1.log" 2>/dev/null | wc -l)" -ge "$2" ]; }

# blocksync in the background, with stdout and stderr in files; its pid in $PID
run_bg() {
	timeout --foreground 30 bin/blocksync -d dir "$@" >out 2>err &
	PID=$!
	until_holds starts block-store 1
	SELF=$(pgrep -P "$PID" -x blocksync)
}

@test "wires the stages in order, hands on what each takes, drains at SIGTERM" {
	run_bg -n net -s http://a -s net -Q 2 -p 127.0.0.1:1 -u http://u -F 3 -v
	until_holds grep -qs up records
	kill "$SELF"
	wait "$PID"
	[ "$(cat records)" = up ]
	[ ! -s out ]
	[[ "$(cat sortition-sync.log)" == *"/sortition-sync -d dir -n net -q -v -s http://a -s net -Q 2 "* ]]
	[[ "$(cat inv-sync.log)" == *"/inv-sync -d dir -n net -q -v -p 127.0.0.1:1 "* ]]
	[[ "$(cat block-fetch.log)" == *"/block-fetch -d dir -n net -v -u http://u -F 3 "* ]]
	[[ "$(cat block-verify.log)" == *"/block-verify -d dir -n net -q -v "* ]]
	[[ "$(cat block-store.log)" == *"/block-store -d dir -n net -q -v "* ]]
	[ ! -s err ]
}

@test "optional stages join when they exist" {
	stage block-store 'exec cat'
	stage pruner 'exec sed -u s/^/pruned:/ >>records'
	run_bg -n net
	until_holds grep -qs up records
	kill "$SELF"
	wait "$PID"
	[ "$(cat records)" = pruned:up ]
}

@test "public-ip is the second stage, where it is, and is given -a and -p" {
	stage public-ip 'exec sed -u s/^/asked:/'
	stage inv-sync 'exec sed -u s/^/inv:/'
	run_bg -n net -a 1.2.3.4 -p 127.0.0.1:1
	until_holds grep -qs up records
	kill "$SELF"
	wait "$PID"
	[ "$(cat records)" = inv:asked:up ]
	[[ "$(cat public-ip.log)" == *"/public-ip -d dir -n net -q -a 1.2.3.4 -p 127.0.0.1:1 "* ]]
}

@test "the first death that was not 'reader gone' is blamed, and all starts again" {
	stage block-verify 'if [ ! -e once ]; then
		until [ -s sortition-sync.log ] && [ -s block-store.log ]; do sleep 0.05; done
		touch once; kill -SEGV $$
	fi; exec cat'
	run_bg -n net
	until_holds starts block-store 2
	until_holds starts sortition-sync 2
	kill "$SELF"
	wait "$PID"
	[ "$(cat err)" = "blocksync: 'block-verify' failed: killed by signal 11 (Segmentation fault)" ]
}

@test "a pass whose sources tell no more goes on with what they have told, and is no success" {
	stage sortition-sync 'echo told; echo "sortition-sync: no quorum" >&2; exit 113'
	stage inv-sync 'trap "echo cut >&2; exit 0" TERM; cat; for _ in 1 2 3 4 5; do sleep 0.1; done; echo asked'
	stage block-fetch 'cat; exit 111'
	run --separate-stderr timeout 20 bin/blocksync -1 -d dir -n net
	[ "$status" -eq 111 ]
	[ "$stderr" = "sortition-sync: no quorum" ]
	[ "$(cat records)" = $'told\nasked' ]
	[ "$(wc -l <block-store.log)" -eq 1 ]
}

@test "a stage that loses its reader is not blamed" {
	stage inv-sync '[ -e once ] && exec cat; trap "" PIPE; yes 2>&- || exit 112'
	stage block-store 'if [ ! -e once ]; then until [ -s sortition-sync.log ]; do sleep 0.05; done; head -c 100 >/dev/null; touch once; exit 111; fi; exec cat'
	run_bg -n net
	until_holds starts sortition-sync 2
	kill "$SELF"
	wait "$PID" || true
	[ "$(head -1 err)" = "blocksync: 'block-store' failed: exit 111" ]
	[ "$(wc -l <err)" -eq 1 ]
}

@test "exit 100 is final" {
	stage block-store 'echo "block-store: bad" >&2; exit 100'
	run --separate-stderr timeout 10 bin/blocksync -d dir -n net
	[ "$status" -eq 100 ]
	[ "$stderr" = "block-store: bad" ]
	[ "$(wc -l <block-store.log)" -eq 1 ]
}

@test "a stage whose store cannot be used says why and is not started again: 111" {
	for once in '' -1; do
		rm -f ./*.log
		stage block-store 'echo "block-store: locked" >&2; exit 113'
		run --separate-stderr timeout 10 bin/blocksync $once -d dir -n net
		[ "$status" -eq 111 ]
		[ "$stderr" = "block-store: locked" ]
		[ "$(wc -l <block-store.log)" -eq 1 ]
	done
	stage block-store 'exec cat'
	stage block-serve 'echo "block-serve: damaged" >&2; exit 113'
	run --separate-stderr timeout 10 bin/blocksync -d dir -n net -l 127.0.0.1:0
	[ "$status" -eq 111 ]
	[ "$stderr" = "block-serve: damaged" ]
	[ "$(wc -l <block-serve.log)" -eq 1 ]
}

@test "block-fetch is told of a judge that crashed, and of no other end" {
	stage block-fetch 'echo "${BLOCKSYNC_CRASHED-none}" >>crashed; exec cat'
	for end in 'kill -SEGV $$' 'exit 111' 'kill -KILL $$' 'kill -ABRT $$'; do
		rm -f crashed once ./*.log
		stage block-verify "[ -e once ] || { until [ -s block-store.log ] && [ -s crashed ]; do sleep 0.05; done; touch once; $end; }; exec cat"
		run_bg -n net
		until_holds starts block-store 2
		until_holds eval '[ "$(cat crashed | wc -l)" -ge 2 ]'
		kill "$SELF"
		wait "$PID"
		case $end in
		*SEGV* | *ABRT*) [ "$(sed -n 2p crashed)" = block-verify ] ;;
		*) [ "$(sed -n 2p crashed)" = none ] ;;
		esac
		[ "$(head -1 crashed)" = none ]
	done
}

@test "a full store is told of once, and tried again until there is room" {
	stage block-store 'if [ "$(wc -l <block-store.log)" -le 3 ]; then exit 114; fi; exec cat'
	run_bg -n net
	until_holds starts block-store 4
	kill "$SELF"
	wait "$PID"
	[ "$(cat err)" = "blocksync: store 'dir' is full (disk, limit of file sizes, or \$BLOCKSYNC_MAP): 'block-store' is tried again until there is room" ]
	stage block-store 'exit 114'
	rm -f ./*.log
	run --separate-stderr timeout 20 bin/blocksync -1 -d dir -n net
	[ "$status" -eq 111 ]
	[[ "$stderr" == *"'block-store' is tried again a few times" ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ "$(wc -l <block-store.log)" -eq 4 ]
}

@test "a missing stage is named, exit 100" {
	rm bin/block-fetch
	PATH="$BIN:$PATH:$PWD/bin" run --separate-stderr timeout 10 bin/blocksync -d dir -n net
	[ "$status" -eq 100 ]
	[[ "$stderr" == *"blocksync: cannot run '$PWD/bin/block-fetch': No such file or directory"* ]]
}

@test "-1: 0 when all end well" {
	stage sortition-sync 'echo end'
	run --separate-stderr timeout 10 bin/blocksync -1 -d dir -n net
	[ "$status" -eq 0 ] && [ "$output" = end ] && [ -z "$stderr" ]
	grep -q -- '-1' sortition-sync.log inv-sync.log block-fetch.log
	! grep -q -- '-1' block-verify.log || false
}

@test "-1: 111 of block-fetch alone is the verdict, no crash" {
	stage sortition-sync 'echo end'
	stage block-fetch 'cat; exit 111'
	run --separate-stderr timeout 10 bin/blocksync -1 -d dir -n net
	[ "$status" -eq 111 ] && [ "$output" = end ] && [ -z "$stderr" ]
	[ "$(wc -l <block-fetch.log)" -eq 1 ]
}

@test "-1: a crash starts it again" {
	stage sortition-sync 'echo end'
	stage block-store 'if [ ! -e once ]; then touch once; kill -9 $$; fi; exec cat'
	run --separate-stderr timeout 10 bin/blocksync -1 -d dir -n net
	[ "$status" -eq 0 ]
	[ "$stderr" = "blocksync: 'block-store' failed: killed by signal 9 (Killed)" ]
}

@test "-1: fails after a few failures" {
	stage sortition-sync 'exit 111'
	run --separate-stderr timeout 30 bin/blocksync -1 -d dir -n net
	[ "$status" -eq 111 ]
	[ "$(wc -l <sortition-sync.log)" -eq 4 ]
}

@test "a stage that does not end is killed after ten seconds" {
	stage sortition-sync 'trap "" TERM; while :; do sleep 0.1; done'
	run_bg -n net
	kill "$SELF"
	wait "$PID"
	grep -q "'sortition-sync' does not end: killed" err
}

@test "block-serve stands beside and is started again alone" {
	stage block-serve 'echo http 127.0.0.1:5; [ -e once ] || { touch once; exit 111; }; trap "exit 0" TERM; while :; do sleep 0.05; done'
	run_bg -n net -l 127.0.0.1:0 -L -w 127.0.0.1:0 -U http://x
	until_holds starts block-serve 2
	starts block-store 1 && ! starts block-store 2
	kill "$SELF"
	wait "$PID"
	[[ "$(head -1 block-serve.log)" == *"/block-serve -d dir -n net -q -l 127.0.0.1:0 -L -w 127.0.0.1:0 -U http://x "* ]]
	grep -q '^http 127.0.0.1:5$' out
	grep -q "'block-serve' failed: exit 111" err
}

@test "nothing outlives a supervisor that is killed" {
	run_bg -n net
	first=$(awk '{ print $NF }' sortition-sync.log)
	kill -9 "$SELF"
	wait "$PID" || true
	until_holds bash -c "! kill -0 $first 2>/dev/null"
}

@test "stages inherit no descriptor but 0, 1 and 2" {
	stage block-store 'ls /proc/self/fd >fds; exec cat'
	exec 7<net
	run_bg -n net
	exec 7<&-
	until_holds test -s fds
	kill "$SELF"
	wait "$PID"
	[ "$(echo $(cat fds))" = "0 1 2 3" ]	# 3 is the folder that ls reads
}

@test "it sleeps: no wake-up while nothing happens" {
	run_bg -n net
	sleep 0.3
	a=$(awk '/ctxt/ { n += $2 } END { print n }' "/proc/$SELF/status")
	sleep 1
	b=$(awk '/ctxt/ { n += $2 } END { print n }' "/proc/$SELF/status")
	kill "$SELF"
	wait "$PID"
	[ "$a" -eq "$b" ]
}

@test "a store that one may not look into is not called absent: one line that names what is refused, 111, by every program" {
	local as=() dir
	dir=$(mktemp -d /tmp/denied.XXXXXX)	# all the way open to somebody else, as the test's own folders are not
	chmod 711 "$dir"
	cp "$BIN"/* "$dir"
	mkdir -m 700 "$dir/store"
	if [ "$(id -u)" -eq 0 ]; then as=(setpriv --reuid 65534 --regid 65534 --clear-groups); else chmod 000 "$dir/store"; fi
	for words in "sync-status" "sync-status -j" "block-cat -l" "block-cat -x -" "block-store" "block-verify" "block-fetch -1" "inv-sync -1" \
	    "sortition-sync -1 -s http://127.0.0.1:1" "block-serve -w 127.0.0.1:0" "blocksync -1" "blocksync"; do
		# shellcheck disable=SC2086
		run --separate-stderr timeout 5 "${as[@]}" "$dir/${words%% *}" -d "$dir/store" $(cut -s -d' ' -f2- <<<"$words") </dev/null
		echo "$words: $status, $stderr"
		[ "$status" -eq 111 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ "$stderr" == *"cannot look into store '$dir/store': Permission denied" ]]
	done
	chmod 700 "$dir/store"
	rm -rf "$dir"
}

@test "wrong use: one line, exit 100" {
	while IFS='|' read -r words fault; do
		# shellcheck disable=SC2086
		run --separate-stderr env -u BLOCKSYNC_DIR timeout 5 bin/blocksync $words
		[ "$status" -eq 100 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ "$stderr" == "blocksync: $fault"* ]]
	done <<-'END'
	-n net|no store: give -d DIR or set $BLOCKSYNC_DIR
	-d dir -n none|no network 'none': No such file or directory
	-d dir -n net -p host|bad peer 'host': no port
	-d dir -n net -p 00@h:1|bad peer '00@h:1': the public key
	-d dir -n net -F x|bad number 'x' for -F
	-d dir -n net -F 8192|bad number '8192' for -F: give 0 to 8191
	-d dir -n net -s http://h -Q 2|bad number '2' for -Q: give 1 to 1
	-d dir -n net -Q 0|bad number '0' for -Q
	-d dir -n net -s http://|bad source 'http://':
	-d dir -n net -s http://h:70000|bad source 'http://h:70000':
	-d dir -n net -u ftp://h|bad URL 'ftp://h': it begins with neither http:// nor https://
	-d none|there is no store in 'none': give -n to make one
	-d dir -n net more|unexpected argument 'more'
	-d dir -n net -a 1.2.3.4|-a is for 'public-ip', which is not installed
	-d dir -n net -b 5|-b is for 'anti-entropy', which is not installed
	-d dir -n net -c|-c is for 'anti-entropy', which is not installed
	-d dir -n net -U http://h|-U is for 'block-serve', which needs -l or -w
	-d dir -n net -L|-L is for 'block-serve', which needs -l or -w
	END
	sed 's/chain_id 7/chain_id x/' net >bad
	run --separate-stderr bin/blocksync -d dir -n bad
	[ "$status" -eq 100 ]
	[[ "$stderr" == "blocksync: bad:2: "* ]]
}
