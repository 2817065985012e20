#!/usr/bin/env python3
"""repair.py JAILTOP DIR ACTION|own:ACTION|two|garbage

In the middle of a storm of bans somebody flushes, deletes, destroys what is in the kernel: every ban that was done
is back within 2 s of the act, linked, once; each repair is in the log. In this network namespace. The bound is for a
machine that does nothing else: how many others want its processors is counted meanwhile, and printed if there are any.
own: an action of our sample-configs instead of one of the installed fail2ban's.
two: a jail with two firewall actions, of which one loses everything; by iptables-legacy, too, which tells nobody.
garbage: a tool that cannot be read is asked less and less often, and told of once.
"""
import json, os, re, shutil, socket, subprocess, sys, threading, time

jailtop, d, action = sys.argv[1:4]
BOUND = 2.0
os.makedirs(d)
is_own = action.startswith('own:')
action = action.removeprefix('own:')
actions = [action]
if action in ('two', 'garbage'):
    actions = ['iptables-multiport', 'nftables-multiport', 'legacy'] if action == 'two' else ['iptables-multiport']
shutil.copytree(os.path.dirname(os.path.realpath(__file__)) + '/../../sample-configs/action.d' if is_own else '/etc/fail2ban/action.d',
                f'{d}/conf/action.d')
open(f'{d}/conf/action.d/legacy.conf', 'w').write('''[Definition]
actionstart = iptables-legacy -w -N f2b-old
              iptables-legacy -w -I INPUT -j f2b-old
actionban = iptables-legacy -w -A f2b-old -s <ip> -j DROP
actionunban = iptables-legacy -w -D f2b-old -s <ip> -j DROP
actionflush = iptables-legacy -w -F f2b-old
''')
os.mkdir(f'{d}/conf/filter.d')
open(f'{d}/conf/fail2ban.conf', 'w').write(f'[Definition]\nloglevel=INFO\nlogtarget={d}/f2b.log\nsyslogsocket=auto\nsocket={d}/s\n'
                                           f'pidfile={d}/pid\ndbfile=None\nallowipv6=yes\n')
open(f'{d}/conf/filter.d/j.conf', 'w').write('[Definition]\nfailregex = ^\\s*fail <HOST>$\n')
open(f'{d}/conf/jail.conf', 'w').write(f'[j]\nenabled=true\nfilter=j\nbackend=auto\nusedns=no\nignoreself=false\nmaxretry=1\nbantime=1h\n'
                                       f'logpath={d}/log\naction=' + '\n  '.join(a + '[name=j, port=ssh]' for a in actions) + '\n')
open(f'{d}/log', 'w').close()
sh = lambda text: subprocess.run(text, shell=True, capture_output=True, text=True)

IPTABLES = {
    'iptables -F of the chain': 'iptables -F f2b-j',
    'iptables -F': 'iptables -F',
    'a deleted jump': 'iptables -D INPUT -p tcp -m multiport --dports 22 -j f2b-j',
    'a deleted chain': 'iptables -F; iptables -X f2b-j',
    'nft flush ruleset': 'nft flush ruleset',
}
MATCH = 'INPUT -p tcp -m multiport --dports 22 -m set --match-set f2b-j src -j REJECT --reject-with icmp-port-unreachable'
IPSET = {
    'ipset flush': 'ipset flush',
    'a deleted jump': f'iptables -D {MATCH}',
    'ipset destroy': f'iptables -D {MATCH}; ipset destroy',
    'nft flush ruleset': 'nft flush ruleset',
    'nft flush ruleset, ipset destroy': 'nft flush ruleset; ipset destroy',
}
TABLE, CHAIN, SET = ('f2b', 'f2b-j', 'f2b-j') if is_own else ('f2b-table', 'f2b-chain', 'addr-set-j')
NFT = {
    'nft flush set': f'nft flush set inet {TABLE} {SET}',
    'a deleted rule': f'nft flush chain inet {TABLE} {CHAIN}',
    'a deleted set': f'nft flush chain inet {TABLE} {CHAIN}; nft delete set inet {TABLE} {SET}',
    'a deleted table': f'nft delete table inet {TABLE}',
    'nft flush ruleset': 'nft flush ruleset',
}
kind = IPTABLES if action == 'iptables-multiport' else IPSET if 'ipset' in action else NFT


