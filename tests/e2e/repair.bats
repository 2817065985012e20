#!/usr/bin/env bats
# What is taken out of the kernel comes back, in the middle of a storm of bans. Real tools in a network namespace.
# run alone

setup() {
    [ "$(id -u)" = 0 ] || skip "needs root: a network namespace"
    [ -e /etc/fail2ban/action.d/iptables-multiport.conf ] || skip "fail2ban's actions are not installed"
    unshare -n sh -c 'iptables -w -N x && ipset create x hash:ip && nft add table inet x' 2>/dev/null ||
        skip "iptables, ipset or nftables do not work here"
}

repair() {
    run timeout 120 unshare -n python3 -u "$SOURCE_DIR/tests/e2e/repair.py" "$JAILTOP" "$BATS_TEST_TMPDIR/d" "$1"
    echo "$output"
    [ "$status" = 0 ]
    echo "# ${output//$'\n'/$'\n'# }" >&3
}

@test "iptables flushed, its jump and its chain deleted, in a storm: all bans are back within 2 s" { repair iptables-multiport; }
@test "an ipset flushed and destroyed, in a storm: all bans are back within 2 s" { repair iptables-ipset-proto6; }
@test "nftables' set flushed, its rule, set and table deleted, in a storm: all bans are back within 2 s" { repair nftables-multiport; }
@test "the same with the nftables action of our sample-configs" { repair own:nftables; }
@test "of two actions only the one that lost its rules is repaired" { repair two; }
@test "a listing that fails is told once and tried less and less often" { repair garbage; }
