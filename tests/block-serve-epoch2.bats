#!/usr/bin/env bats
# block-serve and epoch 2.x: inventories, anchored blocks, streams of microblocks, headers, and what a tip of it means elsewhere.
bats_require_minimum_version 1.5.0
load common

setup_file() {
	cd "$BATS_FILE_TMPDIR" || exit 1
	chain-maker chain --seed 12 --cycles 4 --cycle-length 20 --prepare-length 4 --signers 5 --tenure-blocks 1:3 --epoch2 44 \
		--microblocks 0.8 --equivocations 0.2 --forks 0.2 --sortition-rate 0.9 --start-rate 0.9 >/dev/null
	fill store chain
	# Before epoch 3.0: the tip is an anchored block.
	fill early chain $(($(first) + 30))
	for name in store early; do
		: >$name.ready
		block-serve -d $name -l 127.0.0.1:0 -w 127.0.0.1:0 -L >$name.ready 2>$name.log 3>&- &
		echo "$!" >>pids
		for _ in $(seq 200); do grep -q '^http ' $name.ready && break; sleep 0.05; done
		sed -n 's,^http ,http://,p' $name.ready >$name.url
		sed -n 's,^p2p \(\S*\) \(\S*\)$,\2@\1,p' $name.ready >$name.peer
	done
}

setup() {
	cd "$BATS_FILE_TMPDIR" || exit 1
	URL=$(cat store.url) EARLY=$(cat early.url)
}
teardown_file() { while read -r pid; do kill "$pid" || true; done <"$BATS_FILE_TMPDIR/pids"; }

first() { sed -n 's/^first_burn_height *//p' chain/network; }
get() { curl -s -m 10 "$URL$1"; }
code() { curl -s -m 10 -o body -D head -w '%{http_code}' "$@"; }
# ch_at HEIGHT: consensus hash of a burn height
ch_at() { get "/v3/sortitions/burn_height/$1" | sed 's/.*"consensus_hash":"0x\([0-9a-f]*\)".*/\1/'; }
# raw FILE ROW...: bytes of size and offset, the columns from 5 on
raw() { tail -c +"$(($2 + 1))" "$1" | head -c "$3"; }
# anchored: rows of the canonical anchored blocks, ascending
anchored() { awk -F'\t' 'NR > 1 && $7 == 1' chain/blocks2.tsv; }
# stream_of CHILD [tac]: bytes of the stream that a block confirms, ascending or (tac) descending
stream_of() {
	awk -F'\t' -v c="$1" '$1 == c { print $5, $4 }' chain/microblocks.tsv | ${2:-cat} |
		while read -r offset size; do raw chain/microblocks.bin "$offset" "$size"; done
}
counted() { printf '%08x' "$(grep -c "^$1" chain/microblocks.tsv)" | perl -e 'print pack "H*", <STDIN>'; }
# bits KIND CYCLE: of inventory.jsonl
bits() { sed -n "$(($2 + 1))s/.*\"$1\": *\"\{0,1\}\[\{0,1\}\([^]\"]*\).*/\1/p" chain/inventory.jsonl | tr -d ', '; }

@test "inventories of blocks and streams are those of a peer with the whole chain, to the bit that was asked for" {
	for cycle in 0 1 2; do
		ch=$(ch_at $(($(first) + 20 * cycle + 1)))
		dial store "$(cat store.peer)" blocks "$ch" 20 streams "$ch" 20 blocks "$ch" 3 inv "$ch" >got
		[ "$(sed -n 1p got)" = "$(bits blocks $cycle)" ]
		[ "$(sed -n 2p got)" = "$(bits microblocks $cycle)" ]
		[ "$(sed -n 3p got)" = "$(bits blocks $cycle | cut -c1-3)" ]
		[ "$(sed -n 4p got)" = "$(bits tenures $cycle)" ]
	done
	bits microblocks 0 | grep -q 1
}

@test "lost forks are shown and served too" {
	fork=$(awk -F'\t' 'NR > 1 && $7 == 0 { print $2; exit }' chain/blocks2.tsv)
	[ -n "$fork" ]
	[ "$(code "$URL/v2/blocks/$fork")" = 200 ]
}

