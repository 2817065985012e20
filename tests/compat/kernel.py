#!/usr/bin/python3
"""kernel.py WORK [JAIL ...]

What fail2ban-server and jailtop leave in the kernel: each runs in a network namespace of its own with the
same configuration (every iptables, ipset and nftables action of fail2ban's action.d as it stands, with many a
setting, and actions as administrators write them), is told the same, and after each step the rules and sets
are compared. One step after the other; a step has a deadline, no fixed time.
"""
import concurrent.futures, difflib, glob, json, os, re, shutil, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + "/..")
import pickled

JAILTOP = os.environ["JAILTOP"]
DEADLINE = 40  # once something differs, what follows does too: then a tenth

# jail -> action line; {} is the jail's own name
STOCK = {
    "allports": "iptables-allports[name={}]",
    "one": "iptables[name={}, port=ssh]",
    "multi": "iptables-multiport[name={}, port=\"ssh,http\"]",
    "ranges": "iptables-multiport[name={}, port=\"ssh,1000:1010,https\", protocol=\"tcp,udp\"]",
    "drop": "iptables-multiport[name={}, port=ssh, blocktype=DROP]",
    "reset": "iptables-multiport[name={}, port=ssh, blocktype=\"REJECT --reject-with tcp-reset\"]",
    "all": "iptables-allports[name={}, protocol=all]",
    "forward": "iptables-multiport[name={}, port=ssh, chain=FORWARD, returntype=ACCEPT]",
    "new": "iptables-new[name={}, port=ssh]",
    "log": "iptables-multiport-log[name={}, port=ssh]",
    "recent": "iptables-xt_recent-echo[name={}]",
    "wait": "iptables-multiport[name={}, port=ssh, lockingopt=\"-w 5\"]",
    "path": "iptables-multiport[name={}, port=ssh, iptables=\"/usr/sbin/iptables -w\"]",
    "proto4": "iptables-ipset-proto4[name={}, port=ssh]",
    "proto6": "iptables-ipset-proto6[name={}, port=ssh]",
    "proto6all": "iptables-ipset-proto6-allports[name={}]",
    "ipset": "iptables-ipset[name={}, type=multiport, port=\"ssh,http\", protocol=\"tcp,udp\"]",
    "settime": "iptables-ipset[name={}, port=ssh, ipsettime=<timeout-bantime>, default-ipsettime=600]",
    "nft": "nftables-multiport[name={}, port=\"ssh,http\"]",
    "nftrange": "nftables[name={}, type=multiport, port=\"ssh,1000:1010\", protocol=\"tcp,udp\", blocktype=drop]",
    "nftall": "nftables-allports[name={}]",
    "nftcustom": "nftables[name={}, type=custom, match=\"tcp dport 25 ct state new\", table=mine, chain=other, chain_hook=forward]",
    "nftip": "nftables-multiport[name={}, port=ssh, table_family=ip, table=onlyfour]",
    "route": "route[name={}]",
    "eager": "iptables-multiport[name={}, port=ssh, actionstart_on_demand=false]",
    "three": "iptables-multiport[name={}, port=ssh]\n    nftables-multiport[name={}, port=ssh]\n    iptables-ipset-proto6[name={}-s, port=ssh]",
    "twin1": "iptables-multiport[name=twin, port=ssh]",
    "twin2": "iptables-multiport[name=twin, port=ssh]",
    "a-name-of-28-characters-abcd": "iptables-allports[name=a-name-of-23-letters-ab]",
}

