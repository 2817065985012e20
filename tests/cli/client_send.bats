# `jailtop client`: no server, a server that goes wrong, --json, and the dialogue of -i

bats_require_minimum_version 1.5.0

setup() {
    D=$BATS_TEST_TMPDIR
    mkdir -p "$D/c/filter.d" "$D/c/action.d"
    printf '[Definition]\nsocket = %s/s\npidfile = %s/p\nlogtarget = %s/log\nloglevel = INFO\nsyslogsocket = auto\nallowipv6 = auto\ndbpurgeage = 1d\ndbfile = %s/db\n' "$D" "$D" "$D" "$D" >"$D/c/fail2ban.conf"
    printf '[DEFAULT]\nbackend = polling\nignoreself = false\n[t]\nenabled = true\nfilter = t\nlogpath = %s/t.log\naction = rec\n' "$D" >"$D/c/jail.conf"
    printf '[Definition]\nfailregex = ^\\s*fail <HOST>$\n' >"$D/c/filter.d/t.conf"
    printf '[Definition]\nactionban = echo "ban <ip>" >> %s/out\n' "$D" >"$D/c/action.d/rec.conf"
    echo "first" >"$D/t.log"
    client="$JAILTOP client -c $D/c"
}

teardown() {
    [ ! -e "$D/p" ] || $client stop >/dev/null 2>&1 || true
}

# what a client says without its time and process number
says() {
    sed -E 's/^[0-9-]+ [0-9:,]+ (fail2ban[a-z.]*) *\[[0-9]+\]: /\1 /' "$D/err"
}

@test "without a server the path is named, exit 255" {
    run $client status 2>"$D/err"
    [ "$status" = 255 ]
    [[ "$output" == *"Failed to access socket path: $D/s. Is fail2ban running?" ]]
}

@test "a dead socket: ping tells the error, others ask whether it runs" {
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$D/s"
    $client ping 2>"$D/err" && false
    [ "$(says)" = "fail2ban ERROR   [Errno 111] Connection refused" ]
    $client status 2>"$D/err" && false
    [ "$(says)" = "fail2ban ERROR   [[Errno 111] Connection refused] Unable to contact server. Is it running?" ]
    $client start 2>"$D/err" && false
    [ "$(says)" = "fail2ban ERROR   Fail2ban seems to be in unexpected state (not running but the socket exists)" ]
}

@test "a server that does not answer in time" {
    python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5); print(flush=True); time.sleep(60)' "$D/s" >"$D/up" &
    local pid=$!
    until [ -s "$D/up" ]; do sleep 0.05; done
    $client ping 0.2 2>"$D/err" && false
    kill $pid
    [ "$(says)" = "fail2ban ERROR   timed out" ]
}

@test "hostile answers: a class is data, nonsense is an error, never more" {
    python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5); print(flush=True)
for answer in (b"\x80\x02K\x01cos\nsystem\nX\x0c\x00\x00\x00touch /tmp/x\x85R\x86.", b"\xff\xff", b"\x80\x02X\x06\x00\x00\x00ERROR!.", b"\x80\x02]X\x08\x00\x00\x00SHUTDOWNa."):
    c = s.accept()[0]; c.recv(1000); c.sendall(answer + b"<F2B_END_COMMAND>"); c.recv(1000)' "$D/s" >"$D/up" &
    until [ -s "$D/up" ]; do sleep 0.05; done
    run -255 $client status
    [[ "$output" == *"NOK: ('touch /tmp/x',)"* ]]
    run -255 $client status
    [[ "$output" == *"ERROR   invalid load key"* ]]
    run -255 $client status
    [[ "$output" == *"ERROR   ERROR!" ]]
    run -255 $client status
    [[ "$output" == *"ERROR   SHUTDOWN" ]]
    wait
}

@test "start, a second start, restart, stop" {
    run -0 $client start
    [ "$output" = "Server ready" ]
    local first
    first=$(cat "$D/p")
    run -255 $client start
    [[ "$output" == *"Server already running" ]]
    run -0 $client restart
    [ "$output" = $'Shutdown successful\nServer ready' ]
    [ "$(cat "$D/p")" != "$first" ]
    run -0 $client stop
    [ "$output" = "Shutdown successful" ]
    [ ! -e "$D/s" ]
}

@test "restart waits for a server that answers no ping while it leaves" {
    /usr/bin/python3 -c 'import os, pickle, socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
print("up", flush=True)
c = s.accept()[0]
while b"stop" not in c.recv(1000): c = s.accept()[0]
c.sendall(pickle.dumps([0, None]) + b"<F2B_END_COMMAND>"); time.sleep(1); os.unlink(sys.argv[1])' "$D/s" >"$D/up" &
    until [ -s "$D/up" ]; do sleep 0.05; done
    run -255 $client start
    [[ "$output" == *"Server already running" ]]
    run -0 $client restart
    [ "$output" = $'Shutdown successful\nServer ready' ]
    wait $!
}

@test "stop answers when all is undone" {
    printf 'actionunban = sleep 0.5; echo "unban <ip>" >> %s/out\n' "$D" >>"$D/c/action.d/rec.conf"
    $client start
    $client set t banip 192.0.2.1
    run -0 $client stop
    [ "$output" = "Shutdown successful" ]
    [ ! -e "$D/s" ]
    [ "$(tail -n 1 "$D/out")" = "unban 192.0.2.1" ]
    run -0 $client start
}

