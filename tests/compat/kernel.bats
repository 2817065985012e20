# every iptables, ipset and nftables action of fail2ban's action.d, and such as administrators write: after each
# step the kernel holds what it holds under fail2ban-server (a network namespace for each)

@test "iptables, ipset and nftables hold what they hold under fail2ban: start, bans, unbans, flush, stop" {
    command -v fail2ban-server >/dev/null || skip "fail2ban is not installed"
    unshare -n true 2>/dev/null || skip "no network namespace here (needs root)"
    unshare -n sh -c 'iptables -w -N x && ip6tables -w -N x && ipset create x hash:ip && nft add table inet x' 2>/dev/null ||
        skip "iptables, ipset or nftables do not work here"
    run timeout 280 /usr/bin/python3 -u "$SOURCE_DIR/tests/compat/kernel.py" "$BATS_TEST_TMPDIR/k"
    echo "$output"
    [ "$status" = 0 ]
}