OWN = {
    "lines": """
actionstart = <iptables> -N <name>-a
              <iptables> -N <name>-b
              <iptables> -A INPUT -p tcp -j <name>-a
actionban = <iptables> -I <name>-a 1 -s <ip> -j DROP
            <iptables> -A <name>-b -s <ip> -p tcp --dport 22 -m comment --comment "it's <name> \\"here\\" $((1 + 1))" -j DROP
actionunban = <iptables> -D <name>-a -s <ip> -j DROP
actionstop = <iptables> -F <name>-a""",
    "noend": """
actionstart = <iptables> -N <name>
              <iptables> -I INPUT -j <name>
actionban = <iptables> -A <name> -s <ip> -j DROP
""",
    "quoted": """
actionstart = <iptables> -N "<name>"
              <iptables> -I INPUT -j '<name>'
actionban = <iptables> -A "<name>" -s '<ip>' -m comment --comment "a b'c \\"d\\" \\\\ e" -j "DROP"
actionunban = <iptables> -D "<name>" -s '<ip>' -m comment --comment "a b'c \\"d\\" \\\\ e" -j "DROP"
actionflush = <iptables> -F <name>
actionstop = <iptables> -D INPUT -j <name>; <iptables> -F <name>; <iptables> -X <name>
""",
    "words": """
actionstart = <iptables> --new-chain <name> && <iptables> --insert INPUT --jump <name>
actionban = <iptables> --wait --append <name> --source <ip> --protocol tcp --match comment --comment <failures>-<bantime> --jump DROP
actionunban = <iptables> --wait --delete <name> --source <ip> --protocol tcp --match comment --comment <failures>-<bantime> --jump DROP
actionstop = <iptables> -F <name>
""",
    "tables": """
actionstart = <iptables> -t mangle -N <name>
              <iptables> -t mangle -I PREROUTING -j <name>
              <iptables> -t raw -N <name>
actionban = <iptables> -t mangle -I <name> -s <ip> -j DROP
            <iptables> -t raw -A <name> -s <ip> -j DROP
actionunban = <iptables> -t mangle -D <name> -s <ip> -j DROP
              <iptables> -t raw -D <name> -s <ip> -j DROP
actionstop = <iptables> -t mangle -F <name>
""",
    "second": """
actionstart = <iptables> -N <name>
              <iptables> -A <name> -p tcp -j RETURN
              <iptables> -A <name> -p udp -j RETURN
actionban = <iptables> -I <name> 2 -s <ip> -j DROP
actionunban = <iptables> -D <name> -s <ip> -j DROP
actionstop = <iptables> -F <name>
""",
    "twice": """
actionstart = <iptables> -N <name>
actionban = <iptables> -I <name> -s <ip> -d 10.9.8.7 -j DROP || true
            <iptables> -I <name> -d <ip> -j DROP
actionunban = <iptables> -D <name> -s <ip> -d 10.9.8.7 -j DROP || true
              <iptables> -D <name> -d <ip> -j DROP
actionstop = <iptables> -F <name>
""",
    "table-t": """
actionstart = <iptables> -t mangle -N <name>
actionban = <iptables> -t mangle -I <name> -s <ip> -j MARK --set-mark 0x7
actionunban = <iptables> -t mangle -D <name> -s <ip> -j MARK --set-mark 0x7
""",
    "negate": """
actionstart = <iptables> -N <name>
actionban = <iptables> -A <name> ! -i lo -s <ip> -m conntrack --ctstate NEW,RELATED -m limit --limit 5/m -j LOG --log-prefix "f2b <name>: "
actionunban = <iptables> -D <name> ! -i lo -s <ip> -m conntrack --ctstate NEW,RELATED -m limit --limit 5/m -j LOG --log-prefix "f2b <name>: "
actionstop = <iptables> -F <name>
""",
    "wrongfirst": """
actionstart = <iptables> -N <name>
actionban = <iptables> -A <name> -s <ip> -p tcp --dport <badport> -j DROP
actionunban = <iptables> -D <name> -s <ip> -p tcp --dport <badport> -j DROP
actionstop = <iptables> -F <name>
[Init]
badport = nosuchport
""",
    "setargs": """
actionstart = ipset create <name> hash:ip timeout 600 comment counters -exist
actionban = ipset add <name> <ip> timeout <bantime> comment "jail <name>, it's 1" -exist
actionunban = ipset del <name> <ip> -exist
actionstop = ipset destroy <name>
""",
    "setplain": """
actionstart = ipset create <name> hash:ip
actionban = ipset add <name> <ip>
actionunban = ipset del <name> <ip>
""",
    "setbang": """
actionstart = ipset -! create <name> hash:net family <fam>
actionban = ipset -! -A <name> <ip>
actionunban = ipset --exist --del <name> <ip>
actionflush = ipset flush <name>
[Init]
name = b4
fam = inet
[Init?family=inet6]
name = b6
fam = inet6
""",
    "setport": """
actionstart = ipset -exist create <name> hash:ip,port
actionban = ipset -exist add <name> <ip>,tcp:22
actionunban = ipset -exist del <name> <ip>,tcp:22
""",
    "nfttime": """
actionstart = nft add table inet <name>
              nft add set inet <name> bad4 '{ type ipv4_addr; flags timeout; }'
              nft add set inet <name> bad6 '{ type ipv6_addr; flags timeout; }'
actionban = nft add element inet <name> <set> '{ <ip> timeout <bantime>s }'
actionunban = nft delete element inet <name> <set> '{ <ip> }'
actionflush = nft flush set inet <name> <set>
actionstop = nft delete table inet <name>
[Init]
set = bad4
[Init?family=inet6]
set = bad6
""",
    "nftmap": """
actionstart = nft add table inet <name>
              nft add map inet <name> verdicts \\{ type ipv4_addr : verdict\\; \\}
actionban = nft add element inet <name> verdicts \\{ <ip> : drop \\}
actionunban = nft delete element inet <name> verdicts \\{ <ip> : drop \\}
""",
    "nftinterval": """
actionstart = nft 'add table ip <name>; add set ip <name> s { type ipv4_addr; flags interval; auto-merge; }'
actionban = nft add element ip <name> s { <ip> }
actionunban = nft delete element ip <name> s "{<ip>}"
""",
    "nftcomment": """
actionstart = nft add table ip <name>
              nft add set ip <name> s '{ type ipv4_addr; }'
              nft add chain ip <name> c
              nft add chain ip <name> d
actionban = nft add element ip <name> s '{ <ip> comment "banned by <name>" }'
            nft add rule ip <name> c ip saddr <ip> counter drop
actionunban = nft delete element ip <name> s '{ <ip> }'
actionflush = nft flush set ip <name> s; nft flush chain ip <name> c
""",
    "nftrule": """
actionstart = nft add table ip <name>
              nft add chain ip <name> c
actionban = nft insert rule ip <name> c ip saddr <ip> drop
actionunban = nft delete rule ip <name> c handle $(nft -a list chain ip <name> c | sed -n 's/.* <ip> drop # handle //p')
""",
    "byfamily": """
actionstart = <iptables> -N <name>
actionban = iptables -w -A <name> -s <ip> -j DROP
actionban?family=inet6 = ip6tables -w -I <name> -s <ip> -j REJECT
actionunban = iptables -w -D <name> -s <ip> -j DROP
actionunban?family=inet6 = ip6tables -w -D <name> -s <ip> -j REJECT
""",
    "never": """
actionstart =
actionban =
actionunban =
""",
    "fails": """
actionstart = <iptables> -N <name>
actioncheck = <iptables> -n -L <name>
actionban = <iptables> -A <name>-missing -s <ip> -j DROP
actionunban = <iptables> -D <name>-missing -s <ip> -j DROP
actionstop = <iptables> -X <name>
""",
    "ifs": """
actionstart = for t in iptables ip6tables; do $t -w -N <name>; done
actionban = if [ "<family>" = inet4 ]; then t=iptables; else t=ip6tables; fi
            $t -w -I <name> 1 -s <ip> -j DROP
actionunban = case <family> in inet6) ip6tables -w -D <name> -s <ip> -j DROP ;; *) iptables -w -D <name> -s <ip> -j DROP ;; esac
actionstart_on_demand = false
actionstop = iptables -w -F <name>
""",
    "reban": """
actionstart = <iptables> -N <name>
actionban = <iptables> -A <name> -s <ip> -m comment --comment <ipfailures> -j DROP
actionunban = <iptables> -D <name> -s <ip> -m comment --comment <ipfailures> -j DROP
actionreban = <iptables> -A <name> -s <ip> -m comment --comment again -j DROP
actionprolong = <iptables> -A <name> -s <ip> -m comment --comment prolonged -j DROP
""",
}
OWN |= {
    "signs": """
actionstart = <iptables> -N <name>
actionban = <iptables> -A <name> -s <ip> -m comment --comment "100%%  gr\u00fcn #1; a|b & c>d ~ * ? [x] {y} !z =" -j DROP
actionunban = <iptables> -D <name> -s <ip> -m comment --comment "100%%  gr\u00fcn #1; a|b & c>d ~ * ? [x] {y} !z =" -j DROP
""",
    "shell": """
actionstart = <iptables> -N <name>
actionban = <iptables> -A <name> -s <ip> -m comment --comment "$((40 + 2))-${NOSUCH:-none}" -j DROP
actionunban = <iptables> -D <name> -s <ip> -m comment --comment `expr 40 + 2`-none -j DROP
""",
    "concat": """
actionstart = nft 'add table ip <name>; add set ip <name> s { type ipv4_addr . inet_proto . inet_service; }'
actionban = nft add element ip <name> s '{ <ip> . tcp . 22 }'
actionunban = nft delete element ip <name> s '{ <ip> . tcp . 22 }'
""",
    "two": """
actionstart = nft 'add table ip <name>; add set ip <name> s { type ipv4_addr; }; add set ip <name> t { type ipv4_addr; }'
actionban = nft 'add element ip <name> s { <ip> }; add element ip <name> t { <ip> }'
actionunban = nft 'delete element ip <name> s { <ip> }; delete element ip <name> t { <ip> }'
""",
    "stdin": """
actionstart = ipset -exist create <name> hash:ip
              ipset -exist create <name>6 hash:ip family inet6
actionban = echo "add <set> <ip>" | ipset -exist restore
actionunban = ipset -exist restore <<E
              del <set> <ip>
              E
[Init]
name = own-stdin
set = own-stdin
[Init?family=inet6]
set = own-stdin6
""",
    "later": """
actionstart = <iptables> -N <name>
actionban = <iptables> -A <name> -s <ip> -j DROP &
            wait
actionunban = (<iptables> -D <name> -s <ip> -j DROP)
actionreban = <iptables> -A <name> -s <ip> -j REJECT
timeout = 10
""",
    "reject": """
actionstart = <iptables> -N <name>
actionban = <iptables> -I <name> 1 -s <ip> -j <blocktype>
actionunban = <iptables> -D <name> -s <ip> -j <blocktype>
[Init]
blocktype = REJECT --reject-with icmp-host-prohibited
[Init?family=inet6]
blocktype = REJECT --reject-with icmp6-adm-prohibited
""",
    "tags": """
actionstart = <iptables> -N <name>
actionban = <iptables> -A <name> -s <ip> -m comment --comment "<fid> <ip-rev> <family> <jail.name> <actname> <bancount> <restored> <F-ID> <matches>" -j DROP
actionunban = <iptables> -D <name> -s <ip> -m comment --comment "<fid> <ip-rev> <family> <jail.name> <actname> <bancount> <restored> <F-ID> <matches>" -j DROP
""",
}
FIRST = """[INCLUDES]
before = iptables.conf
[Definition]
"""
NOTHING = ("actionflush", "actioncheck", "actionstop", "actionunban")  # not iptables.conf's
# actions whose name is not their jail's
NAMED = {"setbang"}


