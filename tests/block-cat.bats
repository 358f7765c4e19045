#!/usr/bin/env bats
# block-cat: lists, prints, exports, imports; and that export and import are inverses.
bats_require_minimum_version 1.5.0

setup_file() {
	export BIN=${BIN:-$PWD/build/bin} HELPER=${HELPER:-$PWD/build/helper} FIXTURES=$PWD/tests/fixtures
	cd "$BATS_FILE_TMPDIR" || exit 1
	"$BIN/block-cat" -d store -i "$FIXTURES/transition.rec"
}

setup() { cd "$BATS_FILE_TMPDIR" || exit 1; rm -rf other; }

@test "a captured chain is imported, proven and listed ascending, in four columns" {
	"$BIN/block-cat" -d store -l >list
	[ "$(wc -l <list)" -eq 700 ]
	awk -F'\t' 'NF != 4 || length($2) != 64 || length($3) != 40 || $1 < last { exit 1 } { last = $1 }' list
	"$BIN/block-cat" -d other -i "$FIXTURES/epoch40.rec"
	[ "$("$BIN/block-cat" -d other -l | wc -l)" -eq 500 ]
}

@test "streams of microblocks are exported with their blocks, and imported" {
	"$BIN/rec" <"$FIXTURES/epoch2x.rec" >real.json
	grep '"type":"\(hello\|network\|sortition\)"' real.json | "$BIN/rec" -r >real.view
	grep '"type":"\(hello\|verdict\|block\|microblocks\)"' real.json | "$BIN/rec" -r >real.rec
	"$BIN/block-cat" -d streams -i real.view
	"$BIN/block-verify" -d streams <real.rec | "$BIN/block-store" -d streams >/dev/null
	"$BIN/block-cat" -d streams -x streams.rec
	[ "$("$BIN/rec" <streams.rec | grep -c '"type":"microblocks"')" -eq 39 ]
	"$BIN/block-cat" -d other -i streams.rec
	"$BIN/block-cat" -d other -x again.rec
	cmp streams.rec again.rec
	# One that is forged is refused, and the rest is kept.
	"$BIN/rec" <streams.rec | awk '/"type":"microblocks"/ && ++n == 7 { sub(/[0-9a-f][0-9a-f]","evidence"/, "fe\",\"evidence\"") } { print }' | "$BIN/rec" -r >forged.rec
	run -1 cmp -s streams.rec forged.rec
	run -111 "$BIN/block-cat" -d forged -i forged.rec
	"$BIN/block-cat" -d forged -x got.rec
	[ "$("$BIN/rec" <got.rec | grep -c '"type":"microblocks"')" -eq 38 ]
}

# header FILE OFFSET: the header of a microblock in hex.
header() { od -An -v -tx1 -j "$2" -N 132 "$1" | tr -d ' \n'; }

