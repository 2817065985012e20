# what a configuration means: `jailtop client -d` against fail2ban-client's, on trees written here

setup_file() {
    command -v fail2ban-client >/dev/null || skip "fail2ban is not installed"
    export LC_ALL=C.UTF-8
}

setup() {
    command -v fail2ban-client >/dev/null || skip "fail2ban is not installed"
    TREE=$BATS_TEST_TMPDIR/etc
    mkdir -p "$TREE"/{filter.d,action.d,jail.d,log}
    printf '[Definition]\nloglevel = INFO\nlogtarget = SYSLOG\nsyslogsocket = auto\nallowipv6 = auto\ndbpurgeage = 1d\n' >"$TREE/fail2ban.conf"
    file filter.d/web.conf <<'END'
[INCLUDES]
before = shared.conf
[Definition]
mode = plain
_re = %(prefix)sdenied
re-plain = ^<_re> <HOST>$
re-all = <re-plain>
         ^probe <F-USER>\S+</F-USER> from <ADDR>, port <port>
failregex = <re-<mode>>
ignoreregex =
journalmatch = _SYSTEMD_UNIT=web.service + _COMM="web server"
[Init]
port = 80
maxlines = 1
END
    file filter.d/shared.conf <<'END'
[DEFAULT]
prefix = (?:\S+ )?
word = shared
END
    file action.d/block.conf <<'END'
[Definition]
actionstart = <tool> start <name> <list-<kind>>
actionban = <tool> add <ip> <matches> <port>
            log "%(__name__)s" <known/port>
actionunban = <tool> del <ip> for <bantime>
list-a = A
list-b = B
norestored = yes
[Init]
tool = fw4 <flags>
flags =
port = any
kind = a
[Init?family=inet6]
tool = fw6 <flags>
END
}

file() { cat >"$TREE/$1"; }

jail() { # TEXT: jail.conf with defaults before it
    printf '[DEFAULT]\nenabled = true\nbackend = polling\nfilter = web\naction = block\nlogpath = %s/log/a.log\nmode = plain\nbantime = 10m\n%s\n' \
        "$TREE" "$1" >"$TREE/jail.conf"
}

teardown() {
    [ -z "${OPEN-}" ] || { chmod -R u+rwX "$OPEN"; rm -rf "$OPEN"; }
}

same() { # both print the same and end alike; -t as well
    local theirs=0 ours=0
    touch "$TREE/log/a.log"
    fail2ban-client -c "$TREE" "${1:--d}" >"$BATS_TEST_TMPDIR/theirs" 2>"$BATS_TEST_TMPDIR/theirs.err" || theirs=$?
    "$JAILTOP" client -c "$TREE" "${1:--d}" >"$BATS_TEST_TMPDIR/ours" 2>"$BATS_TEST_TMPDIR/ours.err" || ours=$?
    diff "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours"
    echo "exit: fail2ban $theirs, jailtop $ours"
    cat "$BATS_TEST_TMPDIR/ours.err"
    [ $theirs -eq $ours ]
}

@test "files are merged in fail2ban's order" {
    jail $'[one]\nfindtime = 1\n[two]\nfindtime = 1'
    file jail.local <<<$'[DEFAULT]\nbantime = 3\n[one]\nfindtime = 3\nmaxretry = 3'
    file jail.d/10.conf <<<$'[DEFAULT]\nbantime = 2\n[one]\nfindtime = 2\nmaxretry = 2\n[three]\n'
    file jail.d/20.conf <<<$'[two]\nfindtime = %(known/findtime)s0'
    file jail.d/10.local <<<$'[one]\nmaxretry = 4'
    file jail.d/README <<<$'[one]\nmaxretry = 9'
    file filter.d/web.local <<<$'[Definition]\nfailregex = %(known/failregex)s\n  ^local <HOST> %(word)s\n[Init]\nport = 8080'
    same
}

@test "comments, continuation lines, delimiters and white space" {
    jail "$(printf '[a] ; x\nignoreip = 192.0.2.1 ; c\n  # c\n  192.0.2.2\n\n   192.0.2.3;4\n findtime : 5;6\n[b]\r\n maxretry=3\r\n\tignorecommand = "a ; b" # c\nusedns\n  = no\n[c]\nignoreip =\n\n  \302\240x\302\240\n')"
    same
}

@test "interpolation in its forms" {
    jail $'on = 1\n[a]\nx = %(bantime)s\nfindtime = %(X)s%%%(on)s\nignoreip = %(__name__)s %(b/y)s %(default/on)s\n[b]\ny = %(x)s\nx = from-b\nignorecommand = %(fail2ban_version)s %(known/failregex)s'
    same
}

@test "a foreign name with capitals counts where it stands in lower case as well" {
    jail $'z = %(B/Y)s\n[a]\nignoreip = %(b/y)s %(B/Y)s %(Default/Mode)s %(default/mode)s\n[b]\ny = 1\n[c]\nignoreip = %(b/y)s %(z)s'
    same
    grep -q "'c', 'addignoreip', '1', '1'" "$BATS_TEST_TMPDIR/ours"
    jail $'z = %(b/y)s\n[a]\nignoreip = %(B/Y)s %(z)s\n[b]\ny = 1'
    same
}

