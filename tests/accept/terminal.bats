# sizes, terminals, ends (UX rows 24, 26, 27, 32), and logs that come and go (row 23)

load fixture.bash

teardown() { fixture_down; }

@test "row 23: a removed log is NO FILE, and nothing is lost or counted twice when it comes back" {
    fixture_up 'maxretry = 1000'
    engine_up
    screen_up 120x40
    see 'ENGINE ok'
    fails 203.0.113.7 3
    see '3/1000 +203\.0\.113\.7'
    rm "$LOG"
    see 'NO FILE' 6
    see 'LOGS 0/1'
    fails 203.0.113.7 2
    see '5/1000 +203\.0\.113\.7' 8
    unsee 'NO FILE' 6
    see 'LOGS ok|LOGS 1/1'
}

@test "row 23: rotated by rename, then truncated: each line counts once" {
    fixture_up 'maxretry = 1000'
    engine_up
    screen_up 120x40
    see 'ENGINE ok'
    fails 203.0.113.7 4
    see '4/1000 +203\.0\.113\.7'
    # rename; the writer goes on in the old file for a while
    fails 203.0.113.7 1
    mv "$LOG" "$LOG.1"
    LOG=$LOG.1 fails 203.0.113.7 2
    fails 203.0.113.7 3
    see '10/1000 +203\.0\.113\.7' 8
    # copytruncate
    : >"$LOG"
    fails 203.0.113.7 2
    see '12/1000 +203\.0\.113\.7' 8
    sleep 1
    not_now '13/1000'
    [ "$(client status sshd | sed -n 's/.*Total failed:[^0-9]*//p')" = 12 ]
}

@test "row 23: a log that may not be read is DENIED; once it may, its lines count" {
    [ "$(id -u)" = 0 ] || skip "needs root to become somebody else"
    fixture_up 'maxretry = 1000'
    chmod 755 "$D" "$D/conf"
    chmod a+rX "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test"
    chown -R nobody "$D"
    setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$JAILTOP" || skip "the build folder is closed to other users"
    fails 203.0.113.7 2
    chown root "$LOG"
    chmod 600 "$LOG"
    setpriv --reuid=65534 --regid=65534 --clear-groups "$JAILTOP" server -c "$D/conf" >"$D/engine.out" 2>&1 </dev/null 3>&- &
    ENGINE=$!
    until_true 10 engine_answers
    screen_up 120x40
    see 'DENIED' 6
    chmod 644 "$LOG"
    see '2/1000 +203\.0\.113\.7' 10
    unsee 'DENIED' 6
}

@test "row 24: without root it runs dry and says so" {
    [ "$(id -u)" = 0 ] || skip "needs root to become nobody"
    fixture_up
    chmod 755 "$D" "$D/conf"
    chmod a+rX "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test"
    chown -R nobody "$D"
    setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$JAILTOP" || skip "the build folder is closed to other users"
    printf 'exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"\n' >"$D/as-nobody"
    apart_words() { echo "sh $D/as-nobody"; }
    screen_up 120x40
    see 'DRY-RUN: not root' 8
    fails 203.0.113.7 5
    see 'BAN +203\.0\.113\.7.*would ban|would ban'
    sleep 0.5
    [ ! -s "$FWLOG" ]
}

same_as_repainted() {
    local before
    before=$(screen)
    key C-l
    sleep 0.3
    # the clock and countdowns may have moved on
    diff <(sed 's/[0-9]:[0-9][0-9]/_/g; s/[0-9][0-9]*s ago/_/g; s/[0-9.]*s /_/g' <<<"$before") \
        <(screen | sed 's/[0-9]:[0-9][0-9]/_/g; s/[0-9][0-9]*s ago/_/g; s/[0-9.]*s /_/g')
}

