#!/usr/bin/env bats
# The engine's life: killed, restarted, crowded. Real iptables in a network namespace of its own.
# run alone

setup_file() {
    [ "$(id -u)" = 0 ] || skip "needs root: a network namespace and iptables"
    command -v iptables-restore >/dev/null || skip "iptables is not installed"
    unshare -n true 2>/dev/null || skip "this machine allows no network namespaces"
    iptables_works=$(unshare -n sh -c 'iptables -w -N x 2>&1 && ip6tables -w -N x 2>&1 && echo yes')
    [ "${iptables_works##*$'\n'}" = yes ] || skip "iptables does not work here: $iptables_works"
}

in_namespace() { run timeout 250 unshare -n "$@"; echo "$output"; [ "$status" = 0 ]; }

@test "killed ${KILLS:-40} times during an attack: no reported ban is lost, none is there twice, none comes back" {
    in_namespace python3 "$SOURCE_DIR/tests/e2e/kill.py" "$JAILTOP" "$SOURCE_DIR" "$BATS_TEST_TMPDIR/d" "${KILLS:-40}"
    echo "# $output" >&3
}

stock_kill() { # KIND PROGRAM: with the installed fail2ban's action
    [ -e /etc/fail2ban/action.d/iptables-ipset.conf ] || skip "fail2ban is not installed"
    command -v "$2" >/dev/null || skip "$2 is not installed"
    unshare -n sh -c "$3" >/dev/null 2>&1 || skip "$1 does not work here"
    in_namespace python3 "$SOURCE_DIR/tests/e2e/kill.py" "$JAILTOP" "$SOURCE_DIR" "$BATS_TEST_TMPDIR/d" "${KILLS_SETS:-8}" "$1"
    echo "# $output" >&3
}

@test "the same with bans in an ipset, ${KILLS_SETS:-8} times" {
    stock_kill ipset ipset 'ipset create x hash:ip && iptables -w -A INPUT -m set --match-set x src -j DROP'
}

@test "the same with bans in nftables' sets, ${KILLS_SETS:-8} times" {
    stock_kill nftables nft 'nft add table inet x && nft add set inet x s "{ type ipv4_addr; }"'
}

@test "10000 bans in the database: ping is answered at once, all are in the kernel soon, a stop flushes" {
    # the promise is 0.3 s and 5 s on a quiet machine
    LIFE_SLACK=${LIFE_SLACK:-6} in_namespace python3 "$SOURCE_DIR/tests/e2e/life.py" "$JAILTOP" "$SOURCE_DIR" "$BATS_TEST_TMPDIR/d" restart
    echo "# $output" >&3
}

@test "1000 half-open clients delay no ban and lock nobody out" {
    LIFE_SLACK=${LIFE_SLACK:-4} in_namespace python3 "$SOURCE_DIR/tests/e2e/life.py" "$JAILTOP" "$SOURCE_DIR" "$BATS_TEST_TMPDIR/d" half-open
    echo "# $output" >&3
}

@test "the timed whitelist outlives a kill and a restart, and not its end" {
    in_namespace python3 "$SOURCE_DIR/tests/e2e/life.py" "$JAILTOP" "$SOURCE_DIR" "$BATS_TEST_TMPDIR/d" white
}
