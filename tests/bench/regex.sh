#!/bin/bash
# regex.sh JAILTOP [LINES]: `jailtop regex` with the sshd filter beside fail2ban-regex and `grep -cP` of the same
# expressions, in turn in each of five rounds, on two kinds of auth.log: A under heavy attack, B with some.
# Figures are cpu seconds (user + system); ratios are medians over the rounds, start-up taken off.
# Ends with 1 when counts differ or a goal is missed: 60 x fail2ban-regex, grep -cP's time, 20 ms, 12 MiB.
set -eu
jailtop=$(realpath "${1:?regex.sh JAILTOP [LINES]}") lines=${2:-1000000}
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C.UTF-8 TZ=UTC
conf=/etc/fail2ban
[ -d $conf/filter.d ] || conf=$PWD/sample-configs
options=(--usedns=no --no-check-all --print-no-missed --print-no-ignored)
some=$((lines / 20)) status=0 theirs=
command -v fail2ban-regex >/dev/null && theirs=fail2ban-regex

awk -v lines="$lines" -v attack=82 -v seed=1 -f tests/bench/auth.awk | head -n "$lines" >"$work/A"
awk -v lines="$lines" -v attack=15 -v seed=2 -f tests/bench/auth.awk | head -n "$lines" >"$work/B"
for log in A B; do head -n 1 "$work/$log" >"$work/$log.1"; head -n "$some" "$work/$log" >"$work/$log.some"; done

cpu() { # COMMAND...: cpu seconds; its output stays in $work/out
    local TIMEFORMAT='%3U %3S'
    { time "$@" >"$work/out" 2>/dev/null; } 2>"$work/time" || true
    awk '{ print $1 + $2 }' "$work/time"
}
median() { sort -g | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

# one alternation of the filter's expressions, for grep
"$jailtop" regex -c "$conf" --json x sshd | jq -r '.failregex[].source' >"$work/sources"
prefix=$("$jailtop" regex -c "$conf" --usedns=no x sshd | sed -n '/^Prefregex/{n;s/^|  //p}')
ip='\[?(?:(?:::f{4,6}:)?((?:\d{1,3}\.){3}\d{1,3})|((?:[0-9a-fA-F]{1,4}::?|::){1,7}(?:[0-9a-fA-F]{1,4}|(?<=:):)))\]?'
{
    printf '(?J)%s(?:' "$(sed 's/(?P<content>\.+)\$$//' <<<"$prefix" | sed 's/^^/^.{15}/')"
    sed -E "s/^\^//; s#</F-[A-Z_]+>#)#g; s/<F-[A-Z_]+>/(/g" "$work/sources" | awk -v ip="$ip" '
        { out = ""
          while ((i = index($0, "<HOST>")) > 0) { out = out substr($0, 1, i - 1) ip; $0 = substr($0, i + 6) }
          printf("%s%s", (NR > 1 ? "|" : ""), out $0) }'
    printf ')'
} >"$work/alternation"

printf '%-4s %9s %8s  %14s  %14s  %9s  %9s\n' log lines found 'jailtop l/s' 'fail2ban l/s' 'ratio' 'grep/ours'
for log in A B; do
    for round in 1 2 3 4 5; do
        cpu "$jailtop" regex -c "$conf" "${options[@]}" "$work/$log.1" sshd >>"$work/$log.ours1"
        cpu "$jailtop" regex -c "$conf" "${options[@]}" "$work/$log" sshd >>"$work/$log.ours"
        ours=$(sed -n 's/^Lines: //p' "$work/out")
        paste "$work/$log.ours" "$work/$log.ours1" | tail -1 | awk -v n="$lines" '{ print ($1 - $2) / n }' >"$work/a"
        cpu grep -cPf "$work/alternation" "$work/$log" | awk -v n="$lines" '{ print $1 / n }' >"$work/g"
        paste "$work/g" "$work/a" | awk '{ print $1 / $2 }' >>"$work/$log.grep"
        if [ -n "$theirs" ]; then
            cpu $theirs -c "$conf" "${options[@]}" "$work/$log.1" sshd >"$work/b1"
            cpu $theirs -c "$conf" "${options[@]}" "$work/$log.some" sshd >"$work/b"
            paste "$work/b" "$work/b1" "$work/a" | awk -v n="$some" '{ t = ($1 - $2) / n; print t / $3; print 1 / t > "/dev/stderr" }' \
                >>"$work/$log.ratio" 2>>"$work/$log.speed"
        fi
    done
    if [ -n "$theirs" ]; then
        $theirs -c "$conf" "${options[@]}" "$work/$log.some" sshd | sed -n 's/^Lines: //p' >"$work/want"
        "$jailtop" regex -c "$conf" "${options[@]}" "$work/$log.some" sshd | sed -n 's/^Lines: //p' | cmp -s - "$work/want" ||
            { echo "$log: the counts differ"; status=1; }
    fi
    found=$(sed 's/.*ignored, \([0-9]*\) matched.*/\1/' <<<"$ours")
    speed=$(paste "$work/$log.ours" "$work/$log.ours1" | awk -v n="$lines" '{ print n / ($1 - $2) }' | median)
    ratio=- other=-
    if [ -n "$theirs" ]; then
        ratio=$(median <"$work/$log.ratio") other=$(median <"$work/$log.speed")
        awk -v r="$ratio" 'BEGIN { exit r < 60 }' || status=1
    fi
    grep=$(median <"$work/$log.grep")
    awk -v g="$grep" 'BEGIN { exit g < 1 }' || status=1
    printf '%-4s %9d %8d  %14.0f  %14.0f  %8.0fx  %9.2f\n' $log "$lines" "$found" "$speed" "${other/-/0}" "${ratio/-/0}" "$grep"
done
start=$(median <"$work/A.ours1")
peak=$("$jailtop" regex -c "$conf" "${options[@]}" "$work/A" sshd >/dev/null & pid=$!; peak=0
    while kill -0 $pid 2>/dev/null; do
        now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' /proc/$pid/status 2>/dev/null || true)
        [ -n "$now" ] && [ "$now" -gt "$peak" ] && peak=$now
        sleep 0.01
    done
    echo "$peak")
printf 'start-up %.0f ms of cpu, peak memory %.1f MiB on %d lines\n' "$(awk -v s="$start" 'BEGIN { print s * 1000 }')" \
    "$(awk -v p="$peak" 'BEGIN { print p / 1024 }')" "$lines"
awk -v s="$start" -v p="$peak" 'BEGIN { exit s > 0.020 || p > 12288 }' || status=1
[ $status = 0 ] || echo "a goal was missed: 60 x fail2ban-regex, no slower than grep -cP, 20 ms, 12 MiB"
exit $status
