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
