# From records.def: -v what=enums (plain C, includes nothing), header (structs and numbers), tables (field tables in C),
# records or store (man page tables).  Run by make; see the head of common/rec/records.def for the language.

function fail(msg) { printf "records.def:%d: %s\n", NR, msg > "/dev/stderr"; failed = 1; exit 1 }
function quoted(s) { return match(s, /"[^"]*"/) ? substr(s, RSTART + 1, RLENGTH - 2) : "" }

# t is the record or row whose fields follow, 0 within an enum; e is the enum.
/^#/ || /^[ \t]*$/ { next }
$1 == "SCHEMA" { schema = $2; next }
$1 == "enum" {
	e = $2; prefix = NF > 2 ? $3 "_" : ""; t = 0
	enum_name[++n_enums] = e; values[e] = 0
	next
}
$1 == "record" || $1 == "row" {
	if ($3 in taken) fail("number " $3 " is taken")
	taken[$3] = 1
	t = ++types
	kind[t] = $1; name[t] = $2; number[t] = $3; text[t] = quoted($0); fields[t] = 0
	next
}
/^[ \t]/ && !t { read_name(); next }
/^[ \t]/ {
	f = ++fields[t]
	fname[t, f] = $1; ftype[t, f] = $2; fmax[t, f] = $3 ~ /^[0-9]+$/ ? $3 : 0; ftext[t, f] = quoted($0)
	if (!($2 ~ /^(bool|u32|u64|bytes20|bytes32|bytes33|bytes|str|list20|list32|list33|listu32|enum)$/)) fail("unknown type " $2)
	if ($2 ~ /^(bytes|str|list20|list32|list33|listu32)$/ && !fmax[t, f]) fail($1 " needs a bound")
	if ($2 == "enum") {
		if (!($3 in values)) fail("no enum " $3 " above")
		fenum[t, f] = $3; fmax[t, f] = values[$3] - 1	# an enum's greatest number
	}
	next
}
{ fail("neither enum, record, row nor field") }

END {
	if (failed) exit 1
	if (what == "enums") enums()
	else if (what == "header") header()
	else if (what == "tables") tables()
	else man()
}

# A line of an enum: values[e] is how many there are, value[e, v] the name of number v, constant[e, v] what C calls it, and
# vtext[e, v] what it means.
function read_name(   rest, w) {
	rest = $0
	sub(/^[ \t]+/, "", rest)
	if (!e || rest !~ /^("[^"]*"|[a-z0-9]+)[ \t]+"[^"]*"$/) fail("neither enum, record, row nor field")
	match(rest, /^("[^"]*"|[a-z0-9]+)[ \t]+/)
	w = substr(rest, 1, RLENGTH)
	vtext[e, values[e]] = quoted(substr(rest, RLENGTH + 1))
	gsub(/^"|"?[ \t]*$/, "", w)
	value[e, values[e]] = w
	w = w == "" ? "none" : w
	gsub(/[^a-z0-9]/, "_", w)
	constant[e, values[e]++] = prefix toupper(w)
}

# The names of an enum as the manual pages list them.
function value_list(e,   i, s) {
	for (i = 0; i < values[e]; i++) s = s (i ? ", " : "") (value[e, i] == "" ? "empty" : value[e, i])
	return s
}

function enums(   i, j, e) {
	print "/* Made from records.def by gen-records.awk: what fields of records may hold. */"
	print "/* TYPE_name(): the name that stands in records and rows; \"?\" for a number that has none. */"
	print "#ifndef BLOCKSYNC_ENUMS_H\n#define BLOCKSYNC_ENUMS_H"
	for (i = 1; i <= n_enums; i++) {
		e = enum_name[i]
		printf "enum %s {\n", e
		for (j = 0; j < values[e]; j++) printf "\t%s,\t/* \"%s\": %s */\n", constant[e, j], value[e, j], vtext[e, j]
		printf "};\nconst char *%s_name(enum %s);\n", e, e
	}
	print "#endif"
}

function ctype(t, f,   y) {
	y = ftype[t, f]
	if (y == "bool") return "bool " fname[t, f]
	if (y == "u32") return "uint32_t " fname[t, f]
	if (y == "u64") return "uint64_t " fname[t, f]
	if (y == "enum") return "enum " fenum[t, f] " " fname[t, f]
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

function tables(   t, f, i, j, e) {
	print "/* Made from records.def by gen-records.awk. */"
	for (i = 1; i <= n_enums; i++) {
		e = enum_name[i]
		printf "static const struct rec_view names_%s[] = {\n", e
		for (j = 0; j < values[e]; j++) printf "\t{ \"%s\", %d },\n", value[e, j], length(value[e, j])
		printf "};\nconst char *%s_name(enum %s v) { return v < %d ? names_%s[v].p : \"?\"; }\n", e, e, values[e], e
	}
	for (t = 1; t <= types; t++) {
		printf "static const struct rec_field fields_%s[] = {\n", name[t]
		for (f = 1; f <= fields[t]; f++)
			printf "\t{ \"%s\", F_%s, offsetof(struct rec_%s, %s), %d, %s },\n", fname[t, f], toupper(ftype[t, f]), name[t], fname[t, f], fmax[t, f],
			    ftype[t, f] == "enum" ? "names_" fenum[t, f] : "NULL"
		print "};"
	}
	print "static const struct rec_schema schemas[] = {"
	for (t = 1; t <= types; t++)
		printf "\t{ \"%s\", %d, %s, fields_%s, %d, sizeof(struct rec_%s) },\n", name[t], number[t], kind[t] == "row" ? "true" : "false", name[t], fields[t], name[t]
	print "};"
}

# One field of a manual page's table: its type, and what it is; of an enum the names.
function man_field(t, f,   type, said) {
	type = ftype[t, f] == "enum" ? fenum[t, f] : ftype[t, f] (fmax[t, f] ? " " fmax[t, f] : "")
	said = ftext[t, f]
	if (ftype[t, f] == "enum") said = (said == "" ? "" : said ": ") value_list(fenum[t, f])
	printf ".It Va %s Ta %s Ta %s\n", fname[t, f], type, said
}

function man(   t, f, i, e) {
	for (t = 1; t <= types; t++) {
		if (what == "records" && kind[t] != "record" || what == "store" && kind[t] != "row" && text[t] !~ /(row|table)/) continue
		printf ".Ss %s (%d)\n", name[t], number[t]
		if (text[t] != "") printf "%s%s.\n", toupper(substr(text[t], 1, 1)), substr(text[t], 2)
		print ".Bl -column \"parent_sortition_id\" \"inventory_kind\" \"description\" -compact"
		for (f = 1; f <= fields[t]; f++) man_field(t, f)
		print ".El"
	}
	if (what == "records") {
		print ".Sh NAMES"
		for (i = 1; i <= n_enums; i++) {
			e = enum_name[i]
			printf ".Ss %s\n.Bl -tag -width \"catching up\" -compact\n", e
			for (f = 0; f < values[e]; f++) printf ".It %s\n%s\n", value[e, f] == "" ? "\\(dq\\(dq" : value[e, f], vtext[e, f]
			print ".El"
		}
	}
}
