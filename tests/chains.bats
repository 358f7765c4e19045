#!/usr/bin/env bats
# The chains that tests are made of, and the peer that serves them: that both say what they claim to say about epoch 2.x.
bats_require_minimum_version 1.5.0

setup_file() {
	. "$BATS_TEST_DIRNAME/common.bash"
	cd "$BATS_FILE_TMPDIR" || exit 1
	crossing_chain >chain
	chain-maker "$(cat chain)" --view view.rec
	block-cat -d store -n "$(cat chain)/network" -i view.rec >/dev/null
}

setup() {
	. "$BATS_TEST_DIRNAME/common.bash"
	cd "$BATS_FILE_TMPDIR" || exit 1
	CHAIN=$(cat chain)
	FIRST=$(sed -n 's/^first_burn_height //p' "$CHAIN/network") LENGTH=$(sed -n 's/^cycle_length //p' "$CHAIN/network")
}

teardown() { stop_started; }

# serve SPEC...: peers of the chain
serve() { serve_chain "$CHAIN" "$BATS_TEST_TMPDIR/log" "$@"; }
# ask N COMMAND...: dial the Nth peer
ask() { timeout 20 dial store "${KEYS[$1]}@${P2P[$1]}" "${@:2}"; }
# get N PATH: the body is in `body`, its status on stdout
get() { curl -s -m 10 -o body -w '%{http_code}' "${URLS[$1]}$2"; }
# ch HEIGHT: consensus hash of a canonical sortition; other HEIGHT: of the other PoX fork
ch() { grep "\"burn_block_height\": $1," "$CHAIN/sortitions.jsonl" | grep -v '"fork"' | sed 's/.*"consensus_hash": "0x\([0-9a-f]*\)".*/\1/'; }
other() { grep "\"burn_block_height\": $1," "$CHAIN/sortitions.jsonl" | grep '"fork"' | sed 's/.*"consensus_hash": "0x\([0-9a-f]*\)".*/\1/'; }
# says KIND CYCLE: bits of inventory.jsonl
says() { sed -n "$(($2 + 1))s/.*\"$1\": \"\([01]*\)\".*/\1/p" "$CHAIN/inventory.jsonl"; }
# rows TABLE: without the header line
rows() { sed 1d "$CHAIN/$1.tsv"; }
# cut_out TABLE SIZE OFFSET: a body
cut_out() { tail -c "+$(($3 + 1))" "$CHAIN/$1.bin" | head -c "$2"; }
hex() { od -An -v -tx1 | tr -d ' \n'; }
# stream_of ID: bodies that the block confirms, ascending, one a file stream.N
stream_of() {
	rm -f stream.*
	rows microblocks | awk -F'\t' -v id="$1" '$1 == id { print $2, $4, $5 }' | while read -r n size offset; do
		cut_out microblocks "$size" "$offset" >"stream.$n"
	done
}
# a block that confirms at least three microblocks
long_stream() { rows microblocks | awk -F'\t' '$2 >= 2 { print $1; exit }'; }

@test "a chain without epoch 2.x is the same as ever for the same seed" {
	chain-maker "$BATS_TEST_TMPDIR/c" --seed 5 --cycles 3 --cycle-length 20 --prepare-length 4 --signers 5 --tenure-blocks 1:3 \
		--extend-rate 0.2 --epoch4-at 1 --orphans 3
	cd "$BATS_TEST_TMPDIR/c"
	[ "$(cat network sortitions.jsonl blocks.tsv blocks.bin keys.json reward_sets/*.json | cksum)" = "4279800724 197034" ]
	[ ! -e blocks2.tsv ]
}

