# run alone
# The whole house: a real sshd that logs through a real rsyslogd, the engine with real iptables, the
# screen in tmux; the attacker sits in another network namespace and guesses passwords.

load net.bash
load ../accept/fixture.bash

apart_words() { echo "ip netns exec $NS_SERVER"; }
apart() { on_server "$@"; }

setup() {
    net_needs
    net_up "$BATS_TEST_TMPDIR/net"
}
teardown() {
    fixture_down
    net_down
}

house_up() { # jail settings
    fixture_up 'action = iptables-multiport[port=ssh]' 'maxretry = 3' "logpath = $NET/auth.log" "$@"
    engine_up
    screen_up 80x24 "SSH_CONNECTION=198.51.100.7 5 $SERVER_IP 22"
    see 'ENGINE ok'
}
rules() { on_server iptables -S; }
rule_stands() { rules | grep -qxF -- "-A f2b-sshd -s $CLIENT_IP/32 -j REJECT --reject-with icmp-port-unreachable"; }
rule_gone() { ! rule_stands; }
left() { screen | sed -nE "s/.*$CLIENT_IP +sshd +([0-9]+):([0-9]+).*/\1 \2/p" | head -1 | awk '{ print $1 * 60 + $2 }'; }
fell() { local now; now=$(left); [ -n "$now" ] && [ "$now" -lt "$1" ]; }

@test "guessing is shown, banned and refused; u lets in again, w keeps the door open" {
    house_up
    net_login $USER_PASS # a good log-in first: the door is open
    local n
    for n in 1 2 3; do
        run net_login wrong-$n
        [ "$status" != 0 ]
        [ $n = 3 ] || see "$n/3 +$CLIENT_IP"
    done
    see "BAN +$CLIENT_IP"
    until_true 3 rule_stands
    rules | grep -qxF -- '-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd'
    wait_until 15 net_refused
    run net_login $USER_PASS
    [[ $output == *refused* ]]

    # the Bans pane: the address, with a countdown that falls
    key 3
    see "$CLIENT_IP +sshd +[0-9]:[0-9][0-9]"
    local before
    before=$(left)
    until_true 4 fell "$before"

    key u
    see "unbanned $CLIENT_IP"
    until_true 3 rule_gone
    net_login $USER_PASS

    # banned once more, then whitelisted: the rule goes, and further failures change nothing
    for n in 4 5 6; do run net_login wrong-$n; done
    until_true 3 rule_stands
    wait_until 15 net_refused
    see "$CLIENT_IP +sshd"
    key w
    see 'whitelist'
    typed '1h'
    key Enter
    until_true 3 rule_gone
    for n in 7 8 9 10; do
        run net_login wrong-$n
        [[ $output != *refused* ]]
    done
    key 0
    see 'ign'
    rule_gone
    net_login $USER_PASS
}

@test "the screen dies, the ban stays; the engine stops, the chain goes" {
    house_up
    local n
    for n in 1 2 3; do run net_login wrong-$n; done
    until_true 4 rule_stands
    screen_down
    sleep 0.3
    rule_stands
    wait_until 15 net_refused
    screen_up 80x24 "SSH_CONNECTION=198.51.100.7 5 $SERVER_IP 22"
    see "$CLIENT_IP +sshd +[0-9]:"
    engine_down
    run rules
    [[ $output != *f2b-* ]]
    net_login $USER_PASS
}
