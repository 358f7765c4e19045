# What every stage must make of its standard input, for the tests of a stage:
#
#   load streams
#   @test "broken streams" { streams_check NETWORK-FILE -- COMMAND [ARGUMENT]...; }
#
# COMMAND reads records on standard input and passes on what it does not consume; it is run as it stands for each
# case.  NETWORK-FILE is the network that it believes in.  $BIN holds the programs.

# Lines of JSON that nobody consumes: each stage passes them on.
streams_news() {
	local name chain
	name=$(sed -n 's/^name  *//p' "$1")
	chain=$(($(sed -n 's/^chain_id  *//p' "$1")))
	printf '{"type":"hello","schema":1,"network":"%s","chain_id":%d,"stage":"test"}\n' "$name" "$chain"
	printf '{"type":"address","address":"203.0.113.%d:20444","source":"test","time":1}\n' 1 2 3
}

# streams_case NAME STATUS PASSED STDERR-PATTERN < stream: runs the command on it.
streams_case() {
	local name=$1 status=$2 passed=$3 pattern=$4 got=0 n

	timeout 20 "${streams_command[@]}" >"$streams_dir/out" 2>"$streams_dir/err" || got=$?
	n=$("$BIN/rec" <"$streams_dir/out" | grep -c '"type":"address"\|"type":9999') || true
	if [ "$got" -ne "$status" ] || [ "$n" -ne "$passed" ] || ! grep -q -- "$pattern" <(cat "$streams_dir/err"; echo); then
		echo "case '$name': exit $got, not $status; $n records passed on, not $passed; standard error, where '$pattern' is expected:"
		cat "$streams_dir/err"
		return 1
	fi
	if [ -n "$pattern" ] && [ "$(grep -c 'standard input' "$streams_dir/err")" -ne 1 ]; then
		echo "case '$name': not exactly one line about standard input:"
		cat "$streams_dir/err"
		return 1
	fi
}

# streams_check NETWORK-FILE -- COMMAND...
streams_check() {
	local net=$1 good
	shift 2
	streams_command=("$@")
	streams_dir=$(mktemp -d "$BATS_TEST_TMPDIR/streams.XXXXXX")
	good=$streams_dir/good
	streams_news "$net" | "$BIN/rec" -r >"$good"

	streams_case 'empty' 0 0 '' < <(:) || return
	streams_case 'sound' 0 3 '' < <(cat "$good") || return
	streams_case 'regular file' 0 3 '' <"$good" || return
	streams_case 'no hello' 0 3 '' < <(streams_news "$net" | grep -v hello | "$BIN/rec" -r) || return
	streams_case 'cut in a record' 111 2 'cut off in the middle of a record' < <(head -c -3 "$good") || return
	streams_case 'cut in a frame head' 111 3 'cut off' < <(cat "$good"; printf '\306\0') || return
	streams_case 'oversize' 111 3 'record of 4294967295 bytes' < <(cat "$good"; printf '\306\377\377\377\377') || return
	streams_case 'random bytes' 111 3 'standard input is broken' < <(cat "$good"; printf 'random bytes') || return
	streams_case 'hostile count' 111 3 'standard input is broken' < <(cat "$good"; printf '\306\0\0\0\5\335\10\0\0\0') || return
	streams_case 'unknown type' 0 4 '' < <(cat "$good"; echo '{"raw":"92cd270fa161"}' | "$BIN/rec" -r) || return
	streams_case 'extra fields' 0 4 '' < <(cat "$good"; echo '{"raw":"9710a16ea17301c302c40101"}' | "$BIN/rec" -r) || return
	streams_case 'wrong type of a field' 111 3 'address.address: not text' < <(cat "$good"; echo '{"raw":"921001"}' | "$BIN/rec" -r) || return
	streams_case 'other network' 100 0 "of network 'other'" \
	    < <(sed 's/"network":"[^"]*"/"network":"other"/' <(streams_news "$net") | "$BIN/rec" -r) || return
	streams_case 'newer schema' 100 0 'newer than our' \
	    < <(sed 's/"schema":1/"schema":1000/' <(streams_news "$net") | "$BIN/rec" -r) || return
}

# streams_reader_gone COMMAND... < plenty of records: ends with 111 and without a word when nobody reads.
streams_reader_gone() {
	local got
	got=$(timeout 20 bash -c '"$@" 2>"$0" | head -c 1 >/dev/null; echo "${PIPESTATUS[0]}"' "$BATS_TEST_TMPDIR/gone" "$@")
	[ "$got" = 111 ] && [ ! -s "$BATS_TEST_TMPDIR/gone" ] && return
	echo "exit $got, not 111; standard error:"
	cat "$BATS_TEST_TMPDIR/gone"
	return 1
}
