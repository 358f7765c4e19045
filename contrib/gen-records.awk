# From records.def: -v what=header (structs and numbers), tables (field tables in C), records or store (man page tables).
# Run by make; see the head of common/rec/records.def for the language.

function fail(msg) { printf "records.def:%d: %s\n", NR, msg > "/dev/stderr"; failed = 1; exit 1 }
function quoted(s) { return match(s, /"[^"]*"/) ? substr(s, RSTART + 1, RLENGTH - 2) : "" }

/^#/ || /^[ \t]*$/ { next }
$1 == "SCHEMA" { schema = $2; next }
$1 == "record" || $1 == "row" {
	if ($3 in taken) fail("number " $3 " is taken")
	taken[$3] = 1
	t = ++types
	kind[t] = $1; name[t] = $2; number[t] = $3; text[t] = quoted($0); fields[t] = 0
	next
}
/^[ \t]/ {
	f = ++fields[t]
	fname[t, f] = $1; ftype[t, f] = $2; fmax[t, f] = $3 ~ /^[0-9]+$/ ? $3 : 0; ftext[t, f] = quoted($0)
	if (!($2 ~ /^(bool|u32|u64|bytes20|bytes32|bytes33|bytes|str|list20|list32|list33|listu32)$/)) fail("unknown type " $2)
	if ($2 ~ /^(bytes|str|list20|list32|list33|listu32)$/ && !fmax[t, f]) fail($1 " needs a bound")
	next
}
{ fail("neither record, row nor field") }

END {
	if (failed) exit 1
	if (what == "header") header()
	else if (what == "tables") tables()
	else man()
}

function ctype(t, f,   y) {
	y = ftype[t, f]
	if (y == "bool") return "bool " fname[t, f]
	if (y == "u32") return "uint32_t " fname[t, f]
	if (y == "u64") return "uint64_t " fname[t, f]
	if (y ~ /^bytes[0-9]/) return "uint8_t " fname[t, f] "[" substr(y, 6) "]"
	return "struct rec_view " fname[t, f]
}

function header(   t, f) {
	print "/* Made from records.def by gen-records.awk. */"
	printf "#define REC_SCHEMA %d\nenum rec_type {\n", schema
	for (t = 1; t <= types; t++) printf "\tREC_%s = %d,\n", toupper(name[t]), number[t]
	print "};"
	for (t = 1; t <= types; t++) {
		printf "struct rec_%s {\t/* %s */\n", name[t], text[t]
		for (f = 1; f <= fields[t]; f++) printf "\t%s;%s\n", ctype(t, f), ftext[t, f] == "" ? "" : "\t/* " ftext[t, f] " */"
		print "};"
	}
	print "union rec_any {"
	for (t = 1; t <= types; t++) printf "\tstruct rec_%s %s;\n", name[t], name[t]
	print "};"
}

function tables(   t, f) {
	print "/* Made from records.def by gen-records.awk. */"
	for (t = 1; t <= types; t++) {
		printf "static const struct rec_field fields_%s[] = {\n", name[t]
		for (f = 1; f <= fields[t]; f++)
			printf "\t{ \"%s\", F_%s, offsetof(struct rec_%s, %s), %d },\n", fname[t, f], toupper(ftype[t, f]), name[t], fname[t, f], fmax[t, f]
		print "};"
	}
	print "static const struct rec_schema schemas[] = {"
	for (t = 1; t <= types; t++)
		printf "\t{ \"%s\", %d, %s, fields_%s, %d, sizeof(struct rec_%s) },\n", name[t], number[t], kind[t] == "row" ? "true" : "false", name[t], fields[t], name[t]
	print "};"
}

function man(   t, f) {
	for (t = 1; t <= types; t++) {
		if (what == "records" && kind[t] != "record" || what == "store" && kind[t] != "row" && text[t] !~ /(row|table)/) continue
		printf ".Ss %s (%d)\n", name[t], number[t]
		if (text[t] != "") printf "%s%s.\n", toupper(substr(text[t], 1, 1)), substr(text[t], 2)
		print ".Bl -column \"parent_sortition_id\" \"listu32 4000\" \"description\" -compact"
		for (f = 1; f <= fields[t]; f++)
			printf ".It Va %s Ta %s%s Ta %s\n", fname[t, f], ftype[t, f], fmax[t, f] ? " " fmax[t, f] : "", ftext[t, f]
		print ".El"
	}
}
