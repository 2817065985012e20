# jailtop: everything is built, tested and installed from here. `make help` lists the targets.
# CC CFLAGS CPPFLAGS LDFLAGS PREFIX DESTDIR are yours; config.mk, if there, is read first.
-include config.mk

BUILD  ?= release
PREFIX ?= /usr/local
V      ?= 0
WERROR ?= 0
WITH_SYSTEMD ?= auto

O := build/$(BUILD)
Q := $(if $(filter 1,$(V)),,@)

# ---- packages: the one list (Debian and Ubuntu names | Fedora names) ----
DEB_BUILD  := gcc make pkg-config libncurses-dev libpcre2-dev libiniparser-dev libuv1-dev libsqlite3-dev libjansson-dev uthash-dev libsystemd-dev
RPM_BUILD  := gcc make pkgconf-pkg-config ncurses-devel pcre2-devel iniparser-devel libuv-devel sqlite-devel jansson-devel uthash-devel systemd-devel
DEB_DEMO   := iptables iproute2 util-linux
RPM_DEMO   := iptables-nft iproute util-linux
DEB_TEST   := libcmocka-dev bats tmux jq procps openssh-server openssh-client sshpass rsyslog fail2ban faketime ipset nftables sqlite3
RPM_TEST   := libcmocka-devel bats tmux jq procps-ng openssh-server openssh-clients sshpass rsyslog fail2ban-server libfaketime ipset nftables sqlite

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
else ifeq ($(BUILD),debug)
OURS += -O0 -g3
else
OURS += -O2 -g -D_FORTIFY_SOURCE=2
endif

PKGS := ncursesw libpcre2-8 libuv sqlite3 jansson
HAVE_SYSTEMD := $(if $(filter no,$(WITH_SYSTEMD)),,$(shell pkg-config --exists libsystemd 2>/dev/null && echo yes))
ifeq ($(WITH_SYSTEMD)$(HAVE_SYSTEMD),yes)
$(error WITH_SYSTEMD=yes, but pkg-config finds no libsystemd)
endif
ifeq ($(HAVE_SYSTEMD),yes)
PKGS += libsystemd
OURS += -DHAVE_SYSTEMD=1
endif
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
# libiniparser has no .pc file on Debian 12
PKG_LIBS   = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -liniparser -lm -lpthread
OURS += -DJAILTOP_PREFIX='"$(PREFIX)"'

SRC := $(wildcard src/*.c src/*/*.c)
UI  := $(wildcard ui/*.c)
OBJ := $(SRC:%.c=$O/%.o) $(UI:%.c=$O/%.o)
LIB := $(filter-out $O/src/main.o,$(OBJ))

.PHONY: all help check unit asan lint layers format clean install uninstall deps deps-test demo run
.DEFAULT_GOAL := all

all: deps ## build (installs what the build needs, if it is missing)
	$(Q)$(MAKE) --no-print-directory $O/jailtop

$O/jailtop: $(OBJ) $O/flags
	$(Q)$(CC) $(LINK) $(LDFLAGS) -o $@ $(OBJ) $(PKG_LIBS)
	$(Q)ln -sfn $(BUILD)/jailtop build/jailtop
	@echo "built $@"

$O/src/%.o: src/%.c $O/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(OURS) -Isrc -MMD -MP $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# the screen sees include/ and its own folder only: an engine header there does not compile
$O/ui/%.o: ui/%.c $O/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(OURS) -MMD -MP $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# a stamp that changes when the flags do, so that a change of flags rebuilds
$O/flags: FORCE
	@mkdir -p $O
	@echo '$(CC) $(OURS) $(LINK) $(PKGS) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)' | cmp -s - $@ || \
	 echo '$(CC) $(OURS) $(LINK) $(PKGS) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)' > $@
FORCE:

-include $(OBJ:.o=.d)

# ---- unit tests: tests/unit/test_x.c -> one program each, linked with everything but main ----
UNIT := $(patsubst tests/unit/%.c,$O/unit/%,$(wildcard tests/unit/test_*.c))

$O/lib.a: $(LIB)
	$(Q)rm -f $@; $(AR) rcs $@ $^

$O/unit/%: tests/unit/%.c $O/lib.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(OURS) -Isrc -Iui -MMD -MP $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(LINK) $(LDFLAGS) -o $@ $< $O/lib.a $(PKG_LIBS) -lcmocka

-include $(UNIT:=.d)

unit: $(UNIT)

clean: ## remove what was built
	rm -rf build

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1	/' | expand -t 16