def jails():
    out = {}
    for name, action in STOCK.items():
        out[name] = action.replace("{}", name)
    for name in OWN:
        out["own-" + name] = f"own-{name}[name=own-{name}]" if name not in NAMED else f"own-{name}[]"
    return out


class Server:
    def __init__(self, work, kind, chosen):
        self.kind, self.chosen = kind, chosen
        self.top = os.path.join(work, kind)
        conf = self.top + "/conf"
        os.makedirs(self.top)
        shutil.copytree("/etc/fail2ban", conf)
        for junk in glob.glob(conf + "/jail.d/*") + [conf + "/jail.local", conf + "/fail2ban.local"]:
            if os.path.exists(junk):
                os.remove(junk)
        for name, text in OWN.items():
            open(f"{conf}/action.d/own-{name}.conf", "w").write(
                FIRST + "".join(f"{n} =\n" for n in NOTHING if n + " =" not in text) + text)
        open(self.top + "/log", "w").close()
        open(conf + "/fail2ban.local", "w").write(
            f"[Definition]\nsocket={self.top}/s\npidfile={self.top}/p\nlogtarget={self.top}/server.log\n"
            f"dbfile={self.top}/db\nallowipv6=yes\n")
        open(conf + "/filter.d/none.conf", "w").write("[Definition]\nfailregex = ^never <HOST>$\n")
        self.write_jails(chosen)
        # a process that holds the namespace
        self.holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "-n", "sleep", "1000"])
        self.enter = ["nsenter", "-t", str(self.holder.pid), "-n", "--"]
        before = os.stat("/proc/self/ns/net").st_ino
        end = time.time() + 10
        while os.stat(f"/proc/{self.holder.pid}/ns/net").st_ino == before and time.time() < end:
            time.sleep(0.01)
        self.run("ip link set lo up")
        self.start()

    def write_jails(self, chosen):
        with open(self.top + "/conf/jail.local", "w") as f:
            f.write(f"[DEFAULT]\nbackend=polling\nfilter=none\nlogpath={self.top}/log\nmaxretry=2\nbantime=1h\n")
            for name, action in chosen.items():
                f.write(f"[{name}]\nenabled=true\naction={action}\n")

    def run(self, script):
        return subprocess.run(self.enter + ["sh", "-c", script], capture_output=True, text=True).stdout

    def start(self):
        command = (["/usr/bin/python3", "/usr/bin/fail2ban-server"] if self.kind == "fail2ban" else [JAILTOP, "server"])
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL"] + self.enter + command + ["-c", self.top + "/conf", "-f"],
            env=dict(os.environ, LC_ALL="C.UTF-8", TZ="UTC"), cwd=self.top, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.time() + DEADLINE
        while time.time() < end:
            try:
                if sum(name in self.ask_jails() for name in self.chosen) == len(self.chosen):
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise SystemExit(f"{self.kind} does not start:\n" + open(self.top + "/server.log").read()[-3000:])

    def ask_jails(self):
        answer = self.ask("status")[1]
        return answer[1][1].split(", ")

    def ask(self, *words):
        return pickled.ask(self.top + "/s", *words)

    def stop(self):
        try:
            self.ask("stop")
        except OSError:
            pass
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def kernel(self):
        """The state of this namespace, as comparable lines."""
        out = self.run("echo '== iptables'; iptables-save; echo '== ip6tables'; ip6tables-save; echo '== ipset'; ipset save;"
                       "echo '== nft'; nft -s list ruleset; echo '== route'; ip route; ip -6 route;"
                       "echo '== recent'; grep -H . /proc/net/xt_recent/* 2>/dev/null")
        return masked(out)


