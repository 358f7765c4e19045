#!/usr/bin/env bats
# What strangers may cost block-serve over HTTP: rows looked at for a question, bytes held, connections that end in every way.
bats_require_minimum_version 1.5.0

setup_file() {
	export BIN=${BIN:-$PWD/build/bin} HELPER=${HELPER:-$PWD/build/helper}
	cd "$BATS_FILE_TMPDIR" || exit 1
	"$HELPER/chain-maker" chain --seed 5 --cycles 3 --cycle-length 20 --prepare-length 4 --signers 7 --tenure-blocks 1:9 \
		--sortition-rate 0.9 --start-rate 0.9 --extend-rate 0.1 --archive all.rec >/dev/null
	"$BIN/block-cat" -d whole -i all.rec 2>/dev/null
	sed -n '2,31p' chain/blocks.tsv | cut -f2 | while read -r id; do "$BIN/block-cat" -d whole "$id" >"block.$id"; done
	"$BIN/rec" <all.rec | grep -v '^{"type":"block"' | "$BIN/rec" -r >view.rec
	head -c 4190208 /dev/zero >largest
	# Some stand still from now on; the last test looks at what becomes of them.
	"$BIN/block-serve" -d whole -w 127.0.0.1:0 >still.ready 2>/dev/null 3>&- &
	echo $! >still.pid
	for _ in $(seq 200); do grep -q '^http ' still.ready && break; sleep 0.05; done
	still head 'GET /v3/health HTTP/1.1\r\nHost:'
	still length 'POST /v3/blocks/upload HTTP/1.1\r\nContent-Type: application/octet-stream\r\nContent-Length: 9\r\n\r\n8 bytes.'
	still chunks 'POST /v3/blocks/upload HTTP/1.1\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n8 bytes.'
	still nothing 'POST /v3/blocks/upload HTTP/1.1\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n'
}

# still NAME BYTES: says so much and no more; still.NAME tells when the connection had ended
still() {
	local at
	at=$(sed -n 's,^http ,,p' still.ready)
	(
		exec 3>&- 9<>"/dev/tcp/${at%:*}/${at#*:}"
		printf "$2" >&9
		SECONDS=0
		timeout 60 cat <&9 >/dev/null 2>&1
		echo $SECONDS >"still.$1"
	) >/dev/null 2>&1 &
}

teardown_file() { kill "$(cat "$BATS_FILE_TMPDIR/still.pid")" 2>/dev/null || true; }

setup() { cd "$BATS_FILE_TMPDIR" || exit 1; }

teardown() { kill ${server:-} ${rude:-} 2>/dev/null || true; }

# serve STORE OPTION...: in the background; sets $server, $AT and $URL
serve() {
	: >ready
	"$BIN/block-serve" -d "$1" -w 127.0.0.1:0 "${@:2}" >ready 2>log 3>&- &
	server=$!
	for _ in $(seq 200); do grep -q '^http ' ready && break; sleep 0.05; done
	AT=$(sed -n 's,^http ,,p' ready) URL=http://$AT
}

# report PATTERN: what SIGUSR1 makes it say
report() {
	local n
	n=$(grep -c "$1" log || true)
	kill -USR1 "$server"
	for _ in $(seq 200); do [ "$(grep -c "$1" log)" -gt "$n" ] && break; sleep 0.02; done
	grep "$1" log | tail -n 1
}
looked() { report 'rows looked at' | sed 's/.*store: \([0-9]*\) rows.*/\1/'; }

