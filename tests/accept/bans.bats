# the operator's loop: a failure is seen, counted, banned, and the ban undone (UX rows 1-4, 7)

load fixture.bash

teardown() { fixture_down; }

@test "row 1: the first screen at 80x24, 120x40 and 200x50" {
    fixture_up
    engine_up
    local size
    for size in 80x24 120x40 200x50; do
        screen_up $size
        see 'ENGINE ok'
        see '1 Log'; see '2 Hosts'; see '3 Bans'; see '4 Chains'; see '5 Jails'
        see 'nobody is banned'
        see '\? ?help'
        [ $size != 200x50 ] || see '6 Regex'
        screen_down
    done
}

@test "row 2: one failure is shown, five are a ban, and the firewall is told once" {
    fixture_up
    engine_up
    screen_up 80x24
    see 'ENGINE ok'
    fails 203.0.113.7
    see '1/5 +203\.0\.113\.7'
    fails 203.0.113.7 4
    see 'BAN +203\.0\.113\.7'
    see 'bans 1'
    see '203\.0\.113\.7 +sshd +9:5[0-9]'
    until_true 3 fw_has ban sshd 203.0.113.7
    [ "$(fw_count '^ban')" = 1 ]
}

@test "row 3: the countdown falls, the ban ends, the rule goes" {
    fixture_up 'bantime = 5'
    engine_up
    screen_up 80x24
    see 'ENGINE ok'
    fails 203.0.113.7 5
    see '203\.0\.113\.7 +sshd +0:0[45]'
    see '203\.0\.113\.7 +sshd +0:0[12]' 6
    see 'UNB +203\.0\.113\.7' 8
    see 'nobody is banned'
    until_true 3 fw_has unban sshd 203.0.113.7
    [ "$(fw_count '^ban')" = 1 ]
}

end_of_ban() { client get sshd banip --with-time | sed -n 's/^203\.0\.113\.7 .*= //p'; }

@test "row 4: u unbans, U bans again until the same second" {
    fixture_up
    engine_up
    screen_up 80x24
    see 'ENGINE ok'
    fails 203.0.113.7 5
    see '203\.0\.113\.7 +sshd +9:5'
    local before after
    before=$(date -d "$(end_of_ban)" +%s)
    key 3
    see '3 Bans 1'
    key u
    see 'unbanned 203\.0\.113\.7'
    see 'U: undo'
    see 'nobody is banned'
    until_true 3 fw_has unban sshd 203.0.113.7
    sleep 1.2 # so that a wrong end time would differ
    key U
    see '203\.0\.113\.7 +sshd +9:[0-9]'
    until_true 3 [ -n "$(end_of_ban)" ]
    after=$(date -d "$(end_of_ban)" +%s)
    [ $((after - before)) -le 2 ] && [ $((before - after)) -le 2 ]
    [ "$(fw_count '^ban')" = 2 ]
}

@test "row 7: the operator's own address is counted, never banned, and b on it is refused" {
    fixture_up
    engine_up
    screen_up 80x24
    see 'ENGINE ok'
    see "YOU $OWN_ADDRESS"
    fails $OWN_ADDRESS 6
    see 'YOU +198\.51\.100\.7 +your own address: counted, not banned'
    see '198\.51\.100\.7 .*YOU'
    key 2
    see '198\.51\.100\.7'
    key b
    see 'refused: this is your SSH client address'
    [ "$(fw_count '^ban')" = 0 ]
    [ -z "$(client get sshd banip)" ]
}

@test "row 7: it is banned like any other once no screen is attached" {
    fixture_up
    engine_up
    screen_up 80x24
    see 'ENGINE ok'
    key Q
    until_true 4 [ -e "$D/exit" ]
    fails $OWN_ADDRESS 5
    until_true 4 fw_has ban sshd $OWN_ADDRESS
}

# ---- the same with the kernel's own rules ----
real_iptables() {
    [ "$(id -u)" = 0 ] || skip "needs root for a network namespace with iptables"
    apart iptables -S >/dev/null 2>&1 || skip "no iptables in a network namespace here"
    fixture_up 'action = iptables-multiport[port=ssh]' "$@"
    engine_up
    screen_up 80x24
    see 'ENGINE ok'
}
kernel_has() { { apart iptables -S; apart ip6tables -S; } | grep -qxF -- "$*"; }
kernel_lacks() { ! kernel_has "$@"; }

@test "rows 1-4 with real iptables: the chain follows the screen" {
    real_iptables
    fails 203.0.113.7 5
    fails 2001:db8:9::51 5
    see 'bans 2'
    see '203\.0\.113\.7 +sshd +9:5'
    until_true 4 kernel_has '-A f2b-sshd -s 203.0.113.7/32 -j REJECT --reject-with icmp-port-unreachable'
    until_true 4 kernel_has '-A f2b-sshd -s 2001:db8:9::51/128 -j REJECT --reject-with icmp6-port-unreachable'
    until_true 4 kernel_has '-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd'
    key 4
    see 'f2b-sshd' 8
    see 'REJECT .*203\.0\.113\.7' 8
    not_now '!rule'
    key 4
    key 3
    see '3 Bans 2'
    typed '\203.0.113.7'
    key Enter
    see '1 of 2'
    key u
    see 'unbanned 203\.0\.113\.7'
    until_true 4 kernel_lacks '-A f2b-sshd -s 203.0.113.7/32 -j REJECT --reject-with icmp-port-unreachable'
    key U
    until_true 4 kernel_has '-A f2b-sshd -s 203.0.113.7/32 -j REJECT --reject-with icmp-port-unreachable'
}

@test "row 3 with real iptables: the rule goes when the time is over, the chains when the engine stops" {
    real_iptables 'bantime = 4'
    fails 203.0.113.7 5
    until_true 4 kernel_has '-A f2b-sshd -s 203.0.113.7/32 -j REJECT --reject-with icmp-port-unreachable'
    see 'UNB +203\.0\.113\.7' 8
    until_true 4 kernel_lacks '-A f2b-sshd -s 203.0.113.7/32 -j REJECT --reject-with icmp-port-unreachable'
    engine_down
    run apart iptables -S
    [[ $output != *f2b-* ]]
}
