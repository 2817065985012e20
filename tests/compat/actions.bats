# every action of fail2ban's action.d: the commands that jailtop runs are those that fail2ban runs
# (tools replaced by recorders, in a network namespace of its own)

setup_file() {
    command -v fail2ban-server >/dev/null || return 0
    unshare -n true 2>/dev/null || return 0
    mkdir "$BATS_FILE_TMPDIR/w"
    timeout 100 unshare -n sh -c 'ip link set lo up; exec /usr/bin/python3 "$@"' sh \
        "$SOURCE_DIR/tests/compat/actions.py" "$BATS_FILE_TMPDIR/w" record >"$BATS_FILE_TMPDIR/out" 2>&1 || true
}

compare() {
    command -v fail2ban-server >/dev/null || skip "fail2ban is not installed"
    unshare -n true 2>/dev/null || skip "no network namespace here (needs root)"
    [ -e "$BATS_FILE_TMPDIR/w/result.json" ] || { cat "$BATS_FILE_TMPDIR/out"; return 1; }
    /usr/bin/python3 "$SOURCE_DIR/tests/compat/actions.py" "$BATS_FILE_TMPDIR/w" compare "$1"
}

@test "actionstart of every stock action" { compare start; }
@test "actionban of an IPv4 address, and starts on demand" { compare "ban inet4"; }
@test "actionban of an IPv6 address, and starts on demand" { compare "ban inet6"; }
@test "actionunban" { compare "unban inet4"; }
@test "actionban with hostile log lines: the same words as fail2ban's" { compare "hostile matches"; }
@test "actionflush and actionstop" { compare stop; }
@test "nothing hostile was run: log lines, 64 KiB of them, ids that are no address" { compare canary; }
