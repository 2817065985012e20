"""engine.py: an engine of its own for a test in Python: its folder, its process, its socket. Needs no root.

    e = Engine(jailtop, folder, main='…', jail='…')   writes a configuration with the one jail `t`
    e.start(); e.ask('status', 't'); e.fail('192.0.2.1'); e.kill(); e.stop()
"""
import json, os, re, signal, socket, sqlite3, subprocess, sys, time

def until(test, what, seconds=15):
    end = time.time() + seconds
    while True:
        got = test()
        if got: return got
        if time.time() > end: raise AssertionError(f'not in {seconds} s: {what}')
        time.sleep(0.01)

class Wire:
    """JSON lines, one answer for each command."""
    def __init__(self, path, timeout=20):
        self.s = socket.socket(socket.AF_UNIX); self.s.settimeout(timeout); self.s.connect(path)
        self.f = self.s.makefile('rb')
    def __enter__(self): return self
    def __exit__(self, *what): self.s.close()
    def raw(self, message):
        self.s.sendall(message if isinstance(message, bytes) else json.dumps(message).encode() + b'\n')
        line = self.f.readline()
        if not line: raise ConnectionError('closed')
        return json.loads(line)
    def __call__(self, *words):
        a = self.raw({'id': 1, 'command': words})
        if not a.get('ok'): raise RuntimeError(f'{a["class"]}: {a["error"]}')
        return a['value']

class Engine:
    def __init__(self, jailtop, d, main='', jail='', action=True):
        self.jailtop, self.d, self.proc = jailtop, d, None
        self.conf, self.log, self.sock, self.flog, self.db = f'{d}/c', f'{d}/t.log', f'{d}/s', f'{d}/f2b.log', f'{d}/db'
        os.makedirs(f'{self.conf}/filter.d'); os.makedirs(f'{self.conf}/action.d')
        self.write('fail2ban.conf', f'''[Definition]
loglevel = INFO
logtarget = {self.flog}
syslogsocket = auto
socket = {self.sock}
pidfile = {d}/pid
dbfile = {self.db}
dbpurgeage = 1d
allowipv6 = yes
{main}
''')
        self.write('filter.d/t.conf', '[Definition]\nfailregex = ^\\s*fail <HOST>$\n')
        self.write('action.d/rec.conf', f'[Definition]\nactionban = echo "ban <ip>" >>{d}/acts\nactionunban = echo "unban <ip>" >>{d}/acts\n')
        self.write('jail.conf', f'''[t]
enabled = true
ignoreself = false
filter = t
backend = auto
usedns = no
maxretry = 1
findtime = 600
bantime = 3600
action = {'rec' if action else ''}
logpath = {self.log}
''')
        self.write('jail.local', f'[t]\n{jail}\n')
        open(self.log, 'w').close()
    def write(self, name, text):
        with open(f'{self.conf}/{name}', 'w') as f: f.write(text)
    def start(self, *options, env=None, **kw):
        self.seen = os.path.getsize(self.flog) if os.path.exists(self.flog) else 0
        self.proc = subprocess.Popen([self.jailtop, 'server', '-c', self.conf, *options], stdout=subprocess.DEVNULL,
                                     stderr=open(f'{self.d}/err', 'a'), env={**os.environ, **(env or {})}, **kw)
        return self.wait()
    def wait(self):
        def answers():
            if self.proc and self.proc.poll() is not None: raise AssertionError(f'the engine ended with {self.proc.returncode}')
            try: return self.wire()('get', 'loglevel') and self.is_up()
            except (OSError, ValueError): return False
        until(answers, 'the engine answers')
        return self
    def is_up(self):
        return 'Server ready' in self.told()[self.seen:] if os.path.exists(self.flog) else True
    def wire(self): return Wire(self.sock)
    def ask(self, *words): return self.wire()(*words)
    def kill(self):
        self.proc.kill(); self.proc.wait(); self.proc = None
    def stop(self, seconds=90):
        self.proc.terminate()
        rc = self.proc.wait(seconds); self.proc = None
        return rc
    def fail(self, ip, times=1):
        with open(self.log, 'a') as f:
            for _ in range(times): f.write(f'{time.strftime("%Y-%m-%d %H:%M:%S")} fail {ip}\n')
    def told(self): return open(self.flog, errors='replace').read()
    def rows(self, sql, *args):
        db = sqlite3.connect(f'file:{self.db}?mode=ro', uri=True, timeout=5)
        try: return db.execute(sql, args).fetchall()
        finally: db.close()
    def banned(self): return sorted(self.ask('get', 't', 'banned'))
    def acts(self):
        try: return open(f'{self.d}/acts').read().split('\n')[:-1]
        except FileNotFoundError: return []

def main(tests):
    """NAME.py JAILTOP DIR TEST: runs the function; what failed comes with the end of the engine's log."""
    jailtop, d, name = sys.argv[1:4]
    os.makedirs(d, exist_ok=True)
    failed = True
    try:
        print(tests[name](jailtop, d) or 'ok')
        failed = False
    except BaseException:
        import traceback
        traceback.print_exc(file=sys.stdout)
        for f in (f'{d}/f2b.log', f'{d}/err'):
            if os.path.exists(f): print(f'--- {f}\n' + ''.join(open(f, errors='replace').readlines()[-20:]))
    for pid in started(d):
        try: os.kill(pid, signal.SIGKILL)
        except OSError: pass
    sys.stdout.flush()
    os._exit(failed)

def started(d):
    """Engines that the test left behind: those whose pid file is in its folder."""
    for root, _, files in os.walk(d):
        if 'pid' in files:
            try: pid = int(open(f'{root}/pid').read())
            except ValueError: continue
            try: exe = open(f'/proc/{pid}/cmdline', 'rb').read()
            except OSError: continue
            if d.encode() in exe: yield pid
