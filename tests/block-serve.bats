#!/usr/bin/env bats
# block-serve by its sockets: what it answers, what it refuses, and how it ends.
bats_require_minimum_version 1.5.0

setup_file() {
	export BIN=${BIN:-$PWD/build/bin} HELPER=${HELPER:-$PWD/build/helper}
	cd "$BATS_FILE_TMPDIR" || exit 1
	"$HELPER/chain-maker" chain --seed 5 --cycles 3 --cycle-length 20 --prepare-length 4 --signers 7 --tenure-blocks 1:9 \
		--sortition-rate 0.9 --start-rate 0.9 --extend-rate 0.1 --archive all.rec >/dev/null
	"$BIN/block-cat" -d store -i all.rec 2>/dev/null
	start store -l 127.0.0.1:0 -w 127.0.0.1:0 3>&-
	echo "$!" >pid
}

# start STORE OPTION...: runs in the background; $URL and $KEY are known once it is ready
start() {
	local dir=$1
	shift
	: >ready
	"$BIN/block-serve" -d "$dir" "$@" >ready 2>log &
	local pid=$!
	for _ in $(seq 100); do
		grep -q '^http ' ready && break
		kill -0 "$pid" 2>/dev/null || return 1
		sleep 0.05
	done
	sed -n 's,^http ,http://,p' ready >url
}

setup() {
	cd "$BATS_FILE_TMPDIR" || exit 1
	URL=$(cat url)
	last=$(sed -n '$p' chain/blocks.tsv | cut -f2)
}

teardown_file() { kill "$(cat "$BATS_FILE_TMPDIR/pid")" 2>/dev/null || true; }

get() { curl -s -m 10 "$URL$1"; }
code() { curl -s -m 10 -o body -D head -w '%{http_code}' "$@"; }
# Rows of the canonical blocks, ascending.
canonical() { awk -F'\t' '$7 == 1' chain/blocks.tsv; }

@test "it says where it listens, with its key" {
	grep -q '^p2p 127\.0\.0\.1:[1-9][0-9]* 0[23][0-9a-f]\{64\}$' ready
	grep -q '^http 127\.0\.0\.1:[1-9][0-9]*$' ready
	[ "$(wc -l <ready)" -eq 2 ]
}

@test "each block by id and by height is what the store holds" {
	canonical | awk 'NR % 7 == 1' | while IFS=$'\t' read -r height id _; do
		"$BIN/block-cat" -d store "$id" >want
		get "/v3/blocks/$id" | cmp - want
		get "/v3/blocks/height/$height" | cmp - want
		get "/v3/blocks/height/$height?tip=$last" | cmp - want
		get "/v3/blocks/height/$height?tip=latest" | cmp - want
	done
}

@test "a tenure is its blocks, newest first, down to the start or to the stop" {
	ch=$(canonical | cut -f3 | uniq -c | awk '$1 >= 4 { print $2; exit }')
	canonical | grep "$ch" | sort -rn | cut -f2 >ids
	while read -r id; do "$BIN/block-cat" -d store "$id"; done <ids >want
	get "/v3/tenures/$(head -n 1 ids)" | cmp - want
	head -n 2 ids | while read -r id; do "$BIN/block-cat" -d store "$id"; done >want
	get "/v3/tenures/$(head -n 1 ids)?stop=$(sed -n 3p ids)" | cmp - want
	"$BIN/block-cat" -d store "$(tail -n 1 ids)" >want
	get "/v3/tenures/$(tail -n 1 ids)" | cmp - want
}

