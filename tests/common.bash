# What the command tests share: chains that are made once, peers that serve them, syncs, and looking at what came of them.
# Sourced by bats files and by the TAP scripts *.t.  Needs $BIN and $HELPER; keeps what can be kept in $TEST_CACHE.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BIN=${BIN:-$ROOT/build/bin}
HELPER=${HELPER:-$ROOT/build/helper}
TEST_CACHE=${TEST_CACHE:-$ROOT/build/test-cache}
PATH=$BIN:$HELPER:$PATH
STARTED=()	# process ids to end
PEER_OPTIONS=()	# of chain-peer, beside the peers
export BIN HELPER TEST_CACHE PATH

# make_chain NAME OPTIONS...: path of a chain made with these options, kept for later runs.
make_chain() {
	local name=$1 sum dir
	shift
	sum=$(printf '%s ' "$@" "$(cksum <"$HELPER/chain-maker")" | cksum | cut -d' ' -f1)
	dir=$TEST_CACHE/chain-$name-$sum
	mkdir -p "$TEST_CACHE"
	if [ ! -e "$dir" ]; then
		rm -rf "$dir.$$"
		chain-maker "$dir.$$" "$@" 2>"$TEST_CACHE/$name.log" || { cat "$TEST_CACHE/$name.log" >&2; return 1; }
		mv -T "$dir.$$" "$dir" 2>/dev/null || rm -rf "$dir.$$"	# another test was faster
	fi
	echo "$dir"
}

# The chain of most tests: 60 burn blocks, some 150 blocks, epochs 3.0 to 4.0.
small_chain() {
	make_chain small --seed 5 --cycles 3 --cycle-length 20 --prepare-length 4 --signers 9 --tenure-blocks 1:6 --extend-rate 0.2 --epoch4-at 1
}

# A chain that crosses from epoch 2.x to Nakamoto: 33 burn blocks of 2.0 to 2.5 with streams, rivals of microblocks, forks, winners
# without a block and sortitions of another PoX fork, in cycles of 10; then two cycles of tenures.
crossing_chain() {
	make_chain crossing --seed 11 --cycles 5 --cycle-length 10 --prepare-length 3 --epoch2 33 --signers 3 --tenure-blocks 1:3 \
		--microblocks 0.9 --equivocations 0.7 --forks 0.2 --pox-fork 1 --start-rate 0.85
}

# The same with fewer forks, and so with more streams on the chain itself: 27 anchored blocks, 16 streams.
streams_chain() {
	make_chain streams --seed 9 --cycles 5 --cycle-length 10 --prepare-length 3 --epoch2 33 --signers 3 --tenure-blocks 1:3 \
		--microblocks 0.9 --equivocations 0.7 --forks 0.1 --pox-fork 1 --start-rate 0.85
}

# serve_chain DIR LOG SPEC...: starts one peer a SPEC (all in one process). Sets PEER_PID, by index KEYS, P2P,
# URLS, SPECS, and the options PEERS that name them all.
# FAULT_PEER=servechain takes the simulator beside the repository instead of ours.
serve_chain() {
	local dir=$1 log=$2 out=$2.out spec args=("${PEER_OPTIONS[@]}") rest
	shift 2
	for spec; do args+=(--peer "$spec"); done
	: >"$out"
	if [ "${FAULT_PEER:-}" = servechain ]; then
		"$ROOT/../shared/peer/servechain" "$dir" "${args[@]}" --log "$log" >"$out" 2>"$log.err" 3>&- &
	else
		chain-peer "$dir" "${args[@]}" --log "$log" >"$out" 2>"$log.err" 3>&- &
	fi
	PEER_PID=$!
	STARTED+=("$PEER_PID")
	for _ in $(seq 200); do
		[ "$(wc -l <"$out")" -ge $# ] && break
		kill -0 "$PEER_PID" 2>/dev/null || break
		sleep 0.05
	done
	[ "$(wc -l <"$out")" -ge $# ] || { cat "$log.err" >&2; return 1; }
	KEYS=() P2P=() URLS=() SPECS=() PEERS=()
	while read -r rest URL SPEC; do
		KEYS+=("${rest%@*}") P2P+=("${rest#*@}") URLS+=("$URL") SPECS+=("$SPEC") PEERS+=(-p "$rest")
	done <"$out"
}

# stop_started: ends what this shell has started.
stop_started() {
	local pid
	for pid in "${STARTED[@]}"; do kill "$pid" 2>/dev/null || true; done
	for pid in "${STARTED[@]}"; do wait "$pid" 2>/dev/null || true; done
	STARTED=()
}

# A TAP script: tap_begin makes $WORK, which goes away at the end unless KEEP=DIR names it; check NAME COMMAND... is one line; tap_end
# prints the plan and exits.
tap_begin() {
	[ -x "$BIN/blocksync" ] || { echo "1..0 # SKIP no build/bin/blocksync"; exit 0; }
	WORK=${KEEP:-$(mktemp -d)}
	mkdir -p "$WORK"
	trap 'stop_started; [ -n "${KEEP:-}" ] || rm -rf "$WORK"' EXIT
	tap_n=0 tap_failed=0
}
check() {
	local name=$1
	shift
	tap_n=$((tap_n + 1))
	if "$@"; then echo "ok $tap_n - $name"; else echo "not ok $tap_n - $name"; tap_failed=1; fi
}
tap_end() { echo "1..$tap_n"; exit "$tap_failed"; }

# canonical DIR: block ids that the chain directory calls canonical, sorted; canonical2 DIR: those of epoch 2.x.
canonical() { awk -F'\t' 'NR > 1 && $7 == 1 { print $2 }' "$1/blocks.tsv" | sort; }
canonical2() { awk -F'\t' 'NR > 1 && $7 == 1 { print $2 }' "$1/blocks2.tsv" | sort; }
# streams_in ARCHIVE: a line a stream of microblocks, sorted: the block that confirms it, and its bytes in hex.
# streams_of STORE: those that are proven; streams_on DIR: those that canonical blocks of the chain confirm.
streams_in() { rec <"$1" | sed -n 's/.*"type":"microblocks","child_id":"\([0-9a-f]*\)".*"body":"\([0-9a-f]*\)".*/\1 \2/p' | sort; }
streams_of() { streams_in <(block-cat -d "$1" -x -); }
streams_on() {
	[ -e "$1/archive.rec" ] || { chain-maker "$1" --archive "$1/archive.rec.$$" && mv "$1/archive.rec.$$" "$1/archive.rec"; }
	streams_in "$1/archive.rec"
}
# listed STORE: block ids that the store lists as proven, sorted.
listed() { block-cat -d "$1" -l | cut -f2 | sort; }

# status_of PID NAME: a line of /proc/PID/status
status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
# has_signal PID NAME SIGNAL: whether the mask NAME has this signal
has_signal() { (( (16#$(status_of "$1" "$2") >> ($3 - 1)) & 1 )); }
