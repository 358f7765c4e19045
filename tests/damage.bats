#!/usr/bin/env bats
# Damage to the store's file: copies that broke off, flipped bits, and stores of schema 1, which have no checksums.
bats_require_minimum_version 1.5.0
load common

setup_file() {
	cd "$BATS_FILE_TMPDIR" || exit 1
	block-cat -d store -i "$BATS_TEST_DIRNAME/fixtures/epoch40.rec" 2>/dev/null
	block-cat -d store -l >list
	mkdir old
	gzip -dc "$BATS_TEST_DIRNAME/fixtures/store-1.mdb.gz" >old/data.mdb
}

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	cp -r "$BATS_FILE_TMPDIR/store" "$BATS_FILE_TMPDIR/old" .
}
teardown() { stop_started; }

# flip STORE ID AT BIT: a bit of byte AT of a block, wherever it lies in the file (older pages may hold it too)
flip() {
	block-cat -d "$1" "$2" >body
	perl -e 'local $/; open F, "+<", $ARGV[0] or die; $d = <F>; open B, "body"; $w = substr(<B>, $ARGV[1], 40);
		for ($i = index($d, $w); $i >= 0; $i = index($d, $w, $i + 1), $n++) { seek F, $i, 0; print F chr(ord($w) ^ 1 << $ARGV[2]) }
		die "not found" if !$n' "$1/data.mdb" "$3" "$4"
}
served() {
	: >served.out
	block-serve -d "$1" -w 127.0.0.1:0 >served.out 2>served.err 3>&- &
	SERVER=$!
	STARTED+=("$SERVER")
	for _ in $(seq 200); do grep -q ^http served.out && break; sleep 0.05; done
	HTTP=$(sed -n 's/^http //p' served.out)
	[ -n "$HTTP" ]
}
# What an archive of schema 2 said of its blocks.
blocks_sum() { block-cat -d "$1" -x - | rec | grep '"type":"block"' | sed 's/,"model":"nakamoto","kind":"body"}$/}/' | cksum; }

