#!/bin/sh
# generate.sh JAILTOP [--check]: fills the sections between BEGIN and END of the man pages from what they
# describe: the key table (jailtop --keys) and the headers of the protocol. --check only compares.
set -eu
top=$1 check=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# roff: a backslash is \e, a dot or quote at a line's start needs \&, a minus is a minus
roff() { sed 's/\\/\\e/g; s/-/\\-/g; s/^\([.'\'']\)/\\\&\1/'; }

"$top" --keys >"$work/keys.tsv"
roff <"$work/keys.tsv" | awk -F '\t' '
    { where = $1 == "everywhere" ? "" : " (" $1 ")"; print ".TP\n.B \"" ($2 == "\"" ? "\\(dq" : $2) where "\"\n" $3 }' >"$work/KEYS"
# the head comment of wire.h, without its first three lines of comment markers
awk '/^ \*\//{exit} NR > 1 { sub(/^ \* ?/, ""); print }' "$root/include/jailtop/wire.h" | sed '1,2d' | roff >"$work/WIRE"
awk '/^#define EVENT_TABLE/{on=1; next} on && /^enum/{exit}
    on && /X\(/ { match($0, /"[^"]*"/); name = substr($0, RSTART + 1, RLENGTH - 2)
        fields = $0; sub(/^.*\/\* */, "", fields); sub(/ *\*\/.*$/, "", fields); printf "%-10s %s\n", name, fields }' \
    "$root/include/jailtop/event.h" | roff >"$work/EVENTS"
awk '/^#define WIRE_/{ name = $2; $1 = $2 = ""; sub(/^ +/, ""); sub(/ *\/\* */, "   "); sub(/ *\*\/.*/, ""); printf "%-18s %s\n", name, $0 }' \
    "$root/include/jailtop/wire.h" | roff >"$work/LIMITS"

rc=0
for page in "$here"/*.[178]; do
    awk -v work="$work" '
        /^\.\\" BEGIN / { print; while ((getline line < (work "/" $3)) > 0) print line; skip = 1; next }
        /^\.\\" END / { skip = 0 }
        !skip' "$page" >"$work/page"
    cmp -s "$work/page" "$page" && continue
    if [ -n "$check" ]; then
        echo "$(basename "$page"): a generated section is stale; run: make man"
        diff "$page" "$work/page" | head -20
        rc=1
    else
        cat "$work/page" >"$page"
        echo "$(basename "$page"): renewed"
    fi
done
exit $rc
