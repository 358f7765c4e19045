# blocksync: all rules, one file.  Users may set CC CFLAGS LDFLAGS PREFIX DESTDIR; DEVELOPER=1 makes warnings errors,
# SANITIZE=address,undefined builds into build/san with those sanitizers, PROBE=1 builds the sandbox probe into build/probe.

PREFIX ?= /usr/local
TO = $(DESTDIR)$(PREFIX)
CFLAGS ?= -O2 -g
PACKAGES = libevent libevent_pthreads libcurl msgpack lmdb libsecp256k1 libcrypto jansson sqlite3 libbsd-overlay libseccomp libxxhash

B = build
ifneq ($(SANITIZE),)
B = build/san
SAN = -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
endif
ifneq ($(PROBE),)
B = build/probe
SAN = -DSANDBOX_PROBE
endif
ifneq ($(DEVELOPER),)
WERROR = -Werror
endif

PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter \
	$(WERROR) -I. -I$(B)/gen $(PKG_CFLAGS) $(CFLAGS) $(SAN) -pthread -MMD -MP

PROGRAMS = sortition-sync public-ip inv-sync block-fetch block-verify block-store anti-entropy pruner block-serve block-cat rec sync-status blocksync
PROGRAMS := $(foreach p,$(PROGRAMS),$(if $(wildcard cmd/$(p)/main.c),$(p)))
COMMON = $(patsubst %.c,$(B)/%.o,$(wildcard common/*/*.c))
LIB = $(B)/libcommon.a
LIBS = $(PKG_LIBS) -lm -pthread $(LDFLAGS)
UNITS = $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/*.c tests/sim/*.c))
BENCHES = $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/bench/*.c))
HELPERS = $(patsubst tests/helper/%/main.c,%,$(wildcard tests/helper/*/main.c))
FUZZERS = $(patsubst tests/fuzz/%.c,%,$(filter-out tests/fuzz/plain.c,$(wildcard tests/fuzz/*.c)))

PAGES5 = $(patsubst man/%.in,$(B)/man/%,$(wildcard man/*.5.in))
MANS = $(wildcard man/*.1 man/*.7) $(PAGES5)

all: $(PROGRAMS:%=$(B)/bin/%) $(PAGES5)

.SECONDARY:
.PHONY: all check check-source check-asan fuzz torture bench update-ok install uninstall clean demo tests setup setup-check

$(B)/gen/enums.h: common/rec/records.def contrib/gen-records.awk
	@mkdir -p $(@D)
	awk -v what=enums -f contrib/gen-records.awk $< > $@.tmp && mv $@.tmp $@
$(B)/gen/records.h: common/rec/records.def contrib/gen-records.awk
	@mkdir -p $(@D)
	awk -v what=header -f contrib/gen-records.awk $< > $@.tmp && mv $@.tmp $@
$(B)/gen/records_tables.h: common/rec/records.def contrib/gen-records.awk
	@mkdir -p $(@D)
	awk -v what=tables -f contrib/gen-records.awk $< > $@.tmp && mv $@.tmp $@

# Pages of formats: prose from man/X.5.in, tables from records.def.
$(B)/man/%.5: man/%.5.in common/rec/records.def contrib/gen-records.awk
	@mkdir -p $(@D)
	awk -v what=$* -f contrib/gen-records.awk common/rec/records.def > $@.tables
	sed -e '/^\.\\" TABLES/{r $@.tables' -e 'd;}' $< > $@ && rm $@.tables

$(B)/%.o: %.c | $(B)/gen/enums.h $(B)/gen/records.h $(B)/gen/records_tables.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(LIB): $(COMMON)
	@rm -f $@
	$(AR) rcs $@ $^

# A program is its folder and the common archive.
define program
$(B)/bin/$(1): $(patsubst %.c,$(B)/%.o,$(wildcard cmd/$(1)/*.c)) $(LIB)
	@mkdir -p $$(@D)
	$(CC) $(CFLAGS) $(SAN) -o $$@ $$^ $(LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# A test helper is its folder under tests/helper, and what helpers share in tests/helper/lib.
define helper
$(B)/helper/$(1): $(patsubst %.c,$(B)/%.o,$(wildcard tests/helper/$(1)/*.c tests/helper/lib/*.c)) $(LIB)
	@mkdir -p $$(@D)
	$(CC) $(CFLAGS) $(SAN) -o $$@ $$^ $(LIBS)
endef
$(foreach p,$(HELPERS),$(eval $(call helper,$(p))))

# What a test preloads into a program.
$(B)/helper/%.so: tests/helper/shim/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -Wall -Wextra $(WERROR) $(CFLAGS) -fPIC -shared -o $@ $< -ldl

# A unit, sim or bench program is one file, and so is a fuzz target; parts of a program that it tests are named in a line
# "// link: cmd/X/y.c", or "cmd/X/*.c": all but its main.
unit_links = $(patsubst %.c,$(B)/%.o,$(filter-out %/main.c,$(wildcard $(shell sed -n 's,^// link: ,,p' $(1)))))
define unit
$(B)/tests/$(1): $(B)/tests/$(1).o $(call unit_links,tests/$(1).c) $(LIB)
	@mkdir -p $$(@D)
	$(CC) $(CFLAGS) $(SAN) -o $$@ $$^ -lcmocka $(LIBS)
endef
$(foreach u,$(patsubst tests/%.c,%,$(wildcard tests/unit/*.c tests/sim/*.c tests/bench/*.c)),$(eval $(call unit,$(u))))

# Fuzz targets: with libFuzzer under clang (contrib/fuzz), and as plain programs that run the stored corpus as tests.
define fuzzer
$(B)/fuzz/$(1): $(B)/tests/fuzz/$(1).o $(call unit_links,tests/fuzz/$(1).c) $(LIB)
	@mkdir -p $$(@D)
	$(CC) $(CFLAGS) $(SAN) -o $$@ $$^ -lcmocka $(LIBS)
$(B)/fuzz/$(1)-plain: $(B)/tests/fuzz/plain.o $(B)/tests/fuzz/$(1).o $(call unit_links,tests/fuzz/$(1).c) $(LIB)
	@mkdir -p $$(@D)
	$(CC) $(CFLAGS) $(SAN) -o $$@ $$^ -lcmocka $(LIBS)
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzzer,$(f))))

-include $(shell find $(B) -name '*.d' 2>/dev/null)

# What check needs built.
tests: all $(UNITS) $(HELPERS:%=$(B)/helper/%) $(B)/helper/fault.so $(FUZZERS:%=$(B)/fuzz/%-plain)

# Everything, one summary line.  Skipped tests are listed by name and are not passes.
check: setup-check
	$(MAKE) tests
	contrib/run-tests

# The same programs under AddressSanitizer and UndefinedBehaviorSanitizer: units, simulations and stored fuzz corpora.
check-asan:
	$(MAKE) SANITIZE=address,undefined tests
	BUILD=build/san contrib/run-tests --pure

# Layering, sizes, banned calls, manuals, schema number, shell scripts.
check-source:
	contrib/check-source

# FUZZ=name SECONDS=n: one libFuzzer target; the corpus grows in build/.
fuzz:
	contrib/fuzz $(or $(FUZZ),all) $(or $(SECONDS),60)

# One library call fails, every call in turn (hours), or TORTURE=n of a class and scene; SEED changes the sample.
torture: setup-check
	$(MAKE) tests
	TORTURE=$(or $(TORTURE),all) tests/torture.t

bench: setup-check
	$(MAKE) tests $(BENCHES)
	tests/bench/run

demo: setup
	$(MAKE) all
	contrib/demo

# Golden pairs of tests/golden: rewrite what the programs print now.
update-ok: tests
	contrib/run-tests --update

# Debian packages: what building needs, what testing needs beside it.
setup:
	contrib/setup build
setup-check:
	contrib/setup check

install: all
	install -d "$(TO)/bin" "$(TO)/share/man/man1" "$(TO)/share/man/man5" "$(TO)/share/man/man7"
	install -m 755 $(PROGRAMS:%=$(B)/bin/%) "$(TO)/bin"
	install -m 644 $(filter %.1,$(MANS)) "$(TO)/share/man/man1"
	install -m 644 $(filter %.5,$(MANS)) "$(TO)/share/man/man5"
	install -m 644 $(filter %.7,$(MANS)) "$(TO)/share/man/man7"

uninstall:
	rm -f $(foreach p,$(PROGRAMS),"$(TO)/bin/$(p)")
	rm -f $(foreach m,$(notdir $(MANS)),"$(TO)/share/man/man$(subst .,,$(suffix $(m)))/$(m)")

clean:
	rm -rf build
