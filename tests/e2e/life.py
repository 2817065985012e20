#!/usr/bin/env python3
"""life.py JAILTOP SOURCE_DIR DIR restart|half-open|white: life of the engine, in this network namespace."""
import json, os, re, socket, sqlite3, subprocess, sys, time

jailtop, source, d, what = sys.argv[1:5]
bans = int(os.environ.get('LIFE_BANS', 10000))
conf, log, sock = f'{d}/conf', f'{d}/t.log', f'{d}/sock'
os.makedirs(f'{conf}/filter.d'); os.makedirs(f'{conf}/action.d')
for f in os.listdir(f'{source}/sample-configs/action.d'):
    if f.startswith('iptables'):
        open(f'{conf}/action.d/{f}', 'w').write(open(f'{source}/sample-configs/action.d/{f}').read())
open(f'{conf}/fail2ban.conf', 'w').write(f'''[Definition]
loglevel = INFO
logtarget = {d}/f2b.log
syslogsocket = auto
socket = {sock}
pidfile = {d}/pid
dbfile = {d}/db
dbpurgeage = 1d
allowipv6 = yes
''')
open(f'{conf}/filter.d/t.conf', 'w').write('[Definition]\nfailregex = ^\\s*fail <HOST>$\n')
open(f'{conf}/jail.conf', 'w').write(f'''[t]
enabled = true
ignoreself = false
filter = t
backend = auto
usedns = no
maxretry = 1
bantime = 3600
action = iptables-multiport[name=t, port=ssh, protocol=tcp]
logpath = {log}
''')
open(log, 'w').close()

def fail(text):
    print(f'FAILED: {text}')
    print(subprocess.run(['tail', '-15', f'{d}/f2b.log'], capture_output=True, text=True).stdout)
    if engine.poll() is None: engine.kill()
    sys.exit(1)
class Wire:
    def __init__(self):
        self.s = socket.socket(socket.AF_UNIX); self.s.settimeout(20); self.s.connect(sock)
        self.f = self.s.makefile('rb')
    def __call__(self, *words):
        self.s.sendall(json.dumps({'id': 1, 'command': words}).encode() + b'\n')
        a = json.loads(self.f.readline())
        if not a.get('ok'): raise RuntimeError(a)
        return a['value']
