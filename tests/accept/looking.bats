# reading the screen: find, filter, pause, help, regex (UX rows 12, 13, 14, 16, 18)

load fixture.bash

teardown() { fixture_down; }

@test "row 12: hostile lines are text on the screen, and no byte of theirs reaches the terminal" {
    fixture_up 'maxretry = 1000'
    engine_up
    screen_up 120x40
    see 'ENGINE ok'
    TM pipe-pane -o "cat >'$D/stream'"
    local title before
    title=$(TM display -p '#{pane_title}')
    raw_line 'Failed password for a\033]0;owned\007b from 203.0.113.1 port 1 ssh2'
    raw_line 'Failed password for c\033[2Jd from 203.0.113.2 port 1 ssh2'
    raw_line 'Failed password for e\233f\rg from 203.0.113.3 port 1 ssh2'
    raw_line 'Failed password for h\342\200\256i from 203.0.113.4 port 1 ssh2'
    raw_line 'Failed password for j\377\376k from 203.0.113.5 port 1 ssh2'
    raw_line 'Failed password for p\357\277\275q\342\202r from 203.0.113.12 port 1 ssh2'
    raw_line 'Failed password for l\000m from 203.0.113.6 port 1 ssh2'
    raw_line 'Failed password for \346\227\245\346\234\254 from 203.0.113.8 port 1 ssh2'
    raw_line 'Failed password for n%s from 203.0.113.9 port 1 ssh2' "$(printf '\314\201%.0s' $(seq 200))"
    raw_line 'Failed password for %s from 203.0.113.10 port 1 ssh2' "$(head -c 65000 /dev/zero | tr '\0' o)"
    fails 203.0.113.11
    see '1/1000 +203\.0\.113\.11'
    key 1
    see 'a\\x1b\]0;owned'
    see 'c\\x1b\[2Jd'
    see 'e\\x9bf\\rg' # a byte that is no text is told as it stands in the log
    see 'h\\u202ei'
    see 'j\\xff\\xfek'
    see 'p\\ufffdq\\xe2\\x82r' # what was U+FFFD in the log stays that
    not_now '�'
    see '日本'
    see '203\.0\.113\.10'
    [ "$(TM display -p '#{pane_title}')" = "$title" ]
    # the stream that the terminal got
    ! LC_ALL=C grep -qa $'\033]0;' "$D/stream"
    ! LC_ALL=C grep -qa 'owned'$'\007' "$D/stream"
    ! LC_ALL=C grep -qaP '\x1b\[2Jd' "$D/stream"
    ! LC_ALL=C grep -qaP '\xe2\x80\xae' "$D/stream"
    ! LC_ALL=C grep -qaP '(\xcc\x81){3}' "$D/stream"
    ! iconv -f UTF-8 -t UTF-8 "$D/stream" 2>&1 >/dev/null | grep -q .
    # Inspect shows the same, and what is kept for fail2ban's eyes is as it was
    key 2
    see '>203\.0\.113\.0/24 \(11\) +11 ' # one row for all
    key Enter
    see '203\.0\.113\.12 '
    typed '/203.0.113.3 '
    key Enter
    see '>203\.0\.113\.3 '
    key i
    see 'LINES .*e\\x9bf\\rg'
    see 'TRIED +e\\x9bf\\rg 1'
    key q
    typed '/203.0.113.12 '
    key Enter i
    see 'TRIED +p\\ufffdq\\xe2\\x82r 1'
    # and so does the Regex pane
    key q q 6
    see ' \+ 203\.0\.113\.3 .*e\\x9bf\\rg'
    see ' \+ 203\.0\.113\.12 .*p\\ufffdq\\xe2\\x82r'
    not_now '�'
    key q 1
    see '日本'
    # nothing moved: the message of every row starts in the same column
    local columns
    columns=$(screen | grep -oE '^[0-9:]{8} +sshd +[0-9/]+ +203\.0\.113\.[0-9]+ +' | awk '{ print length($0) }' | sort -u | wc -l)
    [ "$columns" = 1 ]
}

