# fail2ban's own annotated samples, where its package brings them: every line gets the verdict that it says

logs=/usr/lib/python3/dist-packages/fail2ban/tests/files/logs

@test "every sample of the installed fail2ban has the verdict, time and address that it says" {
    [ -d $logs ] && [ -d /etc/fail2ban/filter.d ] || skip "no samples of fail2ban are installed"
    run python3 "$SOURCE_DIR/tests/compat/samples.py" "$JAILTOP" $logs /etc/fail2ban
    echo "$output"
    [ "$status" = 0 ]
}

@test "the report on a log is fail2ban-regex's, letter for letter" {
    command -v fail2ban-regex >/dev/null || skip "fail2ban is not installed"
    log=$SOURCE_DIR/tests/samples/sshd.log
    both() {
        diff <(fail2ban-regex "$@" 2>&1 | sed 's/^\[processed.*//') <("$JAILTOP" regex "$@" 2>&1 | sed 's/^\[processed.*//')
    }
    both "$log" sshd
    both -v --VD "$log" 'sshd[mode=aggressive]'
    both -vv --print-all-matched --print-all-missed "$log" sshd
    both --no-check-all -D "$log" 'from <HOST>' 'port'
    both -o row 'Nov 22 08:00:00 a bob 192.0.2.1' 'a <F-USER>\w+</F-USER>(?P<x>y)? <HOST>'
    both -o '<ip> <fid> <family> <time> <failures> <F-USER> <F-NO> <no> <msg>' "$log" sshd
    both -L 3 $'2026-11-22 08:00:00 a 192.0.2.1\n2026-11-22 08:00:00 x\n2026-11-22 08:00:00 b' '^ a <HOST><SKIPLINES> b$'
    both --usedns no 'Nov 22 08:00:00 a 999.1.1.1' 'a <HOST>'
    both -d '%Y-%m-%d' --TZ CET '2026-11-22 a 192.0.2.1' 'a <HOST>'
    both -e latin1 "$log" sshd
}
