#!/usr/bin/env python3
"""state.py JAILTOP DIR TEST: the engine's state over kills and broken databases."""
import glob, os, subprocess, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine import Engine, main, until

def parked(jailtop, d):
    """Whoever waits for ignorecommand at the kill is asked about again, once, and none of his lines counts twice."""
    gate = f'{d}/gate'
    e = Engine(jailtop, d, jail=f'''maxretry = 2
ignorecommand = case <ip> in 192.0.2.9) exit 0;; 192.0.2.200) exit 1;; esac; while [ ! -e {gate} ]; do sleep 0.05; done; exit 1
''')
    e.start()
    for ip in ('192.0.2.1', '192.0.2.2', '192.0.2.2'): e.fail(ip)
    until(lambda: len(e.rows("select name from sqlite_master where name = 'jailtopParked'")) == 1 and
          len(e.rows('select * from jailtopParked')) == 3, 'three are parked')
    # another address is banned meanwhile: its lines, behind those of the parked ones, are not read again
    e.fail('192.0.2.200', 2)
    until(lambda: e.banned() == ['192.0.2.200'], 'a ban beside the parked ones')
    e.kill()
    open(gate, 'w').close()
    e.start()
    until(lambda: e.banned() == ['192.0.2.2', '192.0.2.200'], 'the parked ones are back')
    until(lambda: not e.rows('select * from jailtopParked'), 'nobody waits')
    assert e.ask('status', 't')[0][1][0][1] == 1, e.ask('status', 't') # 192.0.2.1 has one failure
    e.fail('192.0.2.1')
    until(lambda: '192.0.2.1' in e.banned(), 'its second failure')
    assert e.rows("select count(*) from bans where ip = '192.0.2.2'") == [(1,)]
    # an orderly stop does not wait for the command, and does not forget either
    os.unlink(gate)
    e.fail('192.0.2.3', 2)
    until(lambda: len(e.rows('select * from jailtopParked')) == 2, 'two are parked')
    began = time.time()
    e.stop()
    took = time.time() - began
    assert took < 10, f'the stop took {took:.1f} s'
    open(gate, 'w').close()
    e.start()
    until(lambda: '192.0.2.3' in e.banned(), 'parked over a stop')
    e.stop()

def crowd(jailtop, d):
    """Some hundred failures at once do not become as many processes; each is asked about, and counted."""
    e = Engine(jailtop, d, action=False, jail=f'ignorecommand = echo + >>{d}/asked; sleep 0.02; echo - >>{d}/asked; case <ip> in *7) exit 0;; esac; exit 1')
    e.start()
    for i in range(200): e.fail(f'198.51.100.{i}')
    want = sorted(f'198.51.100.{i}' for i in range(200) if i % 10 != 7)
    until(lambda: e.banned() == want, 'all but the ignored ones', 60)
    now = most = 0
    for line in open(f'{d}/asked'):
        now += 1 if line == '+\n' else -1
        most = max(most, now)
    assert 1 < most <= 16, most
    until(lambda: not e.rows('select * from jailtopParked'), 'nobody waits')
    e.stop()
    return f'{most} at a time'

def tags(jailtop, d):
    """ignorecommand has an action's tags, also between single quotes; what a log brings is no shell text."""
    e = Engine(jailtop, d, jail=f"""maxretry = 9
ignorecommand = printf '%%s\\n' '<ip>' "<fid>" '<family>' <F-USER> "<matches>" '<failures>' <ip-rev> '<F-NONE>' >>{d}/asked; exit 1
ignorecache = key="<fid>-<F-USER>", max-time=1h
""")
    e.write('filter.d/t.conf', '[Definition]\nfailregex = ^\\s*fail <HOST> <F-USER>.*</F-USER>$\n')
    e.start()
    hostile = f"$(touch {d}/owned);`id`'\";"
    for ip, user in (('192.0.2.1', 'bob'), ('2001:db8::1', hostile), ('192.0.2.1', 'bob')):
        e.fail(f'{ip} {user}')
        until(lambda: e.ask('status', 't')[0][1][1][1] >= (2 if ip[0] == '2' else 1), 'counted')
    until(lambda: e.ask('status', 't')[0][1][1][1] == 3, 'the third, whose verdict was known')
    got = open(f'{d}/asked').read().split('\n')
    assert got[:4] == ['192.0.2.1', '192.0.2.1', 'inet4', 'bob'] and got[4].endswith('fail 192.0.2.1 bob'), got
    assert got[5:8] == ['0', '1.2.0.192.', ''], got
    assert got[8:11] == ['2001:db8::1', '2001:db8::1', 'inet6'] and got[-2] == '', got
    assert any(line.endswith('fail 2001:db8::1 ' + hostile) for line in got), got
    assert sum(line == '192.0.2.1' for line in got) == 2 and not os.path.exists(f'{d}/owned'), got
    e.stop()

