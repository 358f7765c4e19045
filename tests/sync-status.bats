#!/usr/bin/env bats
# sync-status in each state of a sync: whether its figures are true, in words and as JSON.
bats_require_minimum_version 1.5.0
load common

setup_file() {
	CHAIN=$(small_chain)
	export CHAIN
}

setup() { cd "$BATS_TEST_TMPDIR" || exit 1; }
teardown() { stop_started; }

status() { sync-status -d store -j | jq -r "$1"; }
blocks() { canonical "$CHAIN" | wc -l; }
tenures() { awk -F'\t' 'NR > 1 && $7 == 1 { print $3 }' "$CHAIN/blocks.tsv" | sort -u | wc -l; }
until_mode() {
	for _ in $(seq 300); do [ "$(status .mode 2>/dev/null)" = "$1" ] && return 0; sleep 0.1; done
	status .mode
	return 1
}
# sync SPEC...: one pass from these peers; the first one tells the burnchain view
sync() {
	local args=() i
	serve_chain "$CHAIN" log "$@"
	for i in "${!KEYS[@]}"; do args+=(-p "${KEYS[i]}@${P2P[i]}"); done
	timeout 60 blocksync -1 -q -d store -n "$CHAIN/network" -s "${URLS[0]}" "${args[@]}" 2>err
}

@test "an empty store" {
	run -100 sync-status -d store -n "$CHAIN/network"	# whoever only looks makes nothing
	[ ! -e store ]
	block-store -d store -n "$CHAIN/network" < <(:) >/dev/null
	sync-status -d store >words
	grep -q '^mode      stopped$' words
	grep -q '^burn tip  none yet$' words
	grep -q '^proven    nothing yet$' words
	grep -q 'no burnchain view yet: run sortition-sync$' words
	[ "$(status '[.mode, .burn_tip, .proven_height, .proven_tip, .held, .eta] | tostring')" = '["stopped",null,null,null,0,null]' ]
}

@test "a source that never answered is told of, and not that nobody asked" {
	serve_chain "$CHAIN" log status=403
	run -111 --separate-stderr timeout 60 blocksync -1 -q -d store -n "$CHAIN/network" -s "$URLS"
	[ "${#stderr_lines[@]}" -eq 1 ]
	sync-status -d store >words
	grep -q 'no burnchain view yet: see what its sources did, below$' words
	grep -q "$URLS: useless, no answer, 1 times: status 403 for '/v2/info'" words
	[ "$(status '[.wanted, .view] | tostring')" = '[null,{}]' ]
}

@test "a view that was made up from some height on: what is wanted is not known, and not nothing" {
	serve_chain "$CHAIN" log liesortition=110
	run -111 timeout 60 blocksync -1 -q -d store -n "$CHAIN/network" -s "$URLS" -u "$URLS"
	[ "$(status .wanted)" = null ]
	run ! jq -e '.wanted == 0' <<<"$(sync-status -d store -j)"
}

@test "a sync that is done says so, and that it has ended" {
	sync honest
	[ "$(status .mode)" = stopped ]
	[ "$(status '[.held, .tenures_held, .tenures_proven, .tenures_linked, .wanted, .tenures_done] | tostring')" = \
		"[$(blocks),$(tenures),$(tenures),$(tenures),0,$(tenures)]" ]
	[ "$(status .proven_tip)" = "$(awk -F'\t' '$7 == 1 { id = $2 } END { print id }' "$CHAIN/blocks.tsv")" ]
	[ "$(status .burn_tip)" = "$(jq -s 'map(select((.fork // 0) == 0).burn_block_height) | max' "$CHAIN/sortitions.jsonl")" ]
	[ "$(status '[.rate, .byte_rate, .eta, .sources_in_use] | tostring')" = '[0,0,null,0]' ]
	[ "$(status .view.sources)" = "${URLS[0]}" ]
	[ "$(status '[.peers[] | select(.state == "up")] | length')" = "$(status .peers_up)" ]
	sync-status -d store >words
	grep -q '^mode      stopped, 100.0 %$' words
	grep -q "^view      from ${URLS[0]}, trusted on its own word$" words
	grep -q '^peers     1 known, 1 up when last seen$' words
	grep -q '^faults    0$' words
}

