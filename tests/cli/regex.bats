# `jailtop regex`: what it prints and how it ends

setup() {
    cd "$BATS_TEST_TMPDIR" || exit 1
    mkdir -p c/filter.d
    printf '[Definition]\nfailregex = ^ fail <HOST>(?: u=<F-USER>.+</F-USER>)?$\n            ^ worse <HOST>\nignoreregex = 192\\.0\\.2\\.9\nmaxlines = 1\n' >c/filter.d/t.conf
    printf '2026-11-22 08:00:00 fail 192.0.2.1\n2026-11-22 08:00:01 worse 192.0.2.2\n2026-11-22 08:00:02 fail 192.0.2.9\n\n# no line\nother\n2026-11-22 08:00:03 fail 192.0.2.3' >log
}

regex() {
    "$JAILTOP" regex -c c "$@"
}

without_time() {
    sed 's/^\[processed in [0-9.]* sec\]$/[time]/'
}

@test "the report counts expressions, dates and lines" {
    diff - <(regex log t | without_time) <<'EOS'

Running tests
=============

Use   failregex filter file : t, basedir: c
Use         maxlines : 1
Use         log file : log
Use         encoding : UTF-8


Results
=======

Failregex: 2 total
|-  #) [# of hits] regular expression
|   1) [1] ^ fail <HOST>(?: u=<F-USER>.+</F-USER>)?$
|   2) [1] ^ worse <HOST>
`-

Ignoreregex: 1 total
|-  #) [# of hits] regular expression
|   1) [1] 192\.0\.2\.9
`-

