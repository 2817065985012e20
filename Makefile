# jailtop: everything is built, tested and installed from here. `make help` lists the targets.
# CC CFLAGS CPPFLAGS LDFLAGS PREFIX DESTDIR are yours; config.mk, if there, is read first.
-include config.mk

BUILD   ?= release
PREFIX  ?= /usr/local
V       ?= 0
WERROR  ?= 0
WITH_SYSTEMD ?= auto
WITH_LIBEDIT ?= auto
# 1: `make install` also puts fail2ban-client, -server and -regex into PREFIX/bin
WITH_F2B_NAMES ?= 0
DEMO_SECONDS   ?= 0
# `make fuzz`: inputs for each harness, and for those of what the socket reads
FUZZ_RUNS        ?= 2000000
FUZZ_SOCKET_RUNS ?= 5000000

O := build/$(BUILD)
Q := $(if $(filter 1,$(V)),,@)
# a user's PATH lacks these on Debian; iptables, sshd and rsyslogd live there
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

# ---- packages: the one list. Debian and Ubuntu name|Fedora name|how to see that it is there:
# a program, a path, a header in /usr/include (x.h), or a pkg-config module (x.pc) ----
NEED_BUILD := gcc|gcc|cc make|make|make pkg-config|pkgconf-pkg-config|pkg-config \
	libc6-dev|glibc-devel|stdio.h libncurses-dev|ncurses-devel|ncursesw.pc \
	libpcre2-dev|pcre2-devel|libpcre2-8.pc libiniparser-dev|iniparser-devel|iniparser.h \
	libuv1-dev|libuv-devel|libuv.pc libsqlite3-dev|sqlite-devel|sqlite3.pc \
	libjansson-dev|jansson-devel|jansson.pc uthash-dev|uthash-devel|uthash.h \
	$(if $(filter no,$(WITH_SYSTEMD)),,libsystemd-dev|systemd-devel|libsystemd.pc) \
	$(if $(filter no,$(WITH_LIBEDIT)),,libedit-dev|libedit-devel|libedit.pc)
NEED_DEMO := iptables|iptables-nft|iptables iproute2|iproute|ip util-linux|util-linux|unshare
NEED_TEST := libcmocka-dev|libcmocka-devel|cmocka.h bats|bats|bats tmux|tmux|tmux jq|jq|jq \
	procps|procps-ng|ps python3|python3|python3 man-db|man-db|man
# a test that misses one of these is skipped and says so
NEED_MORE := $(NEED_DEMO) mount|util-linux-core|mount openssh-server|openssh-server|sshd openssh-client|openssh-clients|ssh \
	sshpass|sshpass|sshpass rsyslog|rsyslog|rsyslogd fail2ban|fail2ban-server|fail2ban-client \
	faketime|libfaketime|faketime whois|whois|whois tzdata|tzdata|/usr/share/zoneinfo/Europe/Zurich ipset|ipset|ipset nftables|nftables|nft sqlite3|sqlite|sqlite3
NEED_LINT := clang-tidy|clang-tools-extra|clang-tidy cppcheck|cppcheck|cppcheck
NEED_SHOT := tmux|tmux|tmux pango1.0-tools|pango|pango-view fonts-dejavu-core|dejavu-sans-mono-fonts|@dejavu
need = @sh tests/need.sh $(1) '$(strip $(2))'

# ---- flags ----
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wformat=2 -Wvla -Wundef
ifeq ($(WERROR),1)
WARN += -Werror
endif
OURS := -std=c17 -D_GNU_SOURCE -Iinclude $(WARN) -fPIE -fstack-protector-strong
LINK := -pie -Wl,-z,relro,-z,now
ifeq ($(BUILD),asan)
OURS += -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
LINK += -fsanitize=address,undefined
else ifeq ($(BUILD),fuzz)
CC   := clang
OURS += -Wno-format-nonliteral -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION=1
OURS += -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
LINK += -fsanitize=address,undefined
else ifeq ($(BUILD),debug)
OURS += -O0 -g3
else
OURS += -O2 -g -D_FORTIFY_SOURCE=2
endif

