#!/bin/bash
# config.sh JAILTOP [RUNS]: time and memory of reading the stock configuration with every jail enabled, side by
# side with fail2ban-client in one run, turn about. Quote the ratio: machines and minutes differ.
set -eu
jailtop=$(realpath "$1") runs=${2:-10}
here=$(dirname "$(realpath "$0")") stock=${STOCK:-/etc/fail2ban}
command -v fail2ban-client >/dev/null || { echo "config: fail2ban is not installed"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R "$stock"/. "$work"
sed -n 's/^\[\([^]]*\)\].*/\1/p' "$work/jail.conf" | grep -vx -e INCLUDES -e DEFAULT |
    sed 's/.*/[&]\nenabled = true/' >"$work/jail.local"

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
"$here/turns.py" "$runs" t "${theirs[@]}" -- o "${ours[@]}" |
    awk -v commands="$commands" -v jails="$(grep -c '^\[' "$work/jail.local")" -v runs="$runs" \
        -v our_rss="$(rss "${ours[@]}")" -v their_rss="$(rss "${theirs[@]}")" '
    { cpu[$1] = $2; wall[$1] = $3 }
    END {
        printf "%d jails, %d commands (medians of %d runs)\n", jails, commands, runs
        printf "%-16s %10s %10s %10s\n", "", "CPU ms", "wall ms", "RSS KiB"
        printf "%-16s %10.1f %10.1f %10d\n", "fail2ban-client", cpu["t"], wall["t"], their_rss
        printf "%-16s %10.1f %10.1f %10d\n", "jailtop client", cpu["o"], wall["o"], our_rss
        printf "ratio            %9.1fx %9.1fx\n", cpu["t"] / cpu["o"], wall["t"] / wall["o"]
    }'