@test "a chain of epoch 2.x has all that it should, and each rule holds" {
	judge "$CHAIN" 2>judged
	[ "$(cat judged)" = "$(($(rows blocks2 | wc -l) + 1)) blocks, $(rows microblocks | wc -l) microblocks" ]
	# each epoch, a lost fork, a winner that nobody has a block of, another PoX fork, a rival that nobody confirms
	for epoch in 2.0 2.05 2.1 2.2 2.3 2.4 2.5 3.0; do grep -q "^epoch $epoch " "$CHAIN/network"; done
	[ "$(rows blocks2 | awk -F'\t' '$7 == 0' | wc -l)" -gt 5 ]
	sed -n 's/.*"burn_block_height": \([0-9]*\).*"was_sortition": true.*"consensus_hash": "0x\([0-9a-f]*\)".*/\1 \2/p' "$CHAIN/sortitions.jsonl" |
		while read -r height ch; do
			[ "$height" -gt $((FIRST + 33)) ] || cut -f3 "$CHAIN/blocks2.tsv" | grep -q "$ch" || echo "$height"
		done >ghosts
	[ -s ghosts ]
	[ "$(grep -c '"fork": 1' "$CHAIN/sortitions.jsonl")" -eq "$LENGTH" ]
	[ "$(rows unconfirmed | cut -f1,2 | sort | uniq -d | wc -l)" -gt 0 ]
	# two children of one block, of which the second confirms the rival of a microblock that the first one confirms
	rows microblocks | cut -f1-3 | sort >confirmed
	rows blocks2 | cut -f2,4 | sort | join -j 1 - confirmed | awk '{ if (hash[$2, $3] && hash[$2, $3] != $4) found = 1; hash[$2, $3] = $4 } END { exit !found }'
	# reward sets from the cycle of the first tenure on
	[ "$(cd "$CHAIN/reward_sets" && echo *)" = '3.json 4.json 5.json' ]
	# the same again
	chain-maker "$BATS_TEST_TMPDIR/again" --seed 11 --cycles 5 --cycle-length 10 --prepare-length 3 --epoch2 33 --signers 3 \
		--tenure-blocks 1:3 --microblocks 0.9 --equivocations 0.7 --forks 0.2 --pox-fork 1 --start-rate 0.85
	diff -r "$CHAIN" "$BATS_TEST_TMPDIR/again"
}

@test "two sides of a reorganisation have all below it in common, and nothing above" {
	options="--seed 9 --cycles 4 --cycle-length 10 --prepare-length 3 --signers 3 --tenure-blocks 1:3 --epoch2 30"
	chain-maker "$BATS_TEST_TMPDIR/a" $options --tip-offset -6
	chain-maker "$BATS_TEST_TMPDIR/b" $options --tip-offset -5 --fork-at 129	# epoch 3.0 begins at 131
	cd "$BATS_TEST_TMPDIR"
	cmp a/network b/network
	cmp <(head -n 29 a/sortitions.jsonl) <(head -n 29 b/sortitions.jsonl)
	[ "$(sed 1,29d a/sortitions.jsonl | wc -l)" -eq 6 ]
	sed -s 1,29d [ab]/sortitions.jsonl | grep -o '"consensus_hash": "[0-9a-fx]*"' | sort | uniq -d >both
	[ ! -s both ]
	below=$(head -n 29 a/sortitions.jsonl | sed 's/.*"consensus_hash": "0x\([0-9a-f]*\)".*/\1/')
	for side in a b; do judge $side && sed 1d $side/blocks2.tsv | grep -F "$below" >$side.below; done
	cmp a.below b.below
	# and a peer that goes from one to the other
	PEER_OPTIONS=(--reorg b)
	serve_chain a log honest
	last() { sed -n '$s/.*"consensus_hash": "0x\([0-9a-f]*\)".*/\1/p' "$1/sortitions.jsonl"; }
	tip() { curl -s -m 10 "${URLS[0]}/v2/info" | sed 's/.*"pox_consensus":"\([0-9a-f]*\)".*/\1/'; }
	[ "$(tip)" = "$(last a)" ]
	kill -USR2 "$PEER_PID"
	for _ in $(seq 100); do [ "$(tip)" = "$(last b)" ] && break; sleep 0.05; done
	[ "$(tip)" = "$(last b)" ]
}

