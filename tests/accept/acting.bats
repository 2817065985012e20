# keys that change something for longer: whitelist for good, hold, saved expressions, foreign rules; commands (UX rows 5, 6, 8, 20, 21, 31)

load fixture.bash

teardown() { fixture_down; }

@test "rows 5, 6: w for an hour outlives a restart; w for good shows the change, y writes it, the old file stays, U takes it out" {
    fixture_up
    engine_up
    screen_up 100x30
    see 'ENGINE ok'
    fails 203.0.113.7 5
    see '203\.0\.113\.7 +sshd +9:5'
    key 3
    see '3 Bans 1'
    key w
    see 'whitelist 203\.0\.113\.7 for'
    typed 1h
    key Enter
    see 'whitelisted 203\.0\.113\.7 for 1h, and unbanned it'
    until_true 3 fw_has unban sshd 203.0.113.7
    fails 203.0.113.7 5
    key 2
    see '203\.0\.113\.7 .*W 59m'
    [ "$(fw_count '^ban')" = 1 ]
    # for good
    fails 192.0.2.8 1
    typed '\192.0.2.8'
    key Enter
    see '1 of 2'
    key w
    see 'whitelist 192\.0\.2\.8 for'
    typed perm
    key Enter
    see 'write .*/jail\.d/zz-jailtop\.local\?'
    see '\+ ignoreip = 192\.0\.2\.8'
    key n
    see 'nothing was done'
    [ ! -e "$D/conf/jail.d/zz-jailtop.local" ]
    key w
    see 'whitelist 192\.0\.2\.8 for'
    typed perm
    key Enter
    see '\+ ignoreip = 192\.0\.2\.8'
    key y
    see 'whitelisted 192\.0\.2\.8 for good'
    local file=$D/conf/jail.d/zz-jailtop.local
    grep -qx 'ignoreip = 192.0.2.8' "$file"
    [ "$(stat -c %a "$file")" = 644 ]
    fails 192.0.2.8 5
    see '192\.0\.2\.8 .*W'
    # a second one: the first stays, so does the old file
    typed '\203.0.113.7'
    key Enter
    see '203\.0\.113\.7 .*W'
    key w
    typed perm
    key Enter
    see '\+ ignoreip = 192\.0\.2\.8 203\.0\.113\.7'
    key y
    see 'whitelisted 203\.0\.113\.7 for good'
    grep -qx 'ignoreip = 192.0.2.8 203.0.113.7' "$file"
    grep -qx 'ignoreip = 192.0.2.8' "$file~"
    key U
    see 'undone: took 203\.0\.113\.7 off'
    grep -qx 'ignoreip = 192.0.2.8' "$file"
    [ "$(fw_count '^ban')" = 1 ]
    # another engine reads it, and knows what had an end
    client set all addignoreip --for 1h 203.0.113.60 >/dev/null
    screen_down
    engine_down
    engine_up
    [[ $(client get sshd ignoreip) == *192.0.2.8* ]]
    fails 192.0.2.8 5
    fails 203.0.113.60 5
    fails 198.51.100.99 5
    until_true 4 fw_has ban sshd 198.51.100.99
    [ "$(fw_count '^ban sshd 192')" = 0 ]
    [ "$(fw_count '^ban sshd 203.0.113.60')" = 0 ]
}

