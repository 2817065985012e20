#!/bin/bash
# regex.sh JAILTOP [LINES]: lines per second of `jailtop regex` with our filters over a made-up attack, and of
# fail2ban-regex if it is installed. Quote ratios of one run: machines and minutes differ.
set -eu
jailtop=$(realpath "$1") lines=${2:-100000}
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
seconds=$((lines / 4 + 10))
LC_ALL=C awk -f sample-configs/demo/attack -- dir="$work" seconds=$seconds fast=1 seed=3

time_of() { # TESTER LOG FILTER
    local from to
    from=$(date +%s.%N)
    $1 -c sample-configs -r --print-no-missed --print-no-ignored -o id "$2" "$3" >"$work/out" || return 1
    to=$(date +%s.%N)
    awk -v a="$from" -v b="$to" 'BEGIN { print b - a }'
}
printf '%-18s %9s  %12s  %12s  %s\n' filter lines 'jailtop l/s' 'fail2ban l/s' ratio
for pair in sshd:auth.log nginx-botsearch:access.log postfix-sasl:mail.log; do
    filter=${pair%:*} log=$work/${pair#*:}
    while [ "$(wc -l <"$log")" -lt "$lines" ]; do cat "$log" "$log" >"$work/twice"; mv "$work/twice" "$log"; done
    head -n "$lines" "$log" >"$work/log"
    ours=$(time_of "$jailtop regex" "$work/log" $filter)
    found=$(wc -l <"$work/out")
    theirs=
    if command -v fail2ban-regex >/dev/null; then
        head -n $((lines / 10)) "$work/log" >"$work/tenth"
        theirs=$(time_of fail2ban-regex "$work/tenth" $filter)
    fi
    awk -v f=$filter -v n="$lines" -v o="$ours" -v t="${theirs:-0}" -v k="$found" 'BEGIN {
        a = n / o; b = t > 0 ? n / 10 / t : 0
        printf "%-18s %9d  %12d  %12s  %s   (%d found)\n", f, n, a, b ? sprintf("%d", b) : "-", b ? sprintf("%.0fx", a / b) : "-", k }'
done
