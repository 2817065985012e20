#!/usr/bin/env python3
"""kill.py JAILTOP SOURCE_DIR DIR COUNT [KIND]: kills the engine COUNT times during an attack, in this network namespace.
KIND: iptables (our own action), ipset or nftables (those of the installed fail2ban).

After each restart, with the attack paused: every ban that was reported (a log line) is in the database and once in
the kernel; whoever was unbanned (the command was answered, or the log says so) is in neither; nothing else is there.
"""
import json, os, random, re, signal, socket, sqlite3, subprocess, sys, threading, time

jailtop, source, d, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
kind = sys.argv[5] if len(sys.argv) > 5 else 'iptables'
actions, action = {'iptables': (f'{source}/sample-configs/action.d', 'iptables-multiport'),
                   'ipset': ('/etc/fail2ban/action.d', 'iptables-ipset[type=multiport]'),
                   'nftables': ('/etc/fail2ban/action.d', 'nftables[type=multiport]')}[kind]
action = action.replace(']', ', ') if ']' in action else f'{action}['
seed = int(os.environ.get('KILL_SEED', random.randrange(10**6)))
rnd = random.Random(seed)
conf, log, sock, flog = f'{d}/conf', f'{d}/t.log', f'{d}/sock', f'{d}/f2b.log'
os.makedirs(f'{conf}/filter.d'); os.makedirs(f'{conf}/action.d')
for f in os.listdir(actions):
    if f.startswith(('iptables', 'nftables')):
        open(f'{conf}/action.d/{f}', 'w').write(open(f'{actions}/{f}').read())
open(f'{conf}/fail2ban.conf', 'w').write(f'''[Definition]
loglevel = INFO
logtarget = {flog}
syslogsocket = auto
socket = {sock}
pidfile = {d}/pid
dbfile = {d}/db
dbpurgeage = 1d
allowipv6 = yes
''')
for j in 'ab':
    open(f'{conf}/filter.d/{j}.conf', 'w').write(f'[Definition]\nfailregex = ^\\s*{j} fail <HOST>$\n')
open(f'{conf}/jail.conf', 'w').write(f'''[DEFAULT]
ignoreself = false
backend = {os.environ.get("KILL_BACKEND", "auto")}
maxretry = 1
findtime = 600
usedns = no
enabled = true
action = {action}name=%(__name__)s, port=ssh, protocol=tcp]
logpath = {log}
[a]
filter = a
bantime = 600
[b]
filter = b
bantime = 1
''')
open(log, 'w').close()

engine = None
def start():
    global engine
    engine = subprocess.Popen([jailtop, 'server', '-c', conf], stdout=subprocess.DEVNULL,
                              stderr=open(f'{d}/err', 'a'))
class Wire:
    def __init__(self):
        end = time.time() + 10
        while True:
            try:
                self.s = socket.socket(socket.AF_UNIX); self.s.connect(sock)
                self.f = self.s.makefile('rb'); self.id = 0
                self('ping'); break
            except OSError:
                if threading.current_thread() is not threading.main_thread(): raise
                if time.time() > end or engine.poll() is not None: fail('the engine does not answer')
                time.sleep(0.002)
    def __call__(self, *words):
        self.id += 1
        self.s.sendall(json.dumps({'id': self.id, 'command': words}).encode() + b'\n')
        line = self.f.readline()
        if not line: raise OSError('closed')
        a = json.loads(line)
        if not a.get('ok'): raise RuntimeError(a)
        return a['value']

def on_exception(*args):
    sys.__excepthook__(*args)
    fail('the test itself')
sys.excepthook = on_exception

def fail(what):
    print(f'FAILED (seed {seed}, kill {cycle}): {what}')
    sys.stdout.flush()
    print(subprocess.run(['tail', '-25', flog], capture_output=True, text=True).stdout)
    if engine.poll() is None:
        print(subprocess.run(['ps', '-o', 'pid,stat,wchan,etime,args', '--ppid', str(engine.pid)], capture_output=True, text=True).stdout)
        engine.kill()
    os._exit(1)

written = {'a': [], 'b': []}
n = 0
def address(k):
    return f'2001:db8::{k:x}' if k % 5 == 0 else f'198.{18 + k // 65536}.{k // 256 % 256}.{k % 256}'
def attack(jail, times):
    global n
    n += 1
    ip = address(n)
    with open(log, 'a') as f:
        for _ in range(times):
            f.write(f'{time.strftime("%Y-%m-%d %H:%M:%S")} {jail} fail {ip}\n')
    return ip

state = {'a': {}, 'b': {}} # ip -> is banned, by the log
at = 0
def read_log():
    global at
    with open(flog, 'rb') as f:
        f.seek(at); data = f.read(); at += data.rfind(b'\n') + 1
    for m in re.finditer(r'NOTICE  \[([ab])\] (Ban|Restore Ban|Unban) (\S+)\n', data[:data.rfind(b'\n') + 1].decode()):
        state[m[1]][m[3]] = m[2] != 'Unban'
