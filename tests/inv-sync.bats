#!/usr/bin/env bats
# inv-sync from the outside: what peers have, who lies, what is kept, wrong use, broken streams.
bats_require_minimum_version 1.5.0
load common
load streams

setup_file() {
	CHAIN=$(small_chain)
	export CHAIN
	cd "$BATS_FILE_TMPDIR" || exit 1
	# A store that holds the burnchain view and nothing else.
	{
		printf '{"type":"hello","schema":1,"network":"%s","chain_id":%d,"stage":"test"}\n' \
			"$(awk '$1 == "name" { print $2 }' "$CHAIN/network")" "$(($(awk '$1 == "chain_id" { print $2 }' "$CHAIN/network")))"
		jq -Rsc '{ type: "network", text: . }' "$CHAIN/network"
		jq -c 'def h(n): if . == null then "0" * n else sub("^0x"; "") end;
			select(.fork == null or .fork == 0) | { type: "sortition", burn_height: .burn_block_height, burn_hash: (.burn_block_hash | h(64)),
			consensus_hash: (.consensus_hash | h(40)), won: .was_sortition, parent_ch: (.stacks_parent_ch | h(40)),
			last_ch: (.last_sortition_ch | h(40)), committed: (.committed_block_hash | h(64)), canonical: true, sources: 1 }' \
			"$CHAIN/sortitions.jsonl"
	} | rec -r >view.rec
	block-cat -d view -n "$CHAIN/network" -i view.rec
}

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	cp -r "$BATS_FILE_TMPDIR/view" store
}

teardown() { stop_started; }

# one_pass SPEC...: serves peers, asks them once; JSON lines in `out`.
one_pass() {
	local args=() i
	serve_chain "$CHAIN" log "$@"
	for i in "${!KEYS[@]}"; do args+=(-p "${KEYS[i]}@${P2P[i]}"); done
	timeout 60 inv-sync -1 -d store "${args[@]}" </dev/null >records 2>err
	rec <records >out
}