def kernel():
    """(addresses, as often as they are there; whether packets come by)"""
    if kind is NFT:
        text = sh(f'nft list table inet {TABLE}').stdout
        return re.findall(r'10\.\d+\.\d+\.\d+', text), f'@{SET}' in text
    rules = sh('iptables-save -t filter').stdout
    if kind is IPSET:
        return re.findall(r'^add f2b-j (\S+)', sh('ipset save f2b-j').stdout, re.M), '--match-set f2b-j src' in rules
    return re.findall(r'^-A f2b-j -s (10\.\d+\.\d+\.\d+)/32', rules, re.M), '-j f2b-j' in rules


def fail(text):
    print(f'FAILED: {text}')
    print('\n'.join(line for line in open(f'{d}/f2b.log').read().splitlines() if ' Ban ' not in line and 'Found' not in line)[-4000:])
    engine.kill()
    sys.exit(1)


def addresses():
    for i in range(1 << 24):
        yield f'10.{i // 62500}.{i // 250 % 250}.{i % 250 + 1}'


everybody = addresses()
def attack(n):
    now = time.strftime('%Y-%m-%d %H:%M:%S')
    with open(f'{d}/log', 'a') as f:
        f.write(''.join(f'{now} fail {next(everybody)}\n' for _ in range(n)))


def banned():
    s = socket.socket(socket.AF_UNIX)
    s.connect(f'{d}/s')
    s.sendall(json.dumps({'id': 1, 'command': ['get', 'j', 'banned']}).encode() + b'\n')
    return json.loads(s.makefile('rb').readline())['value']


