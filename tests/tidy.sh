#!/bin/sh
# tidy.sh FLAG... -- FILE...: clang-tidy over the files, silent when it finds nothing. For `make lint`.
files= flags= seen=
for word; do
    if [ "$word" = -- ] && [ -z "$seen" ]; then seen=yes
    elif [ -n "$seen" ]; then files="$files $word"
    fi
done
while [ "$1" != -- ]; do set -- "$@" "$1"; shift; done
shift
# what is left: the files, then the flags, in order
for word in $files; do shift; done
out=$(clang-tidy --quiet $files -- "$@" 2>&1) || { printf '%s\n' "$out"; exit 1; }
printf '%s\n' "$out" | grep -E ': (warning|error):' && exit 1
exit 0
