#!/usr/bin/python3
"""storm.py [--with-fail2ban] [reaction|storm|unban|restart ...]

From the log line to the rule in the kernel, with the real engine and real iptables, ipset and nft in a network
namespace that it makes for itself: how long one ban takes, 200 times; a storm of addresses with five failures each,
appended at once; `unban --all`; a restart with the bans in the database. With fail2ban-server the same, for pairs
(minutes!). Times end when the kernel says so: its own notices for one rule, a count for many.
"""
import json, os, pickle, re, select, shutil, signal, socket, subprocess, sys, tempfile, time

END = b"<F2B_END_COMMAND>"
HERE = os.path.dirname(os.path.realpath(__file__))
JAILTOP = os.environ.get("JAILTOP", HERE + "/../../build/release/jailtop")
COUNTS = {
    "iptables-multiport": "iptables -S f2b-j 2>/dev/null | grep -c REJECT",
    "iptables-ipset-proto6": "ipset list -t f2b-j 2>/dev/null | sed -n 's/Number of entries: //p'",
    "nftables-multiport": "nft list set inet f2b-table addr-set-j 2>/dev/null | grep -oE '([0-9]+[.]){3}[0-9]+' | wc -l",
}


class Server:
    def __init__(self, kind, action, extra=""):
        self.kind, self.action = kind, action
        self.top = tempfile.mkdtemp(prefix="storm-")
        conf = self.top + "/conf"
        shutil.copytree("/etc/fail2ban", conf)
        for name in os.listdir(conf + "/jail.d"):
            os.remove(conf + "/jail.d/" + name)
        self.log = self.top + "/log"
        open(self.log, "w").write(self.line("198.51.100.1").replace("fail", "first"))
        open(conf + "/fail2ban.local", "w").write(
            f"[Definition]\nsocket={self.top}/s\npidfile={self.top}/p\nlogtarget={self.top}/server.log\n"
            f"dbfile={os.environ.get('DBFILE', self.top + '/db')}\nallowipv6=yes\n")
        open(conf + "/filter.d/j.conf", "w").write("[Definition]\nfailregex = ^ fail from <HOST>$\n")
        open(conf + "/jail.local", "w").write(
            f"[DEFAULT]\nbantime=1h\nusedns=no\nignoreself=false\n[j]\nenabled=true\nfilter=j\nbackend=pyinotify\nlogpath={self.log}\n"
            f"maxretry=5\nmaxmatches=5\nport=ssh\naction={action}[name=j]\n{extra}")
        self.start()

    def start(self):
        command = ["/usr/bin/fail2ban-server"] if self.kind == "fail2ban" else [JAILTOP, "server"]
        if os.environ.get("TRACE"):
            command = os.environ["TRACE"].split() + command
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL"] + command + ["-c", self.top + "/conf", "-f"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(400):
            try:
                if "Filter" in str(self.ask("status", "j")):
                    break
            except OSError:
                pass
            time.sleep(0.05)

    @staticmethod
    def line(ip):
        return time.strftime("%Y-%m-%d %H:%M:%S") + f" fail from {ip}\n"

    def ask(self, *words):
        s = socket.socket(socket.AF_UNIX)
        s.connect(self.top + "/s")
        s.sendall(pickle.dumps(list(words), 2) + END)
        data = b""
        while not data.endswith(END):
            part = s.recv(1 << 20)
            if not part:
                break
            data += part
        s.close()
        return pickle.loads(data[:-len(END)])[1] if data else None

    def write(self, ips, times=5):
        with open(self.log, "a") as f:
            f.write("".join(self.line(ip) for ip in ips for _ in range(times)))

    def count(self):
        out = subprocess.run(COUNTS[self.action], shell=True, capture_output=True, text=True).stdout.strip()
        return int(out) if out else 0

    def until(self, n, since, limit=600):
        """Seconds from `since` until the kernel holds n; a look is not counted before it began."""
        while time.time() - since < limit:
            began = time.time()
            if self.count() == n:
                return began - since
            time.sleep(0.05)  # a look takes time itself
        return float("nan")

    def memory(self):
        status = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return [int(f) / os.sysconf("SC_CLK_TCK") for f in fields[11:15]]  # own user, system, children's

    def stop(self):
        try:
            self.ask("stop")
        except OSError:
            pass
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def done(self):
        self.stop()
        shutil.rmtree(self.top)
        subprocess.run("nft flush ruleset; ipset destroy", shell=True, stderr=subprocess.DEVNULL)


