# the harnesses of `make fuzz`, run on their corpora: inputs that once were interesting stay harmless

@test "every harness survives its corpus" {
    local harness name
    for harness in "$SOURCE_DIR"/tests/fuzz/fuzz_*.c; do
        name=$(basename "$harness" .c)
        echo "$name"
        ls "$SOURCE_DIR/tests/fuzz/corpus/${name#fuzz_}"/* >/dev/null
        timeout 60 "$BUILD_DIR/fuzz/$name" "$SOURCE_DIR/tests/fuzz/corpus/${name#fuzz_}"/*
    done
}
