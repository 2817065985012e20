# the screen in a real terminal against a fake engine: drawings, lag, broken links, pasted keys, ends

load lib.bash

teardown() { lib_down; }

NOW=1795336867

drawn() { # NAME: the whole screen is as in NAME.screen; GENERATE=1 writes it
    local file=$SOURCE_DIR/tests/ui/$1.screen
    [ -z "${GENERATE:-}" ] || screen >"$file"
    diff <(screen) "$file"
}

@test "a replayed stream is drawn the same each time, at 80x24, 120x40 and 40x12" {
    D=$BATS_TEST_TMPDIR/d
    mkdir -p "$D"
    export TZ=UTC
    local size
    for size in 80x24 120x40 40x12; do
        screen_up $size -- --replay "$SOURCE_DIR/tests/ui/streams/attack.jsonl" --clock $NOW
        see '2 Hosts 412'
        until_true 5 drawn "replay-$size"
        TM kill-server
        until_true 5 eval '! TM ls 2>/dev/null'
    done
}

@test "the engine goes: everything is kept and dim, keys are refused; it comes back: the same cursor" {
    lib_up
    screen_up 80x24
    see 'ENGINE ok'
    see '3 Bans 137'
    key 3 j j
    see '>203\.0\.113\.9'
    engine_says hold
    engine_says close
    see 'ENGINE DOWN [0-9]+s, retry in'
    see '3 Bans 137'
    key u
    see 'refused: ENGINE DOWN'
    [ "$(commands)" = 0 ]
    engine_says go
    see 'ENGINE ok' 10
    see '>203\.0\.113\.9'
    key u
    see 'unbanned 203\.0\.113\.9'
    commanded 'set sshd unbanip 203.0.113.9'
}

@test "a question answers only to keys that were typed after it was seen" {
    lib_up
    screen_up 80x24
    see '2 Hosts 412'
    key 2
    see '>203\.0\.113\.44'
    typed 'By'
    see 'ban the network 203\.0\.113\.0/24'
    see 'y yes'
    [ "$(commands)" = 0 ]
    key y
    until_true 5 commanded 'set sshd banip 203.0.113.0/24'
}

@test "a pasted text is no key, a split arrow is no letter" {
    lib_up
    screen_up 80x24
    see '3 Bans 137'
    key 3
    see '>192\.0\.2\.77'
    TM set-buffer 'uUbBy'
    TM paste-buffer -p
    key Escape
    key '[' B
    key '?'
    see 'Help'
    key q
    see '>192\.0\.2\.77'
    [ "$(commands)" = 0 ]
    ! sees 'ban the network'
}

mouse() { # BUTTON COLUMN ROW, from 0: as a terminal in mode 1000 tells it; 0: the left button, 64, 65: the wheel
    mouse_tells "$@"
    [ "$1" -ge 64 ] || mouse_tells 3 "$2" "$3" # let go
}
mouse_tells() { typed "$(printf '\033[M')$(printf "\\$(printf %o $((32 + $1)))\\$(printf %o $((33 + $2)))\\$(printf %o $((33 + $3)))")"; }
at() { # REGEX: the first line with it, from 0
    screen | grep -nE -- "$1" | head -1 | awk -F: '{ print $1 - 1 }'
}

@test ":set keeps focus, order, theme and filters for the next screen, in a file of the user's alone" {
    lib_up
    # a screen of root's runs as nobody
    mkdir -p "$D/home/.config/jailtop"
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR" "$D" "$D/home" "$D/home/.config"
    chmod 777 "$D/home/.config/jailtop"
    local conf=$D/home/.config/jailtop/jailtop.conf
    printf '[screen]\ncolor = yes\nslow = no\n[mine]\nkept = 1\n' >"$conf"
    chmod 666 "$conf"
    screen_up 120x40
    see '3 Bans 137'
    key Tab s S
    see 'Bans by SINCE \^'
    typed '\203.0'
    key Enter
    see 'filter: 203\.0 '
    key Tab Tab Tab # Log
    typed '\!"a'"'"
    key Enter
    see '1 Log .*!"a'"'"
    typed ':set'
    key Enter
    see 'not saved: the filter of log .*both kinds of quotes'
    typed '\!user "admin"; #x'
    key Enter
    see '1 Log .*user "admin"; #x'
    key Tab Tab
    typed ':set'
    key Enter
    see 'saved: .*jailtop\.conf'
    [ "$(stat -c %a "$conf")" = 600 ]
    grep -q '^kept *= 1' "$conf"
    grep -qx 'slow = no' "$conf~"
    [ "$(ls "$D/home/.config/jailtop" | wc -l)" = 2 ]
    TM kill-server
    until_true 5 eval '! TM ls 2>/dev/null'
    screen_up 120x40
    see '3 Bans .*by SINCE \^'
    see "4 of 137"
    see '1 Log .*!user "admin"; #x'
    key i
    see 'Inspect 203\.0\.'
    key q
    # a file that cannot be read is left alone, and nothing of it is taken
    TM kill-server
    until_true 5 eval '! TM ls 2>/dev/null'
    chmod 777 "$D/home/.config/jailtop"
    rm -f "$conf"
    printf 'no setting at all\n' >"$conf"
    screen_up 120x40
    see '3 Bans 137 +by LEFT \^'
    typed ':set'
    key Enter
    see 'not saved: .*jailtop\.conf has a line that is no setting'
    [ "$(cat "$conf")" = 'no setting at all' ]
}