@test "row 26: fifty resizes, down to 10x3, leave a screen as a repaint would draw it" {
    fixture_up
    engine_up
    screen_up 80x24
    see 'ENGINE ok'
    fails 203.0.113.7 5
    see 'BAN +203\.0\.113\.7'
    local i size
    for i in $(seq 12); do
        for size in 200x50 40x12 10x3 80x24; do
            TM resize-window -x ${size%x*} -y ${size#*x}
        done
    done
    TM resize-window -x 10 -y 3
    see 'too' 4
    TM resize-window -x 40 -y 12
    see 'jailtop'
    see 'ENG'
    TM resize-window -x 200 -y 50
    see 'ENGINE ok'
    TM resize-window -x 80 -y 24
    see 'ENGINE ok'
    see '3 Bans 1'
    [ ! -e "$D/exit" ]
    until_true 5 same_as_repainted
}

colours() { LC_ALL=C grep -oaP '\x1b\[[0-9;]*m' "$D/stream" | LC_ALL=C grep -P '[\[;](3[0-7]|4[0-7]|9[0-7]|10[0-7]|38|48)[;m]' || true; }

@test "row 27: NO_COLOR, --no-color and vt100 get no colours" {
    fixture_up
    engine_up
    local way
    for way in "NO_COLOR=1" "TERM=vt100" "X=1 -- --no-color"; do
        screen_up 80x24 SLOW=1 $way
        TM pipe-pane -o "cat >'$D/stream'"
        see 'ENGINE ok'
        fails 203.0.113.7 5
        see '203\.0\.113\.7'
        key C-l
        see 'ENGINE ok'
        sleep 0.3
        [ -s "$D/stream" ]
        [ -z "$(colours)" ] || { echo "$way: $(colours | head -3 | cat -v)"; return 1; }
        screen_down
    done
    # and with colours there are some
    screen_up 80x24
    TM pipe-pane -o "cat >'$D/stream'"
    see 'ENGINE ok'
    key C-l
    until_true 3 eval '[ -n "$(colours)" ]'
}

@test "row 27: LC_ALL=C gets ASCII only" {
    fixture_up
    engine_up
    screen_up 80x24 LC_ALL=C
    TM pipe-pane -o "cat >'$D/stream'"
    see 'ENGINE ok'
    raw_line 'Failed password for \346\227\245\346\234\254 from 203.0.113.8 port 1 ssh2'
    see '1/5 +203\.0\.113\.8'
    key C-l
    sleep 0.3
    ! LC_ALL=C grep -qaP '[\x80-\xff]' "$D/stream"
}

@test "row 27: a dumb terminal and a pipe are told what to use, exit 2" {
    fixture_up
    engine_up
    screen_up 80x24 TERM=dumb
    until_true 4 [ -s "$D/exit" ]
    [ "$(cat "$D/exit")" = 2 ]
    see 'not a terminal: use jailtop --batch'
    run "$JAILTOP" -c "$D/conf" </dev/null
    [ "$status" = 2 ]
    [[ $output == *"not a terminal: use jailtop --batch"* ]]
    # terminals of all kinds, one that names no size (the console's) among them
    local term
    for term in linux vt220; do
        [ -e /usr/share/terminfo/${term:0:1}/$term ] || [ -e /lib/terminfo/${term:0:1}/$term ] || continue
        screen_up 80x24 TERM=$term
        see 'ENGINE ok'
        key Q
        until_true 4 [ -s "$D/exit" ]
        [ "$(cat "$D/exit")" = 0 ]
        screen_down
    done
    screen_up 80x24 TERM=nobody-knows-it
    see "does not know the terminal 'nobody-knows-it'; try TERM=xterm"
}

@test "row 32: closing the window, or SIGKILL of the screen, changes no ban; attaching shows the same ones" {
    fixture_up
    screen_up 80x24 # starts its own engine
    see 'ENGINE ok' 10
    fails 203.0.113.7 5
    see '203\.0\.113\.7 +sshd +9:'
    local engine
    engine=$(cat "$D/pid")
    TM kill-window
    screen_down
    kill -0 "$engine"
    engine_answers
    [ "$(client get sshd banip)" = 203.0.113.7 ]
    fails 203.0.113.8 5
    until_true 4 fw_has ban sshd 203.0.113.8

    screen_up 80x24
    see 'bans 2'
    see '203\.0\.113\.7 +sshd +9:'
    # kill -9 of the screen itself
    local pid
    for pid in $(pgrep -f -- "$JAILTOP -c $D/conf" || true); do [ "$pid" = "$engine" ] || kill -KILL "$pid"; done
    until_true 4 [ -s "$D/exit" ]
    kill -0 "$engine"
    [ "$(client get sshd banip | wc -w)" = 2 ]
    [ "$(fw_count '^unban')" = 0 ]
    screen_down
    screen_up 80x24
    see 'bans 2'
}

@test "row 32: SIGTERM of the screen restores the terminal" {
    fixture_up
    engine_up
    printf 'stty -g >"%s/before"\n"%s" -c "%s/conf" & echo $! >"%s/ui"; wait $!; echo $? >"%s/exit"; stty -g >"%s/after"; echo after-the-end; exec sleep 900\n' \
        "$D" "$JAILTOP" "$D" "$D" "$D" "$D" >"$D/screen.sh"
    # `&` takes the terminal's input away from a job without control: read it from the tty
    sed -i 's| & echo| </dev/tty \& echo|' "$D/screen.sh"
    TM new-session -d -x 80 -y 24 -e TERM=tmux-256color "LC_ALL=C.UTF-8 sh '$D/screen.sh'" 3>&-
    TM set -g status off
    see 'ENGINE ok' 6
    local pid
    pid=$(cat "$D/ui")
    kill -TERM "$pid"
    until_true 4 [ -s "$D/exit" ]
    see 'after-the-end'
    diff "$D/before" "$D/after"
    not_now 'ENGINE'
    [ "$(TM display -p '#{alternate_on} #{cursor_flag} #{mouse_any_flag}')" = "0 1 0" ]
    engine_answers
}

@test "row 25: the engine is killed: it says so, keeps what it knew, refuses; another one comes: the same bans" {
    fixture_up
    engine_up
    screen_up 80x24
    see 'ENGINE ok'
    fails 203.0.113.7 5
    fails 192.0.2.4 2
    see '203\.0\.113\.7 +sshd +9:5[0-9] +1 *$'
    until_true 4 fw_has ban sshd 203.0.113.7
    kill -KILL "$ENGINE"
    see 'ENGINE DOWN [0-9]+s'
    see '3 Bans 1'
    key 3 u
    see 'refused: ENGINE DOWN'
    engine_up
    see 'the engine answers again' 10
    see 'ENGINE ok'
    see '203\.0\.113\.7 .* 9:[0-5][0-9] .* 1 ' 6
    not_now '203\.0\.113\.7 .* R' # the same ban, no second one
    key u
    see 'unbanned 203\.0\.113\.7'
    # nobody else gets in, and is told what to do
    if [ "$(id -u)" = 0 ]; then
        chmod 755 "$D"
        chmod a+rX "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test"
        run setpriv --reuid=65534 --regid=65534 --clear-groups "$JAILTOP" -s "$SOCKET" --no-start --batch
        [ "$status" = 1 ]
        [[ $output == *'permission denied'*'sudo jailtop'* || $output == *'ermission denied'* ]]
    fi
}
