#!/usr/bin/env bats
# The engine's state and life by a client of its own (tests/e2e/engine.py). Without root it runs dry: skipped.

setup_file() {
    [ "$(id -u)" = 0 ] || skip "needs root: actions do not run without"
    unshare -n true 2>/dev/null || skip "this machine allows no network namespaces"
}

state() { # FILE TEST
    run timeout 120 unshare -n python3 "$SOURCE_DIR/tests/e2e/$1.py" "$JAILTOP" "$BATS_TEST_TMPDIR/d" "$2"
    echo "$output"
    [ "$status" = 0 ]
}

@test "failures that wait for ignorecommand survive a kill and a stop, and count once" { state state parked; }
@test "ignorecommand runs a few at a time" { state state crowd; }
