#!/usr/bin/env bats
# The manual is the contract: each program's -h says what its page's SYNOPSIS says, and each page is well formed.

bats_require_minimum_version 1.5.0

setup() {
	BIN=${BIN:-$PWD/build/bin}
	MAN=$BATS_TEST_DIRNAME/../man
}

# The SYNOPSIS of a page in one space-separated line.
synopsis() {
	mandoc -Tascii -O width=400 "$1" | sed 's,.\x08,,g' | sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' | sed '1d;$d' | tr -s ' \n' ' '
}

@test "usage equals SYNOPSIS" {
	command -v mandoc >/dev/null || skip "no mandoc"
	for p in "$BIN"/*; do
		name=$(basename "$p")
		usage=$("$p" -h | sed 's/^usage://' | tr -s ' \n' ' ')
		[ "$usage" = "$(synopsis "$MAN/$name.1")" ] || { echo "$name: '$usage' is not '$(synopsis "$MAN/$name.1")'"; return 1; }
	done
}

@test "every letter of a usage is described in its page" {
	command -v mandoc >/dev/null || skip "no mandoc"
	for p in "$BIN"/*; do
		name=$(basename "$p")
		for letter in $("$p" -h | grep -oE '[ []-[1a-zA-Z]+' | tr -d ' [-' | grep -o . | sort -u); do
			grep -qE "^\.It .*Fl ([1a-zA-Z] , )*$letter( |\$)" "$MAN/$name.1" || { echo "$name: no -$letter in its page"; return 1; }
		done
	done
}

@test "bash completes the letters of each usage, and no others" {
	# shellcheck disable=SC1091
	. "$BATS_TEST_DIRNAME/../contrib/completion/blocksync.bash"
	for p in "$BIN"/*; do
		name=$(basename "$p")
		want=$({ "$p" -h | grep -oE '[ []-[1a-zA-Z]+' | tr -d ' [-' | grep -o .; printf '%s\n' d h q v V n; } | sort -u)
		COMP_WORDS=("$name" -) COMP_CWORD=1 COMPREPLY=()
		_blocksync
		[ -n "${COMPREPLY[*]}" ] || { echo "$name: nothing is completed"; return 1; }
		for letter in ${COMPREPLY[*]//-/}; do
			grep -qx "$letter" <<<"$want" || { echo "$name has no -$letter"; return 1; }
		done
		for letter in $("$p" -h | grep -oE '[ []-[1a-zA-Z]+' | tr -d ' [-' | grep -o .); do
			[[ " ${COMPREPLY[*]} " = *" -$letter "* ]] || { echo "$name: -$letter is not completed"; return 1; }
		done
	done
}

@test "each reason of a verdict is told in blocksync(7)" {
	words=$(sed -n 's/^\tX([A-Z0-9]*, "\([a-z0-9]*\)".*/\1/p' "$BATS_TEST_DIRNAME/../common/chain/reason.h")
	[ "$(wc -w <<<"$words")" -gt 40 ]
	for word in $words; do
		[ "$word" = ok ] || grep -qw "$word" "$MAN/blocksync.7" || { echo "no '$word'"; return 1; }
	done
}

@test "-V, -h, and a wrong option" {
	for p in "$BIN"/*; do
		run -0 --separate-stderr "$p" -V
		[[ "$output" == *"$(basename "$p")"*[0-9].[0-9]* ]]
		run -0 --separate-stderr "$p" -h
		[[ "$output" == "usage: "* ]]
		run -100 --separate-stderr "$p" -Z
		[ -n "$stderr" ]
		[ "$output" = "" ]
	done
}

@test "-1 is wrong use of a program that makes no passes, and not taken in silence" {
	for p in "$BIN"/*; do
		"$p" -h | grep -q -e '\[-1' && continue
		run -100 --separate-stderr "$p" -1
		[[ "$stderr" == *"'1'"* ]]
	done
}

@test "pages are well formed" {
	command -v mandoc >/dev/null || skip "no mandoc"
	for m in "$MAN"/*.[157] "$BIN"/../man/*.5; do
		run mandoc -Tlint -W warning "$m"
		[ -z "$(printf '%s\n' "$output" | grep -v 'unknown manual')" ] || { echo "$output"; return 1; }
	done
}
