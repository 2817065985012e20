#!/usr/bin/python3
"""screen.py [paint|ticking|flood|stall|many ...]

What the screen costs, through a pty that counts bytes and answers as a terminal does: the first paint, idle, bans whose
countdown ticks, 10,000 lines a second, a terminal that does not read, 100,000 bans. The engine is the real one with a
firewall that only writes a file; for `many` it is tests/fake_engine with a made stream.
"""
import fcntl, json, os, pty, re, select, shutil, signal, struct, subprocess, sys, tempfile, termios, threading, time

HERE = os.path.dirname(os.path.realpath(__file__))
JAILTOP = os.environ.get("JAILTOP", HERE + "/../../build/release/jailtop")
FAKE = os.path.join(os.path.dirname(JAILTOP), "tests/fake_engine")
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid, what="VmRSS"):
    return int(re.search(what + r":\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) / 1024


class Engine:
    """One jail `sshd`, maxretry 5, and a firewall that writes its words to fw.log."""

    def __init__(self, maxretry=5):
        self.top = tempfile.mkdtemp(prefix="screen-")
        self.socket, self.log, self.fw = self.top + "/s", self.top + "/log", self.top + "/fw.log"
        conf = self.top + "/conf"
        for folder in ("filter.d", "action.d"):
            os.makedirs(f"{conf}/{folder}")
        open(self.log, "w").close()
        open(f"{conf}/filter.d/j.conf", "w").write("[Definition]\nfailregex = ^ gate sshd: Failed password for \\S+ from <HOST>$\n")
        open(f"{conf}/action.d/fake.conf", "w").write(
            f"[Definition]\nactionban = echo \"ban <ip> $(date +%%s.%%N)\" >>{self.fw}\nactionunban = echo unban <ip> >>{self.fw}\n")
        open(conf + "/fail2ban.conf", "w").write(
            f"[Definition]\nsocket={self.socket}\npidfile={self.top}/p\nlogtarget={self.top}/server.log\ndbfile=:memory:\nallowipv6=yes\n")
        open(conf + "/jail.conf", "w").write(
            f"[DEFAULT]\nignoreself=false\nusedns=no\n[sshd]\nenabled=true\nfilter=j\nbackend=auto\nlogpath={self.log}\n"
            f"maxretry={maxretry}\nfindtime=600\nbantime=600\naction=fake\n")
        self.process = subprocess.Popen(["unshare", "-Urn", JAILTOP, "server", "-c", conf, "-f"] if os.getuid() == 0 else [JAILTOP, "server", "-c", conf, "-f"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if subprocess.run([JAILTOP, "client", "-s", self.socket, "ping"], capture_output=True).returncode == 0:
                break
            time.sleep(0.05)
        self.pid = self.process.pid

    def ask(self, *words):
        return subprocess.run([JAILTOP, "client", "-s", self.socket, *words], capture_output=True, text=True).stdout

    def line(self, ip, user="root"):
        return time.strftime("%Y-%m-%d %H:%M:%S") + f" gate sshd: Failed password for {user} from {ip}\n"

    def write(self, text):
        with open(self.log, "a") as f:
            f.write(text)

    def flood(self, rate, seconds):
        """`rate` lines a second from 50,000 addresses, in steps of 20 ms; returns how many."""
        sent, began = 0, time.time()
        with open(self.log, "a", buffering=1 << 20) as f:
            while (past := time.time() - began) < seconds:
                due = int(rate * past)
                stamp = time.strftime("%Y-%m-%d %H:%M:%S")
                f.write("".join(f"{stamp} gate sshd: Failed password for user{i % 997} from 10.{i % 200}.{i // 200 % 250}.7\n" for i in range(sent, due)))
                f.flush()
                sent = due
                time.sleep(0.02)
        return sent

    def done(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.top)


class Screen:
    """jailtop in a pty of its own; a thread reads, counts, and answers ESC[5n as terminals do."""

    def __init__(self, socket, cols=120, rows=40, options=(), term="xterm-256color", env=()):
        self.count, self.frames, self.data, self.is_stalled, self.is_over, self.last = 0, 0, bytearray(), False, False, 0.0
        self.began = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM=term, LC_ALL="C.UTF-8", SSH_CONNECTION="198.51.100.7 5 192.0.2.1 22", HOME="/nonexistent", **dict(env))
            time.sleep(0.05)  # the size is set meanwhile
            os.execv(JAILTOP, [JAILTOP, "-s", socket, "--no-start", *options])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        tail = b""
        while not self.is_over:
            if self.is_stalled:
                time.sleep(0.01)
                continue
            try:
                if not select.select([self.fd], [], [], 0.05)[0]:
                    continue
                data = os.read(self.fd, 65536)
            except OSError:
                return
            self.last = time.monotonic()
            self.count += len(data)
            self.data += data
            asked = (tail + data).count(b"\033[5n")
            tail = data[-3:]
            self.frames += asked
            for _ in range(asked):
                os.write(self.fd, b"\033[0n")

    def key(self, text):
        os.write(self.fd, text if isinstance(text, bytes) else text.encode())

    def until(self, text, seconds=10, since=0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if text.encode() in self.data[since:]:
                return True
            time.sleep(0.002)
        raise SystemExit(f"not on the screen in {seconds} s: {text}\n" + self.data[-2000:].decode(errors="replace"))

    def over(self, seconds):
        """Bytes a second, frames a second and the share of a core while `seconds` pass."""
        count, frames, used = self.count, self.frames, cpu(self.ui())
        time.sleep(seconds)
        return (self.count - count) / seconds, (self.frames - frames) / seconds, 100 * (cpu(self.ui()) - used) / seconds

    def ui(self):
        """The process that draws: a screen started by root leaves a small parent."""
        children = open(f"/proc/{self.pid}/task/{self.pid}/children").read().split()
        return int(children[0]) if children else self.pid

    def latency(self, keys, pause=0.15):
        """Milliseconds from a key to the first byte of its frame, and bytes of it."""
        times, sizes = [], []
        for key in keys:
            time.sleep(pause)
            while self.last > time.monotonic() - 0.02:
                time.sleep(0.002)
            mark, began = self.count, time.monotonic()
            self.key(key)
            while self.count == mark and time.monotonic() - began < 2:
                time.sleep(0.0003)
            times.append(1000 * (time.monotonic() - began))
            time.sleep(0.03)
            sizes.append(self.count - mark)
        times.sort()
        sizes.sort()
        return f"p50 {times[len(times) // 2]:.1f} ms, p95 {times[len(times) * 95 // 100]:.1f} ms, {sizes[len(sizes) // 2]} bytes"

    def done(self):
        try:
            os.kill(self.pid, signal.SIGTERM)
            os.waitpid(self.pid, 0)
            self.is_over = True
            self.thread.join()  # else it would read from the next screen, whose descriptor has the same number
            os.close(self.fd)
        except OSError:
            pass


def paint():
    engine = Engine()
    for cols, rows in ((120, 40), (80, 24)):
        screen = Screen(engine.socket, cols, rows)
        screen.until("nobody is banned")
        time.sleep(1)
        print(f"paint {cols}x{rows}: {screen.count} bytes in all for the first screens", flush=True)
        rate, frames, used = screen.over(10)
        print(f"idle {cols}x{rows}: {rate:.0f} B/s, {frames:.1f} frames/s, UI {used:.1f} % of a core", flush=True)
        mark = screen.count
        screen.key(b"\x0c")
        time.sleep(0.7)
        print(f"Ctrl-L {cols}x{rows}: {screen.count - mark} bytes", flush=True)
        screen.done()
    engine.done()


def ticking():
    engine = Engine()
    screen = Screen(engine.socket)
    screen.until("nobody is banned")
    engine.write("".join(engine.line(f"198.18.{i}.9") * 5 for i in range(30)))
    screen.until("bans 30") # which of them are in the rows that fit is not said
    time.sleep(3)
    for label, key in (("overview", b"0"), ("Bans zoomed", b"3")):
        screen.key(key)
        time.sleep(1)
        rate, frames, used = screen.over(10)
        print(f"30 bans ticking, {label}: {rate:.0f} B/s, {frames:.1f} frames/s, UI {used:.1f} %", flush=True)
        print(f"cursor keys, {label}: " + screen.latency([b"j"] * 20 + [b"k"] * 20), flush=True)
    screen.done()
    engine.done()


def flood(rate=10000, seconds=10):
    engine = Engine(1000)
    for options in ((), ("--slow",)):
        screen = Screen(engine.socket, options=options)
        screen.until("nobody is banned" if not options else "ENGINE")
        before = cpu(engine.pid)
        writer = threading.Thread(target=lambda: setattr(engine, "sent", engine.flood(rate, seconds + 3)))
        writer.start()
        time.sleep(2)
        bytes_s, frames, used = screen.over(seconds / 2)
        print(f"{rate} lines/s {' '.join(options)}: {bytes_s / 1024:.1f} KiB/s, {frames:.1f} frames/s, UI {used:.1f} %, "
              f"engine {100 * (cpu(engine.pid) - before) / (seconds / 2 + 2):.0f} %, UI {memory(screen.ui()):.1f} MiB", flush=True)
        if not options:
            screen.key("2")
            print(f"keys at {rate} lines/s: " + screen.latency([b"j"] * 15, 0.05), flush=True)
        writer.join()
        time.sleep(1.5)
        print(f"  sent {engine.sent}, of: {'of' if b' shown' in screen.data else 'NO sample sign'}", flush=True)
        screen.done()
    print(engine.ask("status", "sshd"), flush=True)
    engine.done()


def stall(rate=2000, seconds=60):
    engine = Engine()
    screen = Screen(engine.socket)
    screen.until("nobody is banned")
    time.sleep(1)
    before = memory(screen.ui()), memory(engine.pid)
    screen.is_stalled = True
    late, began, n = [], time.time(), 0
    noise = subprocess.Popen([sys.executable, __file__, "noise", engine.log, str(rate), str(seconds)])
    while time.time() - began < seconds - 1:
        n += 1
        wrote = time.time()
        engine.write(engine.line(f"203.0.113.{n}") * 5)
        while f"ban 203.0.113.{n} " not in open(engine.fw).read() if os.path.exists(engine.fw) else True:
            if time.time() - wrote > 5:
                break
            time.sleep(0.005)
        late.append(1000 * (time.time() - wrote))
        time.sleep(max(0, wrote + 1 - time.time()))
    noise.wait()
    late.sort()
    print(f"terminal stalled {seconds} s at {rate} lines/s: {n} bans, p50 {late[n // 2]:.0f} ms, max {late[-1]:.0f} ms; UI "
          f"{before[0]:.1f} -> {memory(screen.ui()):.1f} MiB, engine {before[1]:.1f} -> {memory(engine.pid):.1f} MiB", flush=True)
    mark, began = screen.count, time.monotonic()
    screen.is_stalled = False
    while screen.last < began or time.monotonic() - screen.last < 0.2:
        time.sleep(0.01)
    print(f"  then {screen.count - mark} bytes until it is quiet, after {1000 * (screen.last - began):.0f} ms", flush=True)
    mark = len(screen.data)
    screen.key(b"\x0c")
    screen.until(f"203.0.113.{n}", 5, mark)
    screen.done()
    engine.done()


def noise(log, rate, seconds):
    began, sent = time.time(), 0
    with open(log, "a", buffering=1 << 20) as f:
        while (past := time.time() - began) < float(seconds):
            due = int(float(rate) * past)
            stamp = time.strftime("%Y-%m-%d %H:%M:%S")
            f.write("".join(f"{stamp} gate sshd: Accepted key {i} for ann\n" for i in range(sent, due)))
            f.flush()
            sent = due
            time.sleep(0.05)


def many(n=100000):
    top = tempfile.mkdtemp(prefix="screen-")
    stream, now = top + "/stream", time.time()
    base = open(HERE + "/../ui/streams/attack.jsonl").readline()
    begin = json.loads(base)
    shift = now - begin["snapshot"]["now"]
    begin["snapshot"]["now"] = now
    begin["snapshot"]["stats"].update(bans=n)
    del shift
    with open(stream, "w") as f:
        f.write(json.dumps(begin) + "\n")
        for at in range(0, n, 200):
            f.write(json.dumps({"bans": [
                {"jail": "sshd", "id": ip, "ip": ip, "since": now - i % 600, "until": now + 3600 + i % 90000, "bantime": 3600, "count": 1 + i % 3,
                 "fails": 5, "flags": "", "rule": "ok", "hits": i % 50, "restored": False}
                for i in range(at, min(at + 200, n)) for ip in [f"10.{i // 62500}.{i // 250 % 250}.{i % 250}"]]}) + "\n")
        f.write(json.dumps({"snapshot_end": {"seq": 6}}) + "\n")
    empty = None
    for path in (HERE + "/../ui/streams/attack.jsonl", stream):
        sock = top + "/s" + str(empty is None)
        fake = subprocess.Popen([FAKE, sock, path, sock + ".c", sock + ".log"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not os.path.exists(sock):
            time.sleep(0.02)
        began = time.monotonic()
        screen = Screen(sock)
        screen.until("137" if empty is None else f"{n}", 30)
        took = time.monotonic() - began
        time.sleep(1)
        used = memory(screen.ui())
        if empty is None:
            empty = used
        else:
            print(f"{n} bans: loaded after {took:.2f} s, UI {used:.0f} MiB, {used - empty:.0f} over 137 bans", flush=True)
            rate, frames, share = screen.over(5)
            print(f"  idle: {rate:.0f} B/s, UI {share:.1f} %", flush=True)
            screen.key("3")
            for label, keys in (("G g", [b"G", b"g"] * 10), ("j", [b"j"] * 20), ("s (sort)", [b"s"] * 10)):
                spent = cpu(screen.ui())
                times = screen.latency(keys, 0.3)
                print(f"  {label}: {times}, {1000 * (cpu(screen.ui()) - spent) / len(keys):.0f} ms of CPU a key", flush=True)
            mark, began = len(screen.data), time.monotonic()
            screen.key(b"\\10.1.2.\r")
            screen.until(" of 100000", 5, mark)
            print(f"  filter: {1000 * (time.monotonic() - began):.0f} ms", flush=True)
            time.sleep(1)
            # one row changes a second: what the list costs while somebody looks at it
            with open(sock + ".c", "w") as control:
                used = cpu(screen.ui())
                for k in range(20):
                    ip = f"192.0.2.{k}"
                    control.write(json.dumps({"ev": "ban", "seq": 1000 + k, "t": time.time(), "jail": "sshd", "id": ip, "ip": ip, "since": time.time(),
                                              "until": time.time() + 600, "bantime": 600, "count": 1, "fails": 5, "flags": "", "rule": "ok", "hits": 0}) + "\n")
                    control.flush()
                    time.sleep(0.25)
                print(f"  with 4 new bans a second: UI {100 * (cpu(screen.ui()) - used) / 5:.1f} %", flush=True)
        screen.done()
        fake.terminate()
        fake.wait()
    shutil.rmtree(top)


if __name__ == "__main__":
    if sys.argv[1:2] == ["noise"]:
        noise(*sys.argv[2:5])
    else:
        for name in sys.argv[1:] or ("paint", "ticking", "flood", "stall", "many"):
            {"paint": paint, "ticking": ticking, "flood": flood, "stall": stall, "many": many}[name]()