@test "while it follows" {
	serve_chain "$CHAIN" log honest
	blocksync -q -d store -n "$CHAIN/network" -s "${URLS[0]}" -p "${KEYS[0]}@${P2P[0]}" >/dev/null 2>err 3>&- &
	STARTED+=("$!")
	for _ in $(seq 100); do [ "$(status '.mode + " " + (.wanted | tostring) + " " + (.held | tostring)' 2>/dev/null)" = "following 0 $(blocks)" ] && break; sleep 0.1; done
	[ "$(status .mode)" = following ]
	[ "$(status '.peers[0].state')" = up ]
	sync-status -d store | grep -q '^peers     1 known, 1 up$'
	stop_started
	[ "$(status .mode)" = stopped ]
}

@test "the only peer is dead: all that the view names is wanted, and the crontab's check speaks up" {
	serve_chain "$CHAIN" log honest
	rc=0
	timeout 60 blocksync -1 -q -d store -n "$CHAIN/network" -s "${URLS[0]}" -p "${KEYS[0]}@127.0.0.1:9" 2>err || rc=$?
	[ "$rc" -eq 111 ]
	[ "$(status '[.wanted, .wanted_exact, .tenures_wanted, .tenures_done] | tostring')" = "[$(tenures),false,$(tenures),0]" ]
	sync-status -d store | grep -q "^wanted    at least $(tenures) blocks; 0 of $(tenures) tenures done\$"
	sync-status -d store | grep -q '^mode      stopped, 0.0 %$'
	# who is dead is named by address, with the reason, at the end and in the status
	grep -qx 'inv-sync: no peer is up: 127.0.0.1:9: cannot connect: Connection refused' err
	[ "$(status .peers_down)" = '127.0.0.1:9: cannot connect: Connection refused' ]
	sync-status -d store | grep -qx 'down      127.0.0.1:9: cannot connect: Connection refused'
	line=$(grep 'sync-status' "$ROOT/contrib/cron/blocksync" | tail -n 1 | cut -d' ' -f7-)
	line=${line//\/usr\/local\/bin\//$BIN/} line=${line//\/var\/lib\/blocksync/$PWD/store}
	[ "$(sh -c "$line")" = "blocksync: it lags, see sync-status" ]
	timeout 60 blocksync -1 -q -d store -s "${URLS[0]}" "${PEERS[@]}"
	[ "$(status .peers_down)" = null ]
	[ "$(sh -c "$line")" = "" ]
}

@test "its peers die, then its source: it does not follow, but wait, and says for whom and since when" {
	serve_chain "$CHAIN" sourcelog honest
	source=$PEER_PID url=${URLS[0]}
	serve_chain "$CHAIN" log honest
	blocksync -q -d store -n "$CHAIN/network" -s "$url" "${PEERS[@]}" >/dev/null 2>err 3>&- &
	run=$!
	STARTED+=("$run")
	until_mode following
	kill "$PEER_PID"
	until_mode waiting
	[[ "$(status .reason)" == "no peer is up"* ]]
	[ "$(status '[.rate, .byte_rate, .eta] | tostring')" = "[0,0,null]" ]
	[ "$(status .since)" -gt 1700000000 ]
	kill "$source"
	for _ in $(seq 300); do [[ "$(status .reason)" == "0 of 1 sources"* ]] && break; sleep 0.1; done
	sync-status -d store | grep -q '^mode      waiting since 20.* UTC, 100.0 % of what is known: 0 of 1 sources that must agree on the burnchain view answer$'
	# a restart does not take the last run's word for it
	kill "$run"
	wait "$run"
	blocksync -q -d store -n "$CHAIN/network" -s "$url" "${PEERS[@]}" >/dev/null 2>err 3>&- &
	STARTED+=("$!")
	until_mode waiting
}

@test "what nobody has is in the way, with its reason, and who claimed it is named" {
	rc=0
	sync withhold=40 || rc=$?
	[ "$rc" -eq 111 ]
	grep -q "; ${KEYS[0]} at ${URLS[0]}: 404\$" err
	lost=$(status '[.unavailable[] | select(.state == "unavailable")] | length')
	[ "$lost" -gt 0 ]
	[ "$(status .tenures_done)" -lt "$(status .tenures_wanted)" ]
	[ "$(status .wanted)" -gt 0 ]
	[ "$(status '[.unavailable[] | select(.why == "")] | length')" -eq 0 ]
	[ "$(status '.faults[0].who')" = "${KEYS[0]}" ]
	sync-status -d store >words
	grep -A1 '^in the way$' words | grep -q '^  tenure [0-9a-f]\{40\} [a-z]*: .'
	grep -q "^faults    [1-9]" words
	grep -q "^  ${KEYS[0]}: useless, " words
}

@test "an archive alone, with a hole: held and proven are not linked, and no source confirms it" {
	sync honest
	block-cat -d store -x all.rec
	hole=$(awk -F'\t' 'NR > 1 { print $3 }' "$CHAIN/blocks.tsv" | uniq | sed -n 20p)
	rec <all.rec | jq -c --arg ch "$hole" 'select(.type != "block" or .consensus_hash != $ch)' | rec -r >part.rec
	rm -r store
	block-cat -d store -i part.rec
	lost=$(awk -F'\t' -v ch="$hole" '$3 == ch' "$CHAIN/blocks.tsv" | wc -l)
	[ "$(status .held)" = $(($(blocks) - lost)) ]
	[ "$(status .tenures_linked)" = 19 ]
	# the tenure above the hole says how many blocks there are in it
	[ "$(status '[.wanted, .wanted_exact] | tostring')" = "[$lost,true]" ]
	[ "$(status .tenures_proven)" -gt 19 ]
	[ "$(status .proven_height)" = "$(awk -F'\t' -v ch="$hole" '$3 == ch { print $1 - 1; exit }' "$CHAIN/blocks.tsv")" ]
	[ "$(status '[.mode, .view.confirmed, .view.at_tip] | tostring')" = '["stopped",false,false]' ]
	sync-status -d store | grep -q 'alone: not confirmed by any source$'
}

@test "wrong use, and nobody to tell" {
	run -100 --separate-stderr sync-status -d nothing
	[[ $stderr == "sync-status: there is no store in 'nothing'"* ]]
	run -100 --separate-stderr sync-status -d nothing more
	block-store -d store -n "$CHAIN/network" < <(:) >/dev/null
	run -111 --separate-stderr bash -c 'sync-status -d store >/dev/full'
	[ "$stderr" = 'sync-status: cannot write to standard output: No space left on device' ]
}

@test "an archive alone: all is proven, and no source has confirmed the view" {
	block-cat -d store -i "$ROOT/tests/fixtures/transition.rec"
	[ "$(status '[.held, .tenures_proven, .tenures_linked, .view.confirmed] | join(" ")')" = '700 47 47 false' ]
	sync-status -d store >words
	grep -q '^view .* alone: not confirmed by any source$' words
	run ! grep -q "sources' tip" words	# there is none
	block-serve -d store -w 127.0.0.1:0 >serving 2>/dev/null 3>&- &
	STARTED+=($!)
	for _ in $(seq 100); do grep -q ^http serving && break; sleep 0.05; done
	url=$(awk '{ print "http://" $2 }' serving)
	sortition-sync -1 -q -d store -s "$url" >/dev/null </dev/null
	[ "$(status '[.view.sources, .view.confirmed] | join(" ")')" = "$url true" ]
	sync-status -d store | grep -q "^view .* from $url, trusted on its own word\$"
}

@test "a directory where a file of the store belongs is wrong use, one line" {
	for name in data.mdb lock.mdb lock key; do
		rm -rf store
		mkdir -p store/$name
		run -100 --separate-stderr timeout 20 blocksync -1 -q -d store -n "$CHAIN/network" -s http://127.0.0.1:9
		[[ "$stderr" == *"Is a directory"* ]] && [ "${#stderr_lines[@]}" -eq 1 ]
	done
}

@test "each member of the JSON object is told in the manual" {
	block-store -d store -n "$CHAIN/network" < <(:) >/dev/null
	status 'keys[]' >members
	[ "$(wc -l <members)" -gt 20 ]
	while read -r member; do
		grep -qE "^\.It Va (.* , )?$member( ,|\$)" "$ROOT/man/sync-status.1" || { echo "no $member"; return 1; }
	done <members
}
