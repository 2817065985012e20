# sample_check TESTER LOG: runs one sample file through a fail2ban-regex (or jailtop regex) and
# compares "ADDRESS USER" of every line that counts, in order, with the "#=" lines of the file.
sample_check() {
    local tester=$1 log=$2 filter want got
    filter=$(sed -n 's/^#: //p' "$log")
    grep -v '^#' "$log" >"$BATS_TEST_TMPDIR/log"
    want=$(sed -n 's/^#= //p' "$log")
    got=$($tester -c "$SOURCE_DIR/sample-configs" -r -o '<ip> <F-USER>' "$BATS_TEST_TMPDIR/log" "$filter")
    diff -U0 <(printf '%s\n' "$want") <(printf '%s\n' "$got")
}
