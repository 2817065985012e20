#!/usr/bin/env python3
"""equal.py JAILTOP DIR: fail2ban's server and jailtop's beside each other: the same growing logs, the same commands.

At the end both have the same rows in `bans` and `bips`, and the same Found, Ban, Unban, Restore and Increase lines
in their logs, order and times within a second aside. Where fail2ban loses or doubles something itself, a case of
its own says so (KNOWN below).
"""
import json, os, re, shutil, sqlite3, subprocess, sys, time

jailtop, base = sys.argv[1], sys.argv[2]
LOGS = ['t', 'inc', 'own', 'rot', 'names']

class Side:
    def __init__(self, name, client, server):
        self.name, self.d = name, f'{base}/{name}'
        d = self.d
        self.client_words, self.server_words = client, server
        os.makedirs(f'{d}/c/filter.d'); os.makedirs(f'{d}/c/action.d')
        write = lambda path, text: open(f'{d}/c/{path}', 'w').write(text)
        write('fail2ban.conf', f'[Definition]\nloglevel=INFO\nlogtarget={d}/log\nsyslogsocket=auto\nsocket={d}/s\npidfile={d}/p\n'
              f'dbfile={d}/db\ndbpurgeage=1d\nallowipv6=auto\n')
        write('filter.d/t.conf', '[Definition]\nfailregex = ^\\s*fail <HOST>(?: u=<F-USER>\\S+</F-USER>)?$\n')
        write('filter.d/id.conf', '[Definition]\nfailregex = ^\\s*session <F-ID>\\S+</F-ID> of <HOST>$\n')
        write('filter.d/rec.conf', '[Definition]\nfailregex = ^%(__prefix)sNOTICE\\s+\\[(?!rec\\])(?:.*)\\]\\s+Ban\\s+<HOST>\\s*$\n'
              '__prefix = \\s*fail2ban\\.actions\\s*\\[\\d+\\]:\\s+\n')
        write('action.d/a.conf', f'[Definition]\nactionban = echo "B <ip> <bancount> <restored>" >> {d}/out\nactionunban = echo "U <ip>" >> {d}/out\n')
        notify = 'pyinotify' if HAS_INOTIFY else 'polling'
        write('jail.conf', f'''[DEFAULT]
enabled = true
ignoreself = false
backend = polling
usedns = no
maxretry = 3
findtime = 10m
bantime = 1h
action = a
filter = t
[t]
logpath = {d}/t.log
ignoreip = 192.0.2.200 198.51.100.0/24 2001:db8:1::/48
[inc]
logpath = {d}/inc.log
maxretry = 2
bantime = 3
bantime.increment = true
bantime.maxtime = 1h
[own]
logpath = {d}/own.log
maxretry = 2
filter = id
[rot]
logpath = {d}/rot.log
backend = {notify}
maxretry = 100
[names]
logpath = {d}/names.log
maxretry = 1
usedns = raw
[nodns]
logpath = {d}/names.log
maxretry = 1
[rec]
logpath = {d}/log
backend = {notify}
filter = rec
maxretry = 2
bantime = 1w
findtime = 1d
''')
        for n in LOGS: self.log(n, 'begin')
        open(f'{d}/log', 'w').close()
    def log(self, name, *lines, at=None):
        stamp = time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at if at is not None else T()))
        with open(f'{self.d}/{name}.log', 'a') as f:
            for line in lines: f.write(f'{stamp} {line}\n')
    def run(self, *words):
        return subprocess.run([*self.client_words, '-c', f'{self.d}/c', *words], capture_output=True, text=True, timeout=40)
    def start(self):
        subprocess.run([*self.server_words[0], '-c', f'{self.d}/c', *self.server_words[1]], capture_output=True, timeout=40)
        deadline = time.time() + 15
        while 'pong' not in self.run('ping').stdout:
            if time.time() > deadline: fail(f'{self.name} does not start')
            time.sleep(0.1)
    def stop(self):
        self.run('stop')
        deadline = time.time() + 15
        while os.path.exists(f'{self.d}/p'):
            if time.time() > deadline: fail(f'{self.name} does not stop')
            time.sleep(0.05)
    def lines(self):
        got = []
        try: text = open(f'{self.d}/log', errors='replace').read()
        except OSError: return got
        for m in re.finditer(r'\]: \w+\s+(\[\w+\] (?:Found|Attempt|Ban|Unban|Restore Ban|Increase Ban|Ignore|IP \S+ is bad).*)\n', text):
            got.append(m[1])
        return got

