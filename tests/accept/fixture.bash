# fixture.bash: one sshd jail (maxretry 5, findtime 600, bantime 600) in a folder of its own, the real engine,
# and a fake firewall: a script that appends its words to fw.log, and fails while the file `fail` is there.
# As root the engine runs in a network namespace without interfaces, so no test can reach the host's firewall.

# by hand, without tests/run.sh, `bats tests/accept/x.bats` does as well
: "${SOURCE_DIR:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${JAILTOP:=$SOURCE_DIR/build/release/jailtop}"

OWN_ADDRESS=198.51.100.7
export SSH_CONNECTION="$OWN_ADDRESS 5 192.0.2.1 22"

# fixture_up [KEY=VALUE for the jail]...: makes $D
fixture_up() {
    D=${D:-$BATS_TEST_TMPDIR/d}
    mkdir -p "$D/conf/filter.d" "$D/conf/action.d" "$D/home"
    export HOME=$D/home XDG_CONFIG_HOME=$D/home/.config
    LOG=$D/auth.log SOCKET=$D/sock FWLOG=$D/fw.log
    : >"$LOG"
    : >"$FWLOG"
    cp "$SOURCE_DIR"/sample-configs/filter.d/{common,sshd}.conf "$D/conf/filter.d/"
    cp "$SOURCE_DIR"/sample-configs/action.d/iptables-*.conf "$D/conf/action.d/"
    cat >"$D/fw" <<EOS
#!/bin/sh
if [ -e "$D/fail" ]; then echo "fake firewall: told to fail" >&2; exit 1; fi
echo "\$*" >>"$FWLOG"
EOS
    chmod +x "$D/fw"
    cat >"$D/conf/action.d/fake.conf" <<EOS
[Definition]
actionstart = $D/fw start <name>
actionstop = $D/fw stop <name>
actionflush = $D/fw flush <name>
actionban = $D/fw ban <name> <ip>
actionunban = $D/fw unban <name> <ip>
[Init]
name = default
EOS
    cat >"$D/conf/fail2ban.conf" <<EOS
[Definition]
loglevel = INFO
logtarget = $D/jailtop.log
syslogsocket = auto
socket = $SOCKET
pidfile = $D/pid
dbfile = $D/bans.sqlite3
dbpurgeage = 1d
allowipv6 = yes
EOS
    { printf '[DEFAULT]\nignoreself = false\nbackend = auto\n[sshd]\nenabled = true\nfilter = sshd\nlogpath = %s\naction = fake\nport = ssh\n' "$LOG"
        printf 'maxretry = 5\nfindtime = 600\nbantime = 600\n'
    } >"$D/conf/jail.conf"
    local setting
    { echo '[sshd]'; for setting; do echo "$setting"; done; } >"$D/conf/jail.local"
}

# the namespace of the test's engine: a child that sleeps in it, joined by everything that follows
apart() {
    if [ "$(id -u)" != 0 ]; then "$@"; return; fi
    if [ -z "${APART:-}" ]; then
        unshare -n sleep 600 >/dev/null 2>&1 </dev/null 3>&- &
        APART=$!
        # until it has left ours
        while [ "$(readlink /proc/$APART/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
        nsenter -t $APART -n ip link set lo up
    fi
    nsenter -t "$APART" -n "$@"
}
apart_words() { # the same as words in front of a command, for tmux; after an `apart true`
    [ -n "${APART:-}" ] && echo "nsenter -t $APART -n"
    return 0
}

engine_up() { # [OPTION...]
    apart true
    $(apart_words) "$JAILTOP" server -c "$D/conf" "$@" >"$D/engine.out" 2>&1 </dev/null 3>&- &
    ENGINE=$!
    until_true 10 engine_answers || { cat "$D/engine.out" "$D/jailtop.log"; return 1; }
}
engine_answers() { client ping >/dev/null 2>&1; }
client() { "$JAILTOP" client -c "$D/conf" "$@"; }
engine_down() {
    [ -n "${ENGINE:-}" ] || return 0
    kill "$ENGINE" 2>/dev/null || true
    until_true 8 gone "$ENGINE" || kill -KILL "$ENGINE" 2>/dev/null || true
    ENGINE=
}
gone() { ! kill -0 "$1" 2>/dev/null; }

fixture_down() {
    local pid
    screen_down
    engine_down
    # an engine that a screen started
    pid=$(cat "$D/pid" 2>/dev/null) && kill "$pid" 2>/dev/null && until_true 8 gone "$pid"
    [ -z "${APART:-}" ] || kill "$APART" 2>/dev/null || true
    [ "${BATS_TEST_COMPLETED:-}" = 1 ] || { echo "--- engine's log"; tail -30 "$D/jailtop.log"; cat "$D/engine.out"; } 2>/dev/null
    return 0
}

# until_true SECONDS COMMAND...
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "not in time: $*"; return 1; }
        sleep 0.05
    done
}

