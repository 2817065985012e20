#!/usr/bin/env bats
# cutconnections: established connections of who is banned. In a network namespace of its own.

@test "cutconnections = yes ends the connections of who is banned, IPv4 and IPv6, and of nobody else" {
    [ "$(id -u)" = 0 ] || skip "needs root: a network namespace"
    unshare -n ip link set lo up 2>/dev/null || skip "this machine allows no network namespaces"
    unshare -n sh -c 'ip link set lo up; exec python3 -c "
import socket, subprocess
l = socket.create_server((\"127.0.0.1\", 0)); c = socket.create_connection(l.getsockname())
subprocess.run([\"ss\", \"-K\", \"dst\", \"127.0.0.1\"], capture_output=True)
c.sendall(b\"x\")"' 2>/dev/null && skip "this kernel cannot end sockets (INET_DIAG_DESTROY)"
    run timeout 120 unshare -n python3 "$SOURCE_DIR/tests/e2e/cut.py" "$JAILTOP" "$BATS_TEST_TMPDIR/d"
    echo "$output"
    [ "$status" = 0 ]
}