is_dim() { screen -e | sed -n 3p | grep -qaP '^\x1b\[(0;)?2[;m]'; } # where the panes begin

@test "figures of an engine that has fallen silent are dim; one that is behind its logs names the file" {
    lib_up
    screen_up 80x24 "SSH_CONNECTION=198.51.100.250 5 192.0.2.1 22"
    see '3 Bans 137'
    see '203\.0\.113\.61'
    see 'ENGINE silent [0-9]+s' 12
    until_true 3 is_dim
    engine_says '{"ev":"jail","seq":900,"t":1795336870,"name":"sshd","state":"on","files":[{"path":"/var/log/small.log","state":"ok","size":9,"pos":1},{"path":"/var/log/big.log","state":"ok","size":90000000,"pos":1000000}]}'
    engine_says '{"ev":"stats","seq":901,"t":1795336870,"lines":1,"lag":7.2,"bans":137,"logs_ok":1,"logs_all":1,"fw":"ok"}'
    see 'ENGINE ok 7.2s'
    see '^7s behind the logs: /var/log/big\.log has 89\.0M bytes to read yet$'
    until_true 3 eval '! is_dim'
}

@test "at 40x12 questions are whole, over as many rows as they need; the white list has its times" {
    lib_up
    screen_up 40x12
    see '2 Hosts 412'
    key Tab
    see '3 Bans 137'
    key j j
    see '>203\.0\.113\.9'
    key B
    see '^ban the network 203\.0\.113\.0/24 in sshd'
    see '^for 10m\?'
    see '^3 hosts seen; bans inside: 4 \(they'
    see '^stay\), whitelisted: 0'
    see '^y yes  n no \(Enter: n\)'
    key Enter
    see 'nothing was done'
    key H
    see 'HOLD: count failures but ban nobody by'
    see '^y yes'
    key Enter
    see 'nothing was done'
    key y # a message, likewise, for a while
    see 'copying is off; clipboard = yes in'
    see 'jailtop\.conf gives y your'
    unsee 'gives y your' 12
    key W
    see '192\.0\.2\.140 +.*5[0-9]m left'
    key q
    [ "$(commands)" = 0 ]
}

@test "an engine of another version, and none at all: said in words; nothing is claimed to be 0 or empty" {
    D=$BATS_TEST_TMPDIR/d
    mkdir -p "$D"
    chmod 755 "$D"
    python3 - "$D/sock" <<'PY' 2>/dev/null 3>&- &
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
s.listen(5)
while True:
    c = s.accept()[0]
    c.recv(65536)
    c.sendall(b'{"id":1,"ok":false,"error":"this engine speaks wire protocol 2","class":"ValueError"}\n')
    c.close()
PY
    FAKE=$!
    until_true 5 [ -S "$D/sock" ]
    screen_up 80x24
    see 'ENGINE DOWN'
    see 'the engine and this jailtop are of different versions'
    ! sees '2 Hosts 0|3 Bans 0|nobody is banned|no host has failed'
    run timeout 5 "$JAILTOP" -s "$D/sock" --batch
    [ "$status" = 1 ]
    [[ $output == *'of different versions'* ]]
    key q
    until_true 5 [ -s "$D/exit" ]
    [ "$(cat "$D/exit")" = 0 ]
}