@test "each rule of epoch 2.x that a block breaks refuses exactly that block, with that reason" {
	chain-maker --rules | sed -n '/^merkle2/,$p' >rules
	[ "$(wc -l <rules)" -ge 26 ]
	while IFS=$'\t' read -r rule reason _; do
		echo "$rule"
		chain-maker "$BATS_TEST_TMPDIR/$rule" --seed 3 --cycles 4 --cycle-length 10 --prepare-length 3 --epoch2 32 --signers 2 \
			--tenure-blocks 1:1 --microblocks 0.9 --break "$rule"
		id=$(sed -n 's/.*"id": "\([0-9a-f]*\)".*/\1/p' "$BATS_TEST_TMPDIR/$rule/broken.json")
		run --separate-stderr -1 judge "$BATS_TEST_TMPDIR/$rule"
		[ "${lines[0]}" = "$id"$'\t'"$reason" ]
		[ "${#lines[@]}" -eq 1 ]
	done <rules
}

@test "a shadow tenure is one block of nobody, which names the tenure below and is listed" {
	chain-maker "$BATS_TEST_TMPDIR/c" --seed 6 --cycles 2 --cycle-length 20 --sortition-rate 0.7 --signers 2 --tenure-blocks 2:3 --shadows 2
	cd "$BATS_TEST_TMPDIR/c"
	[ "$(grep -c ^shadow network)" -eq 2 ]
	for id in $(sed -n 's/^shadow //p' network); do
		IFS=$'\t' read -r _ _ ch _ size offset _ < <(grep "^[0-9]*	$id" blocks.tsv)
		[ "$(tail -c "+$((offset + 1))" blocks.bin | head -c 1 | hex)" = 80 ]
		row=$(grep "\"consensus_hash\": \"0x$ch\"" sortitions.jsonl)
		[[ "$row" = *'"was_sortition": true'*'"miner_pk_hash160": null'* ]]
		start=$(sed 's/.*"committed_block_hash": "0x\([0-9a-f]*\)".*/\1/' <<<"$row")
		grep -q "	$start	" blocks.tsv
		tail -c "+$((offset + 1))" blocks.bin | head -c "$size" | hex | grep -q "08$start"	# payload of its coinbase
		grep -q "\"committed_block_hash\": \"0x$id\"" sortitions.jsonl				# and the next tenure's commit
	done
}

@test "shadow tenures are synced where the network file lists them, and refused where it does not" {
	chain-maker "$BATS_TEST_TMPDIR/c" --seed 6 --cycles 2 --cycle-length 20 --sortition-rate 0.7 --signers 2 --tenure-blocks 2:3 --shadows 2
	cd "$BATS_TEST_TMPDIR"
	serve_chain c log honest
	timeout 60 blocksync -1 -q -d whole -n c/network -s "${URLS[0]}" "${PEERS[@]}"
	[ "$(listed whole)" = "$(canonical c)" ]
	sed -n 's/^shadow //p' c/network | sort >shadows
	grep -v ^shadow c/network >unlisted
	run -111 timeout 60 blocksync -1 -q -d part -n unlisted -s "${URLS[0]}" "${PEERS[@]}"
	listed part | comm -12 - shadows >taken
	[ ! -s taken ]
	test-tool verdicts part | awk -F'\t' '$2 == "refused" { print $1, $3 }' | sort -u | diff - <(sed 's/$/ shadow/' shadows)
}

