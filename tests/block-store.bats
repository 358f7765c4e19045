#!/usr/bin/env bats
# block-store by its streams and its store: any order of arrival, every rule of place, broken streams, no room.
bats_require_minimum_version 1.5.0

setup_file() {
	export BIN=${BIN:-$PWD/build/bin} HELPER=${HELPER:-$PWD/build/helper}
	cd "$BATS_FILE_TMPDIR" || exit 1
	make_chain_and_view chain
	"$BIN/block-verify" -n chain/network -R chain.rec <chain.rec >held.rec
	"$BIN/rec" <held.rec >held.json
	listing chain >want
}

teardown() { ! mountpoint -q "$BATS_FILE_TMPDIR/small" || umount "$BATS_FILE_TMPDIR/small"; }
setup() { cd "$BATS_FILE_TMPDIR" || exit 1; rm -rf store; }

# make_chain_and_view NAME OPTIONS...: a chain directory, its archive NAME.rec, and the view alone, NAME.view.
make_chain_and_view() {
	local name=$1
	shift
	"$HELPER/chain-maker" "$name" --seed 3 --cycles 3 --cycle-length 20 --prepare-length 4 --signers 9 --tenure-blocks 1:6 \
		--extend-rate 0.3 --epoch4-at 1 --archive "$name.rec" "$@" 2>/dev/null
	"$BIN/rec" <"$name.rec" | grep -v '"type":"block"' | "$BIN/rec" -r >"$name.view"
}
# What block-cat -l must print of a chain directory.
listing() { awk -F'\t' 'NR > 1 && $7 == 1 { print $1 "\t" $2 "\t" $3 "\t" $5 }' "$1/blocks.tsv" | sort -k1n -k2; }
fresh() { rm -rf store; "$BIN/block-cat" -d store -i "${1:-chain.view}"; }
store() { timeout 60 "$BIN/block-store" -d store; }
list() { "$BIN/block-cat" -d store -l; }
# Held blocks (verdict and block stay together) in another order.
shuffled() {
	grep -v '"type":"\(verdict\|block\)"' held.json
	grep '"type":"\(verdict\|block\)"' held.json | paste - - | shuf --random-source=<(yes "$1") | tr '\t' '\n'
}

@test "a chain is stored, proven and listed; every block is reported once, after its tenure's state" {
	fresh
	store <held.rec >out
	list | cmp - want
	[ "$("$BIN/rec" <out | grep -c '"type":"stored"')" -eq "$(wc -l <want)" ]
	[ "$("$BIN/rec" <out | grep -c '"type":"block"')" -eq 0 ]
}

@test "a real chain that crosses from epoch 2.x to Nakamoto is proven and linked whichever side comes first" {
	local order part fixtures="$BATS_TEST_DIRNAME/fixtures"
	"$BIN/rec" <"$fixtures/transition.rec" | grep -v '"type":"block"' | "$BIN/rec" -r >real.view
	"$BIN/block-verify" -n "$fixtures/transition.network" -R "$fixtures/transition.rec" <"$fixtures/transition.rec" >nakamoto.rec
	cp "$fixtures/transition2.rec" epoch2.rec
	for order in "epoch2 nakamoto" "nakamoto epoch2"; do
		fresh real.view
		for part in $order; do store <$part.rec | "$BIN/rec" >out; done
		run ! grep -q '"type":"\(verdict\|fault\)"' out
		list >got
		[ "$(wc -l <got)" -eq 716 ]
		[ "$(cut -f1 got | uniq | wc -l)" -eq 716 ]	# one of each height
		[ "$("$HELPER/test-tool" tenures store | awk '$7' | wc -l)" -eq 63 ]
	done
}

@test "a real chain of epoch 2.x is stored with the streams of microblocks that its blocks confirm" {
	"$BIN/rec" <"$BATS_TEST_DIRNAME/fixtures/epoch2x.rec" >real.json
	grep '"type":"\(hello\|network\|sortition\)"' real.json | "$BIN/rec" -r >real.view
	grep '"type":"\(hello\|verdict\|block\|microblocks\)"' real.json | "$BIN/rec" -r >real.rec
	fresh real.view
	"$BIN/block-verify" -d store <real.rec >judged.rec
	store <judged.rec | "$BIN/rec" >out
	run ! grep -q '"type":"\(verdict\|fault\|microblocks\)"' out
	[ "$(grep -c '"type":"stored".*"kind":"body"' out)" -eq 40 ]
	[ "$(grep -c '"type":"stored".*"kind":"stream"' out)" -eq 39 ]
	[ "$(grep -c '"type":"tenure".*"stream":"proven"' out)" -eq 39 ]
	list >got
	[ "$(wc -l <got)" -eq 40 ]
	"$BIN/block-cat" -d store -c
}

