#!/usr/bin/env bats
# sortition-sync by its sources: nodes over HTTP, honest and not, databases, files; quorum, following, and how it ends.
# shellcheck disable=SC2086 # $urls is a list of words
bats_require_minimum_version 1.5.0

load streams

setup_file() {
	export BIN=${BIN:-$PWD/build/bin} HELPER=${HELPER:-$PWD/build/helper}
	cd "$BATS_FILE_TMPDIR" || exit 1
	"$HELPER/chain-maker" chain --seed 7 --cycles 4 --cycle-length 20 --prepare-length 4 --signers 5 --tenure-blocks 1:2 --archive all.rec >/dev/null
	truth <chain/sortitions.jsonl >want
}

setup() { cd "$BATS_FILE_TMPDIR" || exit 1; pids=; }
teardown() { [ -z "$pids" ] || kill $pids 2>/dev/null || true; }

# Height, consensus hash, winner, committed block of each canonical burn block above the first.
truth() {
	jq -r 'select(has("fork") | not) | [.burn_block_height, .consensus_hash[2:], .was_sortition, (.committed_block_hash // "0x")[2:]] | @tsv' | sed 1d
}
# The same of a stream of records.
told() {
	"$BIN/rec" | jq -r 'select(.type == "sortition") | [.burn_height, .consensus_hash, .won, (.committed // "")] | @tsv' |
		grep -v "^$(awk '$1 == "first_burn_height" { print $2 }' chain/network)	" | sort -n
}

# serve NAME SPEC...: peers in the background; $urls are their "-s URL"s
serve() {
	local name=$1 spec peers=
	shift
	for spec in "$@"; do peers="$peers -p $spec"; done
	rm -f "$name.json"
	# shellcheck disable=SC2086
	"$HELPER/chain-peer" chain $peers ${tip:-} -m "$name.json" >"$name.out" 2>&1 3>&- &
	pids="$pids $!" peer=$!
	for _ in $(seq 100); do [ -s "$name.json" ] && break; sleep 0.05; done
	urls=$(jq -r '.peers[] | "-s " + .url' "$name.json" | tr '\n' ' ')
}
sync() { timeout 60 "$BIN/sortition-sync" "$@" </dev/null; }

@test "one pass from a node: every height, every reward set, the tip" {
	serve one honest
	sync -1 -d one.store -n chain/network $urls >one.rec
	told <one.rec | diff - want
	[ "$("$BIN/rec" <one.rec | jq -r 'select(.type == "reward_set").cycle' | sort -n | tail -1)" -ge 3 ]
	"$BIN/rec" <one.rec | jq -se 'any(.type == "tip")' >/dev/null
	"$BIN/rec" <one.rec | jq -se '[.[] | select(.type == "trust")] | last | .at_tip and .quorum == 1' >/dev/null
	# A second pass has no news of what the store has.
	sync -1 -d one.store $urls >again.rec
	[ -z "$(told <again.rec)" ]
}

@test "a liar among three is named, put on record and ignored" {
	for spec in liesortition liesortition=140 lierewardset lieinfo; do
		serve liar "$spec" honest honest
		liar=$(jq -r '.peers[0].url' liar.json)
		sync -1 -d "liar.$spec" -n chain/network $urls >liar.rec 2>liar.err
		told <liar.rec | diff - want
		grep -q "source '$liar': .*ignored" liar.err
		[ "$(wc -l <liar.err)" -eq 1 ]
		[ "$("$BIN/rec" <liar.rec | jq -r 'select(.type == "fault") | .who + " " + .class')" = "$liar lying" ]
		kill "$peer"
	done
}

@test "reward sets of a source that is trusted no more are asked for anew, also the old ones; those of the same source are not" {
	sets() { "$BIN/rec" <"$1" | jq -c 'select(.type == "reward_set") | [.cycle, .keys, .weights]' | sort -u; }
	serve honest honest
	sync -1 -d true.store -n chain/network $urls >true.rec
	[ "$(sets true.rec | wc -l)" -ge 4 ]
	true_urls=$urls true_peer=$peer
	serve liar lierewardset
	sync -1 -d heal.store -n chain/network $urls >/dev/null
	sync -1 -d heal.store -n chain/network $true_urls >heal.rec
	sets heal.rec | diff - <(sets true.rec)
	sync -1 -d heal.store -n chain/network $true_urls >again.rec
	[ -z "$(sets again.rec)" ]
	kill "$peer" "$true_peer"
}