@test "row 13: find counts and moves, filter narrows, a bad expression says where" {
    fixture_up 'maxretry = 1000'
    engine_up
    screen_up 80x24
    see 'ENGINE ok'
    local i
    for i in $(seq 41); do
        case $i in
        1 | 2 | 3) fails 203.0.113.$i 1 admin ;;
        4 | 5 | 6 | 7 | 8 | 9 | 10) fails 192.0.2.$i 1 root ;;
        *) fails 192.0.2.$i 1 admin ;;
        esac
    done
    see '1/1000 +192\.0\.2\.41'
    key 1
    see '192\.0\.2\.40'
    typed '/root'
    see '[1-7] of 7'
    key Enter
    local first
    first=$(screen | grep -oE '[1-7] of 7')
    key n
    until_true 3 eval '[ "$(screen | grep -oE "[1-7] of 7")" != "'"$first"'" ]'
    key N
    until_true 3 eval '[ "$(screen | grep -oE "[1-7] of 7")" = "'"$first"'" ]'
    key Escape
    typed '\203.0.113'
    key Enter
    see '3 of 41'
    not_now '192\.0\.2\.40'
    typed '\('
    key Enter
    see 'bad regex at 1'
    key Escape
    see '3 of 41' # the old one stays
    typed '\'
    key BSpace BSpace BSpace BSpace BSpace BSpace BSpace BSpace BSpace BSpace BSpace BSpace
    key Enter
    unsee '3 of 41'
    key F
    see '192\.0\.2\.40'
}

@test "row 14: space freezes the rows and counts; space and F take up the newest again" {
    fixture_up 'maxretry = 1000'
    engine_up
    screen_up 80x24
    see 'ENGINE ok'
    fails 203.0.113.7 12 root
    see '12/1000 +203\.0\.113\.7'
    key 1
    see '12/1000'
    key Space
    see 'PAUSED'
    local before
    before=$(screen | grep 203.0.113.7)
    fails 203.0.113.8 20 root
    see 'PAUSED \+20'
    [ "$(screen | grep 203.0.113.7)" = "$before" ]
    not_now '203\.0\.113\.8'
    key Space
    see '20/1000 +203\.0\.113\.8'
    not_now PAUSED
    fails 203.0.113.9 30 root
    see '30/1000'
    key PageUp
    see 'PAUSED'
    fails 203.0.113.10 3 root
    see 'PAUSED \+3'
    key F
    see '3/1000 +203\.0\.113\.10'
    not_now PAUSED
}

@test "row 16: help has every key, can be searched, and q only closes it" {
    fixture_up
    engine_up
    screen_up 80x24
    see 'ENGINE ok'
    key '?'
    see 'Help'
    typed '/whitelist'
    see 'whitelist'
    key Enter
    key q
    see '1 Log'
    [ ! -e "$D/exit" ]
    # the whole text: every key of the table is in it
    key '?'
    see 'Help'
    local seen='' i
    for i in $(seq 12); do
        seen+=$(screen)$'\n'
        key PageDown
        sleep 0.15
    done
    local missing='' name
    while IFS=$'\t' read -r _ name _; do
        grep -qF -- "$name" <<<"$seen" || missing+=" $name"
    done < <("$JAILTOP" --keys)
    [ -z "$missing" ] || { echo "not in the help:$missing"; return 1; }
}

@test "row 18: r brings the row's expression, an error gets a caret below its column" {
    fixture_up 'maxretry = 1000'
    engine_up
    screen_up 120x40
    see 'ENGINE ok'
    fails 203.0.113.7 3
    see '3/1000 +203\.0\.113\.7'
    key 1 r
    see 're> ?\^Failed'
    see 'MATCH +3' 6
    key e
    key C-u
    typed '^a (b <HOST>'
    see 'missing closing parenthesis'
    see '\^'
    key C-u
    typed '^Failed \S+ for .* from <HOST> port \d+ ssh2$'
    see 'MATCH +3' 6
    # the position inside the text as typed, although <HOST> grew long before it
    key C-u
    typed '^<HOST>('
    see 'missing closing parenthesis'
    local line caret paren
    line=$(screen | grep -nE 're> ?\^<HOST>\(' | head -1)
    paren=$(screen | sed -n "${line%%:*}p" | awk '{ print index($0, "(") }')
    caret=$(screen | sed -n "$((${line%%:*} + 1))p" | awk '{ print index($0, "^") }')
    echo "paren $paren caret $caret"
    [ "$caret" -ge "$paren" ] && [ "$caret" -le $((paren + 1)) ]
}
