#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR disable=SC2317
# Following: burn blocks come one by one, and their blocks are in the store soon after; or the burnchain turns to another side of a fork
# that began in epoch 2.x, when both sides have come to Nakamoto.  KEEP=DIR keeps what happened.
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

# follow SOURCES: a sync of what the peers serve, from as many of them; stop: it is ended.
follow() {
	local i sources=()
	for ((i = 0; i < $1; i++)); do sources+=(-s "${URLS[i]}"); done
	blocksync -q -d "$WORK/store" -n "$CHAIN/network" "${sources[@]}" "${PEERS[@]}" >"$WORK/out" 2>"$WORK/err" </dev/null 3>&- &
	SYNC=$!
	STARTED+=("$SYNC")
}
stop() {
	kill -TERM "$SYNC"
	began=$SECONDS
	wait "$SYNC"
	rc=$?
	check "SIGTERM ends it with 0 within 10 s" test "$rc" = 0 -a $((SECONDS - began)) -le 10
	stop_started
}

CHAIN=$(small_chain) || exit 1
PEER_OPTIONS=(-t 150)	# their tip, a burn height
serve_chain "$CHAIN" "$WORK/log" honest honest honest || exit 1
follow 3
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
stop

# all_of DIR: every canonical block of the chain is proven, with the streams of microblocks, and its tip is the highest canonical one.
all_of() {
	[ -z "$({ canonical "$1"; canonical2 "$1"; } | sort | comm -23 - <(listed "$WORK/store" 2>/dev/null))" ] &&
		[ -z "$(streams_on "$1" | comm -23 - <(streams_of "$WORK/store"))" ] &&
		sync-status -j -d "$WORK/store" | grep -q "$(awk -F'\t' '$7 == 1 { id = $2 } END { print "\"proven_tip\":\"" id }' "$1/blocks.tsv")"
}
options=(--seed 9 --cycles 4 --cycle-length 10 --prepare-length 3 --signers 3 --tenure-blocks 1:3 --epoch2 30 --microblocks 0.9)
CHAIN=$(make_chain side-a "${options[@]}" --tip-offset -6) && OTHER=$(make_chain side-b "${options[@]}" --tip-offset -5 --fork-at 129) || exit 1
rm -rf "$WORK/store"
PEER_OPTIONS=(--reorg "$OTHER")
serve_chain "$CHAIN" "$WORK/log" honest honest || exit 1
follow 2
check "the one side of a fork that began in epoch 2.x" within 30 all_of "$CHAIN"
kill -USR2 "$PEER_PID"
check "the burnchain turns: the other side is proven, from epoch 2.x to its tip" within 60 all_of "$OTHER"
check "what was proven is not given up" test -z "$(canonical "$CHAIN" | comm -23 - <(listed "$WORK/store"))"
check "nobody is blamed for it" test "$(test-tool faults "$WORK/store" | wc -l)" = 0
stop
check "all that is stored is whole" block-cat -q -d "$WORK/store" -c -s
tap_end
