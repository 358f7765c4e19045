#!/usr/bin/env bats
# inv-sync over a chain that crosses from epoch 2.x to Nakamoto: both kinds of inventories from each peer, anchor blocks that are not
# ours, refusals, announcements, and what is left out.
bats_require_minimum_version 1.5.0
load common

setup_file() {
	cd "$BATS_FILE_TMPDIR" || exit 1
	crossing_chain >chain
	chain-maker "$(cat chain)" --view view.rec
	block-cat -d view -n "$(cat chain)/network" -i view.rec >/dev/null
	# the view of a time before Nakamoto: burn blocks 101 to 130, of which cycles 0 to 2 are whole
	rec <view.rec | jq -c 'select(.type != "reward_set" and (.burn_height // 0) <= 130)' | rec -r >young.rec
	block-cat -d young -n "$(cat chain)/network" -i young.rec >/dev/null
}

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	CHAIN=$(cat "$BATS_FILE_TMPDIR/chain")
	cp -r "$BATS_FILE_TMPDIR/view" store
	cp -r "$BATS_FILE_TMPDIR/young" young
}

teardown() { stop_started; }

# pass STORE SPEC...: serves peers, asks them once; JSON lines in `out`
pass() {
	local store=$1
	shift
	serve_chain "$CHAIN" log "$@"
	timeout 60 inv-sync -1 -d "$store" "${PEERS[@]}" </dev/null 2>err | rec >out
}
# claims KEY KIND: the last word on each cycle that the peer had something to say of, as "CYCLE BITS"
claims() {
	jq -r --arg key "$1" --arg kind "$2" 'select(.type == "inventory" and .peer == $key and .kind == $kind) | "\(.cycle) \(.count) \(.bits)"' out |
		while read -r cycle count hex; do
			bits=
			for ((i = 0; i < count; i++)); do bits+=$(((16#${hex:i / 8 * 2:2} >> i % 8) & 1)); done
			echo "$cycle $bits"
		done | awk '{ last[$1] = $2 } END { for (c in last) if (last[c] != "") print c, last[c] }' | sort -n
}
# says KIND FIRST LAST: the same of an honest peer, from inventory.jsonl
says() { jq -r --arg kind "$1" "select(.cycle >= $2 and .cycle <= $3) | \"\\(.cycle) \\(.[\$kind])\"" "$CHAIN/inventory.jsonl"; }
# honest KEY: all of it
honest() {
	diff <(claims "$1" blocks) <(says blocks 0 3) && diff <(claims "$1" microblocks) <(says microblocks 0 3) &&
		diff <(claims "$1" tenures) <(says tenures 3 4) && [ "$(claims "$1" pox)" = "0 1111" ]
}
faults() { jq -r --arg who "$1" 'select(.type == "fault" and .who == $who) | .class' out | sort -u; }
# asked NAME: how many messages of a type the peers were sent
asked() { grep -c "\"message in\",\"type\":\"$1\"" log; }

@test "each kind of inventory of each cycle is what the peer has" {
	pass store honest rtt=20
	for key in "${KEYS[@]}"; do
		honest "$key"
		[ -z "$(faults "$key")" ]
	done
	# before Nakamoto nothing else is asked
	stop_started
	PEER_OPTIONS=(--tip 130)
	pass young honest
	diff <(claims "${KEYS[0]}" blocks) <(says blocks 0 2)
	[ "$(asked GetNakamotoInv)" = 0 ]
}

@test "all of it survives a restart, and is no news again" {
	pass store honest
	timeout 60 inv-sync -1 -d store </dev/null | rec >again
	grep -q '"type":"peer"' again
	run ! grep '"type":"inventory"' again
}

@test "blocks are asked for as far as anchor blocks agree; a disagreement is no fault" {
	PEER_OPTIONS=(--tip 130)
	pass young poxzero=2 shortpox=3 otherpox poxzero=0
	diff <(claims "${KEYS[0]}" blocks) <(says blocks 0 1)
	diff <(claims "${KEYS[1]}" blocks) <(says blocks 0 0)
	diff <(claims "${KEYS[2]}" blocks) <(says blocks 0 0)
	[ -z "$(claims "${KEYS[3]}" blocks)" ]
	[ "$(claims "${KEYS[0]}" pox)" = "0 1101" ]
	[ "$(claims "${KEYS[1]}" pox)" = "0 1" ]
	run ! grep '"type":"fault"' out
}

@test "what a peer said is void once it follows other anchor blocks, also after a restart" {
	PEER_OPTIONS=(--tip 130 --seed 5)
	pass young honest
	key=${KEYS[0]}
	diff <(claims "$key" blocks) <(says blocks 0 2)
	stop_started
	pass young poxzero=1
	[ "$key" = "${KEYS[0]}" ]
	# a row of no bits says so
	[ "$(jq -r 'select(.type == "inventory" and .count == 0) | "\(.kind) \(.cycle)"' out | sort | tr '\n' ' ')" = "blocks 1 blocks 2 microblocks 1 microblocks 2 " ]
	stop_started
	pass young honest
	[ "$(claims "$key" blocks | cut -d' ' -f1 | tr '\n' ' ')" = "1 2 " ]
	diff <(claims "$key" blocks) <(says blocks 1 2)
}

@test "who answers more or fewer bits than asked is a liar, and no honest peer beside it" {
	PEER_OPTIONS=(--tip 130)
	pass young honest longinv shorthinv longpox
	[ -z "$(faults "${KEYS[0]}")" ]
	for i in 1 2 3; do [ "$(faults "${KEYS[i]}")" = lying ]; done
	diff <(claims "${KEYS[1]}" blocks) <(says blocks 0 2)
	diff <(claims "${KEYS[3]}" blocks) <(says blocks 0 2)
}

@test "Nacks before Nakamoto: of another fork is innocent, of nothing that can be asked of is useless" {
	PEER_OPTIONS=(--tip 130)
	pass young nack2=4 nack2=3
	[ -z "$(faults "${KEYS[0]}")" ]
	[ "$(jq -r --arg key "${KEYS[0]}" 'select(.type == "peer" and .key == $key) | .state' out | tail -n 1)" = diverged ]
	grep -q 'does not talk to us: Nack 3 to GetPoxInv' err
	[ "$(faults "${KEYS[1]}")" = useless ]
}

@test "Nakamoto peers that do not know epoch 2.x lose nothing" {
	pass store nack2=5 nack2=3 nack2=4 nack2=2 mute2 honest
	for i in 0 1 2 3 4 5; do
		[ -z "$(faults "${KEYS[i]}")" ]
		diff <(claims "${KEYS[i]}" tenures) <(says tenures 3 4)
	done
	for i in 0 1 2 3 4; do [ -z "$(claims "${KEYS[i]}" blocks)" ]; done
	honest "${KEYS[5]}"
	[ "$(jq -r 'select(.type == "peer") | .state' out | sort -u)" = up ]
}

@test "nothing of epoch 2.x is asked where block-fetch leaves it out" {
	timeout 10 block-fetch -q -F 3 -d store <"$BATS_FILE_TMPDIR/view.rec" >/dev/null
	pass store honest
	[ "$(asked GetPoxInv) $(asked GetBlocksInv)" = "0 0" ]
	diff <(claims "${KEYS[0]}" tenures) <(says tenures 3 4)
	# ... nor below its first cycle
	stop_started
	timeout 10 block-fetch -q -F 2 -d store <"$BATS_FILE_TMPDIR/view.rec" >/dev/null
	pass store honest
	[ "$(claims "${KEYS[0]}" blocks | cut -d' ' -f1 | tr '\n' ' ')" = "1 2 3 " ]
}

@test "announcements set bits of cycles that were answered for, of blocks and of streams" {
	local want
	want=$(awk -F'\t' 'NR > 1 && $7 == 1' "$CHAIN/blocks2.tsv" | wc -l)
	serve_chain "$CHAIN" log underclaim+announce=5
	mkfifo in
	inv-sync -d store "${PEERS[@]}" <in >records 2>err 3>&- &
	STARTED+=($!)
	exec 4>in
	bits() { rec <records >out 2>/dev/null; claims "${KEYS[0]}" "$1" | cut -d' ' -f2 | tr -dc 1 | wc -c; }
	for _ in $(seq 60); do [ "$(bits blocks)" = "$want" ] && [ "$(bits microblocks)" -gt 2 ] && break; sleep 0.1; done
	[ "$(bits blocks)" = "$want" ]
	[ "$(bits microblocks)" -gt 2 ]
	exec 4>&-
	wait "${STARTED[-1]}"
	[ -z "$(test-tool faults store)" ]
}

@test "anchored blocks and streams that are pushed are kept; who pushes another block is a liar" {
	serve_chain "$CHAIN" log push2=100 junkpush2=100
	mkfifo in
	inv-sync -d store "${PEERS[@]}" <in >records 2>err 3>&- &
	STARTED+=($!)
	exec 4>in
	for _ in $(seq 60); do
		[ "$(test-tool uploads store | wc -l)" -ge 10 ] && test-tool faults store | grep -q "^${KEYS[1]}"$'\t'lying && break
		sleep 0.1
	done
	exec 4>&-
	wait "${STARTED[-1]}"
	test-tool faults store | grep -q "^${KEYS[1]}"$'\tlying\tpush'
	! test-tool faults store | grep -q "^${KEYS[0]}" || false
	[ "$(test-tool uploads store | wc -l)" -ge 10 ]
}
