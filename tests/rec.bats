#!/usr/bin/env bats
# rec: records to JSON lines and back, bit for bit; broken streams; the reader gone.

bats_require_minimum_version 1.5.0

setup() {
	BIN=${BIN:-$PWD/build/bin}
	cd "$BATS_TEST_TMPDIR" || return 1
	printf '%s\n' '{"type":"hello","schema":1,"network":"n","chain_id":7,"stage":"s"}' \
	    '{"type":"progress","stage":"block-fetch","text":"a\"b"}' \
	    '{"type":1000,"raw":"92cd03e8a161"}' '{"type":1,"raw":"970101a06ea0010203"}' >lines
}

@test "lines to records and back" {
	"$BIN/rec" -r <lines >records
	"$BIN/rec" <records >again
	"$BIN/rec" -r <again >records2
	cmp records records2
	head -1 lines | cmp - <(head -1 again)
	grep -q '"text":"a\\"b"' again
	grep -q '^{"type":1000,"raw":"92cd03e8a161"}$' again
}

@test "any frame comes back bit for bit" {
	# frames of random payloads, of 1 to 200 bytes
	for i in $(seq 1 200); do
		printf '\306\0\0\0%b' "\\x$(printf %x "$i")"
		head -c "$i" /dev/urandom
	done >records
	"$BIN/rec" <records | "$BIN/rec" -r | cmp - records
}

@test "empty input" {
	run --separate-stderr "$BIN/rec" </dev/null
	[ "$status" -eq 0 ] && [ -z "$output$stderr" ]
	run --separate-stderr "$BIN/rec" -r </dev/null
	[ "$status" -eq 0 ] && [ -z "$output$stderr" ]
}

@test "cut in a record: one line, 111, what stood before is printed" {
	"$BIN/rec" -r <lines >records
	size=$(stat -c %s records)
	for cut in 1 3 5 6 12; do
		head -c $((size - cut)) records >cut
		run --separate-stderr "$BIN/rec" <cut
		[ "$status" -eq 111 ]
		[ "${#lines[@]}" -eq 3 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ "$stderr" == "rec: standard input is broken at byte "*": cut off in the middle of a record" ]]
	done
}

@test "oversize, empty and garbage frames" {
	"$BIN/rec" -r <lines >records
	n=$(stat -c %s records)
	while IFS='|' read -r bytes fault; do
		{ cat records; printf '%b' "$bytes"; } >broken
		run --separate-stderr "$BIN/rec" <broken
		[ "$status" -eq 111 ]
		[ "${#lines[@]}" -eq 4 ]
		[ "$stderr" = "rec: standard input is broken at byte $n: $fault" ]
	done <<-'END'
	\xc6\xff\xff\xff\xff|record of 4294967295 bytes, at most 4194304
	\xc6\x00\x40\x00\x01|record of 4194305 bytes, at most 4194304
	\xc6\x00\x00\x00\x00|empty record
	hello|no record begins with byte 0x68
	END
}

@test "a bad line names its number and fault" {
	{ cat lines; echo '{"type":"hello","chain_id":-1}'; } >bad
	run --separate-stderr "$BIN/rec" -r <bad
	[ "$status" -eq 111 ]
	[ "$stderr" = "rec: standard input, line 5: hello.chain_id: bad value" ]
}

@test "a live stream is printed as it flows" {
	mkfifo live
	"$BIN/rec" -r <lines >records
	timeout 10 "$BIN/rec" <live >out &
	exec 9>live
	cat records >&9
	for _ in $(seq 1 100); do
		[ "$(wc -l <out)" -eq 4 ] && break
		sleep 0.05
	done
	[ "$(wc -l <out)" -eq 4 ]
	exec 9>&-
	wait $!
}

@test "reader gone: quiet, 111" {
	"$BIN/rec" -r <lines >records
	for _ in $(seq 1 3000); do cat records; done >many
	run --separate-stderr bash -c '"$1/rec" <many | head -1 >first; echo "${PIPESTATUS[0]}"' - "$BIN"
	[ "$output" = 111 ] && [ -z "$stderr" ] && [ "$(wc -l <first)" -eq 1 ]
}

@test "wrong use" {
	run --separate-stderr "$BIN/rec" file
	[ "$status" -eq 100 ] && [ "${#stderr_lines[@]}" -eq 1 ]
	run --separate-stderr "$BIN/rec" -x
	[ "$status" -eq 100 ]
	run --separate-stderr "$BIN/rec" -h
	[ "$status" -eq 0 ] && [ "$output" = "usage: rec [-r]" ]
}
