#!/usr/bin/env bats
# How every program begins: closed descriptors, signals, cores, limits, and output that does not block.

bats_require_minimum_version 1.5.0
load common

setup_file() {
	# shellcheck source=tests/common.bash
	source tests/common.bash
	CHAIN=$(small_chain)
	serve_chain "$CHAIN" "$BATS_FILE_TMPDIR/peer" honest
	timeout 60 blocksync -1 -q -d "$BATS_FILE_TMPDIR/full" -n "$CHAIN/network" -s "${URLS[0]}" "${PEERS[@]}" 2>"$BATS_FILE_TMPDIR/err"
	stop_started
}

setup() {
	FULL=$BATS_FILE_TMPDIR/full
	CHAIN=$(small_chain)
	cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() { stop_started; }

# Sanitizers answer a fault with a report, look into /proc, and need all address space.
not_sanitized() { [[ $BIN != */san/* ]] || skip "not with sanitizers"; }

# A program starts a thread with all signals blocked for a moment: this is to be waited for.
lacks_signal() { ! has_signal "$@"; }
# until_holds COMMAND...: at most ten seconds
until_holds() {
	for _ in $(seq 200); do "$@" && return 0; sleep 0.05; done
	return 1
}

ended() { [ ! -e "/proc/$1" ] || [[ $(status_of "$1" State) == Z* ]]; }

# The programs that live until a signal, each with a store of its own in $1.
living() {
	case $1 in
	blocksync) echo blocksync -q -d "$1" -n "$CHAIN/network" -s http://127.0.0.1:1 ;;
	block-serve) echo block-serve -d "$1" -n "$CHAIN/network" -w 127.0.0.1:0 ;;
	sortition-sync) echo sortition-sync -q -d "$1" -n "$CHAIN/network" -s http://127.0.0.1:1 ;;
	block-verify) echo block-verify -q -d "$FULL" ;;	# which makes no store
	rec) echo rec ;;
	*) echo "$1" -q -d "$1" -n "$CHAIN/network" ;;
	esac
}
LIVING='blocksync block-serve sortition-sync public-ip inv-sync block-fetch block-verify block-store rec'

# begin PROGRAM WRAPPER...: in the background, its input open and silent; waits until it reads the signals that it will read.  Its pid in $PID.
begin() {
	local program=$1
	shift
	[ -p silence ] || { mkfifo silence; exec 8<>silence; }
	"$@" $(living "$program") <silence >"$program.out" 2>"$program.err" 8>&- 3>&- &
	PID=$!
	STARTED+=("$PID")
	until_holds ready "$program" "$PID"
}
ready() {
	[ "$(cat "/proc/$2/comm" 2>/dev/null)" = "$1" ] || return 1
	case $1 in
	rec) has_signal "$2" SigIgn 13 ;;
	blocksync) has_signal "$2" SigBlk 15 && [ -n "$(pgrep -P "$2")" ] ;;
	*) has_signal "$2" SigCgt 10 ;;
	esac
}

@test "a closed descriptor is never the store's file" {
	local sum how program
	cp -r "$FULL" s
	sum=$(cksum <s/data.mdb)
	for how in '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
		for program in 'block-cat -d s -l' "block-cat -d s $(printf '0%.0s' {1..64})" 'block-cat -d s -x x' 'sync-status -d s'; do
			(eval "exec timeout 20 $program $how") >/dev/null 2>&1 || true
			[ "$(cksum <s/data.mdb)" = "$sum" ] || { echo "$program $how"; return 1; }
		done
		# it writes rows of its own, and no words
		eval "exec block-serve -v -d s -w 127.0.0.1:0 $how" 3>&- &
		PID=$!
		STARTED+=("$PID")
		until_holds ready block-serve $PID
		for fd in 0 1 2; do [[ $(readlink "/proc/$PID/fd/$fd") != */data.mdb ]]; done
		kill -USR1 $PID
		kill $PID
		wait $PID
		block-cat -d s -l | cmp - <(block-cat -d "$FULL" -l)
		sum=$(cksum <s/data.mdb)
	done
}

@test "without /dev/null a closed descriptor is a reason to end" {
	[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || skip "needs root and mount namespaces"
	mkdir none
	run --separate-stderr unshare -m sh -c 'mount --bind none /dev && exec sync-status -d "$0" <&-' "$FULL"
	[ "$status" -eq 111 ]
	[ "$stderr" = "sync-status: descriptor 0 is closed, and '/dev/null' cannot take its place" ]
}

@test "a hang-up that was ignored at the start stays so" {
	local p
	for p in $LIVING; do
		begin $p env --ignore-signal=HUP
		has_signal $PID SigIgn 1
		! has_signal $PID SigCgt 1 || false
		until_holds lacks_signal $PID SigBlk 1
		kill -HUP $PID
		if [ $p != rec ] && [ $p != blocksync ]; then	# one that is taken is answered: the hang-up was seen before it
			kill -USR1 $PID
			until_holds test -s $p.err
		fi
		! ended $PID || false
		kill $PID
		wait $PID || [ $p = rec ]
	done
}

@test "a hang-up ends what did not ignore it, with 111" {
	local p rc
	for p in $LIVING; do
		[ $p = rec ] && continue	# it has nothing to finish: the signal ends it
		begin $p env --default-signal=HUP
		kill -HUP $PID
		rc=0
		wait $PID || rc=$?
		[ $rc -eq 111 ] || { echo "$p: $rc"; return 1; }
	done
}

@test "signals that the parent blocked arrive, no core is written, nobody looks in" {
	local p
	for p in $LIVING; do
		begin $p bash -c 'ulimit -S -c unlimited; exec env --block-signal --default-signal "$@"' -
		[ $p = blocksync ] || until_holds lacks_signal $PID SigBlk 2	# which reads it from a descriptor
		until_holds lacks_signal $PID SigBlk 14
		for sig in 13 25; do has_signal $PID SigIgn $sig; done
		grep -q '^Max core file size  *0  *0 ' "/proc/$PID/limits"
		[ "$(id -u)" = 0 ] || ! readlink "/proc/$PID/exe"
		kill $PID
		wait $PID || [ $p = rec ]
	done
}

@test "a segment fault leaves no core, though the parent asked for one" {
	not_sanitized
	[ "$(cut -c1 /proc/sys/kernel/core_pattern)" != / ] || skip "cores go elsewhere"
	ulimit -c unlimited || skip "no cores here"
	begin block-serve env
	until_holds grep -q '^http\|^p2p' block-serve.out	# before that a library may be called, whose faults are caught
	kill -SEGV $PID
	wait $PID || [ $? -eq 139 ]
	[ -z "$(ls core* 2>/dev/null)" ]
}

# slow_reader COMMAND...: its output through a pipe that does not block, read only when it is full.
slow_reader() {
	perl -e '
		use Fcntl;
		pipe(my $r, my $w) or die;
		fcntl($w, F_SETFL, fcntl($w, F_GETFL, 0) | O_NONBLOCK);
		fcntl($w, 1031, 4096);
		my $pid = fork;
		if (!$pid) { close $r; open(STDOUT, ">&", $w); exec @ARGV or die; }
		close $w;
		select(undef, undef, undef, 0.3);	# it only makes it likelier that the pipe is full
		local $/;
		print <$r>;
		waitpid($pid, 0);
		exit($? >> 8);' "$@"
}

@test "output to a descriptor that does not block is written whole" {
	local c
	block-cat -d "$FULL" -x a
	rec <a >a.json
	for c in "block-cat -d $FULL -l" "block-cat -d $FULL -x -" "rec" "rec -r" "sync-status -d $FULL"; do
		case $c in rec) in=a ;; 'rec -r') in=a.json ;; *) in=/dev/null ;; esac
		$c <$in >whole
		slow_reader $c <$in >got
		cmp whole got || [[ $c == sync-status* ]]	# ages change
		[ -s got ]
	done
}

