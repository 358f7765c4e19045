#!/usr/bin/env bats
# block-fetch by its streams: from URLs, from peers, with nothing to do, with broken input, and without a reader.
bats_require_minimum_version 1.5.0

setup_file() {
	. "$BATS_TEST_DIRNAME/common.bash"
	CHAIN=$(small_chain)
	export CHAIN
	wanted=$(($(canonical "$CHAIN" | wc -l)))
	export wanted
}

setup() {
	. "$BATS_TEST_DIRNAME/common.bash"
	cd "$BATS_TEST_TMPDIR" || exit 1
}

teardown() { stop_started; }

# The view of a chain into a store, without any block.
seed() { timeout 30 sortition-sync -1 -q -d "$1" -n "$CHAIN/network" -s "${URLS[0]}" >/dev/null; }
# Fetched, judged and stored: the rest of the pipeline.
keep() { block-verify -d "$1" | block-store -d "$1" >/dev/null; }
ids() { rec | sed -n 's/^{"type":"block","id":"\([0-9a-f]*\)".*/\1/p'; }
count() { grep -c "$1" || true; }
stored() { listed "$1" | wc -l; }

@test "a whole chain from one URL, each block once, in two requests a tenure at most" {
	serve_chain "$CHAIN" log honest
	seed s
	set -o pipefail
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" </dev/null | tee out | keep s
	[ "$(stored s)" -eq "$wanted" ]
	ids <out | sort | uniq -d >twice
	[ ! -s twice ]
	tenures=$(cut -f3 "$CHAIN/blocks.tsv" | sed 1d | sort -u | wc -l)
	[ "$(grep -c '/v3/\(blocks\|tenures\)/' log)" -le $((2 * tenures + 2)) ]
}

@test "-o is done when all is written, and judges nothing" {
	serve_chain "$CHAIN" log honest
	seed s
	timeout 60 block-fetch -1 -o -d s -u "${URLS[0]}" </dev/null >out
	[ "$(ids <out | sort -u | wc -l)" -eq "$wanted" ]
	[ "$(stored s)" -eq 0 ]
}

@test "tenures of large blocks, to a reader that waits" {
	large=$(make_chain large --seed 7 --cycles 3 --cycle-length 20 --prepare-length 4 --signers 200 --tenure-blocks 6:9)
	serve_chain "$large" log honest
	timeout 30 sortition-sync -1 -q -d s -n "$large/network" -s "${URLS[0]}" >/dev/null
	set -o pipefail
	timeout 60 block-fetch -1 -o -d s -u "${URLS[0]}" </dev/null | (sleep 1; cat) >out
	[ "$(ids <out | sort -u | wc -l)" -eq "$(canonical "$large" | wc -l)" ]
}

@test "what is in the store is not fetched again" {
	serve_chain "$CHAIN" log honest
	seed s
	set -o pipefail
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" </dev/null | keep s
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" </dev/null >out
	[ "$(ids <out | wc -l)" -eq 0 ]
}

@test "-F: only what belongs to a cycle or later, and it is remembered" {
	serve_chain "$CHAIN" log honest
	seed s
	set -o pipefail
	timeout 60 block-fetch -1 -F 2 -d s -u "${URLS[0]}" </dev/null | tee out | keep s
	n=$(ids <out | wc -l)
	[ "$n" -gt 0 ]
	[ "$n" -lt "$wanted" ]
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" </dev/null >out
	[ "$(ids <out | wc -l)" -eq 0 ]
}

