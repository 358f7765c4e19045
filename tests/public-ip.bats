#!/usr/bin/env bats
# public-ip from the outside: whose word counts for our address, what is kept of it, who lies, wrong use, broken streams.
bats_require_minimum_version 1.5.0
load common
load streams

setup_file() {
	# shellcheck source=tests/common.bash
	source tests/common.bash
	CHAIN=$(small_chain)
	export CHAIN
	cd "$BATS_FILE_TMPDIR" || exit 1
	# Stores that hold the burnchain view and nothing else; the public one allows no private peers.
	serve_chain "$CHAIN" log honest
	sed 's/^private_peers.*/private_peers 0/' "$CHAIN/network" >public.network
	sortition-sync -1 -q -d view -n "$CHAIN/network" -s "${URLS[0]}" </dev/null >/dev/null
	sortition-sync -1 -q -d public -n public.network -s "${URLS[0]}" </dev/null >/dev/null
	stop_started
}

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	cp -r "$BATS_FILE_TMPDIR/view" store
	cp -r "$BATS_FILE_TMPDIR/public" public
}

teardown() { stop_started; }

# ask STORE SPEC...: serves such peers, and asks them once; JSON lines in `out`.
ask() {
	local store=$1
	shift
	serve_chain "$CHAIN" log "$@"
	again "$store"
}
again() { timeout 60 public-ip -1 -d "$1" "${PEERS[@]}" </dev/null 2>err | rec >out; }
# What the records say: address, whether it is announced, how many networks say it.
told() { jq -r 'select(.type == "address") | "\(.address) \(.announced) \(.voices)"' out; }
faults() { jq -r --arg who "$1" 'select(.type == "fault" and .who == $who) | "\(.class) \(.what)"' out; }
# times that a peer was asked
asked() { grep -c '"message in","type":"NatPunchRequest"' log; }
until_holds() {
	for _ in $(seq 200); do "$@" && return 0; sleep 0.05; done
	return 1
}

@test "two networks agree: the address is announced, kept, and no news the second time" {
	ask store honest group=1
	[ "$(told)" = "127.0.0.1 true 2" ]
	[ "$(jq -r 'select(.type == "address") | .source' out | wc -w)" -eq 2 ]
	again store
	[ -z "$(told)" ]
	[ "$(asked)" -eq 4 ]
	[ ! -s err ]
}

@test "one network's word is shown, not announced, however many of its peers say it" {
	ask store nataddr=5 nataddr=5 nataddr=5
	[ "$(told)" = "11.0.0.5 false 1" ]
}

@test "a lying majority in one network decides nothing, with honest peers in two others" {
	ask store nataddr=5 nataddr=5 nataddr=5 nataddr=5 group=1 group=2 nataddr=5 nataddr=5 nataddr=5
	[ "$(told)" = "127.0.0.1 true 2" ]
}

@test "two networks against two is no agreement, and changes none" {
	ask store nataddr=5+group=1 nataddr=5+group=2
	[ "$(told)" = "11.0.0.5 true 2" ]
	stop_started
	ask store nataddr=5+group=1 nataddr=5+group=2 nataddr=6+group=3 nataddr=6+group=4
	[ -z "$(told)" ]
	cp -r "$BATS_FILE_TMPDIR/view" other
	again other
	[[ "$(told)" == "11.0.0."[56]" false 2" ]]
}

@test "an address that changes is followed" {
	ask store natswitch=2+group=1 natswitch=2+group=2
	[ "$(told)" = "11.0.0.1 true 2" ]
	again store
	[ "$(told)" = "11.0.0.2 true 2" ]
}

@test "who lies, refuses or says nonsense is named by its key, and its word does not count" {
	ask public natnonce+group=1 natprivate+group=2 natany+group=3 natsix+group=4 natnack+group=5 nataddr=5+group=6 nataddr=5+group=7
	[ "$(told)" = "11.0.0.5 true 2" ]
	[ "$(faults "${KEYS[0]}")" = "lying another nonce" ]
	for i in 1 2 3; do [ "$(faults "${KEYS[i]}")" = "useless address" ]; done
	[ "$(faults "${KEYS[4]}")" = "useless wrong answer" ]
	for i in 5 6; do [ -z "$(faults "${KEYS[i]}")" ]; done
	[ "$(sync-status -j -d public | jq '.faults | length')" -eq 5 ]
}

@test "who is silent has a fault, and holds up nobody" {
	ask store natsilent+group=1 group=2 group=3
	[ "$(told)" = "127.0.0.1 true 2" ]
	[ "$(faults "${KEYS[0]}")" = "useless silent" ]
}

@test "a private address counts only where the network file allows it" {
	ask public honest group=1
	[ -z "$(told)" ]
	[ "$(faults "${KEYS[0]}")" = "useless address" ]
	grep -q 'it says a private address: 127.0.0.1' out
}

@test "bootstrap peers of the network file are asked" {
	serve_chain "$CHAIN" log nataddr=5+group=1 nataddr=5+group=2
	{ cat "$CHAIN/network"; for i in 0 1; do echo "bootstrap ${KEYS[i]}@${P2P[i]}"; done; } >named.network
	rm -r store
	sortition-sync -1 -q -d store -n named.network -s "${URLS[0]}" </dev/null >/dev/null
	timeout 60 public-ip -1 -d store </dev/null 2>err | rec >out
	[ "$(told)" = "11.0.0.5 true 2" ]
}

