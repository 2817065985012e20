# tests/need.sh: asks for packages only when something is missing, and says the command when it cannot install

setup() {
    bin=$BATS_TEST_TMPDIR/bin
    mkdir -p "$bin"
    local tool
    for tool in sh cat chmod tee rm env ls find head touch; do ln -s "$(command -v $tool)" "$bin/"; done
    printf '#!/bin/sh\necho "apt-get $*" >>"%s/asked"\ncase $1 in install) touch "%s/got" ;; esac\n' "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR" >"$bin/apt-get"
    printf '#!/bin/sh\necho "[apt-cache]" >/dev/null\n' >"$bin/apt-cache"
    printf '#!/bin/sh\necho 0\n' >"$bin/id"
    chmod +x "$bin"/*
}

need() { PATH=$bin sh "$SOURCE_DIR/tests/need.sh" "$@"; }

@test "nothing is asked or said when all is there" {
    run need build 'shell|shell|sh libc6-dev|glibc-devel|stdio.h'
    [ "$status" = 0 ]
    [ -z "$output" ]
    [ ! -e "$BATS_TEST_TMPDIR/asked" ]
}

@test "what is missing is named, then installed" {
    run need build 'shell|shell|sh nosuch-dev|nosuch-devel|nosuch.h other|other|no-such-program'
    [ "$status" = 0 ]
    [[ $output == *"about to install"*"nosuch-dev other"* ]]
    grep -q 'install -y --no-install-recommends nosuch-dev other' "$BATS_TEST_TMPDIR/asked"
}

@test "without root and sudo it says what to type" {
    printf '#!/bin/sh\necho 1000\n' >"$bin/id"
    run need build 'nosuch-dev|nosuch-devel|nosuch.h'
    [ "$status" = 1 ]
    [[ $output == *"as root, type:  apt-get install -y --no-install-recommends nosuch-dev"* ]]
    run need more 'nosuch-dev|nosuch-devel|nosuch.h'
    [ "$status" = 0 ]
    [[ $output == *"going on without"* ]]
}

@test "Fedora gets Fedora's names" {
    rm "$bin/apt-get"
    printf '#!/bin/sh\necho "dnf $*" >>"%s/asked"\n' "$BATS_TEST_TMPDIR" >"$bin/dnf"
    chmod +x "$bin/dnf"
    run need build 'nosuch-dev|nosuch-devel|nosuch.h'
    [ "$status" = 0 ]
    grep -q 'dnf install -y nosuch-devel' "$BATS_TEST_TMPDIR/asked"
}

@test "stale package lists are renewed once" {
    printf '#!/bin/sh\necho "apt-get $*" >>"%s/asked"\ncase $1 in install) [ -e "%s/updated" ] ;; update) touch "%s/updated" ;; esac\n' \
        "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR" >"$bin/apt-get"
    run need build 'nosuch-dev|nosuch-devel|nosuch.h'
    [ "$status" = 0 ]
    [ "$(grep -c update "$BATS_TEST_TMPDIR/asked")" = 1 ]
}
