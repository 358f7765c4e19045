#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR disable=SC2317
# Each rule of rules.tsv: of a chain that breaks it once, validly signed, exactly that block is refused, with that reason.
# RULES='name name' runs some.
set -u
. "$(dirname "$0")/common.bash"
. "$(dirname "$0")/cases.bash"

cases() {
	local rule reason below
	while IFS=$'\t' read -r rule reason below; do
		[[ "$rule" = \#* || -z "$rule" ]] && continue
		[ -z "${RULES:-}" ] || [[ " $RULES " = *" $rule "* ]] || continue
		printf '%s\0' "$rule" "$rule is refused as $reason" "$rule" "$reason" "$below"
	done <"$ROOT/tests/rules.tsv"
}
run_cases rule-one "${RULE_JOBS:-6}" 5
