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

@test "numbers and abbreviations of options are those of Python's optparse" {
    for n in 8 010 0x8 0b1000 0o10 ' 8 '; do
        run regex -L "$n" 'fail 192.0.2.1' '<HOST>'
        [ "$status" = 0 ] && [[ "$output" == *"Use         maxlines : 8"* ]]
    done
    run regex --maxl 1.5 a b
    [ "$status" = 2 ] && [ "${lines[1]}" = "fail2ban-regex: error: option --maxlines: invalid integer value: '1.5'" ]
    run regex -L '' a b
    [ "${lines[1]}" = "fail2ban-regex: error: option -L: invalid integer value: ''" ]
    run regex a b --out
    [ "$status" = 2 ] && [ "${lines[1]}" = "fail2ban-regex: error: --out option requires 1 argument" ]
    run regex a b -o
    [ "${lines[1]}" = "fail2ban-regex: error: -o option requires 1 argument" ]
    run regex --raw=1 a b
    [ "${lines[1]}" = "fail2ban-regex: error: --raw option does not take a value" ]
    run regex --verb a b
    [ "${lines[1]}" = "fail2ban-regex: error: ambiguous option: --verb (--verbose, --verbose-date, --verbosity?)" ]
    run regex --nope=3 a b
    [ "${lines[1]}" = "fail2ban-regex: error: no such option: --nope" ]
    run regex -vx a b
    [ "${lines[1]}" = "fail2ban-regex: error: no such option: -x" ]
    # what only ours have makes no abbreviation of theirs ambiguous
    run regex --r --e utf-8 -o id ' fail h.example.invalid' '^ fail <HOST>$'
    [ "$status" = 0 ] && [ "$output" = h.example.invalid ]
}

@test "-o knows the tags of a ticket, and the names of the machine" {
    diff - <(regex -o '<F-*>|<raw-ticket>' '2026-11-22 08:00:00 fail 192.0.2.1' 'fail <HOST>') <<'EOS'
{'matches': [('', '2026-11-22 08:00:00', ' fail 192.0.2.1')], 'failures': 0, 'ip4': '192.0.2.1'}|BanTicket: ip=192.0.2.1 time=1795334400.0 bantime=None bancount=0 #attempts=0 matches=[('', '2026-11-22 08:00:00', ' fail 192.0.2.1')]
EOS
    [ "$(regex -o '<sh-hostname>' 'fail 192.0.2.1' 'fail <HOST>')" = "$(hostname)" ]
}

@test "a network of everybody is told as fail2ban tells it, and is one address" {
    [ "$(regex -o '<ip> <fid>' 'net 198.51.100.7/0' 'net <SUBNET>')" = '0.0.0.0 0.0.0.0' ]
    [ "$(regex -o id 'net [2001:db8::1/0]' 'net <SUBNET>')" = '::' ]
    [ "$(regex -o id 'net 198.51.100.7/8' 'net <SUBNET>')" = '198.0.0.0/8' ]
}

@test "a filter elsewhere is named as it was given; a suffix is a dot among the last six characters" {
    cp c/filter.d/t.conf own.conf
    run regex log ./own.conf
    [ "${lines[2]}" = 'Use   failregex file : ./own.conf' ]
    run "$JAILTOP" regex -c c/ log t
    [ "${lines[2]}" = 'Use   failregex filter file : t, basedir: c/' ]
    run regex log 't[m]'
    [ "${lines[2]}" = 'ERROR: Wrong filter name or options: expected option, wrong syntax at 0: m' ]
    [ "${lines[3]}" = '       while parsing: t[m]' ]
    run regex log c/filter.d/t
    [ "${lines[2]}" = 'Use   failregex line : c/filter.d/t' ]
}

@test "-vv tells what [Init] adds to the options; values that are wrong are named" {
    printf '[Definition]\nfailregex = <HOST>\n[Init]\nmaxlines = 2\n' >c/filter.d/i.conf
    run regex -vv log i
    [ "${lines[3]}" = "Real  filter options : {'logtype': 'file', 'known/maxlines': '2', 'maxlines': 2}" ]
    run regex log 'i[maxlines=0]'
    [ "$status" = 255 ]
    [[ "$output" == *"ERROR: Invalid value for maxlines (0) read from i[maxlines=0]: maxlines must be"* ]]
}

