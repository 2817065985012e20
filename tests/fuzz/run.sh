#!/bin/sh
# run.sh BUILD NAME LIMIT...: one libFuzzer harness, on its corpus and on what earlier runs found (BUILD/corpus/NAME);
# LIMIT is for libFuzzer. One line when it is clean; the report and a copy of the input when it is not.
set -eu
build=$1 name=$2
shift 2
mkdir -p "$build/corpus/$name"
if "$build/fuzz/fuzz_$name" "$@" -timeout=20 -print_final_stats=1 -artifact_prefix="$build/" "$build/corpus/$name" \
    "tests/fuzz/corpus/$name" 2>"$build/$name.log"; then
    awk -v name="$name" '/^Done / { runs = $2; seconds = $5 } / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1) }
        END { printf "fuzz: %s: %d inputs in %d s, %d edges, clean\n", name, runs, seconds, edges }' "$build/$name.log"
else
    tail -40 "$build/$name.log"
    exit 1
fi
