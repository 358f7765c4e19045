# Many small syncs, several at a time, each judged by a script that leaves DIR/ok or DIR/bad: what faults.t and rules.t share.
# Sourced after common.bash by a TAP script that defines `cases`.  KEEP=DIR keeps what happened.
[ -x "$BIN/blocksync" ] || { echo "1..0 # SKIP no build/bin/blocksync"; exit 0; }
WORK=${KEEP:-$(mktemp -d)}
mkdir -p "$WORK"
[ -n "${KEEP:-}" ] || trap 'rm -rf "$WORK"' EXIT

# one SCRIPT NAME TITLE ARGUMENT...
one() { "$ROOT/tests/$1" "$WORK/$2" "${@:4}" >"$WORK/$2.out" 2>&1 </dev/null; }
export -f one
export ROOT WORK

# run_cases SCRIPT JOBS N: `cases` prints N words a case, each ended by NUL: its name, its title, and what the script is given.
run_cases() {
	local all i n=0 failed=0
	mapfile -d '' -t all < <(cases)
	printf '%s\0' "${all[@]}" | xargs -0 -n "$3" -P "$2" bash -c 'one "$@"' one "$1"
	for ((i = 0; i < ${#all[@]}; i += $3)); do
		n=$((n + 1))
		if [ -e "$WORK/${all[i]}/ok" ]; then
			echo "ok $n - ${all[i + 1]}"
		else
			echo "not ok $n - ${all[i + 1]}"
			sed 's/^/# /' "$WORK/${all[i]}/bad" 2>/dev/null || echo "# no result"
			failed=$((failed + 1))
		fi
	done
	echo "1..$n"
	return $((failed > 0))
}
