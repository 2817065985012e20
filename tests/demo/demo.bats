# run alone
# make demo: without a terminal it proves itself by what was banned, and it leaves nothing behind

run_demo() { "$SOURCE_DIR/sample-configs/demo/run" "$JAILTOP"; }
setup() {
    export TMPDIR=$BATS_TEST_TMPDIR/t
    mkdir -m 1777 "$TMPDIR"
}

@test "the same seed plays the same attack" {
    local n a=$SOURCE_DIR/sample-configs/demo/attack
    for n in 1 2 3; do mkdir "$BATS_TEST_TMPDIR/$n"; done
    awk -f "$a" -- dir="$BATS_TEST_TMPDIR/1" seconds=60 fast=1 seed=7
    awk -f "$a" -- dir="$BATS_TEST_TMPDIR/2" seconds=60 fast=1 seed=7
    awk -f "$a" -- dir="$BATS_TEST_TMPDIR/3" seconds=60 fast=1 seed=8
    diff -r "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
    ! cmp -s "$BATS_TEST_TMPDIR/1/auth.log" "$BATS_TEST_TMPDIR/3/auth.log"
}

@test "the attack has dozens of sources, both families, and a hostile line" {
    local a=$SOURCE_DIR/sample-configs/demo/attack
    awk -f "$a" -- dir="$BATS_TEST_TMPDIR" seconds=60 fast=1
    [ "$(grep -ahoE 'from [0-9a-f.:]+ port|^[0-9a-f.:]+ - -' "$BATS_TEST_TMPDIR"/*.log | sort -u | wc -l)" -gt 36 ]
    [ "$(grep -ac 'from 2001:db8:' "$BATS_TEST_TMPDIR/auth.log")" -gt 10 ]
    LC_ALL=C grep -q $'\033]0;' "$BATS_TEST_TMPDIR/auth.log"
    # nothing but addresses for documentation and benchmarks
    ! grep -ahoE '\b[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+\b' "$BATS_TEST_TMPDIR"/*.log | grep -vE '^(198\.1[89]|192\.0\.2|198\.51\.100|203\.0\.113)\.'
}

@test "without a terminal it bans, sums up, ends by itself with 0 and leaves nothing" {
    DEMO_SECONDS=10 run run_demo </dev/null
    echo "$output"
    [ "$status" = 0 ]
    [[ $output =~ ([0-9]+)\ bans ]]
    [ "${BASH_REMATCH[1]}" -ge 3 ]
    [[ $output == *"no f2b- chain is left"* || $output == *"--dry-run"* ]]
    [ -z "$(ls "$TMPDIR")" ]
}

@test "another user than root can run it" {
    [ "$(id -u)" = 0 ] || skip "this already is another user"
    unshare -Urn true 2>/dev/null || skip "no user namespaces here"
    local copy=$BATS_TEST_TMPDIR/copy
    cp -R "$SOURCE_DIR/sample-configs" "$copy"
    cp "$JAILTOP" "$copy/jailtop"
    chmod -R a+rX "$copy" && chmod a+rx "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" 2>/dev/null
    setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$copy/jailtop" || skip "the tests' folder is closed to others"
    DEMO_SECONDS=6 run setpriv --reuid=65534 --regid=65534 --clear-groups "$copy/demo/run" "$copy/jailtop" </dev/null
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *" bans"* ]]
    [ -z "$(ls "$TMPDIR")" ]
}

@test "a SIGTERM ends it, and everything it started" {
    "$SOURCE_DIR/sample-configs/demo/run" "$JAILTOP" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    local demo=$! i engine
    for i in $(seq 100); do
        engine=$(cat "$TMPDIR"/jailtop-demo.*/pid 2>/dev/null) && [ -n "$engine" ] && break
        sleep 0.1
    done
    cat "$BATS_TEST_TMPDIR/out"
    [ -n "$engine" ]
    kill -TERM $demo
    wait $demo || true
    for i in $(seq 100); do kill -0 "$engine" 2>/dev/null || break; sleep 0.1; done
    ! kill -0 "$engine" 2>/dev/null
    [ -z "$(ls "$TMPDIR")" ]
}