@test "heads are what a strict client takes: one length, no name twice, the type, the tip's height" {
	for path in "/v3/blocks/$last" "/v3/tenures/$last" /v3/tenures/info /v2/info /v2/pox /v3/sortitions /v3/health; do
		[ "$(code "$URL$path")" = 200 ]
		[ "$(grep -ci '^content-length:\|^transfer-encoding:' head)" -eq 1 ]
		[ -z "$(sed -n 's/^\([^:]*\):.*/\1/p' head | tr A-Z a-z | sort | uniq -d)" ]
		grep -qi "^x-canonical-stacks-tip-height: $(tail -n 1 chain/blocks.tsv | cut -f1)" head
		case $path in
		/v3/blocks/*) grep -qi '^content-type: application/octet-stream.$' head ;;
		/v2/*) grep -qi '^content-type: application/json.$' head ;;
		esac
	done
}

@test "unknown is 404, malformed 400, another method 405 with Allow" {
	zero=0000000000000000000000000000000000000000000000000000000000000000
	[ "$(code "$URL/v3/blocks/$zero")" = 404 ]
	[ "$(cat body)" = "No such block $zero" ]
	[ "$(code "$URL/v3/tenures/$zero")" = 404 ]
	[ "$(code "$URL/v3/blocks/height/99999999")" = 404 ]
	[ "$(code "$URL/v3/sortitions/burn_height/99999999")" = 404 ]
	[ "$(code "$URL/v3/stacker_set/99")" = 400 ]
	[ "$(code "$URL/v3/blocks/xyz")" = 400 ]
	[ "$(cat body)" = "Invalid path parameters for '/v3/blocks/xyz'" ]
	[ "$(code "$URL/v3/blocks/$(echo "$last" | tr a-f A-F)")" = 400 ]
	[ "$(code "$URL/v3/sortitions/consensus/zz")" = 400 ]
	[ "$(code "$URL/v3/tenures/$last?stop=xx")" = 400 ]
	[ "$(code "$URL/v9/nothing")" = 404 ]
	[ "$(cat body)" = "No such file or directory" ]
	[ "$(code -X DELETE "$URL/v3/blocks/$last")" = 405 ]
	grep -qi '^allow: GET' head
	[ "$(code -X GET --data x "$URL/v3/blocks/$last")" = 400 ]
	grep -qi '^content-type: text/plain' head
}

@test "the burnchain view comes back as it went in" {
	for height in $(get /v3/sortitions | sed 's/.*"burn_block_height":\([0-9]*\).*/\1/'); do
		[ "$(get "/v3/sortitions/burn_height/$height")" = "$(get /v3/sortitions)" ]
	done
	ch=$(get /v3/sortitions | sed 's/.*"consensus_hash":"0x\([0-9a-f]*\)".*/\1/')
	[ "$(get "/v3/sortitions/consensus/$ch")" = "$(get /v3/sortitions)" ]
	[ "$(get "/v3/sortitions/consensus/0x$ch")" = "$(get /v3/sortitions)" ]
	hash=$(get /v3/sortitions | sed 's/.*"burn_block_hash":"0x\([0-9a-f]*\)".*/\1/')
	[ "$(get "/v3/sortitions/burn/$hash")" = "$(get /v3/sortitions)" ]
	get /v3/sortitions/latest_and_last | grep -q '^\[{.*},{.*}\]$'
}

@test "records of the view: those asked for, ascending, with their reward sets" {
	"$BIN/rec" <all.rec | grep '"type":"sortition"' | head -n 25 | sed 's/"sources":[0-9]*//' >want
	from=$(sed -n '1s/.*"burn_height":\([0-9]*\).*/\1/p' want)
	get "/blocksync/sortitions/$from/25" | "$BIN/rec" >got
	head -n 1 got | grep -q '"type":"hello"'
	grep '"type":"sortition"' got | sed 's/"sources":[0-9]*//' | sed 's/.*"consensus_hash":"\([0-9a-f]*\)".*/\1/' >got.ch
	sed 's/.*"consensus_hash":"\([0-9a-f]*\)".*/\1/' want | cmp - got.ch
	grep -q '"type":"reward_set"' got
}

