# make install: into a folder of its own, without taking fail2ban's names; uninstall takes all of it away

setup() {
    cd "$SOURCE_DIR" || return 1
    unset MAKEFLAGS MFLAGS MAKELEVEL
    D=$BATS_TEST_TMPDIR/root
    build=$(basename "$BUILD_DIR")
}

@test "install puts everything in its place, and the program runs from there" {
    make -s BUILD="$build" install DESTDIR="$D"
    "$D/usr/local/bin/jailtop" -V
    [ -e "$D/usr/local/share/man/man1/jailtop.1" ]
    [ -e "$D/usr/local/share/man/man8/jailtop-server.8" ]
    [ -e "$D/usr/local/share/jailtop/sample-configs/jail.conf" ]
    [ -e "$D/usr/local/share/jailtop/sample-configs/filter.d/sshd.conf" ]
    [ ! -e "$D/usr/local/share/jailtop/sample-configs/demo" ]
    grep -q 'ExecStart=/usr/local/bin/jailtop server' "$D/usr/local/lib/systemd/system/jailtop.service"
    [ ! -e "$D/usr/local/bin/fail2ban-client" ]
    [ "$("$D/usr/local/lib/jailtop/bin/fail2ban-client" -V)" = 1.0.2 ]
}

@test "WITH_F2B_NAMES=1 puts fail2ban's names beside it" {
    make -s BUILD="$build" install DESTDIR="$D" WITH_F2B_NAMES=1
    [ "$("$D/usr/local/bin/fail2ban-regex" -V)" = 1.0.2 ]
}

@test "uninstall leaves nothing but what others put there" {
    make -s BUILD="$build" install DESTDIR="$D" WITH_F2B_NAMES=1
    ln -sfn /somewhere/fail2ban-client "$D/usr/local/bin/fail2ban-client"
    make -s BUILD="$build" uninstall DESTDIR="$D"
    run find "$D" ! -type d
    [ "$output" = "$D/usr/local/bin/fail2ban-client" ]
}
