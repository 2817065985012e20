#!/bin/bash
# layers.sh: holds every #include "…" of src, ui and include against tests/layers.txt.
# Also: one library, one file that includes its header. Prints what breaks the rule; exit 1 if anything does.
set -u
cd "$(dirname "$0")/.." || exit 1
awk '
function rule_for(file,    i, best) {
    for (i = 1; i <= n; i++)
        if (file ~ where[i] && length(where[i]) > length(where[best])) best = i
    return best
}
function glob(g) { gsub(/\./, "\\.", g); gsub(/\*/, ".*", g); return "^" g }
FILENAME == "tests/layers.txt" {
    sub(/#.*/, "")
    if (NF == 0) next
    n++
    where[n] = glob($1) ($1 ~ /\.[ch*]/ ? "$" : "/")
    name[n] = $1
    for (i = 2; i <= NF; i++) may[n, i - 1] = $i
    count[n] = NF - 1
    next
}
FNR == 1 {
    files++
    r = rule_for(FILENAME)
    if (!r) { print FILENAME ": no rule for it in tests/layers.txt"; bad++ }
    dir = FILENAME; sub(/\/[^\/]*$/, "", dir)
}
/^[ \t]*#[ \t]*include[ \t]*"/ && r {
    split($0, q, "\""); inc = q[2]
    checked++
    ok = 0
    for (i = 1; i <= count[r] && !ok; i++) {
        g = may[r, i]
        if (g == "own") {
            own = dir; sub(/^src\/?/, "", own)
            ok = inc !~ /\// || index(inc, own "/") == 1
        } else ok = inc ~ (glob(g) "$")
    }
    # whatever the table says: nothing but applets sees an applet, src never sees ui, nobody climbs
    if (inc ~ /^applet\// && dir != "src/applet") ok = 0
    if (inc ~ /^(\.\.|ui)\//) ok = 0
    if (!ok) { print FILENAME ":" FNR ": " name[r] " may not include \"" inc "\""; bad++ }
}
END {
    if (!bad) print "layers: " checked " includes in " files " files keep the rule"
    exit bad > 0
}' tests/layers.txt $(find src ui include -name '*.[ch]' | sort) || exit 1

# a library's header stands in one file (or the few named here), so that it can be changed there
bad=0
one() { # HEADER FILE...: who may include it
    local header=$1 f
    shift
    for f in $(grep -lrE "^[ \t]*#[ \t]*include[ \t]*<$header" src ui include); do
        case " $* " in
        *" $f "*) ;;
        *) echo "$f: <$header> belongs to $*"; bad=1 ;;
        esac
    done
}
# the screen is another process: find and filter are its own expressions
one pcre2.h src/match/regex.c ui/sieve.c
one 'n?curses' ui/term.c
one sqlite3.h src/store/sqlite.h
one systemd/sd-journal.h include/base/systemd.h
exit $bad
