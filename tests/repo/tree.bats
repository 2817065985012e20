# the tree itself: documents name only what exists, folders include what they may, generated text is fresh

setup() {
    cd "$SOURCE_DIR" || return 1
}

@test "the include rule holds" {
    tests/layers.sh
}

@test "every file that HACKING.md and README.md name exists" {
    local name bad=0
    # in backquotes or as a link: something with a folder in it, or a bare file name with a suffix
    for name in $(grep -ohE '\]\([^)# ]+\)|`[A-Za-z0-9_./-]+`|(src|ui|include|tests|sample-configs|screenshots)/[A-Za-z0-9_./-]*[A-Za-z0-9_/]' HACKING.md README.md |
        sed 's/^](//; s/)$//; s/`//g' | sort -u); do
        case $name in
        http* | /* | *PREFIX* | PATH) continue ;;
        */* | *.c | *.h | *.sh | *.md | *.bats | Makefile) [ -e "$name" ] || { echo "not there: $name"; bad=1; } ;;
        esac
    done
    return $bad
}

@test "the generated sections of the man pages are fresh" {
    src/man/generate.sh "$JAILTOP" --check
}

@test "man pages have no roff errors" {
    command -v man >/dev/null || skip "man is not installed"
    local page text
    for page in src/man/*.[178]; do
        text=$(MANWIDTH=80 man --warnings -l "$page" 2>&1 >/dev/null)
        [ -z "$text" ] || { echo "$page: $text"; return 1; }
    done
}

@test "only the folders that belong there stand at the top" {
    local name
    for name in $(git ls-files 2>/dev/null | grep / | cut -d/ -f1 | sort -u); do
        case $name in
        .ci | src | ui | include | sample-configs | tests | screenshots) ;;
        *) echo "a folder too many: $name"; return 1 ;;
        esac
    done
}

@test "no dashed-off work is left in the sources" {
    ! grep -nE '\b(TODO|FIXME|XXX)\b' -r src ui include
}
