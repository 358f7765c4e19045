#!/usr/bin/env bats
# Sources of the view that are public APIs: what they are asked, what their refusals are told as, and the key that some want.
bats_require_minimum_version 1.5.0
load common

setup_file() {
	CHAIN=$(small_chain)
	export CHAIN
}

setup() { cd "$BATS_TEST_TMPDIR" || exit 1; }
teardown() { stop_started; }

# pass ARGS...: one pass from the peer that is being served; its words in err, its code in rc
pass() {
	rc=0
	timeout 60 sortition-sync -1 -d store -n "$CHAIN/network" -s "${URLS[0]}" "$@" </dev/null >rec 2>err || rc=$?
	cat err
}
heights() { rec <rec | jq -r 'select(.type == "sortition").burn_height' | sort -nu | wc -l; }
top() { jq -s 'map(select((.fork // 0) == 0).burn_block_height) | unique | length' "$CHAIN/sortitions.jsonl"; }
asked() { grep -c '"kind":"http request"' log; }

@test "numbers that nobody can hold, in members that nobody asks for, spoil nothing" {
	serve_chain "$CHAIN" log oddjson
	timeout 60 blocksync -1 -q -d store -n "$CHAIN/network" -s "${URLS[0]}" "${PEERS[@]}" 2>err
	[ ! -s err ]
	[ "$(listed store | cksum)" = "$(canonical "$CHAIN" | cksum)" ]
}

@test "a source that has moved, or forbids: soon, in one line that says what was asked for and where it has moved" {
	serve_chain "$CHAIN" log status=301
	pass
	[ "$rc" -eq 111 ] && [ "$(wc -l <err)" -eq 1 ]
	grep -q "status 301: '/v[23]/[a-z/]*' has moved to 'http://127.0.0.1:9/moved', which is not followed" err
	stop_started
	serve_chain "$CHAIN" log status=403
	pass
	[ "$rc" -eq 111 ] && [ "$(wc -l <err)" -eq 1 ]
	grep -q "source '${URLS[0]}': status 403 for '/v[23]/[a-z/]*'" err
}

@test "a source that does not answer is the cause, told once, and no other stage names one" {
	serve_chain "$CHAIN" log status=403
	rc=0
	timeout 60 blocksync -1 -q -d store -n "$CHAIN/network" -s "${URLS[0]}" -p 127.0.0.1:9 2>err || rc=$?
	cat err
	[ "$rc" -eq 111 ] && [ "$(wc -l <err)" -eq 1 ]
	grep -q "^sortition-sync: no quorum of 1: .*source '${URLS[0]}': status 403" err
}

@test "a URL of blocks that has moved is told once, with where" {
	serve_chain "$CHAIN" log honest status=301
	blocksync -q -d store -n "$CHAIN/network" -s "${URLS[0]}" -p 127.0.0.1:9 -u "${URLS[1]}" >/dev/null 2>err 3>&- &
	STARTED+=("$!")
	for _ in $(seq 200); do [ "$(grep '"peer":1' log | grep -c '"status":301')" -ge 5 ] && break; sleep 0.1; done
	cat err
	[ "$(grep -c "^block-fetch: '${URLS[1]}': status 301: '/v3/.*' has moved to 'http://127.0.0.1:9/moved', which is not followed$" err)" -eq 1 ]
}

@test "a limit by the minute is waited for, and is no fault" {
	serve_chain "$CHAIN" log quota=30
	pass
	[ "$rc" -eq 0 ]
	[ "$(heights)" -ge "$(($(top) - 1))" ]
	[ "$(grep -c '"status":429' log)" -gt 0 ]
	[ "$(rec <rec | jq -r 'select(.type == "fault")')" = "" ]
}

@test "a limit by the hour is not: one line says what is left and how long that takes" {
	serve_chain "$CHAIN" log faraway=7200
	pass
	[ "$rc" -eq 111 ] && [ "$(wc -l <err)" -eq 1 ]
	grep -Eq "status 429: no more requests for 60 min or more; [0-9]+ burn blocks are left, at its rate some [0-9]+ (min|h) \(-K sends an API key\)$" err
	[ "$(rec <rec | jq -r 'select(.type == "fault")')" = "" ]
	# what came is kept
	[ "$(heights)" -gt 5 ]
}