@test "the Nacks of spec: too many bits, a hash of no burn block, one within a cycle, bits above the tip; PoxInv is one bit a cycle" {
	one=$(ch_at $(($(first) + 21))) two=$(ch_at $(($(first) + 22))) last=$(ch_at $(($(first) + 61)))
	none=0123456789012345678901234567890123456789
	dial store "$(cat store.peer)" blocks "$one" 21 blocks "$none" 5 blocks "$two" 5 blocks "$last" 20 blocks "$last" 19 \
		pox "$one" 4096 pox "$one" 2 pox "$none" 2 pox "$two" 2 pox "$last" 5 >got
	[ "$(sed -n 1,4p got | tr '\n' ' ')" = "nack 5 nack 2 nack 4 nack 2 " ]
	[ "$(sed -n 5p got)" = 0000000000000000000 ]
	# The tip is in cycle 3, so cycles 1 to 4 are known.
	[ "$(sed -n 6,10p got | tr '\n' ' ')" = "1111 11 nack 4 nack 4 11 " ]
}

@test "the first burn height names cycle 0 for blocks, one bit lower, and no cycle for PoX" {
	zero=0000000000000000000000000000000000000000
	dial store "$(cat store.peer)" blocks $zero 20 pox $zero 5 >got
	[ "$(sed -n 1p got)" = "0$(bits blocks 0 | cut -c1-19)" ]
	[ "$(sed -n 2p got)" = "nack 4" ]
}

@test "at the first burn block of a cycle (mod 0) PoxInv ends a cycle earlier than above it" {
	for above in 40 41; do
		fill edge$above chain $(($(first) + above)) 0
		block-serve -d edge$above -l 127.0.0.1:0 >edge.ready 2>edge.log 3>&- &
		STARTED+=("$!")
		for _ in $(seq 200); do grep -q ^p2p edge.ready && break; sleep 0.05; done
		dial edge$above "$(sed -n 's,^p2p \(\S*\) \(\S*\)$,\2@\1,p' edge.ready)" pox "$(ch_at $(($(first) + 21)))" 5
		stop_started
	done >got
	[ "$(tr '\n' ' ' <got)" = "11 111 " ]
}

@test "each anchored block by its id, and none of the other model on either route" {
	anchored | awk 'NR % 5 == 1' | while IFS=$'\t' read -r _ id _ _ size offset _; do
		get "/v2/blocks/$id" | cmp - <(raw chain/blocks2.bin "$offset" "$size")
		[ "$(code "$URL/v3/blocks/$id")" = 404 ]
		[ "$(code "$URL/v3/tenures/$id")" = 404 ]
	done
	nakamoto=$(tail -n 1 chain/blocks.tsv | cut -f2)
	[ "$(code "$URL/v3/blocks/$nakamoto")" = 200 ]
	[ "$(code "$URL/v2/blocks/$nakamoto")" = 404 ]
	[ "$(code "$URL/v2/microblocks/confirmed/$nakamoto")" = 404 ]
	[ "$(code "$URL/v2/headers/5?tip=$nakamoto")" = 404 ]
	[ "$(code "$URL/v3/blocks/height/3")" = 404 ]
	[ "$(code "$URL/v2/blocks/xyz")" = 400 ]
}

@test "streams: by the child and by the last microblock, tail first behind a count; by the parent from a sequence up" {
	cut -f1 chain/microblocks.tsv | sed 1d | uniq >children
	[ "$(wc -l <children)" -gt 5 ]
	n=0 same=0
	while read -r child; do
		[ "$(code "$URL/v2/microblocks/confirmed/$child")" = 200 ] || continue	# of a fork that is not proven
		n=$((n + 1))
		cmp body <(counted "$child"; stream_of "$child" tac)
		parent=$(awk -F'\t' -v c="$child" '$2 == c { print $4 }' chain/blocks2.tsv)
		ch=$(awk -F'\t' -v c="$parent" '$2 == c { print $3 }' chain/blocks2.tsv)
		tail=$(awk -F'\t' -v c="$child" '$1 == c { t = $3 } END { print t }' chain/microblocks.tsv)
		id=$(echo "$tail$ch" | perl -e 'print pack "H*", <STDIN> =~ s/\s//r' | openssl dgst -sha512-256 -r | cut -d' ' -f1)
		cp body want
		[ "$(code "$URL/v2/microblocks/$id")" = 200 ]
		cmp body want
		[ "$(code "$URL/v2/microblocks/unconfirmed/$parent/0")" = 200 ]
		# Of two children that confirm different ones, one has it.
		for one in $(awk -F'\t' -v p="$parent" '$4 == p { print $2 }' chain/blocks2.tsv); do
			stream_of "$one" | cmp -s body - && same=$((same + 1)) && break
		done
	done <children
	[ "$n" -gt 5 ]
	[ "$same" -eq "$n" ]
	child=$(cut -f1 chain/microblocks.tsv | uniq -d | head -n 1)
	parent=$(awk -F'\t' -v c="$child" '$2 == c { print $4 }' chain/blocks2.tsv)
	get "/v2/microblocks/unconfirmed/$parent/0" >all
	get "/v2/microblocks/unconfirmed/$parent/1" >rest
	cmp rest <(tail -c "$(wc -c <rest)" all)
	[ "$(wc -c <rest)" -lt "$(wc -c <all)" ]
	[ "$(code "$URL/v2/microblocks/unconfirmed/$parent/65535")" = 404 ]
	[ "$(code "$URL/v2/microblocks/unconfirmed/$parent/65536")" = 400 ]
	[ "$(code "$URL/v2/microblocks/$parent")" = 404 ]
}