# Bits of a peer as text, by cycle, as inventory.jsonl has them.
claims() {
	jq -r --arg key "$1" 'select(.type == "inventory" and .peer == $key) | "\(.cycle) \(.count) \(.bits)"' out |
		while read -r cycle count hex; do
			bits=
			for ((i = 0; i < count; i++)); do bits+=$(((16#${hex:i / 8 * 2:2} >> i % 8) & 1)); done
			echo "$cycle $bits"
		done | sort -n
}
# What it should be: a bit for each sortition whose tenure has canonical blocks.
honest_claims() {
	awk -F'\t' 'NR == FNR { if ($7 == 1) has[$3] = 1; next } { cycle = int(($1 - first) / length_); bits[cycle] = bits[cycle] ($2 in has); last = cycle }
		END { for (c = 0; c <= last; c++) print c, bits[c] }' \
		first="$(awk '$1 == "first_burn_height" { print $2 }' "$CHAIN/network")" \
		length_="$(awk '$1 == "cycle_length" { print $2 }' "$CHAIN/network")" \
		"$CHAIN/blocks.tsv" <(jq -r 'select((.fork // 0) == 0) | "\(.burn_block_height)\t\(.consensus_hash | sub("^0x"; ""))"' "$CHAIN/sortitions.jsonl")
}
faults() { jq -r --arg who "$1" 'select(.type == "fault" and .who == $who) | .class' out | sort -u; }

@test "each honest peer's inventory of each cycle is what the peer has" {
	one_pass honest nowalk lacks=0 rtt=20
	for key in "${KEYS[@]}"; do
		diff <(claims "$key") <(honest_claims)
		[ -z "$(faults "$key")" ]
	done
	[ "$(jq -r 'select(.type == "peer") | .state' out | sort -u)" = up ]
}

@test "inventories and peers are kept: a second run has no news and needs no -p" {
	one_pass honest
	timeout 60 inv-sync -1 -d store </dev/null >records 2>err
	rec <records >again
	grep -q '"type":"peer"' again
	run ! grep '"type":"inventory"' again
}

@test "liars are named by their key, in their class, and no honest peer beside them" {
	one_pass honest badsig overclaim longinv trailing reject wrongtype badstable badnetwork honest
	for i in 0 9; do
		diff <(claims "${KEYS[i]}") <(honest_claims)
		[ -z "$(faults "${KEYS[i]}")" ]
	done
	for i in 1 2 3 7; do [ "$(faults "${KEYS[i]}")" = lying ]; done
	[ "$(faults "${KEYS[4]}")" = invalid ]
	for i in 5 6 8; do [ "$(faults "${KEYS[i]}")" = useless ]; done
	[ "$(sync-status -j -d store | jq '.faults | length')" -ge 8 ]
}

@test "nobody is up any more when the stage has ended" {
	serve_chain "$CHAIN" log honest
	inv-sync -d store -p "${KEYS[0]}@${P2P[0]}" </dev/null >records 3>&- &
	inv=$!
	STARTED+=("$inv")
	state() { sync-status -j -d store | jq -r '.peers[].state'; }
	for _ in $(seq 100); do [ "$(state)" = up ] && break; sleep 0.1; done
	[ "$(state)" = up ]
	kill "$inv"
	wait "$inv"
	[ "$(state)" = down ]
}

@test "one peer at two addresses is one peer, and it is up" {
	serve_chain "$CHAIN" log honest
	port=${P2P[0]#*:}
	timeout 60 inv-sync -1 -d store -p "127.0.0.1:$port" -p "127.1.1.1:$port" -p "localhost:$port" </dev/null | rec >out
	[ "$(jq -r 'select(.type == "peer") | .state' out | sort -u)" = up ]
	[ "$(sync-status -j -d store | jq -r '.peers[].state')" = up ]
	diff <(claims "${KEYS[0]}") <(honest_claims)
}

@test "of two machines with one key the one that has more is asked, whichever comes first" {
	local first second key
	PEER_OPTIONS=(--seed 5)
	serve_chain "$CHAIN" log behind=20
	first=${P2P[0]} key=${KEYS[0]}
	serve_chain "$CHAIN" log2 honest
	second=${P2P[0]}
	[ "$key" = "${KEYS[0]}" ]
	cp -r store store2
	timeout 60 inv-sync -1 -d store -p "$first" -p "$second" </dev/null 2>err | rec >out 3>&- &
	timeout 60 inv-sync -1 -d store2 -p "$second" -p "$first" </dev/null 2>err2 | rec >out2
	wait "$!"
	grep -q 'have one key' err
	grep -q 'have one key' err2
	# the last word on each cycle
	jq -sc 'map(select(.type == "inventory")) | group_by(.cycle) | map(.[-1])[]' out >last && mv last out
	diff <(claims "$key") <(honest_claims)
	mv out2 out
	jq -sc 'map(select(.type == "inventory")) | group_by(.cycle) | map(.[-1])[]' out >last && mv last out
	diff <(claims "$key") <(honest_claims)
	[ "$(sync-status -j -d store | jq -r '.peers[0].address')" = "$second" ]
	[ "$(sync-status -j -d store2 | jq -r '.peers[0].address')" = "$second" ]
}

@test "a peer's row counts the blocks of its that the store took" {
	serve_chain "$CHAIN" log honest honest
	timeout 60 blocksync -1 -q -d whole -n "$CHAIN/network" -s "${URLS[0]}" -p "${KEYS[1]}@${P2P[1]}"
	timeout 60 inv-sync -1 -d whole </dev/null | rec >out
	[ "$(jq -s 'map(select(.type == "peer")) | group_by(.key) | map(.[-1].blocks) | add' out)" = "$(listed whole | wc -l)" ]
}

@test "a machine that uses a copy of our key is said to be that" {
	inv-sync -1 -d store </dev/null >/dev/null
	cp -r store copy
	block-serve -d copy -w 127.0.0.1:0 -l 127.0.0.1:0 >ports 2>serve.err 3>&- &
	STARTED+=($!)
	for _ in $(seq 200); do grep -q ^p2p ports && break; sleep 0.05; done
	timeout 60 inv-sync -1 -d store -p "$(awk '/^p2p/ { print $2 }' ports)" </dev/null 2>err | rec >out
	[ "$(grep -c 'has our own node key: another machine uses a copy of it' err)" = 1 ]
	[ "$(jq -r 'select(.type == "fault") | .what' out)" = "our own key" ]
}

@test "a peer of an earlier run that is gone is down" {
	one_pass honest
	stop_started
	timeout 60 inv-sync -1 -d store </dev/null | rec >out
	[ "$(jq -r --arg key "${KEYS[0]}" 'select(.type == "peer" and .key == $key) | .state' out | sort -u)" = down ]
	[ "$(sync-status -j -d store | jq -r --arg key "${KEYS[0]}" '.peers[] | select(.key == $key) | .state')" = down ]
}

@test "the name of a peer of an earlier run is resolved again" {
	serve_chain "$CHAIN" log honest
	timeout 60 inv-sync -1 -d store -p "localhost:${P2P[0]#*:}" </dev/null >/dev/null
	timeout 60 inv-sync -1 -d store </dev/null 2>err | rec >out
	[ "$(jq -r 'select(.type == "peer") | .state' out)" = up ]
}

@test "peers that a peer names are asked too" {
	serve_chain "$CHAIN" log honest honest honest
	timeout 60 inv-sync -1 -d store -p "${P2P[0]}" </dev/null | rec >out
	for key in "${KEYS[@]}"; do diff <(claims "$key") <(honest_claims); done
}

@test "more peers than conversations: one pass does not wait for those without a turn" {
	local specs=() i
	for i in $(seq 24); do specs+=(honest); done
	serve_chain "$CHAIN" log "${specs[@]}"
	timeout 10 inv-sync -1 -d store -p "${P2P[0]}" </dev/null >records
	rec <records >out
	[ "$(jq -r 'select(.type == "inventory") | .peer' out | sort -u | wc -l)" = 9 ]
}

@test "a peer whose line breaks in the middle is asked for the rest, and what it said is kept" {
	one_pass hangup=4
	diff <(claims "${KEYS[0]}") <(honest_claims)
}

@test "a peer may change its key in conversation, and come back with the first one" {
	serve_chain "$CHAIN" log rekey+hangup=9
	inv-sync -d store -p "${KEYS[0]}@${P2P[0]}" </dev/null >records 2>err 3>&- &
	inv=$!
	STARTED+=("$inv")
	for _ in $(seq 200); do [ "$(grep -c authenticated log)" -ge 3 ] && break; sleep 0.1; done
	[ "$(grep -c authenticated log)" -ge 3 ]
	kill "$inv"
	wait "$inv"
	rec <records >out
	run ! grep '"type":"fault"' out
	diff <(claims "${KEYS[0]}") <(honest_claims)
	[ "$(jq -r --arg key "${KEYS[0]}" 'select(.type == "peer" and .key == $key) | .state' out | sort -u | tr '\n' ' ')" = "down up " ]
	[ "$(jq -r 'select(.type == "peer") | .key' out | sort -u | wc -l)" = 2 ]
}

@test "a peer that changes its key again and again is hung up on" {
	serve_chain "$CHAIN" log rekey=20
	inv-sync -vv -d store -p "${KEYS[0]}@${P2P[0]}" </dev/null >records 2>err 3>&- &
	STARTED+=($!)
	for _ in $(seq 80); do grep -q "again and again" err 2>/dev/null && break; sleep 0.1; done
	grep -q "is down: changes its key again and again" err
}

@test "a silent peer is waited for three times, but not where nothing is wanted" {
	serve_chain "$CHAIN" log honest silent
	timeout 60 blocksync -1 -q -d whole -n "$CHAIN/network" -s "${URLS[0]}" -p "${KEYS[0]}@${P2P[0]}"
	timeout 10 inv-sync -1 -d whole -p "${KEYS[1]}@${P2P[1]}" </dev/null 2>err | rec >out
	[ "$(faults "${KEYS[1]}")" = slow ]
	run ! timeout 10 inv-sync -1 -d store -p "${KEYS[1]}@${P2P[1]}" </dev/null
	timeout 60 inv-sync -1 -d store -p "${KEYS[1]}@${P2P[1]}" </dev/null | rec >out
	[ "$(faults "${KEYS[1]}")" = useless ]
}

@test "bits that cannot be true are left out" {
	one_pass overclaim
	jq -r 'select(.burn_block_height >= 0 and .was_sortition == false) | .burn_block_height' "$CHAIN/sortitions.jsonl" >empty
	[ -s empty ]
	diff <(claims "${KEYS[0]}" | tr -d ' \n' | wc -c) <(honest_claims | tr -d ' \n' | wc -c)
	[ "$(claims "${KEYS[0]}" | cut -d' ' -f2 | tr -dc 0 | wc -c)" -ge "$(wc -l <empty)" ]
}

@test "another key than the one named is a lie at that address, not of either key" {
	serve_chain "$CHAIN" log honest
	other=031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f
	timeout 60 inv-sync -1 -d store -p "$other@${P2P[0]}" </dev/null | rec >out
	[ "$(faults "${P2P[0]}")" = lying ]
	[ -z "$(faults "$other")" ] && [ -z "$(faults "${KEYS[0]}")" ]
}

@test "a peer that is not there is no fault and no failure" {
	timeout 60 inv-sync -1 -d store -p 127.0.0.1:1 </dev/null | rec >out
	run ! grep '"type":"fault"' out
}

@test "the node key is made once and belongs to nobody else" {
	inv-sync -1 -d store </dev/null >/dev/null
	[ "$(stat -c %a store/key)" = 600 ]
	before=$(cat store/key)
	inv-sync -1 -d store </dev/null >/dev/null
	[ "$before" = "$(cat store/key)" ]
	echo nonsense >store/key
	run -100 inv-sync -1 -d store </dev/null
	[[ $output == *"holds no key"* ]]
}

@test "records that come in leave as they came" {
	timeout 60 inv-sync -d store <"$BATS_FILE_TMPDIR/view.rec" | cmp - "$BATS_FILE_TMPDIR/view.rec"
}

@test "a pushed block is kept if its miner signed it, and who pushes others is a liar" {
	serve_chain "$CHAIN" log push=50 junkpush=200
	sortition-sync -1 -q -d seen -n "$CHAIN/network" -s "${URLS[0]}" </dev/null >/dev/null
	mkfifo in
	inv-sync -d seen "${PEERS[@]}" <in >records 2>err 3>&- &
	STARTED+=($!)
	exec 4>in
	for _ in $(seq 100); do
		[ "$(test-tool uploads seen | wc -l)" -ge 5 ] && test-tool faults seen | grep -q "^${KEYS[1]}"$'\t'lying && break
		sleep 0.1
	done
	exec 4>&-
	wait "${STARTED[-1]}"
	test-tool faults seen | grep -q "^${KEYS[1]}"$'\tlying\tpush'
	! test-tool faults seen | grep -q "^${KEYS[0]}" || false
	# Each of the five blocks once, and no other.
	test-tool uploads seen | cut -f1 | sort >kept
	[ "$(wc -l <kept)" -eq 5 ]
	canonical "$CHAIN" | comm -23 kept - | wc -l | grep -qx 0
}

@test "broken streams" {
	streams_check "$CHAIN/network" -- inv-sync -d store
}

@test "a reader that goes away" {
	for _ in $(seq 200); do cat "$BATS_FILE_TMPDIR/view.rec"; done >long
	streams_reader_gone inv-sync -d store <long
}

@test "wrong use ends with 100 and says what to do" {
	unset BLOCKSYNC_DIR
	run -100 inv-sync -n mainnet </dev/null
	run -100 inv-sync -d new </dev/null
	[[ $output == *-n* ]]
	run -100 inv-sync -d store -p nonsense </dev/null
	[[ $output == *nonsense* ]]
	run -100 inv-sync -d store extra </dev/null
	printf 'name x\nchain_id what\n' >bad
	run -100 inv-sync -d new -n bad </dev/null
	[[ $output == *bad:2:* ]]
	run -100 inv-sync -d store -n mainnet </dev/null
	run -100 inv-sync -Z
}

@test "no burnchain view: one pass ends with 111 and says so" {
	run -111 inv-sync -1 -d new -n "$CHAIN/network" </dev/null
	[[ $output == *"no burnchain view"* ]]
}
