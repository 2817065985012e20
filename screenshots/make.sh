#!/bin/bash
# make.sh JAILTOP: runs the demo in a private tmux at fixed sizes, captures the screen and draws it as PNG.
# Each picture is taken when the text it is about stands on the screen, not after some time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
jailtop=$(realpath "${1:?make.sh JAILTOP}")
work=$(mktemp -d)
server=jailtop-shots-$$
t() { tmux -L "$server" -f /dev/null "$@"; }
finish() {
    t send-keys Q 2>/dev/null || true
    # the demo cleans up after its screen has gone
    for i in $(seq 100); do t has-session 2>/dev/null || break; sleep 0.1; done
    t kill-server 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

text() { t capture-pane -p; }
wait_for() { # EXTENDED-REGEX [SECONDS]
    local end=$((SECONDS + ${2:-20}))
    until text | grep -qE -- "$1"; do
        [ $SECONDS -lt $end ] || { echo "screenshots: never saw: $1" >&2; text >&2; exit 1; }
        sleep 0.1
    done
}
start() { # COLUMNS ROWS
    t kill-server 2>/dev/null || true
    while t has-session 2>/dev/null; do sleep 0.1; done
    # utf-8 and 256 colours whatever this machine's own settings are
    TMPDIR=$work LC_ALL=C.UTF-8 t new-session -d -x "$1" -y "$2" \
        "env TERM=tmux-256color LC_ALL=C.UTF-8 DEMO_SECONDS=300 '$here/../sample-configs/demo/run' '$jailtop'"
    t set -g status off
    t resize-window -x "$1" -y "$2"
}
stop() {
    t send-keys Q
    for i in $(seq 100); do t has-session 2>/dev/null || return 0; sleep 0.1; done
}
shot() { # NAME
    t capture-pane -e -p -N >"$work/$1.ansi"
    LC_ALL=C awk -f "$here/ansi2pango.awk" "$work/$1.ansi" >"$work/$1.pango"
    pango-view -q --markup --font="DejaVu Sans Mono 11" --dpi=96 --margin=10 \
        --background='#15181c' --foreground='#d0d4d9' -o "$here/$1.png" "$work/$1.pango"
    echo "screenshots/$1.png"
}

start 80 24
wait_for 'bans [1-9][0-9]' 40
shot overview-80x24
stop

start 120 40
wait_for 'bans [2-9][0-9]' 60
wait_for 'UNB' 60
wait_for ' [2-9] +[0-9]+ R' 90 # somebody came back
shot overview-120x40
t resize-window -x 100 -y 30
t send-keys 3
wait_for '^3 Bans'
wait_for ' R *$'
shot bans
t send-keys G # the longest ban: somebody who came back
wait_for '> ?[0-9a-f.:]+ +recidive'
t send-keys i
wait_for 'WHY'
wait_for 'BEFORE'
shot inspect
t send-keys q 4
wait_for '^4 Chains'
wait_for 'REJECT'
shot chains
t send-keys 4 1
wait_for '^1 Log'
t send-keys -l '\' # only lines of sshd, so that the row under the cursor is one
t send-keys -l 'Failed password'
t send-keys Enter
wait_for 'Failed password'
t send-keys r
wait_for 'MATCH +[1-9]'
shot regex
t send-keys q Escape
t send-keys -l '\\' # and all of them again
for i in $(seq 20); do t send-keys BSpace; done
t send-keys Enter
t send-keys 0 '?'
wait_for 'Help'
shot help