@test "filters and actions with options" {
    jail $'[a]\nfilter = web[mode=all, port="80,443"]\naction = block[name=one, port="1, 2", tool=\'my <ip>\']\n   block[name=a-two, kind=b][flags="-x]"] block[actname=z, extra=<undefined>]\n   tell.py[to="x", n=1, actname=t]\n[b]\nmode = all\nfilter = web[mode=%(mode)s, failregex="^given <HOST>", logtype=journal]\naction =\n[c]\nfilter =\nfailregex = ^own <HOST>'
    same
}

@test "the options of a jail replace or extend the filter's" {
    jail $'[a]\nfailregex = %(known/failregex)s\n   ^more <HOST>\nusedns = raw\nmaxlines = 4\ndatepattern = ^%%Y\njournalmatch = A=b "C=d e"\n[b]\nprefregex = ^<F-CONTENT>.*</F-CONTENT>$\nignoreregex = ^x\n   ^y'
    same
}

@test "a jail refers to what the filter of another one says" {
    jail $'[a]\n[b]\nfailregex = %(a/known/failregex)s\n   ^b <HOST>\n[c]\nfailregex = %(b/known/failregex)s\n   %(a/known/failregex)s'
    same
    grep -q "'c', 'addfailregex'" "$BATS_TEST_TMPDIR/ours"
}

@test "a tag that stood for nothing before the jail's options were known stays" {
    file filter.d/web.conf <<<$'[Definition]\nfailregex = ^<usedns> <HOST> <port> <known/port> <Port>$\n[Init]\nport = 80\nhost = x'
    jail $'[a]\nusedns = no\n[b]\nfilter = web[port=1, Host=y]\n[c]\nfilter = web[usedns=raw]'
    same
    grep -q "<usedns> <HOST>" "$BATS_TEST_TMPDIR/ours"
}

@test "one action in many jails, with options that are and are not alike" {
    jail $'action = block[port="%(port)s", kind=<known/kind>x]\nport = <known/port>\n[a]\nport = 1\n[b]\nport = 2\n[c]\n[d]\nport = 4\n[e]\naction = block[kind=b]\n[f]\naction = block[kind=b]\n[g]\naction = block[kind=b]'
    same
}

@test "values: bool, int, lists, times, log files" {
    touch "$TREE/log/b 1.log" "$TREE/log/b2.log" "$TREE/log/.hidden.log"
    ln -s nowhere "$TREE/log/bad.log"
    jail "[a]
ignoreself = ON
bantime.increment = maybe
maxretry = 1_0
maxmatches = two
ignoreip = ::1, 192.0.2.0/24,,x.example
logpath = $TREE/log/b2.* tail
          $TREE/log/none*.log
          $TREE/log/[b]2.log
[b]
backend = systemd[journalflags=1]
bantime = 1d 12h
bantime.multipliers = 1 2 4
logtimezone = UTC+0100"
    same
}

@test "globs of log files: characters, not bytes; sets without classes" {
    local name patterns=
    for name in a b z ü ^ - '[' ']' : '!' é 日 .x '\\'; do touch "$TREE/log/$name.log"; done
    touch "$TREE/log/x"$'\377'".log"
    for name in '?' '??' '[!a]' '[^a]' '[a^]' '[[:alpha:]]' '[]a]' '[!]a]' '[a-b]' '[b-a]' '[!b-a]' '[a-]' '[--:]' '[é-ü]' '[日]' '[' '[a' '[]' '*[ü]' '.?' '[.]x' \
        '\\?' '[\\]' '[a-b-z]' '**'; do
        patterns+=$'\n'"   $TREE/log/$name.log"
    done
    jail "[a]
logpath = $patterns"
    same
    grep -q '日' "$BATS_TEST_TMPDIR/ours"
}

@test "every jail with the same action" {
    local text= i
    for i in 1 2 3 4 5; do text+=$'\n'"[jail-$i]"$'\n'"action = block[name=n$i, port=\"$i,x\", kind=$([ $i = 3 ] && echo b || echo a)]"; done
    jail "$text"
    same
}

@test "includes, in loops and missing" {
    file filter.d/shared.conf <<<$'[INCLUDES]\nbefore = web.conf\n  ../extra/up.conf\nafter = none.conf\n[DEFAULT]\nprefix = p\nword = w'
    mkdir "$TREE/extra"
    file extra/up.conf <<<$'[DEFAULT]\nword = up\n[Definition]\nignoreregex = up'
    file extra/up.local <<<$'[Init]\nport = up-local'
    jail $'[a]'
    same
}

@test "a jail that is wrong is left out" {
    jail $'[good]\n[no-filter]\nfilter = nothing\n[no-action]\naction = block\n  nothing\n[syntax]\nfilter = web[mode'
    same -d
    # with -t one is enough to fail
    run "$JAILTOP" client -c "$TREE" -t
    [ "$status" -eq 255 ]
}