@test "the ongoing tenure and the tips of others" {
	info=$(get /v3/tenures/info)
	echo "$info" | grep -q "\"tip_block_id\":\"$last\""
	ch=$(tail -n 1 chain/blocks.tsv | cut -f3)
	echo "$info" | grep -q "\"consensus_hash\":\"$ch\""
	get "/v3/tenures/tip/$ch" | grep -q "^{\"Nakamoto\":{.*\"consensus_hash\":\"$ch\""
	get "/v3/tenures/tip_metadata/$ch" | grep -q '"burn_view":"[0-9a-f]\{40\}"}$'
	[ "$(get "/v3/tenures/blocks/$ch" | grep -o '"block_id"' | wc -l)" -eq "$(canonical | grep -c "$ch")" ]
	height=$(get "/v3/tenures/blocks/$ch" | sed 's/.*"burn_block_height":\([0-9]*\).*/\1/')
	[ "$(get "/v3/tenures/blocks/height/$height")" = "$(get "/v3/tenures/blocks/$ch")" ]
}

@test "uploads: a known block is not accepted again, rubbish is refused" {
	"$BIN/block-cat" -d store "$last" >block
	post() { code -H 'Content-Type: application/octet-stream' --data-binary "@$1" "$URL/v3/blocks/upload$2"; }
	[ "$(post block /)" = 200 ]
	[ "$(cat body)" = "{\"stacks_block_id\":\"$last\",\"accepted\":false}" ]
	[ "$(post block "")" = 200 ]
	head -c 300 block >half
	[ "$(post half /)" = 400 ]
	grep -qi '^content-type: text/plain' head
	cat block block >twice
	[ "$(post twice /)" = 400 ]
	head -c 5000000 /dev/zero >huge
	[ "$(post huge /)" = 413 ]
	[ "$(code -X POST "$URL/v3/blocks/upload")" = 400 ]
}

@test "many requests on one connection" {
	for _ in $(seq 200); do printf 'url = %s\noutput = body\n' "$URL/v3/blocks/$last"; done >urls
	curl -s -m 20 -K urls -w '%{num_connects}\n' >connects
	[ "$(awk '{ n += $1 } END { print n }' connects)" -eq 1 ]
	[ "$(wc -l <connects)" -eq 200 ]
}

@test "SIGUSR1 tells, and SIGTERM ends with 0" {
	"$BIN/block-serve" -d store -w 127.0.0.1:0 >one 2>one.log 3>&- &
	pid=$!
	for _ in $(seq 100); do [ -s one ] && break; sleep 0.05; done
	kill -USR1 "$pid"
	for _ in $(seq 100); do grep -q 'http: ' one.log && break; sleep 0.05; done
	kill "$pid"
	wait "$pid"
	grep -q '^http ' one
	! grep -q '^p2p ' one
}

@test "more connections from one address than -c are closed" {
	"$BIN/block-serve" -d store -w 127.0.0.1:0 -c 2 >one 2>/dev/null 3>&- &
	pid=$!
	for _ in $(seq 100); do [ -s one ] && break; sleep 0.05; done
	port=$(sed 's/.*://' one)
	exec 7<>"/dev/tcp/127.0.0.1/$port" 8<>"/dev/tcp/127.0.0.1/$port"
	printf 'GET /v3/health HTTP/1.1\r\nHost: x\r\n\r\n' >&7
	read -r -t 5 line <&7
	[ "${line%$'\r'}" = 'HTTP/1.1 200 OK' ]
	run -52 curl -s -m 5 "http://127.0.0.1:$port/v3/health"
	exec 7>&- 8>&-
	kill "$pid"
	wait "$pid"
}

@test "wrong use" {
	run -100 --separate-stderr "$BIN/block-serve" -d store
	[[ $stderr == *'give -l HOST:PORT, -w HOST:PORT or both'* ]]
	run -100 --separate-stderr "$BIN/block-serve" -d store -w nowhere
	[[ $stderr == *"-w 'nowhere'"* ]]
	run -100 --separate-stderr env -u BLOCKSYNC_DIR "$BIN/block-serve" -w 127.0.0.1:0
	run -100 --separate-stderr "$BIN/block-serve" -d store -n mainnet -w 127.0.0.1:0
	run -111 --separate-stderr "$BIN/block-serve" -d store -w "$(sed -n 's/^http //p' ready)"
}