@test "a store of schema 1 is read as it is, and block-store gives it checksums; nothing is wanted again" {
	before=$(blocks_sum old)
	[ "$before" = "3967077769 91379" ]
	[ "$(block-cat -d old -l | cksum)" = "3693863488 3972" ]
	timeout 20 block-fetch -1 -d old -u http://127.0.0.1:1 </dev/null >/dev/null
	block-store -d old </dev/null >/dev/null 2>old.err 3>&- &
	STARTED+=("$!")
	for _ in $(seq 200); do grep -aq upgrade old/data.mdb || break; sleep 0.05; done
	stop_started
	[ "$(blocks_sum old)" = "$before" ]
	[ ! -s old.err ]
	timeout 20 block-fetch -1 -d old -u http://127.0.0.1:1 </dev/null >/dev/null
	# Now also a signer's signature is covered.
	id=$(block-cat -d old -l | sed -n 20p | cut -f2)
	flip old "$id" 215 3
	run -111 --separate-stderr block-cat -d old "$id"
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "of a store of schema 1 nothing wrong leaves either, as far as an id tells" {
	id=$(block-cat -d old -l | sed -n 20p | cut -f2)
	size=$(block-cat -d old "$id" | wc -c)
	for at in 30 100 $((size - 60)); do
		cp -r old other
		flip other "$id" "$at" 2
		run -111 --separate-stderr block-cat -d other "$id"
		[ -z "$output" ]
		[[ "$stderr" = *"$id"* ]]
		run -111 --separate-stderr block-cat -d other -x other.rec
		[ "${#stderr_lines[@]}" -eq 1 ]
		rm -r other
	done
}

@test "a block with a flipped bit: 111 with its id, 500 over HTTP, and a row for the writer" {
	id=$(sed -n 100p "$BATS_FILE_TMPDIR/list" | cut -f2)
	flip store "$id" 215 5
	for way in "$id" "-x all.rec"; do
		run -111 --separate-stderr block-cat -d store $way
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ "$stderr" = *"$id"* ]]
		[ -z "$output" ]
	done
	served store
	[ "$(curl -s -o body -w '%{http_code}' "http://$HTTP/v3/blocks/$id")" = 500 ]
	[ "$(curl -s -o body -w '%{http_code}' "http://$HTTP/v3/tenures/$id")" = 500 ]
	[ "$(grep -c "$id" served.err)" -eq 1 ]
	stop_started
	# The writer removes it and says so; it is not served then, and not listed.
	block-store -d store </dev/null >/dev/null 2>store.err 3>&- &
	STARTED+=("$!")
	for _ in $(seq 200); do [ -s store.err ] && break; sleep 0.05; done
	stop_started
	block-cat -d store -l >now
	run -1 grep -q "$id" now
	run -111 block-cat -d store "$id"
	[[ "$output" = *"no block"* ]]
}

@test "a copy that broke off: one line and 111, or the right words; nothing dies of a signal" {
	pages=$(($(stat -c %s store/data.mdb) / 4096))
	for cut in 1 3 $((pages / 2)) $((pages - 16)); do
		cp -r store cut
		truncate -s $((cut * 4096)) cut/data.mdb
		for words in "block-cat -l" "block-cat -x -" sync-status "block-serve -w 127.0.0.1:0" block-store block-verify block-fetch; do
			timeout 20 $words -d cut <&- >out 2>err 3>&- && rc=0 || rc=$?
			[ "$rc" -eq 111 ] && [ "$(wc -l <err)" -eq 1 ] || { echo "$words of $cut pages: $rc"; cat err; false; }
		done
		rm -r cut
	done
}

@test "the supervisor ends where the store is damaged, with and without -1" {
	truncate -s $(($(stat -c %s store/data.mdb) / 2)) store/data.mdb
	for once in "" -1; do
		run -111 timeout 30 blocksync $once -q -d store
		[ "${#lines[@]}" -le 6 ]
		[[ "$output" = *damaged* ]]
	done
}

# id N: of the N-th block of the list
id() { sed -n "$1p" "$BATS_FILE_TMPDIR/list" | cut -f2; }

@test "block-cat -c names each block that is hit, and removes it; the rest stays, and a second look finds nothing" {
	run -0 --separate-stderr block-cat -d store -c -s
	[ -z "$output$stderr" ]
	flip store "$(id 50)" 215 1
	flip store "$(id 400)" 40 7
	cp -r store other
	run -111 --separate-stderr block-cat -d store -c
	[ "${#lines[@]}" -eq 2 ]
	[[ "${lines[*]}" = *"$(id 50)"* ]]
	[[ "${lines[*]}" = *"$(id 400)"* ]]
	[[ "$stderr" = *"2 of 500 blocks are damaged: removed"* ]]
	block-cat -d store -l >left
	run -1 grep -q "$(id 50)" left
	run -0 block-cat -d store -c
	# What is in order has not changed, and the archive brings the rest back.
	[ "$(grep -cxFf "$BATS_FILE_TMPDIR/list" left)" -eq "$(wc -l <left)" ]
	block-cat -d store -i "$BATS_TEST_DIRNAME/fixtures/epoch40.rec"
	block-cat -d store -l | cmp - "$BATS_FILE_TMPDIR/list"
	run -0 block-cat -d store -c -s
}

@test "block-cat -c beside a writer: that one removes what is found" {
	flip store "$(id 50)" 215 1
	mkfifo in
	block-store -d store <in >/dev/null 2>store.err 3>&- &
	STARTED+=("$!")
	exec 5>in
	for _ in $(seq 200); do [ "$(sync-status -d store -j | jq -r .writer.program)" = block-store ] && break; sleep 0.05; done
	run -111 --separate-stderr block-cat -d store -c 5>&-
	[[ "$output" = *"$(id 50)"* ]]
	[[ "$stderr" = *"the program that holds the store's lock removes them"* ]]
	for _ in $(seq 200); do [ "$(test-tool damaged store | wc -l)" -eq 0 ] && break; sleep 0.05; done
	exec 5>&-
	stop_started
	run -0 block-cat -d store -c
	run -111 block-cat -d store "$(id 50)"
	[[ "$output" = *"no block"* ]]
}

@test "block-cat -c -s: a signature that was bad before the block got its checksum" {
	id=$(block-cat -d old -l | sed -n 20p | cut -f2)
	flip old "$id" 230 3
	run -0 block-cat -d old -c		# the id says nothing of it
	run -111 --separate-stderr block-cat -d old -c -s
	[ "${#lines[@]}" -eq 1 ]
	[[ "$output" = *"$id"* ]]
	run -0 block-cat -d old -c -s
	run -111 block-cat -d old "$id"
}

@test "block-cat -c -B: no more bytes a second than that; what does not go together is wrong use" {
	bytes=$(awk '{ n += $4 } END { print n }' "$BATS_FILE_TMPDIR/list")
	began=$(date +%s%N)
	run -0 block-cat -d store -c -q -B $((bytes / 2))
	[ $((($(date +%s%N) - began) / 1000000)) -ge 1500 ]
	run -100 block-cat -d store -c -l
	run -100 block-cat -d store -l -s
	run -100 block-cat -d store -c -B 0
}

# hit STORE HEX AT BIT: a bit of byte AT of these bytes, wherever they lie
hit() {
	perl -e 'local $/; open F, "+<", $ARGV[0] or die; $d = <F>; $w = pack "H*", $ARGV[1];
		for ($i = index($d, $w); $i >= 0; $i = index($d, $w, $i + 1), $n++) { $p = $i + $ARGV[2]; seek F, $p, 0; print F chr(ord(substr $d, $p, 1) ^ 1 << $ARGV[3]) }
		die "not found" if !$n' "$1/data.mdb" "$2" "$3" "$4"
}
# mended STORE: block-cat -c finds something once; then everything is there as before
mended() {
	run -111 --separate-stderr block-cat -d "$1" -c
	run -0 --separate-stderr block-cat -d "$1" -c
	[ -z "$output$stderr" ]
	block-cat -d "$1" -l | cmp - "$BATS_FILE_TMPDIR/list"
}

@test "rows without a checksum: what flips in them is no answer, and block-cat -c mends it" {
	read -r height id ch _ < <(sed -n 100p "$BATS_FILE_TMPDIR/list")
	for at in 5 40; do	# of the row in block_ids: the id, the tenure
		hit store "$id$ch$(printf %016x "$height")" $at 4
		mended store
	done
	# the canonical chain's tip
	served store
	tip=$(curl -s "http://$HTTP/v3/tenures/info")
	stop_started
	ch=$(jq -r .consensus_hash <<<"$tip")
	start=$(awk -F'\t' -v ch="$ch" '$3 == ch { print $1; exit }' "$BATS_FILE_TMPDIR/list")
	for at in 3 20; do	# of the row: the height, the tenure
		hit store "$(printf %016x "$start")$ch" $at 5
		served store
		[ "$(curl -s -o body -w '%{http_code}' "http://$HTTP/v3/tenures/info")" = 500 ]
		stop_started
		mended store
	done
	served store
	[ "$(curl -s "http://$HTTP/v3/tenures/info")" = "$tip" ]
}

@test "a row of the view under another key: block-cat -c removes it" {
	# key and value of the row lie together: 'h', the height, the consensus hash
	read -r ch height < <(block-cat -d store -x - | rec | jq -r 'select(.type == "sortition") | "\(.consensus_hash) \(.burn_height)"' | sed -n 40p)
	hit store "68$(printf %016x "$height")$ch" 15 2
	run -111 --separate-stderr block-cat -d store -c
	[[ "$stderr" = *"1 rows of tables, the first of 'sortitions': removed"* ]]
	block-cat -d store -i "$BATS_TEST_DIRNAME/fixtures/epoch40.rec"
	run -0 block-cat -d store -c
}

@test "two pages that changed places: 111, nothing is taken from the wrong one" {
	read -r height id ch _ < <(sed -n 100p "$BATS_FILE_TMPDIR/list")
	perl -e 'local $/; open F, "+<", $ARGV[0] or die; $d = <F>; ($a, $b) = map { $w = pack "H*", $_; $p = rindex($d, $w); die "not found" if $p < 0; $p - $p % 4096 } @ARGV[1, 2];
		seek F, $a, 0; print F substr $d, $b, 4096; seek F, $b, 0; print F substr $d, $a, 4096' \
		store/data.mdb "$id$ch$(printf %016x "$height")" "$(printf '68%016x' "$(block-cat -d store -x - | rec | jq -r 'select(.type == "sortition") | .burn_height' | sed -n 60p)")"
	for words in "-x all.rec" "-c" "-i $BATS_TEST_DIRNAME/fixtures/epoch40.rec"; do
		run -111 --separate-stderr block-cat -d store $words
		[[ "$stderr" = *"a page is not where it belongs"* ]] || [[ "$stderr" = *"out of order"* ]]
	done
}

@test "the head of a large value says that it has more pages: those of others are not freed with it" {
	perl -e 'local $/; open F, "+<", $ARGV[0] or die; $d = <F>;
		for ($p = 0; $p < length $d; $p += 4096) { ($no, $pad, $flags, $n) = unpack "Q S S L", substr $d, $p, 16;
			next if $no != $p / 4096 || $flags != 4 || $n > 64; seek F, $p + 12, 0; print F pack "L", $n | 1 << 28 }' store/data.mdb
	for n in $(seq 25 25 475); do flip store "$(id $n)" 215 1; done
	run -111 --separate-stderr block-cat -d store -c
	[ "${#lines[@]}" -eq 19 ]
	run -0 block-cat -d store -c
	block-cat -d store -i "$BATS_TEST_DIRNAME/fixtures/epoch40.rec"
	block-cat -d store -l | cmp - "$BATS_FILE_TMPDIR/list"
	run -0 block-cat -d store -c -s
}
