#!/usr/bin/python3
"""sessions.py JAILTOP DIR [SEED [COUNT]]: a session of commands and log lines in the same order on fail2ban's server and
on jailtop's. After each step both have the same answer, and come to the same jails, bans and commands of actions; at the
end to the same rows and the same lines in their logs. Without SEED: the steps below, each of which once differed. With
SEED: COUNT random steps (by hand: what an operator would not notice may differ there, see `random_step`).
"""
import ast, difflib, os, random, re, sqlite3, subprocess, sys, time
sys.path.insert(0, '/usr/lib/python3/dist-packages')
from fail2ban.client.csocket import CSocket

jailtop, base = sys.argv[1:3]
JAILS = 'abcde'
STEPS = [
    # banned twice in one breath: nothing is prolonged, and the ban follows the jail's time
    ['set', 'a', 'banip', '192.0.2.5', '192.0.2.5'], ['set', 'a', 'bantime', '600'],
    # who is banned by hand keeps his failures
    ['LOG', 'a', 'fail 192.0.2.20'], ['set', 'a', 'banip', '192.0.2.20'], ['set', 'a', 'unbanip', '192.0.2.20'],
    # what an action is told of a ban whose jail's time changed
    ['set', 'a', 'banip', '192.0.2.6'], ['set', 'a', 'bantime', '-1'], ['set', 'a', 'unbanip', '192.0.2.6'], ['set', 'a', 'bantime', '1h'],
    # bantime.overalljails: the time grows with the bans of all jails, a failure weighs by those of its own
    ['LOG', 'c', 'fail 192.0.2.21'], ['LOG', 'd', 'fail 192.0.2.21'],
    # what is written while a jail is idle
    ['set', 'a', 'idle', 'on'], ['LATER', 'a', 'fail 192.0.2.22', 'fail 192.0.2.22'], ['set', 'a', 'idle', 'off'], ['LOG', 'a', 'fail 192.0.2.23'],
    # errors as the log has them; the lines of starts, reloads, flushes
    ['set', 'a', 'unbanip', '--report-absent', '192.0.2.99'], ['set', 'nosuch', 'bantime', '5'], ['set', 'a', 'action', "it's", 'actionban', 'x'],
    ['set', 'b', 'bantime.factor', '2'], ['set', 'b', 'bantime.multipliers', ''], ['flushlogs'], ['set', 'a', 'addlogpath', '@D@/x.log', 'tail'],
    ['LOG', 'x', 'fail 2001:db8::1 u=eve'], ['set', 'a', 'dellogpath', '@D@/x.log'], ['CLI', 'reload', 'a'], ['CLI', 'restart', 'd'],
    ['set', 'b', 'banip', '2001:db8::5'], ['CLI', 'reload', '--unban'], ['set', 'e', 'banip', '192.0.2.30', '203.0.113.0/29'], ['stop', 'e'],
    ['LOG', 'c', 'fail 192.0.2.24', 'fail 2001:db8::7'], ['unban', '192.0.2.24'], ['unban', '--all'],
]

