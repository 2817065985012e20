# what asks before it acts, and that it acts on what was named (UX rows 10, 11, 33)

load fixture.bash

teardown() { fixture_down; }

@test "row 10: B and y in one write open the question and answer nothing" {
    fixture_up
    engine_up
    screen_up 80x24
    see 'ENGINE ok'
    fails 203.0.113.7 2
    see '2/5 +203\.0\.113\.7'
    key 2
    see '203\.0\.113\.7'
    typed 'By'
    see '203\.0\.113\.0/24'
    sleep 0.5 # time for a wrong ban
    see '203\.0\.113\.0/24'
    [ "$(fw_count '^ban')" = 0 ]
    key Escape
    see '2 Hosts'
    [ "$(fw_count '^ban')" = 0 ]
}

@test "row 11: the named address is acted on although the list moved under the question" {
    fixture_up
    engine_up
    screen_up 80x24
    see 'ENGINE ok'
    fails 203.0.113.7 2
    see '2/5 +203\.0\.113\.7'
    key 2
    see '> ?203\.0\.113\.7'
    key b
    see 'ban 203\.0\.113\.7'
    fails 192.0.2.1 4
    fails 192.0.2.2 4
    fails 192.0.2.3 4
    until_true 3 eval 'client get sshd maxretry >/dev/null'
    see 'ban 203\.0\.113\.7'
    key Enter
    until_true 4 fw_has ban sshd 203.0.113.7
    [ "$(fw_count '^ban')" = 1 ]
}

@test "row 33: q then Enter stays; q then u stops the own engine and takes every rule away" {
    fixture_up
    screen_up 80x24 # no engine yet: it starts one
    see 'ENGINE ok' 10
    fails 203.0.113.7 5
    until_true 4 fw_has ban sshd 203.0.113.7
    see 'BAN +203\.0\.113\.7'
    key q
    see 'keep running'
    key Enter
    unsee 'keep running'
    [ ! -e "$D/exit" ]
    [ "$(fw_count '^unban')" = 0 ]
    key q
    see 'u.*unban'
    key u
    until_true 8 [ -s "$D/exit" ]
    [ "$(cat "$D/exit")" = 0 ]
    until_true 8 gone "$(cat "$D/pid" 2>/dev/null || echo 999999)"
    # one by one, or all by a flush
    grep -qE '^(unban sshd 203\.0\.113\.7|flush sshd)$' "$FWLOG"
    fw_has stop sshd
    ! engine_answers
}

@test "row 33: q then k leaves the engine and its bans" {
    fixture_up
    screen_up 80x24
    see 'ENGINE ok' 10
    fails 203.0.113.7 5
    until_true 4 fw_has ban sshd 203.0.113.7
    key q
    see 'keep running'
    key k
    until_true 8 [ -s "$D/exit" ]
    engine_answers
    [ "$(client get sshd banip)" = 203.0.113.7 ]
    [ "$(fw_count '^unban')" = 0 ]
}
