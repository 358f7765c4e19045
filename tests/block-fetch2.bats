#!/usr/bin/env bats
# block-fetch in epoch 2.x and across its end: anchored blocks, the microblock streams that they confirm, and what is missing of them.
bats_require_minimum_version 1.5.0

setup_file() {
	. "$BATS_TEST_DIRNAME/common.bash"
	CHAIN=$(crossing_chain)
	export CHAIN
}

setup() {
	. "$BATS_TEST_DIRNAME/common.bash"
	cd "$BATS_TEST_TMPDIR" || exit 1
}

teardown() { stop_started; }

# The view of the chain into a store, without any block.
seed() { timeout 30 sortition-sync -1 -q -d "$1" -n "$CHAIN/network" -s "${URLS[0]}" >/dev/null; }
# fetch ARG...: fetched, judged and stored; what came of it is in `became`
fetch() {
	set -o pipefail
	timeout 60 block-fetch -1 -d s "$@" </dev/null | block-verify -d s | block-store -d s >became
}
# Ids of the chain: all that is canonical, and of that the blocks that confirm a stream.
chain_ids() { awk -F'\t' 'FNR > 1 && $7 == 1 { print $2 }' "$CHAIN/blocks2.tsv" "$CHAIN/blocks.tsv" | sort; }
chain_streams() { awk -F'\t' 'NR == FNR { main[$2] = $7; next } main[$1] == 1 { print $1 }' "$CHAIN/blocks2.tsv" "$CHAIN/microblocks.tsv" | sort -u; }
# Ids of blocks whose streams were proven.
streams() { rec <became | sed -n 's/^{"type":"stored","id":"\([0-9a-f]*\)".*"kind":"stream"}$/\1/p' | sort; }
# Winners of the canonical burn chain in epoch 2.x whose block is none of the chain's.
others() {
	jq -r 'select(.fork == null and .was_sortition and .burn_block_height < 133) | .consensus_hash[2:]' "$CHAIN/sortitions.jsonl" |
		grep -vxF "$(awk -F'\t' '$7 == 1 { print $3 }' "$CHAIN/blocks2.tsv")"
}
status() { sync-status -d s -j | jq -r "$1"; }
# whole: all that is needed is proven
whole() { diff <(listed s) <(chain_ids) && diff <(streams) <(chain_streams); }

@test "from a URL, from the first block across the transition: each block and each stream that is needed, nothing else" {
	serve_chain "$CHAIN" log honest
	seed s
	fetch -u "${URLS[0]}"
	whole
	# Whose block no needed one builds on is not asked for.
	[ "$(grep -c '/v2/blocks/' log)" -eq "$(awk -F'\t' 'NR > 1 && $7 == 1' "$CHAIN/blocks2.tsv" | wc -l)" ]
	[ "$(test-tool faults s | wc -l)" -eq 0 ]
	asked=$(grep -c '/v2/\(blocks\|microblocks\)/' log)
	fetch -u "${URLS[0]}"
	[ "$(grep -c '/v2/\(blocks\|microblocks\)/' log)" -eq "$asked" ]
	[ "$(status '[.wanted, .wanted_exact, .streams_missing, .offered] | tostring')" = '[0,true,0,0]' ]
	[ "$(status .tenures_done)" -eq "$(awk -F'\t' 'FNR > 1 && $7 == 1 { print $3 }' "$CHAIN/blocks2.tsv" "$CHAIN/blocks.tsv" | sort -u | wc -l)" ]
	[ "$(status .unclaimed)" -eq "$(others | wc -l)" ]
	sync-status -d s | grep -q "^beside    0 blocks of epoch 2.x on offer, 0 of them proven; $(others | wc -l) winners whose block nobody claims$"
}

@test "-F: a cycle in which Nakamoto began leaves epoch 2.x out; one below begins in it" {
	serve_chain "$CHAIN" log honest
	seed s
	fetch -F 3 -u "${URLS[0]}"
	[ "$(listed s)" = "$(canonical "$CHAIN")" ]
	! grep -q '/v2/blocks/' log || false
	fetch -F 2 -u "${URLS[0]}"
	[ "$(listed s | wc -l)" -gt "$(canonical "$CHAIN" | wc -l)" ]
	[ "$(listed s | wc -l)" -lt "$(chain_ids | wc -l)" ]
	fetch -F 0 -u "${URLS[0]}"
	[ "$(listed s)" = "$(chain_ids)" ]
}