@test "what stops the whole configuration" {
    local bad
    for bad in $'[a]\nbantime = %(nope)s' $'[a]\nbantime = 5%' $'[a]\nbantime = 1\nbantime = 2' $'[a]\n[a]' $'[a]\nnonsense' \
        $'[a]\nx = %(y)s\ny = %(x)s\nbantime = %(x)s' $'[a]\naction = block[kind="<kind>"]' $'[a]\njournalmatch = "x' \
        $'[a]\nbantime = %(DEFAULT/mode)s'; do
        jail "$bad"
        echo "$bad"
        same
    done
}

@test "-t: exit codes and last words" {
    jail $'[a]'
    same -t
    [ "$(cat "$BATS_TEST_TMPDIR/ours")" = "OK: configuration test is successful" ]
    jail $'[a]\nmaxrety = 3' # a remark only
    same -t
    grep -q "jail.conf:10.*maxrety.*did you mean maxretry?" "$BATS_TEST_TMPDIR/ours.err"
    for bad in $'[a]\nfilter = none' $'[a]\n[b]\naction = none' $'[a]\n[a]' $'[a]\nbantime = %(x)s' $'[a]\nlogpath = /nonexistent/x' \
        $'[a]\nfilter = web[x' ; do
        jail "$bad"
        echo "$bad"
        same -t
        [ ! -s "$BATS_TEST_TMPDIR/ours" ]
        grep -q "ERROR: test configuration failed" "$BATS_TEST_TMPDIR/ours.err"
    done
}

@test "files and directories without permission" {
    local as= closed
    OPEN=$(mktemp -d) # bats's own folders are closed to others
    cp -R "$TREE"/. "$OPEN"
    TREE=$OPEN
    [ "$(id -u)" != 0 ] || as="setpriv --reuid=65534 --regid=65534 --clear-groups"
    chmod -R go+rX "$TREE"
    chmod 755 "$TREE"
    jail $'[a]'
    file jail.local <<<$'[a]\nmaxretry = 7'
    touch "$TREE/log/a.log"
    chmod go+r "$TREE"/jail.* "$TREE/log/a.log"
    $as "$JAILTOP" client -c "$TREE" -t || skip "the build folder is closed to other users"
    for closed in jail.local jail.d filter.d filter.d/shared.conf fail2ban.conf .; do
        chmod 0 "$TREE/$closed"
        local theirs=0 ours=0
        $as fail2ban-client -c "$TREE" -d >"$BATS_TEST_TMPDIR/theirs" 2>/dev/null || theirs=$?
        $as "$JAILTOP" client -c "$TREE" -d >"$BATS_TEST_TMPDIR/ours" 2>"$BATS_TEST_TMPDIR/ours.err" || ours=$?
        chmod 755 "$TREE/$closed"
        echo "$closed: fail2ban $theirs, jailtop $ours"
        cat "$BATS_TEST_TMPDIR/ours.err"
        [ $theirs -eq $ours ]
        diff "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours"
        grep -Eqi "cannot be read|could not read|permission denied|no accessible" "$BATS_TEST_TMPDIR/ours.err" "$BATS_TEST_TMPDIR/ours"
    done
}

@test "fail2ban.conf" {
    file fail2ban.local <<<$'[Definition]\nloglevel = debug\ndbfile = %(known/dbfile)s\nlogtarget = STDERR[datetime=off]\n[Thread]\nstacksize = 64'
    file fail2ban.conf <<<$'[DEFAULT]\nd = 5\n[Definition]\ndbfile = /x\ndbmaxmatches = %(d)s\nallowipv6 = no\nsyslogsocket = auto\ndbpurgeage = 2d'
    jail ''
    same
    file fail2ban.local <<<$'[Definition]\nloglevel = LOUD'
    run "$JAILTOP" client -c "$TREE" -d
    [ "$status" -eq 255 ]
    [[ $output == *"fail2ban.local:2"*LOUD* || $output == *LOUD*"fail2ban.local:2"* ]]
}

@test "--dump-pretty wraps as fail2ban's" {
    local words
    words=$(seq -s ' ' 1 600)
    jail $'[a]\nignoreip = '"$words"$'\nignorecommand = '"$words"$'\nfailregex = ^'"$words"$'\n  ^<HOST>'
    same --dp
}

@test "other modes" {
    local words
    for words in "--str2sec 1d12h" "--str2sec 1mo" "--str2sec x" "-V" "--version"; do
        echo "$words"
        run fail2ban-client $words
        theirs=$status
        run "$JAILTOP" client $words
        [ "$status" -eq "$theirs" ]
    done
    [ "$("$JAILTOP" client --str2sec '1year-6mo')" = "$(fail2ban-client --str2sec '1year-6mo')" ]
    [ "$("$JAILTOP" client --version)" = "$(fail2ban-client --version)" ]
    [ "$("$JAILTOP" client -V)" = "$(fail2ban-client -V)" ]
}