# many_store: one of 300,000 sortitions, and no block yet
many_store() {
	[ ! -d many ] || return 0
	"$BIN/rec" <all.rec | awk '
		/^{"type":"block"/ { next }
		/"type":"sortition"/ { last = $0 }
		{ print }
		END {
			match(last, /"burn_height":[0-9]*/); h = substr(last, RSTART + 14, RLENGTH - 14)
			for (i = 1; i <= 300000; i++)
				printf "{\"type\":\"sortition\",\"burn_height\":%d,\"burn_time\":%d,\"burn_hash\":\"%032x%032x\",\"sortition_id\":\"%064x\"," \
					"\"consensus_hash\":\"%08x%032x\",\"canonical\":true}\n", h + i, i, i * 7919, i, i, i * 104729 % 4294967291, i
		}' | "$BIN/rec" -r >many.rec
	"$BIN/block-cat" -d many -i many.rec 2>/dev/null
}

@test "no question costs more than a few rows among 300,000 sortitions" {
	many_store
	serve many -j 1
	last=$(sed -n '$p' chain/blocks.tsv | cut -f2) ch=$(sed -n '$p' chain/blocks.tsv | cut -f3) low=$(sed -n 2p chain/blocks.tsv | cut -f1)
	hash=$(curl -s "$URL/v3/sortitions/burn_height/101" | sed 's/.*"burn_block_hash":"0x\([0-9a-f]*\)".*/\1/')
	# Without a chain what may be claimed is worked out, now and then: the newest 200 are looked at.
	before=$(looked)
	[ "$(curl -s -m 10 -o body -w '%{http_code}' "$URL/v3/tenures/info")" = 404 ]
	[ $(($(looked) - before)) -le 300 ]
	"$BIN/block-cat" -d many -i all.rec 2>/dev/null
	get_height() { curl -s "$URL/v3/health" | sed 's/.*"node_stacks_tip_height":\([0-9]*\).*/\1/'; }
	for _ in $(seq 100); do [ "$(get_height)" -gt 0 ] && break; sleep 0.05; done
	before=$(looked)
	while read -r status path; do
		[ "$(curl -s -m 10 -o body -w '%{http_code}' "$URL$path")" = "$status" ] || { echo "$path"; false; }
		after=$(looked)
		[ $((after - before)) -le 24 ] || { echo "$path: $((after - before)) rows"; false; }
		before=$after
	done <<-E
		200 /v3/blocks/$last
		404 /v3/blocks/$hash
		200 /v3/blocks/height/$low
		200 /v3/blocks/height/$low?tip=$last
		404 /v3/blocks/height/99999999?tip=$last
		200 /v3/tenures/info
		200 /v3/tenures/tip/$ch
		404 /v3/tenures/tip/${hash:0:40}
		200 /v3/tenures/tip_metadata/$ch
		200 /v3/tenures/blocks/$ch
		200 /v3/tenures/blocks/hash/$hash
		404 /v3/tenures/blocks/hash/$last
		200 /v3/tenures/blocks/height/101
		200 /v3/sortitions
		200 /v3/sortitions/latest_and_last
		200 /v3/sortitions/burn_height/200101
		200 /v3/sortitions/burn/$hash
		404 /v3/sortitions/burn/0x$last
		200 /v3/sortitions/consensus/$ch
		200 /v3/stacker_set/1
		200 /v2/info
		200 /v2/pox
		200 /v2/neighbors
		200 /v3/health
		200 /blocksync/sortitions/200000/1
	E
}

dial() { exec 7<>"/dev/tcp/${AT%:*}/${AT#*:}"; }

@test "an upload with an absolute URI waits for its verdict like any, and its connection goes on" {
	"$BIN/block-cat" -d absolute -i view.rec 2>/dev/null
	serve absolute
	id=$(sed -n 3p chain/blocks.tsv | cut -f2)
	dial
	{
		printf 'POST http://x.invalid/v3/blocks/upload HTTP/1.1\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n' \
			"$(stat -c %s "block.$id")"
		cat "block.$id"
		printf 'GET https://[::1]:1/v3/health?x HTTP/1.1\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nCONNECT x:1 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n'
	} >ask
	cat ask >&7
	# Another that waits hangs up.
	(exec 8<>"/dev/tcp/${AT%:*}/${AT#*:}"; cat ask >&8)
	"$BIN/block-cat" -d absolute -i all.rec 2>/dev/null
	timeout 20 cat <&7 >answer
	exec 7>&-
	[ "$(grep -ao 'HTTP/1.1 [0-9]*' answer | paste -sd ' ')" = 'HTTP/1.1 200 HTTP/1.1 200 HTTP/1.1 404' ]
	grep -aq "{\"stacks_block_id\":\"$id\",\"accepted\":true}" answer
	kill "$server"
	wait "$server"
}

@test "rude clients that end at any moment end nothing else" {
	"$BIN/block-cat" -d rude -i view.rec 2>/dev/null
	serve rude
	"$BIN/block-cat" -d whole -l | tail -n 1 | cut -f2 >last
	"$HELPER/rude" "$AT" 1 3 "/v3/blocks/$(cat last)" "/v3/tenures/$(cat last)" /v3/health "/v3/tenures/blocks/$(sed -n '$p' chain/blocks.tsv | cut -f3)" \
		/v3/nothing /blocksync/sortitions/0/2100 '*' /v3/blocks/upload -u block.* >rude.out 3>&- &
	sleep 1
	# Those that wait for a verdict get it, and answers grow.
	"$BIN/block-cat" -d rude -i all.rec 2>/dev/null
	wait $!
	cat rude.out
	[ "$(sed 's/ .*//' rude.out)" -gt 100 ]
	[ "$(curl -s -m 10 -o body -w '%{http_code}' "$URL/v3/tenures/$(cat last)")" = 200 ]
	[ "$(curl -s -m 10 -o body -w '%{http_code}' "$URL/v3/health")" = 200 ]
	kill "$server"
	wait "$server"
	! grep -q BUG log || false
}

held() { report ' bytes held' | sed 's/.* \([0-9]*\) bytes held/\1/'; }
upload_head() { printf 'POST /v3/blocks/upload HTTP/1.1\r\nContent-Type: application/octet-stream\r\n%s\r\n\r\n' "$1"; }

@test "bodies: two of the largest are held, for one more the one that stands still gives way" {
	serve whole -j 1
	exec 7<>"/dev/tcp/${AT%:*}/${AT#*:}"
	{ upload_head 'Content-Length: 4190208'; head -c 4190207 largest; } >&7
	for _ in $(seq 200); do [ "$(held)" -ge 4190208 ] && break; done
	exec 8<>"/dev/tcp/${AT%:*}/${AT#*:}"
	{ upload_head 'Transfer-Encoding: chunked'; printf '3fefff\r\n'; head -c 4190207 largest; } >&8
	for _ in $(seq 200); do [ "$(held)" -ge 8380414 ] && break; done
	[ "$(held)" -ge 8380414 ]
	[ "$(held)" -le 8388608 ]
	# Small ones find room; an honest one of 1 MiB does so, too, and the first is cut.
	[ "$(curl -s -m 10 -o body -w '%{http_code}' "$URL/v3/health")" = 200 ]
	head -c 1048576 largest >body.1m
	[ "$(curl -s -m 10 -o body -w '%{http_code}' -H 'Content-Type: application/octet-stream' -H 'Expect:' --data-binary @body.1m "$URL/v3/blocks/upload")" = 400 ]
	[ -z "$(timeout 5 cat <&7 2>/dev/null)" ]
	printf '\0\r\n0\r\n\r\n' >&8
	read -r -t 5 line <&8
	[ "${line%$'\r'}" = 'HTTP/1.1 400 Bad Request' ]
	exec 7>&- 8>&-
	# Nothing is held for those who are gone, and four that stand still are no more in the way than two.
	for _ in $(seq 200); do [ "$(held)" -eq 0 ] && break; done
	[ "$(held)" -eq 0 ]
	for _ in 1 2 3 4; do
		exec {fd}<>"/dev/tcp/${AT%:*}/${AT#*:}"
		{ upload_head 'Content-Length: 4190208'; head -c 4190207 largest; } >&$fd 2>/dev/null || true
	done
	[ "$(curl -s -m 10 -o body -w '%{http_code}' -H 'Content-Type: application/octet-stream' -H 'Expect:' --data-binary @body.1m "$URL/v3/blocks/upload")" = 400 ]
	[ "$(held)" -le 8388608 ]
	# One byte above the largest is not read at all.
	[ "$(curl -s -m 10 -o body -w '%{http_code}' -H 'Content-Type: application/octet-stream' -H 'Content-Length: 4190209' --data-binary @largest "$URL/v3/blocks/upload")" = 413 ]
	kill "$server"
	wait "$server"
}

@test "answers that nobody reads are held up to a bound, and others are answered" {
	many_store
	serve many -j 1
	"$HELPER/rude" "$AT" -n 70 /blocksync/sortitions/1000/2100 3>&- &
	rude=$!
	for _ in $(seq 200); do report ' bytes held' | grep -q '[1-9][0-9]* too slow' && break; done
	report ' bytes held' | grep -q '[1-9][0-9]* too slow'
	[ "$(held)" -le 8388608 ]
	[ "$(held)" -ge 4000000 ]
	[ "$(curl -s -m 10 -o body -w '%{http_code}' "$URL/blocksync/sortitions/1000/2100")" = 200 ]
	kill "$rude" "$server"
	wait "$server"
}

@test "256 uploads wait for a verdict, and no more" {
	"$BIN/block-cat" -d waits -i view.rec 2>/dev/null
	serve waits -j 1
	set -- block.*
	{ upload_head "Content-Length: $(stat -c %s "$1")"; cat "$1"; } >ask
	for i in $(seq 257); do
		exec {fd}<>"/dev/tcp/${AT%:*}/${AT#*:}"
		cat ask >&$fd
		case $i in 1) first=$fd ;; 2) second=$fd ;; esac
	done
	read -r -t 8 line <&$fd
	[ "${line%$'\r'}" = 'HTTP/1.1 503 Service Unavailable' ]
	# Another address waits in the place of the one that has the most.
	run -28 curl -s -m 1 --interface 127.0.0.2 -H 'Content-Type: application/octet-stream' --data-binary "@$1" "$URL/v3/blocks/upload"
	read -r -t 8 line <&$first
	[ "${line%$'\r'}" = 'HTTP/1.1 503 Service Unavailable' ]
	# Who hangs up makes room.
	exec {second}>&-
	for _ in $(seq 50); do
		exec {fd}<>"/dev/tcp/${AT%:*}/${AT#*:}"
		cat ask >&$fd
		read -r -t 0.2 line <&$fd || break
	done
	[ "$(grep -c . <<<"$line")" -eq 0 ]
	kill "$server"
	wait "$server"
}

@test "whoever stands still in a request is cut after ten seconds" {
	for name in head length chunks nothing; do
		for _ in $(seq 300); do [ -s "still.$name" ] && break; sleep 0.1; done
		[ "$(cat "still.$name")" -ge 9 ]
		[ "$(cat "still.$name")" -lt 30 ]
	done
}
