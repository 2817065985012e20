# one session of more than 150 commands, by the stock client and by `jailtop client`, against the real
# fail2ban-server and against jailtop's: the same text and exit codes, times and process numbers aside

bats_require_minimum_version 1.5.0
load session.bash

# NAME START OTHERS: a session in the background; START is the client for `start`, because each client
# starts its own server
session() {
    local d=$BATS_FILE_TMPDIR/$1.d
    session_dir "$d"
    export START=$2 OTHERS=$3
    session_run "$d" "$BATS_FILE_TMPDIR/$1" "$BATS_TEST_DIRNAME/with_start.sh"
}

setup_file() {
    command -v fail2ban-server >/dev/null || skip "fail2ban is not installed"
    [ "$(id -u)" = 0 ] || skip "needs root, as fail2ban does"
    # the stock client takes most of the time: one run of it for each core
    session stock fail2ban-client fail2ban-client 3>&- &
    { session ours-theirs fail2ban-client "$JAILTOP client"
        session ours-ours "$JAILTOP client" "$JAILTOP client"
        session theirs-ours "$JAILTOP client" fail2ban-client; } 3>&- &
    wait
}

teardown_file() {
    local c
    for c in "$BATS_FILE_TMPDIR"/*.d/c; do
        [ ! -d "$c" ] || fail2ban-client -c "$c" stop >/dev/null 2>&1 || true
    done
}

same() {
    diff -u "$BATS_FILE_TMPDIR/stock" "$BATS_FILE_TMPDIR/$1"
}

@test "the session has more than 150 commands, and its waits are answered" {
    [ "$(grep -c '^\$ ' "$BATS_FILE_TMPDIR/stock")" -ge 150 ]
    run ! grep 'gave up' "$BATS_FILE_TMPDIR/stock"
}

@test "jailtop client against fail2ban-server" {
    same ours-theirs
}

@test "fail2ban-client against jailtop server" {
    same theirs-ours
}

@test "jailtop client against jailtop server" {
    same ours-ours
}
