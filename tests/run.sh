#!/bin/bash
# run.sh BUILD-DIR [GROUP|FILE...]: runs the tests and ends with one line, `N passed, N failed, N skipped`.
# Groups: unit (cmocka programs in BUILD-DIR/unit) and the folders of bats files: repo fuzz cli samples
# compat ui accept e2e demo. All speak TAP. Four files run at a time (most wait for something), but one whose text says
# `# run alone` runs by itself afterwards. The output of a file with a failure is shown whole.
set -u
cd "$(dirname "$0")/.." || exit 1
out=$PWD/${1:?run.sh BUILD-DIR [GROUP...]}
shift
[ $# -gt 0 ] || set -- accept compat ui unit cli samples fuzz repo demo e2e # what takes longest begins
export JAILTOP=$out/jailtop BUILD_DIR=$out SOURCE_DIR=$PWD
export CMOCKA_MESSAGE_OUTPUT=TAP LC_ALL=C.UTF-8 TZ=UTC
unset JAILTOP_CONFIG SSH_CONNECTION NO_COLOR TMUX

tap=$out/tap
rm -rf "$tap"
mkdir -p "$tap"
# reports of the sanitizers, also those of daemons whose stderr nobody reads; what was freed is kept for a while, but not so
# much of it that tests which bound the memory of a process measure that
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:quarantine_size_mb=8:log_path=$tap/san}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:log_path=$tap/san}
chmod 1777 "$tap"

run_one() { # FILE: its TAP goes to a file, its tally to another
    local file=$1 name
    name=$(basename "$(dirname "$file")")-$(basename "$file" .bats)
    local log=$tap/$name.tap start=$SECONDS rc
    case $file in
    *.bats) set -- timeout -k 5 280 bats --tap "$file" ;;
    *) set -- timeout -k 5 120 "$file" ;;
    esac
    # timeout leads a process group of its own, so an interrupt has to be handed on to it
    "$@" >"$log" 2>&1 </dev/null &
    trap "kill $! 2>/dev/null; exit 130" INT TERM HUP
    wait $!
    rc=$?
    awk -v rc=$rc -v name="$name" -v sec=$((SECONDS - start)) -v tally="$tap/$name.tally" '
        /^1\.\.[0-9]+/ { split($1, p, "\\.\\."); planned += p[2] }
        # cmocka 1.1.5 says "not ok N # SKIP"
        /^(not )?ok [0-9]+ .*# *[Ss][Kk][Ii][Pp]/ {
            why = $0; sub(/^(not )?ok [0-9]+ *-? */, "", why); skips[s++] = why; seen++; next }
        /^ok / { passed++; seen++ }
        /^not ok / { failed++; seen++ }
        END {
            if (seen < planned) { failed += planned - seen; note = " (" planned - seen " never ran)" }
            if (rc != 0 && failed == 0) failed++
            if (seen + failed == 0) { failed++; note = " (no test in it)" }
            if (rc == 124 || rc == 137) note = note " (out of time)"
            printf "%-7s %-34s %3d passed", failed ? "FAILED" : "ok", name, passed
            if (failed) printf ", %d failed%s (exit %d)", failed, note, rc
            if (s) printf ", %d skipped", s
            if (sec > 9) printf "  %d s", sec
            print ""
            for (i = 0; i < s; i++) print "        skipped: " skips[i]
            print passed + 0, failed + 0, s + 0 > tally
        }' "$log" >"$log.sum"
    cat "$log.sum"
    if grep -q '^FAILED' "$log.sum"; then
        sed 's/^/    | /' "$log"
    fi
}
export -f run_one
export tap

both=() alone=()
add() {
    local text=$1
    [ -e "tests/unit/$(basename "$1").c" ] && text=tests/unit/$(basename "$1").c
    if grep -qs 'run alone' "$text"; then alone+=("$1"); else both+=("$1"); fi
}
for group; do
    case $group in
    unit) for f in tests/unit/test_*.c; do [ -e "$f" ] && add "$out/unit/$(basename "$f" .c)"; done ;;
    *.bats | */unit/*) add "$group" ;;
    *) for f in tests/"$group"/*.bats; do [ -e "$f" ] && add "$f"; done ;;
    esac
done

start=$SECONDS
[ ${#both[@]} -gt 0 ] && printf '%s\0' "${both[@]}" |
    xargs -0 -n 1 -P "${TEST_JOBS:-4}" bash -c 'text=$(run_one "$1"); printf "%s\n" "$text"' run_one
for f in "${alone[@]}"; do run_one "$f"; done

sanitizer=0
for f in "$tap"/san.*; do
    [ -e "$f" ] || continue
    sanitizer=$((sanitizer + 1))
    echo "FAILED  a sanitizer reports:"
    sed 's/^/    | /' "$f"
done
echo "took $((SECONDS - start)) s"
cat "$tap"/*.tally 2>/dev/null | awk -v san=$sanitizer '
    { p += $1; f += $2; s += $3 }
    END { f += san; printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0 }'
