#!/usr/bin/python3
"""storm.py [--alone|--full] [--rounds N] [reaction|storm|unban|restart ...]

From the log line to the rule in the kernel, with the real engine and real iptables, ipset and nft in a network
namespace that it makes for itself: how long one ban takes, 200 times; a storm of addresses with five failures each,
appended at once; `unban --all`; a restart with the bans in the database. Times end when the kernel says so: its own
notices for one rule, a count for many. Medians of N rounds (3).

fail2ban-server goes through the same in the same run, if it is installed. It needs minutes for what takes a second
here, so it gets fewer addresses, and its time is compared by the ban; it gets slower with each rule of a chain, so that
this speaks for it. --full gives it as many (a quarter of an hour); --alone leaves it out.
"""
import json, os, re, select, shutil, signal, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE + "/..")
import pickled

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
            except (OSError, ImportError):  # an exception of fail2ban's own: the jail is not there yet
                pass
            time.sleep(0.05)

    @staticmethod
    def line(ip):
        return time.strftime("%Y-%m-%d %H:%M:%S") + f" fail from {ip}\n"

    def ask(self, *words):
        reply = pickled.ask(self.top + "/s", *words, seconds=None)
        return reply[1] if reply else None

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


def median(values):
    return sorted(values)[len(values) // 2]


def reaction(kind, n):
    """Milliseconds from the write of the last line to the kernel's notice of the rule, n times."""
    server = Server(kind, "iptables-multiport")
    server.write(["10.200.0.1"])
    server.until(1, time.time(), 20)
    monitor = subprocess.Popen(["nft", "monitor", "rules"], stdout=subprocess.PIPE)
    time.sleep(0.5)
    times = []
    for i in range(n):
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
    return sorted(times)


def storm(kind, action, n, then=()):
    """{what: seconds, "MiB": …}"""
    out = {}
    server = Server(kind, action)
    time.sleep(0.3)
    text = "".join(server.line(address(i)) * 5 for i in range(n))
    began = time.time()
    with open(server.log, "a") as f:
        f.write(text)
    out["storm"] = server.until(n, began, 1200)
    out["MiB"] = server.memory()
    out["cpu"] = sum(server.cpu()[:2])
    out["cpu of children"] = sum(server.cpu()[2:])
    if os.environ.get("KEEP_LOG"):
        shutil.copy(server.top + "/server.log", os.environ["KEEP_LOG"])
    if "restart" in then:
        time.sleep(1)
        server.stop()
        began = time.time()
        server.start()
        out["restart"] = server.until(n, began, 1200)
    if "unban" in then:
        began = time.time()
        server.ask("unban", "--all")
        out["unban"] = server.until(0, began)
    server.done()
    return out


WORDS = {"storm": "{n} addresses × 5 failures at once", "restart": "restart with {n} bans in the database", "unban": "unban --all of {n}"}


def report(what, action, n, ours, theirs_n, theirs):
    mine = median([o[what] for o in ours])
    print(f"{action}: {WORDS[what].format(n=n)}: {mine:.2f} s (of {', '.join('%.2f' % o[what] for o in ours)})", end="")
    if what == "storm":
        print(f"; at most {max(o['MiB'] for o in ours):.1f} MiB; cpu {median([o['cpu'] for o in ours]):.2f} s, "
              f"its children {median([o['cpu of children'] for o in ours]):.2f} s", end="")
    print()
    if not theirs:
        return
    if what == "unban" and theirs_n != n:  # a flush: one command, whoever gives it
        print(f"    fail2ban, {theirs_n}: {theirs[what]:.2f} s", flush=True)
        return
    a, b = theirs[what] / theirs_n, mine / n
    scaled = "" if theirs_n == n else f"; {n} would take {a * n:.0f} s at that rate (not measured)"
    print(f"    fail2ban, {theirs_n}: {theirs[what]:.2f} s = {a * 1000:.2f} ms a ban{scaled}: {a / b:.0f} times as long", end="")
    print(f"; {theirs['MiB']:.0f} MiB" if what == "storm" else "", flush=True)


def main():
    what = [a for a in sys.argv[1:] if a in ("reaction", "storm", "unban", "restart")] or ["reaction", "storm", "unban", "restart"]
    if "inside" not in sys.argv:
        os.execvp("unshare", ["unshare", "-n", "--", sys.executable, os.path.realpath(__file__), "inside"] + sys.argv[1:])
    subprocess.run(["ip", "link", "set", "lo", "up"])
    rounds = int(sys.argv[sys.argv.index("--rounds") + 1]) if "--rounds" in sys.argv else 3
    paired = "--alone" not in sys.argv and os.path.exists("/usr/bin/fail2ban-server")
    if "reaction" in what:
        for kind, n in [("jailtop", 200)] + ([("fail2ban", 20)] if paired else []):
            t = reaction(kind, n)
            print(f"{kind}: from the line to the rule, iptables-multiport, {n} times: median {median(t):.1f} ms, "
                  f"99 % {t[len(t) * 99 // 100]:.1f}, max {t[-1]:.1f}", flush=True)
    for action, n, theirs_n, then in (("iptables-multiport", 5000, 500, ["restart"]), ("iptables-ipset-proto6", 20000, 500, ["unban"]),
                                      ("nftables-multiport", 20000, 500, ["unban"])):
        then = [w for w in then if w in what]
        if "storm" not in what and not then:
            continue
        ours = [storm("jailtop", action, n, then) for _ in range(rounds)]
        theirs_n = n if "--full" in sys.argv else theirs_n
        theirs = storm("fail2ban", action, theirs_n, then) if paired else None
        for w in (["storm"] if "storm" in what else []) + then:
            report(w, action, n, ours, theirs_n, theirs)


if __name__ == "__main__":
    main()