now = [None]
def T(): return now[0] if now[0] is not None else time.time()
def fail(text):
    print(f'FAILED: {text}')
    for s in sides: s.run('stop')
    sys.exit(1)

HAS_INOTIFY = subprocess.run(['/usr/bin/python3', '-c', 'import pyinotify'], capture_output=True).returncode == 0
sides = []
sides.append(Side('fail2ban', ['fail2ban-client'], (['fail2ban-client'], ['start'])))
sides.append(Side('jailtop', [jailtop, 'client'], ([jailtop, 'server'], ['-b'])))

def both(method, *args, **more):
    now[0] = time.time()
    r = [getattr(s, method)(*args, **more) for s in sides]
    now[0] = None
    return r
def mask(line):
    return re.sub(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d', 'TIME', line)
def difference():
    a, b = (sorted(map(mask, s.lines())) for s in sides)
    only = []
    for x in sorted(set(a) | set(b)):
        if a.count(x) != b.count(x): only.append(f'{a.count(x)} in fail2ban, {b.count(x)} in jailtop: {x}')
    return only
def settle(seconds=14, what=''):
    """Until both have said the same, and go on saying nothing else for a moment."""
    deadline, quiet, last = time.time() + seconds, 0, None
    while True:
        d, size = difference(), [len(s.lines()) for s in sides]
        quiet = quiet + 1 if not d and size == last else 0
        last = size
        if quiet >= 4: return
        if time.time() > deadline: fail(f'{what}: their logs differ:\n  ' + '\n  '.join(d))
        time.sleep(0.15)
def own_stamp(data):
    """`rec` reads its server's own log, whose stamps say when that server's threads woke up, and on a busy machine
    each one wakes when it can: the time of a ban in it is held against the line that it comes from. Every other
    jail's times are those of lines that both servers read (but see found_stamp)."""
    last = data['matches'][-1]
    text = last if isinstance(last, str) else ''.join(last)
    stamp, ms = re.search(r'(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d+)', text).groups()
    return time.mktime(time.strptime(stamp, '%Y-%m-%d %H:%M:%S')) + int(ms) / 1000
ODD = '192.0.2.9' # its lines are stamped so long ago that a server takes the moment of reading for their time
def found_stamp(s, jail, ip):
    """When a server read ODD's lines is its own affair (both poll, each at its own second); that it bans at the time
    which it has told with the latest Found is not."""
    found = re.findall(rf'\[{jail}\] Found {re.escape(ip)} - (\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d)', open(f'{s.d}/log', errors='replace').read())
    return time.mktime(time.strptime(max(found), '%Y-%m-%d %H:%M:%S'))
def rows(s, table):
    db = sqlite3.connect(f'file:{s.d}/db?mode=ro', uri=True)
    got = []
    for jail, ip, t, bantime, count, data in db.execute(f'select jail, ip, timeofban, bantime, bancount, data from {table}'):
        data = json.loads(data)
        text = json.dumps(data, sort_keys=True).replace(s.d, 'DIR')
        text = re.sub(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d+)?', 'TIME', text)
        text = re.sub(r'\[\d+\]: NOTICE', '[PID]: NOTICE', text)
        text = re.sub(r'\[(names|nodns)\] Ban', '[either] Ban', text) # which of two jails comes first is nobody's promise
        if jail == 'rec': t -= own_stamp(data)
        if (jail, ip) == ('t', ODD): t -= found_stamp(s, jail, ip)
        got.append((jail, ip, bantime, count, text, t))
    db.close()
    return sorted(got)
def same_rows(when):
    deadline = time.time() + 5
    while True:
        wrong = []
        for table in ('bans', 'bips'):
            a, b = rows(sides[0], table), rows(sides[1], table)
            keys = lambda r: [x[:5] for x in r]
            if keys(a) != keys(b):
                wrong += [f'{table}: only fail2ban: {x}' for x in keys(a) if x not in keys(b)]
                wrong += [f'{table}: only jailtop: {x}' for x in keys(b) if x not in keys(a)]
                wrong += [f'{table}: {len(a)} rows against {len(b)}'] if len(a) != len(b) else []
            else:
                wrong += [f'{table}: {x[:2]}: times {x[5]} and {y[5]}' for x, y in zip(a, b) if abs(x[5] - y[5]) > 1]
        if not wrong: return
        if time.time() > deadline: fail(f'{when}: rows differ:\n  ' + '\n  '.join(wrong))
        time.sleep(0.2)
steps = 0
def step(what):
    global steps
    settle(what=what); same_rows(what)
    steps += 1
    if os.environ.get('EQUAL_VERBOSE'): print(f'{time.time() - began:5.1f} s  {what}', flush=True)

began = time.time()
try:
    both('start')
    # counting, users, IPv6, whom to ignore, estimates of the rate
    both('log', 't', 'fail 192.0.2.1 u=bob', 'fail 192.0.2.1', 'fail 2001:db8::1', 'fail 2001:DB8:0:0::1', 'fail 192.0.2.200',
         'fail 198.51.100.7', 'fail 2001:db8:1::5', 'fail 192.0.2.2')
    both('log', 'own', 'session aa-1 of 192.0.2.50', 'session aa-1 of 192.0.2.50', 'session bb-2 of 192.0.2.50')
    both('log', 'names', 'fail host.invalid', 'fail 192.0.2.60')
    both('log', 'rot', 'fail 192.0.2.70', 'fail 192.0.2.71')
    step('first lines')
    both('log', 't', 'fail 192.0.2.1', 'fail 2001:db8::1 u=eve', 'fail 192.0.2.2', 'fail 192.0.2.2', 'fail 192.0.2.2')
    step('bans')
    for i, ago in enumerate((1300, 1200, 600, 500, 10)): # 1 2 3 …: scaled down when the first is older than findtime
        both('log', 't', f'fail {ODD}', at=time.time() - ago)
    both('log', 'inc', 'fail 192.0.2.30', 'fail 192.0.2.30', 'fail 2001:db8::30', 'fail 2001:db8::30')
    step('growing: first ban')
    # by hand
    for words in (['set', 't', 'banip', '192.0.2.90', '2001:db8::90'], ['set', 't', 'banip', '192.0.2.90'],
                  ['set', 't', 'unbanip', '192.0.2.2'], ['set', 't', 'attempt', '192.0.2.91', 'x', 'y'],
                  ['set', 't', 'attempt', '192.0.2.91'], ['set', 't', 'attempt', '192.0.2.92', 'one'],
                  ['set', 'inc', 'banip', '192.0.2.31'], ['set', 't', 'banip', '10.9.0.0/16']):
        a, b = (s.run(*words) for s in sides)
        if (a.stdout, a.returncode) != (b.stdout, b.returncode): fail(f'{words}: {a.stdout!r} against {b.stdout!r}')
    step('by hand')
    # banned by two jails: the jail that reads the server's own log
    both('run', 'set', 'names', 'banip', '192.0.2.1')
    step('recidive')
    # rotations: by rename, and by truncation
    for s in sides:
        os.rename(f'{s.d}/rot.log', f'{s.d}/rot.log.1')
    both('log', 'rot', 'fail 192.0.2.72', 'fail 192.0.2.73')
    step('rotated by rename')
    for s in sides: open(f'{s.d}/rot.log', 'w').close()
    time.sleep(2.2)
    both('log', 'rot', 'fail 192.0.2.74')
    step('truncated')
    # growing: the first ban is over: one failure weighs more now, and the next ban is longer
    both('log', 'inc', 'fail 192.0.2.30')
    step('growing: second ban')
    # a reload keeps counts and bans
    both('log', 't', 'fail 192.0.2.15', 'fail 192.0.2.15')
    step('before the reload')
    both('run', 'reload')
    both('log', 't', 'fail 192.0.2.15')
    step('a reload keeps counts')
    both('run', 'set', 't', 'bantime', '7200')
    a, b = (re.sub(r'\S+ \S+ \+', 'AT +', s.run('get', 't', 'banip', '--with-time').stdout.replace('\t', '')) for s in sides)
    shape = lambda text: sorted(re.sub(r'= .*', '', x) for x in text.splitlines())
    if shape(a) != shape(b): fail(f'set bantime on running bans: {shape(a)} against {shape(b)}')
    # a restart: bans come back with their counts, logs go on where they were
    both('stop')
    step('stopped')
    both('log', 't', 'fail 192.0.2.16', 'fail 192.0.2.16', 'fail 192.0.2.16')
    both('start')
    step('restarted')
    for j in ('t', 'inc', 'own', 'names', 'nodns', 'rot', 'rec'):
        a, b = (sorted(s.run('get', j, 'banned').stdout.strip("[]\n").split(', ')) for s in sides)
        if a != b: fail(f'{j}: banned {a} against {b}')
    both('run', 'unban', '--all')
    step('unban --all')
finally:
    for s in sides: s.run('stop')

# ---- where fail2ban itself loses or doubles, jailtop does not ----
def count(s, text): return sum(1 for x in s.lines() if text in x)
for s in sides: # the rest of a log that is renamed while nobody reads it
    s.start()
time.sleep(1)
for s in sides: s.stop()
both('log', 'rot', 'fail 203.0.113.1')
for s in sides: os.rename(f'{s.d}/rot.log', f'{s.d}/rot.log.1')
both('log', 'rot', 'fail 203.0.113.2')
for s in sides: s.start()
deadline = time.time() + 8
while not all(count(s, 'Found 203.0.113.2') for s in sides):
    if time.time() > deadline: fail('the new log is not read after a restart')
    time.sleep(0.1)
time.sleep(0.5)
lost = [count(s, 'Found 203.0.113.1 ') for s in sides]
if lost[1] != 1: fail(f'a line written before a rotation while stopped: found {lost[1]} times')
print(f'a line before a rotation while stopped: fail2ban finds it {lost[0]} times, jailtop once')
# a log that was empty when it was added and is replaced before it was read
for s in sides: s.stop()
for s in sides:
    db = sqlite3.connect(f'{s.d}/db'); db.execute("delete from logs"); db.commit(); db.close()
    open(f'{s.d}/own.log', 'w').close()
    s.start()
for s in sides: os.rename(f'{s.d}/own.log', f'{s.d}/own.old')
both('log', 'own', 'session cc-3 of 203.0.113.3')
deadline = time.time() + 8
while not all(count(s, 'Found cc-3') for s in sides):
    if time.time() > deadline: fail('the log that took the place of an empty one is not read')
    time.sleep(0.1)
both('log', 'own', 'session dd-4 of 203.0.113.3')
while not all(count(s, 'Found dd-4') for s in sides):
    if time.time() > deadline + 6: fail('the log that took the place of an empty one is not followed')
    time.sleep(0.1)
time.sleep(0.3)
twice = [count(s, 'Found cc-3') for s in sides]
if twice[1] != 1: fail(f'a log that took the place of an empty one: found {twice[1]} times')
print(f'a log that takes the place of an empty one: fail2ban reads its line {twice[0]} times, jailtop once')
for s in sides: s.stop()
print(f'{steps} steps equal in {time.time() - began:.0f} s')
