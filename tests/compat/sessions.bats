#!/usr/bin/env bats
# One session on the installed fail2ban and on jailtop.

@test "a session of commands and lines: the same answers, bans, commands of actions, rows and log lines" {
    command -v fail2ban-server >/dev/null || skip "fail2ban is not installed"
    /usr/bin/python3 -c 'import fail2ban' 2>/dev/null || skip "fail2ban's modules are not installed"
    [ "$(id -u)" = 0 ] || skip "needs root: fail2ban's client wants it"
    unshare -n true 2>/dev/null || skip "this machine allows no network namespaces"
    run timeout 240 unshare -n /usr/bin/python3 "$SOURCE_DIR/tests/compat/sessions.py" "$JAILTOP" "$BATS_TEST_TMPDIR/d"
    echo "$output"
    [ "$status" = 0 ]
}