@test "refusals are overcome by trying again" {
	for spec in http429 http500 rtt=30; do
		serve again "$spec"
		sync -1 -d "again.$spec" -n chain/network $urls >again.rec
		told <again.rec | diff - want
		kill "$peer"
	done
}

@test "broken sources: beside two others they are named, alone there is no quorum within 60 s" {
	specs="hugehead nolength bothlengths silent slowloris"
	waits=
	for spec in $specs; do
		serve "alone.$spec" "$spec"
		sync -1 -d "alone.$spec.store" -n chain/network $urls >/dev/null 2>"alone.$spec.err" 3>&- &
		waits="$waits $!"
	done
	serve two honest liesortition
	sync -1 -d two.store -n chain/network $urls >two.rec 2>two.err 3>&- &
	waits="$waits $!"
	serve file liesortition
	sync -1 -d filetwo.store -n chain/network -s all.rec $urls >/dev/null 2>&1 3>&- &
	waits="$waits $!"
	sync -1 -d dead.store -n chain/network -s http://127.0.0.1:1 >/dev/null 2>dead.err 3>&- &
	waits="$waits $!"
	besides=
	for spec in $specs; do
		serve "beside.$spec" "$spec" honest honest
		sync -1 -d "beside.$spec.store" -n chain/network $urls >"beside.$spec.rec" 2>"beside.$spec.err" 3>&- &
		besides="$besides $!"
	done
	for pid in $besides; do wait "$pid"; done
	for spec in $specs; do
		told <"beside.$spec.rec" | diff - want
		grep -q "source '$(jq -r '.peers[0].url' "beside.$spec.json")' fails" "beside.$spec.err"
	done
	for pid in $waits; do
		rc=0
		wait "$pid" || rc=$?
		[ "$rc" -eq 111 ]
	done
	for err in alone.*.err dead.err; do
		[ "$(wc -l <"$err")" -eq 1 ]
		grep -q "no quorum of 1: .*source 'http" "$err"
	done
	# Two who contradict each other: nothing is stored, nobody is blamed.
	grep -q 'contradict each other at burn height' two.err
	[ -z "$(told <two.rec)" ]
	[ -z "$("$BIN/rec" <two.rec | jq -r 'select(.type == "fault")')" ]
}

@test "a mirror tells the view in batches" {
	"$BIN/block-cat" -d mirror.store -i all.rec 2>/dev/null
	"$BIN/block-serve" -d mirror.store -l 127.0.0.1:0 -w 127.0.0.1:0 >mirror.ready 2>mirror.log 3>&- &
	pids="$pids $!"
	for _ in $(seq 100); do grep -q '^http ' mirror.ready && break; sleep 0.05; done
	url=$(sed -n 's,^http ,http://,p' mirror.ready)
	sync -1 -d mirrored.store -n chain/network -s "$url" >mirrored.rec 2>mirrored.err
	told <mirrored.rec | diff - want
	[ ! -s mirrored.err ]
	[ -n "$("$BIN/rec" <mirrored.rec | jq -r 'select(.type == "reward_set").cycle')" ]
}

@test "a file of records is a source, alone and beside a node" {
	sync -1 -d file.store -n chain/network -s all.rec >file.rec
	told <file.rec | diff - want
	serve beside honest
	sync -1 -d both.store -n chain/network -s all.rec $urls >both.rec
	told <both.rec | diff - want
	head -c 50000 all.rec >cut.rec
	sync -1 -d cut.store -n chain/network -s cut.rec >cut.out 2>cut.err
	grep -q 'ends in the middle of a record; what is before it counts' cut.err
}

