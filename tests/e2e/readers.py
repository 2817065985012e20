#!/usr/bin/env python3
"""readers.py JAILTOP DIR TEST: what others build on fail2ban: an exporter, a dashboard, a shipper of its log. Each knows
nothing of jailtop: it runs a program called fail2ban-client, opens the database, reads the log."""
import datetime, json, os, re, shutil, sqlite3, subprocess, sys, threading, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine import Engine, main, until

def engine(jailtop, d):
    e = Engine(jailtop, d, jail='bantime = 3600\n[other]\nenabled = true\nfilter = t\nlogpath = %s/o.log\nmaxretry = 3\nbackend = auto\n' % d)
    open(f'{d}/o.log', 'w').close()
    os.symlink(os.path.abspath(jailtop), f'{d}/fail2ban-client')
    return e.start()

def exporter(client, conf):
    """As the text collectors of monitoring systems do it: split lines at the colon, numbers and lists behind."""
    def run(*words):
        return subprocess.run([client, '-c', conf, *words], capture_output=True, text=True, check=True, timeout=30).stdout
    metrics = {'up': int('pong' in run('ping')), 'version': run('version').strip()}
    status = run('status')
    metrics['jails'] = int(re.search(r'Number of jail:\s*(\d+)', status)[1])
    for jail in re.search(r'Jail list:\s*(.*)', status)[1].split(', '):
        text = run('status', jail)
        number = lambda name: int(re.search(rf'^.*\b{name}:\s+(\d+)$', text, re.M)[1])
        metrics[jail] = {'failed_current': number('Currently failed'), 'failed_total': number('Total failed'),
                         'banned_current': number('Currently banned'), 'banned_total': number('Total banned'),
                         'ips': re.search(r'Banned IP list:\s*(.*)$', text, re.M)[1].split(),
                         'bantime': int(run('get', jail, 'bantime')), 'maxretry': int(run('get', jail, 'maxretry'))}
    # and as shell scripts do it
    pipe = f"{client} -c {conf} status | grep 'Jail list' | sed -E 's/^[^:]+:[ \\t]+//' | sed 's/,//g'"
    metrics['shell'] = subprocess.run(['sh', '-c', pipe], capture_output=True, text=True).stdout.split()
    return metrics

def metrics(jailtop, d):
    e = engine(jailtop, d)
    for i in range(1, 6): e.fail(f'192.0.2.{i}')
    with open(f'{d}/o.log', 'a') as f: f.write(f'{time.strftime("%Y-%m-%d %H:%M:%S")} fail 203.0.113.1\n' * 2)
    until(lambda: len(e.banned()) == 5 and e.ask('status', 'other')[0][1][0][1] == 1, 'five bans and a failure')
    clients = [f'{d}/fail2ban-client'] + ([shutil.which('fail2ban-client')] if shutil.which('fail2ban-client') else [])
    for client in clients:
        m = exporter(client, e.conf)
        ips = [f'192.0.2.{i}' for i in range(1, 6)]
        assert m == {'up': 1, 'version': '1.0.2', 'jails': 2, 'shell': ['other', 't'],
                     't': {'failed_current': 0, 'failed_total': 5, 'banned_current': 5, 'banned_total': 5, 'ips': ips, 'bantime': 3600, 'maxretry': 1},
                     'other': {'failed_current': 1, 'failed_total': 2, 'banned_current': 0, 'banned_total': 0, 'ips': [], 'bantime': 600, 'maxretry': 3}}, m
    e.stop()
    return f'{len(clients)} client(s)'

def dashboard(jailtop, d):
    """Reads the database while the engine writes it: history, who is banned now, repeat offenders, last lines."""
    e = engine(jailtop, d)
    stop, seen = threading.Event(), []
    def look():
        last = 0
        while not stop.is_set():
            began = time.time()
            db = sqlite3.connect(f'file:{e.db}?mode=ro', uri=True, timeout=10, isolation_level=None)
            db.execute('begin') # all of it is of one moment
            now = time.time()
            history = db.execute('select count(*) from bans').fetchone()[0]
            current = db.execute('select jail, ip, timeofban, bantime, data from bips where bantime = -1 or timeofban + bantime > ? order by timeofban', (now,)).fetchall()
            for jail, ip, at, bantime, data in current:
                data = json.loads(data)
                assert jail == 't' and bantime == 3600 and abs(at - now) < 600 and data['failures'] == 1
                line = data['matches'][0]
                assert ip in (line if isinstance(line, str) else ''.join(line)), line
            per_jail = dict(db.execute('select jail, count(*) from bans group by jail'))
            top = db.execute('select ip, sum(bancount) from bips group by ip order by 2 desc limit 5').fetchall()
            assert per_jail.get('t', 0) == history and len(top) <= 5 and len(current) <= history
            assert dict(db.execute('select name, enabled from jails')) == {'t': 1, 'other': 1}
            # what an earlier look saw, a later one sees
            assert history >= last
            last = history
            seen.append((history, time.time() - began))
            db.close()
    failed = []
    def guarded():
        try: look()
        except BaseException as x: failed.append(x)
    readers = [threading.Thread(target=guarded) for _ in range(3)]
    until(lambda: os.path.exists(e.db), 'the database')
    for r in readers: r.start()
    for i in range(400):
        e.fail(f'198.51.{100 + i // 200}.{i % 200}')
        if i % 20 == 0: time.sleep(0.01)
    until(lambda: len(e.banned()) == 400, '400 bans', 60)
    assert e.rows('select count(*) from bans') == [(400,)] # as soon as they are told
    # one that keeps a transaction open delays nobody
    db = sqlite3.connect(e.db, timeout=10, isolation_level=None)
    db.execute('begin'); db.execute('select count(*) from bans').fetchone()
    e.fail('192.0.2.77'); until(lambda: '192.0.2.77' in e.banned(), 'a ban while somebody reads')
    assert e.rows("select count(*) from bips where ip = '192.0.2.77'") == [(1,)]
    db.execute('commit'); db.close()
    stop.set()
    for r in readers: r.join()
    if failed: raise failed[0]
    e.stop()
    assert sqlite3.connect(e.db).execute('pragma integrity_check').fetchone() == ('ok',)
    return f'{len(seen)} looks, the slowest {max(s for _, s in seen):.2f} s'