@test "input from a descriptor that does not block is waited for" {
	local c
	block-cat -d "$FULL" -x a
	rec <a >a.json
	for c in rec "block-cat -d got -i -"; do
		# in pieces, with nothing there in between
		perl -e '
			use Fcntl;
			pipe(my $r, my $w) or die;
			fcntl($r, F_SETFL, fcntl($r, F_GETFL, 0) | O_NONBLOCK);
			my $pid = fork;
			if (!$pid) { close $w; open(STDIN, "<&", $r); exec @ARGV or die; }
			close $r;
			open(my $f, "<", "a"); local $/; my $all = <$f>;
			syswrite($w, $_) and select(undef, undef, undef, 0.3) for unpack("(a40000)*", substr($all, 0, 80000)), substr($all, 80000);
			close $w;
			waitpid($pid, 0);
			exit($? >> 8);' $c >out
		[ "$c" != rec ] || cmp out a.json
	done
	block-cat -d got -l | cmp - <(block-cat -d "$FULL" -l)
}

@test "a reader that is gone is no news" {
	run --separate-stderr bash -c 'block-cat -d "$0" -x - | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}' "$FULL"
	[ "$status" -eq 111 ]
	[ -z "$stderr" ]
}

@test "without /proc its own stages are run, or none" {
	not_sanitized
	local p
	[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || skip "needs root and mount namespaces"
	mkdir none here
	cp "$BIN"/* here
	for p in sortition-sync public-ip inv-sync block-fetch block-verify block-store; do
		printf '#!/bin/sh\necho %s >>"%s/foreign"\n' $p "$PWD" >$p
		chmod +x $p
	done
	serve_chain "$CHAIN" peer honest
	PATH="$PATH:.:" unshare -m sh -c 'mount --bind none /proc && exec timeout 40 "$@"' - \
	    here/blocksync -1 -q -d s -n "$CHAIN/network" -s "${URLS[0]}" "${PEERS[@]}"
	[ ! -e foreign ]
	block-cat -d s -l | cmp - <(block-cat -d "$FULL" -l)
}

@test "a node key is made where there are no hard links, once" {
	local n pids=()
	for n in 1 2 3 4 5 6; do
		"$HELPER/old-kernel" links block-serve -d s -n "$CHAIN/network" -l 127.0.0.1:0 >"key$n.out" 2>"key$n.err" 3>&- &
		pids+=($!)
		STARTED+=($!)
	done
	for n in 1 2 3 4 5 6; do until_holds test -s "key$n.out" || { cat key*.err; return 1; }; done
	kill "${pids[@]}"
	wait
	[ "$(cut -d' ' -f3 key*.out | sort -u | wc -l)" -eq 1 ]
	[ "$(stat -c %a s/key)" = 600 ]
	[ ! -e s/key.new ]
}

@test "equal process numbers in two pid namespaces: the reason is told" {
	[ "$(id -u)" = 0 ] && unshare -pf --mount-proc true 2>/dev/null || skip "needs root and pid namespaces"
	unshare -pf --kill-child --mount-proc block-serve -d "$FULL" -w 127.0.0.1:0 >out 2>err 3>&- &	# process 1 there
	PID=$!
	until_holds test -s out
	STARTED+=("$(pgrep -P $PID)")	# unshare itself waits for it, whatever it is told
	run --separate-stderr -111 unshare -pf --mount-proc sync-status -d "$FULL"	# and here
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *'in use in another container or pid namespace, by a process that has our number, 1: '* ]]
	sync-status -d "$FULL" >/dev/null
}

@test "limits: one line that names what to raise" {
	not_sanitized
	local c
	for c in "sync-status -d $FULL" "block-cat -d $FULL -l" "blocksync -1 -d l -n $CHAIN/network -s http://127.0.0.1:1" rec; do
		run --separate-stderr -111 bash -c "ulimit -n 16; exec $c" </dev/null
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == *'at most 16 files may be open here (ulimit -n), at least 64 are needed' ]]
	done
	for c in "sync-status -d $FULL" "block-verify -d $FULL" "blocksync -1 -d $FULL -s http://127.0.0.1:1"; do
		run --separate-stderr -111 bash -c "ulimit -v 800000; exec $c" </dev/null
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == *'lower $BLOCKSYNC_MAP, or raise the limit (ulimit -v)' ]]
		run --separate-stderr bash -c "ulimit -v 8000000; BLOCKSYNC_MAP=100000000 exec sync-status -d $FULL"
		[ "$status" -eq 0 ]
	done
}

@test "more connections than descriptors: said at most once" {
	local addr
	bash -c 'ulimit -n 400; exec block-serve -d "$0" -w 127.0.0.1:0 -c 1000' "$FULL" >out 2>err 3>&- &
	PID=$!
	STARTED+=($PID)
	until_holds test -s out || { cat err; return 1; }
	addr=$(sed -n 's/^http //p' out)
	perl -MIO::Socket::INET -e 'my @s = map { IO::Socket::INET->new(PeerAddr => $ARGV[0]) } 1 .. 600; sleep 1' "$addr"
	[ "$(wc -l <err)" -le 1 ] || { cat err; return 1; }
	until_holds curl -sf -o /dev/null "http://$addr/v3/health"
}

@test "a directory where a file belongs, and a file where a directory does: one line and 100" {
	local c
	mkdir dir
	: >file
	for c in "sync-status -d file" "block-cat -d file -l" "block-cat -d $FULL -x dir" "block-cat -d $FULL -i dir" "block-cat -d $FULL -x none/x" \
	    "block-store -d file -n $CHAIN/network" "block-store -d s -n dir" "block-verify -n $CHAIN/network -R dir" \
	    "sortition-sync -d s -n $CHAIN/network -s dir" "sortition-sync -d s -n $CHAIN/network -s http://127.0.0.1:1 -K dir" \
	    "public-ip -d file -n $CHAIN/network" "inv-sync -d file -n $CHAIN/network" "block-fetch -d file" "block-serve -d file -w 127.0.0.1:0" \
	    "blocksync -1 -d file -n $CHAIN/network" "blocksync -1 -d s -n dir" "blocksync -1 -d s -n $CHAIN/network -s dir" "blocksync -1 -d s -n $CHAIN/network -K dir" \
	    "blocksync -1 -d s -n $CHAIN/network -s none"; do
		run --separate-stderr timeout 20 $c </dev/null
		[ "$status" -eq 100 ] && [ "${#stderr_lines[@]}" -eq 1 ] || { echo "$c: $status"; echo "$stderr"; return 1; }
	done
}
