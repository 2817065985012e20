# `jailtop client` against the real fail2ban-server: what it prints, to the byte, and its exit codes

load session.bash

setup() {
    command -v fail2ban-server >/dev/null || skip "fail2ban is not installed"
    [ "$(id -u)" = 0 ] || skip "needs root, as fail2ban does"
    D=$BATS_TEST_TMPDIR/d
}

teardown() {
    fail2ban-client -c "$D/c" stop >/dev/null 2>&1 || true
}

@test "a session of more than 150 commands prints what fail2ban-client prints" {
    session_dir "$D"
    session_run "$D" "$BATS_TEST_TMPDIR/stock" fail2ban-client
    session_dir "$D"
    session_run "$D" "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_DIRNAME/with_stock_start.sh" "$JAILTOP"
    [ "$(grep -c '^\$ ' "$BATS_TEST_TMPDIR/stock")" -ge 150 ]
    diff -u "$BATS_TEST_TMPDIR/stock" "$BATS_TEST_TMPDIR/ours"
}