def masked(text):
    """Comparable lines: without counters, seconds left and handles; sorted where order means nothing or is not
    determined (jails start side by side), as it stands in a chain that is one jail's own."""
    out = []
    sections = re.split(r"^== (\w+)\n", "\n" + text, flags=re.M)[1:]
    for name, body in zip(sections[::2], sections[1::2]):
        lines = [line.rstrip() for line in body.splitlines() if line and not line.startswith("#")]
        if name in ("iptables", "ip6tables"):
            lines = xtables_lines([re.sub(r"\[\d+:\d+\]", "", line).rstrip() for line in lines])
        elif name == "ipset":
            lines = [re.sub(r" (initval|hashsize|bucketsize|maxelem) \S+", "", line) for line in lines]
            lines = sorted(re.sub(r"timeout (?!0\b)\d+", "timeout N", line) for line in lines)
        elif name == "nft":
            body = re.sub(r"(packets|bytes) \d+", r"\1 N", body)
            lines = nft_lines(re.sub(r"expires \w+", "expires N", body))
        elif name == "recent":
            lines = sorted(re.sub(r" (ttl|last_seen|oldest_pkt):.*", "", line) for line in lines)
        else:
            lines.sort()
        out += [f"{name}: {line}" for line in lines]
    return out


def xtables_lines(lines):
    out, table = [], ""
    chains = {}
    for line in lines:
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A"):
            chains.setdefault((table, line.split()[1]), []).append(line)
        elif line.startswith(":"):
            chains.setdefault((table, line[1:].split()[0]), [])
    for (table, name), rules in sorted(chains.items()):
        out.append(f"{table} {name}")
        out += [f"{table} {r}" for r in (sorted(rules) if name.isupper() else rules)]
    return out


