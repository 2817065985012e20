#!/usr/bin/python3
"""actions.py WORK record|compare PHASE

Every action of fail2ban's action.d is started, bans, unbans and stops, once by fail2ban-server and once
by jailtop; the tools that they call are replaced by recorders that note name, arguments, environment
and standard input. `record` runs both servers, `compare` prints what differs in a phase.
"""
import collections, glob, json, os, re, shutil, socket, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + "/..")
import pickled

TOOLS = """afctl apf apprise conntrack curl dig firewall-cmd geoiplookup ip ip6tables ipf ipfw ipset iptables jq mail
    nft nginx npfctl nsupdate pfctl route sendmail shorewall shorewall6 ss ufw whois""".split()
# arguments without which an action would touch the machine or do nothing at all
ARGS = {
    "abuseipdb": "abuseipdb_apikey=k, abuseipdb_category=18",
    "bsd-ipfw": "startstatefile=@/ipfw-<table>",
    "cloudflare": "cfuser=u, cftoken=t",
    "cloudflare-token": "cfzone=z, cftoken=t, notes=n",
    "dshield": "tmpfile=@/dshield, lines=2, myip=203.0.113.1",
    "dummy": "target=@/dummy",
    "hostsdeny": "file=@/hosts.deny",
    "ipthreat": "ipthreat_apikey=k",
    "mail-buffered": "tmpfile=@/mail-buffered, lines=2",
    "netscaler": "ns_host=h, ns_auth=a, ns_dataset=d",
    "nftables": "type=allports",
    "nginx-block-map": "srv_cfg_path=@/, srv_pid=@/log",
    "nsupdate": "domain=example.com, keyfile=k",
    "sendmail-buffered": "tmpfile=@/sendmail-buffered, lines=2",
    "mynetwatchman": "mnwlogin=l, mnwpass=p, tmpfile=@/mnw, myip=203.0.113.1",
    "blocklist_de": "email=e@example.com, service=s, apikey=k",
    "symbiosis-blacklist-allports": "",
}
HOSTILE = ["a $(touch @/canary) `touch @/canary` \"; touch @/canary; ' & | > @/canary",
           "~! %s%n -e --help \\x <ip> ${IFS} *"]
HOSTILE_ID = "-x$(touch @/canary)`touch @/canary`\";touch @/canary;'a\nb~!%s*\\c"

RECORDER = r"""#!/bin/sh
# jailtop's looks at the kernel go on for ever and are no part of an action
case "${0##*/} $*" in "nft -j list "*) exit 0 ;; esac
case " $* " in *" -C "*) code=1 ;; *) code=0 ;; esac
input=
if [ -p /dev/stdin ]; then input=$(cat); fi
case ${0##*/} in
dig) echo '"abuse@example.net"' ;;
whois) printf '%s\n' "whois says \$(touch $RECORD/canary)" "\`touch $RECORD/canary\`; touch $RECORD/canary" '"' "'" . '~!touch canary' ;;
esac
{ printf 'T%s\0' "${0##*/}"; for a; do printf 'A%s\0' "$a"; done; env -0 | sed -z 's/^/E/'; printf 'I%s\0\n' "$input"; } > "$RECORD/.$$"
cat "$RECORD/.$$" >> "$RECORD/records"; rm "$RECORD/.$$"
exit $code
"""


