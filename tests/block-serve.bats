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

teardown() {
	[ -z "${pipeline:-}" ] || kill -- "-$pipeline" 2>/dev/null || true
	[ -z "${strangers:-}" ] || kill "$strangers" 2>/dev/null || true
	[ -z "${peer:-}" ] || kill "$peer" 2>/dev/null || true
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
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
	# Who is to be left is told so.
	[ "$(code -H 'Connection: close' "$URL/v3/blocks/$last")" = 200 ]
	grep -qi '^connection: close.$' head
	[ "$(grep -ci '^content-length:' head)" -eq 1 ]
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

@test "the node's facts, and how many tenures there are" {
	get /v2/info | grep -q "\"stacks_tip_height\":$(tail -n 1 chain/blocks.tsv | cut -f1),"
	get /v2/info | grep -q "\"tenure_height\":$(canonical | cut -f3 | sort -u | wc -l),"
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
	# In chunks too, and then the connection goes on.
	[ "$(curl -s -m 10 -o body -D head -w '%{http_code} ' -H 'Transfer-Encoding: chunked' -H 'Content-Type: application/octet-stream' \
		--data-binary @block "$URL/v3/blocks/upload" --next -s -m 10 -o health -w '%{http_code} %{num_connects}' "$URL/v3/health")" = "200 200 0" ]
	[ "$(cat body)" = "{\"stacks_block_id\":\"$last\",\"accepted\":false}" ]
	head -c 300 block >half
	[ "$(post half /)" = 400 ]
	grep -qi '^content-type: text/plain' head
	cat block block >twice
	[ "$(post twice /)" = 400 ]
	head -c 5000000 /dev/zero >huge
	[ "$(post huge /)" = 413 ]
	[ "$(code -X POST "$URL/v3/blocks/upload")" = 400 ]
}

# raw BYTES: sent as they are, in one go (bash writes line by line, and a server that has answered the first one is gone for the next);
# what comes back until the server closes, or for a second
raw() {
	local host=${URL#http://}
	exec 7<>"/dev/tcp/${host%:*}/${host#*:}"
	printf "$1" >request
	cat request >&7
	timeout "${2:-1}" cat <&7 2>/dev/null || true	# a reset, where something was left unread
	exec 7>&-
}

@test "what cannot be read is answered in text, and the connection ends" {
	for junk in 'GET / HTTP/9.9\r\nHost: x\r\n\r\n' 'GET /v3/health\r\n\r\n' "GET /$(printf '%05000d' 0) HTTP/1.1\r\n\r\n" '\001\002\r\n\r\n' \
		'GET /v3/health HTTP/1.1\r\nContent-Length: x\r\n\r\n' 'POST /v3/blocks/upload HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n' \
		'POST /v3/blocks/upload HTTP/1.1\r\nExpect: it\r\nContent-Length: 9\r\n\r\n'; do
		raw "$junk" 5 | tr -d '\r' >answer	# well before the time is over
		sed -n 1p answer | grep -q '^HTTP/1\.1 4[01][037] [A-Z]'
		[ "$(grep -c '^Content-Type: text/plain$' answer)" -eq 1 ]
		[ "$(grep -c '^Connection: close$' answer)" -eq 1 ]
		[ "$(sed '1,/^$/d' answer | wc -c)" -eq "$(sed -n 's/^Content-Length: //p' answer)" ]
	done
	# So does an upload that is no block: what follows it may be anything.
	raw 'POST /v3/blocks/upload HTTP/1.1\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: gzip\r\n\r\nGET /v3/health HTTP/1.1\r\n\r\n' 5 >answer
	[ "$(grep -ac '^HTTP' answer)" -eq 1 ]
	grep -q '^Connection: close' answer
	# An answer to HEAD is a head.
	[ "$(raw 'HEAD /v3/health HTTP/1.1\r\n\r\n' 5 | tail -c 4 | od -An -tx1)" = ' 0d 0a 0d 0a' ]
}

@test "a tip's burn view is found below many blocks" {
	"$HELPER/chain-maker" deep --seed 6 --cycles 1 --cycle-length 5 --prepare-length 2 --signers 3 --tenure-blocks 64:97 \
		--extend-rate 0 --archive deep.rec >/dev/null
	"$BIN/block-cat" -d deep.store -i deep.rec 2>/dev/null
	"$BIN/block-serve" -d deep.store -w 127.0.0.1:0 >deep.ready 2>/dev/null 3>&- &
	server=$!
	for _ in $(seq 100); do [ -s deep.ready ] && break; sleep 0.05; done
	URL=$(sed -n 's,^http ,http://,p' deep.ready)
	for ch in $(awk -F'\t' 'NR > 1 { print $3 }' deep/blocks.tsv | uniq); do
		get "/v3/tenures/tip_metadata/$ch" >answer
		grep -q "\"burn_view\":\"$ch\"}\$" answer
		[ "$(sed 's/^{"anchored_header":\(.*\),"burn_view".*/\1/' answer)" = "$(get "/v3/tenures/tip/$ch")" ]
	done
	# It is answered among others that were asked ahead.
	raw "GET /v3/tenures/tip_metadata/$ch HTTP/1.1\r\n\r\nGET /v3/tenures/tip_metadata/$ch HTTP/1.1\r\n\r\nGET /x HTTP/1.1\r\n\r\n" 5 >answer
	[ "$(grep -ac '"burn_view":"' answer)" -eq 2 ]
	[ "$(tail -n 1 answer)" = 'No such file or directory' ]
}

@test "HTTP/1.0: no chunks, one length or none, one Connection" {
	"$HELPER/chain-maker" long --seed 6 --cycles 1 --cycle-length 20 --prepare-length 4 --signers 7 --tenure-blocks 40:45 --archive long.rec >/dev/null
	"$BIN/block-cat" -d long.store -i long.rec 2>/dev/null
	"$BIN/block-serve" -d long.store -w 127.0.0.1:0 >long.ready 2>/dev/null 3>&- &
	server=$!
	for _ in $(seq 100); do [ -s long.ready ] && break; sleep 0.05; done
	URL=$(sed -n 's,^http ,http://,p' long.ready)
	tip=$(sed -n '$p' long/blocks.tsv | cut -f2)
	get "/v3/tenures/$tip" >want
	[ "$(stat -c %s want)" -gt 32768 ]
	# What cannot be read after a long answer is answered in text, too.
	raw "GET /v3/tenures/$tip HTTP/1.1\r\n\r\nGET / HTTP/9.9\r\n\r\n" 5 >answer
	[ "$(tail -n 1 answer)" = 'this version of HTTP is not spoken here' ]
	[ "$(grep -ac '^Content-Type: text/plain' answer)" -eq 1 ]
	for keep in '' 'Connection: keep-alive\r\n'; do
		raw "GET /v3/tenures/$tip HTTP/1.0\r\n$keep\r\n" 5 >answer
		[ "$(grep -aci '^content-length:\|^transfer-encoding:\|^connection: keep' answer)" -eq 0 ]
		tail -c "$(stat -c %s want)" answer | cmp - want
		raw "GET /v9 HTTP/1.0\r\n$keep\r\n" 5 >answer
		[ "$(grep -ci '^connection: close' answer)" -eq 1 ]
		[ "$(grep -ci '^connection:' answer)" -eq 1 ]
		raw "GET /v3/health HTTP/1.0\r\n$keep\r\n" >answer
		[ "$(grep -ci '^content-length:' answer)" -eq 1 ]
	done
	grep -qi '^connection: keep-alive' answer
	kill "$server"
	wait "$server"
}

@test "many requests on one connection" {
	for _ in $(seq 200); do printf 'url = %s\noutput = body\n' "$URL/v3/blocks/$last"; done >urls
	curl -s -m 20 -K urls -w '%{num_connects}\n' >connects
	[ "$(awk '{ n += $1 } END { print n }' connects)" -eq 1 ]
	[ "$(wc -l <connects)" -eq 200 ]
}

@test "a client that asks far ahead and reads late gets every answer whole" {
	local host=${URL#http://} ask="GET /v3/tenures/$last HTTP/1.1\r\nHost: x\r\n\r\n" end='GET /v3/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
	export LC_ALL=C
	exec 7<>"/dev/tcp/${host%:*}/${host#*:}"
	printf "$ask$end" >&7
	timeout 20 cat <&7 | sed '/^Date: /d' >one
	exec 7>&-
	size=$(($(grep -aob 'HTTP/1.1 200 OK' one | tail -n 1 | cut -d: -f1)))
	[ "$size" -gt 300 ]
	head -c "$size" one >answer
	for _ in $(seq 2000); do cat answer; done >want
	exec 7<>"/dev/tcp/${host%:*}/${host#*:}"
	{ for _ in $(seq 2000); do printf "$ask"; done; printf "$end"; } >&7 &
	sleep 0.5
	timeout 20 cat <&7 | sed '/^Date: /d' >got
	exec 7>&-
	wait $!
	[ "$(stat -c %s got)" -gt "$(stat -c %s want)" ]
	head -c "$(stat -c %s want)" got | cmp - want
}

@test "SIGUSR1 tells, and SIGTERM ends with 0" {
	: >one
	"$BIN/block-serve" -d store -w 127.0.0.1:0 >one 2>one.log 3>&- &
	server=$!
	for _ in $(seq 100); do [ -s one ] && break; sleep 0.05; done
	kill -USR1 "$server"
	for _ in $(seq 100); do grep -q 'http: ' one.log && break; sleep 0.05; done
	kill "$server"
	wait "$server"
	grep -q '^http ' one
	! grep -q '^p2p ' one || false
}

@test "more connections from one address than -c are closed" {
	"$BIN/block-serve" -d store -w 127.0.0.1:0 -c 2 >two 2>/dev/null 3>&- &
	server=$!
	for _ in $(seq 100); do [ -s two ] && break; sleep 0.05; done
	port=$(sed 's/.*://' two)
	exec 7<>"/dev/tcp/127.0.0.1/$port" 8<>"/dev/tcp/127.0.0.1/$port"
	printf 'GET /v3/health HTTP/1.1\r\nHost: x\r\n\r\n' >&7
	read -r -t 5 line <&7
	[ "${line%$'\r'}" = 'HTTP/1.1 200 OK' ]
	run ! curl -s -m 5 "http://127.0.0.1:$port/v3/health"
	exec 7>&- 8>&-
	kill "$server"
	wait "$server"
}

# serve OPTION...: the store on free ports, both sides; $http and $p2p are known once it is ready
serve() {
	: >served
	"$BIN/block-serve" -d store -l 127.0.0.1:0 -w 127.0.0.1:0 "$@" >served 2>served.log 3>&- &
	server=$!
	for _ in $(seq 100); do grep -q '^http ' served && break; sleep 0.05; done
	http=$(sed -n 's/^http //p' served)
	p2p=$(awk '/^p2p/ { print $2 }' served)
}
# crowd ARGS...: strangers, until they are all there
crowd() {
	: >crowd.out
	"$HELPER/crowd" "$@" >crowd.out 2>crowd.err 3>&- &
	strangers=$!
	for _ in $(seq 600); do [ -s crowd.out ] && break; sleep 0.05; done
	[ -s crowd.out ]
}
disperse() { kill "$strangers"; wait "$strangers" || true; strangers=; }

@test "strangers who hold every connection from a few addresses give way to newcomers" {
	serve -c 64
	crowd 512 8 "$http" http
	[ "$(sed -n '1s/held //p' crowd.out)" -ge 480 ]
	for i in $(seq 40 49); do
		[ "$(curl -s -m 5 --interface "127.$i.0.1" -o body -w '%{http_code}' "http://$http/v3/health")" = 200 ]
	done
	disperse
	crowd 768 12 "$p2p" p2p store
	[ "$(sed -n '1s/held //p' crowd.out)" -ge 740 ]
	for _ in $(seq 3); do
		[ "$(timeout 5 "$HELPER/dial" store "$(awk '/^p2p/ { print $3 "@" $2 }' served)" ping)" = Pong ]
	done
	disperse
	kill "$server"
	wait "$server"
}

@test "without -c one address may have every place, and gives way too" {
	serve
	crowd 510 1 "$http" http
	[ "$(sed -n '1s/held //p' crowd.out)" -eq 500 ]
	[ "$(curl -s -m 5 --interface 127.40.0.1 -o body -w '%{http_code}' "http://$http/v3/health")" = 200 ]
	disperse
	kill "$server"
	wait "$server"
}

@test "one key has four conversations, from however many addresses: the newest" {
	serve
	crowd -k -r 0 12 12 "$p2p" p2p store
	for _ in $(seq 100); do [ "$(tail -n 1 crowd.out)" = 'held 4' ] && break; sleep 0.05; done
	[ "$(tail -n 1 crowd.out)" = 'held 4' ]
	disperse
	kill "$server"
	wait "$server"
}

@test "who sends a foreign handshake again ends his own conversations, not the peer's" {
	serve
	crowd -k -r 0 1 1 "$p2p" p2p store
	peer=$strangers
	[ "$(cat crowd.out)" = 'held 1' ]
	mv crowd.out peer.out
	crowd -k -f 20 -r 0 12 1 "$p2p" p2p store
	for _ in $(seq 100); do [ "$(tail -n 1 crowd.out)" = 'held 3' ] && break; sleep 0.05; done
	[ "$(tail -n 1 crowd.out)" = 'held 3' ]
	[ "$(tail -n 1 peer.out)" = 'held 1' ]
	kill "$peer"
	disperse
	kill "$server"
	wait "$server"
}

@test "half-received pushes have one budget, and who comes later is served" {
	serve
	crowd -r 0 60 6 "$p2p" push store
	for _ in $(seq 100); do [ "$(sed -n '$s/held //p' crowd.out)" -le 13 ] && break; sleep 0.05; done
	[ "$(sed -n '$s/held //p' crowd.out)" -le 13 ]
	[ "$(timeout 5 "$HELPER/dial" store "$(awk '/^p2p/ { print $3 "@" $2 }' served)" ping)" = Pong ]
	# 150 MiB were sent, 32 of them may be held.
	[ "$(awk '/^VmHWM/ { print $2 }' "/proc/$server/status")" -lt $((100 << 10)) ]
	disperse
	kill "$server"
	wait "$server"
}

@test "-L: loopback is exempt" {
	serve -c 2 -L
	crowd 12 1 "$http" http
	[ "$(cat crowd.out)" = 'held 12' ]
	disperse
	crowd -k 12 2 "$p2p" p2p store
	[ "$(cat crowd.out)" = 'held 12' ]
	disperse
	kill "$server"
	wait "$server"
}

@test "a store that outgrows the map: where other threads read the old one it does not move, one line and 111" {
	head -c $(($(stat -c %s all.rec) / 4)) all.rec | BLOCKSYNC_MAP=100000000 "$BIN/block-cat" -d grown -i - 2>/dev/null || true
	: >grown.ready
	BLOCKSYNC_MAP=$(stat -c %s grown/data.mdb) timeout 20 "$BIN/block-serve" -d grown -w 127.0.0.1:0 -j 2 >grown.ready 2>grown.log 3>&- &
	server=$!
	for _ in $(seq 100); do grep -q '^http ' grown.ready && break; sleep 0.05; done
	BLOCKSYNC_MAP=100000000 "$BIN/block-cat" -d grown -i all.rec 2>/dev/null
	# It looks at the store ten times a second.
	rc=0
	wait "$server" || rc=$?
	[ "$rc" -eq 111 ]
	[ "$(cat grown.log)" = "block-serve: store 'grown' has outgrown the map that this program began with: raise \$BLOCKSYNC_MAP and start again" ]
	server=
}

# A store whose archive lacks the blocks that a pattern of ids names; served on $AT, and over HTTP on $URL
partial() {
	"$BIN/rec" <all.rec | awk -v ids="$2" '/"type":"block"/ && substr($0, 1, 200) ~ ids { next } { print }' | "$BIN/rec" -r >part.rec
	"$BIN/block-cat" -d "$1" -i part.rec 2>/dev/null
	"$BIN/block-serve" -d "$1" -l 127.0.0.1:0 -w 127.0.0.1:0 >"$1.ready" 2>"$1.log" 3>&- &
	server=$!
	for _ in $(seq 100); do grep -q '^http ' "$1.ready" && break; sleep 0.05; done
	AT=$(awk '/^p2p/ { print $3 "@" $2 }' "$1.ready")
	URL=$(sed -n 's,^http ,http://,p' "$1.ready")
}
ch_at() { get "/v3/sortitions/burn_height/$1" | sed 's/.*"consensus_hash":"0x\([0-9a-f]*\)".*/\1/'; }
field() { sed -n "s/^$1 *//p" chain/network; }

@test "inventories: bits of the cycle at mod 0, asked for by the hash at mod 1, else a Nack" {
	first=$(field first_burn_height) length=$(field cycle_length)
	AT=$(awk '/^p2p/ { print $3 "@" $2 }' ready)
	timeout 20 "$HELPER/dial" store "$AT" ping neighbors inv "$(ch_at $((first + 1)))" inv "$(ch_at $((first + length)))" \
		inv "$(ch_at $((first + length + 2)))" inv "$(ch_at $((first + length + 1)))" \
		inv 0000000000000000000000000000000000000001 blocks "$(ch_at $((first + length + 1)))" "$length" \
		blocks "$(ch_at $((first + length + 1)))" $((length + 1)) pox "$(ch_at $((first + length + 1)))" 2 >answers
	[ "$(sed -n 1,2p answers | tr '\n' ' ')" = 'Pong Neighbors 0 ' ]
	[ "$(sed -n 4,5p answers | tr '\n' ' ')" = 'nack 4 nack 4 ' ]
	[ "$(sed -n 7p answers)" = 'nack 2' ]
	[ "$(sed -n 8p answers)" = "$(printf '%0*d' "$length" 0)" ]
	[ "$(sed -n 9,10p answers | tr '\n' ' ')" = 'nack 5 11 ' ]
	# Each bit against the tenures that the chain has.
	canonical | cut -f3 | sort -u >tenures
	for cycle in 0 1; do
		for i in $(seq 0 $((length - 1))); do
			ch=$(ch_at $((first + cycle * length + i)))
			grep -q "^$ch$" tenures && printf 1 || printf 0
		done
		echo
	done >want
	sed -n '3p;6p' answers | cmp - want
}

@test "a neighbour of this machine is talked to, whatever the network says of private peers" {
	"$BIN/rec" <all.rec | sed '/"type":"network"/s/private_peers 1/private_peers 0/' | "$BIN/rec" -r >public.rec
	"$BIN/rec" <public.rec | grep -q 'private_peers 0'
	"$BIN/block-cat" -d public -i public.rec 2>/dev/null
	"$BIN/block-serve" -d public -l 127.0.0.1:0 -w 127.0.0.1:0 >public.ready 2>/dev/null 3>&- &
	server=$!
	for _ in $(seq 100); do grep -q '^http ' public.ready && break; sleep 0.05; done
	[ "$(timeout 20 "$HELPER/dial" public "$(awk '/^p2p/ { print $3 "@" $2 }' public.ready)" ping)" = Pong ]
	kill "$server"
	wait "$server"
}

@test "a store with a hole claims what is a whole cycle above it, and nothing that it cannot serve whole" {
	mid=$(canonical | cut -f3 | uniq | sed -n 12p)
	partial hole "$(canonical | grep "$mid" | cut -f2 | paste -sd '|')"
	first=$(field first_burn_height) length=$(field cycle_length)
	for cycle in 0 1 2; do set -- "$@" inv "$(ch_at $((first + cycle * length + 1)))"; done
	timeout 20 "$HELPER/dial" hole "$AT" "$@" | tr -d '\n' >answers
	# The hole's sortition and its height above the first.
	at=$(get "/v3/sortitions/consensus/$mid" | sed 's/.*"burn_block_height":\([0-9]*\).*/\1/')
	[ "$((at - first))" -lt "$length" ]
	[ "$(cut -c $((at - first + 1))-$((2 * length)) answers | tr -d 0)" = "" ]
	[ "$(cut -c -$length answers | tr -dc 1 | wc -c)" -ge 8 ]
	# As in a store without a hole.
	dial_store() { timeout 20 "$HELPER/dial" store "$(awk '/^p2p/ { print $3 "@" $2 }' "$1")" inv "$(ch_at $((first + 2 * length + 1)))"; }
	"$BIN/block-serve" -d store -l 127.0.0.1:0 -w 127.0.0.1:0 >whole.ready 2>/dev/null 3>&- &
	peer=$!
	for _ in $(seq 100); do grep -q '^http ' whole.ready && break; sleep 0.05; done
	[ "$(cut -c $((2 * length + 1))- answers)" = "$(dial_store whole.ready)" ]
	kill "$peer"
	# By the next two set bits in its cycle and the next one: the start, the end, and the body down from the end's parent.
	bits=$(cat answers) i=0 set=()
	while [ "$i" -lt "${#bits}" ]; do [ "${bits:i:1}" = 1 ] && set+=($((first + i))); i=$((i + 1)); done
	committed() { get "/v3/sortitions/burn_height/$1" | sed 's/.*"committed_block_hash":"0x\([0-9a-f]*\)".*/\1/'; }
	for k in $(seq 2 $((${#set[@]} - 1))); do
		[ $(((set[k] - first) / length)) -le $(((set[k - 2] - first) / length + 1)) ] || continue
		start=$(committed "${set[k - 1]}") end=$(committed "${set[k]}")
		[ "$(code "$URL/v3/blocks/$start")" = 200 ]
		[ "$(code "$URL/v3/blocks/$end")" = 200 ]
		grep -q "$(printf '\t')$(ch_at "${set[k - 2]}")$(printf '\t')" <(grep "$start" chain/blocks.tsv)
		[ "$(code "$URL/v3/tenures/$(awk -F'\t' -v id="$end" '$2 == id { print $4 }' chain/blocks.tsv)")" = 200 ]
	done
	kill "$server"
	wait "$server"
}

@test "anchored blocks of epoch 2.x are no Nakamoto tenures: no bit, no body" {
	"$HELPER/chain-maker" crossing --seed 3 --cycles 4 --cycle-length 20 --prepare-length 5 --signers 5 --epoch2 30 --archive crossing.rec
	"$BIN/block-cat" -d crossed -i crossing.rec 2>/dev/null
	"$BIN/block-serve" -d crossed -l 127.0.0.1:0 -w 127.0.0.1:0 >crossed.ready 2>/dev/null 3>&- &
	server=$!
	for _ in $(seq 100); do grep -q '^http ' crossed.ready && break; sleep 0.05; done
	URL=$(sed -n 's,^http ,http://,p' crossed.ready)
	first=$(sed -n 's/^first_burn_height *//p' crossing/network)
	timeout 20 "$HELPER/dial" crossed "$(awk '/^p2p/ { print $3 "@" $2 }' crossed.ready)" \
		inv "$(ch_at $((first + 1)))" inv "$(ch_at $((first + 21)))" inv "$(ch_at $((first + 41)))" >answers
	cut -f3 crossing/blocks.tsv | sort -u >tenures
	for i in $(seq 0 59); do
		grep -q "^$(ch_at $((first + i)))$" tenures && printf 1 || printf 0
		[ $((i % 20)) != 19 ] || echo
	done >want
	cmp answers want
	IFS=$'\t' read -r height id ch _ < <(awk -F'\t' '$7 == 1' crossing/blocks2.tsv | tail -1)
	"$BIN/block-cat" -d crossed -l | grep -q "$id"
	for path in "blocks/$id" "blocks/height/$height" "tenures/$id"; do
		[ "$(code "$URL/v3/$path")" = 404 ]
	done
	get "/v3/tenures/tip/$ch" | grep -q '^{"Epoch2":'
	[ "$(code "$URL/v3/blocks/height/$((height + 1))")" = 200 ]
	kill "$server"
	wait "$server"
}

@test "a tenure that is held and not proven is shown to nobody" {
	# The first with three blocks or more, above the chain's beginning, without its start.
	mid=$(canonical | cut -f3 | uniq -c | awk 'NR > 3 && $1 > 2 { print $2; exit }')
	partial headless "$(canonical | grep "$mid" | head -1 | cut -f2)"
	last=$(canonical | grep "$mid" | tail -1 | cut -f2)
	[ "$("$BIN/sync-status" -d headless -j | jq '.held')" -gt "$("$BIN/block-cat" -d headless -l | wc -l)" ]
	[ "$(code "$URL/v3/tenures/tip/$mid")" = 404 ]
	[ "$(code "$URL/v3/tenures/tip_metadata/$mid")" = 404 ]
	[ "$(code "$URL/v3/blocks/$last")" = 404 ]
	[ "$(code "$URL/v3/tenures/$last")" = 404 ]
	kill "$server"
	wait "$server"
}

@test "uploads and pushes go through the pipeline, and an upload's answer is its verdict" {
	ids=$(tail -n 3 chain/blocks.tsv | cut -f2)
	for id in $ids; do "$BIN/block-cat" -d store "$id" >"block.$id"; done
	partial part "$(echo $ids | tr ' ' '|')"
	set -m
	(exec 3>&-; "$BIN/block-fetch" -d part </dev/null 2>fetch.log | "$BIN/block-verify" -d part 2>verify.log | "$BIN/block-store" -d part >/dev/null 2>store.log) &
	pipeline=$!
	set +m
	post() { code -H 'Content-Type: application/octet-stream' --data-binary "@$1" "$URL/v3/blocks/upload/"; }
	set -- $ids
	[ "$(post "block.$1")" = 200 ]
	[ "$(cat body)" = "{\"stacks_block_id\":\"$1\",\"accepted\":true}" ]
	[ "$(post "block.$1")" = 200 ]
	grep -q '"accepted":false' body
	# One bit of the first signer's signature: the same id, refused by the judge, and no bar to the good one.
	{ head -c 220 "block.$2"; head -c 221 "block.$2" | tail -c 1 | tr '\000-\377' '\001-\377\000'; tail -c +222 "block.$2"; } >bad
	[ "$(post bad)" = 400 ]
	# Another time than the miner signed; other transactions than the header has.
	{ head -c 140 "block.$3"; head -c 141 "block.$3" | tail -c 1 | tr '\000-\377' '\001-\377\000'; tail -c +142 "block.$3"; } >junk
	{ head -c -1 "block.$3"; tail -c 1 "block.$3" | tr '\000-\377' '\001-\377\000'; } >copy
	[ "$(post junk)" = 400 ]
	[ "$(post copy)" = 400 ]
	for one in junk copy; do
		run timeout 20 "$HELPER/dial" part "$AT" push $one ping
		[ "$status" -eq 1 ]
	done
	timeout 20 "$HELPER/dial" part "$AT" push "block.$2" push "block.$3" ping
	for _ in $(seq 100); do "$BIN/block-cat" -d part -l | grep -q "$3" && break; sleep 0.1; done
	"$BIN/block-cat" -d part -l | grep -q "$3"
	"$BIN/block-cat" -d part "$2" | cmp - "block.$2"
	kill -- "-$pipeline"
	kill "$server"
	wait "$server"
}

@test "wrong use" {
	run -100 --separate-stderr timeout -s KILL 5 "$BIN/block-serve" -d nowhere -w 127.0.0.1:0
	[[ $stderr == *"there is no store in 'nowhere'"* ]]
	run -100 --separate-stderr "$BIN/block-serve" -d store
	[[ $stderr == *'give -l HOST:PORT, -w HOST:PORT or both'* ]]
	run -100 --separate-stderr "$BIN/block-serve" -d store -w nowhere
	[[ $stderr == *"-w 'nowhere'"* ]]
	run -100 --separate-stderr env -u BLOCKSYNC_DIR "$BIN/block-serve" -w 127.0.0.1:0
	run -100 --separate-stderr "$BIN/block-serve" -d store -n mainnet -w 127.0.0.1:0
	run -111 --separate-stderr "$BIN/block-serve" -d store -w "$(sed -n 's/^http //p' ready)"
}
