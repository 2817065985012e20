#!/usr/bin/python3
"""jails.py JAILTOP [LINES]

What 50 jails on one log cost the engine, beside one: a real `jailtop server`, whose log grows by LINES lines at once;
cpu seconds of its process, in turn in each of three rounds. `equal`: 50 jails with the sshd filter. `mixed`: 50 jails,
each with another of the stock filters (or another mode) that may stand on such a log. Needs no root: nothing is banned.
A and B are the logs of regex.sh; in C nobody fails, so that what is left is reading and matching. The goal is three times
one jail's cost; it is held against the 50 equal jails on all logs and the mixed ones on C, and printed for all. (Mixed ones
find six times as many failures on A and B as one, each by its own expressions.) Ends with 1 when it is missed there, or
when counts differ.
"""
import os, re, shutil, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE + "/..")
import pickled

JAILTOP = os.path.realpath(sys.argv[1])
LINES = int(sys.argv[2]) if len(sys.argv) > 2 else 1000000
ROUNDS = int(os.environ.get("ROUNDS", "3"))
CONF = "/etc/fail2ban" if os.path.isdir("/etc/fail2ban/filter.d") else HERE + "/../../sample-configs"
# what writes into auth.log or syslog; with the modes of those that have some
MIXED = """sshd sshd[mode=aggressive] sshd[mode=ddos] sshd[mode=extra] sshd[publickey=invalid] dropbear pam-generic selinux-ssh
vsftpd proftpd pure-ftpd wuftpd gssftpd webmin-auth froxlor-auth uwimap-auth solid-pop3d screensharingd slapd xinetd-fail
dovecot dovecot[mode=aggressive] cyrus-imap sieve courier-auth courier-smtp perdition postfix postfix[mode=auth]
postfix[mode=aggressive] postfix[mode=ddos] sendmail-auth sendmail-reject sendmail-reject[mode=aggressive] exim exim-spam
asterisk drupal-auth monit mysqld-auth named-refused nagios nsd phpmyadmin-syslog roundcube-auth scanlogd softethervpn suhosin
zoneminder recidive""".split()


class Engine:
    def __init__(self, filters):
        self.top = tempfile.mkdtemp(prefix="jails-")
        conf = self.top + "/c"
        shutil.copytree(CONF, conf)
        shutil.rmtree(conf + "/jail.d", ignore_errors=True)
        self.log = self.top + "/log"
        with open(self.log, "w") as f:
            f.write(time.strftime("%b %e %H:%M:%S gate cron[1]: started\n"))
        with open(conf + "/fail2ban.local", "w") as f:
            f.write(f"[Definition]\nsocket={self.top}/s\npidfile={self.top}/p\nlogtarget={self.top}/server.log\n"
                    f"loglevel={os.environ.get('LOGLEVEL', 'WARNING')}\ndbfile={self.top}/db\nallowipv6=yes\n")
        with open(conf + "/jail.local", "w") as f:
            f.write(f"[DEFAULT]\nbackend=pyinotify\nusedns=no\nignoreself=false\nlogpath={self.log}\naction=\n"
                    "maxretry=100000000\nmaxmatches=5\nfindtime=10y\n")
            for i, name in enumerate(filters):
                f.write(f"[j{i}]\nenabled=true\nfilter={name}\n")
        self.process = subprocess.Popen([JAILTOP, "server", "-c", conf, "-f"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(400):
            try:
                if all("Filter" in str(self.ask("status", f"j{i}")) for i in range(len(filters))):
                    break
            except OSError:
                pass
            time.sleep(0.05)
        else:
            sys.exit("the engine does not start: " + open(self.top + "/server.log").read())

    def ask(self, *words):
        reply = pickled.ask(self.top + "/s", *words, seconds=None)
        return reply[1] if reply else None

    def cpu(self):
        """Cpu seconds of the thread that does all but waiting; finer than the ticks of /proc/PID/stat."""
        return int(open(f"/proc/{self.process.pid}/schedstat").read().split()[0]) / 1e9

    def read(self):
        """Bytes that the process has read since it began, the log among them."""
        return int(re.search(r"rchar: (\d+)", open(f"/proc/{self.process.pid}/io").read()).group(1))

    def feed(self, path):
        """Cpu seconds for the lines of the file at path, which are appended at once."""
        want = self.read() + os.path.getsize(path)
        before = self.cpu()
        with open(path, "rb") as new, open(self.log, "ab") as log:
            shutil.copyfileobj(new, log, 1 << 20)
        deadline = time.time() + 300
        while self.read() < want:
            assert time.time() < deadline, "the log is not read"
            time.sleep(0.05)
        last, same = -1, 0
        while same < 1: # it has nothing to do any more
            time.sleep(1)
            now = self.cpu()
            same = same + 1 if now - last < 0.01 else 0
            last = now
        return last - before

    def failed(self, n):
        return [dict(dict(self.ask("status", f"j{i}"))["Filter"])["Total failed"] for i in range(n)]

    def memory(self):
        status = open(f"/proc/{self.process.pid}/status").read()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024

    def stop(self):
        self.ask("stop")
        self.process.wait(60)
        shutil.rmtree(self.top)


def run(filters, log):
    e = Engine(filters)
    start = e.cpu()
    cost, memory, failed = e.feed(log), e.memory(), e.failed(len(filters))
    e.stop()
    return cost, memory, failed, start


def main():
    sets = {"equal": ["sshd"] * 50}
    if all(os.path.exists(f"{CONF}/filter.d/{f.split('[')[0]}.conf") for f in MIXED):
        sets["mixed"] = MIXED
    work = tempfile.mkdtemp(prefix="jails-")
    ok = True
    for log, attack in (("A", 82), ("B", 15), ("C", 0)):
        path = f"{work}/{log}"
        lines = LINES * (3 if attack == 0 else 1)
        with open(path, "w") as f:
            awk = subprocess.Popen(["awk", "-v", f"lines={lines}", "-v", f"attack={attack}", "-v", "seed=1",
                                    "-f", HERE + "/auth.awk"], stdout=subprocess.PIPE, env=dict(os.environ, LC_ALL="C.UTF-8", TZ="UTC"))
            subprocess.run(["head", "-n", str(lines)], stdin=awk.stdout, stdout=f, check=True)
            awk.stdout.close()
            awk.wait()
        ones, many = [], {name: [] for name in sets}
        for _ in range(ROUNDS):
            ones.append(run(["sshd"], path))
            for name, filters in sets.items():
                many[name].append(run(filters, path))
        one = statistics.median(o[0] for o in ones)
        print(f"{log}: engine, {lines} lines, 1 jail sshd: {one:.2f} s of cpu, {ones[0][2][0]} failures, "
              f"{ones[0][1]:.1f} MiB", flush=True)
        for name, rounds in many.items():
            cost = statistics.median(r[0] for r in rounds)
            ratio = statistics.median(r[0] / o[0] for r, o in zip(rounds, ones))
            print(f"{log}: engine, 50 jails, {name}: {cost:.2f} s, {ratio:.2f}x of one jail, {sum(rounds[0][2])} failures, "
                  f"{rounds[0][1]:.1f} MiB, start {rounds[0][3]:.2f} s", flush=True)
            if rounds[0][2][0] != ones[0][2][0]:
                print(f"{log}: the counts differ: {rounds[0][2]}")
                ok = False
            ok = ok and (ratio <= 3 or (log != "C" and name == "mixed"))
    shutil.rmtree(work)
    if not ok:
        print("a goal was missed: 50 jails cost more than 3 times what one does, or counts differ")
    sys.exit(not ok)


main()