@test "H counts and bans nobody until it ends; rows 31: commands, completion, unknown ones; y, m" {
    fixture_up
    mkdir -p "$HOME/.config/jailtop"
    printf '[screen]\nclipboard = yes\n' >"$HOME/.config/jailtop/jailtop.conf"
    chmod -R a+rX "$D" "$BATS_TEST_TMPDIR"
    engine_up
    screen_up 100x30
    see 'ENGINE ok'
    key H
    see 'HOLD: count failures'
    key Enter
    see 'nothing was done'
    not_now 'HOLD 9:'
    key H
    see 'HOLD: count failures'
    key y
    see 'HOLD (10m|9:5)'
    fails 203.0.113.7 6
    see '6/5 +203\.0\.113\.7 +HOLD: counted, not banned'
    [ "$(fw_count '^ban')" = 0 ]
    key H
    see 'the hold is over'
    not_now 'HOLD [0-9]'
    fails 203.0.113.7 1
    until_true 4 fw_has ban sshd 203.0.113.7
    # commands
    typed ':status sshd'
    key Enter
    see 'Currently banned: *1'
    key q
    typed ':set sshd banip 203.0.113.9'
    key Enter
    until_true 4 fw_has ban sshd 203.0.113.9
    typed ':nonsense'
    key Enter
    see 'unknown command: nonsense'
    typed ':staus sshd'
    key Enter
    see 'unknown command: staus \(nearest: status\)'
    typed ':set sshd bantme 5'
    key Enter
    see 'unknown command: bantme \(nearest: bantime\)'
    typed ':sta'
    key Tab
    see 'start  status'
    typed 't'
    key Tab
    see ':status$'
    typed 's'
    key Tab
    see ':status sshd'
    key Escape
    # the clipboard, once the user allows it
    TM set -g set-clipboard on
    key 3
    see '3 Bans 2'
    if [ "$(id -u)" != 0 ]; then # a screen of root's is nobody's, who has no preferences
        key y
        see 'was sent to the terminal'
        until_true 3 eval '[ "$(TM show-buffer 2>/dev/null)" = 203.0.113.9 ] || [ "$(TM show-buffer 2>/dev/null)" = 203.0.113.7 ]'
    fi
    # the mouse: a click chooses, nothing else
    key 0
    see '2 Hosts'
    key m
    see 'the mouse is on'
    until_true 3 eval '[ "$(TM display -p "#{mouse_any_flag}")" = 1 ]'
    key m
    until_true 3 eval '[ "$(TM display -p "#{mouse_any_flag}")" = 0 ]'
}

@test "row 20: F2 shows the change of NAME.local, writes it after y, and offers the reload" {
    fixture_up 'maxretry = 1000'
    engine_up
    screen_up 120x40
    see 'ENGINE ok'
    fails 203.0.113.7 3
    see '3/1000 +203\.0\.113\.7'
    key 1 r
    see 'MATCH +[0-9]+' 6
    key F2
    see 'nothing to save'
    key e
    key C-u
    typed '^Failed nothing here'
    key F2
    see 'refused: no <HOST>'
    key e
    key C-u
    typed '^Failed password for root from <HOST> port \d+ ssh2$'
    see 'MATCH 3' 6
    key F2
    see 'write .*filter\.d/sshd\.local\?'
    see '\+ failregex = |\^Failed password for root'
    local before
    before=$(cat "$D/conf/filter.d/sshd.conf")
    key n
    see 'nothing was done'
    [ ! -e "$D/conf/filter.d/sshd.local" ]
    key F2
    see 'write .*filter\.d/sshd\.local\?'
    key y
    see 'reload sshd\?' 6
    grep -qF '^Failed password for root from <HOST> port \d+ ssh2$' "$D/conf/filter.d/sshd.local"
    [ "$(cat "$D/conf/filter.d/sshd.conf")" = "$before" ]
    key y
    see 'saved and reloaded' 8
    client get sshd failregex | grep -qF 'Failed password for root from'
    # the screen's filter for the tester leaves nothing behind
    ! ls /tmp/jailtop-regex-* 2>/dev/null
}

# the kernel's own rules
kernel() { apart iptables -S f2b-sshd; }
kernel_has() { kernel | grep -qxF -- "$*"; }