# A node's sortition database says what the burn blocks say: that nobody won.
@test "shadow tenures are proven where the view knows no winner of theirs, by what their coinbases name" {
	chain-maker "$BATS_TEST_TMPDIR/c" --seed 6 --cycles 2 --cycle-length 20 --sortition-rate 0.7 --signers 2 --tenure-blocks 2:3 --shadows 2 --view "$BATS_TEST_TMPDIR/view"
	cd "$BATS_TEST_TMPDIR"
	rec <view | sed '/"won":true/s/"miner":null\(.*\)"parent_ch":"[0-9a-f]*"\(.*\)"committed":"[0-9a-f]*"/"miner":null\1"parent_ch":null\2"committed":null/
		/"miner":null/s/"won":true/"won":false/' >view.json
	[ "$(diff <(rec <view) view.json | grep -c '^>')" -eq 2 ]
	rec -r <view.json >nowinner.rec
	chain-maker c --stream blocks.rec
	rec <blocks.rec >blocks.json
	for order in cat tac; do	# in the order of the chain, and in the other
		block-cat -q -d $order -n c/network -i nowinner.rec
		{ head -n 1 blocks.json; tail -n +2 blocks.json | $order; } | rec -r | block-verify -d $order | block-store -d $order >/dev/null
		[ "$(listed $order)" = "$(canonical c)" ]
	done
	# The tenure below is proven by that name alone.
	below=$(rec <view | sed -n '/"won":true,"miner":null/{s/.*"parent_ch":"\([0-9a-f]*\)".*/\1/p;q}')
	block-cat -q -d named -n c/network -i nowinner.rec
	for only in "$below" "$(sed -n 's/^shadow //p' c/network | head -n 1)"; do
		grep "hello\|$only" blocks.json | rec -r | block-verify -d named | block-store -d named >/dev/null
		block-cat -d named -l | cut -f3 >tenures
	done
	[ "$(grep -c "$below" tenures)" -ge 2 ]
}

@test "a peer that shows a part of the chain hides what is above" {
	PEER_OPTIONS=(-t $((FIRST + LENGTH + 4))) && serve honest
	second=$(ch $((FIRST + LENGTH + 1)))
	[ "$(ask 0 blocks "$second" 4 blocks "$second" 5 pox "$second" 9 | paste -sd' ')" = "$(says blocks 1 | cut -c1-4) nack 2 11" ]
	shown=$(grep -v '"fork"' "$CHAIN/sortitions.jsonl" | head -n $((LENGTH + 5)) | grep -o '"consensus_hash": "0x[0-9a-f]*"')
	while IFS=$'\t' read -r _ id ch _; do
		status=404
		[[ "$shown" != *"$ch"* ]] || status=200
		[ "$(get 0 "/v2/blocks/$id")" = "$status" ]
	done < <(rows blocks2 | awk -F'\t' '$7')
}

@test "the view of a chain with epoch 2.x says what was burned, and its consensus hashes prove that" {
	rec <view.rec | grep '"type":"sortition"' >sortitions
	[ "$(grep -c '"has_burn":true' sortitions)" -eq "$(wc -l <sortitions)" ]
	# what sortition-sync takes from a file it proves, if it can
	timeout 20 sortition-sync -1 -d "$BATS_TEST_TMPDIR/proven" -n "$CHAIN/network" -s "$PWD/view.rec" | rec >proven
	[ "$(grep '"type":"sortition"' proven | grep -c '"checked":true')" -ge "$(($(wc -l <sortitions) - 1))" ]
}

@test "an archive holds the blocks of both models, and behind each the stream that it confirms" {
	chain-maker "$CHAIN" --archive all.rec
	rec <all.rec >all.json
	[ "$(grep -c '"type":"block".*"model":"epoch2"' all.json)" -eq "$(rows blocks2 | awk -F'\t' '$7' | wc -l)" ]
	[ "$(grep '"type":"block"' all.json | grep -vc '"model":"epoch2"')" -eq "$(rows blocks | wc -l)" ]
	rows blocks2 | awk -F'\t' '$7 { print $2 }' | sort >canonical
	[ "$(grep -c '"type":"microblocks"' all.json)" -eq "$(rows microblocks | cut -f1 | sort -u | comm -12 - canonical | wc -l)" ]
}