@test "other records pass through unchanged, in order" {
	fresh
	store <held.rec | "$BIN/rec" | grep -v '"type":"\(stored\|tenure\|verdict\|fault\)"' >got
	grep -v '"type":"\(verdict\|block\)"' held.json | cmp - got
}

@test "a verdict speaks for the block of its id alone, right after it" {
	fresh
	# every second verdict stands before the block of the next one
	grep '"type":"\(verdict\|block\)"' held.json | paste - - - - |
		awk -F'\t' 'NF == 4 { print $1; print $4 }' | "$BIN/rec" -r | store >out 2>/dev/null
	[ -z "$(list)" ]
	[ "$("$BIN/rec" <out | grep -c '"type":"stored"')" -eq 0 ]
	[ "$("$BIN/rec" <out | grep -c '"reason":"unjudged"')" -gt 50 ]
}

@test "whatever the order of arrival, the list is the same" {
	for seed in 1 2 3; do
		fresh
		shuffled $seed | "$BIN/rec" -r | store >/dev/null
		list | cmp - want
	done
	fresh
	{ grep -v '"type":"\(verdict\|block\)"' held.json; grep '"type":"\(verdict\|block\)"' held.json | paste - - | tac | tr '\t' '\n'; } |
		"$BIN/rec" -r | store >/dev/null
	list | cmp - want
}

@test "in pieces, by many runs, the list is the same, and again changes nothing" {
	fresh
	shuffled 4 | grep '"type":"\(verdict\|block\)"' >pieces
	split -l 62 pieces piece.
	for p in piece.*; do "$BIN/rec" -r <"$p" | store >/dev/null; done
	list | cmp - want
	"$BIN/rec" -r <pieces | store | "$BIN/rec" >again
	[ "$(grep -c '"type":"stored"' again)" -eq 0 ]
	[ "$(grep -c '"reason":"lighter"' again)" -eq "$(wc -l <want)" ]
	list | cmp - want
	rm -f piece.*
}

@test "sortitions that come after the blocks prove them" {
	"$BIN/rec" <chain.view >view.json
	# Without the upper half of the view, the blocks of that half are only held.
	{ grep -v '"type":"sortition"' view.json; grep '"type":"sortition"' view.json | head -n 40; } | "$BIN/rec" -r >low.view
	fresh low.view
	store <held.rec >/dev/null
	[ "$(list | wc -l)" -lt "$(wc -l <want)" ]
	"$BIN/block-cat" -d store -i chain.view
	"$BIN/block-store" -d store </dev/null >/dev/null &
	pid=$!
	for _ in $(seq 100); do list | cmp -s - want && break; sleep 0.1; done
	kill "$pid"
	wait "$pid"
	list | cmp - want
}

@test "each rule that a block breaks in its place refuses exactly that block, with that reason; below it all is listed" {
	for rule in height burn stray count prevtenure commit extcount extview burnview; do
		make_chain_and_view "b-$rule" --break "$rule"
		"$BIN/block-verify" -n "b-$rule/network" -R "b-$rule.rec" <"b-$rule.rec" | "$BIN/rec" >held.b
		id=$(sed -n 's/.*"block": "\([0-9a-f]*\)".*/\1/p' "b-$rule/broken.json")
		for order in cat tac; do
			fresh "b-$rule.view"
			grep '"type":"\(verdict\|block\)"' held.b | paste - - | $order | tr '\t' '\n' | "$BIN/rec" -r | store | "$BIN/rec" >out.b
			[ "$(grep -c '"status":"refused"' out.b)" -eq 1 ]
			grep '"status":"refused"' out.b | grep "\"$id\"" | grep "\"reason\":\"$rule\""
			[ "$(grep -c '"type":"fault"' out.b)" -le 1 ]
			list | cut -f2 | sort >listed
			[ "$(grep -c "$id" listed)" -eq 0 ]
			awk -F'\t' -v id="$id" 'NR > 1 && $2 == id { exit } NR > 1 { print $2 }' "b-$rule/blocks.tsv" | sort | comm -23 - listed >lacking
			[ ! -s lacking ]
		done
	done
}

