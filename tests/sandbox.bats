#!/usr/bin/env bats
# Confinement: every program, in a build that tries each forbidden thing once it has confined itself, is refused it,
# and is left what its work needs.

bats_require_minimum_version 1.5.0

setup_file() {
	[ -n "$PROBE" ] || make -s PROBE=1 >/dev/null
}

setup() {
	BIN=${BIN:-$PWD/build/bin}
	HELPER=${HELPER:-$(dirname "$BIN")/helper}
	PROBE=${PROBE:-$PWD/build/probe/bin}
	NET=$PWD/tests/fixtures/transition.network
	cd "$BATS_TEST_TMPDIR" || return 1
	"$BIN/block-store" -1 -d d -n "$NET" </dev/null >/dev/null	# for those that only read
	export BLOCKSYNC_PROBE=1
}

teardown() { [ -z "${STARTED:-}" ] || kill "$STARTED" 2>/dev/null || true; }

# probe "WHAT IS ALLOWED" PROGRAM ARGUMENT...: that and nothing else.
probe() {
	local allowed=$1
	shift
	[ -x "$PROBE/$1" ] || skip "no $1 in this build"
	run --separate-stderr timeout 20 "$PROBE/$1" "${@:2}" </dev/null
	echo "$output"
	echo "$stderr"
	[ "$status" -eq 0 ]
	probed "$allowed" "$1"
}
# What was tried is in $output, what was refused in $stderr.
probed() {
	local allowed=$1 thing said
	for thing in open 'open /etc' stat create unlink truncate fallocate pwrite connect listen accept udp raw unix sendto 'packet filter' filter owner \
	    exec fork ptrace kill limit 'write and run' 'new code' 'shared write' memory hole \
	    namespace thread; do
		said=refused
		[[ ,$allowed, == *",$thing,"* ]] && said=ALLOWED
		[ "$(grep -c "^probe: $thing $said$" <<<"$output")" -eq 1 ] || { echo "$thing is not $said"; return 1; }
	done
	# each refused system call is named, once
	for thing in openat unlink execve clone ptrace kill fcntl ioctl ftruncate mmap mprotect madvise; do
		[[ $thing = openat && $allowed == *stat* ]] && continue
		[ "$(grep -c "^$2: refused system call '$thing'$" <<<"$stderr")" -eq 1 ]
	done
}

out='pwrite,connect'

