#!/bin/sh
# run.sh BUILD RUNS SOCKET_RUNS NAME...: the libFuzzer harnesses, as many at a time as there are processors, each on its
# corpus and on what earlier runs found (BUILD/corpus/NAME). RUNS inputs for each; SOCKET_RUNS for those of what the socket
# reads, which are quick. One line for one that is clean; the report and a copy of the input for one that is not.
set -eu
build=$1 runs=$2 socket_runs=$3
shift 3
if [ $# -ne 1 ]; then
    { printf '%s\n' filter dates; printf '%s\n' "$@"; } | awk '!seen[$0]++' | # what takes longest begins
        xargs -P "$(nproc)" -I{} "$0" "$build" "$runs" "$socket_runs" {}
    exit
fi
name=$1
case $name in pickle_read | json_request) runs=$socket_runs ;; esac
mkdir -p "$build/corpus/$name"
if "$build/fuzz/fuzz_$name" -runs="$runs" -max_len=8192 -timeout=20 -print_final_stats=1 -artifact_prefix="$build/" \
    "$build/corpus/$name" "tests/fuzz/corpus/$name" 2>"$build/$name.log"; then
    awk -v name="$name" '/^Done / { runs = $2; seconds = $5 } / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1) }
        END { printf "fuzz: %s: %d inputs in %d s, %d edges, clean\n", name, runs, seconds, edges }' "$build/$name.log"
else
    tail -40 "$build/$name.log"
    exit 1
fi