# ---- the log ----
fails() { # ADDRESS [COUNT [USER]]
    local i
    for i in $(seq "${2:-1}"); do
        printf '%s gate sshd[%d]: Failed password for %s from %s port %d ssh2\n' \
            "$(LC_ALL=C date '+%b %e %H:%M:%S')" $((1000 + i)) "${3:-root}" "$1" $((40000 + i))
    done >>"$LOG"
}
raw_line() { # printf-format of what sshd says: raw bytes
    { LC_ALL=C date '+%b %e %H:%M:%S gate sshd[77]: ' | tr -d '\n'; printf "$@"; printf '\n'; } >>"$LOG"
}

# ---- the fake firewall ----
fw_has() { grep -qxF -- "$*" "$FWLOG"; }
fw_count() { grep -c -- "$1" "$FWLOG" || true; }

# ---- the screen: a private tmux ----
TM() { tmux -L "jt-$BATS_ROOT_PID-$BATS_TEST_NUMBER-$BATS_SUITE_TEST_NUMBER-$$" -f /dev/null "$@"; }

# screen_up COLSxROWS [ENV=VALUE...] [-- OPTION...]: jailtop in it; its exit code goes to $D/exit
screen_up() {
    local size=$1 env=() w h
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do env+=("$1"); shift; done
    [ $# -gt 0 ] && shift
    w=${size%x*} h=${size#*x}
    apart true
    rm -f "$D/exit"
    printf '%q ' env LC_ALL=C.UTF-8 "${env[@]}" $(apart_words) "$JAILTOP" -c "$D/conf" "$@" >"$D/screen.sh"
    echo "; echo \$? >'$D/exit'" >>"$D/screen.sh"
    # holds the pane open for a look after the end (cat would not: a crash leaves the terminal non-blocking)
    echo "exec sleep 900" >>"$D/screen.sh"
    TM new-session -d -x "$w" -y "$h" -e TERM=tmux-256color "sh '$D/screen.sh'" 3>&-
    TM set -g status off
    TM resize-window -x "$w" -y "$h"
}
screen_down() { # waits for its end: a new one on the same socket would meet the old one leaving
    local pid
    pid=$(TM display -p '#{pid}' 2>/dev/null) || return 0
    TM kill-server 2>/dev/null || true
    [ -z "$pid" ] || until_true 5 gone "$pid" || true
}
screen() { TM capture-pane -p; }
sees() { screen | grep -qE -- "$1"; }
# see REGEX [SECONDS]: waits until it stands on the screen
see() {
    local end=$((SECONDS + ${2:-4}))
    until sees "$1"; do
        [ $SECONDS -lt $end ] || { echo "not on the screen: $1"; screen; return 1; }
        sleep 0.05
    done
}
unsee() { # waits until it has gone
    local end=$((SECONDS + ${2:-4}))
    while sees "$1"; do
        [ $SECONDS -lt $end ] || { echo "still on the screen: $1"; screen; return 1; }
        sleep 0.05
    done
}
not_now() { ! sees "$1" || { echo "on the screen, but should not be: $1"; screen; return 1; }; }
key() { TM send-keys "$@"; }
typed() { TM send-keys -l -- "$1"; }
row_of() { screen | grep -nE -- "$1" | head -1 | cut -d: -f1; }