def prepare(work, kind):
    """A directory with a configuration, recorders and what the actions write; returns its path."""
    top = os.path.join(work, kind, "x")  # the same length and name but for the kind
    conf = os.path.join(top, "conf")
    tools = os.path.join(top, "tools")
    os.makedirs(tools)
    shutil.copytree("/etc/fail2ban", conf)
    for junk in glob.glob(conf + "/jail.d/*") + [conf + "/jail.local", conf + "/fail2ban.local"]:
        if os.path.exists(junk):
            os.remove(junk)
    for tool in TOOLS:
        with open(os.path.join(tools, tool), "w") as f:
            f.write(RECORDER)
        os.chmod(os.path.join(tools, tool), 0o755)
    names = sorted(os.path.basename(p)[:-5] for p in glob.glob(conf + "/action.d/*.conf"))
    names = [n for n in names if not n.endswith("-common") and n != "iptables-common"]
    for path in glob.glob(conf + "/action.d/*.conf"):
        text = open(path).read()
        # the recorders are found by PATH
        text = re.sub(r"(?:/usr)?/s?bin/(ipf|npfctl|nsupdate|sendmail)\b", r"\1", text)
        text = text.replace("/usr/libexec/afctl", "afctl").replace("/etc/symbiosis/firewall/blacklist.d", top)
        open(path, "w").write(text)
    log = os.path.join(top, "log")
    open(log, "w").close()
    with open(conf + "/fail2ban.local", "w") as f:
        f.write(f"[Definition]\nsocket={top}/s\npidfile={top}/p\nlogtarget={top}/server.log\ndbfile=None\n"
                "allowipv6=yes\n")
    with open(conf + "/filter.d/none.conf", "w") as f:
        f.write("[Definition]\nfailregex = ^never <HOST>$\n")
    with open(conf + "/jail.local", "w") as f:
        f.write(f"[DEFAULT]\nbackend=polling\nfilter=none\nlogpath={log}\nmaxretry=2\nbantime=1h\nport=ssh\n")
        for n in names:
            args = ARGS.get(n, "").replace("@", top)
            extra = ", dest=d@example.com, sender=s@example.com" if "mail" in n else ""
            f.write(f"[j-{n}]\nenabled=true\naction={n}[name=j-{n}{', ' + args if args else ''}{extra}]\n")
    return top, names


class Server:
    def __init__(self, work, kind):
        self.kind = kind
        self.top, self.names = prepare(work, kind)
        self.records = os.path.join(self.top, "records")
        open(self.records, "w").close()
        self.at = 0
        env = {"PATH": self.top + "/tools:/usr/sbin:/usr/bin:/sbin:/bin", "RECORD": self.top, "LC_ALL": "C.UTF-8",
               "TZ": "UTC", "HOME": self.top}
        command = (["/usr/bin/python3", "/usr/bin/fail2ban-server"] if kind == "fail2ban" else
                   [os.environ["JAILTOP"], "server"])
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL"] + command + ["-c", self.top + "/conf", "-f"], env=env, cwd=self.top,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

    def connect(self):
        deadline = time.time() + 20
        while True:
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(self.top + "/s")
                if self.kind != "fail2ban":  # no tool puts anything into this kernel: nothing is to be missed there
                    self.ask("set", "repair", "off")
                return
            except OSError:
                self.socket.close()
                if time.time() > deadline:
                    raise
                time.sleep(0.05)

    def ask(self, *words):
        return pickled.exchange(self.socket, *words)

    def take(self, quiet):
        """The records that came since the last call, once none came for `quiet` seconds."""
        size, since = -1, time.time()
        while time.time() - since < quiet:
            now = os.path.getsize(self.records)
            if now != size:
                size, since = now, time.time()
            time.sleep(0.05)
        with open(self.records, "rb") as f:
            f.seek(self.at)
            data = f.read()
        self.at += len(data)
        out = []
        for raw in data.split(b"\0\n"):
            if raw:
                out += self.record(raw)
        return out

    def record(self, raw):
        fields = raw.decode("utf-8", "replace").split("\0")
        text = {"tool": "", "args": [], "env": [], "input": ""}
        for f in fields:
            if f[:1] == "T":
                text["tool"] = f[1:]
            elif f[:1] == "A":
                text["args"].append(f[1:])
            elif f[:1] == "E" and not re.match(r"E(_|PWD|OLDPWD|SHLVL|PATH|HOME|RECORD)=", f):
                text["env"].append(f[1:])
            elif f[:1] == "I":
                text["input"] = f[1:]
        text["env"].sort()
        return [self.mask(json.dumps(t, ensure_ascii=False)) for t in singles(text)]

    def mask(self, flat):
        flat = flat.replace(self.top, "@")
        flat = re.sub(r"\d\d:\d\d:\d\d", "HH:MM:SS", flat)  # when it was run
        return re.sub(r"(?<![0-9])1[0-9]{9}(\.[0-9]+)?(?![0-9])", "EPOCH", flat)

    def stop(self):
        try:
            self.ask("stop")
        except OSError:
            pass
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def singles(text):
    """What jailtop hands over in one piece, as single commands."""
    tool, args = text["tool"], text["args"]
    lines = []
    if tool == "nft" and args == ["-f", "-"]:
        for head, inside in re.findall(r"(.*?) \{ (.*?) \}\n?", text["input"]):
            lines += [f"{head} {{ {one} }}" for one in inside.split(", ")]
    elif tool == "ipset" and args == ["restore", "-exist"]:
        lines = text["input"].splitlines()
    elif tool == "ipset" and "-exist" in args and ("add" in args or "del" in args):
        lines = [" ".join(a for a in args if a != "-exist")]
    elif tool == "nft" and args[1:2] == ["element"]:
        lines = [" ".join(args)]
    else:
        return [text]
    return [dict(text, args=line.split(), input="") for line in lines]