@test "repair runs the action that misses its rule, and no other" {
    [ "$(id -u)" = 0 ] || skip "needs root for a network namespace with iptables"
    apart iptables -S >/dev/null 2>&1 || skip "no iptables in a network namespace here"
    fixture_up "action = iptables-multiport[port=ssh]
         mail"
    printf '[Definition]\nactionban = echo "mail <ip>" >>%s/mails\n' "$D" >"$D/conf/action.d/mail.conf"
    engine_up
    client set repair off >/dev/null
    client set sshd banip 203.0.113.9 203.0.113.10 >/dev/null
    until_true 8 kernel_has '-A f2b-sshd -s 203.0.113.9/32 -j REJECT --reject-with icmp-port-unreachable'
    until_true 8 kernel_has '-A f2b-sshd -s 203.0.113.10/32 -j REJECT --reject-with icmp-port-unreachable'
    [ "$(client repair)" = 0 ]
    apart iptables -D f2b-sshd -s 203.0.113.9/32 -j REJECT --reject-with icmp-port-unreachable
    one() { [ "$(client repair 203.0.113.9)" = 1 ]; }
    until_true 12 one
    until_true 8 kernel_has '-A f2b-sshd -s 203.0.113.9/32 -j REJECT --reject-with icmp-port-unreachable'
    apart iptables -F f2b-sshd
    both() { [ "$(client repair)" = 2 ]; }
    until_true 12 both
    until_true 8 kernel_has '-A f2b-sshd -s 203.0.113.9/32 -j REJECT --reject-with icmp-port-unreachable'
    until_true 8 kernel_has '-A f2b-sshd -s 203.0.113.10/32 -j REJECT --reject-with icmp-port-unreachable'
    apart iptables -F INPUT
    apart iptables -F f2b-sshd
    apart iptables -X f2b-sshd
    again() { client repair >/dev/null; kernel_has "$@"; }
    until_true 12 again '-A f2b-sshd -s 203.0.113.10/32 -j REJECT --reject-with icmp-port-unreachable'
    [ "$(sort "$D/mails" | tr '\n' ' ')" = 'mail 203.0.113.10 mail 203.0.113.9 ' ]
}

@test "row 21: a rule that went is drift and R puts it back; one that nobody asked for is named, and d deletes it" {
    [ "$(id -u)" = 0 ] || skip "needs root for a network namespace with iptables"
    apart iptables -S >/dev/null 2>&1 || skip "no iptables in a network namespace here"
    fixture_up 'action = iptables-multiport[port=ssh]'
    engine_up
    client set repair off >/dev/null
    screen_up 100x30
    see 'ENGINE ok'
    fails 203.0.113.9 5
    until_true 4 kernel_has '-A f2b-sshd -s 203.0.113.9/32 -j REJECT --reject-with icmp-port-unreachable'
    see '>203\.0\.113\.9 +5 '
    key i
    see 'RULE +f2b-sshd #1 REJECT, present' 6
    key q
    apart iptables -D f2b-sshd -s 203.0.113.9/32 -j REJECT --reject-with icmp-port-unreachable
    see 'drift 1' 8
    key 4
    see 'DRIFT 1 ban has no rule'
    see '203\.0\.113\.9 .*ban, no rule'
    key R
    until_true 6 kernel_has '-A f2b-sshd -s 203.0.113.9/32 -j REJECT --reject-with icmp-port-unreachable'
    unsee 'DRIFT' 8
    apart iptables -I f2b-sshd 1 -s 203.0.113.77/32 -m comment --comment 'by "hand"' -j REJECT --reject-with icmp-port-unreachable
    see '203\.0\.113\.77 +NO .*rule, no ban' 8
    typed '/113.77'
    key Enter
    key d
    see 'delete from the kernel the rule for 203\.0\.113\.77'
    key Enter
    see 'nothing was done'
    key d
    see 'delete from the kernel'
    key y
    until_true 6 eval '! kernel | grep -q 113.77'
    unsee '203\.0\.113\.77 +NO' 8
    kernel_has '-A f2b-sshd -s 203.0.113.9/32 -j REJECT --reject-with icmp-port-unreachable'
    key d
    see 'not a rule that no ban asks for'
}
