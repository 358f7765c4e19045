#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR disable=SC2317
# Each rule of rules.tsv: of a chain that breaks it once, validly signed, exactly that block is refused, with that reason.
# RULES='name name' runs some; KEEP=DIR keeps what happened.
set -u
. "$(dirname "$0")/common.bash"
[ -x "$BIN/blocksync" ] || { echo "1..0 # SKIP no build/bin/blocksync"; exit 0; }
WORK=${KEEP:-$(mktemp -d)}
mkdir -p "$WORK"
[ -n "${KEEP:-}" ] || trap 'rm -rf "$WORK"' EXIT

cases() {
	local rule reason below
	while IFS=$'\t' read -r rule reason below; do
		[[ "$rule" = \#* || -z "$rule" ]] && continue
		[ -z "${RULES:-}" ] || [[ " $RULES " = *" $rule "* ]] || continue
		printf '%s\0' "$rule" "$reason" "$below"
	done <"$ROOT/tests/rules.tsv"
}
one() { "$ROOT/tests/rule-one" "$WORK/$1" "$@" >"$WORK/$1.out" 2>&1 </dev/null; }
export -f one
export ROOT WORK

cases | xargs -0 -n 3 -P "${RULE_JOBS:-6}" bash -c 'one "$@"' one
n=0 failed=0
while IFS= read -r -d '' rule && read -r -d '' reason && read -r -d '' _; do
	n=$((n + 1))
	if [ -e "$WORK/$rule/ok" ]; then
		echo "ok $n - $rule is refused as $reason"
	else
		echo "not ok $n - $rule is refused as $reason"
		sed 's/^/# /' "$WORK/$rule/bad" 2>/dev/null || echo "# no result"
		failed=$((failed + 1))
	fi
done < <(cases)
echo "1..$n"
exit $((failed > 0))
