#!/usr/bin/env bats
# A whole sync that has no room for a while: one line, 111, no signal, nobody is blamed and nothing set aside; with room all comes.
bats_require_minimum_version 1.5.0
load common

setup_file() {
	CHAIN=$(small_chain)
	export CHAIN
}

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	serve_chain "$CHAIN" log honest
}
teardown() {
	stop_started
	! mountpoint -q small || umount small
}

# sync STORE: one pass, its words appended to err
sync() { timeout 60 blocksync -1 -q -d "$1" -n "$CHAIN/network" -s "${URLS[0]}" "${PEERS[@]}" >/dev/null 2>>err 3>&-; }

# full_then_whole STORE COMMAND...: a pass that the command keeps from having room, then one with room
full_then_whole() {
	local store=$1 rc=0
	shift
	: >err
	"$@" || rc=$?
	[ "$rc" -eq 111 ]
	[[ "$(cat err)" == "blocksync: store '$store' is full "* ]]
	[ "$(wc -l <err)" -eq 1 ]
	[ "$(listed "$store" | wc -l)" -lt "$(canonical "$CHAIN" | wc -l)" ]
}
whole() {
	sync "$1"
	cmp <(listed "$1") <(canonical "$CHAIN")
	[ "$(test-tool faults "$1" | wc -l)" -eq 0 ]
	[ "$(test-tool verdicts "$1" | wc -l)" -eq 0 ]
	[ "$(sync-status -d "$1" -j | jq '.unavailable | length')" -eq 0 ]
}

@test "a map that is too small" {
	small_map() { BLOCKSYNC_MAP=360448 sync map; }
	full_then_whole map small_map
	whole map
}

@test "a limit of file sizes" {
	limited() { (ulimit -f 300 && sync limit); }
	full_then_whole limit limited
	whole limit
}

@test "a full disk" {
	mkdir small
	mount -t tmpfs -o size=450k tmpfs small 2>/dev/null || skip "cannot mount a tmpfs"
	on_disk() { sync small/s; }
	full_then_whole small/s on_disk
	mount -o remount,size=64m small
	whole small/s
}

@test "a disk that is full before there is a store: one line, 111, by each program that would make one" {
	mkdir small
	mount -t tmpfs -o size=100k tmpfs small 2>/dev/null || skip "cannot mount a tmpfs"
	head -c 200000 /dev/zero >small/fill 2>/dev/null || true
	for p in "sortition-sync -1 -s ${URLS[0]}" "inv-sync -1" "block-fetch -1" block-store; do
		# shellcheck disable=SC2086
		run -111 --separate-stderr timeout 20 $p -q -d small/s -n "$CHAIN/network"
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ "$stderr" == *"store 'small/s' is full"* || "$stderr" == *"No space left on device"* ]]
	done
}
