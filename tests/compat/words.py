#!/usr/bin/python3
"""words.py JAILTOP DIR: the commands of words.txt, asked of fail2ban's server and of jailtop's by fail2ban's own socket
class: the same answers, exceptions and their arguments. Times are masked; what a client prints of an answer is
client.bats' business.

words.txt: a command a line, as a Python list; `?` before it: asked again until both say the same (something is under
way); # a note. What jailtop refuses or answers otherwise on purpose stands at its end behind `!`: there the two differ.
"""
import ast, os, re, subprocess, sys, time
sys.path.insert(0, '/usr/lib/python3/dist-packages')
from fail2ban.client.csocket import CSocket

jailtop, base = sys.argv[1:3]
here = os.path.dirname(os.path.abspath(__file__))

class Side:
    def __init__(self, name, client):
        self.d, self.client = f'{base}/{name}', client
        d = self.d
        os.makedirs(f'{d}/c/filter.d'); os.makedirs(f'{d}/c/action.d')
        def write(path, text):
            with open(f'{d}/c/{path}', 'w') as f: f.write(text)
        write('fail2ban.conf', f'[Definition]\nloglevel=INFO\nlogtarget={d}/log\nsyslogsocket=auto\nsocket={d}/s\npidfile={d}/p\n'
              f'dbfile={d}/db\ndbpurgeage=1d\nallowipv6=auto\n')
        write('filter.d/t.conf', '[Definition]\nfailregex = ^\\s*fail <HOST>(?: u=<F-USER>.+</F-USER>)?$\n')
        write('filter.d/u.conf', '[Definition]\nfailregex = ^\\s*bad <HOST>$\n ^\\s*worse <HOST>$\nignoreregex = ignore\n')
        write('action.d/rec.conf', f'[Definition]\nactionban = echo "ban <ip> <tag>" >> {d}/out\nactionunban = echo "unban <ip>" >> {d}/out\n'
              'tag = none\n[Init]\nport = 22\n')
        write('jail.conf', f'''[DEFAULT]
enabled = true
ignoreself = false
backend = polling
maxretry = 3
findtime = 10m
bantime = 1h
usedns = no
[t]
filter = t
logpath = {d}/t.log
action = rec[tag=one]
         rec[actname=second, tag=two]
[u]
filter = u
logpath = {d}/u.log
          {d}/u2.log
action = rec
ignoreip = 192.0.2.100 198.51.100.0/24 2001:db8:1::/48
bantime.increment = true
[jäil]
filter = t
logpath = {d}/t.log
action = rec
''')
        for f in ('t', 'u', 'u2'):
            with open(f'{d}/{f}.log', 'w') as log: log.write(time.strftime('%F %T') + f' first line of {f}\n')
        subprocess.run([*client, '-c', f'{d}/c', 'start'], capture_output=True, timeout=60)
        self.socket = CSocket(f'{d}/s')
    def ask(self, line):
        words = ast.literal_eval(line.replace('@D@', self.d))
        try: answer = self.socket.send(words, timeout=30)
        except Exception as e:
            self.socket = CSocket(f'{self.d}/s')
            return f'no answer: {e!r}'
        if isinstance(answer, (tuple, list)) and len(answer) == 2 and isinstance(answer[1], Exception):
            answer = (answer[0], type(answer[1]).__name__, answer[1].args)
        text = repr(answer).replace(self.d, '@D@')
        return re.sub(r'\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(,\d+)?', 'TIME', text)
    def stop(self):
        subprocess.run([*self.client, '-c', f'{self.d}/c', 'stop'], capture_output=True, timeout=60)

sides = [Side('f', ['fail2ban-client']), Side('j', [jailtop, 'client'])]
count = differ = 0
for line in open(f'{here}/words.txt'):
    line = line.strip()
    if not line or line[0] == '#': continue
    mark, line = (line[0], line[1:]) if line[0] in '?!' else ('', line)
    theirs, ours = (s.ask(line) for s in sides)
    deadline = time.time() + 20
    while mark == '?' and theirs != ours and time.time() < deadline:
        time.sleep(0.1)
        theirs, ours = (s.ask(line) for s in sides)
    count += 1
    if (theirs == ours) == (mark == '!'):
        differ += 1
        print(f'{line}\n   fail2ban: {theirs[:500]}\n   jailtop:  {ours[:500]}' if mark != '!' else f'{line}: no longer differs')
for s in sides: s.stop()
print(f'{count} commands, {differ} unexpected')
sys.exit(differ != 0)