def nft_lines(text):
    out = []
    for name, body in re.findall(r"^table (\S+ \S+) \{\n(.*?)^\}", text, re.S | re.M):
        if re.fullmatch("ip6? (filter|mangle|raw|nat)", name):
            continue  # iptables' own: they were compared above
        out.append(name)
        body = re.sub(r"elements = \{(.*?)\}", lambda m: "elements = " + ",".join(
            sorted(e.strip() for e in m[1].split(","))), body, flags=re.S)
        for kind, inside in sorted(re.findall(r"^\t((?:set|map|chain) \S+) \{\n(.*?)^\t\}", body, re.S | re.M)):
            rules = [line.strip() for line in inside.splitlines()]
            out.append(f"{name} {kind}")
            out += [f"{name} {kind}: {r}" for r in (sorted(rules) if " hook " in inside else rules)]
    return sorted(out, key=lambda line: line.split(":")[0])


def compare(step, theirs, ours):
    """Waits until both kernels hold the same."""
    global DEADLINE
    began = time.time()
    end = began + DEADLINE
    while True:
        b, a = ours.kernel(), theirs.kernel()
        if a == b or time.time() > end:
            break
        time.sleep(0.1)
    if a != b:
        DEADLINE = 4
        print(f"{step}: another state in the kernel (- fail2ban, + jailtop)")
        for line in difflib.unified_diff(a, b, lineterm="", n=1):
            print("   " + line)
        return 1
    print(f"{step}: {len(a)} lines, the same ({time.time() - began:.0f} s)")
    return 0


