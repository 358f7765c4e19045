#!/usr/bin/env bats
# block-verify by its streams: what is held, what is refused and why, what is broken, and in which order it leaves.
bats_require_minimum_version 1.5.0

setup_file() {
	export BIN=${BIN:-$PWD/build/bin} HELPER=${HELPER:-$PWD/build/helper}
	export FIXTURES=$PWD/tests/fixtures
	cd "$BATS_FILE_TMPDIR" || exit 1
	"$HELPER/chain-maker" chain --seed 3 --cycles 3 --cycle-length 20 --prepare-length 4 --signers 9 --tenure-blocks 1:6 \
		--extend-rate 0.3 --epoch4-at 1 --archive all.rec
	blocks=$(($(wc -l <chain/blocks.tsv) - 1))
	export blocks
}

setup() { cd "$BATS_FILE_TMPDIR" || exit 1; }

verify() { timeout 60 "$BIN/block-verify" -n chain/network -R all.rec "$@"; }
# Verdicts of a stream as JSON lines.
verdicts() { "$BIN/rec" | grep '"type":"verdict"'; }
count() { grep -c "$1" || true; }

@test "a good chain is held, block by block, every block right after its verdict" {
	verify <all.rec >out
	[ "$(verdicts <out | count '"status":"held"')" -eq "$blocks" ]
	"$BIN/rec" <out | sed -n 's/^{"type":"\(verdict\|block\)",.*/\1/p' | uniq -c | awk '$1 != 1 { exit 1 }'
}

# The network file in an archive.
network_of() { "$BIN/rec" <"$1" | sed -n 's/^{"type":"network","text":"\(.*\)"}$/\1/p' | sed 's/\\u000a/\n/g'; }

@test "chains of a real peer are held to the last block, in epochs 3.0 and 4.0" {
	for name in transition epoch40; do
		file=$FIXTURES/$name.rec
		network_of "$file" >$name.network
		n=$("$BIN/rec" <"$file" | count '"type":"block"')
		[ "$n" -gt 300 ]
		timeout 60 "$BIN/block-verify" -n $name.network -R "$file" <"$file" >out
		[ "$(verdicts <out | count '"status":"held"')" -eq "$n" ]
		[ "$(verdicts <out | wc -l)" -eq "$n" ]
	done
}

@test "of a chain that breaks a rule of an anchored block once, exactly that block is refused" {
	"$HELPER/chain-maker" --rules >rules
	for rule in merkle2 duptx2 notx2 nocoinbase2 twocoinbases2 latecoinbase2 newcoinbase2 anchor2 feature2 clarity2 chainid2 netflag2 mb25; do
		rm -rf broken judged
		"$HELPER/chain-maker" broken --seed 5 --cycles 3 --cycle-length 20 --prepare-length 5 --signers 4 --epoch2 50 --jobs 1 --break $rule --view view.rec --stream blocks.rec
		"$BIN/block-cat" -d judged -n broken/network -i view.rec
		timeout 60 "$BIN/block-verify" -d judged <blocks.rec | verdicts | grep -v '"status":"held"' >refused
		cat refused
		id=$(sed -n 's/.*"id": "\([0-9a-f]*\)".*/\1/p' broken/broken.json)
		[ "$(wc -l <refused)" -eq 1 ]
		grep "\"id\":\"$id\"" refused | grep '"status":"refused"' | grep "\"reason\":\"$(awk -v r=$rule '$1 == r { print $2 }' rules)\""
	done
}

