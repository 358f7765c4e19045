#!/usr/bin/env bats
# One writer of blocks a store: who holds DIR/lock is named, a second is refused, readers are not, and a death leaves no lock.
bats_require_minimum_version 1.5.0
load common

setup_file() {
	chain-maker "$BATS_FILE_TMPDIR/tiny" --seed 3 --cycles 2 --cycle-length 20 --prepare-length 4 --signers 3 --tenure-blocks 1:2 \
		--archive "$BATS_FILE_TMPDIR/tiny.rec" 2>/dev/null
}

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	TINY=$BATS_FILE_TMPDIR/tiny
	mkfifo in
}
teardown() { exec 5>&-; stop_started; }

writer() { sync-status -d store -j | jq -r "$1"; }
# hold: a block-store whose input does not end; its pid in HOLDER, once it holds the lock
hold() {
	block-store -d store -n "$TINY/network" <in >/dev/null 2>hold.err 3>&- &
	HOLDER=$!
	STARTED+=("$HOLDER")
	exec 5>in
	for _ in $(seq 200); do [ "$(writer .writer.pid 2>/dev/null)" = "$HOLDER" ] && return; sleep 0.05; done
	return 1
}
# refused NAME COMMAND...: in the background; its words in NAME.err
refused() {
	local name=$1
	shift
	timeout 20 "$@" >"$name.out" 2>"$name.err" </dev/null 3>&- 5>&- &
	REFUSED+=("$name $!")
}

@test "a second writer is refused by the name of the first; readers are not; a killed holder leaves no lock" {
	REFUSED=()
	hold
	refused import block-cat -d store -i "$TINY.rec"
	refused store block-store -d store -n "$TINY/network"
	refused sync blocksync -1 -q -d store -n "$TINY/network" -s http://127.0.0.1:1
	sync-status -d store | grep -q "^writer    block-store (process $HOLDER on $(uname -n))$"
	block-cat -d store -l
	for r in "${REFUSED[@]}"; do
		rc=0
		wait "${r#* }" || rc=$?
		[ "$rc" -eq 111 ]
		[ "$(wc -l <"${r% *}.err")" -eq 1 ]
		grep -q ": store 'store' is locked: block-store (process $HOLDER on $(uname -n)) writes its blocks, and one program at a time may$" "${r% *}.err"
	done
	# The supervisor asks before it starts anything.
	grep -q '^blocksync: ' sync.err
	kill -9 "$HOLDER"
	wait "$HOLDER" || true
	[ "$(writer .writer)" = null ]
	sync-status -d store | grep -q '^writer    none now$'
	block-cat -d store -i "$TINY.rec"
	[ -n "$(block-cat -d store -l)" ]
}

@test "a writer waits for one that is ending" {
	hold
	block-cat -d store -i "$TINY.rec" 2>err 3>&- 5>&- &
	local import=$!
	exec 5>&-
	wait "$import"
	[ -n "$(block-cat -d store -l)" ]
}

@test "process numbers of another namespace do not hide a holder" {
	[ "$(id -u)" = 0 ] && unshare -pf --mount-proc true 2>/dev/null || skip "not root, or no namespaces here"
	hold
	run --separate-stderr unshare -pf --mount-proc block-cat -d store -i "$TINY.rec"
	[ "$status" -eq 111 ]
	[[ "$stderr" == *"block-store (process $HOLDER on "* ]]
}