@test "what was looked at is still chosen when Inspect closes: the next key is for it" {
    lib_up
    screen_up 80x24
    see '3 Bans 137'
    key Tab j j
    see '│>203\.0\.113\.9 '
    key i
    see 'Inspect 203\.0\.113\.9'
    key 6 q # another one on top, and back to the overview
    see '│>203\.0\.113\.9 '
    key i
    see 'Inspect 203\.0\.113\.9'
    key q
    see '1 Log'
    key u
    see 'unbanned 203\.0\.113\.9'
    commanded 'set sshd unbanip 203.0.113.9'
}

@test "the mouse, once it is on: a click chooses pane and row, the wheel moves, nothing acts" {
    lib_up
    screen_up 80x24
    see '3 Bans 137'
    see '>192\.0\.2\.77'
    [ "$(TM display -p '#{mouse_any_flag}')" = 0 ]
    key m
    see 'the mouse is on'
    until_true 3 eval '[ "$(TM display -p "#{mouse_any_flag}")" = 1 ]'
    # a row of another pane: the focus goes there, the cursor on it
    mouse 0 50 "$(at '203\.0\.113\.9 ')"
    see '>203\.0\.113\.9 '
    key i
    see 'Inspect 203\.0\.113\.9'
    key q
    see '>203\.0\.113\.9 '
    # the wheel, three rows a notch
    key g
    see '>192\.0\.2\.77'
    mouse 65 50 5
    see '\| ?>192\.0\.2\.0/24|│>192\.0\.2\.0/24'
    mouse 64 50 5
    see '>192\.0\.2\.77'
    # the title takes the focus; what is beside every row moves nothing
    mouse 0 3 "$(at '2 Hosts')"
    mouse 0 79 23
    key j i
    see 'Inspect 198\.51\.100\.7 '
    key q
    # a question is not answered and not moved by it
    key j
    see '>203\.0\.113\.7 '
    key B
    see 'ban the network 203\.0\.113\.0/24'
    mouse 0 1 "$(at 'y yes')"
    mouse 65 1 5
    key Enter
    see 'nothing was done'
    see '>203\.0\.113\.7 '
    key m
    until_true 3 eval '[ "$(TM display -p "#{mouse_any_flag}")" = 0 ]'
    [ "$(commands)" = 0 ]
}