@test "start fails at once when the server cannot" {
    printf '#!/bin/sh\nexit 1\n' >"$D/none"
    run -255 $client -p "$D/none/such/dir/p" -s "$D/none/such/dir/s" start
    [[ "$output" == *"Could not start server"* ]]
    [ "$SECONDS" -lt 20 ]
}

@test "reload reads the configuration again" {
    $client start
    sed -i 's/^logpath/bantime = 77\n&/' "$D/c/jail.conf"
    run -0 $client reload
    [ "$output" = OK ]
    run -0 $client get t bantime
    [ "$output" = 77 ]
    run -255 $client reload a b
    [[ "$output" == *"Unexpected argument(s) for reload: ['a', 'b']" ]]
}

@test "--json status JAIL: a failing action with its command, exit code, last lines of stderr, retries" {
    printf '[Definition]\nactionban = echo "because of <ip>" >&2\n            exit 3\n' >"$D/c/action.d/rec.conf"
    $client start
    [ "$($client --json status t | jq -c '.value.Actions["Failing actions"]')" = "[]" ]
    [ "$($client set t banip 192.0.2.1)" = 1 ]
    for _ in $(seq 200); do
        fail=$($client --json status t | jq -c '.value.Actions["Failing actions"][0]')
        [ "$fail" = null ] || break
        sleep 0.05
    done
    [ "$(jq -c '[.action, .phase, .ip, .exit, .tries, .retries, .stderr, .failures, .failing]' <<<"$fail")" = \
        '["rec","ban","192.0.2.1",3,2,1,"because of 192.0.2.1\n",1,true]' ]
    [[ "$(jq -r .command <<<"$fail")" == *"exit 3"* ]]
    # who speaks JSON to the engine itself is told, too; the text is as ever
    run python3 -c 'import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b"{\"id\":1,\"command\":[\"status\",\"t\"]}\n")
print(json.dumps(json.loads(s.makefile().readline())["value"]))' "$D/s"
    [[ "$output" == *'"Failing actions"'*'"exit": 3'* ]]
    [[ "$($client status t)" != *ailing* ]]
    $client stop
}

@test "--json: one object for each answer, errors too" {
    $client start
    [ "$($client --json ping)" = '{"ok":true,"value":"pong"}' ]
    [ "$($client --json status | jq -c .value)" = '{"Number of jail":1,"Jail list":"t"}' ]
    [ "$($client --json status t | jq -r '.value.Filter["File list"][0]')" = "$D/t.log" ]
    [ "$($client --json set t banip 192.0.2.1 192.0.2.2)" = '{"ok":true,"value":2}' ]
    [ "$($client --json get t failregex | jq '.value | length')" = 1 ]
    run -255 $client --json status nosuch
    [ "$output" = "{\"ok\":false,\"error\":\"Sorry but the jail 'nosuch' does not exist\",\"class\":\"UnknownJailException\"}" ]
    [ "$($client --json stop)" = '{"ok":true,"value":null}' ]
    run -255 $client --json ping
    [ "$(jq -r .class <<<"$output")" = ConnectionError ]
}

@test "-i: commands from a pipe, split as in a shell, until exit" {
    $client start >/dev/null
    printf 'echo "a  b"\nstatus nosuch\nbad "quote\n\nexit\nping\n' >"$D/in"
    $client -i <"$D/in" >"$D/text" 2>"$D/err"
    grep -qx 'fail2ban> a  b' "$D/text"
    grep -qx "fail2ban> Sorry but the jail 'nosuch' does not exist" "$D/text"
    grep -q pong "$D/text" && false
    [ "$(says)" = $'fail2ban ERROR   NOK: (\'nosuch\',)\nfail2ban ERROR   No closing quotation' ]
}

@test "-i: the end of the input is an error, as it is for fail2ban-client" {
    $client start >/dev/null
    run -255 $client -i </dev/null
    [[ "$output" == *"ERROR   EOF when reading a line" ]]
}

@test "-i at a terminal: Tab completes commands and jails, the arrow brings the last line back" {
    $client start >/dev/null
    local T="tmux -L cl-$$"
    $T -f /dev/null new-session -d -x 100 -y 24 "$client -i; echo left with \$?; sleep 20"
    see() { # TEXT: the screen has it before long
        local i
        for i in $(seq 100); do $T capture-pane -p | grep -qF -- "$1" && return; sleep 0.05; done
        $T capture-pane -p
        return 1
    }
    see 'fail2ban>'
    if ! grep -q libedit.so "$JAILTOP"; then $T kill-server; skip "built without libedit"; fi
    $T send-keys 'sta' Tab
    see 'start  status'
    $T send-keys 'tu' Tab Tab
    see 'fail2ban> status t'
    $T send-keys Enter
    see 'Status for the jail: t'
    $T send-keys Up C-a 'echo ' Enter
    see 'fail2ban> status t'
    $T send-keys 'get t banti' Tab
    see 'get t bantime'
    $T send-keys C-u 'exit' Enter
    see 'left with 0'
    $T kill-server
}