def start():
    global engine
    began = time.time()
    engine = subprocess.Popen([jailtop, 'server', '-c', conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        try:
            w = Wire(); w('ping')
            return w, time.time() - began
        except (OSError, ValueError):
            if time.time() > began + 10: fail('no answer to ping')
            time.sleep(0.005)
def stop():
    began = time.time()
    engine.terminate(); engine.wait()
    return time.time() - began
def kernel():
    return sorted(ip for tool in ('iptables-save', 'ip6tables-save') for ip in
                  re.findall(r'-A f2b-t -s ([0-9a-f.:]+)/\d+ -j REJECT', subprocess.run([tool], capture_output=True, text=True).stdout))
def until(seconds, test, text):
    end = time.time() + seconds
    while not test():
        if time.time() > end: fail(text)
        time.sleep(0.02)
def attack(ip):
    with open(log, 'a') as f: f.write(f'{time.strftime("%Y-%m-%d %H:%M:%S")} fail {ip}\n')

def restart():
    w, _ = start(); stop()
    db = sqlite3.connect(f'{d}/db')
    now = int(time.time())
    rows = [('t', f'198.18.{i // 256}.{i % 256}' if i % 10 else f'2001:db8::{i:x}', now - i % 600) for i in range(bans)]
    for table in ('bans', 'bips'):
        db.executemany(f"insert into {table}(jail, ip, timeofban, bantime, bancount, data) values(?, ?, ?, 3600, 1, '{{\"matches\": [], \"failures\": 1}}')", rows)
    db.commit(); db.close()
    began = time.time()
    w, ping = start()
    slow = ping
    while True: # it answers all the time
        asked = time.time(); w('ping'); slow = max(slow, time.time() - asked)
        if len(w('get', 't', 'banned')) == bans and int(w('status', 't')[1][1][0][1]) == bans and len(kernel()) == bans: break
        if time.time() - began > 30: fail(f'{len(kernel())} of {bans} are in the kernel')
        time.sleep(0.02)
    took = time.time() - began
    if len(set(kernel())) != bans: fail('some are there twice')
    down = stop()
    if kernel(): fail('rules are left after the stop')
    log = open(f'{d}/f2b.log').read()
    if 'Flush ticket(s) with iptables-multiport' not in log: fail('the stop did not flush')
    # killed with all of them in the kernel: the next one finds them there
    w, _ = start(); until(20, lambda: len(kernel()) == bans, 'not all are back')
    time.sleep(0.2); engine.kill(); engine.wait()
    began = time.time(); w, _ = start()
    until(20, lambda: w('get', 'repair') and len(w('get', 't', 'banned')) == bans, 'not all are restored')
    attack('203.0.113.9')
    until(20, lambda: '203.0.113.9' in kernel(), 'no ban after the restart')
    after = time.time() - began
    if len(kernel()) != bans + 1 or len(set(kernel())) != bans + 1: fail('twice, or too many, after a kill')
    stop()
    print(f'{bans} bans: ping after {ping:.3f} s (slowest {slow:.3f}), all in the kernel after {took:.2f} s; stop {down:.2f} s; '
          f'first new ban after a kill {after:.2f} s')
    if ping > 0.3 * slack or took > 5 * slack: fail('too slow')

def half_open():
    w, _ = start()
    def delay(i):
        ip = f'203.0.113.{i}'
        w2 = Wire()
        w2.s.sendall(b'{"id":2,"subscribe":true}\n')
        for line in w2.f:
            if b'snapshot_end' in line: break
        began = time.time(); attack(ip)
        for line in w2.f:
            if b'"ban"' in line and ip.encode() in line and b'"ev"' in line: return time.time() - began
    alone = sorted(delay(i) for i in range(1, 12))[5]
    held, cut = [], 0
    crowd = []
    for i in range(1000):
        s = socket.socket(socket.AF_UNIX); s.settimeout(5)
        try:
            s.connect(sock)
            if i % 2: s.send(b'{"id":' if i % 4 == 1 else b'\x80\x05')
        except OSError: cut += 1
        held.append(s)
        if i % 100 == 99: crowd.append(delay(20 + i // 100))
    crowd = sorted(crowd)
    if w('ping') != 'pong': fail('the operator who was there is locked out')
    if Wire()('ping') != 'pong': fail('a new operator is locked out')
    print(f'a ban alone {alone * 1000:.1f} ms, among 1000 half-open clients {crowd[5] * 1000:.1f} ms, slowest {crowd[-1] * 1000:.1f} ms')
    if crowd[5] - alone > 0.05 * slack: fail('half-open clients delay bans')
    stop()

def white():
    w, _ = start()
    w('set', 'all', 'addignoreip', '--for', '1h', '203.0.113.1')
    w('set', 't', 'addignoreip', '--for', '1h', '2001:db8:0::1')
    w('set', 't', 'addignoreip', '--for', '2s', '203.0.113.2')
    w('set', 't', 'addignoreip', '--for', '1h', '203.0.113.3')
    w('set', 't', 'delignoreip', '203.0.113.3')
    engine.kill(); engine.wait()
    w, _ = start()
    until(5, lambda: '2001:db8::1' in w('get', 't', 'ignoreip'), 'the whitelist is not back')
    if '203.0.113.3' in w('get', 't', 'ignoreip'): fail('what was taken back is there again')
    attack('203.0.113.1'); attack('2001:db8::1'); attack('203.0.113.3')
    until(5, lambda: '203.0.113.3' in w('get', 't', 'banned'), 'no ban at all')
    if sorted(w('get', 't', 'banned')) != ['203.0.113.3']: fail('banned although whitelisted')
    until(6, lambda: '203.0.113.2' not in w('get', 't', 'ignoreip'), 'an entry outlived its end')
    stop()
    w, _ = start()
    until(5, lambda: '2001:db8::1' in w('get', 't', 'ignoreip'), 'the whitelist is not back')
    if '203.0.113.2' in w('get', 't', 'ignoreip'): fail('an entry outlived its end over a restart')
    stop()
    db = sqlite3.connect(f'{d}/db')
    left = sorted(db.execute('select jail, ip from jailtopWhite'))
    if left != [('all', '203.0.113.1'), ('t', '2001:db8::1')]: fail(f'stored: {left}')
    print('whitelist restored')

slack = float(os.environ.get('LIFE_SLACK', 1))
{'restart': restart, 'half-open': half_open, 'white': white}[what]()
