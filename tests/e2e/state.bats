#!/usr/bin/env bats
# The engine's state and life by a client of its own (tests/e2e/engine.py). Without root it runs dry: skipped.

setup_file() {
    [ "$(id -u)" = 0 ] || skip "needs root: actions do not run without"
    unshare -n true 2>/dev/null || skip "this machine allows no network namespaces"
}

NAMESPACES=-n
state() { # FILE TEST
    run timeout 120 unshare $NAMESPACES "${PYTHON:-python3}" "$SOURCE_DIR/tests/e2e/$1.py" "$JAILTOP" "$BATS_TEST_TMPDIR/d" "$2" 3>&-
    echo "$output"
    [ "$status" = 0 ]
}

@test "failures that wait for ignorecommand survive a kill and a stop, and count once" { state state parked; }
@test "a disk that is full or read-only, a file that is no database" {
    unshare -m mount --make-rprivate / 2>/dev/null || skip "this machine allows no mount namespaces"
    NAMESPACES=-nm state state database
}
@test "ignorecommand runs a few at a time" { state state crowd; }
@test "ignorecommand has an action's tags" { state state tags; }

@test "the second socket lets a group look, and nobody change anything" { state life_cycle monitor; }
@test "sockets and readiness as a service manager wants them" { state life_cycle activation; }
@test "TERM, INT, HUP and USR1" { state life_cycle signals; }
@test "a ban of before is not restored for who is ignored by now" { state state restored; }
@test "an idle jail reads afterwards what was written meanwhile" { state state idle; }
@test "a file where the socket should be stays, and is named" { state life_cycle taken; }
@test "a second engine is refused with the pid of the first one; after a kill it is not" { state life_cycle second; }

@test "requests in every opcode that writers of fail2ban's protocol use; replies that any reader loads" { state proto opcodes; }
@test "arguments of any type, and none: an answer, and the engine lives on" { state proto types; }
@test "fail2ban's own socket class" {
    /usr/bin/python3 -c 'import sys; sys.path.append("/usr/lib/python3/dist-packages"); import fail2ban.client.csocket' 2>/dev/null ||
        skip "fail2ban's modules are not installed"
    PYTHON=/usr/bin/python3 state proto library
}

@test "an exporter that reads status, by both clients" { state readers metrics; }
@test "a dashboard that reads the database while it is written" { state readers dashboard; }
@test "a shipper that reads the log, with lines that an attacker made up" { state readers shipper; }
@test "--json for every command, errors too" { state readers as_json; }
@test "clients that do not read, ask too much or stop in the middle" { state life_cycle clients; }