class Side:
    def __init__(self, name, client):
        self.name, self.d, self.client, self.socket = name, f'{base}/{name}', client, None
        d = self.d
        os.makedirs(f'{d}/c/filter.d'); os.makedirs(f'{d}/c/action.d')
        def write(path, text):
            with open(f'{d}/c/{path}', 'w') as f: f.write(text)
        def action(verb, more=''): return f'action{verb} = printf "%%s\\n" "{verb} <actname> {more}" >> {d}/out.<jn>.<actname>\n'
        write('fail2ban.conf', f'[Definition]\nloglevel=INFO\nlogtarget={d}/log\nsyslogsocket=auto\nsocket={d}/s\npidfile={d}/p\n'
              f'dbfile={d}/db\ndbpurgeage=1d\nallowipv6=auto\n')
        write('filter.d/t.conf', '[Definition]\nfailregex = ^\\s*fail <HOST>(?: u=<F-USER>\\S+</F-USER>)?(?: m=<F-MSG>.+</F-MSG>)?$\n')
        write('action.d/rec.conf', '[Definition]\n' + action('start') + action('stop') + action('reload') +
              action('ban', '<ip> <fid> <family> <ip-rev> f=<failures> b=<bantime> n=<bancount> r=<restored> u=<F-USER> m=<F-MSG> <tag> <matches>') +
              action('unban', '<ip> <family> f=<failures> b=<bantime> n=<bancount> r=<restored> <tag>') + '[Init]\ntag = none\n')
        write('action.d/fam.conf', '[Definition]\n' + ''.join(action(v, '<fam>') for v in ('start', 'stop', 'flush')) +
              action('ban', '<ip> <fam> b=<bantime>') + action('unban', '<ip> <fam>') + action('reban', '<ip>') +
              '[Init]\nfam = 4\n[Init?family=inet6]\nfam = 6\n')
        write('action.d/nor.conf', '[Definition]\nnorestored = 1\n' + action('start') + action('stop') + action('ban', '<ip> <restored>') + action('unban', '<ip>'))
        write('jail.conf', f'''[DEFAULT]
enabled = true
ignoreself = false
backend = polling
maxretry = 2
findtime = 10m
bantime = 1h
usedns = no
filter = t
logpath = {d}/%(__name__)s.log
[a]
action = rec[jn=a, tag=one]
         rec[jn=a, actname=second, tag=two]
[b]
action = rec[jn=b]
         fam[jn=b]
bantime.increment = true
bantime.factor = 2
bantime = 10m
[c]
action = fam[jn=c]
         nor[jn=c]
maxretry = 1
[d]
action = rec[jn=d]
ignoreip = 192.0.2.100 198.51.100.0/24 2001:db8:1::/48
ignorecommand = case <ip> in 192.0.2.7) exit 0;; esac; exit 1
bantime.increment = true
bantime.multipliers = 1 5 30
bantime.overalljails = true
bantime.maxtime = 1d
[e]
action = nor[jn=e]
maxretry = 3
bantime = -1
usedns = raw
''')
        for j in JAILS + 'x':
            with open(f'{d}/{j}.log', 'w') as f: f.write(begun + f' first line of {j}\n')
        self.cli('start')
    def mask(self, text):
        text = re.sub(r'\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d([,.]\d+)?', 'TIME', text.replace(self.d, '@D@'))
        return re.sub(r'\[\d{3,}\]', '[PID]', text)
    def cli(self, *words):
        self.socket = None
        r = subprocess.run([*self.client, '-c', f'{self.d}/c', *words], capture_output=True, text=True, timeout=120)
        return repr((r.returncode, self.mask(r.stdout), self.mask(re.sub(r'^\S+ \S+ fail2ban.*?\]: ', '', r.stderr, flags=re.M))))
    def ask(self, words):
        if words[0] == 'CLI': return self.cli(*words[1:])
        try:
            if self.socket is None: self.socket = CSocket(f'{self.d}/s', timeout=60)
            a = self.socket.send([w.replace('@D@', self.d) for w in words])
        except Exception as e:
            self.socket = None
            return f'no answer: {e!r}'
        if isinstance(a, (tuple, list)) and len(a) == 2 and isinstance(a[1], Exception): a = (a[0], type(a[1]).__name__, a[1].args)
        return self.mask(repr(a))
    def told(self): return self.mask(open(f'{self.d}/log', errors='replace').read()).splitlines()
    def judged(self): return sum(1 for l in self.told() if re.search(r'\] (Found \S+ - |Ignore )', l))
    def state(self):
        """What an operator sees: jails, bans, and what the actions did; in which order a stop unbans is nobody's promise, nor
        is how far the observer has come with a ban time when the first action runs."""
        jails = ast.literal_eval(self.ask(['status']))[1][1][1].split(', ')
        seen = {'jails': jails}
        for j in filter(None, jails):
            status = self.ask(['status', j])
            if j in 'bd': status = re.sub(r"'Total failed', \d+", '', status) # the observer counts there, too
            seen[j] = [status, sorted(ast.literal_eval(self.ask(['get', j, 'banip', '--with-time']))[1]), self.ask(['get', j, 'banned'])]
        for f in sorted(os.listdir(self.d)):
            if not f.startswith('out.'): continue
            out, run = [], []
            for l in self.mask(open(f'{self.d}/{f}').read()).split('\n'):
                if f[4] in 'bd': l = re.sub(r' [bnr]=-?\d+', '', l)
                if l.startswith('unban'): run.append(l)
                else: out, run = out + sorted(run) + [l], []
            seen[f] = out + sorted(run)
        return seen
    def rows(self, query):
        db = sqlite3.connect(f'file:{self.d}/db?mode=ro', uri=True)
        try: return sorted(self.mask(repr(row)) for row in db.execute(query))
        finally: db.close()

# which server it is, which threads it has; what only one of them says
OWN_LINES = r'Starting|Daemon started|Observer|Exiting|Stopping all jails|New database|pyinotify|already banned|Unable to find a corresponding|Removed logfile'
wrong = []
def differ(what, a, b):
    if a != b:
        a, b = ([str(x) for x in (y if isinstance(y, list) else [y])] for y in (a, b))
        wrong.append(f'{what}\n' + '\n'.join('    ' + x[:300] for x in list(difflib.unified_diff(a, b, 'fail2ban', 'jailtop', lineterm='', n=0))[:40]))
    return a != b
def settle(what):
    deadline, last = time.time() + 30, None
    while True:
        a, b = (s.state() for s in sides)
        if a == b == last: return True
        last = a
        if time.time() > deadline:
            for k in sorted(set(a) | set(b)): differ(f'{what}: {k}', a.get(k), b.get(k))
            return False
        time.sleep(0.1)