# The tables of a node's database, from the chain; the burn totals are absent, or false.
database() {
	jq -r --arg burn "$2" 'def h: (. // "")[2:]; def q: "\u0027" + . + "\u0027";
	    select(has("fork") | not) | "INSERT INTO snapshots VALUES(\(.burn_block_height),\(.burn_block_hash | h | q),\(.sortition_id | h | q),\(.parent_sortition_id | h | q),\(.burn_header_timestamp),\(.consensus_hash | h | q),\(.burn_block_hash | h | q),\($burn),\(if .was_sortition then 1 else 0 end),\(.sortition_id | h | q),\(.committed_block_hash | h | q),1,\(if .miner_pk_hash160 then .miner_pk_hash160 | h | q else "NULL" end));",
	    (.stacks_parent_ch | h) as $p | select(.was_sortition) | "INSERT INTO block_commits SELECT \(.sortition_id | h | q),\(.sortition_id | h | q),ifnull((SELECT block_height FROM snapshots WHERE consensus_hash=\($p | q)),0),\(.vrf_seed | h | q);"' chain/sortitions.jsonl >rows.sql
	{
		echo 'CREATE TABLE snapshots(block_height, burn_header_hash, sortition_id PRIMARY KEY, parent_sortition_id, burn_header_timestamp, consensus_hash, ops_hash, total_burn, sortition, winning_block_txid, winning_stacks_block_hash, pox_valid, miner_pk_hash);'
		echo 'CREATE TABLE block_commits(txid, sortition_id, parent_block_ptr, new_seed);'
		echo 'BEGIN;'
		cat rows.sql
		echo 'COMMIT;'
	} | sqlite3 "$1"
}

@test "a node's database is a source; rows that do not hash to their consensus hash are a lie" {
	command -v sqlite3 >/dev/null || skip "no sqlite3"
	database good.sqlite NULL
	serve node honest
	sync -1 -d db.store -n chain/network -s good.sqlite $urls >db.rec	# both must agree, also on parents and seeds
	told <db.rec | diff - want
	database bad.sqlite "'77'"
	run -111 --separate-stderr sync -1 -d bad.store -n chain/network -s bad.sqlite
	[[ "$stderr" == *"consensus hash (burn height "*"it is ignored"* ]]
	sync -1 -d bad2.store -n chain/network -s bad.sqlite -s good.sqlite $urls >bad2.rec 2>bad2.err
	told <bad2.rec | diff - want
	[ "$("$BIN/rec" <bad2.rec | jq -r 'select(.type == "fault") | .who + " " + .class + " " + .what')" = "bad.sqlite lying consensus hash" ]
}

@test "a node's database is followed, though a writer holds it for a while" {
	command -v sqlite3 >/dev/null || skip "no sqlite3"
	database held.sqlite NULL
	top=$(tail -n 1 want | cut -f1)
	sqlite3 held.sqlite "CREATE TABLE newest AS SELECT * FROM snapshots WHERE block_height=$top; DELETE FROM snapshots WHERE block_height=$top"
	"$BIN/sortition-sync" -d held.store -n chain/network -s held.sqlite </dev/null >held.rec 2>held.err 3>&- &
	pids="$pids $!"
	for _ in $(seq 100); do told <held.rec 2>/dev/null | grep -q "^$((top - 1))	" && break; sleep 0.1; done
	sqlite3 held.sqlite <<-'END'
	.timeout 8000
	BEGIN EXCLUSIVE;
	.shell for i in $(seq 100); do [ -s held.err ] && break; sleep 0.1; done
	INSERT INTO snapshots SELECT * FROM newest;
	COMMIT;
	END
	grep -q 'cannot be followed for now: database is locked' held.err
	for _ in $(seq 100); do told <held.rec 2>/dev/null | grep -q "^$top	" && break; sleep 0.1; done
	told <held.rec | diff - want
	[ "$(wc -l <held.err)" -eq 1 ]
}