def looked_at():
    """When the engine's last look at the kernel began."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(f'{d}/s')
    s.settimeout(20)
    s.sendall(b'{"id": 1, "subscribe": true}\n')
    for line in map(json.loads, s.makefile('rb')):
        if 'snapshot' in line:
            return (line['snapshot']['chains'] or {}).get('t', 0)


def others():
    """How many more than us want a processor."""
    return max(0, int(open('/proc/loadavg').read().split()[3].split('/')[0]) - 2)


def two():
    nft = lambda: sorted(re.findall(r'10\.\d+\.\d+\.\d+', sh('nft list set inet f2b-table addr-set-j').stdout))
    xt = lambda tool: sorted(re.findall(r'-s (10\.\d+\.\d+\.\d+)/32', sh(f'{tool} -S').stdout))
    def until(text, test):
        end = time.time() + 20
        while not test():
            if time.time() > end:
                fail(text)
            time.sleep(0.05)
    attack(20)
    until('not all are banned', lambda: len(banned()) == 21)
    want = sorted(banned())
    everywhere = lambda: nft() == want and xt('iptables') == want
    until('not all are in the kernel', everywhere)
    def a_look():  # what a look older than a ban says of it does not count
        now = time.time()
        until('it does not look', lambda: looked_at() > now)
    a_look()
    for what in ('nft flush set inet f2b-table addr-set-j', 'iptables -F f2b-j', 'iptables -F', 'nft delete table inet f2b-table'):
        sh(what)
        until(f'{what}: {len(nft())} and {len(xt("iptables"))} of {len(want)}', everywhere)
        a_look()
        until(f'{what}: not once each', everywhere)
    log = lambda: open(f'{d}/f2b.log').read()
    for text in ('f2b-j was flushed: 21 ban(s) put back', 'addr-set-j was flushed: 21', 'nothing in the kernel leads to f2b-j any more',
                 'addr-set-j is gone from the kernel'):
        if text not in log():
            fail(f'not in the log: {text}')
    sh(f'iptables -D f2b-j -s {want[3]}/32 -j REJECT --reject-with icmp-port-unreachable')
    until('one rule is not put back', everywhere)
    if '1 ban(s) had no rule in f2b-j: put back' not in log():
        fail('one rule that was put back is not in the log')
    sh('iptables -I INPUT -p tcp --dport 1:100 -j ACCEPT')
    until('an earlier ACCEPT is not named', lambda: re.search(r'f2b-j stops nobody: an earlier rule accepts the same traffic: .*1:100', log()))
    if xt('iptables-legacy') != want:
        fail('what nobody touched is not as it was')
    print('one action at a time is repaired')


def garbage():
    path = f'{d}/bin'
    os.mkdir(path)
    open(f'{path}/iptables-save', 'w').write(f'#!/bin/sh\ndate +%s.%N >>{d}/asked\necho "*filter"; echo "-A nothing"; echo more >&2; exit 3\n')
    os.chmod(f'{path}/iptables-save', 0o755)
    asked = lambda: [float(t) for t in open(f'{d}/asked')] if os.path.exists(f'{d}/asked') else []
    gaps = lambda: [b - a for a, b in zip(asked(), asked()[1:])]
    end = time.time() + 60
    while max(gaps(), default=0) < 3.9:  # each pause is twice the one before
        if time.time() > end:
            fail(f'it was asked again after {gaps()}')
        attack(1)  # there is always a reason to look
        time.sleep(0.1)
    log = open(f'{d}/f2b.log').read()
    if log.count('the firewall could not be read: iptables-save: more') != 1:
        fail('told not once')
    os.remove(f'{path}/iptables-save')
    print(f'asked again after {", ".join("%.1f" % g for g in gaps())} s')


if action == 'garbage':
    os.environ['PATH'] = f'{d}/bin:' + os.environ['PATH']
engine = subprocess.Popen([jailtop, 'server', '-c', f'{d}/conf'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
end = time.time() + 20
while not os.path.exists(f'{d}/s'):
    if time.time() > end:
        fail('it does not start')
    time.sleep(0.02)
attack(1)
if action in ('two', 'garbage'):
    globals()[action]()
    engine.terminate()
    engine.wait()
    sys.exit(0)
while kernel() != (['10.0.0.1'], True):
    if time.time() > end + 20:
        fail('the first ban is not in the kernel')
    time.sleep(0.02)

slow = 0
for name, command in kind.items():
    before = len(kernel()[0])
    attack(1000)
    end = time.time() + 20
    while len(kernel()[0]) < before + 300:
        if time.time() > end:
            fail(f'{name}: no storm')
    log_at = os.path.getsize(f'{d}/f2b.log')
    stop = threading.Event()

    def storm():  # the tools begin anew whenever something changes: not for ever, or nobody could look
        end = time.time() + 1
        while time.time() < end and not stop.wait(0.05):
            attack(50)
    writer = threading.Thread(target=storm)
    writer.start()
    done = set(kernel()[0])
    began = time.time()
    answer = sh(command)
    gone = len(done - set(kernel()[0]))
    busy, looks = 0, 0
    while True:
        looked = time.time()
        busy, looks = busy + others(), looks + 1
        there, linked = kernel()
        if linked and done <= set(there):
            break
        if looked - began > 30:
            fail(f'{name}: {len(done - set(there))} of {len(done)} bans are not back after 30 s, linked: {linked}, '
                 f'the command said {answer.stderr}')
    took = looked - began
    stop.set()
    writer.join()
    log = open(f'{d}/f2b.log').read()[log_at:]
    told = [line for line in log.splitlines() if 'repair' in line.lower() or 'put back' in line]
    factor = 1 + busy / looks / os.cpu_count()
    print(f'{name}: {len(done)} bans ({gone} seen missing) back after {took:.2f} s' +
          (f', with {busy / looks:.1f} others at work' if factor > 1 else ''))
    if not told:
        fail(f'{name}: the repair is not in the log')
    slow += took > BOUND * factor
# in the end everybody is there, once
end = time.time() + 30
while True:
    want = sorted(banned())
    have = sorted(kernel()[0])
    if want == have:
        break
    if time.time() > end:
        fail(f'{len(want)} are banned, the kernel has {len(have)}, of which {len(set(have))} different ones')
    time.sleep(0.1)
print(f'{len(want)} bans, each once in the kernel')
engine.terminate()
engine.wait()
if kernel()[0]:
    fail('rules are left after the stop')
if slow:
    print(f'{slow} times slower than {BOUND} s, or what {os.cpu_count()} processors make of it')
    sys.exit(1)
