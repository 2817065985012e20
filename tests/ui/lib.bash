# lib.bash: the screen under tmux against a fake engine. Everything waits for a text with a deadline.

lib_up() { # [read-only]: the fake engine; its folder is $D
    D=${D:-$BATS_TEST_TMPDIR/d}
    mkdir -p "$D/home"
    export HOME=$D/home XDG_CONFIG_HOME=$D/home/.config TZ=UTC
    chmod 755 "$D"
    engine_start "$@"
}
engine_start() { # [STREAM] [read-only]
    local stream=${STREAM:-$SOURCE_DIR/tests/ui/streams/attack.jsonl}
    "$BUILD_DIR/tests/fake_engine" "$D/sock" "$stream" "$D/control" "$D/commands" "$@" >"$D/fake.out" 2>&1 </dev/null 3>&- &
    FAKE=$!
    until_true 5 [ -S "$D/sock" ]
    until_true 5 [ -p "$D/control" ]
}
engine_end() {
    [ -z "${FAKE:-}" ] || { kill "$FAKE" 2>/dev/null; wait "$FAKE" 2>/dev/null; } || true
    FAKE=
    rm -f "$D/sock"
    return 0
}
engine_says() { printf '%s\n' "$1" >"$D/control"; }
lib_down() {
    TM kill-server 2>/dev/null
    engine_end
    return 0
}
commanded() { grep -qxF -- "$1" "$D/commands" 2>/dev/null; }
commands() { grep -vcE '^(get |#)' "$D/commands" 2>/dev/null || true; }
attached() { commanded '# subscribed'; }

TM() { tmux -L "ju-$BATS_ROOT_PID-$BATS_SUITE_TEST_NUMBER-$$" -f /dev/null "$@"; }

# screen_up COLSxROWS [ENV=VALUE...] [-- OPTION...]
screen_up() {
    local size=$1 env=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do env+=("$1"); shift; done
    [ $# -gt 0 ] && shift
    rm -f "$D/exit" "$D/stty"
    { printf '%q ' env LC_ALL=C.UTF-8 SSH_CONNECTION='198.51.100.7 5 192.0.2.1 22' "${env[@]}" "$JAILTOP" -s "$D/sock" --no-start "$@"
        printf '\necho $? >%q\nstty -a >%q\nexec cat\n' "$D/exit" "$D/stty"
    } >"$D/screen.sh"
    TM new-session -d -x "${size%x*}" -y "${size#*x}" -e TERM=tmux-256color "sh '$D/screen.sh'" 3>&-
    TM set -g status off
    TM resize-window -x "${size%x*}" -y "${size#*x}"
}
screen() { TM capture-pane -p "$@"; }
sees() { screen | grep -qE -- "$1"; }
until_true() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || { echo "not in time: $*"; return 1; }
        sleep 0.05
    done
}
see() { # REGEX [SECONDS]
    until_true "${2:-5}" sees "$1" || { screen; return 1; }
}
unsee() {
    until_true "${2:-5}" eval "! sees '$1'" || { screen; return 1; }
}
key() { TM send-keys "$@"; }
typed() { TM send-keys -l -- "$1"; }