@test "a source that refuses to tell more: what it has told is fetched from peers, of whom nothing false is said" {
	serve_chain "$CHAIN" log honest honest
	peers=("${PEERS[@]}")
	serve_chain "$CHAIN" log2 faraway=7200
	run -111 --separate-stderr timeout 60 blocksync -1 -q -d store -n "$CHAIN/network" -s "${URLS[0]}" "${peers[@]}"
	[ "$(block-cat -d store -l | wc -l)" -gt 10 ]
	# which of the lower cycle's tenures they have cannot be asked before the view reaches down to its first burn block
	[[ "$stderr" == *"was not asked whether it has it"* ]]
	[[ "$stderr" != *"does not have it"* ]] && [[ "$stderr" != *"no peer is up"* ]]
}

@test "a URL where there is no node says 404, and that is told soon" {
	serve_chain "$CHAIN" log honest
	run -111 --separate-stderr timeout 25 sortition-sync -1 -d store -n "$CHAIN/network" -s "${URLS[0]}/elsewhere"
	[[ "$stderr" == *"source '${URLS[0]}/elsewhere': status 404 for '/v"* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "a sync that has everything asks a source that is its peer too seldom, all programs together" {
	serve_chain "$CHAIN" log honest
	blocksync -q -d store -n "$CHAIN/network" -s "${URLS[0]}" "${PEERS[@]}" >/dev/null 2>err 3>&- &
	STARTED+=("$!")
	for _ in $(seq 200); do [ "$(sync-status -d store -j 2>/dev/null | jq -r '.mode + " " + (.view.at_tip | tostring)')" = "following true" ] && break; sleep 0.1; done
	before=$(asked)
	sleep 6
	# two at once after a rest, then one in 3.6 s; and one of block-fetch in 15 s
	n=$(($(asked) - before))
	echo "$n in six seconds"
	[ "$n" -le 6 ]
}

@test "the key of -K goes to the sources alone, and into no line" {
	serve_chain "$CHAIN" log honest honest
	printf 'x-api-key: s3cret%%20 Key\n' >key
	chmod 600 key
	timeout 60 blocksync -1 -vv -d store -n "$CHAIN/network" -s "${URLS[0]}" -K key -p "${KEYS[1]}@${P2P[1]}" >out 2>err
	# what is asked of a source has it; what is asked of a peer has not, were it on the same machine
	[ "$(grep -E '"path":"GET (/v2|/v3/sortitions|/v3/stacker_set)' log | grep -vc '"peer":0.*"key":"s3cret%20 Key"')" -eq 0 ]
	[ "$(grep '"peer":0' log | grep -c '"key":"s3cret%20 Key"')" -gt 10 ]
	[ "$(grep -cE '"path":"GET /v3/(blocks|tenures/[0-9a-f]{64})' log)" -gt 5 ]
	[ "$(grep -E '"path":"GET /v3/(blocks|tenures/[0-9a-f]{64})' log | grep -c s3cret)" -eq 0 ]
	run ! grep -q s3cret out err store/data.mdb
	# the bare key, and one that others may read
	printf 'bare\n\n' >key
	chmod 644 key
	pass -K key
	[ "$rc" -eq 0 ]
	[ "$(cat err)" = "sortition-sync: API key 'key': others may read or change it (mode 644): chmod 600" ]
	[ "$(grep -c '"key":"bare"' log)" -gt 3 ]
}

@test "a file of -K that holds no key is wrong use, one line" {
	serve_chain "$CHAIN" log honest
	mkdir dir
	: >empty
	printf 'two words\n' >words
	printf 'a: b\r\nc: d\n' >lines
	printf 'name:\n' >nothing
	printf 'k\001\n' >odd
	head -c 5000 /dev/zero | tr '\0' x >long
	chmod 600 empty words lines nothing odd long
	for file in dir absent empty words lines nothing odd long; do
		pass -K "$file"
		[ "$rc" -eq 100 ] && [ "$(wc -l <err)" -eq 1 ]
		grep -q "$file" err
	done
	[ "$(asked)" -eq 0 ]
}
