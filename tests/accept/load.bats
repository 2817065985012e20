# run alone
# under load: a terminal that does not read, a flood of lines (UX rows 28, 29). Short; tests/bench/screen.py measures.

load fixture.bash

teardown() { fixture_down; }

flood() { # FROM TO: lines of as many addresses, quickly
    awk -v from="$1" -v to="$2" -v stamp="$(LC_ALL=C date '+%b %e %H:%M:%S')" 'BEGIN { for (i = from; i < to; i++)
        printf "%s gate sshd[7]: Failed password for user%d from 10.%d.%d.7 port 40000 ssh2\n", stamp, i % 99, i % 200, int(i / 200) % 250 }' >>"$LOG"
}

# the screen in a pty of our own: what it gets is read as long as $D/stall is not there
pty_up() {
    apart true
    cat >"$D/reader.py" <<'PY'
import fcntl, os, pty, select, struct, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    time.sleep(0.1)
    os.execvp(sys.argv[2], sys.argv[2:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
top = sys.argv[1]
open(top + "/pty.pid", "w").write(str(pid))
out = open(top + "/stream", "ab", 0)
while not os.path.exists(top + "/over"):
    if os.path.exists(top + "/stall"):
        open(top + "/stalled", "w")
        time.sleep(0.02)
        continue
    if select.select([fd], [], [], 0.05)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        out.write(data)
        for _ in range(data.count(b"\033[5n")):
            os.write(fd, b"\033[0n")
    while os.path.exists(top + "/key"):
        key = open(top + "/key", "rb").read()
        os.remove(top + "/key")
        os.write(fd, key)
os.kill(pid, 15)
PY
    TERM=xterm-256color $(apart_words) python3 "$D/reader.py" "$D" "$JAILTOP" -c "$D/conf" --no-start >"$D/pty.out" 2>&1 </dev/null 3>&- &
    PTY=$!
    until_true 8 eval 'grep -sqa "nobody is banned" "$D/stream"'
}
pty_down() { touch "$D/over"; wait "$PTY" || true; }
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }
drawing() { pgrep -P "$(cat "$D/pty.pid")" || cat "$D/pty.pid"; } # a screen of root's leaves a small parent

@test "row 28: while the terminal reads nothing bans go on, no memory grows; then one fresh frame" {
    fixture_up
    engine_up
    pty_up
    local ui before i
    ui=$(drawing)
    touch "$D/stall"
    until_true 3 [ -e "$D/stalled" ]
    flood 0 4000
    before=$(resident "$ui")
    for i in 1 2 3 4 5 6; do
        flood $((i * 4000)) $((i * 4000 + 4000))
        fails 203.0.113.$i 5
        until_true 5 fw_has ban sshd 203.0.113.$i
    done
    echo "the screen's memory: $before -> $(resident "$ui") KiB"
    [ $(($(resident "$ui") - before)) -lt 12288 ] # the lists of hosts grow, the bytes for the terminal do not
    local size
    size=$(stat -c %s "$D/stream")
    rm "$D/stall"
    until_true 5 eval '[ "$(stat -c %s "$D/stream")" -gt '"$size"' ]'
    printf '\014' >"$D/key.new" && mv "$D/key.new" "$D/key"
    until_true 5 eval 'tail -c 8000 "$D/stream" | grep -qa "203\.0\.113\.6"'
    # what was missed is not played back: some frames, not six thousand lines
    [ $(($(stat -c %s "$D/stream") - size)) -lt 40000 ]
    pty_down
}

@test "row 29: a flood is sampled and says so, counters are exact, few bytes go out" {
    fixture_up 'maxretry = 100000'
    engine_up
    pty_up
    local size i
    size=$(stat -c %s "$D/stream")
    for i in 0 1 2 3 4 5 6 7; do
        flood $((i * 5000)) $((i * 5000 + 5000))
    done
    until_true 20 eval '[ "$(client status sshd | sed -n "s/.*Total failed:[^0-9]*//p")" = 40000 ]'
    until_true 5 eval 'grep -qaE "of .*[0-9]+ shown| shown" "$D/stream"'
    echo "bytes: $(($(stat -c %s "$D/stream") - size))"
    [ $(($(stat -c %s "$D/stream") - size)) -lt 400000 ] # the log had 3.5 million
    until_true 5 eval '"$JAILTOP" -c "$D/conf" --json --no-start 2>/dev/null | head -1 | jq -e ".snapshot.stats.found == 40000" >/dev/null'
    pty_down
}