@test "a node's database in WAL mode is followed past the first part of the log's index" {
	command -v sqlite3 >/dev/null || skip "no sqlite3"
	database wal.sqlite NULL
	top=$(tail -n 1 want | cut -f1)
	sqlite3 wal.sqlite "PRAGMA journal_mode=WAL; CREATE TABLE newest AS SELECT * FROM snapshots WHERE block_height=$top;
	    DELETE FROM snapshots WHERE block_height=$top; CREATE TABLE junk(x)" >/dev/null
	"$BIN/sortition-sync" -d wal.store -n chain/network -s wal.sqlite </dev/null >wal.rec 2>wal.err 3>&- &
	pids="$pids $!"
	for _ in $(seq 100); do told <wal.rec 2>/dev/null | grep -q "^$((top - 1))	" && break; sleep 0.1; done
	# more pages than one part of the index has room for
	sqlite3 wal.sqlite 'PRAGMA wal_autocheckpoint=0; INSERT INTO junk VALUES(zeroblob(20000000)); INSERT INTO snapshots SELECT * FROM newest' >/dev/null
	[ "$(stat -c %s wal.sqlite-shm)" -gt 32768 ]
	for _ in $(seq 100); do told <wal.rec 2>/dev/null | grep -q "^$top	" && break; sleep 0.1; done
	told <wal.rec | diff - want
	[ ! -s wal.err ]
}

@test "it follows: a new burn block is news within seconds, SIGTERM ends it with 0" {
	tip="-t 150" serve follow honest honest honest
	"$BIN/sortition-sync" -d follow.store -n chain/network $urls </dev/null >follow.rec 2>follow.err 3>&- &
	pid=$!
	pids="$pids $pid"
	for _ in $(seq 100); do told <follow.rec 2>/dev/null | grep -q '^150	' && break; sleep 0.1; done
	kill -USR1 "$peer"
	for _ in $(seq 100); do told <follow.rec 2>/dev/null | grep -q '^151	' && break; sleep 0.1; done
	kill "$pid"
	wait "$pid"
	told <follow.rec | diff - <(awk '$1 <= 151' want)
	[ ! -s follow.err ]
}

@test "wrong use is one line and 100" {
	run -100 --separate-stderr sync -1 -d w.store -n chain/network
	[[ "$stderr" == *"no source"* ]]
	run -100 --separate-stderr sync -1 -d w.store -n chain/network -s /does/not/exist
	[ "${#stderr_lines[@]}" -eq 1 ]
	for source in http:// http://host:70000 'http://a b'; do	# no machine could ever answer there
		run -100 --separate-stderr sync -1 -d w.store -n chain/network -s "$source"
		[[ "$stderr" == "sortition-sync: bad source '$source': "* ]]
	done
	: >nothing
	for source in chain/network nothing; do
		run -100 --separate-stderr sync -1 -d w.store -n chain/network -s "$source"
		[[ "$stderr" == *"neither a sortition database nor a file of records"* ]]
	done
	"$BIN/rec" <all.rec | sed 's/^{"type":"hello","schema":[0-9]*,/{"type":"hello","schema":99,/' | "$BIN/rec" -r >newer.rec
	run -100 --separate-stderr sync -1 -d w.store -n chain/network -s newer.rec
	[[ "$stderr" == *schema* ]]
	run -100 --separate-stderr sync -1 -d w.store -n chain/network -Q 2 -s all.rec
	run -100 --separate-stderr sync -1 -d w.store -n chain/network -Q 0 -s all.rec
	run -100 --separate-stderr sync -1 -n chain/network -s all.rec
	run -100 --separate-stderr sync -1 -d w.store -n chain/network -s all.rec more
	serve other honest
	sed 's/^cycle_length .*/cycle_length 21/' chain/network >other.network
	run -100 --separate-stderr sync -1 -d other.store -n other.network $urls
	[[ "$stderr" == *"another network"*"cycle length 20"* ]]
	sed 's/^chain_id .*/chain_id 0x1234/; s/^name .*/name third/' chain/network >third.network
	run -100 --separate-stderr sync -1 -d third.store -n third.network $urls
	[[ "$stderr" == *"another network"* ]]
	run -100 --separate-stderr sync -1 -d third.store -n third.network -s all.rec
}

@test "broken streams on standard input" {
	serve streams honest
	streams_check chain/network -- "$BIN/sortition-sync" -d streams.store -n chain/network $urls
}