PKGS := ncursesw libpcre2-8 libuv jansson
# LOADED: what most runs never need; their headers are needed here, the program opens them when it must
LOADED := sqlite3
HAVE_SYSTEMD := $(if $(filter no,$(WITH_SYSTEMD)),,$(shell pkg-config --exists libsystemd 2>/dev/null && echo yes))
ifeq ($(HAVE_SYSTEMD),yes)
LOADED += libsystemd
OURS += -DHAVE_SYSTEMD=1
endif
HAVE_LIBEDIT := $(if $(filter no,$(WITH_LIBEDIT)),,$(shell pkg-config --exists libedit 2>/dev/null && echo yes))
ifeq ($(HAVE_LIBEDIT),yes)
LOADED += libedit
OURS += -DHAVE_LIBEDIT=1
endif
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) $(LOADED) 2>/dev/null)
# libiniparser has no .pc file on Debian 12, and a folder of its own for its headers on Debian 13
PKG_CFLAGS += $(if $(wildcard /usr/include/iniparser/iniparser.h),-I/usr/include/iniparser)
# the loader looks for each name in this order: most are libc's
PKG_LIBS   := -lc $(shell pkg-config --libs $(PKGS) 2>/dev/null) -liniparser -lm -lpthread -ldl
DEFS := -DJAILTOP_PREFIX='"$(PREFIX)"'

