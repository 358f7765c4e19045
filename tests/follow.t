#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR disable=SC2317
# Following: burn blocks come one by one, and their blocks are in the store soon after.  KEEP=DIR keeps what happened.
set -u
. "$(dirname "$0")/common.bash"
tap_begin
# top: what the peers' tip is now, by their own words.
top() { curl -s --max-time 5 "${URLS[0]}/v3/tenures/info" | sed -n 's/.*"tip_block_id":"\([0-9a-f]*\)".*/\1/p'; }
has() { listed "$WORK/store" 2>/dev/null | grep -q "$1"; }
# within SECONDS COMMAND...: true once the command is.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

CHAIN=$(small_chain) || exit 1
PEER_OPTIONS=(-t 150)	# their tip, a burn height
serve_chain "$CHAIN" "$WORK/log" honest honest honest || exit 1
blocksync -q -d "$WORK/store" -n "$CHAIN/network" -s "${URLS[0]}" -s "${URLS[1]}" -s "${URLS[2]}" "${PEERS[@]}" >"$WORK/out" 2>"$WORK/err" </dev/null 3>&- &
SYNC=$!
STARTED+=("$SYNC")
check "the chain up to a tip" within 30 has "$(top)"
slowest=0
for step in 1 2 3 4 5 6; do
	before=$(top)
	kill -USR1 "$PEER_PID"
	sleep 0.2
	[ "$(top)" != "$before" ] || continue
	began=$SECONDS
	check "burn block $step more: its tip is proven within 15 s" within 15 has "$(top)"
	took=$((SECONDS - began))
	[ $took -le $slowest ] || slowest=$took
done
for _ in $(seq 10); do kill -USR1 "$PEER_PID"; sleep 0.05; done
whole() { [ "$(listed "$WORK/store" | cksum)" = "$(canonical "$CHAIN" | cksum)" ]; }
check "the rest at once" within 30 whole
echo "# the slowest step took $slowest s"
check "nobody is blamed" test "$(test-tool faults "$WORK/store" | wc -l)" = 0
kill -TERM "$SYNC"
began=$SECONDS
wait "$SYNC"
rc=$?
check "SIGTERM ends it with 0 within 10 s" test "$rc" = 0 -a $((SECONDS - began)) -le 10
tap_end