def main():
    work = sys.argv[1]
    chosen = jails()
    if sys.argv[2:]:
        chosen = {n: a for n, a in chosen.items() if n in sys.argv[2:]}
    pool = concurrent.futures.ThreadPoolExecutor()
    servers = list(pool.map(lambda kind: Server(work, kind, chosen), ("fail2ban", "jailtop")))
    together = lambda do: list(pool.map(do, servers))
    many4 = [f"198.51.100.{i}" for i in range(1, 7)]
    many6 = [f"2001:db8:1::{i:x}" for i in range(1, 2)]
    wrong = 0

    def each(step, *what):
        nonlocal wrong
        answers = together(lambda server: [server.ask(*[w.replace("{}", j) for w in what]) for j in chosen])
        for jail, a, b in zip(chosen, *answers):
            if str(a) != str(b) and "Error" not in str(a):
                wrong += 1
                print(f"{step}: {jail}: fail2ban answers {a}, jailtop {b}")
        wrong += compare(step, *servers)

    began = time.time()
    wrong += compare("start", *servers)
    each("ban inet4", "set", "{}", "banip", "192.0.2.7")
    each("ban inet6", "set", "{}", "banip", "2001:db8::7")
    each("ban many", "set", "{}", "banip", *many4, *many6)
    each("ban again, and a network", "set", "{}", "banip", "192.0.2.7", "203.0.113.8/29", "198.51.100.3")
    each("unban some", "set", "{}", "unbanip", "192.0.2.7", *many4[2:5], many6[0])
    each("ban one of them again", "set", "{}", "banip", many4[3], "192.0.2.8")
    # what others' stops take away jailtop would put back, as fail2ban does not
    servers[1].ask("set", "repair", "off")
    together(lambda server: [server.ask("stop", jail) for jail in list(chosen)[::3]])
    wrong += compare("stop some jails", *servers)
    together(lambda server: server.ask("unban", "--all"))
    wrong += compare("unban all", *servers)
    together(lambda server: [server.ask("set", jail, "banip", "192.0.2.9", "2001:db8::9") for jail in chosen])
    wrong += compare("ban after the flush", *servers)
    together(Server.stop)
    wrong += compare("stop", *servers)
    for server in servers:
        server.holder.kill()
    print(f"{wrong} differences, {time.time() - began:.0f} s")
    return 1 if wrong else 0


sys.exit(main())