Date template hits:
|- [# of hits] date format
|  [3] {^LN-BEG}ExYear(?P<_sep>[-/.])Month(?P=_sep)Day(?:T|  ?)24hour:Minute:Second(?:[.,]Microseconds)?(?:\s*Zone offset)?
`-

Lines: 4 lines, 1 ignored, 2 matched, 1 missed
[time]

|- Ignored line(s):
|  2026-11-22 08:00:02 fail 192.0.2.9
`-
|- Missed line(s):
|  other
`-
EOS
}

@test "-o prints failures and nothing else" {
    [ "$(regex -o id log t)" = $'192.0.2.1\n192.0.2.2' ]
    [ "$(regex -o '<ip>|<time>|<F-USER>|<no>|<F-NO>' '2026-11-22 08:00:00 fail 192.0.2.1 u=bob' t)" = '192.0.2.1|1795334400.0|bob|<no>|' ]
    [ "$(regex -o msg log t)" = $'2026-11-22 08:00:00 fail 192.0.2.1\n2026-11-22 08:00:01 worse 192.0.2.2' ]
    [ "$(regex -o row '2026-11-22 08:00:00 fail 192.0.2.1' t)" = "['192.0.2.1',	1795334400.0,	{'ip4': '192.0.2.1', 'ip6': None, 'dns': None, 'user': None}]," ]
    [ "$(regex -o user '2026-11-22 08:00:00 fail 192.0.2.1' t)" = None ]
}

@test "a line may be given instead of a log, and a log on standard input" {
    regex '2026-11-22 08:00:00 fail 192.0.2.1' t | grep -q '^Lines: 1 lines, 0 ignored, 1 matched, 0 missed$'
    regex - t <log | grep -q '^Lines: 5 lines, 1 ignored, 3 matched, 1 missed$' # also what has no line end
    regex $'2026-11-22 08:00:00 fail 192.0.2.1\nx' t | grep -q '^Use      multi line : 2 line(s)$'
}

@test "too many missed lines are counted, not listed" {
    for i in $(seq 19); do echo "x $i"; done >many
    [ "$(regex many t | grep -c '^|  x ')" = 19 ]
    echo x 20 >>many
    regex many t | grep -q '^Missed line(s): too many to print.  Use --print-all-missed to print all 20 lines$'
    [ "$(regex --print-all-missed many t | grep -c '^|  x ')" = 20 ]
    ! regex --print-no-missed many t | grep -q '^Missed'
}

@test "an expression that is wrong ends with 255 and says where" {
    run regex log 'fail <HOST> (b'
    [ "$status" = 255 ]
    [[ "$output" == *"ERROR: Unable to compile regular expression"*"missing ), unterminated subpattern at position "*"column 13: missing closing parenthesis" ]]
    run regex log nosuchfilter
    [ "$status" = 255 ]
    [[ "$output" == *"ERROR: No failure-id group in 'nosuchfilter'" ]]
    run regex -d '%Q' log t
    [ "$status" = 255 ]
    run regex -e nonsense log t
    [ "$status" = 255 ]
    [[ "$output" == *"unknown encoding: nonsense"* ]]
}

@test "the command line is checked as fail2ban-regex checks it" {
    run regex log
    [ "$status" = 255 ]
    [[ "$output" == *"ERROR: provide both <LOG> and <REGEX>."* ]]
    run regex --nope log t
    [ "$status" = 2 ]
    [[ "$output" == *"no such option: --nope"* ]]
    run regex --print-no-missed --print-all-missed log t
    [ "$status" = 255 ]
    [ "$(regex -V)" = 1.0.2 ]
    [ "$(regex --version)" = "fail2ban-regex 1.0.2" ]
    regex --help | grep -q -- --datepattern
    regex log t -o id --usedns=no >/dev/null # options anywhere
    ln -s "$JAILTOP" fail2ban-regex
    [ "$(./fail2ban-regex -c c -o id log t)" = $'192.0.2.1\n192.0.2.2' ]
}

@test "--json tells of each line what took it, and where the address stands" {
    regex --json log t >out
    [ "$(jq -c '[.lines.total, .lines.ignored, .lines.matched, .lines.missed, .error]' out)" = '[4,1,2,1,null]' ]
    [ "$(jq -c '.failregex | map([.index, .hits, .limit])' out)" = '[[1,1,0],[2,1,0]]' ]
    [ "$(jq -c '.rows | map([.verdict, .regex, .ip])' out)" = '[["match",1,"192.0.2.1"],["match",2,"192.0.2.2"],["ignored",null,null],["miss",null,null]]' ]
    [ "$(jq -r '.rows[0] | .line[.from:.to]' out)" = 192.0.2.1 ]
    [ "$(jq '.rows[0].time == 1795334400' out)" = true ]
    [ "$(jq -c '.rows[0].groups.user' out)" = null ]
    [ "$(regex --json --rows 2 log t | jq '.rows | length')" = 2 ]
    [ "$(printf 'x\xff\x1b[2J fail\n' | regex --json - t | jq -r '.rows[0].line | explode | map(tostring) | join(" ")')" = "120 65533 27 91 50 74 32 102 97 105 108" ]
}

@test "--json says how near a line came to a match" {
    [ "$(regex --json '2026-11-22 08:00:00 fail nobody!' t | jq -r '.rows[0] | .verdict, .reach, .reach_regex' | paste -sd'|')" = 'miss|^ fail <HOST>|1' ] ||
        regex --json '2026-11-22 08:00:00 fail nobody!' t
    [ "$(regex --json '2026-11-22 08:00:00 fair' t | jq -r '.rows[0].reach')" = '^ fai' ]
}

@test "--json puts the place of an error into the text that the user wrote" {
    run regex --json log '<HOST> <F-USER>a(</F-USER>'
    [ "$status" = 255 ]
    [ "$(jq -c .error <<<"$output")" = '{"text":"missing closing parenthesis","column":8,"in":"failregex","index":1}' ] ||
        { echo "$output"; false; }
    run regex --json -d '%Q' log t
    [ "$(jq -r .error.in <<<"$output")" = datepattern ]
    run regex --json log '<HOST>' 'a('
    [ "$(jq -c '.error | [.in, .column]' <<<"$output")" = '["ignoreregex",2]' ]
}

@test "doubtful expressions are warned of" {
    [ "$(regex --json x 'a <HOST>' | jq -r '.warnings[0]')" = 'failregex 1 can be forged: nothing ties it to the start of the line' ]
    [ "$(regex --json x '^(\w+\s?)+ <HOST>$' | jq -r '.warnings[]')" = 'failregex 1 can backtrack without bound: the repeat at column 10' ]
    [ "$(regex --json x '^ a <HOST>$' | jq '.warnings | length')" = 0 ]
    regex --explain log t | grep -q '^   taken by failregex 2 ('
    regex --explain 'x a 192.0.2.1' 'a <HOST>' | grep -q '^  failregex 1 can be forged'
}

@test "a line that an expression would never be done with costs little and is told" {
    line="2026-11-22 08:00:00 $(printf 'a%.0s' $(seq 60))!"
    [ "$(regex --json "$line" '^ (\w+\s?)+$ ?<HOST>?' | jq -c '[.limit, .rows[0].verdict, .failregex[0].limit]')" = '[1,"limit",1]' ]
}

@test "a pipe that is closed is no error" {
    for i in $(seq 20000); do echo "2026-11-22 08:00:00 fail 192.0.2.1"; done >big
    set -o pipefail
    regex -o id big t | head -1
}

@test "lines are listed whole: with their NULs, without the blanks at their end" {
    printf '2026-11-22 08:00:00 a\0b c\302\240\034\n' >nul
    regex --print-all-missed nul 'fail <HOST>' >out
    printf '|  2026-11-22 08:00:00 a\0b c\n' >expected
    run grep -a -c "$(printf '^|  2026.* c$')" out
    [ "$output" = 1 ]
    grep -a '^|  2026' out | cmp - expected
}

@test "-l prints what the filter says, with when and who" {
    run regex -l error --usedns NonSense 'fail 192.0.2.1' 'fail <HOST>'
    [ "$status" = 0 ]
    grep -E "^[0-9-]{10} [0-9:]{8},[0-9]{3} fail2ban\.filter         \[[0-9]+\]: ERROR  E: .*'nonsense'" <<<"$output"
    run regex -vv -l warning 'fail 192.0.2.1' 'fail <HOST>'
    grep -E '^ [0-9-]{10} [0-9:]{8},[0-9]{3} [0-9A-F]+ WARNI \[' <<<"$output"
}

@test "an empty -o asks for the report; a filter's maxlines below 1 is an error" {
    run regex -o '' log t
    [ "$status" = 0 ]
    [[ "$output" = *'Lines: 4 lines'* ]]
    printf '[Definition]\nfailregex = fail <HOST>\nmaxlines = 0\n' >c/filter.d/zero.conf
    run regex log zero
    [ "$status" = 255 ]
    [[ "$output" = *ERROR* ]]
}

@test "lines that a later one completed are listed in their order" {
    printf '2026-11-22 08:00:00 a 192.0.2.1\n2026-11-22 08:00:01 x\n2026-11-22 08:00:02 b\n' >many
    regex -L 3 --print-all-matched --print-all-missed many '^ a <HOST><SKIPLINES> b$' >out
    diff <(sed -n '/^|- Matched/,$p' out) - <<'EOS'
|- Matched line(s):
|  2026-11-22 08:00:00 a 192.0.2.1
|  2026-11-22 08:00:02 b
`-
|- Missed line(s):
|  2026-11-22 08:00:01 x
`-
EOS
}

@test "lines of a window that count twice leave fewer than none" {
    printf '[Definition]\nprefregex = host <F-CONTENT>.*</F-CONTENT>\nfailregex = user <F-USER>\\S*</F-USER>.*<HOST>\nmaxlines = 3\n' >c/filter.d/w.conf
    for s in 'host user a 192.0.2.1' q 'host user a 192.0.2.1' 'host user a 192.0.2.1' q 'host user b 192.0.2.1'; do
        echo "2026-11-22 08:00:00 $s"
    done >twice
    regex twice w >out
    grep -qxE 'Lines: 6 lines, 0 ignored, [0-9]+ matched, -?[0-9]{1,2} missed' out
}
