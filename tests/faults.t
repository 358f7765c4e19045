#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR disable=SC2317
# Each fault of faults.tsv: a sync with the faulty peer alone, and one with three honest peers beside it.
# FAULTS='name name' runs some; FAULT_PEER=servechain takes the simulator beside the repository, for what it knows.
set -u
. "$(dirname "$0")/common.bash"
. "$(dirname "$0")/cases.bash"
if [ "${FAULT_PEER:-}" = servechain ] && [ ! -x "$ROOT/../shared/peer/servechain" ]; then
	echo "1..0 # SKIP no simulator beside the repository"
	exit 0
fi
if [ "${FAULT_PEER:-}" = servechain ]; then	# which forges with keys of its own
	simulated() {
		[ -e "$TEST_CACHE/$1" ] || "$ROOT/../shared/peer/mkchain" "$TEST_CACHE/$1" "${@:2}" 2>/dev/null || return 1
		echo "$TEST_CACHE/$1"
	}
	small_chain() {
		simulated simulated --seed 5 --cycles 3 --cycle-length 20 --prepare-length 4 --signers 9 --tenure-blocks 1:6 --extend-rate 0.2 --epoch4-at 1
	}
	streams_chain() {
		simulated simulated2 --seed 9 --cycles 5 --cycle-length 10 --prepare-length 3 --epoch2 33 --signers 3 --tenure-blocks 1:3 --microblocks 0.9
	}
	known=" $("$ROOT/../shared/peer/servechain" -h | sed -n 's/^  \([a-z0-9]*\)[ =].*/\1/p' | paste -sd' ') honest "
	mkdir -p "$TEST_CACHE"
fi
CHAIN=$(small_chain) && CROSSING=$(streams_chain) && streams_on "$CROSSING" >/dev/null || { echo "1..0 # SKIP no chain"; exit 1; }
export FAULT_PEER=${FAULT_PEER:-}

cases() {
	local fault alone beside class sources chain name on
	while IFS=$'\t' read -r fault alone beside class sources chain; do
		[[ "$fault" = \#* || -z "$fault" ]] && continue
		if [ "$FAULT_PEER" = servechain ]; then
			[[ "$fault" = badneighbors* ]] && continue	# its addresses are beyond this machine
			[[ -n "$chain" && "$known" != *" ${fault%%=*} "* ]] && continue
		fi
		[ -z "${FAULTS:-}" ] || [[ " $FAULTS " = *" $fault "* || " $FAULTS " = *" ${fault%%=*} "* ]] || continue
		on=$CHAIN
		[ -z "$chain" ] || on=$CROSSING
		name=$fault${chain:+.$chain} chain=${chain:+, $chain}
		[ "$alone" = - ] || printf '%s\0' "$name.alone" "$fault alone$chain" "$on" "$fault" alone "$alone" "$class" "${sources:-one}"
		printf '%s\0' "$name.beside" "$fault beside$chain" "$on" "$fault" beside "$beside" "$class" "${sources:-one}"
	done <"$ROOT/tests/faults.tsv"
}

run_cases fault-one "${FAULT_JOBS:-8}" 8