@test "inventories are those of inventory.jsonl, with their alignments and Nacks" {
	serve honest
	for cycle in 0 1 2 3; do
		at=$(ch $((FIRST + cycle * LENGTH + 1)))
		ask 0 inv "$at" blocks "$at" "$LENGTH" streams "$at" "$LENGTH" >answer
		[ "$(cat answer)" = "$(says tenures $cycle)"$'\n'"$(says blocks $cycle)"$'\n'"$(says microblocks $cycle)" ]
	done
	one=$(ch $((FIRST + 1))) second=$(ch $((FIRST + LENGTH + 1))) last=$(ch $((FIRST + 4 * LENGTH + 1)))
	ask 0 blocks "$second" 3 blocks "$second" $((LENGTH + 1)) blocks "$last" "$LENGTH" blocks "$(ch $((FIRST + 2)))" 1 \
		blocks 1111111111111111111111111111111111111111 1 blocks "$(other $((FIRST + LENGTH + 1)))" 1 \
		pox "$one" 4096 pox "$second" 2 pox "$last" 9 pox "$(ch $((FIRST + 2)))" 1 pox 1111111111111111111111111111111111111111 1 \
		pox "$(other $((FIRST + LENGTH + 1)))" 1 | paste -sd' ' >answer
	echo "$(says blocks 1 | cut -c1-3) nack 5 nack 2 nack 4 nack 2 nack 4 111111 11 11 nack 4 nack 4 nack 4" | diff answer -
}

@test "blocks, streams and headers of epoch 2.x over HTTP" {
	serve honest
	while IFS=$'\t' read -r _ id ch _ size offset _; do
		if grep "\"consensus_hash\": \"0x$ch\"" "$CHAIN/sortitions.jsonl" | grep -q '"fork"'; then
			[ "$(get 0 "/v2/blocks/$id")" = 404 ]
		else
			[ "$(get 0 "/v2/blocks/$id")" = 200 ]
			cut_out blocks2 "$size" "$offset" | cmp - body
		fi
	done < <(rows blocks2)
	id=$(long_stream)
	stream_of "$id"
	n=$(ls stream.* | wc -l)
	[ "$(get 0 "/v2/microblocks/confirmed/$id")" = 200 ]
	# a count, then the newest first
	{ printf "\\0\\0\\0\\$(printf %o "$n")"; for ((i = n - 1; i >= 0; i--)); do cat "stream.$i"; done; } | cmp - body
	parent=$(rows blocks2 | awk -F'\t' -v id="$id" '$2 == id { print $4 }')
	[ "$(get 0 "/v2/microblocks/unconfirmed/$parent/1")" = 200 ]
	cat stream.1 stream.2 | cmp -n "$(cat stream.1 stream.2 | wc -c)" - body
	[ "$(get 0 "/v2/microblocks/confirmed/$parent$parent")" = 404 ]
	[ "$(get 0 "/v2/headers/2?tip=$id")" = 200 ]
	[[ "$(cat body)" = '[{"consensus_hash":'*',"parent_block_id":"'$parent'"},{'*'}]' ]]
	[ "$(get 0 /v2/headers/2)" = 404 ]	# of a Nakamoto tip there are none
	# no block of the one model by the other one's path
	[ "$(get 0 "/v3/blocks/$id")" = 404 ]
	[ "$(get 0 "/v2/blocks/$(rows blocks | sed -n '1s/^[0-9]*	\([0-9a-f]*\).*/\1/p')")" = 404 ]
}

@test "uploads of epoch 2.x are taken if the chain has them" {
	serve honest
	IFS=$'\t' read -r _ id ch _ size offset _ < <(rows blocks2 | awk -F'\t' '$7' | tail -n 1)
	cut_out blocks2 "$size" "$offset" >block
	post() { curl -s -m 10 -o body -w '%{http_code}' -H 'Content-Type: application/octet-stream' --data-binary "@$1" "${URLS[0]}$2"; }
	[ "$(post block "/v2/blocks/upload/$ch")" = 200 ]
	[ "$(cat body)" = "{\"stacks_block_id\":\"$id\",\"accepted\":false}" ]
	[ "$(post block "/v2/blocks/upload/$(ch $((FIRST + 1)))")" = 500 ]
	[ "$(post block /v2/blocks/upload/1111111111111111111111111111111111111111)" = 404 ]
	stream_of "$(long_stream)"
	[ "$(post stream.0 /v2/microblocks)" = 200 ]
	[ "$(post block /v2/microblocks)" = 400 ]
}