def address(i):
    return f"10.{i // 62500 + 1}.{i // 250 % 250}.{i % 250 + 1}"


def reaction(kind, n=200):
    server = Server(kind, "iptables-multiport")
    server.write(["10.200.0.1"])
    server.until(1, time.time(), 20)
    monitor = subprocess.Popen(["nft", "monitor", "rules"], stdout=subprocess.PIPE)
    time.sleep(0.5)
    times = []
    for i in range(n if kind == "jailtop" else 20):
        ip = address(i)
        server.write([ip], 4)
        time.sleep(0.03)
        began = time.time()
        server.write([ip], 1)
        seen = b""
        while ip.encode() not in seen and select.select([monitor.stdout], [], [], 5)[0]:
            seen += os.read(monitor.stdout.fileno(), 65536)
        times.append((time.time() - began) * 1000)
    monitor.kill()
    server.done()
    times.sort()
    print(f"{kind}: one ban, {len(times)} times: median {times[len(times) // 2]:.1f} ms, 99 % {times[len(times) * 99 // 100]:.1f}, "
          f"max {times[-1]:.1f}", flush=True)


def storm(kind, action, n, then=()):
    server = Server(kind, action)
    time.sleep(0.3)
    ips = [address(i) for i in range(n)]
    text = [server.line(ip) for ip in ips for _ in range(5)]
    began = time.time()
    with open(server.log, "a") as f:
        f.write("".join(text))
    print(f"{kind}: {n} × 5 failures at once, {action}: all in the kernel after {server.until(n, began):.2f} s, "
          f"at most {server.memory():.0f} MiB, cpu {sum(server.cpu()[:2]):.2f} s own, {sum(server.cpu()[2:]):.2f} s children's", flush=True)
    if os.environ.get("KEEP_LOG"):
        shutil.copy(server.top + "/server.log", os.environ["KEEP_LOG"])
    if "restart" in then:
        time.sleep(1)
        began = time.time()
        server.stop()
        stopped = time.time() - began
        began = time.time()
        server.start()
        print(f"{kind}: restart: stopped after {stopped:.2f} s, {n} bans back {server.until(n, began):.2f} s after the start",
              flush=True)
    if "unban" in then:
        began = time.time()
        server.ask("unban", "--all")
        print(f"{kind}: unban --all of {n}: {server.until(0, began):.2f} s", flush=True)
    server.done()


def main():
    what = [a for a in sys.argv[1:] if not a.startswith("--") and a != "inside"] or ["reaction", "storm", "unban", "restart"]
    if "inside" not in sys.argv:
        os.execvp("unshare", ["unshare", "-n", "--", sys.executable, os.path.realpath(__file__), "inside"] + sys.argv[1:])
    subprocess.run(["ip", "link", "set", "lo", "up"])
    kinds = ["jailtop"] + (["fail2ban"] if "--with-fail2ban" in sys.argv else [])
    for kind in kinds:
        if "reaction" in what:
            reaction(kind)
        if "storm" in what or "unban" in what or "restart" in what:
            storm(kind, "iptables-multiport", 5000 if kind == "jailtop" else 1000, [w for w in ("restart",) if w in what])
        if ("storm" in what or "unban" in what) and "iptables" not in what:
            for action in ("iptables-ipset-proto6", "nftables-multiport"):
                storm(kind, action, 20000 if kind == "jailtop" else 1000, [w for w in ("unban",) if w in what])


main()