@test "blocks of both models in one stream are held, stored and proven" {
	"$HELPER/chain-maker" crossing --seed 3 --cycles 4 --cycle-length 20 --prepare-length 5 --signers 5 --epoch2 40 --microblocks 1 \
		--view view.rec --stream blocks.rec
	"$BIN/block-cat" -d crossed -n crossing/network -i view.rec
	timeout 60 "$BIN/block-verify" -d crossed <blocks.rec >out
	verdicts <out >all.json
	[ "$(count '"status":"held"' <all.json)" -eq "$(wc -l <all.json)" ]
	timeout 60 "$BIN/block-store" -d crossed <out | "$BIN/rec" | grep '"kind":"stream"' >streams.json
	[ "$(wc -l <streams.json)" -gt 3 ]
	[ "$(wc -l <streams.json)" -eq "$("$BIN/rec" <blocks.rec | count '"type":"microblocks"')" ]
	[ "$(count '"type":"stored"' <streams.json)" -eq "$(wc -l <streams.json)" ]
	awk -F'\t' '$7 == 1 { print $2 }' crossing/blocks2.tsv crossing/blocks.tsv | sort >want
	"$BIN/block-cat" -d crossed -l | cut -f2 | sort | cmp - want
	# A record that says the wrong model is refused.
	"$BIN/rec" <blocks.rec >blocks.json
	sed 's/"model":"nakamoto"/"model":"x"/; s/"model":"epoch2"/"model":"nakamoto"/; s/"model":"x"/"model":"epoch2"/' blocks.json | "$BIN/rec" -r >lies.rec
	cmp lies.rec blocks.rec && false
	timeout 60 "$BIN/block-verify" -d crossed <lies.rec | verdicts >lies.json
	[ "$(count '"status":"refused"' <lies.json)" -gt 200 ]
	[ "$(grep '"kind":"body"' lies.json | count '"status":"held"')" -eq 0 ]
}

@test "a real block with any one byte changed is not held" {
	file=$FIXTURES/epoch40.rec
	network_of "$file" >epoch40.network
	# One of its tenure starts: 4 KB of digits; every 23rd byte in turn gets another value.
	"$BIN/rec" <"$file" | grep '"type":"block"' | head -n 11 | tail -n 1 >one
	size=$(sed 's/.*"body":"\([0-9a-f]*\)".*/\1/' one | tr -d '\n' | wc -c)
	for at in $(seq 0 46 $((size - 2))); do
		awk -v at="$at" '{
			i = index($0, "\"body\":\"") + 8
			c = substr($0, i + at, 1)
			print substr($0, 1, i + at - 1) (c == "7" ? "3" : "7") substr($0, i + at + 1)
		}' one
	done | "$BIN/rec" -r >bent
	timeout 60 "$BIN/block-verify" -n epoch40.network -R "$file" <bent >out
	[ "$(verdicts <out | wc -l)" -gt 50 ]
	[ "$(verdicts <out | count '"status":"held"')" -eq 0 ]
}

@test "blocks and other records leave as they came, in their order, whatever the number of threads" {
	"$BIN/rec" <all.rec >want
	for j in 1 2 5; do
		verify -j $j <all.rec | "$BIN/rec" | grep -v '"type":"verdict"' >got
		cmp want got
	done
}

@test "a chain longer than the queue comes through a slow reader whole" {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do cat all.rec; done >long
	verify <long | { sleep 0.3; cat; } >out
	[ "$(verdicts <out | count '"status":"held"')" -eq $((12 * blocks)) ]
}

@test "what waits to be judged is bounded: a file of 30 MB takes a few MB of memory" {
	for _ in $(seq $((30000000 / $(stat -c %s all.rec) + 1))); do cat all.rec; done >many.rec
	"${HELPER:-$(dirname "$BIN")/helper}/test-tool" run ran "$BIN/block-verify" -j 1 -n chain/network -R all.rec <many.rec >/dev/null
	peak=$(awk '$1 == "peak" && $2 == "block-verify" { print $3 }' ran)
	rm many.rec
	[ "$peak" -gt 0 ] && [ "$peak" -lt 16384 ]
}

