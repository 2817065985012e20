#!/usr/bin/python3
"""samples.py JAILTOP LOGS CONFIG: fail2ban's annotated log samples through `jailtop regex`.

A comment before a line says what is expected of it: {"match": true, "host": ..., "time": ...}; a line
without one must not match. All lines of one filter and set of options go through in one run.
Prints what is wrong and a summary; exit status 1 if anything is.
"""
import ast, datetime, glob, json, os, re, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor

jailtop, logdir, confdir = sys.argv[1:4]
os.environ['TZ'] = 'Europe/Zurich'
time.tzset()
ENV = dict(os.environ, LC_ALL='C.UTF-8')
THEN = datetime.datetime(2005, 8, 14, 12, 0, 0)  # the samples' "now"
DAY = datetime.timedelta(days=1)
MARK = re.compile(rb'#+ ?(failJSON|fileOptions|filterOptions|addFILE):(.+)$')


def read(name):
    """Sets of options of a sample file, each with its (place, line, expected)."""
    sets, files, common, current = {}, [name], {}, None

    def choose(options):
        out = []
        for extra in options if isinstance(options, list) else [options]:
            opts = dict(common, **extra)
            if 'test.condition' in opts and not eval(opts['test.condition'], {}, {'name': name, 'opts': opts}):
                continue
            real = {k: v for k, v in opts.items() if not k.startswith('test.')}
            key = opts.get('test.filter-name') or json.dumps(real)
            out.append((sets.setdefault(key, (real, [])), opts))
        return out

    for file in files:
        expected = None
        with open(os.path.join(logdir, file), 'rb') as lines:
            for number, line in enumerate(lines, 1):
                line = line.rstrip(b'\r\n')
                m = MARK.match(line) if expected is None else None
                if m:
                    kind, value = m.group(1).decode(), json.loads(m.group(2))
                    if kind == 'fileOptions':
                        common = value
                    elif kind == 'filterOptions':
                        current = choose(value)
                    elif kind == 'addFILE':
                        files.append(value)
                    else:
                        expected = value
                    continue
                if expected is None and (not line.strip() or line.startswith(b'#')):
                    continue
                if current is None:
                    current = choose({})
                want, expected = expected or {}, None
                for (real, checks), opts in current:
                    if want.get('constraint') and not eval(want['constraint'], {}, {'name': name, 'opts': opts}):
                        continue
                    text = line
                    if real.get('logtype') == 'journal':
                        text = (THEN.strftime('[%Y-%m-%d %H:%M:%S]') + opts.get('test.prefix-line', '')).encode() + line
                    checks.append(('%s:%d' % (file, number), text, want))
    return [(real, checks) for real, checks in sets.values() if checks]


def moments(text):
    """What a date may have become: as it is, or, without a year or a day, seen from today."""
    when = datetime.datetime.strptime(text, '%Y-%m-%dT%H:%M:%S' + ('.%f' if '.' in text else ''))
    now, dates = datetime.datetime.now(), [when]
    if THEN - 365 * DAY < when <= THEN + DAY:
        this = when.replace(year=now.year)
        dates.append(this.replace(year=now.year - 1) if this > now + DAY else this)
        today = datetime.datetime.combine(now.date(), when.time())
        dates.append(today - DAY if today > now else today)
    return [time.mktime(d.timetuple()) + d.microsecond / 1e6 for d in dates]


