# action_mwl by a real mail agent (Debian's dma, in an overlay over the root file system, so that nothing is
# installed) and a whois server of our own: what stands in the mailbox. Needs root and apt.

setup_file() {
    export W=$BATS_FILE_TMPDIR/w
    mkdir -p "$W/over" "$W/share"
    [ "$(id -u)" = 0 ] && command -v whois >/dev/null && [ -d /etc/fail2ban ] || return 0
    unshare -mn true 2>/dev/null || return 0
    if [ -n "${DMA_DEB:-}" ]; then cp "$DMA_DEB" "$W/"; else
        (cd "$W" && timeout 30 apt-get download dma >/dev/null 2>&1) || return 0
    fi
    timeout 150 unshare -mn --propagation private bash "$SOURCE_DIR/tests/e2e/mail.bash" "$W" >"$W/out" 2>&1 || true
}

setup() {
    ls "$W"/dma*.deb >/dev/null 2>&1 || skip "no dma package, whois, fail2ban's action.d or root here"
    [ -e "$W/out" ] && cat "$W/out"
    return 0
}

@test "the mail of a ban has the whois answer and the log lines" {
    grep '^Subject: \[Fail2Ban\] j: banned 192.0.2.7 from ' "$W/share/mbox.ban"
    grep '^From: Fail2Ban <fail2ban@localhost>' "$W/share/mbox.ban"
    grep 'netname: EXAMPLE-OF-192.0.2.7' "$W/share/mbox.ban"
    grep 'fail from 192.0.2.7 port 1001' "$W/share/mbox.ban"
    grep 'fail from 192.0.2.7 port 1002' "$W/share/mbox.ban"
    grep -- '-s 192.0.2.7/32 -j REJECT' "$W/share/rules"
}

@test "a restart restores the ban and mails nobody about it" {
    [ "$(grep -c '^Subject: .*banned' "$W/share/mbox.restart")" = 1 ]
}

@test "a storm of 40 bans is 20 mails and a digest of the other 20" {
    [ "$(grep -c '^Subject: .*banned 198.51.100' "$W/share/mbox.storm")" = 20 ]
    [ "$(grep -c '^Subject: .*banned 20 addresses from ' "$W/share/mbox.storm")" = 1 ]
    [ "$(grep -c '^198.51.100.[0-9]* (2 failures)' "$W/share/mbox.storm")" = 20 ]
}
