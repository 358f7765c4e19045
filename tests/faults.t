#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR disable=SC2317
# Each fault of faults.tsv: a sync with the faulty peer alone, and one with three honest peers beside it.
# FAULTS='name name' runs some; FAULT_PEER=servechain takes the simulator beside the repository.
set -u
. "$(dirname "$0")/common.bash"
. "$(dirname "$0")/cases.bash"
if [ "${FAULT_PEER:-}" = servechain ] && [ ! -x "$ROOT/../shared/peer/servechain" ]; then
	echo "1..0 # SKIP no simulator beside the repository"
	exit 0
fi
if [ "${FAULT_PEER:-}" = servechain ]; then	# which forges with keys of its own
	small_chain() {
		[ -e "$TEST_CACHE/simulated" ] || "$ROOT/../shared/peer/mkchain" "$TEST_CACHE/simulated" --seed 5 --cycles 3 --cycle-length 20 \
			--prepare-length 4 --signers 9 --tenure-blocks 1:6 --extend-rate 0.2 --epoch4-at 1 2>/dev/null || return 1
		echo "$TEST_CACHE/simulated"
	}
	mkdir -p "$TEST_CACHE"
fi
CHAIN=$(small_chain) || { echo "1..0 # SKIP no chain"; exit 1; }
export FAULT_PEER=${FAULT_PEER:-}

cases() {
	local fault alone beside class sources
	while IFS=$'\t' read -r fault alone beside class sources; do
		[[ "$fault" = \#* || -z "$fault" ]] && continue
		[[ "$FAULT_PEER" = servechain && "$fault" = badneighbors* ]] && continue	# its addresses are beyond this machine
		[ -z "${FAULTS:-}" ] || [[ " $FAULTS " = *" $fault "* || " $FAULTS " = *" ${fault%%=*} "* ]] || continue
		printf '%s\0' "$fault.alone" "$fault alone" "$CHAIN" "$fault" alone "$alone" "$class" "${sources:-one}"
		printf '%s\0' "$fault.beside" "$fault beside" "$CHAIN" "$fault" beside "$beside" "$class" "${sources:-one}"
	done <"$ROOT/tests/faults.tsv"
}

run_cases fault-one "${FAULT_JOBS:-8}" 8