def check(config, name, real, checks):
    """Runs one set; returns (lines checked, complaints)."""
    options = ','.join('%s="%s"' % kv for kv in real.items())
    command = [jailtop, 'regex', '-c', config, '-r', '-o', '@@<fid>@@<time>@@<matches>@@end']
    row = command[:6] + ['row']
    spec = name + '.conf' + ('[%s]' % options if options else '')
    if real.get('logtype') == 'journal':
        extra = ['-d', r'^\[%Y-%m-%d %H:%M:%S\]']
        command, row = command + extra, row + extra
    with tempfile.NamedTemporaryFile() as log:
        log.write(b''.join(text + b'\n' for _, text, _ in checks))
        log.flush()
        runs = [subprocess.run(c + [log.name, spec], stdin=subprocess.DEVNULL, capture_output=True, env=ENV)
                for c in (command, row)]
    for r in runs:
        if r.returncode:
            return len(checks), ['%s: %s' % (spec, (r.stdout + r.stderr).decode('utf-8', 'replace').strip()[-200:])] * len(checks)
    found = re.findall('@@(.*?)@@(.*?)@@(.*?)@@end', runs[0].stdout.decode('utf-8', 'replace'), re.S)
    rows = [ast.literal_eval(line.rstrip().rstrip(',')) for line in runs[1].stdout.decode('utf-8', 'replace').splitlines()]
    texts = [text.decode('utf-8', 'replace') for _, text, _ in checks]
    hits, at, wrong = [[] for _ in checks], -1, []
    if len(found) != len(rows):
        return len(checks), ['%s: %d rows, %d texts' % (spec, len(rows), len(found))] * len(checks)
    for (fid, _, matches), (_, moment, data) in zip(found, rows):
        lines = matches.split('\n')
        place = next((i for i in range(max(at, 0), len(texts)) if texts[i] == lines[-1] and not (i == at and hits[i])), None)
        if place is None:
            wrong.append('%s: a failure of no line: %s' % (spec, matches))
            continue
        at = place
        hits[at].append((fid, moment, data, lines))
    for (where, text, want), got in zip(checks, hits):
        problem = None
        if not want.get('match'):
            problem = got and 'should not match'
        elif len(got) != 1:
            problem = 'matched %d times' % len(got)
        else:
            fid, moment, data, lines = got[0]
            for key, value in want.items():
                if key in ('match', 'desc', 'constraint') or (key == 'time' and value is None):
                    continue
                have = data.get(key)
                if key == 'time':
                    ok = moment is not None and (any(abs(moment - t) < 0.001 for t in moments(value)) or
                         (not re.search(rb'\d[:.]\d\d[:.]\d\d', text) and abs(moment - time.time()) < 60))
                else:
                    if have is None:
                        have = {'host': fid, 'attempts': len(lines)}.get(key)
                    ok = have == value or str(have).lower() == str(value).lower() or \
                        (isinstance(value, list) and sorted(map(str, have)) == sorted(map(str, value)))
                    if not ok and key == 'host':
                        import ipaddress
                        try:
                            ok = ipaddress.ip_address(have) == ipaddress.ip_address(value)
                        except ValueError:
                            pass
                if not ok:
                    problem = '%s: %r, not %r' % (key, moment if key == 'time' else have, value)
        if problem:
            wrong.append('%s %s: %s\n    %s' % (where, spec, problem, text.decode('utf-8', 'replace')))
    return len(checks), wrong


with tempfile.TemporaryDirectory() as tree:
    # the samples' own filters include ../../../../config/…: they are read from deep inside a tree that has it everywhere
    level = tree
    for _ in range(8):
        os.symlink(confdir, os.path.join(level, 'config'))
        level = os.path.join(level, 'x')
        os.mkdir(level)
    own = os.path.normpath(os.path.join(logdir, '..', '..', 'config'))
    os.symlink(confdir, os.path.join(level, 'config'))
    os.mkdir(os.path.join(level, 'tests'))
    subprocess.run(['cp', '-r', own, os.path.join(level, 'tests', 'config')], check=True)
    jobs = []
    for base, is_ours in ((confdir, False), (os.path.join(level, 'tests', 'config'), True)):
        for path in sorted(glob.glob(os.path.join(base, 'filter.d', '*.conf'))):
            name = os.path.basename(path)[:-5]
            if name.startswith('zzz-') == is_ours and os.path.isfile(os.path.join(logdir, name)):
                jobs += [(base, name) + s for s in read(name)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda job: check(*job), jobs))
total, wrong = sum(n for n, _ in results), [w for _, ws in results for w in ws]
print('\n'.join(wrong[:50]))
print('%d filters and options, %d lines, %d wrong' % (len(jobs), total, len(wrong)))
sys.exit(bool(wrong) or total < 1000)