@test "records of an unknown type do not overtake blocks" {
	# An array of one number, 200, in a frame.  Of two hellos the second goes.
	{ cat all.rec; printf '\306\0\0\0\003\221\314\310'; cat all.rec; } >long
	verify <long | "$BIN/rec" | grep -v '"type":"\(verdict\|hello\)"' >got
	"$BIN/rec" <long | grep -v '"type":"hello"' >want
	cmp want got
}

@test "each rule that a block breaks on its own refuses exactly that block, with that reason" {
	"$HELPER/chain-maker" --rules >rules
	for rule in version shadow merkle miner chainid netflag duptx notx markers order othercycle few prevend othertenure minerhash \
		startcause nocoinbase nochange oldcoinbase swapped latechange extprev extend2 feature firstorder; do
		reason=$(awk -F'\t' -v r="$rule" '$1 == r { print $2 }' rules)
		# feature and firstorder are rules of epoch 3
		"$HELPER/chain-maker" "b-$rule" --seed 5 --cycles 4 --cycle-length 20 --prepare-length 4 --signers 9 --tenure-blocks 1:6 \
			--extend-rate 0.3 --epoch4-at 2 --break "$rule" --archive b.rec
		id=$(sed -n 's/.*"block": *"\([0-9a-f]*\)".*/\1/p' "b-$rule/broken.json")
		timeout 60 "$BIN/block-verify" -n "b-$rule/network" -R b.rec <b.rec >out
		verdicts <out | grep -v '"status":"held"' >bad
		echo "$rule: $(cut -c 1-300 bad)"
		[ "$(wc -l <bad)" -eq 1 ]
		grep -q "\"id\":\"$id\".*\"status\":\"refused\",\"reason\":\"$reason\"" bad
		[ "$("$BIN/rec" <out | grep '"type":"block"' | count "\"id\":\"$id\"")" -eq 0 ]
		rm -r "b-$rule"
	done
}

@test "without the view a block is undecided, and the view may flow by on standard input" {
	"$BIN/rec" <all.rec | grep -v '"type":"sortition"' | "$BIN/rec" -r >nosort
	"$BIN/rec" <all.rec | grep -v '"type":"reward_set"' | "$BIN/rec" -r >noset
	"$BIN/rec" <all.rec | grep '"type":"hello"' | "$BIN/rec" -r >empty
	timeout 60 "$BIN/block-verify" -n chain/network -R empty <nosort >out
	[ "$(verdicts <out | count '"status":"undecided","reason":"nosortition"')" -eq "$blocks" ]
	timeout 60 "$BIN/block-verify" -n chain/network -R empty <noset >out
	[ "$(verdicts <out | count '"status":"undecided","reason":"noset"')" -eq "$blocks" ]
	timeout 60 "$BIN/block-verify" -n chain/network -R empty <all.rec >out
	[ "$(verdicts <out | count '"status":"held"')" -eq "$blocks" ]
	"$BIN/block-store" -1 -d store -n chain/network </dev/null >/dev/null
	timeout 60 "$BIN/block-verify" -d store <all.rec >out
	[ "$(verdicts <out | count '"status":"held"')" -eq "$blocks" ]
}

@test "empty input" {
	verify < <(:) >out
	[ "$("$BIN/rec" <out | count '"type":"hello"')" -eq 1 ]
	[ "$(wc -l < <("$BIN/rec" <out))" -eq 1 ]
}

@test "a stream that is cut, garbage or oversize: one line, 111, and all before it is judged" {
	size=$(stat -c %s all.rec)
	head -c $((size - 10)) all.rec >cut
	run -111 --separate-stderr bash -c 'timeout 60 "$BIN/block-verify" -n chain/network -R all.rec <cut >out'
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == *"cut off in the middle of a record"* ]]
	[ "$(verdicts <out | count '"status":"held"')" -eq $((blocks - 1)) ]
	{ cat all.rec; printf 'and now for something'; } >garbage
	run -111 --separate-stderr bash -c 'timeout 60 "$BIN/block-verify" -n chain/network -R all.rec <garbage >out'
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ "$(verdicts <out | count '"status":"held"')" -eq "$blocks" ]
	{ cat all.rec; printf '\306\377\377\377\377'; } >oversize
	run -111 --separate-stderr bash -c 'timeout 60 "$BIN/block-verify" -n chain/network -R all.rec <oversize >out'
	[ "${#stderr_lines[@]}" -eq 1 ]
	[ "$(verdicts <out | count '"status":"held"')" -eq "$blocks" ]
}