@test "-l error tells of an expression that is wrong, -l warning of names" {
    run regex -l error log '('
    [[ "${lines[3]}" =~ ^20..-.*' fail2ban.filter         ['[0-9]+']: ERROR  E: Unable to compile regular expression' ]]
    run regex -l error log nothing
    [[ "${lines[3]}" == *"ERROR  E: No failure-id group in 'nothing'" ]]
    run regex -l warning 'fail name.example.invalid' 'fail <HOST>'
    [[ "$output" == *"fail2ban.ipdns"*"Unable to find a corresponding IP address for name.example.invalid: [Errno "* ]]
    run regex -l warning 'fail localhost' 'fail <HOST>'
    [[ "$output" == *"Determined IP using DNS Lookup: localhost = {'127.0.0.1'"* ]]
}

@test "-D links to the expression as --usedns widens it" {
    run regex -D --usedns NO 'x' '^ <HOST>$'
    [[ "$output" == *'re=%5E+%28%3F%3A%5C%5B%3F'*'dns'* ]]
    run regex -D --usedns no 'x' '^ <HOST>$'
    [[ "$output" == *'re=%5E+%5C%5B%3F'* && "$output" != *dns* ]]
    printf '2026-11-22 08:00:00 fail 192.0.2.9\n' >one
    run regex -D one t '192'
    [[ "$output" == *'| 192 |  https://www.debuggex.com/?re=192&'* ]]
}

@test "-v tells of an ignored line what the prefregex took from the one before, as fail2ban-regex does" {
    printf '[Definition]\nprefregex = ^ app: <F-CONTENT>.+</F-CONTENT>$\nfailregex = ^a <HOST>$\n    ^b <HOST>$\n    ^c <HOST>$\n    ^d <HOST>$\nignoreregex = skip\n' >c/filter.d/p.conf
    printf '2026-11-22 08:00:00 app: a 192.0.2.1\n2026-11-22 08:00:01 some words to skip, more of them than before\n2026-11-22 08:00:02 app: b 192.0.2.2\n' >plog
    run regex -v plog p
    [[ "$output" == *"Prefregex: 3 total"*"
|      {'content': 'a 192.0.2.1'}
|      {'content': 'a 192.0.2.1'}
|      {'content': 'b 192.0.2.2'}
"* ]]
}

@test "an id is read as an address with a prefix, as fail2ban reads it" {
    for pair in 'user/12 user' '[s1] s1' '[u/5] u' 'x/255.255.0.0 x' 'x/a.b x' 'a/b a/b' 'u//1 u//1' '192.0.2.1/24 192.0.2.0/24' '[x [x'; do
        [ "$(regex -o id "id ${pair% *}" 'id <F-ID>\S+</F-ID>$')" = "${pair#* }" ]
    done
    [ "$(regex -r -o id 'id user/12' 'id <F-ID>\S+</F-ID>$')" = user/12 ]
}

@test "a byte order mark at the start of any line is no text in utf-8-sig; a tag shows a NUL" {
    printf '\357\273\277a 192.0.2.1\na 192.0.2.2\n\357\273\277a 192.0.2.3\nb 192.0.2.\0004\n' >bom
    [ "$(regex -e utf-8-sig -o id bom '^a <HOST>' | tr '\n' ' ')" = '192.0.2.1 192.0.2.2 192.0.2.3 ' ]
    [ "$(regex -e UTF_8 -o id bom '^a <HOST>' | tr '\n' ' ')" = '192.0.2.2 ' ]
    [ "$(regex -o '<F-ID>' bom '^b <F-ID>.*</F-ID>')" = '192.0.2.\x004' ]
}

@test "the last line of a file ends with a line feed or a carriage return" {
    printf 'a 192.0.2.1\r\na 192.0.2.2\r' >cr
    [ "$(regex -o id cr 'a <HOST>$' | tr '\n' ' ')" = '192.0.2.1 192.0.2.2 ' ]
    printf 'a 192.0.2.1\r\na 192.0.2.2' >cr
    [ "$(regex -o id cr 'a <HOST>$' | tr '\n' ' ')" = '192.0.2.1 ' ]
    printf 'a 192.0.2.1\na 192.0.2.2\r' | iconv -f ascii -t utf-16le >cr
    [ "$(regex -e utf-16le -o id cr 'a <HOST>$' | tr '\n' ' ')" = '192.0.2.1 192.0.2.2 ' ]
}

@test "a match without an address, an id and a connection is no failure" {
    printf '[Definition]\nprefregex = ^ (?:<F-MLFID>c\\d</F-MLFID> )?<F-CONTENT>.*</F-CONTENT>$\nfailregex = ^bad\n    ^from <ADDR>$\n' >c/filter.d/o.conf
    printf '2026-11-22 08:00:00 bad\n2026-11-22 08:00:01 c1 bad\n2026-11-22 08:00:02 c1 from 192.0.2.1\n' >olog
    run regex olog o
    [[ "$output" == *"Failregex: 2 total"*"Lines: 3 lines, 0 ignored, 2 matched, 1 missed"* ]]
}