@test "a heavier signature set takes the place of a lighter one, never the other way" {
	fresh
	grep '"type":"\(verdict\|block\)"' held.json | paste - - | head -n 1 | tr '\t' '\n' >one
	id=$(sed -n 's/.*"type":"block","id":"\([0-9a-f]*\)".*/\1/p' one)
	sed 's/"weight":[0-9]*/"weight":1000000/' one | "$BIN/rec" -r | store | "$BIN/rec" | grep '"type":"stored"'
	"$BIN/rec" -r <one | store | "$BIN/rec" | grep '"reason":"lighter"'
	sed 's/"weight":[0-9]*/"weight":1000001/' one | "$BIN/rec" -r | store | "$BIN/rec" | grep '"type":"stored"' | grep '"weight":1000001'
	"$BIN/block-cat" -d store "$id" >body
	[ -s body ]
}

@test "a block without a verdict is not stored, and its absence has a row" {
	fresh
	run --separate-stderr -0 store <chain.rec
	[[ "$stderr" = *"without a verdict"* ]]
	[ -z "$(list)" ]
}

@test "a refused verdict from upstream passes on and faults its source" {
	fresh
	grep -m 1 '"type":"verdict"' held.json | sed 's/"status":"held"/"status":"refused"/; s/"reason":"[a-z]*"/"reason":"miner"/; s/"source":"[^"]*"/"source":"somebody"/' |
		"$BIN/rec" -r | store | "$BIN/rec" >out
	grep '"status":"refused"' out | grep '"reason":"miner"'
	grep '"type":"fault"' out | grep '"who":"somebody"' | grep '"class":"invalid"'
}

@test "broken streams: what came before is kept, one line, 111" {
	fresh
	size=$(stat -c %s held.rec)
	head -c $((size - 100)) held.rec >cut.rec
	run --separate-stderr -111 store <cut.rec
	[ "$(printf '%s\n' "$stderr" | wc -l)" -eq 1 ]
	[ "$(list | wc -l)" -ge $(($(wc -l <want) - 8)) ]
	fresh
	{ cat held.rec; head -c 1000 /dev/urandom | tr '\306' '\0'; } >random.rec
	run --separate-stderr -111 store <random.rec
	list | cmp - want
}

@test "an empty stream and none" {
	fresh
	"$BIN/block-store" -d store </dev/null >out &
	pid=$!
	sleep 0.3
	kill "$pid"
	wait "$pid"
	: | store >out
}

@test "wrong use: one line, 100" {
	run -100 "$BIN/block-store" -d nowhere </dev/null
	[ "${#lines[@]}" -eq 1 ]
	run -100 env -u BLOCKSYNC_DIR "$BIN/block-store" </dev/null
	[ "${#lines[@]}" -eq 1 ]
	fresh
	run -100 "$BIN/block-store" -d store -n mainnet </dev/null
	[ "${#lines[@]}" -eq 1 ]
	printf '{"type":"hello","schema":1,"network":"mainnet","chain_id":1,"stage":"x"}\n' | "$BIN/rec" -r >other.rec
	run -100 store <other.rec
	run -100 "$BIN/block-store" -d store extra
}

@test "a full map: 111, nothing half done, and on with room" {
	fresh
	full=$(($(stat -c %s store/data.mdb) + 200000))
	run --separate-stderr -111 env BLOCKSYNC_MAP=$((full / 4096 * 4096)) timeout 60 "$BIN/block-store" -d store <held.rec
	[[ "$stderr" = *"full"* ]]
	[ "$(printf '%s\n' "$stderr" | wc -l)" -eq 1 ]
	list >partly
	[ "$(wc -l <partly)" -lt "$(wc -l <want)" ]
	store <held.rec >/dev/null
	list | cmp - want
}

@test "a full disk: 111, and on with room" {
	mkdir -p small
	mount -t tmpfs -o size=300k tmpfs small 2>/dev/null || skip "cannot mount a tmpfs"
	"$BIN/block-cat" -d small/store -i chain.view || { umount small; false; }
	rc=0
	timeout 60 "$BIN/block-store" -d small/store <held.rec >/dev/null 2>err || rc=$?
	mount -o remount,size=64m small
	timeout 60 "$BIN/block-store" -d small/store <held.rec >/dev/null 2>err2 || rc=again
	"$BIN/block-cat" -d small/store -l >got
	umount small
	[ "$rc" = 111 ]
	grep full err
	cmp got want
}

@test "kill -9 at any moment loses nothing that was reported" {
	for pause in 0.002 0.005 0.01 0.02; do
		fresh
		shuffled 7 | "$BIN/rec" -r >s.rec
		"$BIN/block-store" -d store <s.rec >out &
		pid=$!
		sleep $pause
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" || true
		"$BIN/rec" <out 2>/dev/null | sed -n 's/.*"type":"stored","id":"\([0-9a-f]*\)".*/\1/p' >said
		while read -r id; do "$BIN/block-cat" -d store "$id" >/dev/null; done <said
		store <s.rec >/dev/null
		list | cmp - want
	done
}
