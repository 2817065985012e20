#!/bin/bash
# config.sh JAILTOP [RUNS]: time and memory of reading the stock configuration with every jail enabled, side by
# side with fail2ban-client in one run, turn about. Quote the ratio: machines and minutes differ.
set -eu
jailtop=$(realpath "$1") runs=${2:-10}
stock=${STOCK:-/etc/fail2ban}
command -v fail2ban-client >/dev/null || { echo "config: fail2ban is not installed"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R "$stock"/. "$work"
sed -n 's/^\[\([^]]*\)\].*/\1/p' "$work/jail.conf" | grep -vx -e INCLUDES -e DEFAULT |
    sed 's/.*/[&]\nenabled = true/' >"$work/jail.local"

# milliseconds of wall clock and of CPU, for COUNT runs of a command, on one line
TIMEFORMAT='%3R %3U %3S'
measure() {
    local count=$1
    shift
    { time for ((i = 0; i < count; i++)); do "$@" >/dev/null 2>&1; done; } 2>&1 |
        awk -v n="$count" '{ printf "%.2f %.2f\n", $1 * 1000 / n, ($2 + $3) * 1000 / n }'
}
rss() { # KiB at most
    if [ -x /usr/bin/time ]; then
        /usr/bin/time -f '%M' -o "$work/.rss" "$@" >/dev/null 2>&1 && cat "$work/.rss"
    else
        echo 0
    fi
}
ours=("$jailtop" client -c "$work" -d) theirs=(fail2ban-client -c "$work" -d)
cmp -s <("${ours[@]}" 2>/dev/null) <("${theirs[@]}" 2>/dev/null) || { echo "config: the streams differ"; exit 1; }
commands=$("${ours[@]}" 2>/dev/null | wc -l)
for ((r = 0; r < runs; r++)); do
    echo "t $(measure 1 "${theirs[@]}")"
    echo "o $(measure 5 "${ours[@]}")"
done | sort -k1,1 -k3,3n | awk -v commands="$commands" -v jails="$(grep -c '^\[' "$work/jail.local")" \
    -v our_rss="$(rss "${ours[@]}")" -v their_rss="$(rss "${theirs[@]}")" '
    { wall[$1, ++n[$1]] = $2; cpu[$1, n[$1]] = $3 }
    END {
        m = int((n["o"] + 1) / 2)
        printf "%d jails, %d commands (median CPU of %d runs)\n", jails, commands, n["o"]
        printf "%-16s %10s %10s %10s\n", "", "CPU ms", "wall ms", "RSS KiB"
        printf "%-16s %10.1f %10.1f %10d\n", "fail2ban-client", cpu["t", m], wall["t", m], their_rss
        printf "%-16s %10.1f %10.1f %10d\n", "jailtop client", cpu["o", m], wall["o", m], our_rss
        printf "ratio            %9.1fx %9.1fx\n", cpu["t", m] / cpu["o", m], wall["t", m] / wall["o", m]
    }'
