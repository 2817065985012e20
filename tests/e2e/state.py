#!/usr/bin/env python3
"""state.py JAILTOP DIR TEST: the engine's state over kills and broken databases."""
import os, sqlite3, sys, time
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

main(globals())
