#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR disable=SC2317
# One library call fails, in every program: write, sync, map, malloc, socket, open, read and thread, each at some of its calls.  Whatever
# fails, a program ends with 0 or 111 and says why in a few lines, never by a signal; an undisturbed run then has everything, and
# nobody is on record for it.
# TORTURE=N calls a class and scene (1 by default), or "all"; SCENES='store sync' runs some; SEED changes the sample; KEEP=DIR keeps what happened.
set -u
. "$(dirname "$0")/common.bash"
. "$(dirname "$0")/cases.bash"
TORTURE=${TORTURE:-1} RANDOM=${SEED:-1}
export BASE=$WORK/base
mkdir -p "$BASE"

# One small chain as every scene wants it, and a peer that serves it to all.
prepare() {
	local chain
	chain=$(make_chain torture --seed 7 --cycles 2 --cycle-length 12 --prepare-length 3 --signers 4 --tenure-blocks 1:3 --epoch4-at 1) || return 1
	cp -r "$chain" "$BASE/chain"
	chain-maker "$BASE/chain" --archive "$BASE/chain.rec" --view "$BASE/view.rec" 2>/dev/null || return 1
	rec <"$BASE/chain.rec" >"$BASE/chain.json"
	block-verify -n "$BASE/chain/network" -R "$BASE/view.rec" <"$BASE/chain.rec" >"$BASE/held.rec"
	rec <"$BASE/held.rec" | sed 's/"time":[0-9]*/"time":0/' >"$BASE/held.json"
	block-cat -d "$BASE/view" -i "$BASE/view.rec" && block-cat -d "$BASE/full" -i "$BASE/chain.rec" || return 1
	block-cat -d "$BASE/full" -l >"$BASE/want"
	block-cat -d "$BASE/full" -x "$BASE/export"
	serve_chain "$BASE/chain" "$BASE/log" honest || return 1
	printf 'URL=%s PEER=%s\n' "${URLS[0]}" "${KEYS[0]}@${P2P[0]}" >"$BASE/peer"
}

# calls SCENE PROGRAM: `CLASS COUNT` of an undisturbed run; the most that one process of that program made.
calls() {
	perl -e 'my @names = qw(write sync map malloc socket open read thread); my %most; binmode STDIN;
		while (read(STDIN, my $slot, 56) == 56) {
			my ($name, $claimed, $fired, @n) = unpack("Z16 L10", $slot);
			next unless $claimed && $name eq $ARGV[0];
			for (0 .. $#names) { $most{$names[$_]} = $n[$_] if $n[$_] > ($most{$names[$_]} // 0) }
		}
		print "$_ $most{$_}\n" for grep { $most{$_} } @names' "$2" <"$WORK/count-$1/counts"
}

# The calls of a class that are to fail: each, or a sample.
chosen() {
	if [ "$TORTURE" = all ] || [ "$1" -le "$TORTURE" ]; then seq "$1"; return; fi
	for _ in $(seq "$TORTURE"); do echo $((1 + (RANDOM * 32768 + RANDOM) % $1)); done | sort -nu
}

SCENE_PROGRAM="rec:rec list:block-cat export:block-cat import:block-cat status:sync-status view:sortition-sync peers:inv-sync
	fetch:block-fetch verify:block-verify store:block-store serve:block-serve sync-1:sortition-sync sync-2:inv-sync
	sync-3:block-fetch sync-4:block-verify sync-5:block-store sync-6:blocksync"
cases() {
	local pair scene program class count n
	for pair in $SCENE_PROGRAM; do
		scene=${pair%%:*} program=${pair#*:}
		[ -z "${SCENES:-}" ] || [[ " $SCENES " = *" ${scene%%-*} "* ]] || continue
		"$ROOT/tests/torture-one" "$WORK/count-$scene" "$scene" none >"$WORK/count-$scene.out" 2>&1
		while read -r class count; do
			for n in $(chosen "$count"); do
				printf '%s\0' "$scene.$class.$n" "$scene: $class $n of $count fails in $program" "$scene" "$program:$class:$n"
			done
		done < <(calls "$scene" "$program")
	done
}

prepare || { echo "1..1"; echo "not ok 1 - the chain, its stores and its peer are made"; exit 1; }
trap 'stop_started; [ -n "${KEEP:-}" ] || rm -rf "$WORK"' EXIT
run_cases torture-one "${TORTURE_JOBS:-4}" 4
