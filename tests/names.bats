#!/usr/bin/env bats
# Names of peers: they are resolved by a process of its own, which follows the system's files.
bats_require_minimum_version 1.5.0
load common

setup_file() {
	CHAIN=$(small_chain)
	export CHAIN
	cd "$BATS_FILE_TMPDIR" || exit 1
	serve_chain "$CHAIN" log honest
	timeout 60 sortition-sync -1 -q -d view -n "$CHAIN/network" -s "${URLS[0]}" >/dev/null
	stop_started
}

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	cp -r "$BATS_FILE_TMPDIR/view" store
}

teardown() { stop_started; }

# An /etc of our own, in which files may be replaced, for one command: in_etc COMMAND...
own_etc() {
	[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || skip "needs root and mount namespaces"
	mkdir etc
	printf 'hosts: files dns\n' >etc/nsswitch.conf
	printf '127.0.0.1 localhost\n127.0.0.1 stacks-node\n' >etc/hosts
	: >etc/resolv.conf
	cp /etc/ld.so.cache etc
}
in_etc() { exec unshare -m sh -c 'mount --bind etc /etc && exec "$@"' sh "$@"; }

# name_server MODE: one at an address of its own; sets NS
name_server() {
	NS=127.66.$((RANDOM % 250)).$((1 + RANDOM % 250))
	name-server "$NS" "$1" >"ns-$NS" 2>&1 3>&- &
	STARTED+=($!)
	for _ in $(seq 100); do grep -q ready "ns-$NS" && return; sleep 0.05; done
	return 1
}
# within COMMAND...: until it succeeds, for 20 s
within() { for _ in $(seq 200); do "$@" && return; sleep 0.1; done; return 1; }

@test "a name is found after the network came up, by a file that was replaced" {
	own_etc
	serve_chain "$CHAIN" log honest
	name_server answers
	in_etc inv-sync -d store -p "${KEYS[0]}@peer.test:${P2P[0]#*:}" </dev/null >records 2>err 3>&- &
	STARTED+=($!)
	within grep -q "cannot resolve 'peer.test" err
	echo "nameserver $NS" >etc/new
	mv etc/new etc/resolv.conf
	within grep -q authenticated log
	within grep -q "is resolved now" err
	[ "$(wc -l <err)" = 2 ]
}

@test "the second name server is asked where the first is dead; a dead one alone is said to be that, once" {
	own_etc
	serve_chain "$CHAIN" log honest
	name_server silent
	printf 'nameserver %s\noptions timeout:1 attempts:1\n' "$NS" >etc/resolv.conf
	(in_etc timeout 60 inv-sync -1 -d store -p "${KEYS[0]}@peer.test:${P2P[0]#*:}") </dev/null 2>err | rec >out
	[ "$(cat err)" = "inv-sync: cannot resolve 'peer.test:${P2P[0]#*:}': Temporary failure in name resolution" ]
	[ "$(jq -r 'select(.type == "fault") | .who + " " + .what' out)" = "peer.test:${P2P[0]#*:} cannot resolve" ]
	name_server answers
	sed -i "1a nameserver $NS" etc/resolv.conf
	(in_etc timeout 60 inv-sync -1 -d store -p "${KEYS[0]}@peer.test:${P2P[0]#*:}") </dev/null 2>err | rec >out
	[ ! -s err ]
	[ "$(jq -r 'select(.type == "peer") | .dialled' out | tail -n 1)" = "${P2P[0]}" ]
}

@test "sources and URLs are found by name, and a name that is unknown is said to be that" {
	own_etc
	serve_chain "$CHAIN" log honest
	name_server answers
	echo "nameserver $NS" >etc/resolv.conf
	(in_etc timeout 60 blocksync -1 -q -d new -n "$CHAIN/network" -s "http://peer.test:${URLS[0]##*:}" -p "${P2P[0]}") 2>err
	diff <(listed new) <(canonical "$CHAIN")
	in_etc block-fetch -1 -d store -u http://unknown.test:1 </dev/null 2>err 3>&- &
	STARTED+=($!)
	within grep -q "^block-fetch: cannot resolve 'unknown.test': Name or service not known$" err
}

@test "a node of a private network is dialled by its name, and its blocks come from the address that it has" {
	own_etc
	serve_chain "$CHAIN" log honest
	(in_etc timeout 60 blocksync -1 -q -d new -n "$CHAIN/network" -s "${URLS[0]}" -p "${KEYS[0]}@stacks-node:${P2P[0]#*:}") 2>err
	diff <(listed new) <(canonical "$CHAIN")
}

@test "a name of the network file does not lead into private space; one of the operator does" {
	own_etc
	serve_chain "$CHAIN" log honest
	{ sed 's/^private_peers.*/private_peers 0/' "$CHAIN/network"; echo "bootstrap ${KEYS[0]}@stacks-node:${P2P[0]#*:}"; } >public.network
	(in_etc timeout 60 inv-sync -1 -d store -n public.network) </dev/null 2>err | rec >out
	grep -q "cannot resolve 'stacks-node:.*private" err
	run ! grep authenticated log
	(in_etc timeout 60 inv-sync -1 -d store -n public.network -p "stacks-node:${P2P[0]#*:}") </dev/null 2>err | rec >out
	grep -q authenticated log
}

# started: an inv-sync whose input is open; sets INV, and CHILD, its resolver, which has left its parent
started() {
	inv-sync -d store <in >records 2>err 3>&- &
	INV=$!
	STARTED+=("$INV")
	exec 8>in
	within grep -qs '[0-9]' "/proc/$INV/task/$INV/children"
	CHILD=$(tr -dc 0-9 <"/proc/$INV/task/$INV/children")
	within grep -qx resolver "/proc/$CHILD/comm"
}

@test "the resolver holds nothing of its parent's, and dies with it" {
	[ "$(id -u)" = 0 ] || skip "needs root: nobody else may look into these processes"
	mkfifo in
	started
	# stdin and stdout are nobody's, stderr is the parent's, and the socket is all else
	left() { [ "$(echo /proc/"$CHILD"/fd/* | tr -dc '0-9 ' | sed "s/$CHILD//g")" = "0 1 2 3" ]; }
	within left
	[ "$(readlink "/proc/$CHILD/fd/0" "/proc/$CHILD/fd/1" | sort -u)" = /dev/null ]
	[[ $(readlink "/proc/$CHILD/fd/3") == socket:* ]]
	kill -9 "$INV"
	exec 8>&-
	gone() { [ ! -e "/proc/$CHILD" ] || grep -q '^State:.*Z' "/proc/$CHILD/status"; }	# whoever collects it may take its time
	within gone
}

@test "the death of the resolver is said, and ends its parent with 111" {
	mkfifo in
	started
	kill -9 "$CHILD"
	rc=0
	wait "$INV" || rc=$?
	[ "$rc" = 111 ]
	exec 8>&-
	[ "$(cat err)" = "inv-sync: the resolver died: names cannot be resolved any more" ]
}