@test "a chain that crosses is archived whole, with streams and evidence of equivocation; and lists and checks streams" {
	"$HELPER/chain-maker" c --seed 3 --cycles 4 --cycle-length 20 --prepare-length 5 --signers 5 --epoch2 40 --microblocks 1 \
		--equivocations 0.7 --archive c.rec
	# A microblock that was signed beside a confirmed one: child, offsets of both.
	awk -F'\t' 'FILENAME ~ /blocks2/ { if ($7 == 1) parent[$2] = $4; next }
		FILENAME ~ /unconfirmed/ { at[$1 " " $2] = $5; next }
		$1 in parent && parent[$1] " " $2 in at { print $1, $5, at[parent[$1] " " $2]; exit }' c/blocks2.tsv c/unconfirmed.tsv c/microblocks.tsv >rival
	read -r child at rival <rival
	evidence=$(header c/microblocks.bin "$at")$(header c/unconfirmed.bin "$rival")
	[ ${#evidence} -eq 528 ]
	"$BIN/rec" <c.rec | sed "/\"child_id\":\"$child\"/s/\"evidence\":\"\"/\"evidence\":\"$evidence\"/" | "$BIN/rec" -r >forked.rec
	"$BIN/block-cat" -d c1 -i forked.rec
	"$BIN/block-cat" -d c1 -x c1.rec
	"$BIN/block-cat" -d c2 -i c1.rec
	"$BIN/block-cat" -d c2 -x c2.rec
	cmp c1.rec c2.rec
	# Heights and ids ascending, both models.
	awk -F'\t' 'FNR > 1 && $7 == 1 { print $1 "\t" $2 "\t" $3 "\t" $5 }' c/blocks2.tsv c/blocks.tsv | sort -n >want
	"$BIN/block-cat" -d c2 -l | sort -n >listed
	cmp want listed
	"$BIN/block-cat" -d c2 -m >lines
	awk -F'\t' 'FILENAME ~ /blocks2/ { if ($7 == 1) good[$2] = $1 "\t" $2 "\t" $3; next }
		$1 in good { n[$1]++; size[$1] += $4 } END { for (i in n) print good[i] "\t" size[i] "\t" n[i] }' c/blocks2.tsv c/microblocks.tsv | sort >want
	[ "$(wc -l <want)" -gt 5 ]
	cut -f1-5 lines | sort | cmp - want
	[ "$(awk -F'\t' '$6 != "-" { print $2, $6 }' lines)" = "$child $evidence" ]
	# One of them, as the record has it but for the number in front.
	"$BIN/block-cat" -d c2 -m "$child" | od -An -v -tx1 | tr -d ' \n' >one
	"$BIN/rec" <c2.rec | sed -n "s/.*\"child_id\":\"$child\".*\"body\":\"[0-9a-f]\{8\}\([0-9a-f]*\)\".*/\1/p" | tr -d '\n' | cmp - one
	run -111 "$BIN/block-cat" -d c2 -m "$(tail -n 1 listed | cut -f2)"
	run -100 "$BIN/block-cat" -d c2 -m x
	"$BIN/block-cat" -d c2 -c -s
}

@test "evidence that its signer did not sign is none" {
	[ -e forked.rec ] || skip "the test before made no archive"
	"$BIN/rec" <forked.rec | sed '/"evidence":"[0-9a-f]/s/.."}$/00"}/' | "$BIN/rec" -r >unsigned.rec
	run -1 cmp -s forked.rec unsigned.rec
	"$BIN/block-cat" -d other -i unsigned.rec
	[ "$("$BIN/block-cat" -d other -m | awk -F'\t' '$6 != "-"' | wc -l)" -eq 0 ]
	[ "$("$BIN/block-cat" -d other -m | wc -l)" -eq "$(wc -l <lines)" ]
}

@test "a block by its id, byte for byte as the archive has it" {
	"$BIN/block-cat" -d store -l | sed -n '1p;300p;700p' >some
	while IFS=$'\t' read -r _ id _ size; do
		"$BIN/block-cat" -d store "$id" >body
		[ "$(stat -c %s body)" -eq "$size" ]
		"$BIN/rec" <"$FIXTURES/transition.rec" | grep "\"type\":\"block\",\"id\":\"$id\"" | grep -q "$(od -An -v -tx1 body | tr -d ' \n')"
	done <some
}

@test "what is not there: 111; what is no id: 100" {
	run -111 "$BIN/block-cat" -d store "$(printf '%064d' 0)"
	[ "${#lines[@]}" -eq 1 ]
	run -100 "$BIN/block-cat" -d store xyz
	run -100 "$BIN/block-cat" -d store
	run -100 "$BIN/block-cat" -d store -l extra
	run -100 "$BIN/block-cat" -d nowhere -l
	[ ! -e nowhere ]
	run -100 "$BIN/block-cat" -d store/data.mdb -l
	[ "$output" = "block-cat: store 'store/data.mdb' is no directory: give another -d" ]
}

@test "export and import are inverses" {
	"$BIN/block-cat" -d store -x one.rec
	"$BIN/block-cat" -d other -i one.rec
	"$BIN/block-cat" -d other -x - >two.rec
	cmp one.rec two.rec
	"$BIN/block-cat" -d store -l >a
	"$BIN/block-cat" -d other -l | cmp - a
}

@test "a chain that crosses from epoch 2.x to Nakamoto is proven, and each block keeps its model" {
	"$HELPER/chain-maker" crossing --seed 3 --cycles 4 --cycle-length 20 --prepare-length 5 --signers 5 --epoch2 30 --archive crossing.rec
	"$BIN/block-cat" -d other -i crossing.rec
	awk -F'\t' '$7 == 1 { print $2 }' crossing/blocks2.tsv crossing/blocks.tsv | sort >want
	"$BIN/block-cat" -d other -l >list
	cut -f2 list | sort | cmp - want
	"$BIN/block-cat" -d other -c -s
	"$BIN/block-cat" -d other -x one.rec
	anchored=$(awk -F'\t' '$7 == 1' crossing/blocks2.tsv | wc -l)
	[ "$anchored" -gt 0 ]
	[ "$("$BIN/rec" <one.rec | grep -c '"type":"block".*"model":"epoch2"')" -eq "$anchored" ]
	[ "$("$BIN/rec" <one.rec | grep -c '"type":"block".*"model":"nakamoto"')" -eq $(($(wc -l <list) - anchored)) ]
	"$BIN/block-cat" -d again -i one.rec
	"$BIN/block-cat" -d again -x - | cmp - one.rec
}

@test "importing again, and from a pipe, changes nothing" {
	"$BIN/block-cat" -d store -x one.rec
	"$BIN/block-cat" -d store -i - <one.rec
	"$BIN/block-cat" -d store -x two.rec
	cmp one.rec two.rec
}

@test "a block that was tampered with is refused, the rest proven as far as it goes" {
	"$BIN/rec" <"$FIXTURES/transition.rec" >all.json
	line=$(grep -n '"type":"block"' all.json | sed -n '600p' | cut -d: -f1)
	# One digit in the last bytes of the body, where transactions are.
	sed "${line}s/..\"}\$/ff\"}/" all.json | "$BIN/rec" -r >bad.rec
	run -111 "$BIN/block-cat" -d other -i bad.rec
	[[ "$output" = *"refused"* ]]
	n=$("$BIN/block-cat" -d other -l | wc -l)
	[ "$n" -ge 599 ] && [ "$n" -lt 700 ]
}

@test "burn totals of an archive that hash to nothing are not believed, whatever it says" {
	"$BIN/rec" <"$FIXTURES/transition.rec" |
	    sed 's/"has_burn":false,"ops_hash":null,"total_burn":0,\("canonical":true\),"checked":false/"has_burn":true,"ops_hash":null,"total_burn":7,\1,"checked":true/' >lie.json
	[ "$(grep -c '"checked":true' lie.json)" -gt 100 ]
	"$BIN/rec" -r <lie.json >lie.rec
	"$BIN/block-cat" -d other -i lie.rec
	[ "$("$BIN/block-cat" -d other -l | wc -l)" -eq 700 ]
	[ "$("$BIN/block-cat" -d other -x - | "$BIN/rec" | grep -c '"checked":true')" -eq 0 ]
}

@test "no source confirmed what an archive holds, whatever it says" {
	"$BIN/rec" <"$FIXTURES/transition.rec" | grep -v '"type":"block"' | sed 's/"sources":[0-9]*/"sources":9/' >lie.json
	[ "$(grep -c '"type":"sortition".*"sources":9' lie.json)" -gt 100 ]
	[ "$(grep -c '"type":"reward_set".*"sources":9' lie.json)" -gt 0 ]
	"$BIN/rec" -r <lie.json | "$BIN/block-cat" -d other -i -
	"$BIN/block-cat" -d other -x - | "$BIN/rec" >out.json
	[ "$(grep -c '"type":"sortition"' out.json)" -gt 100 ]
	[ "$(grep -c '"sources":[1-9]' out.json)" -eq 0 ]
}

@test "the header of a block counts, not what the archive's record says of it" {
	"$BIN/rec" <"$FIXTURES/transition.rec" |
	    sed 's/"type":"block","id":"[0-9a-f]*","consensus_hash":"[0-9a-f]*"/"type":"block","id":null,"consensus_hash":null/' >odd.json
	[ "$(grep -c '"id":null,"consensus_hash":null' odd.json)" -ge 700 ]
	"$BIN/rec" -r <odd.json >odd.rec
	"$BIN/block-cat" -d other -i odd.rec
	"$BIN/block-cat" -d store -l >a
	"$BIN/block-cat" -d other -l | cmp - a
}

@test "an archive whose view contradicts the store's own is refused there" {
	cp -r store other
	"$BIN/rec" <"$FIXTURES/transition.rec" | sed '/"type":"reward_set"/s/"sources":[0-9]*/"sources":7/; /"cycle":9,/s/"keys":\["02/"keys":["03/; /"cycle":9,/s/"keys":"02/"keys":"03/' | "$BIN/rec" -r >lie.rec
	"$BIN/block-cat" -d store -l >before
	run -1 cmp -s lie.rec "$FIXTURES/transition.rec"
	run -111 "$BIN/block-cat" -d other -i lie.rec
	[[ "$output" = *"contradict the store's own view: refused"* ]]
	"$BIN/block-cat" -d other -l | cmp - before
}

@test "an archive names nobody to trust: neither sources nor peers nor shadow blocks, in the store or in what it exports" {
	"$BIN/rec" <"$FIXTURES/transition.rec" | sed '/"type":"network"/s|"}$|source http://127.0.0.1:1\\nbootstrap 127.0.0.1:1\\nshadow '"$(printf '%064d' 7)"'\\n"}|' |
	    "$BIN/rec" -r >evil.rec
	[ "$("$BIN/rec" <evil.rec | grep -c 'source http://127.0.0.1:1.*shadow 0')" -eq 1 ]
	"$BIN/block-cat" -d other -i evil.rec
	run ! grep -aq '127\.0\.0\.1:1' other/data.mdb
	[ "$("$BIN/block-cat" -d other -x - | "$BIN/rec" | grep -c 'source \|bootstrap \|shadow ')" -eq 0 ]
	run -100 --separate-stderr "$BIN/sortition-sync" -1 -d other </dev/null
	[[ "$stderr" == *"no source"* ]]
	# What -n names is the operator's word, and remembered; whom an operator trusts is not exported.
	{ cat "$FIXTURES/transition.network"; echo "source http://127.0.0.1:2"; } >mine
	"$BIN/block-cat" -d other -n mine -i evil.rec
	grep -aq '127\.0\.0\.1:2' other/data.mdb
	[ "$("$BIN/block-cat" -d other -x - | "$BIN/rec" | grep -c 'source ')" -eq 0 ]
}

@test "an archive that calls itself by the name of a built-in network and is another one: 100" {
	"$BIN/rec" <"$FIXTURES/transition.rec" | sed '1s/"network":"[^"]*"/"network":"mainnet"/; /"type":"network"/s/name transition/name mainnet/' |
	    "$BIN/rec" -r >fraud.rec
	run -100 "$BIN/block-cat" -d other -i fraud.rec
	[[ "$output" == *"called 'mainnet' and is not that network"* ]]
	[ ! -e other ]
}

@test "broken archives: one line, 111; what came before is kept" {
	head -c 300000 "$FIXTURES/transition.rec" >cut.rec
	run -111 "$BIN/block-cat" -d other -i cut.rec
	[[ "$output" = *"cut in the middle"* ]]
	[ "$("$BIN/block-cat" -d other -l | wc -l)" -gt 100 ]
	: >empty.rec
	run -100 "$BIN/block-cat" -d other2 -i empty.rec
	head -c 5000 /dev/urandom >random.rec
	echo root:x:0:0 >passwd
	head -c 3 "$FIXTURES/transition.rec" >three.rec
	for file in random.rec passwd three.rec; do	# not a record in it: no archive at all, and trying again cannot help
		run -100 "$BIN/block-cat" -d other2 -i $file
		[[ "$output" = "block-cat: '$file' is no archive: "* ]] && [ "${#lines[@]}" -eq 1 ]
	done
	[ ! -e other2 ]
	"$BIN/rec" <"$FIXTURES/transition.rec" | sed '1s/"schema":1/"schema":99/' | "$BIN/rec" -r >newer.rec
	run -100 "$BIN/block-cat" -d other2 -i newer.rec
	[[ "$output" = *"has schema 99"* ]]
	[ ! -e other2 ]
	run -100 "$BIN/block-cat" -d other -n mainnet -i "$FIXTURES/transition.rec"
}

@test "archives one behind the other: of one network they are one; of two, the first is kept" {
	cat "$FIXTURES/transition.rec" "$FIXTURES/transition.rec" >twice.rec
	"$BIN/block-cat" -d other -i twice.rec
	"$BIN/block-cat" -d store -l >a
	"$BIN/block-cat" -d other -l | cmp - a
	rm -r other
	cat "$FIXTURES/transition.rec" "$FIXTURES/epoch40.rec" >mixed.rec
	run -100 "$BIN/block-cat" -d other -i mixed.rec
	[[ "$output" = *"network 'epoch40'"* ]] && [ "${#lines[@]}" -eq 1 ]
	"$BIN/block-cat" -d store -x one.rec
	"$BIN/block-cat" -d other -x - | cmp - one.rec
}

@test "an archive that is cut in its view: the view before is kept" {
	head -c 20000 "$FIXTURES/transition.rec" >cut.rec
	run -111 "$BIN/block-cat" -d other -i cut.rec
	[ "$("$BIN/block-cat" -d other -x - | "$BIN/rec" | grep -c '"type":"sortition"')" -gt 10 ]
}

@test "a reader of a store that may not be written needs the lock file alone; without it, one line and 111" {
	[ "$(id -u)" -ne 0 ] || skip "root may write everywhere"
	cp -r store other
	chmod a-w other other/data.mdb
	"$BIN/block-cat" -d other -l >listed || failed=$?
	chmod a-w other/lock.mdb
	run -111 "$BIN/block-cat" -d other -l
	chmod -R u+w other	# or nobody can remove it
	[ "$output" = "block-cat: cannot open store 'other': Permission denied" ]
	[ -z "${failed:-}" ] && [ "$(wc -l <listed)" -eq 700 ]
}