@test "headers from a tip down, as many as there are, page by page; above 2,100 and below 1 it is 400" {
	tip=$(anchored | tail -n 1 | cut -f2)
	n=$(anchored | wc -l)
	get "/v2/headers/2100?tip=$tip" >all
	[ "$(grep -o '"header":"[0-9a-f]\{494\}"' all | wc -l)" -eq "$n" ]
	[ "$(grep -o '"consensus_hash":"[0-9a-f]\{40\}"' all | cut -d'"' -f4)" = "$(anchored | tac | cut -f3)" ]
	[ "$(grep -o '"parent_block_id":"[0-9a-f]\{64\}"' all | cut -d'"' -f4)" = "$(anchored | tac | cut -f4)" ]
	read -r size offset < <(anchored | tail -n 1 | cut -f5,6)
	[ "$(grep -o '"header":"[0-9a-f]*"' all | head -n 1 | cut -d'"' -f4)" = \
		"$(raw chain/blocks2.bin "$offset" 247 | od -An -v -tx1 | tr -d ' \n')" ]
	[ "$(get "/v2/headers/2?tip=$tip" | grep -o parent_block_id | wc -l)" -eq 2 ]
	[ "$(code "$URL/v2/headers/5")" = 404 ]	# the tip is no anchored block
	[ "$(code "$URL/v2/headers/2101?tip=$tip")" = 400 ]
	[ "$(code "$URL/v2/headers/99999999999999999999?tip=$tip")" = 400 ]
	[ "$(code "$URL/v2/headers/0?tip=$tip")" = 400 ]
	[ "$(code "$URL/v2/headers/5?tip=xx")" = 400 ]
	[ "$(curl -s "$EARLY/v2/headers/3" | grep -o parent_block_id | wc -l)" -eq 3 ]
}

@test "a tip of epoch 2.x: info, pox, tenures and sortitions speak of it, and no Nakamoto tenure is claimed" {
	burn=$(($(first) + 30))
	curl -s "$EARLY/v2/info" >info
	grep -q "\"burn_block_height\":$burn," info
	hash=$(sed 's/.*"stacks_tip":"\([0-9a-f]*\)".*/\1/' info) ch=$(sed 's/.*"stacks_tip_consensus_hash":"\([0-9a-f]*\)".*/\1/' info)
	id=$(echo "$hash$ch" | perl -e 'print pack "H*", <STDIN> =~ s/\s//r' | openssl dgst -sha512-256 -r | cut -d' ' -f1)
	height=$(sed 's/.*"stacks_tip_height":\([0-9]*\).*/\1/' info)
	grep -q "^$height	$id	$ch	" chain/blocks2.tsv
	# Each anchored block is a tenure.
	grep -q "\"tenure_height\":$height," info
	curl -s "$EARLY/v2/pox" | grep -q "\"current_burnchain_block_height\":$burn,"
	curl -s "$EARLY/v2/pox" | grep -q '"current_epoch":"Epoch2'
	parent=$(awk -F'\t' -v c="$id" '$2 == c { print $4 }' chain/blocks2.tsv)
	curl -s "$EARLY/v3/tenures/info" >tenure
	grep -q "\"tip_block_id\":\"$id\",\"tip_height\":$height," tenure
	grep -q "\"tenure_start_block_id\":\"$id\"" tenure
	grep -q "\"parent_tenure_start_block_id\":\"$parent\"" tenure
	curl -s "$EARLY/v3/tenures/tip/$ch" | grep -q "^{\"Epoch2\":{\"version\":[0-9]*,\"total_work\":{\"burn\":[0-9]*,\"work\":$height},\"proof\":"
	curl -s "$EARLY/v3/tenures/tip_metadata/$ch" | grep -q '"burn_view":null}$'
	curl -s "$EARLY/v3/tenures/blocks/$ch" | grep -q "\"block_id\":\"$id\",\"header_type\":\"epoch2\",\"block_hash\":\"$hash\",\"parent_block_id\":\"$parent\""
	[ "$(code "$EARLY/v2/blocks/$id")" = 200 ]
	grep -qi "^x-canonical-stacks-tip-height: $height" head
	dial early "$(cat early.peer)" inv "$(ch_at $(($(first) + 21)))" >got
	[ "$(tr -d 0 <got)" = "" ] && [ "$(tr -d '\n' <got | wc -c)" -eq 11 ]
}

@test "a stream with a flipped bit: 500, a row for the writer, and it goes with the others left" {
	child=$(sed 1d chain/microblocks.tsv | cut -f1 | while read -r c; do [ "$(code "$URL/v2/microblocks/confirmed/$c")" = 200 ] && echo "$c"; done | head -n 1)
	cp -r store bad
	stream_of "$child" >body2
	perl -e 'local $/; open F, "+<", "bad/data.mdb" or die; $d = <F>; open B, "body2"; $w = substr(<B>, 0, 40);
		for ($i = index($d, $w); $i >= 0; $i = index($d, $w, $i + 1), $n++) { seek F, $i + 5, 0; print F chr(ord(substr $w, 5, 1) ^ 4) } die if !$n'
	run -111 --separate-stderr block-cat -d bad -c
	[[ "$stderr" = *"streams of microblocks are damaged: removed"* ]]
	grep -q "$child" <<<"$output"
	run -0 block-cat -d bad -c
	block-serve -d bad -w 127.0.0.1:0 >bad.ready 2>bad.log 3>&- &
	STARTED+=("$!")
	for _ in $(seq 200); do grep -q '^http ' bad.ready && break; sleep 0.05; done
	bad=$(sed -n 's,^http ,http://,p' bad.ready)
	[ "$(code "$bad/v2/microblocks/confirmed/$child")" = 404 ]
	[ "$(code "$bad/v2/blocks/$child")" = 200 ]
	stop_started
}

# burn_of CH: burn height of a sortition
burn_of() { grep -F "$1" chain/sortitions.jsonl | sed -n "s/.*\"burn_block_height\": *\([0-9]*\).*\"consensus_hash\": *\"0x$1\".*/\1/p"; }
# anchored_file ID FILE
anchored_file() {
	read -r size offset < <(awk -F'\t' -v i="$1" '$2 == i { print $5, $6 }' chain/blocks2.tsv)
	raw chain/blocks2.bin "$offset" "$size" >"$2"
}

@test "uploads and pushes of anchored blocks and streams: the winner's alone, and only what one of our blocks confirms" {
	# A block that confirms more than one microblock, and the next one.
	read -r child ch parent < <(anchored | while IFS=$'\t' read -r _ id ch parent _; do
		[ "$(grep -c "^$id" chain/microblocks.tsv)" -lt 2 ] || echo "$id $ch $parent"
	done | sed -n 2p)
	read -r next nextch < <(anchored | awk -F'\t' -v p="$child" '$4 == p { print $2, $3 }')
	anchored_file "$child" block
	anchored_file "$next" following
	{ counted "$child"; stream_of "$child"; } >stream
	{ counted "$child"; stream_of "$child" | head -c -1; } >short
	fill part chain $(($(first) + 79)) $(($(burn_of "$ch") - 1))
	block-serve -d part -l 127.0.0.1:0 -w 127.0.0.1:0 -L >part.ready 2>part.log 3>&- &
	STARTED+=("$!")
	for _ in $(seq 200); do grep -q '^http ' part.ready && break; sleep 0.05; done
	part=$(sed -n 's,^http ,http://,p' part.ready) peer=$(sed -n 's,^p2p \(\S*\) \(\S*\)$,\2@\1,p' part.ready)
	set -m
	(exec 3>&-; block-fetch -d part </dev/null 2>fetch.log | block-verify -d part 2>verify.log | block-store -d part >stored.rec 2>store.log) &
	pipeline=$!
	set +m
	post() { code -H 'Content-Type: application/octet-stream' --data-binary "@$2" "$part$1"; }
	nakamoto=$(tail -n 1 chain/blocks.tsv | cut -f2)
	get "/v3/blocks/$nakamoto" >other
	[ "$(post "/v2/blocks/upload/0123456789012345678901234567890123456789" block)" = 404 ]
	[ "$(post "/v2/blocks/upload/$ch" following)" = 500 ]
	[ "$(post "/v2/blocks/upload/$ch" stream)" = 500 ]
	[ "$(post "/v2/blocks/upload/$(grep "$nakamoto" chain/blocks.tsv | cut -f3)" block)" = 500 ]
	[ "$(post "/v3/blocks/upload/" block)" = 400 ]
	[ "$(post "/v2/blocks/upload/xyz" block)" = 400 ]
	[ "$(code "$part/v2/blocks/upload/$ch")" = 405 ]
	head -c -1 block >cut
	[ "$(post "/v2/blocks/upload/$ch" cut)" = 400 ]
	{ head -c -1 block; printf '\377'; } >forged
	cmp -s block forged || [ "$(post "/v2/blocks/upload/$ch" forged)" = 500 ]
	# Nobody confirms them yet: nobody's fault, and nothing is kept.
	timeout 20 dial part "$peer" pushstream "$parent" stream ping
	[ "$(post "/v2/blocks/upload/$ch" block)" = 200 ]
	[ "$(cat body)" = "{\"stacks_block_id\":\"$child\",\"accepted\":true}" ]
	[ "$(post "/v2/blocks/upload/$ch" block)" = 200 ]
	grep -q '"accepted":false' body
	code "$part/v2/blocks/$child" >/dev/null
	cmp body block
	[ "$(code "$part/v2/microblocks/confirmed/$child")" = 404 ]
	run timeout 20 dial part "$peer" pushstream "$parent" short ping
	[ "$status" -eq 1 ]
	run timeout 20 dial part "$peer" pushblock "$ch" following ping
	[ "$status" -eq 1 ]
	# What is announced is not asked for here.
	timeout 20 dial part "$peer" have "$ch" "$nakamoto" havestream "$ch" "$nakamoto" pushstream "$parent" stream pushblock "$nextch" following ping
	for _ in $(seq 200); do [ "$(code "$part/v2/microblocks/confirmed/$child")" = 200 ] && break; sleep 0.05; done
	cmp body <(counted "$child"; stream_of "$child" tac)
	for _ in $(seq 200); do [ "$(code "$part/v2/blocks/$next")" = 200 ] && break; sleep 0.05; done
	cmp body following
	# A single microblock: one of a stream that is not whole with it.
	stream_of "$child" | head -c "$(awk -F'\t' -v c="$child" '$1 == c { print $4; exit }' chain/microblocks.tsv)" >micro
	[ "$(post "/v2/microblocks?tip=$child" micro)" = 404 ]
	[ "$(post "/v2/microblocks?tip=xx" micro)" = 400 ]
	[ "$(post "/v2/microblocks?tip=$parent" stream)" = 400 ]
	kill -- "-$pipeline"
	stop_started
}

@test "a stream whose row is lost shows where its tenure counts on it, and is wanted again" {
	child=$(cut -f1 chain/microblocks.tsv | uniq -d | head -n 1)
	rm -rf bad
	cp -r store bad
	# The key of its row: a letter and the id.
	perl -e 'local $/; open F, "+<", "bad/data.mdb" or die; $d = <F>; $w = "s" . pack "H*", shift;
		for ($i = index($d, $w); $i >= 0; $i = index($d, $w, $i + 1), $n++) { seek F, $i + 32, 0; print F chr(ord(substr $w, 32, 1) ^ 1) } die if !$n' "$child"
	run -111 --separate-stderr block-cat -d bad -c
	[[ "$output" = *"$child"*"its stream of microblocks: it is not there"* ]]
	run -0 block-cat -d bad -c
	test-tool tenures bad >/dev/null
	run -0 block-cat -d bad -l
}

@test "headers do not end where a tenure's row is damaged, as if there were no more: the answer is cut" {
	IFS=$'\t' read -r _ id ch _ < <(anchored | sed -n 5p)
	tip=$(anchored | tail -n 1 | cut -f2)
	rm -rf bad
	cp -r store bad
	# The row: its key, then an array of more than 15 fields.
	perl -e 'local $/; open F, "+<", "bad/data.mdb" or die; $d = <F>; $w = pack("H*", shift) . "\xdc";
		for ($i = index($d, $w); $i >= 0; $i = index($d, $w, $i + 1), $n++) { seek F, $i + 60, 0; read F, $c, 1; seek F, $i + 60, 0; print F chr(ord($c) ^ 4) } die if !$n' "$ch"
	block-serve -d bad -w 127.0.0.1:0 >bad.ready 2>bad.log 3>&- &
	STARTED+=("$!")
	for _ in $(seq 200); do grep -q '^http ' bad.ready && break; sleep 0.05; done
	bad=$(sed -n 's,^http ,http://,p' bad.ready)
	[ "$(code "$bad/v2/headers/3?tip=$tip")" = 200 ]
	[ "$(code "$bad/v2/headers/2100?tip=$tip")" = 500 ]
	[ "$(cat body)" = "Block $id is damaged" ]
	stop_started
}