@test "-a is announced as it is, nobody is asked, and a run without takes it back" {
	serve_chain "$CHAIN" log honest
	public-ip -1 -d store -a 11.0.0.9:20555 "${PEERS[@]}" </dev/null 2>err | rec >out
	[ "$(told)" = "11.0.0.9:20555 true 0" ]
	[ "$(jq -r 'select(.type == "address") | .source' out)" = -a ]
	run ! grep NatPunch log
	again store
	[ "$(told | head -n 1)" = "11.0.0.9:20555 false 0" ]
	public-ip -1 -d store -a 2606::9 "${PEERS[@]}" </dev/null 2>err | rec >out
	[ "$(told)" = "[2606::9] true 0" ]
}

@test "without -1 it works until a signal, asks no one twice in a minute, and passes records on" {
	serve_chain "$CHAIN" log honest group=1
	mkfifo in
	public-ip -d store "${PEERS[@]}" <in >records 2>err 3>&- &
	STARTED+=($!)
	exec 4>in
	until_holds eval 'rec <records 2>/dev/null | grep -q "\"announced\":true"'
	[ "$(asked)" -eq 2 ]
	exec 4>&-
	wait "${STARTED[-1]}"
	# another start, on its own: the row is young
	public-ip -d store "${PEERS[@]}" </dev/null >records 2>err 3>&- &
	STARTED+=($!)
	until_holds has_signal $! SigCgt 10
	kill -USR1 $!
	until_holds grep -q 'an address is announced' err
	kill $!
	wait $!
	[ "$(asked)" -eq 2 ]
	[ -z "$(rec <records | grep -v hello)" ]
}

@test "a clock that was ten years ahead, or behind, when the address was learnt: it is announced, and asked about anew" {
	for age in -315360000 315360000 7000; do
		serve_chain "$CHAIN" log nataddr=5+group=1 nataddr=5+group=2
		rm -rf store
		cp -r "$BATS_FILE_TMPDIR/view" store
		again store
		[ "$(told)" = "11.0.0.5 true 2" ]
		test-tool age store $age
		public-ip -d store "${PEERS[@]}" </dev/null >records 2>err 3>&- &
		STARTED+=($!)
		until_holds eval '[ "$(asked)" -eq 4 ]'
		kill $!
		wait $!
		[ -z "$(rec <records | grep -v hello)" ]
		stop_started
	done
}

# what the latest handshake said of us
greeted() { jq -r 'select(.kind == "authenticated") | "\(.ip) \(.port) \(.url)"' log | tail -n 1; }

@test "handshakes carry the announced address, and block-serve's port and URL while it lives" {
	serve_chain "$CHAIN" log nataddr=5+group=1 nataddr=5+group=2
	greet() { timeout 60 inv-sync -1 -q -d store "${PEERS[@]:0:2}" </dev/null >/dev/null 2>>err; }
	greet
	[ "$(greeted)" = "0.0.0.0 20444 " ]
	again store
	greet
	[ "$(greeted)" = "11.0.0.5 20444 " ]
	block-serve -d store -l 0.0.0.0:0 -w 0.0.0.0:0 >ports 2>>err 3>&- &
	STARTED+=($!)
	until_holds grep -q ^http ports
	p2p=$(sed -n 's/^p2p .*:\([0-9]*\) .*/\1/p' ports) http=$(sed -n 's/^http .*://p' ports)
	greet
	[ "$(greeted)" = "11.0.0.5 $p2p http://11.0.0.5:$http" ]
	# its own handshakes say the same, also of an address that comes later
	public-ip -1 -q -d store -a 11.0.0.6 </dev/null >/dev/null
	cp -r "$BATS_FILE_TMPDIR/view" other
	rm -f other/key
	timeout 60 inv-sync -1 -q -d other -p "127.0.0.1:$p2p" </dev/null 2>>err | rec >out
	grep -q "\"data_url\":\"http://11.0.0.6:$http\"" out
	kill "${STARTED[-1]}"
	wait "${STARTED[-1]}"
	greet
	[ "$(greeted)" = "11.0.0.6 20444 " ]
}

@test "broken streams" {
	streams_check "$CHAIN/network" -- public-ip -d store
}

@test "wrong use ends with 100 and says what to do" {
	unset BLOCKSYNC_DIR
	run -100 public-ip -n mainnet </dev/null
	run -100 public-ip -d new </dev/null
	[[ $output == *-n* ]]
	run -100 public-ip -d store -p nonsense </dev/null
	[[ $output == *nonsense* ]]
	for a in nonsense 0.0.0.0 ::ffff:0.0.0.0 :: 1.2.3 1.2.3.4:70000 example.org; do
		run -100 public-ip -d store -a $a </dev/null
		[[ $output == *"-a '$a'"* ]]
	done
	run -100 public-ip -d store extra </dev/null
	run -100 public-ip -Z
}

@test "no burnchain view: one pass ends with 111 and says so; with -a none is needed" {
	run -111 public-ip -1 -d new -n "$CHAIN/network" </dev/null
	[[ $output == *"no burnchain view"* ]]
	public-ip -1 -d new -a 11.0.0.9 </dev/null | rec | grep -q '"announced":true'
}
