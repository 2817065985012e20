# every line of tests/samples/*.log gets its verdict from the filters of sample-configs:
# with jailtop's own tester, and with fail2ban's, because the filters are in its dialect

load samples.bash

check_all() { # TESTER
    local log bad=0
    for log in "$SOURCE_DIR"/tests/samples/*.log; do
        echo "$(basename "$log"): - expected, + found"
        sample_check "$1" "$log" || bad=1
    done
    return $bad
}

@test "samples get their verdicts from jailtop regex" {
    check_all "$JAILTOP regex"
}

@test "samples get the same verdicts from fail2ban-regex" {
    command -v fail2ban-regex >/dev/null || skip "fail2ban-regex is not installed"
    check_all fail2ban-regex
}

@test "every filter has samples" {
    local filter
    for filter in "$SOURCE_DIR"/sample-configs/filter.d/*.conf; do
        filter=$(basename "$filter" .conf)
        [ "$filter" = common ] || [ -e "$SOURCE_DIR/tests/samples/$filter.log" ] || { echo "none for $filter"; return 1; }
    done
}