@test "sortition-sync" { probe "$out" sortition-sync -d d -n "$NET" -s http://127.0.0.1:1; }
@test "sortition-sync with a node's database" {
	command -v sqlite3 >/dev/null || skip "no sqlite3"
	sqlite3 marf.sqlite <<-END >/dev/null
	PRAGMA journal_mode = WAL;
	CREATE TABLE snapshots(block_height, burn_header_hash, sortition_id PRIMARY KEY, parent_sortition_id, burn_header_timestamp, consensus_hash,
	    ops_hash, total_burn, sortition, winning_block_txid, winning_stacks_block_hash, pox_valid, miner_pk_hash);
	CREATE TABLE block_commits(txid, sortition_id, parent_block_ptr, new_seed);
	INSERT INTO snapshots(block_height, sortition_id, parent_sortition_id, consensus_hash, sortition, pox_valid)
	    VALUES($(sed -n "s/^first_burn_height //p" "$NET"), hex(zeroblob(32)), hex(zeroblob(32)), hex(zeroblob(20)), 0, 1);
	END
	probe "$out,stat,shared write" sortition-sync -d d -n "$NET" -s marf.sqlite
}
@test "public-ip" { probe "$out" public-ip -d d -n "$NET"; }
@test "inv-sync" { probe "$out" inv-sync -d d -n "$NET"; }
@test "the resolver of a program that connects" {
	run --separate-stderr env BLOCKSYNC_PROBE=resolver timeout 20 "$PROBE/inv-sync" -d d -n "$NET" </dev/null
	output=$(grep '^probe: ' <<<"$stderr")
	echo "$stderr"
	! grep -q WRONG <<<"$output" || false
	for thing in 'open /etc' stat udp sendto 'new code' thread; do grep -q "^probe: $thing ALLOWED$" <<<"$output"; done
	for thing in open create unlink truncate pwrite listen accept raw unix 'packet filter' owner exec fork ptrace kill limit 'write and run' \
	    'shared write' memory hole namespace; do
		grep -q "^probe: $thing refused$" <<<"$output"
	done
}
@test "block-fetch" { probe "$out" block-fetch -d d -n "$NET"; }
@test "block-verify" { probe thread block-verify -d d; }
@test "block-store" { probe pwrite,thread block-store -d d -n "$NET"; }
@test "anti-entropy" { probe "$out" anti-entropy -d d -n "$NET"; }
@test "pruner" { probe pwrite pruner -d d -n "$NET"; }
@test "block-serve" { probe pwrite,accept,thread block-serve -d d -n "$NET" -w 127.0.0.1:0; }
@test "rec" { probe '' rec; }

@test "block-cat and sync-status" {
	env -u BLOCKSYNC_PROBE "$BIN/block-store" -d d -n "$NET" < <(:)
	probe '' block-cat -d d -l
	probe '' sync-status -d d
}

@test "without Landlock: said in one line, seccomp refuses the same, the program works" {
	"$HELPER/old-kernel" "$PROBE/rec" </dev/null >out 2>err
	[ "$(grep -c 'ALLOWED' out)" -eq 0 ]
	[ "$(grep -c '^rec: no Landlock in this kernel: files are guarded by seccomp alone$' err)" -eq 1 ]
	"$HELPER/old-kernel" "$PROBE/inv-sync" -d d -n "$NET" </dev/null >out 2>err
	grep -q '^probe: create refused$' out
	echo '{"type":"hello"}' | "$HELPER/old-kernel" "$BIN/rec" -r 2>err | "$BIN/rec" | grep -q hello
	[ "$(cat err)" = 'rec: no Landlock in this kernel: files are guarded by seccomp alone' ]
}

@test "filters that fail: a kernel without them is said in one line, any other reason ends the program" {
	local error
	for error in 38 22; do	# ENOSYS, EINVAL
		echo '{"type":"hello"}' | "$HELPER/old-kernel" $error "$BIN/rec" -r 2>err | "$BIN/rec" | grep -q hello
		[ "$(cat err)" = 'rec: no seccomp in this kernel: system calls are not confined' ]
	done
	for error in 12 13 1; do	# ENOMEM, EACCES, EPERM
		run --separate-stderr -111 "$HELPER/old-kernel" $error "$BIN/rec" -r < <(echo '{"type":"hello"}')
		[[ $stderr == 'rec: cannot confine system calls: '* ]]
		[ -z "$output" ]
	done
	run --separate-stderr -111 "$HELPER/old-kernel" 12 "$BIN/inv-sync" -d d -n "$NET" </dev/null
	[[ $stderr == *'inv-sync: cannot confine system calls: '* ]]
}

@test "a program that only reads has data.mdb open for that alone" {
	[ "$(id -u)" = 0 ] || skip "only root looks into another process"
	local fd found=
	mkfifo in
	exec 8<>in
	env -u BLOCKSYNC_PROBE "$BIN/block-verify" -d d <in >out 8>&- 3>&- &
	STARTED=$!
	until grep -q '^Seccomp:[[:space:]]*2' /proc/$!/status; do kill -0 $!; sleep 0.05; done
	for fd in /proc/$!/fd/*; do
		[[ $(readlink "$fd") == */data.mdb ]] || continue
		found=1
		[[ $(sed -n 's/^flags:[[:space:]]*//p' "/proc/$!/fdinfo/${fd##*/}") == *0 ]]
	done
	kill "$STARTED"
	wait "$STARTED"
	[ -n "$found" ]
}