@test "-o passes on blocks and streams, ascending, and judges nothing" {
	serve_chain "$CHAIN" log honest
	seed s
	timeout 60 block-fetch -1 -o -d s -u "${URLS[0]}" </dev/null >out
	[ "$(rec <out | sed -n 's/^{"type":"block","id":"\([0-9a-f]*\)".*/\1/p' | sort)" = "$(chain_ids)" ]
	rec <out | sed -n 's/^{"type":"microblocks","child_id":"\([0-9a-f]*\)".*"body":"\([^"]*\)".*/\1 \2/p' >got
	diff <(cut -d' ' -f1 got | sort) <(chain_streams)
	while read -r id body; do
		awk -F'\t' -v id="$id" '$1 == id { n++; size += $4; if (n == 1) at = $5 } END { print n, size, at }' "$CHAIN/microblocks.tsv" >where
		read -r n size at <where
		[ "$body" = "$(printf %08x "$n")$(tail -c "+$((at + 1))" "$CHAIN/microblocks.bin" | head -c "$size" | od -An -v -tx1 | tr -d ' \n')" ]
	done <got
}

@test "a 404 for a stream is no fault, and holds up no block; the stream is missing until another source has it" {
	serve_chain "$CHAIN" log nomicro honest
	seed s
	run --separate-stderr fetch -u "${URLS[0]}"
	[ "$status" -eq 111 ]
	[[ "$stderr" = *"$(chain_streams | wc -l) of $(chain_streams | wc -l) microblock streams missing, the first at burn height "*": 404"* ]]
	[ "$(listed s)" = "$(chain_ids)" ]
	[ "$(test-tool faults s | wc -l)" -eq 0 ]
	[ "$(status '[.wanted, .streams_missing, ([.unavailable[] | select(.stream and .state == "unavailable" and .why == "404")] | length)] | tostring')" = \
		"[0,$(chain_streams | wc -l),$(chain_streams | wc -l)]" ]
	sync-status -d s | grep -q "^streams   $(chain_streams | wc -l) microblock streams missing$"
	sync-status -d s | grep -q "^  microblock stream of tenure [0-9a-f]* unavailable: 404$"
	fetch -u "${URLS[0]}" -u "${URLS[1]}"
	[ "$(status '[.streams_missing, (.unavailable | length)] | tostring')" = '[0,0]' ]
	whole
	[ "$(test-tool faults s | wc -l)" -eq 0 ]
}

@test "whatever is wrong with a stream costs its source alone" {
	local lie
	for lie in badmicro forgedmicro cuttail cuthead disordermicro emptymicro microbomb wrongstream longtail; do
		serve_chain "$CHAIN" log $lie honest
		rm -rf s
		seed s
		fetch -u "${URLS[0]}" -u "${URLS[1]}" || { echo "$lie"; return 1; }
		whole || { echo "$lie"; return 1; }
		! test-tool faults s | grep -qF "${URLS[1]}" || { echo "$lie"; return 1; }
		[ $lie = longtail ] || test-tool faults s | grep -qF "${URLS[0]}" || { echo "$lie"; return 1; }
		stop_started
	done
}

@test "a wrong, a forged and a cut block cost their source alone" {
	local lie
	for lie in wrongblock garbageblock badmerkle keybomb cutbody=50 trailingblock endless; do
		serve_chain "$CHAIN" log $lie honest
		rm -rf s
		seed s
		fetch -u "${URLS[0]}" -u "${URLS[1]}" || { echo "$lie"; return 1; }
		whole || { echo "$lie"; return 1; }
		! test-tool faults s | grep -qF "${URLS[1]}" || { echo "$lie"; return 1; }
		stop_started
	done
}

@test "what all sources withhold is missing, and named: the lowest block but two" {
	serve_chain "$CHAIN" log withholdlow=3 withholdlow=3
	seed s
	run --separate-stderr fetch -u "${URLS[0]}" -u "${URLS[1]}"
	[ "$status" -eq 111 ]
	read -r id ch < <(awk -F'\t' '$7 == 1 && $1 == 3 { print $2, $3 }' "$CHAIN/blocks2.tsv")
	height=$(jq "select(.consensus_hash == \"0x$ch\").burn_block_height" "$CHAIN/sortitions.jsonl")
	[[ "$stderr" = *": 1 of "*" tenures missing, the first at burn height $height: 404"* ]]
	diff <(listed s) <(chain_ids | grep -v "$id")
	[ "$(status '[.wanted, (.unavailable[] | select(.stream | not) | .consensus_hash, .why)] | tostring')" = "[1,\"$ch\",\"404\"]" ]
	# what stands on it is lacking its stream, if it confirms one
	status '.unavailable[] | select(.stream) | .why' >why
	! grep -v 'the block below it is not proven' why || false
}

# sync SPEC...: by all stages, from these peers' inventories
sync() {
	serve_chain "$CHAIN" log "$@"
	timeout 60 blocksync -1 -q -d s -n "$CHAIN/network" -s "${URLS[0]}" "${PEERS[@]}"
}