def play(server, result):
    """Runs all phases."""
    server.connect()
    jails = ["j-" + n for n in server.names]
    deadline = time.time() + 20
    while time.time() < deadline:
        if len(str(server.ask("status")).split("Jail list")[-1].split(",")) > len(jails):
            break
        time.sleep(0.1)
    phases = result[server.kind] = collections.OrderedDict()
    phases["start"] = server.take(2)
    steps = [("ban inet4", "banip", "192.0.2.7"), ("ban inet6", "banip", "2001:db8::7"),
             ("unban inet4", "unbanip", "192.0.2.7")]
    for phase, verb, ip in steps:
        for jail in jails:
            server.ask("set", jail, verb, ip)
        phases[phase] = server.take(1)
    for jail in jails:
        for line in HOSTILE:
            server.ask("set", jail, "attempt", "192.0.2.8", line.replace("@", server.top))
    phases["hostile matches"] = server.take(3)
    server.stop()
    phases["stop"] = server.take(0.5)
    phases["canary"] = ["canary in " + server.kind] if os.path.exists(server.top + "/canary") else []


def provoke(server, result):
    """What fail2ban takes no part in: ids that are no address, and 64 KiB of payload in the log line."""
    server.connect()
    time.sleep(1)
    jails = ["j-" + n for n in server.names]
    long = ("$(touch @/canary)`touch @/canary`;touch @/canary\n\"'" * 1400).replace("@", server.top)[:65000]
    for jail in jails:
        server.ask("set", jail, "banip", HOSTILE_ID.replace("@", server.top))
        for _ in HOSTILE:
            server.ask("set", jail, "attempt", "192.0.2.9", long)
    n = len(server.take(3))
    server.stop()
    found = os.path.exists(server.top + "/canary")
    result["provoked"] = {"canary": ["canary after provocation"] if found else [], "commands": n}


def order_of(records, jail):
    """The firewall commands that name the jail, in order."""
    name = re.compile(re.escape(jail) + r"6?(?![a-z0-9-])")
    tools = ("iptables", "ip6tables", "ipset", "nft", "firewall-cmd", "ufw")
    return [r for r in records if name.search(r) and json.loads(r)["tool"] in tools]


def main():
    work, what = sys.argv[1], sys.argv[2]
    if what == "record":
        os.environ["JAILTOP"]
        result = {}
        servers = [Server(work, kind) for kind in ("fail2ban", "jailtop_", "provoked")]
        players = [threading.Thread(target=play, args=(s, result)) for s in servers[:2]]
        players.append(threading.Thread(target=provoke, args=(servers[2], result)))
        for p in players:
            p.start()
        for p in players:
            p.join()
        for s in servers:
            s.process.kill()  # had it not been stopped
        json.dump(result, open(work + "/result.json", "w"))
        return 0
    result = json.load(open(work + "/result.json"))
    phase = sys.argv[3]
    theirs, ours = result["fail2ban"][phase], result["jailtop_"][phase]
    bad = 0
    if phase == "canary":
        ours = ours + result["provoked"]["canary"]
        print(f"{result['provoked']['commands']} commands were provoked")
        bad += result["provoked"]["commands"] < 50
    for who, a, b in (("fail2ban", theirs, ours), ("jailtop", ours, theirs)):
        for text in (collections.Counter(a) - collections.Counter(b)).elements():
            bad += 1
            print(f"{who} only: {text}")
    for jail in sorted(set(re.findall(r"j-[a-z0-9_-]*[a-z]", " ".join(theirs)))):
        if phase != "stop" and order_of(theirs, jail) != order_of(ours, jail):
            bad += 1
            print(f"{jail}: another order")
    print(f"{phase}: {len(theirs)} commands, {bad} differences")
    return 1 if bad or (not theirs and phase != "canary") else 0


sys.exit(main())
