#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR disable=SC2317
# kill -9 of a stage or of the whole group at random moments over one sync: what is proven in the end is what an undisturbed sync proves,
# and little is fetched twice.  So of a Nakamoto chain, and 50 times of one that begins in epoch 2.x, with its streams of microblocks.
# A block that crashes the verifier is set aside, and the sync goes on.
# KILLS=100 for the full run of the first (12 by default); KILLS_CHAIN=DIR takes another chain; SEED changes the moments; KEEP=DIR keeps
# what happened.
set -u
. "$(dirname "$0")/common.bash"
tap_begin
RANDOM=${SEED:-1}
# children PID: its living children.
children() { cat "/proc/$1/task/$1/children" 2>/dev/null; }
# group PID: it and its children.
group() { echo "$1 $(children "$1")"; }
start_sync() {
	blocksync -1 -q -d "$STORE" -n "$CHAIN/network" -s "${URLS[0]}" "${PEERS[@]}" >>"$WORK/out" 2>>"$WORK/err" </dev/null 3>&- &
	SYNC=$!
}
alive() { kill -0 "$1" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
# kill_something N: a random stage, or (N times in eight) everything. 1: there was nothing.
kill_something() {
	local pids victim
	read -r -a pids <<<"$(children "$SYNC")"
	[ ${#pids[@]} -gt 0 ] || return 1
	if [ $((RANDOM % 8)) -lt "$1" ]; then
		# the stages' reader or writer is gone too: none of them may outlive the supervisor
		# shellcheck disable=SC2046
		kill -9 $(group "$SYNC") 2>/dev/null
		wait "$SYNC" 2>/dev/null
		start_sync
	else
		victim=${pids[RANDOM % ${#pids[@]}]}
		kill -9 "$victim" 2>/dev/null || return 1
	fi
	return 0
}

# killed NAME CHAIN KILLS CENTISECONDS N: a sync of the chain into the store NAME that is disturbed so often, and after at most so long
# each time; it lasts long enough for that, as the peers' rate is bounded.  N: as above; the supervisor waits before it starts a pipeline
# again of which a stage was killed.
killed() {
	local bytes rate done_kills=0 rc requests sent again
	STORE=$WORK/$1 CHAIN=$2
	bytes=$(cat "$CHAIN"/blocks*.bin "$CHAIN"/micro*.bin 2>/dev/null | wc -c)
	rate=$((bytes * 50 / ($3 + 2) / $4))
	serve_chain "$CHAIN" "$WORK/$1.log" "honest+rate=$rate" "honest+rate=$rate" "honest+rate=$rate" || exit 1
	: >"$WORK/err"
	start_sync
	for _ in $(seq $(($3 * 40))); do
		[ "$done_kills" -lt "$3" ] || break
		sleep "$(printf '0.%02d' $((RANDOM % ($4 - 10) + 10)))"
		alive "$SYNC" || break
		kill_something "$5" && done_kills=$((done_kills + 1))
	done
	for _ in $(seq 600); do alive "$SYNC" || break; sleep 0.2; done
	alive "$SYNC" && kill -9 "$SYNC"
	wait "$SYNC"
	rc=$?
	# A pass may end with something lacking while stages were shot; the next one has the rest.
	[ "$rc" = 0 ] || { echo "# exit $rc after $done_kills kills: $(tail -n 1 "$WORK/err")"; start_sync; wait "$SYNC"; rc=$?; }
	listed "$STORE" >"$WORK/listed"
	canonical "$CHAIN" >"$WORK/canonical"
	: >"$WORK/streams"
	if [ -e "$CHAIN/blocks2.tsv" ]; then
		canonical2 "$CHAIN" | sort -o "$WORK/canonical" - "$WORK/canonical"
		streams_on "$CHAIN" >"$WORK/streams"
	fi
	requests=$(grep -c '"kind":"http request".*"data":true' "$WORK/$1.log")
	sent=$(sed -n 's/.*"bytes":\([0-9]*\),"data":true.*/\1/p' "$WORK/$1.log" | awk '{ n += $1 } END { print n + 0 }')
	again=$((sent > bytes ? sent - bytes : 0))
	echo "# $done_kills kills, $(wc -l <"$WORK/canonical") blocks, $(wc -l <"$WORK/streams") streams, $bytes bytes; $requests requests, $sent bytes sent, $again twice ($((done_kills ? again / done_kills : 0)) a kill)"
	check "$1: most of $3 kills came while it ran" test "$((done_kills * 2))" -ge "$3"
	check "$1: the sync ends well" test "$rc" = 0
	check "$1: the same blocks are proven as without a kill" cmp "$WORK/listed" "$WORK/canonical"
	check "$1: and the same streams of microblocks" cmp <(streams_of "$STORE") "$WORK/streams"
	check "$1: at most 8 MiB a kill are fetched twice" test "$again" -le $((done_kills * 8388608 + requests * 65536))
	# connections that were cut keep a shared line busy: slow is no lie, and nothing else may be said
	check "$1: nobody is called a liar for it" test "$(test-tool faults "$STORE" | awk -F'\t' '$2 != "slow"' | wc -l)" = 0
	check "$1: a check of all that is stored finds nothing" block-cat -q -d "$STORE" -c -s
	stop_started
}

CHAIN=${KILLS_CHAIN:-$(make_chain kills --seed 9 --cycles 4 --cycle-length 60 --prepare-length 6 --signers 9 --tenure-blocks 1:40 --epoch4-at 2)}
[ -d "$CHAIN" ] || exit 1
killed nakamoto "$CHAIN" "${KILLS:-12}" 60 2
CHAIN=$(make_chain kills2 --seed 9 --cycles 8 --cycle-length 40 --prepare-length 6 --epoch2 280 --microblocks 0.7 --signers 4 --tenure-blocks 1:3) || exit 1
killed epoch2 "$CHAIN" 50 25 7

# A block that crashes its judge.
CHAIN=$(small_chain)
serve_chain "$CHAIN" "$WORK/log2" honest honest || exit 1
# the second block of a tenure of three or more, in the middle of the chain
line=$(awk -F'\t' 'NR > 60 && $3 == a && a != b { print prev; exit } { b = a; a = $3; prev = $2 }' "$CHAIN/blocks.tsv")
BLOCKSYNC_TEST_CRASH=$line timeout 120 blocksync -1 -q -d "$WORK/crash" -n "$CHAIN/network" -s "${URLS[0]}" "${PEERS[@]}" >/dev/null 2>"$WORK/crash.err"
rc=$?
test-tool verdicts "$WORK/crash" | awk -F'\t' -v id="$line" '$1 == id { print $3 }' | sort -u >"$WORK/aside"
listed "$WORK/crash" >"$WORK/listed"
canonical "$CHAIN" >"$WORK/canonical"
ch=$(awk -F'\t' -v id="$line" '$2 == id { print $3 }' "$CHAIN/blocks.tsv")
awk -F'\t' -v ch="$ch" 'NR > 1 && $3 != ch { print $2 }' "$CHAIN/blocks.tsv" | sort >"$WORK/others"
echo "# exit $rc: $(tail -n 1 "$WORK/crash.err")"
check "a block that ends the verifier is set aside" grep -q setaside "$WORK/aside"
check "it is named, with the way to have it tried again" grep -q "block $line from .* is set aside for a day: .*block-fetch -d .* -R $line" "$WORK/crash.err"
check "one fault is on record, of who gave it" test "$(test-tool faults "$WORK/crash" | awk -F'\t' '$2 != "slow" { print $2, $3 }')" = "invalid setaside"
check "the sync goes on: every other tenure is proven" test "$(comm -23 "$WORK/others" "$WORK/listed" | wc -l)" = 0
check "the block is not listed" test "$(grep -c "$line" "$WORK/listed")" = 0
tap_end