@test "through inventories: what is needed, and forks that a peer claims; what a peer only claims, or does not claim, nobody misses" {
	sync honest ghosts
	# all blocks whose sortition the canonical burn chain has
	jq -r 'select(.fork == null) | .consensus_hash[2:]' "$CHAIN/sortitions.jsonl" >main
	ids=$(awk -F'\t' 'NR == FNR { main[$1]; next } FNR > 1 && $3 in main { print $2 }' main "$CHAIN/blocks2.tsv" "$CHAIN/blocks.tsv" | sort)
	[ "$(wc -l <<<"$ids")" -gt "$(chain_ids | wc -l)" ]
	diff <(listed s) <(echo "$ids")
	[ "$(status '[.wanted, .streams_missing, (.unavailable | length), ([.faults[] | select(.who == "'"${KEYS[0]}"'")] | length)] | tostring')" = '[0,0,0,0]' ]
	[ "$(status .offered_done)" -eq $(($(wc -l <<<"$ids") - $(chain_ids | wc -l))) ]
}

@test "a peer that is a hundred times slower than the other holds up nothing" {
	sync honest rate=1000
	[ "$(status '[.wanted, .streams_missing] | tostring')" = '[0,0]' ]
	[ "$(grep -c '/v2/' log)" -gt 0 ]
}

# below ID: it and all that it builds on, of epoch 2.x
below() { awk -F'\t' -v id="$1" 'FNR > 1 { parent[$2] = $4 } END { for (; id in parent; id = parent[id]) print id }' "$CHAIN/blocks2.tsv" | sort; }

@test "before Nakamoto the tip of the sources says what is needed; where none is named, nothing is known to be, and that is said: 111" {
	PEER_OPTIONS=(--tip 128)
	serve_chain "$CHAIN" log honest
	timeout 30 sortition-sync -1 -d s -n "$CHAIN/network" -s "${URLS[0]}" | rec >view
	tip=$(sed -n 's/^{"type":"tip","id":"\([0-9a-f]*\)".*/\1/p' view)
	[ "$(curl -s -o /dev/null -w '%{http_code}' "${URLS[0]}/v3/tenures/info")" = 404 ]
	grep -q "	$tip	" "$CHAIN/blocks2.tsv"
	fetch -u "${URLS[0]}"
	diff <(listed s) <(below "$tip")
	grep '"type":"\(hello\|sortition\)"' view | rec -r >in
	run --separate-stderr bash -c 'timeout 30 block-fetch -1 -o -d other -n "$CHAIN/network" -u "$0" <in >out' "${URLS[0]}"
	[ "$status" -eq 111 ]
	[[ "$stderr" = *"nothing says which are needed"* ]]
	[ "$(rec <out | grep -c '"type":"block"')" -eq 0 ]
}

@test "below a shadow tenure that nobody won its coinbase says where to go on" {
	CHAIN=$(make_chain shadow --seed 6 --cycles 2 --cycle-length 20 --sortition-rate 0.7 --signers 2 --tenure-blocks 2:3 --shadows 2)
	serve_chain "$CHAIN" log honest
	shadows=$(sed -n 's/^shadow //p' "$CHAIN/network")
	# the view of them, where nobody won the shadow tenures' sortitions
	awk -F'\t' -v ids="$shadows" 'index(ids, $2) { print "\"consensus_hash\":\"" $3 "\"" }' "$CHAIN/blocks.tsv" >nobodys
	timeout 30 sortition-sync -1 -d view -n "$CHAIN/network" -s "${URLS[0]}" | rec >view.lines
	grep -vFf nobodys view.lines >lines
	grep -Ff nobodys view.lines | sed 's/"won":true.*"last_ch"/"won":false,"last_ch"/; s/"committed":"[0-9a-f]*",//' >>lines
	[ "$(grep -c '"won":false,"last_ch"' lines)" -eq 2 ]
	rec -r <lines >in
	timeout 60 block-fetch -1 -o -d s -n "$CHAIN/network" -u "${URLS[0]}" <in >out
	[ "$(rec <out | sed -n 's/^{"type":"block","id":"\([0-9a-f]*\)".*/\1/p' | sort -u)" = "$(canonical "$CHAIN")" ]
}

@test "what is pushed to us alone is stored, blocks and streams, and not missed" {
	PEER_OPTIONS=(--tip 128)
	serve_chain "$CHAIN" log http404=100+push2=200
	blocksync -q -d s -n "$CHAIN/network" -s "${URLS[0]}" "${PEERS[@]}" >/dev/null 2>err 3>&- &
	STARTED+=("$!")
	for _ in $(seq 200); do
		[[ "$(status '[.wanted, .streams_missing, .mode, .text] | tostring')" = '[0,0,"following","0 tenures missing, 0 unavailable, '* ]] && break
		sleep 0.1
	done
	[[ "$(status '[.wanted, .streams_missing, .mode, .text] | tostring')" = '[0,0,"following","0 tenures missing, 0 unavailable, '* ]]
	[ "$(status .proven_height)" -eq "$(curl -s "${URLS[0]}/v2/info" | jq .stacks_tip_height)" ]
}