def shipper(jailtop, d):
    """Parses fail2ban.log as the patterns of log shippers do; lines that an attacker made up are none."""
    e = engine(jailtop, d)
    pattern = re.compile(r'^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) fail2ban\.(?P<part>\w+) +\[(?P<pid>\d+)\]: (?P<level>[A-Z]+) +(?:\[(?P<jail>[^]]+)\] )?(?P<text>.*)$')
    with open(f'{d}/evil.log', 'w'): pass
    e.ask('set', 't', 'addfailregex', r'^\s*user <F-ID>.+</F-ID> is bad$')
    with open(e.log, 'a') as f:
        f.write(f'{time.strftime("%Y-%m-%d %H:%M:%S")} user x\r2026-01-01 00:00:00,000 fail2ban.actions        [1]: NOTICE  [t] Ban 1.1.1.1\x1b[2J is bad\n')
    e.fail('192.0.2.1'); until(lambda: '192.0.2.1' in e.banned(), 'a ban')
    e.ask('set', 't', 'unbanip', '192.0.2.1')
    until(lambda: 'Unban 192.0.2.1' in e.told(), 'the unban is logged')
    e.stop()
    actions = []
    for line in open(e.flog, errors='strict'):
        m = pattern.match(line.rstrip('\n'))
        assert m, line
        datetime.datetime.strptime(m['time'], '%Y-%m-%d %H:%M:%S,%f')
        assert '\x1b' not in line and '\r' not in line
        if m['part'] == 'actions' and (a := re.fullmatch(r'(Ban|Unban|Restore Ban) (\S+)', m['text'])): actions.append((m['jail'], a[1], a[2]))
    assert ('t', 'Ban', '192.0.2.1') in actions and ('t', 'Unban', '192.0.2.1') in actions
    assert not any(ip == '1.1.1.1' for _, _, ip in actions), actions

def as_json(jailtop, d):
    """--json: one object for each command, whatever it is, errors too."""
    e = engine(jailtop, d)
    def run(*words):
        r = subprocess.run([jailtop, 'client', '-c', e.conf, '--json', *words], capture_output=True, text=True, timeout=30)
        said = [json.loads(x) for x in r.stdout.splitlines()]
        return r.returncode, said, r.stderr
    good = ['ping', 'version', 'echo a b', 'status', 'status t', 'status t short', 'banned', 'banned 192.0.2.1', 'set t banip 192.0.2.1', 'get t banip',
            'get t banip --with-time', 'get t banned', 'get t banned 192.0.2.1', 'set t unbanip 192.0.2.1', 'unban --all', 'unban 192.0.2.1', 'set t attempt 192.0.2.1 x',
            'get loglevel', 'set loglevel INFO', 'get logtarget', 'get syslogsocket', 'get dbfile', 'get dbpurgeage', 'get dbmaxmatches', 'get thread',
            'get t logpath', 'get t logencoding', 'get t journalmatch', 'get t ignoreself', 'get t ignoreip', 'set t addignoreip 192.0.2.9', 'set t delignoreip 192.0.2.9',
            'get t ignorecommand', 'get t ignorecache', 'get t prefregex', 'get t failregex', 'get t ignoreregex', 'get t findtime', 'get t datepattern', 'get t usedns',
            'get t bantime', 'get t bantime.increment', 'get t maxretry', 'get t maxmatches', 'get t maxlines', 'get t logtimezone', 'get t actions', 'get t action rec actionban',
            'get t actionproperties rec', 'get t actionmethods rec', 'set t idle on', 'set t idle off', 'flushlogs', 'add x', 'start x', 'stop x', 'reload', 'reload t',
            'reload --restart t', 'restart t', 'server-status', 'sleep 0', 'get host 192.0.2.1', 'get t lines 5']
    bad = {'status nosuch': 'UnknownJailException', 'get t nosuch': 'Exception', 'set t maxretry x': 'ValueError', 'get t': 'IndexError', 'nosuch': 'Exception',
           'set t findtime x': 'NameError', 'get t action nosuch x': 'KeyError', 'set t addfailregex (x': 'RegexException', 'start nosuch': 'UnknownJailException',
           'set t addlogpath /nonexistent/x': 'OSError', 'unban': 'Exception', 'reload nosuch': None}
    for line in good:
        code, said, err = run(*line.split())
        assert code == 0 and len(said) == 1 and said[0]['ok'] is True and 'value' in said[0], (line, code, said, err)
    for line, kind in bad.items():
        code, said, err = run(*line.split())
        assert code == 255 and len(said) == 1 and said[0]['ok'] is False and said[0]['error'], (line, code, said, err)
        assert kind is None or said[0]['class'] == kind, (line, said)
    e.stop()
    for line in ('status', 'ping'):
        code, said, err = run(*line.split())
        assert code == 255 and len(said) == 1 and said[0]['ok'] is False and said[0]['error'], (line, code, said, err)
    return f'{len(good)} commands and {len(bad) + 2} failures'

main(globals())
