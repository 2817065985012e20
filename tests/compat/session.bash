# session.bash: one session of commands by some client against some server; what each command printed
# goes to a file, with times, process numbers and DIR masked, so that two such files can be compared.
#
#   session_dir DIR               makes the configuration of the two jails, t and u
#   session_run DIR OUT CLIENT…   runs session.cmd with CLIENT (`fail2ban-client`, `jailtop client`)
#
# session.cmd: a command a line, quoted as for a shell; lines that begin with ! are shell, run in DIR;
# those with # are notes.

session_dir() {
    local d=$1
    rm -rf "$d"
    mkdir -p "$d/c/filter.d" "$d/c/action.d"
    cat >"$d/c/fail2ban.conf" <<END
[Definition]
loglevel = INFO
logtarget = $d/log
syslogsocket = auto
socket = $d/s
pidfile = $d/p
dbfile = $d/db
dbpurgeage = 1d
allowipv6 = auto
END
    printf '[Definition]\nfailregex = ^\\s*fail <HOST>(?: u=<F-USER>.+</F-USER>)?$\n' >"$d/c/filter.d/t.conf"
    printf '[Definition]\nfailregex = ^\\s*bad <HOST>$\n  ^\\s*worse <HOST>$\nignoreregex = ignore\n' >"$d/c/filter.d/u.conf"
    printf '[Definition]\nactionban = echo "ban <ip> <tag>" >> %s/out\nactionunban = echo "unban <ip> <tag>" >> %s/out\ntag = none\n[Init]\nport = 22\n' "$d" "$d" >"$d/c/action.d/rec.conf"
    cat >"$d/c/jail.conf" <<END
[DEFAULT]
ignoreself = false
backend = polling
maxretry = 3
findtime = 10m
bantime = 1h
usedns = no
[t]
enabled = true
filter = t
logpath = $d/t.log
action = rec[tag=one]
         rec[actname=second, tag=two]
[u]
enabled = true
filter = u
logpath = $d/u.log
          $d/u2.log
action = rec
ignoreip = 192.0.2.100 198.51.100.0/24 2001:db8:1::/48
bantime.increment = true
[off]
enabled = false
filter = t
logpath = $d/t.log
action = rec
END
    local f
    for f in t u u2; do echo "$(date '+%F %T') first line of $f" >"$d/$f.log"; done
}

# ! lines call these
append() { # FILE TEXT: a line with the time of now
    echo "$(date '+%F %T') $2" >>"$D/$1"
}
wait_for() { # TEXT…: what the client's command prints contains TEXT (the rest is the command)
    local text=$1 i
    shift
    for i in $(seq 100); do
        "${CLIENT[@]}" "$@" 2>/dev/null | grep -qF -- "$text" && return
        sleep 0.1
    done
    echo "gave up waiting for '$text'"
}
wait_out() { # TEXT: the actions' file has it
    local i
    for i in $(seq 100); do grep -qF -- "$1" "$D/out" 2>/dev/null && return; sleep 0.1; done
    echo "gave up waiting for '$1' in out"
}

session_mask() {
    sed -E -e "s|$D|@D@|g" -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(,[0-9]{3})?/TIME/g' -e 's/\[[0-9]+\]: /[PID]: /' \
        -e 's/\+ 3601 =/+ 3600 =/' # a second may pass between the two times that this is the difference of
}

session_run() {
    D=$1
    local out=$2 line rc
    shift 2
    CLIENT=("$@" -c "$D/c")
    : >"$out"
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '' | '#'*) continue ;;
        '!'*) (cd "$D" && eval "${line#!}") 2>&1 | session_mask >>"$out"; continue ;;
        esac
        line=${line//@D@/$D}
        echo "\$ $line" | session_mask >>"$out"
        eval "set -- $line"
        rc=0
        "${CLIENT[@]}" "$@" >"$D/stdout" 2>"$D/stderr" </dev/null || rc=$?
        { cat "$D/stdout"; sed 's/^/2> /' "$D/stderr"; echo "= $rc"; } | session_mask >>"$out"
    done <"$BATS_TEST_DIRNAME/session.cmd"
}
