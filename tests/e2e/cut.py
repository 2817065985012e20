#!/usr/bin/env python3
"""cut.py JAILTOP DIR: cutconnections, in this network namespace: connections of who is banned end, those of others do not."""
import os, socket, subprocess, sys, time

jailtop, d = sys.argv[1:3]
os.makedirs(f'{d}/conf/filter.d'); os.makedirs(f'{d}/conf/action.d'); os.mkdir(f'{d}/bin')
open(f'{d}/conf/fail2ban.conf', 'w').write(f'[Definition]\nloglevel=INFO\nlogtarget={d}/f2b.log\nsyslogsocket=auto\nsocket={d}/s\n'
                                           f'pidfile={d}/pid\ndbfile=None\nallowipv6=yes\ndbpurgeage=1d\n')
open(f'{d}/conf/filter.d/j.conf', 'w').write('[Definition]\nfailregex = ^\\s*fail <HOST>$\n')
open(f'{d}/conf/action.d/a.conf', 'w').write(f'[Definition]\nactionban = echo <ip> >>{d}/banned\nactionunban =\n')
open(f'{d}/conf/jail.conf', 'w').write(f'''[DEFAULT]
enabled = true
filter = j
backend = polling
logpath = {d}/log
action = a
[keeps]
[cuts]
cutconnections = yes
''')
open(f'{d}/log', 'w').close()
# connection tracking is not in every kernel: what would be asked of it
open(f'{d}/bin/conntrack', 'w').write(f'#!/bin/sh\necho "$@" >>{d}/tracked\n[ ! -e {d}/fails ] || {{ echo "no such luck" >&2; exit 1; }}\n')
os.chmod(f'{d}/bin/conntrack', 0o755)
os.environ['PATH'] = f'{d}/bin:' + os.environ['PATH']
for a in ('10.0.0.1/32', '10.9.9.9/32', '10.9.9.8/32', '10.8.0.7/32'):
    subprocess.run(['ip', 'addr', 'add', a, 'dev', 'lo'], check=True)
subprocess.run(['ip', 'addr', 'add', '2001:db8::9/128', 'dev', 'lo', 'nodad'], check=True)
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)


def fail(text):
    print(f'FAILED: {text}')
    print(open(f'{d}/f2b.log').read()[-3000:])
    engine.kill()
    sys.exit(1)


def until(what, test):
    end = time.time() + 20
    while not test():
        if time.time() > end:
            fail(what)
        time.sleep(0.02)


def text(name):
    return open(f'{d}/{name}').read() if os.path.exists(f'{d}/{name}') else ''


def client(*words):
    r = subprocess.run([jailtop, 'client', '-c', f'{d}/conf', *words], capture_output=True, text=True)
    return r.stdout.strip()


both = socket.create_server(('::', 7777), family=socket.AF_INET6, dualstack_ipv6=True)
four = socket.create_server(('10.0.0.1', 7778))


def connect(source, port=7777):
    six = ':' in source
    s = socket.create_connection(('2001:db8::9' if six else '10.0.0.1', port), source_address=(source, 0))
    return s, (both if port == 7777 else four).accept()[0]


def works(pair):
    """An attacker's word arrives, and is answered."""
    pair[0].settimeout(5), pair[1].settimeout(5)
    try:
        pair[0].sendall(b'x')
        if pair[1].recv(1) != b'x':
            return False
        pair[1].sendall(b'y')
        return pair[0].recv(1) == b'y'
    except OSError:
        return False


stream = client('-d')
engine = subprocess.Popen([jailtop, 'server', '-c', f'{d}/conf'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
until('it does not start', lambda: client('ping') == 'Server replied: pong' and 'cuts' in client('status'))
if "['set', 'cuts', 'cutconnections', True]" not in stream or stream.count('cutconnections') != 1:
    fail('the option is not sent as it stands: ' + stream)
if (client('get', 'cuts', 'cutconnections'), client('get', 'keeps', 'cutconnections')) != ('True', 'False'):
    fail('the option is not known')
old, plain, six, friend = connect('10.9.9.9'), connect('10.9.9.9', 7778), connect('2001:db8::9'), connect('10.8.0.7')
neighbour = connect('10.9.9.8')
client('set', 'keeps', 'banip', '10.9.9.9', '2001:db8::9')
until('no ban', lambda: text('banned').split() == ['10.9.9.9', '2001:db8::9'])
if not (works(old) and works(plain) and works(six)):
    fail('cut without being asked to')
client('set', 'cuts', 'banip', '10.9.9.9', '2001:db8::9')
until('a connection over IPv4-mapped IPv6 goes on', lambda: not works(old))
until('a connection over IPv4 goes on', lambda: not works(plain))
until('a connection over IPv6 goes on', lambda: not works(six))
if not works(friend) or not works(neighbour):
    fail('others were cut')
client('set', 'cuts', 'banip', '10.9.9.0/24')
until('a connection out of a banned network goes on', lambda: not works(neighbour))
if not works(friend):
    fail('others were cut')
until('it is not logged', lambda: all(one in text('f2b.log') for one in (
    '[cuts] Cut 2 connection(s) of 10.9.9.9', ' connection(s) of 2001:db8::9', '[cuts] Cut 1 connection(s) of 10.9.9.0/24')))
until('what is tracked is not deleted', lambda: sorted(text('tracked').split('\n')) == sorted([
    '', '-D -f ipv4 -s 10.9.9.0/24', '-D -f ipv4 -s 10.9.9.9', '-D -f ipv6 -s 2001:db8::9']))
# where it cannot be done that is said, once
open(f'{d}/fails', 'w').close()
client('set', 'cuts', 'banip', '10.7.0.1', '10.7.0.2', '10.7.0.3')
until('it is not tried', lambda: '10.7.0.3' in text('tracked'))
until('it is not said', lambda: 'cutconnections: tracked connections are not deleted: conntrack: no such luck' in open(f'{d}/f2b.log').read())
client('stop')
engine.wait()
if open(f'{d}/f2b.log').read().count('no such luck') != 1:
    fail('it is said again and again')
print('cut')