@test "streams that a peer spoils are spoiled as it is told" {
	serve honest badmicro forgedmicro cuttail=1 cuthead=1 disordermicro equivocate wrongstream nomicro emptymicro microbomb longtail
	id=$(long_stream)
	stream_of "$id"
	n=$(ls stream.* | wc -l)
	for i in "${!SPECS[@]}"; do
		get "$i" "/v2/microblocks/confirmed/$id" >code
		cp body "spoiled.${SPECS[i]%=*}"
	done
	count() { head -c 4 "spoiled.$1" | hex; }
	four() { printf '%08x' "$1"; }
	[ "$(count honest)" = "$(four "$n")" ]
	[ "$(count badmicro)" = "$(four $((n - 1)))" ]
	[ "$(count cuttail)" = "$(four $((n - 1)))" ]
	tail -c +5 spoiled.cuttail | cmp - <(tail -c +5 spoiled.honest | tail -c +$(($(wc -c <"stream.$((n - 1))") + 1)))
	tail -c +5 spoiled.cuthead | cmp - <(tail -c +5 spoiled.honest | head -c "-$(wc -c <stream.0)")
	tail -c +5 spoiled.disordermicro | cmp - <(for ((i = 0; i < n; i++)); do cat "stream.$i"; done)
	[ "$(count equivocate)" = "$(four $((n + 1)))" ]
	tail -c "$(tail -c +5 spoiled.honest | wc -c)" spoiled.equivocate | cmp - <(tail -c +5 spoiled.honest)
	[ "$(wc -c <spoiled.forgedmicro)" -eq "$(wc -c <spoiled.honest)" ]
	for other in forgedmicro wrongstream; do run ! cmp -s spoiled.honest spoiled.$other; done
	[ "$(cat spoiled.emptymicro | hex)" = 00000000 ]
	[ "$(count microbomb)" = ffffffff ]
	grep -q 'No such' spoiled.nomicro
	tail -c "$(tail -c +5 spoiled.honest | wc -c)" spoiled.longtail | cmp - <(tail -c +5 spoiled.honest)
}

@test "blocks that a peer spoils keep their id" {
	serve badmerkle keybomb=4 wrongblock garbageblock
	IFS=$'\t' read -r _ id _ _ size offset _ < <(rows blocks2 | awk -F'\t' '$7' | tail -n 1)
	cut_out blocks2 "$size" "$offset" >block
	for i in 0 1; do
		[ "$(get $i "/v2/blocks/$id")" = 200 ]
		head -c 247 body | cmp - <(head -c 247 block)
		run ! cmp -s body block
	done
	for i in 2 3; do
		[ "$(get $i "/v2/blocks/$id")" = 200 ]
		run ! cmp -s <(head -c 247 body) <(head -c 247 block)
	done
}