@test "a block record with a body of garbage, or none, is refused" {
	"$BIN/rec" <all.rec | grep '"type":"block"' | head -n 1 | sed 's/"body":"[^"]*"/"body":"00112233"/' | "$BIN/rec" -r >one
	"$BIN/rec" <all.rec | grep '"type":"block"' | head -n 1 | sed 's/"body":"[^"]*"/"body":""/' | "$BIN/rec" -r >>one
	verify <one >out
	[ "$(verdicts <out | count '"status":"refused","reason":"codec"')" -eq 2 ]
}

@test "the reader going away ends it with 111 and no complaint" {
	for _ in 1 2 3 4 5 6 7 8; do cat all.rec; done >long
	run -111 --separate-stderr bash -c 'set -o pipefail; timeout 60 "$BIN/block-verify" -n chain/network -R all.rec <long | head -c 1000 >/dev/null'
	[ -z "$stderr" ]
}

@test "SIGTERM: what was taken in is judged and written, exit 0" {
	mkfifo in
	"$BIN/block-verify" -n chain/network -R all.rec <in >out 3>&- &
	pid=$!
	exec 4>in
	cat all.rec >&4
	for _ in $(seq 100); do
		[ "$(verdicts <out 2>/dev/null | count '"status":"held"')" -lt "$blocks" ] || break
		sleep 0.05
	done
	kill "$pid"
	wait "$pid"
	exec 4>&-
	[ "$(verdicts <out | count '"status":"held"')" -eq "$blocks" ]
}

@test "the crash hook aborts at its block" {
	id=$(awk 'NR == 9 { print $2 }' chain/blocks.tsv)
	BLOCKSYNC_TEST_CRASH=$id run -134 bash -c 'timeout 60 "$BIN/block-verify" -n chain/network -R all.rec <all.rec >/dev/null'
}

@test "wrong use: one line and 100" {
	run -100 "$BIN/block-verify" -R all.rec
	[[ $output == *"-R needs -n"* ]]
	run -100 "$BIN/block-verify" -d store -n chain/network -R all.rec
	[[ $output == *"give -d or -R"* ]]
	run -100 env -u BLOCKSYNC_DIR "$BIN/block-verify"
	[[ $output == *"no store"* ]]
	run -100 "$BIN/block-verify" -n chain/network -R nowhere
	[[ $output == *"cannot read view 'nowhere'"* ]]
	run -100 "$BIN/block-verify" -n testnet -R all.rec
	[[ $output == *"is of network"* ]]
	head -c 1000 all.rec >cutview
	run -100 "$BIN/block-verify" -n chain/network -R cutview
	[[ $output == *"view 'cutview' is cut off"* ]]
	run -100 "$BIN/block-verify" -j 0 -n chain/network -R all.rec
	[[ $output == *"-j"* ]]
	run -100 bash -c '"$BIN/block-verify" -n chain/network -R all.rec extra'
	[[ $output == *"unexpected argument 'extra'"* ]]
}

@test "records of another network end it with 100" {
	"$HELPER/chain-maker" other --seed 9 --cycles 2 --cycle-length 10 --prepare-length 3 --signers 3 --tenure-blocks 1:1 --archive other.rec
	run -100 --separate-stderr bash -c 'timeout 60 "$BIN/block-verify" -n chain/network -R all.rec <other.rec >out'
	[ "${#stderr_lines[@]}" -eq 1 ]
}