@test "-F reaches a block-store that was there before it, and so does another -F later" {
	serve_chain "$CHAIN" log honest
	seed s
	mkfifo pipe
	block-store -d s <pipe >/dev/null 3>&- &
	STARTED+=("$!")
	exec 6>pipe
	for _ in $(seq 200); do [ "$(sync-status -d s -j | jq .writer.pid)" = null ] || break; sleep 0.05; done
	linked() { sync-status -d s -j | jq -r 'if .tenures_linked == .tenures_proven then .tenures_linked else "\(.tenures_linked) of \(.tenures_proven)" end'; }
	timeout 60 block-fetch -1 -o -F 2 -d s -u "${URLS[0]}" </dev/null 6>&- | block-verify -d s >&6
	exec 6>&-
	wait "${STARTED[1]}"
	some=$(linked)
	[ "$some" -gt 0 ]
	[ "$(sync-status -d s -j | jq .proven_height)" -eq "$(awk -F'\t' '$7 == 1 { h = $1 } END { print h }' "$CHAIN/blocks.tsv")" ]
	set -o pipefail
	timeout 60 block-fetch -1 -F 0 -d s -u "${URLS[0]}" </dev/null | keep s
	[ "$(stored s)" -eq "$wanted" ]
	[ "$(linked)" -gt "$some" ]
	run --separate-stderr timeout 20 block-fetch -1 -F 99 -d s -u "${URLS[0]}" </dev/null
	[ "$status" -eq 0 ]
	[[ "$stderr" == "block-fetch: nothing is wanted yet: what is wanted begins at burn height "*", cycle 99, and the burnchain view ends at "* ]]
}