lines = 0
def write_lines(jail, texts):
    global lines
    stamp = time.strftime('%F %T')
    for s in sides:
        with open(f'{s.d}/{jail}.log', 'a') as f: f.writelines(f'{stamp} {t}\n' for t in texts)
    lines += len(texts)
def read():
    deadline = time.time() + 30
    while not all(s.judged() >= lines for s in sides) and time.time() < deadline: time.sleep(0.1)
def step(words):
    if words[0] in ('LOG', 'LATER'):
        write_lines(words[1], words[2:])
        if words[0] == 'LOG': read()
        return words[0] == 'LATER' or settle(words)
    a, b = (s.ask(words) for s in sides)
    if any('ignoreip' in w for w in words): a, b = (sorted(re.findall(r"'[^']*'|\d+", x)) for x in (a, b)) # a set in Python: in any order
    differ(str(words), a, b)
    return settle(words)

def random_step(r):
    """Left out, because there fail2ban has its own way: names in jails with families, a few truths of Python."""
    ips = [f'192.0.2.{i}' for i in range(3, 12)] + ['192.0.2.100', '198.51.100.3', '2001:db8::1', '2001:DB8:0::2', '2001:db8:1::5', '::ffff:192.0.2.3', '203.0.113.2']
    ip, net = (lambda: r.choice(ips)), (lambda: r.choice(ips + ['203.0.113.0/29', '2001:db8:5::/64']))
    j = r.choice(JAILS)
    some = lambda f: [f() for _ in range(r.randint(1, 3))]
    return r.choice([
        lambda: ['set', j, 'banip', *some(net)], lambda: ['set', j, 'unbanip', *some(net)], lambda: ['unban', r.choice(['--all', ip()])],
        lambda: ['LOG', r.choice('abc'), *[f'fail {ip()}{r.choice(["", " u=bob", " u=eve m=$(x) `y`"])}' for _ in range(3)]],
        lambda: ['LOG', r.choice('abc'), f'fail {ip()}'], lambda: ['set', j, 'attempt', ip(), 'x', 'y'],
        lambda: ['set', j, 'addignoreip', r.choice([ip(), '192.0.2.0/24', '::/0', 'localhost'])], lambda: ['set', j, 'delignoreip', r.choice([ip(), '192.0.2.0/24'])],
        lambda: ['set', j, r.choice(['bantime', 'findtime']), r.choice(['600', '1h', '1d 12h', 'x', '20m'])], lambda: ['set', j, 'maxretry', r.choice('1235')],
        lambda: ['set', 'b', *r.choice([['bantime.factor', '3*2'], ['bantime.formula', 'ban.Time + 60 * ban.Count ** 2'], ['bantime.maxtime', '2000'], ['bantime.multipliers', '1 2 4']])],
        lambda: ['set', j, 'addfailregex', '^\\s*bad <HOST>$'], lambda: ['set', j, 'delfailregex', '1'], lambda: ['flushlogs'],
        lambda: ['CLI', 'reload', *r.choice([[], ['--unban'], ['--restart'], ['--if-exists', j], [j], ['--all']])], lambda: ['CLI', 'restart', *r.choice([[], [j]])],
        lambda: ['banned', *some(ip)], lambda: ['get', j, r.choice(['failregex', 'ignoreip', 'actions', 'logpath', 'bantime.formula', 'ignorecommand'])],
    ])()

begun = time.strftime('%F %T')
sides = [Side('f', ['fail2ban-client']), Side('j', [jailtop, 'client'])]
count = 0
try:
    seed = random.Random(int(sys.argv[3])) if len(sys.argv) > 3 else None
    went = settle('the start')
    for words in STEPS if seed is None else (random_step(seed) for _ in range(int(sys.argv[4]) if len(sys.argv) > 4 else 100)):
        if not went: break
        if os.environ.get('VERBOSE'): print(words, flush=True)
        went = step(words)
        count += 1
    if went:
        differ('stop', *(s.cli('stop') for s in sides))
        deadline = time.time() + 30
        while any(os.path.exists(f'{s.d}/p') for s in sides) and time.time() < deadline: time.sleep(0.05)
        for query in ('select jail, ip, bantime, bancount, cast(data as text) from bans', 'select jail, ip, bantime, bancount, cast(data as text) from bips',
                      'select name, enabled from jails', 'select jail, path, firstlinemd5, lastfilepos from logs'):
            differ(query, *(s.rows(query) for s in sides))
        differ('the logs', *(sorted(re.sub(r'^TIME', '', l) for l in s.told() if not re.search(OWN_LINES, l)) for s in sides))
finally:
    for s in sides: s.cli('stop')
print('\n'.join(wrong))
print(f'{count} steps, {len(wrong)} differences')
sys.exit(bool(wrong))
