#!/usr/bin/env bats
# What schema 2 wrote is taken as it is: a stream of every kind of record, an archive, and a store with peers, inventories,
# faults, verdicts, downloads and tenures.  (damage.bats: a store of schema 1.)
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0
load common

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	gzip -dc "$ROOT/tests/fixtures/flow-2.rec.gz" >flow
	gzip -dc "$ROOT/tests/fixtures/archive-2.rec.gz" >archive
	mkdir store
	gzip -dc "$ROOT/tests/fixtures/store-2.mdb.gz" >store/data.mdb
}
teardown() { stop_started; }

# rows STORE: what the tables about others hold
rows() { for table in verdicts faults downloads uploads tenures; do test-tool "$table" "$1"; done; }
# as_schema_2: lines of records without what schema 3 added
as_schema_2() { sed 's/^{"type":"hello","schema":3,/{"type":"hello","schema":2,/; s/,"model":"nakamoto","kind":"body"}$/}/'; }

@test "a stream is printed as schema 2 printed it, and comes back byte for byte" {
	rec <flow >lines
	[ "$(cksum <lines)" = "513780250 38040" ]
	run -1 grep raw lines
	rec -r <lines | cmp - flow
}

@test "an archive is imported; exported again it differs in the schema's number and what was added" {
	block-cat -d new -i archive
	block-cat -d new -l >list
	[ "$(cksum <list)" = "3364862616 2827" ]
	# what schema 2 exported after the same import
	block-cat -d new -x new.rec
	rec <new.rec | as_schema_2 >lines
	[ "$(cksum <lines)" = "546536204 62502" ]
	[ "$(rec <new.rec | grep -c '^{"type":"block".*,"model":"nakamoto","kind":"body"}$')" -eq 25 ]
	# and of the store that it had written
	rec <archive >lines
	block-cat -d store -x - | rec | as_schema_2 | cmp - lines
}

@test "the rows of a store are read as they are, and nothing is fetched again" {
	rows store >rows
	[ "$(cksum <rows)" = "406129500 1986" ]
	[ "$(sync-status -d store | grep 127.0.0.1 | cksum)" = "1363002210 725" ]
	timeout 20 block-fetch -1 -d store -u http://127.0.0.1:1 </dev/null >fetched
	timeout 20 block-store -d store <flow >told
	rec <fetched >lines
	run -1 grep -E '"type":"(want|block)"' lines
	# its own words of what was stored have all fields, the stream's have not: none is its own
	rec <told >lines
	run -1 grep -E '"type":"stored".*"kind"' lines
	[ "$(block-cat -d store -l | cksum)" = "3364862616 2827" ]
	# block-fetch forgets that a tenure was set aside, and asks for it where it is wanted
	sed -i '/^dd.*setaside/d' rows
	rows store | cmp - rows
}

@test "a row is found again by its key: a fault is counted on, and makes no second row" {
	rows store >rows
	test-tool aside store "$(printf 'aa%.0s' {1..20})" "$(printf 'bb%.0s' {1..32})" somebody "$(printf 'cc%.0s' {1..32})" 4102444800
	sed -i 's/^somebody.invalid.setaside.2..0*$/somebody\tinvalid\tsetaside\t3\t\tblock '"$(printf 'bb%.0s' {1..32})"'/' rows
	rows store | cmp - rows
}
