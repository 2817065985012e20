#!/usr/bin/env python3
"""life_cycle.py JAILTOP DIR TEST: how the engine starts, is spoken to, and ends."""
import fcntl, grp, json, os, pwd, signal, socket, stat, subprocess, sys, time
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + "/.."]
from engine import Engine, Wire, main, until
import pickled

def refused(fn, text):
    try: got = fn()
    except (RuntimeError, OSError) as e:
        assert text in str(e), f'{e!r}, not {text!r}'
        return
    raise AssertionError(f'answered {got!r}')

def as_user(uid, gid, groups, fn):
    """fn in a child that is somebody else; what it returns comes back."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups(groups); os.setresgid(gid, gid, gid); os.setresuid(uid, uid, uid)
        try: said = fn()
        except Exception as e: said = f'{type(e).__name__}: {e}'
        os.write(w, json.dumps(said).encode()); os._exit(0)
    os.close(w)
    with os.fdopen(r) as f: said = f.read()
    os.waitpid(pid, 0)
    return json.loads(said)

def monitor(jailtop, d):
    """Members of the group may look, and change nothing; nobody else comes in; root alone at the other socket."""
    nobody, mon, group = pwd.getpwnam('nobody').pw_uid, f'{d}/m', grp.getgrnam('games').gr_gid
    e = Engine(jailtop, d, main=f'monitorsocket = {mon}\nmonitorgroup = games')
    for path in (d, *[d.rsplit('/', n)[0] for n in range(1, d.count('/'))]): os.chmod(path, os.stat(path).st_mode | 0o111)
    e.start()
    e.fail('192.0.2.1'); until(lambda: e.banned() == ['192.0.2.1'], 'a ban')
    s = os.stat(mon)
    assert (stat.S_IMODE(s.st_mode), s.st_gid, s.st_uid) == (0o660, group, 0), s
    assert stat.S_IMODE(os.stat(e.sock).st_mode) & 0o077 == 0
    for gid, groups in ((group, []), (65534, [group])):
        def look():
            w = Wire(mon)
            hello = w.raw({'id': 1, 'hello': {'protocol': 1, 'own': ['203.0.113.77']}})['value']
            said = [hello['write'], w('ping'), w('status', 't')[1][1][2][1], w('get', 't', 'banip', '--with-time')[0][:9]]
            for words in (('set', 't', 'unbanip', '192.0.2.1'), ('unban', '--all'), ('stop',), ('reload', '--all', [], []), ('set', 'loglevel', 'DEBUG'),
                          ('server-stream', [['set', 't', 'maxretry', '9']]), ('multi-set', 't', 'addignoreip', '0.0.0.0/0'), ('flushlogs',), ('repair',)):
                a = w.raw({'id': 1, 'command': words})
                assert a['ok'] is False and a['class'] == 'PermissionError', (words, a)
            w.s.sendall(b'{"id":9,"subscribe":true}\n')
            while b'snapshot_end' not in w.f.readline(): pass
            return said
        said = as_user(nobody, gid, groups, look)
        assert said == [False, 'pong', ['192.0.2.1'], '192.0.2.1'], said
    # its own addresses are not taken: it may not keep somebody from being banned
    held = Wire(mon); held.raw({'id': 1, 'hello': {'protocol': 1, 'own': ['203.0.113.77']}})
    e.fail('203.0.113.77'); until(lambda: '203.0.113.77' in e.banned(), 'a ban that a monitor would not have')
    # the stock protocol reads there, too
    s = socket.socket(socket.AF_UNIX); s.connect(mon)
    for words, code in ((['ping'], 0), (['set', 't', 'maxretry', '9'], 1)):
        reply = pickled.exchange(s, *words)
        assert reply[0] == code, reply
    said = as_user(nobody, 65534, [], lambda: Wire(mon)('ping'))
    assert 'PermissionError' in said, said
    said = as_user(nobody, group, [group], lambda: Wire(e.sock)('ping'))
    assert 'PermissionError' in said, said
    # a crowd of monitors does not push the operator out
    w = e.wire(); w('ping')
    crowd = [Wire(mon) for _ in range(70)]
    for c in crowd:
        try: c('ping')
        except OSError: pass
    assert w('ping') == 'pong'
    e.stop()
    assert not os.path.exists(mon)
    # a file mode that somebody loosened does not let others in
    e.start()
    os.chmod(mon, 0o777); os.chmod(e.sock, 0o777)
    for path in (mon, e.sock):
        said = as_user(nobody, 65534, [], lambda: Wire(path)('ping'))
        assert 'closed' in said or 'reset' in said or 'Broken' in said, said
    e.stop()
    # an unknown group: said, and the engine runs without that socket
    e.write('fail2ban.local', '[Definition]\nmonitorgroup = nosuchgroup\n')
    e.start()
    assert not os.path.exists(mon) and "there is no group 'nosuchgroup'" in e.told()
    e.stop()
    # off unless asked for
    e.write('fail2ban.local', '[Definition]\nmonitorsocket =\n')
    e.start()
    assert not os.path.exists(mon)
    e.stop()

def activation(jailtop, d):
    """Sockets that listen already are taken, and left; readiness and the end are told."""
    e = Engine(jailtop, d)
    def listening(path):
        s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(5)
        return s
    main_sock, mon = listening(e.sock), listening(f'{d}/m')
    early = Wire(e.sock) # before the engine is there
    early.s.sendall(b'{"id":7,"command":["ping"]}\n')
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); notify.bind(f'{d}/n'); notify.settimeout(20)
    r, w = os.pipe()
    fds = [main_sock.fileno(), mon.fileno()]
    pid = os.fork()
    if pid == 0:
        os.dup2(fds[0], 50); os.dup2(fds[1], 51); os.dup2(50, 3); os.dup2(51, 4); os.close(50); os.close(51)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2', LISTEN_FDNAMES='jailtop.socket:monitor', NOTIFY_SOCKET=f'{d}/n')
        os.execv(jailtop, [jailtop, 'server', '-c', e.conf])
    said = notify.recv(4096).decode().split('\n')
    assert 'READY=1' in said and 'STATUS=1 jail(s)' in said, said
    assert json.loads(early.f.readline()) == {'id': 7, 'ok': True, 'value': 'pong'}
    assert e.ask('get', 't', 'maxretry') == 1 # it was ready when it said so
    assert Wire(f'{d}/m').raw({'id': 1, 'command': ['stop']})['class'] == 'PermissionError'
    e.fail('192.0.2.1')
    until(lambda: 'ban 192.0.2.1' in e.acts(), 'a ban')
    # what an action sees of it: neither the sockets nor their names
    e.ask('set', 't', 'addaction', 'look')
    e.ask('set', 't', 'action', 'look', 'actionban', f'ls -l /proc/self/fd >{d}/fds; env >{d}/env')
    e.fail('192.0.2.2')
    until(lambda: os.path.exists(f'{d}/env') and os.path.getsize(f'{d}/env'), 'the action')
    assert 'LISTEN_FDS' not in open(f'{d}/env').read() and 'socket:' not in open(f'{d}/fds').read(), open(f'{d}/fds').read()
    assert Wire(e.sock)('stop') is None
    assert 'STOPPING=1' in notify.recv(4096).decode()
    assert os.waitpid(pid, 0)[1] == 0
    assert os.path.exists(e.sock) and os.path.exists(f'{d}/m') # they are somebody else's

def signals(jailtop, d):
    """TERM and INT end it, HUP and USR1 open the log anew, the files go."""
    e = Engine(jailtop, d)
    for number in (signal.SIGHUP, signal.SIGUSR1):
        e.start()
        os.rename(e.flog, f'{e.flog}.1')
        os.kill(e.proc.pid, number)
        until(lambda: os.path.exists(e.flog) and 'rollover performed on' in open(e.flog).read(), f'{number.name} opens the log anew')
        e.fail('192.0.2.%d' % number); until(lambda: f'Ban 192.0.2.{number:d}' in e.told(), 'a ban in the new file')
        assert e.stop() == 0
    for number in (signal.SIGTERM, signal.SIGINT):
        e.start()
        assert open(f'{d}/pid').read() == f'{e.proc.pid}\n'
        assert all(stat.S_IMODE(os.stat(f).st_mode) == 0o600 for f in (f'{d}/pid', e.db, e.flog))
        os.kill(e.proc.pid, number)
        assert e.proc.wait(15) == 0
        assert not os.path.exists(f'{d}/pid') and not os.path.exists(e.sock)

def second(jailtop, d):
    """While one runs a second one is refused with its pid, in the foreground and in the background; after a kill not."""
    e = Engine(jailtop, d)
    e.start()
    pid = str(e.proc.pid)
    for option in ('-f', '-b'):
        r = subprocess.run([jailtop, 'server', '-c', e.conf, option], capture_output=True, text=True, timeout=30)
        assert r.returncode == 255 and 'already running' in r.stderr, r
        r = subprocess.run([jailtop, 'server', '-c', e.conf, option, '-s', f'{d}/other'], capture_output=True, text=True, timeout=30)
        assert r.returncode == 255 and f'already running with pid {pid}' in r.stderr, r
    assert e.ask('ping') == 'pong'
    e.kill()
    assert os.path.exists(e.sock) and os.path.exists(f'{d}/pid') # left behind
    r = subprocess.run([jailtop, 'server', '-c', e.conf, '-b'], capture_output=True, text=True, timeout=30)
    assert r.returncode == 0, r
    assert e.ask('ping') == 'pong'
    assert open(f'{d}/pid').read().strip() != pid
    e.ask('stop')
    until(lambda: not os.path.exists(f'{d}/pid'), 'its end')

def taken(jailtop, d):
    """What is no socket is not taken away for one."""
    e = Engine(jailtop, d)
    e.write('../s', 'mine\n')
    r = subprocess.run([jailtop, 'server', '-c', e.conf], capture_output=True, text=True, timeout=30)
    assert r.returncode == 255 and 'is no socket' in r.stderr, r
    assert open(e.sock).read() == 'mine\n'

def clients(jailtop, d):
    """Clients that do not read, ask too much, or stop in the middle: they are cut off; nobody else notices."""
    import pickle
    end = b'<F2B_END_COMMAND>'
    e = Engine(jailtop, d, action=False)
    e.start()
    size = lambda: int(open(f'/proc/{e.proc.pid}/statm').read().split()[1]) * 4096
    def connect():
        s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(e.sock)
        return s
    def is_cut(s):
        try:
            while s.recv(1 << 20): pass
            return True
        except (ConnectionError, BrokenPipeError): return True
    def send(s, data):
        try: s.sendall(data)
        except (ConnectionError, BrokenPipeError): pass
    # a screen that is stopped while 5,000 are banned: it loses events, is told so, and catches up
    screen = connect(); screen.sendall(b'{"id":1,"subscribe":true}\n')
    for i in range(5000): e.fail(f'10.1.{i // 250}.{i % 250}')
    until(lambda: len(e.banned()) == 5000, '5,000 bans beside a screen that does not read', 90)
    e.fail('192.0.2.1'); until(lambda: '192.0.2.1' in e.banned(), 'a ban', 5)
    f, bans, whole = screen.makefile('rb'), set(), False
    while not (whole and '192.0.2.1' in bans): # an event of it, or a new snapshot
        m = json.loads(f.readline())
        if isinstance(m.get('bans'), list): bans.update(b['ip'] for b in m['bans'])
        if m.get('ev') == 'ban': bans.add(m['ip'])
        whole = whole or 'snapshot_end' in m
    screen.close()
    # one that asks and asks, and reads nothing
    before = size()
    greedy = connect(); greedy.setblocking(False)
    request = pickle.dumps(['banned']) + end
    try:
        for _ in range(3000): greedy.send(request)
    except (BlockingIOError, ConnectionError, BrokenPipeError): pass
    assert e.ask('ping') == 'pong'
    until(lambda: e.ask('ping') == 'pong', 'an answer for others', 5)
    assert size() - before < 200 << 20, size() - before
    greedy.close()
    # too large, in both languages
    s = connect(); send(s, b'{"command":["echo","' + b'x' * (300 << 10)); assert is_cut(s)
    s = connect()
    for _ in range(80):
        send(s, b'\x80\x02X' + b'\xff\xff\xff\x7f' + b'x' * (1 << 20))
    assert is_cut(s)
    # in the middle of a request
    for part in (b'{"command":["pi', b'\x80\x02]U\x04pi', b'\x80', b'{'):
        s = connect(); s.sendall(part); s.close()
    # a name as long as it may be; one nobody can have
    w = e.wire()
    for name in ('x' * 200000, '\x00', '\ud800', '../../etc', '[t]', '%s%n', ''):
        try: w('status', name)
        except RuntimeError: pass
    assert w('ping') == 'pong' and len(e.banned()) == 5001
    e.stop()

main(globals())
