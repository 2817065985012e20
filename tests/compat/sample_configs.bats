# our sample-configs with the real fail2ban: they are in its dialect, so it must be able to run them
# (in a network namespace of its own: its iptables touch nothing else)

setup() {
    command -v fail2ban-server >/dev/null || skip "fail2ban is not installed"
    D=$BATS_TEST_TMPDIR/d
    mkdir -p "$D"
    cp -R "$SOURCE_DIR"/sample-configs/*.conf "$SOURCE_DIR"/sample-configs/*.d "$D/"
    : >"$D/log"
    printf '[Definition]\nsocket = %s/s\npidfile = %s/p\nlogtarget = %s/f.log\ndbfile = %s/db\n' "$D" "$D" "$D" "$D" >"$D/fail2ban.local"
    { printf '[DEFAULT]\nbackend = polling\nignoreself = false\n'
        for jail in sshd nginx-http-auth nginx-botsearch apache-auth wordpress postfix-sasl dovecot recidive; do
            printf '[%s]\nenabled = true\nlogpath = %s/log\n' $jail "$D"
        done
    } >"$D/jail.local"
}

@test "fail2ban-client -t accepts every jail" {
    run fail2ban-client -c "$D" -t
    echo "$output"
    [ "$status" = 0 ]
}

@test "jailtop client -d prints the same stream as fail2ban-client -d" {
    diff <(fail2ban-client -c "$D" -d 2>&1) <("$JAILTOP" client -c "$D" -d 2>&1)
}

@test "fail2ban-server bans and unbans with our iptables actions, and stops without a trace" {
    unshare -n iptables -S >/dev/null 2>&1 || skip "no network namespace with iptables here (needs root)"
    cat >"$BATS_TEST_TMPDIR/script" <<'EOS'
cd "$1" || exit 1
f="fail2ban-client -c $1"
all() { iptables -S; ip6tables -S; }
until_has() { for i in $(seq 100); do all | grep -q -- "$1" && return 0; sleep 0.1; done; echo "no: $1"; all; exit 1; }
$f start || exit 1
trap '$f stop >/dev/null 2>&1' EXIT
$f set sshd banip 203.0.113.7
$f set recidive banip 2001:db8::7
until_has '-A f2b-sshd -s 203.0.113.7/32 -j REJECT'
until_has '-A f2b-recidive -s 2001:db8::7/128 -j REJECT'
until_has '-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd'
$f set sshd unbanip 203.0.113.7
all | grep 203.0.113.7 && exit 1
# the chain is taken away from outside: the next ban builds it again
iptables -F INPUT; iptables -F f2b-sshd; iptables -X f2b-sshd
$f set sshd banip 203.0.113.8
until_has '-A f2b-sshd -s 203.0.113.8/32 -j REJECT'
$f unban --all
$f stop
trap - EXIT
all | grep f2b- && exit 1
exit 0
EOS
    run unshare -n sh "$BATS_TEST_TMPDIR/script" "$D"
    echo "$output"
    [ "$status" = 0 ]
}

@test "every action of ours does the same under fail2ban-server and under jailtop, in the kernel and in what it calls" {
    unshare -n iptables -S >/dev/null 2>&1 || skip "no network namespace with iptables here (needs root)"
    for tool in ipset nft jq; do command -v $tool >/dev/null || skip "no $tool"; done
    for kind in a b; do # names of the same length: they are in the output
        cp -R "$D" "$BATS_TEST_TMPDIR/$kind"
        sed -i "s|$D|$BATS_TEST_TMPDIR/$kind|" "$BATS_TEST_TMPDIR/$kind/fail2ban.local"
        cat >"$BATS_TEST_TMPDIR/$kind/jail.local" <<EOS
[DEFAULT]
backend = polling
ignoreself = false
logpath = $BATS_TEST_TMPDIR/$kind/log
filter = wordpress
[all]
enabled = true
action = iptables-ipset[port="ssh,2222:2230"]
         nftables[port="ssh,2222:2230"]
         ufw
         hostsdeny[file=$BATS_TEST_TMPDIR/$kind/deny]
         route
         firewallcmd-ipset[set="f2b-<name>-fw"]
[whole]
enabled = true
banaction = nftables[ports="meta l4proto <protocol>"]
action = %(action_)s
[mailed]
enabled = true
maxretry = 3
port = http
action = %(action_mwl)s
EOS
    done
    cd "$BATS_TEST_TMPDIR"
    unshare -n bash "$SOURCE_DIR/tests/compat/sample_actions.sh" "$PWD/a" "fail2ban-client -c $PWD/a start >/dev/null" fail2ban-client -c "$PWD/a" >a.out 2>&1 3>&- &
    local theirs=$!
    run unshare -n bash "$SOURCE_DIR/tests/compat/sample_actions.sh" "$PWD/b" "'$JAILTOP' server -b -c $PWD/b" "$JAILTOP" client -c "$PWD/b" 3>&-
    echo "$output" >b.out
    wait $theirs || { cat a.out; false; }
    cat b.out
    [ "$status" = 0 ]
    grep -qx 'no canary' b.out
    grep -q 'netname: OF-203.0.113.20' b.out
    grep -qF 'guess $(touch' b.out
    diff a.out b.out
}