@test "input passes through unchanged, in order" {
	printf '{"type":"hello","schema":1,"network":"%s","chain_id":%d,"stage":"test"}\n' "$(awk '$1 == "name" { print $2 }' "$CHAIN/network")" \
		"$(($(awk '$1 == "chain_id" { print $2 }' "$CHAIN/network")))" >lines
	printf '{"type":"address","address":"1.2.3.%d:4"}\n' 1 2 3 >>lines
	rec -r <lines >in
	timeout 20 block-fetch -d s -n "$CHAIN/network" <in | rec >out
	[ "$(sed -n 's/.*"address":"\([^"]*\)".*/\1/p' out | paste -sd' ')" = "1.2.3.1:4 1.2.3.2:4 1.2.3.3:4" ]
	head -n 1 out | grep -q '"hello".*"test"'
}

@test "a URL where nothing listens: 111 within seconds, one line names it and why" {
	serve_chain "$CHAIN" log honest
	seed s
	run --separate-stderr timeout 59 block-fetch -1 -d s -u http://127.0.0.1:1 </dev/null
	[ "$status" -eq 111 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ "${stderr_lines[0]}" = *"tenures missing"*"http://127.0.0.1:1: "*"connection"* ]]
}

@test "a block that nobody asked for is told by its header: what is behind it is not waited for" {
	serve_chain "$CHAIN" log wrongblock+stall=90 honest
	seed s
	set -o pipefail
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" -u "${URLS[1]}" </dev/null | keep s
	[ "$(stored s)" -eq "$wanted" ]
	test-tool faults s | grep -F "${URLS[0]}" | grep -q 'wrong block'
}

@test "what is no whole block yet is held up to a bound, of all sources together" {
	local held most=0 n=0
	serve_chain "$CHAIN" log $(printf 'keybomb+stall=98 %.0s' 1 2 3 4 5 6 7 8 9 10)
	seed s
	block-fetch -d s $(printf -- '-u %s ' "${URLS[@]}") </dev/null >/dev/null 2>err 3>&- &
	pid=$!
	STARTED+=($pid)
	for _ in $(seq 200); do has_signal $pid SigCgt 10 && break; sleep 0.05; done
	for _ in $(seq 400); do
		kill -USR1 $pid
		sleep 0.05
		held=$(sed -n 's/.* \([0-9]*\) bytes unfinished.*/\1/p' err | tail -n 1)
		[ "${held:-0}" -le "$most" ] || most=$held
		[ "$most" -gt 15000000 ] || continue
		[ $((++n)) -lt 40 ] || break
	done
	[ "$most" -gt 15000000 ]
	# The bound, and what was in the buffer that went above it.
	[ "$most" -le $(((32 << 20) + 3 * (4 << 20))) ] || { echo "$most"; return 1; }
}

@test "a URL that lacks what is asked is no fault" {
	serve_chain "$CHAIN" log withhold=50 honest
	seed s
	set -o pipefail
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" -u "${URLS[1]}" </dev/null | keep s
	[ "$(stored s)" -eq "$wanted" ]
	[ "$(test-tool faults s | wc -l)" -eq 0 ]
}

@test "a bad copy costs its source, not the block: the other source serves it" {
	serve_chain "$CHAIN" log badmerkle honest
	seed s
	set -o pipefail
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" -u "${URLS[1]}" </dev/null | keep s
	[ "$(stored s)" -eq "$wanted" ]
	test-tool faults s | grep -qF "${URLS[0]}"
	! test-tool faults s | grep -qF "${URLS[1]}" || false
}

@test "an empty store and no source: says so, 111" {
	run --separate-stderr timeout 20 block-fetch -1 -d s -n "$CHAIN/network" </dev/null
	[ "$status" -eq 111 ]
	[ "$stderr" = "block-fetch: no burnchain view in 's': run sortition-sync first" ]
}

@test "a tenure whose reward set is unknown waits and says so; -1 ends" {
	name=$(awk '$1 == "name" { print $2 }' "$CHAIN/network")
	serve_chain "$CHAIN" log honest
	printf '{"type":"hello","schema":1,"network":"%s","chain_id":%d,"stage":"test"}\n' "$name" "$(($(awk '$1 == "chain_id" { print $2 }' "$CHAIN/network")))" >lines
	timeout 30 sortition-sync -1 -d view -n "$CHAIN/network" -s "${URLS[0]}" | rec | grep '"type":"sortition"' >>lines
	rec -r <lines >in
	run --separate-stderr bash -c 'timeout 30 block-fetch -1 -d s -n "$CHAIN/network" -u "$0" <in >/dev/null' "${URLS[0]}"
	[ "$status" -eq 111 ]
	[[ "$stderr" = *"reward set is unknown"* ]]
}

@test "the reader goes away: 111, and what was in flight is asked for again" {
	serve_chain "$CHAIN" log honest
	seed s
	set +o pipefail
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" </dev/null 2>err | head -c 3000 >/dev/null
	set -o pipefail
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" </dev/null | keep s
	[ "$(stored s)" -eq "$wanted" ]
}

# crashing_sync ENV...: pipelines by hand whose judge crashes at $victim, until block-fetch ends by itself; six at most
crashing_sync() {
	for _ in 1 2 3 4 5 6; do
		(env "$@" timeout 60 block-fetch -1 -d s -u "${URLS[0]}" -u "${URLS[1]}" </dev/null 2>>err |
			BLOCKSYNC_TEST_CRASH=$victim block-verify -d s 2>/dev/null | block-store -d s >/dev/null) 2>/dev/null || true
		! grep -q "tenures missing" err || break
	done
}
victim() { awk -F'\t' 'NR > 20 && $7 == 1 { print $2; exit }' "$CHAIN/blocks.tsv"; }

@test "what is set aside is named, with the way to have it tried again; all else is synced" {
	serve_chain "$CHAIN" log honest
	seed s
	read -r ch id < <(awk -F'\t' 'NR > 20 && $7 == 1 { print $3, $2; exit }' "$CHAIN/blocks.tsv")
	test-tool aside s "$ch" "$id" "${URLS[0]}" "$(printf '%064d' 7)" "$(($(date +%s) + 86000))"
	(timeout 60 block-fetch -1 -d s -u "${URLS[0]}" </dev/null 2>err || [ $? = 111 ]) | keep s
	grep -q "1 of .* tenures missing.*setaside" err
	[ "$(stored s)" -ge $((wanted - 7)) ]
	sync-status -d s | grep -q "^  block $id from ${URLS[0]} set aside, 24 h left: .*block-fetch -R $id"
	[ "$(sync-status -d s -j | jq "[.unavailable[] | select(.block_id == \"$id\" and .until > $(date +%s))] | length")" -eq 1 ]
	timeout 20 block-fetch -d s -R "$id" </dev/null >out 2>err
	[ ! -s out ]
	grep -q "block $id may be tried again" err
	[ "$(test-tool verdicts s | wc -l)" -eq 0 ]
	set -o pipefail
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" </dev/null | keep s
	[ "$(stored s)" -eq "$wanted" ]
	timeout 20 block-fetch -d s -R "$id" </dev/null 2>err
	grep -q "block $id is not set aside" err
}

@test "whatever else ends a pipeline, however often, sets nothing aside and blames nobody" {
	serve_chain "$CHAIN" log honest honest
	seed s
	victim=$(victim)
	crashing_sync -u BLOCKSYNC_CRASHED
	! grep -q 'set aside' err || false
	[ "$(test-tool faults s | wc -l)" -eq 0 ]
	[ "$(sync-status -d s -j | jq '[.unavailable[] | select(.state == "setaside")] | length')" -eq 0 ]
	set -o pipefail
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" -u "${URLS[1]}" </dev/null | keep s
	[ "$(stored s)" -eq "$wanted" ]
}

@test "judges that crash at whatever block set nothing aside" {
	serve_chain "$CHAIN" log honest honest
	seed s
	wanted=$(timeout 60 block-fetch -1 -o -F 2 -d s -u "${URLS[0]}" </dev/null | ids | wc -l)
	for _ in $(seq 8); do
		BLOCKSYNC_CRASHED=block-verify timeout 60 block-fetch -1 -d s -u "${URLS[0]}" -u "${URLS[1]}" </dev/null 2>>err | head -c 2000 >/dev/null || true
	done
	! grep -q 'set aside' err || false
	[ "$(test-tool downloads s | grep -c 'suspect\|flight')" -gt 0 ]
	set -o pipefail
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" -u "${URLS[1]}" </dev/null | keep s
	[ "$(stored s)" -eq "$wanted" ]
	[ "$(test-tool faults s | wc -l)" -eq 0 ]
	[ "$(test-tool downloads s | grep -cv '	0\{64\}	')" -eq 0 ]
}

@test "what an earlier program set aside, or a day ago, is tried again; another copy is no matter" {
	serve_chain "$CHAIN" log honest honest
	seed s
	read -r ch id < <(awk -F'\t' 'NR > 20 && $7 == 1 { print $3, $2; exit }' "$CHAIN/blocks.tsv")
	read -r ch2 id2 < <(awk -F'\t' 'NR > 40 && $7 == 1 { print $3, $2; exit }' "$CHAIN/blocks.tsv")
	read -r ch3 id3 < <(awk -F'\t' 'NR > 60 && $7 == 1 { print $3, $2; exit }' "$CHAIN/blocks.tsv")
	hash=$(printf '%064d' 7)
	test-tool aside s "$ch" "$id" old-source
	test-tool aside s "$ch2" "$id2" "${URLS[0]}" "$hash" "$(date +%s)"
	test-tool aside s "$ch3" "$id3" another "$hash" "$(($(date +%s) + 3600))"
	set -o pipefail
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" -u "${URLS[1]}" </dev/null | keep s
	[ "$(stored s)" -eq "$wanted" ]
	[ "$(test-tool downloads s | cut -f2,4 | grep -v "^0\{64\}")" = "$id3	another" ]
	! test-tool verdicts s | grep "^$id" || false
	! test-tool faults s | grep old-source || false
	test-tool faults s | grep another
}

@test "a copy that is set aside at one source comes from another" {
	serve_chain "$CHAIN" log honest honest
	seed s
	read -r ch id < <(awk -F'\t' 'NR > 20 && $7 == 1 { print $3, $2; exit }' "$CHAIN/blocks.tsv")
	test-tool aside s "$ch" "$id" "${URLS[0]}" "$(printf '%064d' 7)" "$(($(date +%s) + 3600))"
	set -o pipefail
	timeout 60 block-fetch -1 -d s -u "${URLS[0]}" -u "${URLS[1]}" </dev/null | tee out | keep s
	[ "$(stored s)" -eq "$wanted" ]
	rec <out | grep "\"type\":\"block\",\"id\":\"$id\"" | grep -q "\"source\":\"${URLS[1]}\""
	[ "$(rec <out | grep -c "\"type\":\"block\",\"id\":\"$id\"")" -eq 1 ]
}

@test "broken input: one line, what came before is passed on, 111" {
	seq 1 100 >garbage
	run --separate-stderr timeout 20 block-fetch -d s -n "$CHAIN/network" <garbage
	[ "$status" -eq 111 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "wrong use is told, 100" {
	run -100 --separate-stderr block-fetch -1 -u ftp://somewhere -d s
	[[ "$stderr" = *"ftp://somewhere"* ]]
	run -100 --separate-stderr block-fetch -1 -u http:// -d s
	[[ "$stderr" = *"bad URL 'http://'"* ]]
	run -100 --separate-stderr block-fetch -F x -d s
	run -100 --separate-stderr block-fetch -R 12 -d s
	[[ "$stderr" = *"'12'"* ]]
	run -100 --separate-stderr block-fetch -1 -d nowhere </dev/null
	[[ "$stderr" = *"-n"* ]]
}
