#!/usr/bin/env bash
# shellcheck source-path=SCRIPTDIR disable=SC2317
# A running sync heals itself: a bit flips under its feet, block-serve finds it and refuses the block, block-store takes it out, block-fetch
# brings it again.  KEEP=DIR keeps what happened.
set -u
. "$(dirname "$0")/common.bash"
tap_begin
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}
whole() { [ "$(listed "$WORK/store" 2>/dev/null | cksum)" = "$(canonical "$CHAIN" | cksum)" ]; }
code() { curl -s -o "$WORK/body" -w '%{http_code}' --max-time 10 "http://$HTTP/v3/blocks/$1"; }
served() { [ "$(code "$1")" = 200 ] && cmp -s "$WORK/body" "$WORK/want"; }
damaged() { test-tool damaged "$WORK/store" | wc -l; }
# flip ID: a bit of a signer's signature, wherever that block lies in the file
flip() {
	perl -e 'local $/; open F, "+<", $ARGV[0] or die; $d = <F>; open B, $ARGV[1]; $w = substr(<B>, 215, 40);
		for ($i = index($d, $w); $i >= 0; $i = index($d, $w, $i + 1)) { seek F, $i, 0; print F chr(ord($w) ^ 8); $n++ }
		die "not found" if !$n' "$WORK/store/data.mdb" "$WORK/want"
}

CHAIN=$(small_chain) || exit 1
serve_chain "$CHAIN" "$WORK/log" honest honest || exit 1
blocksync -q -d "$WORK/store" -n "$CHAIN/network" -s "${URLS[0]}" "${PEERS[@]}" -w 127.0.0.1:0 >"$WORK/out" 2>"$WORK/err" </dev/null 3>&- &
SYNC=$!
STARTED+=("$SYNC")
check "the chain is whole" within 60 whole
HTTP=$(sed -n 's/^http //p' "$WORK/out")
n=$(canonical "$CHAIN" | wc -l)
block-cat -d "$WORK/store" -l | cut -f2 >"$WORK/ids"
for at in $((n / 3)) 1 "$n"; do
	id=$(sed -n "${at}p" "$WORK/ids")
	block-cat -d "$WORK/store" "$id" >"$WORK/want"
	flip
	check "block $at is refused" test "$(code "$id")" = 500
	check "block $at comes again, and is served as it was" within 60 served "$id"
	check "all is whole after that" within 30 whole
done
check "the table is empty again" test "$(damaged)" = 0
check "a check of everything finds nothing" block-cat -d "$WORK/store" -c -s
check "nobody is blamed" test "$(test-tool faults "$WORK/store" | wc -l)" = 0
kill -TERM "$SYNC"
wait "$SYNC"
check "no stage has died" test "$(grep -c failed "$WORK/err")" = 0
tap_end
