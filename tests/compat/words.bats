# every command with odd arguments, by fail2ban's own socket class, of both servers

@test "hundreds of commands, wrong ones too, have fail2ban-server's answers" {
    command -v fail2ban-server >/dev/null || skip "fail2ban is not installed"
    /usr/bin/python3 -c 'import sys; sys.path.append("/usr/lib/python3/dist-packages"); import fail2ban' 2>/dev/null || skip "fail2ban's modules are not installed"
    [ "$(id -u)" = 0 ] || skip "needs root: fail2ban's client wants it"
    unshare -n true 2>/dev/null || skip "this machine allows no network namespaces"
    run timeout 150 unshare -n /usr/bin/python3 "$SOURCE_DIR/tests/compat/words.py" "$JAILTOP" "$BATS_TEST_TMPDIR/d" 3>&-
    echo "$output"
    [ "$status" = 0 ]
}