def output(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout
def kernel_iptables(jail):
    return [ip for tool in ('iptables-save', 'ip6tables-save')
            for ip in re.findall(rf'-A f2b-{jail} -s ([0-9a-f.:]+)/\d+ -j REJECT', output(tool, '-t', 'filter'))]
def kernel_ipset(jail):
    got = []
    for tool, name in (('iptables-save', f'f2b-{jail}'), ('ip6tables-save', f'f2b-{jail}6')):
        members = re.findall(rf'^add {name} (\S+)', output('ipset', 'save'), re.M)
        # what is in a set is banned as often as a rule asks for the set
        got += members * len(re.findall(rf'--match-set {name} src', output(tool, '-t', 'filter')))
    return got
def kernel_nftables(jail):
    got = []
    tables = json.loads(output('nft', '-j', 'list', 'ruleset') or '{"nftables": []}')['nftables']
    text = json.dumps([t['rule'] for t in tables if 'rule' in t])
    for s in (t['set'] for t in tables if 'set' in t):
        if s['name'] in (f'addr-set-{jail}', f'addr6-set-{jail}'):
            got += s.get('elem', []) * text.count(f'"@{s["name"]}"')
    return got
def kernel(jail):
    return sorted({'iptables': kernel_iptables, 'ipset': kernel_ipset, 'nftables': kernel_nftables}[kind](jail))
def rows(jail):
    db = sqlite3.connect(f'file:{d}/db?mode=ro', uri=True, timeout=5)
    r = {ip for ip, in db.execute('select ip from bips where jail = ?', (jail,))}
    db.close()
    return r

gone = {'a': set(), 'b': set()} # unbanned, and never attacked since
in_flight = set()
cycle, slowest, total = 0, 0, 0
def verify():
    global slowest
    w, began = Wire(), time.time()
    end = began + 10
    sentinel = attack('a', 1)
    while sentinel not in w('get', 'a', 'banned'): # now all lines before it were read
        if time.time() > end: fail(f'{sentinel} is not banned')
        time.sleep(0.003)
    while True:
        lists = {j: sorted(w('get', j, 'banned')) for j in 'ab'}
        held = {j: kernel(j) for j in 'ab'}
        again = {j: sorted(w('get', j, 'banned')) for j in 'ab'}
        if lists == again and held == lists: break
        if time.time() > end:
            j = 'a' if held['a'] != lists['a'] else 'b'
            fail(f'[{j}] twice: {sorted({x for x in held[j] if held[j].count(x) > 1})} '
                 f'missing: {sorted(set(lists[j]) - set(held[j]))} too many: {sorted(set(held[j]) - set(lists[j]))}')
        time.sleep(0.01)
    read_log()
    now, db = set(lists['a']), rows('a')
    reported = {ip for ip, banned in state['a'].items() if banned} - in_flight
    if reported - now: fail(f'[a] reported, but not banned: {sorted(reported - now)}')
    if reported - db: fail(f'[a] reported, but not in the database: {sorted(reported - db)}')
    back = (now | db) & gone['a']
    if back: fail(f'[a] back from the dead: {sorted(back)}')
    back = set(lists['b']) & gone['b']
    if back: fail(f'[b] back from the dead: {sorted(back)}')
    gone['b'] |= {ip for ip, banned in state['b'].items() if not banned}
    for ip in in_flight: # killed between the command and its answer: either is right, but it stays so
        state['a'][ip] = ip in now
        if ip not in now: gone['a'].add(ip)
    in_flight.clear()
    slowest = max(slowest, time.time() - began)
    return sorted(now - {sentinel})

start()
for cycle in range(1, count + 1):
    banned = verify()
    stop = threading.Event()
    def writer():
        while not stop.is_set():
            attack(rnd.choice('aab'), rnd.choice((1, 2)))
            time.sleep(rnd.random() * 0.004)
    def unbanner():
        try:
            w = Wire()
            while not stop.is_set() and banned:
                ip = banned.pop(rnd.randrange(len(banned)))
                in_flight.add(ip)
                w('set', 'a', 'unbanip', ip)
                in_flight.discard(ip); gone['a'].add(ip)
                time.sleep(rnd.random() * 0.01)
        except (OSError, ValueError): pass
    threads = [threading.Thread(target=writer), threading.Thread(target=unbanner)]
    for t in threads: t.start()
    time.sleep(rnd.random() * 0.1)
    engine.send_signal(signal.SIGKILL); engine.wait()
    stop.set()
    for t in threads: t.join()
    total += 1
    start()
verify()
engine.terminate(); engine.wait()
left = kernel('a') + kernel('b') + re.findall(r'f2b\S*', output('iptables-save') + output('ip6tables-save') + output('ipset', 'save') + output('nft', 'list', 'ruleset'))
if left: fail(f'left in the kernel after an orderly stop: {left}')
print(f'{kind}: {count} kills, {n} attackers, seed {seed}: nothing lost, nothing twice, nobody back; slowest check {slowest:.2f} s')
