# lists and details, files and trouble, many checks to one session (UX rows 8, 9, 15, 17, 19, 22, 34, 35)

load fixture.bash

teardown() { fixture_down; }

@test "rows 9, 15, 17, 34, 35: networks, order, why, export, pasted and split keys" {
    fixture_up
    engine_up
    screen_up 100x30
    see 'ENGINE ok'
    fails 203.0.113.1 1
    fails 203.0.113.2 2
    fails 203.0.113.3 3 '=1+1'
    fails $OWN_ADDRESS 1
    fails 192.0.2.44 5
    until_true 4 fw_has ban sshd 192.0.2.44
    key 2
    see '198\.51\.100\.7 .*YOU'
    see '192\.0\.2\.44 .* B'
    # row 9: a network that holds you is refused; another is shown first, Enter changes nothing
    typed '/198.51.100.7'
    key Enter
    see '/198.51.100.7  1 of 1'
    key B
    see 'refused: 198\.51\.100\.0/24 holds your SSH client address'
    typed '/203.0.113.2'
    key Enter
    see '/203.0.113.2  1 of 1'
    key B
    see 'ban the network 203\.0\.113\.0/24'
    see '3 hosts seen'
    key Enter
    see 'nothing was done'
    [ "$(fw_count '^ban')" = 1 ]
    # row 15: the mark moves, the order turns, the cursor stays on its address
    see '2 Hosts 5 +by FAIL v'
    see '>203\.0\.113\.2 '
    key s
    see 'by min v'
    see '>203\.0\.113\.2 '
    key s
    see 'by JAIL \^'
    see '>203\.0\.113\.2 '
    key S
    see 'by JAIL v'
    see '>203\.0\.113\.2 '
    # row 35: a bracketed paste is nothing, a split arrow no more than an arrow
    TM set-buffer 'uUbBwy'
    TM paste-buffer -p
    key Escape
    key '[' B
    key j
    see '>192\.0\.2\.44|>203\.0\.113|>198\.51'
    not_now 'ban the network'
    [ "$(fw_count '^ban')" = 1 ]
    [ "$(fw_count '^unban')" = 0 ]
    # row 34: a new file of ours alone, formulas quoted; never over an old one
    key 1
    see '=1\+1'
    mkdir -m 1777 "$D/out"
    chmod 755 "$D"
    chmod a+rX "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test"
    key 2
    see '2 Hosts 5'
    key e
    typed "$D/out/x.csv"
    key Enter
    see '5 rows'
    [ "$(stat -c %a "$D/out/x.csv")" = 600 ]
    [ "$(grep -c . "$D/out/x.csv")" = 6 ] # and the headings
    key e
    typed "$D/out/x.csv"
    key Enter
    see 'exists'
    # row 17: why
    key 3
    see '>192\.0\.2\.44'
    key i
    see 'BANNED +in sshd +left 9:'
    see 'WHY +5 failures in .*maxretry 5, findtime 10m; failregex #[0-9]'
    see 'RULE '
    see 'BEFORE +no ban before'
    see 'TRIED +root 5'
    see 'LINES .*Failed password for root from 192\.0\.2\.44'
    [ "$(screen | grep -c 'Failed password for root from 192.0.2.44')" = 5 ]
    key q
    see '3 Bans 1'
}

@test "rows 19, 22: a pathological expression is LIMIT while bans go on; a firewall that fails says FW FAIL, !rule and why" {
    fixture_up
    engine_up
    screen_up 100x30
    see 'ENGINE ok'
    fails 203.0.113.1 2
    raw_line 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'
    see '2/5 +203\.0\.113\.1'
    key 1 r
    see 'MATCH +2' 6
    key e
    key C-u
    typed '^(\w+\s?)+$<HOST>'
    fails 203.0.113.9 5
    see 'LIMIT [1-9]' 8
    until_true 4 fw_has ban sshd 203.0.113.9
    key Escape q 0
    # row 22
    touch "$D/fail"
    fails 203.0.113.10 5
    see 'F(IRE)?W(ALL)? FAIL [0-9]' 6
    key 3
    see '203\.0\.113\.10 .*!rule' 6
    typed '/113.10'
    key Enter
    key i
    see 'fake (re)?ban: FAILED, exit 1' 6
    see 'said: fake firewall: told to fail'
    key q
    rm "$D/fail"
    until_true 25 fw_has ban sshd 203.0.113.10 # it is tried again after 1, 2, 4, 8 s
    unsee '!rule' 10
    unsee 'FAIL [0-9]' 10
}

@test "row 8: the operator's address is found in the parents' environment; nowhere: YOU unknown" {
    fixture_up
    engine_up
    # in the environment of a shell above, dropped on the way as sudo does
    printf 'exec env -u SSH_CONNECTION "$@"\n' >"$D/drop"
    apart true
    local words
    words=$(apart_words)
    apart_words() { echo "sh $D/drop $words"; }
    screen_up 80x24
    see "YOU $OWN_ADDRESS"
    key Q
    until_true 4 [ -s "$D/exit" ]
    screen_down
    unset SSH_CONNECTION
    screen_up 80x24
    see 'YOU unknown!'
    fails 203.0.113.1 1
    key 2
    see '>203\.0\.113\.1'
    key b
    see 'YOU unknown! ban 203\.0\.113\.1'
}