SRC := $(wildcard src/*.c src/*/*.c)
UI  := $(wildcard ui/*.c)
OBJ := $(SRC:%.c=$O/%.o) $(UI:%.c=$O/%.o)
LIB := $(filter-out $O/src/main.o,$(OBJ))
HDR := $(wildcard include/*/*.h src/*.h src/*/*.h ui/*.h)
VERSION := $(shell sed -n 's/^\#define JAILTOP_VERSION "\(.*\)"/\1/p' include/jailtop/applet.h)
MAN := $(wildcard src/man/*.[178])

.PHONY: all help check check-unit check-ui check-compat check-kill unit asan lint layers format bench fuzz screenshots \
	demo run install uninstall dist clean man FORCE
.DEFAULT_GOAL := all
sub = +$(Q)$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j2)

# The packages come first, and a second make computes the flags: a fresh machine has no pkg-config before.
all: ## build (installs what the build needs, if it is missing)
	$(call need,build,$(NEED_BUILD))
	$(sub) $O/jailtop

$O/jailtop: $(OBJ) $O/flags $O/files
	$(if $(filter yesno,$(WITH_SYSTEMD)$(or $(HAVE_SYSTEMD),no)),$(error WITH_SYSTEMD=yes, but pkg-config finds no libsystemd))
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $(OBJ) $(PKG_LIBS)
	$(Q)ln -sfn $(BUILD)/jailtop build/jailtop
	@echo "built $@"

$O/src/%.o: src/%.c $O/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(OURS) $(DEFS) -Isrc -MMD -MP $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# the screen sees include/ and its own folder only: an engine header there does not compile
$O/ui/%.o: ui/%.c $O/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(OURS) $(DEFS) -MMD -MP $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# stamps: changed flags rebuild everything, a file that came or went links again
stamp = @mkdir -p $O; printf '%s\n' '$(subst ','\'',$(1))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(1))' > $@
$O/flags: FORCE
	$(call stamp,$(CC) $(OURS) $(DEFS) $(LINK) $(PKGS) $(LOADED) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS))
$O/files: FORCE
	$(call stamp,$(OBJ))
FORCE:

-include $(OBJ:.o=.d)

# ---- tests: tests/unit/test_x.c is one program each, linked with everything but main ----
UNIT := $(patsubst tests/unit/%.c,$O/unit/%,$(wildcard tests/unit/test_*.c))
HARNESS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

$O/lib.a: $(LIB) $O/files
	$(Q)rm -f $@; $(AR) qcs $@ $(LIB)

$O/unit/%: tests/unit/%.c $O/lib.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(OURS) $(DEFS) -Isrc -Iui -MMD -MP $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $< $O/lib.a $(PKG_LIBS) -lcmocka -lsqlite3

-include $(UNIT:=.d)

$O/tests/fake_engine: tests/ui/fake_engine.c $O/lib.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(OURS) $(DEFS) -MMD -MP $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $< $O/lib.a $(PKG_LIBS)

unit: $(UNIT) $(HARNESS:%=$O/fuzz/%) $O/tests/fake_engine

check: ## install what the tests need and run them all
	$(call need,build,$(NEED_BUILD) $(NEED_TEST))
	$(call need,more,$(NEED_MORE))
	$(sub) $O/jailtop unit
	@tests/run.sh $O

check-unit: all ## the unit tests alone
	$(sub) unit
	@tests/run.sh $O unit

check-ui: all ## the screen tests alone (tmux)
	@tests/run.sh $O ui accept

check-compat: all ## against the installed fail2ban
	@tests/run.sh $O compat samples

check-kill: all ## kills of the engine during an attack: KILLS (200), KILLS_SETS (40) with ipset and with nftables (root)
	@KILLS=$(or $(KILLS),200) KILLS_SETS=$(or $(KILLS_SETS),40) tests/run.sh $O tests/e2e/life.bats

asan: ## build with ASan, UBSan and leak checks, run the unit, client and engine tests with it
	$(call need,build,$(NEED_BUILD) $(NEED_TEST))
	$(sub) BUILD=asan build/asan/jailtop unit
	@tests/run.sh build/asan unit fuzz cli samples accept

TIDY = $(filter-out -fstack%,$(OURS)) $(PKG_CFLAGS) '-DJAILTOP_PREFIX=""'
lint: layers ## clang-tidy, cppcheck, layers
	$(call need,build,$(NEED_BUILD) $(NEED_LINT))
	@mkdir -p $O/cppcheck
	$(Q)printf '%s\n' $(SRC) | xargs -P 2 -n 4 tests/tidy.sh $(TIDY) -Isrc --
	$(Q)printf '%s\n' $(UI) | xargs -P 2 -n 4 tests/tidy.sh $(TIDY) --
	@cppcheck --quiet --std=c11 --error-exitcode=1 -j 2 --cppcheck-build-dir=$O/cppcheck --inline-suppr --max-configs=2 \
	 --enable=warning,portability --suppress=missingIncludeSystem --suppressions-list=tests/cppcheck.txt --include=tests/cppcheck.h \
	 --include=/usr/include/utlist.h --include=/usr/include/uthash.h -D_GNU_SOURCE -Iinclude -Isrc src ui
	@echo "lint: clean"

layers: ## which folder includes what, held against tests/layers.txt
	@tests/layers.sh

format: ## clang-format over the tree
	clang-format -i $(SRC) $(UI) $(HDR)

bench: all ## lines per second, lines over budget, many jails, reading the configuration, from the line to the rule, the screen
	@tests/bench/regex.sh $O/jailtop
	@tests/bench/budget.py $O/jailtop
	@tests/bench/jails.py $O/jailtop
	@tests/bench/config.sh $O/jailtop
	@[ "$$(id -u)" != 0 ] || JAILTOP=$(abspath $O/jailtop) tests/bench/storm.py $(BENCH_STORM)
	$(sub) $O/tests/fake_engine
	@JAILTOP=$(abspath $O/jailtop) tests/bench/screen.py

# tests/fuzz/fuzz_x.c: LLVMFuzzerTestOneInput over one reader of foreign bytes, its corpus in tests/fuzz/corpus/x;
# without a fuzzer, replay.c runs it on the corpus
$O/fuzz/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/start.c tests/fuzz/replay.c $O/lib.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(OURS) -Isrc $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $< tests/fuzz/start.c $(if $(filter fuzz,$(BUILD)),-fsanitize=fuzzer,tests/fuzz/replay.c) $O/lib.a $(PKG_LIBS)

fuzz: ## FUZZ_RUNS inputs for each harness, FUZZ_SOCKET_RUNS for those of the socket (ASan, UBSan)
	$(call need,build,$(NEED_BUILD) clang|clang|clang)
	$(sub) BUILD=fuzz $(HARNESS:%=build/fuzz/fuzz/%)
	@FUZZ_JIT=0 tests/fuzz/run.sh build/fuzz $(FUZZ_RUNS) $(FUZZ_SOCKET_RUNS) $(HARNESS:fuzz_%=%)

# ---- run ----
demo: ## a staged attack on a private log, with real iptables in a namespace of its own; no root
	$(call need,build,$(NEED_BUILD))
	$(call need,more,$(NEED_DEMO))
	$(sub) $O/jailtop
	@DEMO_SECONDS=$(DEMO_SECONDS) sample-configs/demo/run $O/jailtop

run: all ## the real thing on this host (root)
	@if [ "$$(id -u)" = 0 ]; then exec $O/jailtop; else exec sudo $O/jailtop; fi

screenshots: ## run the demo at fixed sizes and write PNGs into screenshots/
	$(call need,build,$(NEED_BUILD) $(NEED_DEMO) $(NEED_SHOT))
	$(sub) $O/jailtop
	@screenshots/make.sh $O/jailtop

# ---- install ----
D = $(DESTDIR)$(PREFIX)
install: $O/jailtop ## PREFIX (/usr/local), DESTDIR; WITH_F2B_NAMES=1 adds fail2ban-client and the others to PREFIX/bin
	install -d $D/bin $D/lib/jailtop/bin $D/lib/systemd/system $D/share/jailtop
	install -m 755 $O/jailtop $D/bin/jailtop
	for n in client server regex; do ln -sfn ../../../bin/jailtop $D/lib/jailtop/bin/fail2ban-$$n || exit 1; done
	$(if $(filter 1,$(WITH_F2B_NAMES)),for n in client server regex; do ln -sfn jailtop $D/bin/fail2ban-$$n || exit 1; done)
	for m in $(MAN); do s=$${m##*.}; install -d $D/share/man/man$$s && install -m 644 $$m $D/share/man/man$$s/ || exit 1; done
	cd sample-configs && find . -name '*.conf' ! -path './demo/*' -exec install -D -m 644 {} $(abspath $D)/share/jailtop/sample-configs/{} \;
	sed 's|@PREFIX@|$(PREFIX)|; s|@TYPE@|$(if $(HAVE_SYSTEMD),notify,exec)|' sample-configs/jailtop.service > $D/lib/systemd/system/jailtop.service
	install -m 644 sample-configs/jailtop.socket $D/lib/systemd/system/jailtop.socket

uninstall: ## take away what install put there
	rm -f $D/bin/jailtop $D/lib/systemd/system/jailtop.service $D/lib/systemd/system/jailtop.socket $(foreach m,$(MAN),$D/share/man/man$(subst .,,$(suffix $m))/$(notdir $m))
	for n in client server regex; do l=$D/bin/fail2ban-$$n; [ "$$(readlink $$l)" != jailtop ] || rm -f $$l; done
	rm -rf $D/lib/jailtop $D/share/jailtop

man: $O/jailtop ## renew the generated sections of the man pages (keys, protocol)
	$(Q)src/man/generate.sh $O/jailtop

dist: ## build/jailtop-VERSION.tar.gz of what is committed
	@mkdir -p build
	git archive --prefix=jailtop-$(VERSION)/ -o build/jailtop-$(VERSION).tar.gz HEAD
	@echo build/jailtop-$(VERSION).tar.gz

clean: ## remove what was built
	rm -rf build

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) Makefile | sort -u | sed -E 's/^([a-z-]+):.*## /\1	/' | expand -t 16