@test "PoxInv and BlocksInv that a peer spoils" {
	serve poxzero=2 shortpox=2 longpox=3 otherpox ghosts loser withholdtop=2 withholdlow=2 overclaim shorthinv=3
	one=$(ch $((FIRST + 1))) second=$(ch $((FIRST + LENGTH + 1)))
	[ "$(ask 0 pox "$one" 9)" = 110111 ]
	[ "$(ask 1 pox "$one" 9)" = 1111 ]
	[ "$(ask 2 pox "$one" 9)" = 111111111 ]
	[ "$(ask 3 pox "$one" 9 pox "$second" 9 blocks "$one" "$LENGTH" blocks "$second" 1 | paste -sd' ')" = "100000 nack 4 $(says blocks 0) nack 4" ]
	# winners without a block are claimed, too
	ask 4 blocks "$one" "$LENGTH" blocks "$second" "$LENGTH" | tr -d '\n' >claimed
	[ "$(tr -d 0 <claimed | wc -c)" -gt "$(echo "$(says blocks 0)$(says blocks 1)" | tr -d '0\n' | wc -c)" ]
	# the highest lost block, its ancestors, and nothing else
	lost=$(rows blocks2 | awk -F'\t' -v forks="$(grep '"fork"' "$CHAIN/sortitions.jsonl" | sed 's/.*"consensus_hash": "0x\([0-9a-f]*\)".*/\1/')" \
		'$7 == 0 && !index(forks, $3) { id = $2 } END { print id }')
	[ "$(get 5 "/v2/blocks/$lost")" = 200 ]
	[ "$(get 5 "/v2/blocks/$(rows blocks2 | awk -F'\t' '$7' | tail -n 1 | cut -f2)")" = 404 ]
	[ "$(get 5 "/v2/blocks/$(rows blocks2 | awk -F'\t' '$7' | head -n 1 | cut -f2)")" = 200 ]
	# claimed and withheld
	[ "$(ask 6 blocks "$one" "$LENGTH")" = "$(says blocks 0)" ]
	[ "$(ask 7 blocks "$one" "$LENGTH")" = "$(says blocks 0)" ]
	[ "$(get 6 "/v3/blocks/$(rows blocks | tail -n 1 | cut -f2)")" = 404 ]
	[ "$(get 7 "/v2/blocks/$(rows blocks2 | sed -n 1p | cut -f2)")" = 200 ]
	low=$(for ((h = FIRST + 1; h < FIRST + LENGTH; h++)); do rows blocks2 | awk -F'\t' -v ch="$(ch $h)" '$3 == ch { print $2 }'; done | sed -n 2p)
	[ "$(get 7 "/v2/blocks/$low")" = 404 ]
	[ "$(ask 8 streams "$one" "$LENGTH")" = 1111111111 ]
	[ "$(ask 9 blocks "$one" "$LENGTH" | tr -d '\n' | wc -c)" -eq $((LENGTH - 3)) ]
}

@test "blocks of epoch 2.x and their streams are announced and pushed" {
	serve announce=1000+rtt=300 push2=1000+rtt=300 junkpush2=1000+rtt=300
	log=$BATS_TEST_TMPDIR/log
	for want in 0:BlocksAvailable 0:MicroblocksAvailable 1:Blocks 1:Microblocks 2:Blocks; do
		said="\"peer\":${want%:*},\"kind\":\"message out\",\"type\":\"${want#*:}\""
		for _ in $(seq 20); do grep -q "$said" "$log" && break; ask "${want%:*}" ping >/dev/null; done
		grep -q "$said" "$log"
	done
	run ! grep '"peer":2,"kind":"message out","type":"Microblocks"' "$log"
	# and dial does the same
	IFS=$'\t' read -r _ id ch _ size offset _ < <(rows blocks2 | awk -F'\t' '$7' | tail -n 1)
	cut_out blocks2 "$size" "$offset" >block
	burn=$(grep "\"consensus_hash\": \"0x$ch\"" "$CHAIN/sortitions.jsonl" | sed 's/.*"burn_block_hash": "0x\([0-9a-f]*\)".*/\1/')
	stream_of "$(long_stream)"
	{ printf '\0\0\0\1'; cat stream.0; } >vector
	[ "$(ask 0 pushblock "$ch" block pushstream "$id" vector have "$ch" "$burn" havestream "$ch" "$burn" ping)" = Pong ]
	for type in Blocks Microblocks BlocksAvailable MicroblocksAvailable; do
		grep -q "\"peer\":0,\"kind\":\"message in\",\"type\":\"$type\"" "$log"
	done
}