host_says() { # IP FAIL [...]: the engine tells hosts
    local items=
    while [ $# -gt 0 ]; do
        items+="{\"ip\":\"$1\",\"jail\":\"sshd\",\"fail\":$2,\"max\":5,\"min\":1,\"total\":$2,\"first\":1795336800,\"last\":1795336860},"
        shift 2
    done
    engine_says "{\"ev\":\"hosts\",\"seq\":900,\"t\":1795336868,\"items\":[${items%,}],\"gone\":[]}"
}

@test "five hosts of a network are one row: Enter opens it, q closes it, B bans it; at 40x12, too" {
    lib_up
    screen_up 120x40 "SSH_CONNECTION=198.51.100.250 5 192.0.2.1 22"
    see '2 Hosts 412'
    host_says 2001:db8:9::1 3 2001:db8:9::2 3 2001:db8:9::3 3 2001:db8:9::4 4
    see '2001:db8:9::51 .*2001:db8|2001:db8:9::4 +4 '
    ! sees '/64 \('
    host_says 2001:db8:9::5 4 2001:db8:9::6 1
    see '>2001:db8:9::/64 \(7\) +19 ' # with the one that was there
    see '2 Hosts 418 in 412 rows'
    see '2001:db8:9::/64: Enter shows its hosts, B bans the network'
    key Enter
    see 'in 2001:db8:9::/64  7 of 418'
    see '>2001:db8:9::5 +4 |>2001:db8:9::4 +4 '
    [ "$(screen | grep -cE '^.2001:db8:9::[0-9]+ +[0-9] ')" = 7 ]
    key j j
    see '>2001:db8:9::[123] +3 '
    key u
    see '2001:db8:9::[123] is not banned'
    key q
    see '>2001:db8:9::/64 \(7\) +19 '
    # a click chooses it like any row; Enter is for the row, not for the mouse
    key j m
    see '>203\.0\.113\.44 '
    mouse 0 3 "$(at '2001:db8:9::/64 \(7\)')"
    see '>2001:db8:9::/64 \(7\)'
    key m
    # its name is what is acted on, and what is asked for
    key B
    see 'ban the network 2001:db8:9::/64 in sshd for 10m\?'
    see '7 hosts seen; bans inside: 0'
    key Enter
    see 'nothing was done'
    key b
    see 'ban the network 2001:db8:9::/64 in sshd for 10m\?'
    see 'y yes'
    [ "$(commands)" = 0 ]
    key y
    see 'banned 2001:db8:9::/64 in sshd'
    commanded 'set sshd banip 2001:db8:9::/64'
    [ "$(commands)" = 1 ]
    engine_says '{"ev":"ban","seq":901,"t":1795336868,"jail":"sshd","id":"2001:db8:9::2","ip":"2001:db8:9::2","since":1795336868,"until":1795337468,"bantime":600,"count":1,"fails":5,"rule":"ok"}'
    see '2001:db8:9::/64 \(7\) .* B 1/7'
    TM resize-window -x 40 -y 12
    see '^2 Hosts 418 in 412 rows  by FAIL v'
    see '^>2001:db8:9::/64 \(7\) +19 .* B 1/7'
    key Enter
    see '^2 Hosts ─+ in 2001:db8:9::/64  7 of 418'
    key Escape
    see '^>2001:db8:9::/64 \(7\)'
    typed '\2001:db8'
    key Enter
    see '2001:db8  7 of 418'
    ! sees '/64 \('
}

lines_asked() { [ "$(grep -cxF 'get sshd lines 2000 raw' "$D/commands")" -ge "$1" ]; }
reopened() { key 6 && lines_asked 2; }

@test "the Regex pane's lines are fetched anew when it is opened again" {
    lib_up
    screen_up 80x24
    see '3 Bans 137'
    key 6
    see '6 Regex sshd failregex #1'
    until_true 5 lines_asked 1
    until_true 10 reopened
}

@test "-R and an engine that lets nobody act answer READ-ONLY" {
    lib_up
    screen_up 80x24 -- -R
    see 'READ-ONLY'
    see '3 Bans 137'
    key 3 u
    see 'READ-ONLY: this screen only looks'
    TM kill-server
    until_true 5 eval '! TM ls 2>/dev/null'
    engine_end
    engine_start read-only
    screen_up 80x24
    see 'ENGINE ok'
    see 'READ-ONLY'
    key 3 u
    see 'READ-ONLY: this screen only looks'
    [ "$(commands)" = 0 ]
}

@test "no escape of a message reaches the terminal" {
    lib_up
    screen_up 80x24
    see 'ENGINE ok'
    TM pipe-pane -o "cat >'$D/stream'"
    engine_says '{"ev":"found","seq":900,"t":1795336868,"jail":"sshd\u001b]0;jail\u0007","ip":"203.0.113.99\u001b[2J","id":"x","n":1,"max":5,"regex":1,"line":"a\u001b[31mred \u202eback \u009b2J end","verdict":"counted"}'
    engine_says '{"ev":"notice","seq":901,"t":1795336868,"level":"error","text":"stderr\r\u001b[H of a command"}'
    see 'a\\x1b\[31mred \\u202eback'
    see 'stderr\\r\\x1b\[H'
    key C-l
    see 'ENGINE ok'
    ! LC_ALL=C grep -qaP '\x1b\]0;|\x1b\[31mred|\xe2\x80\xae|\xc2\x9b|\x07' "$D/stream"
}

@test "a terminal that does not read any more does not stop the screen from reading the engine" {
    lib_up
    command -v script >/dev/null || skip "needs script(1)"
    mkfifo "$D/out"
    # a pty whose other end nobody reads for a while
    (env TERM=xterm LC_ALL=C.UTF-8 SSH_CONNECTION='198.51.100.7 5 192.0.2.1 22' script -qfc "$JAILTOP -s $D/sock --no-start" /dev/null >"$D/out" 2>&1 </dev/null) 3>&- &
    local script=$!
    exec 9<>"$D/out"
    until_true 5 attached
    local i
    for i in $(seq 400); do
        engine_says "{\"ev\":\"notice\",\"seq\":$((1000 + i)),\"t\":1795336868,\"level\":\"info\",\"text\":\"$(printf 'x%.0s' {1..900}) $i\"}"
    done
    # the engine's side would hang in write() if the screen had stopped reading
    run timeout 5 "$JAILTOP" -s "$D/sock" --batch
    [ "$status" = 0 ]
    exec 9<&-
    kill "$script" 2>/dev/null
    wait "$script" 2>/dev/null || true
}
@test "quitting gives the terminal back" {
    lib_up
    screen_up 80x24
    see 'ENGINE ok'
    key q
    until_true 5 [ -s "$D/stty" ]
    [ "$(cat "$D/exit")" = 0 ]
    grep -qw icanon "$D/stty"
    grep -qw echo "$D/stty"
    ! grep -qw -- '-icanon' "$D/stty"
    [ "$(TM display -p '#{alternate_on} #{cursor_flag}')" = '0 1' ]
}

@test "--batch and --json speak to scripts" {
    lib_up
    run "$JAILTOP" -s "$D/sock" --batch
    [ "$status" = 0 ]
    [[ $output == *'ban 203.0.113.44 sshd left '* ]]
    [[ $output == *'jail postfix on '*'/var/log/mail.log missing'* ]]
    run timeout 5 sh -c '"$0" -s "$1" --json | head -1 | jq -r .snapshot.engine.host' "$JAILTOP" "$D/sock"
    [ "$output" = gw1 ]
    run "$JAILTOP" -s "$D/nowhere" --batch
    [ "$status" = 1 ]
    [[ $output == *'no engine answers on'* ]]
    # a reader that has gone has seen enough; what cannot be written is told
    run bash -c '"$0" -s "$1" --json | head -c 10 >/dev/null; echo "${PIPESTATUS[0]}"' "$JAILTOP" "$D/sock"
    [ "$output" = 0 ]
    local what
    for what in --batch --json --help --keys --version; do
        run bash -c '"$0" -s "$1" "$2" >/dev/full' "$JAILTOP" "$D/sock" $what
        [ "$status" = 1 ]
        [[ $output == *'cannot write: No space left'* ]]
    done
    # with stdout closed nothing is printed into the engine's socket
    run timeout 5 bash -c 'exec >&-; "$0" -s "$1" --json' "$JAILTOP" "$D/sock"
    [ "$status" = 1 ]
    [[ $output == *'cannot write'* ]]
}

@test "what cannot be replayed is told, exit 1, and leaves nothing on the terminal" {
    D=$BATS_TEST_TMPDIR/d
    mkdir -p "$D"
    : >"$D/empty"
    head -1 "$SOURCE_DIR/tests/ui/streams/attack.jsonl" >"$D/half"
    local what
    for what in "$D/empty no whole snapshot" "$D/half no whole snapshot" "$D Is a directory" "$D/none No such file"; do
        screen_up 80x24 -- --replay "${what%% *}"
        see "jailtop: ${what%% *}: ${what#* }"
        until_true 5 [ -s "$D/stty" ]
        [ "$(cat "$D/exit")" = 1 ]
        [ "$(screen | grep -c .)" -le 2 ]
        TM kill-server
        until_true 5 eval '! TM ls 2>/dev/null'
    done
    run "$JAILTOP" --batch --replay "$D/half"
    [ "$status" = 1 ]
    [[ $output == *'no whole snapshot'* ]]
    run "$JAILTOP" --replay "$D/none" --clock soon
    [ "$status" = 2 ]
    [[ $output == *'--clock wants seconds'* ]]
}

@test "no terminal: pipes, closed descriptors, no TERM, an unknown one: a message and a code, nothing else" {
    D=$BATS_TEST_TMPDIR/d
    mkdir -p "$D"
    run bash -c '"$0" --no-start | cat; exit "${PIPESTATUS[0]}"' "$JAILTOP"
    [ "$status" = 2 ]
    [ "$output" = 'not a terminal: use jailtop --batch' ]
    run bash -c 'exec <&- >&-; "$0" --no-start' "$JAILTOP"
    [ "$status" = 2 ]
    [ "$output" = 'not a terminal: use jailtop --batch' ]
    local term
    for term in '' dumb; do
        screen_up 80x24 TERM=$term
        see 'not a terminal: use jailtop --batch'
        until_true 5 [ -s "$D/stty" ]
        [ "$(cat "$D/exit")" = 2 ]
        TM kill-server
        until_true 5 eval '! TM ls 2>/dev/null'
    done
    screen_up 80x24 TERM=nobody-knows-it -- --replay "$SOURCE_DIR/tests/ui/streams/attack.jsonl"
    see "does not know the terminal 'nobody-knows-it'"
    until_true 5 [ -s "$D/stty" ]
    [ "$(cat "$D/exit")" = 1 ]
    grep -qw icanon "$D/stty"
    ! grep -qw -- '-icanon\|-echo' "$D/stty"
}