def database(jailtop, d):
    """A disk that is full, one that is read-only, a file that is no database: banning goes on, it is said, and what can
    be kept is kept. In a mount namespace of its own."""
    small = f'{d}/small'
    os.makedirs(small)
    mount = lambda *words: subprocess.run(['mount', *words], check=True)
    mount('--make-rprivate', '/')
    mount('-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', small)
    e = Engine(jailtop, d, action=False, main='')
    e.write('fail2ban.local', f'[Definition]\ndbfile = {small}/db\n'); e.db = f'{small}/db'
    e.start()
    e.fail('192.0.2.1'); until(lambda: e.banned() == ['192.0.2.1'], 'a ban')
    with open(f'{small}/fill', 'wb', buffering=0) as f:
        try:
            while f.write(bytes(4096)): pass
        except OSError: pass
    for i in range(2, 200): e.fail(f'192.0.2.{i}')
    until(lambda: len(e.banned()) == 199, 'bans while the disk is full')
    until(lambda: 'disk full. Bans are kept in memory' in e.told(), 'it is said in the log')
    with e.wire() as w: # and to screens
        w.s.sendall(b'{"id":1,"subscribe":true}\n')
        while b'"db":"fail"' not in w.f.readline(): pass
    os.unlink(f'{small}/fill')
    e.stop() # there is room again
    assert e.rows('select count(*) from bips') == [(199,)], e.rows('select count(*) from bips')
    mount('-o', 'remount,ro', small)
    e.start()
    assert len(e.banned()) == 199
    e.fail('198.51.100.1'); until(lambda: '198.51.100.1' in e.banned(), 'a ban beside a read-only database')
    assert 'read-only. Bans are kept in memory' in e.told()
    mount('-o', 'remount,rw', small)
    e.stop()
    assert e.rows("select count(*) from bips where ip = '198.51.100.1'") == [(1,)]
    with open(e.db, 'r+b') as f: f.write(b'this is no database, whatever it was')
    e.start()
    e.fail('198.51.100.2'); until(lambda: '198.51.100.2' in e.banned(), 'a ban with a new database')
    assert 'Corrupt database set aside' in e.told() and len([f for f in glob.glob(f'{e.db}.2*') if f[-1].isdigit()]) == 1, glob.glob(f'{small}/*')
    e.stop()
    assert e.rows("select count(*) from bips where ip = '198.51.100.2'") == [(1,)]
    os.unlink(e.db); os.makedirs(e.db) # a folder
    e.start()
    e.fail('198.51.100.3'); until(lambda: '198.51.100.3' in e.banned(), 'a ban without a database')
    e.stop()

def restored(jailtop, d):
    """Whom the ignorecommand ignores by now is not banned by a ban of before, nor is one of this host's own addresses."""
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True) # of this namespace
    e = Engine(jailtop, d)
    e.start()
    for ip in ('127.0.0.1', '192.0.2.3', '192.0.2.4', '2001:db8::1'): e.fail(ip)
    until(lambda: len(e.acts()) == 4, 'four bans')
    e.stop()
    e.write('jail.local', '[t]\nignoreself = true\nignorecommand = case <ip> in 192.0.2.3|2001:*) exit 0;; esac; exit 1\n')
    e.start()
    until(lambda: e.banned() == ['192.0.2.4'], 'one ban is left')
    told = e.told()
    for ip, why in (('192.0.2.3', 'command'), ('2001:db8::1', 'command'), ('127.0.0.1', 'ignoreself rule')):
        assert f'[t] Ignore {ip} by {why}' in told, ip
    until(lambda: 'unban 192.0.2.3' in e.acts()[8:] and 'unban 2001:db8::1' in e.acts()[8:], 'their rules are gone')
    assert e.ask('status', 't')[0][1][1][1] == 0 # nothing of it is a failure
    e.stop()

def idle(jailtop, d):
    """What is written while a jail is idle is read when it is no more, once; with and without a database; over a rotation."""
    for n, db in enumerate((f'{d}/idle.db', 'None')):
        os.makedirs(f'{d}/{n}')
        e = Engine(jailtop, f'{d}/{n}', action=False, jail='maxretry = 2')
        e.write('fail2ban.local', f'[Definition]\ndbfile = {db}\n')
        e.start()
        total = lambda: e.ask('status', 't')[0][1][1][1]
        e.fail('192.0.2.1'); until(lambda: total() == 1, 'a failure')
        e.ask('set', 't', 'idle', 'on')
        e.fail('192.0.2.1'); e.fail('198.51.100.2')
        os.rename(e.log, e.log + '.1')
        e.fail('198.51.100.3')
        assert e.ask('get', 't', 'logpath') == [e.log]
        e.ask('set', 't', 'idle', 'off')
        e.fail('198.51.100.4')
        until(lambda: total() == 5, 'all five')
        assert e.banned() == ['192.0.2.1']
        e.ask('set', 't', 'idle', 'on'); e.fail('198.51.100.4')
        e.ask('reload', 't', [], [['add', 't', 'auto'], ['set', 't', 'addfailregex', r'^\s*fail <HOST>$'], ['set', 't', 'ignoreself', False],
              ['set', 't', 'maxretry', 2], ['set', 't', 'addlogpath', e.log, 'head'], ['start', 't']])
        until(lambda: e.banned() == ['192.0.2.1', '198.51.100.4'], 'a reload ends it')
        assert total() == 6
        e.stop()

main(globals())
