#!/usr/bin/env bats
# The installed fail2ban and jailtop beside each other: same logs, same commands, same rows, same lines.
# run alone

@test "bans, bips and the log are those of fail2ban after the same lines and commands; what it loses is not lost" {
    command -v fail2ban-server >/dev/null || skip "fail2ban is not installed"
    /usr/bin/python3 -c 'import fail2ban' 2>/dev/null || skip "fail2ban's modules are not installed"
    [ "$(id -u)" = 0 ] || skip "needs root: fail2ban's client wants it"
    unshare -n true 2>/dev/null || skip "this machine allows no network namespaces"
    run timeout 150 unshare -n /usr/bin/python3 "$SOURCE_DIR/tests/compat/equal.py" "$JAILTOP" "$BATS_TEST_TMPDIR/d"
    echo "$output"
    echo "# ${output//$'\n'/$'\n'# }" >&3
    [ "$status" = 0 ]
}
