#!/usr/bin/env python3
"""proto.py JAILTOP DIR TEST: fail2ban's protocol as others write it: opcode by opcode, and by its own Python library."""
import os, pickle, pickletools, re, socket, struct, sys, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine import Engine, Wire, main, until

END = b'<F2B_END_COMMAND>'

# ---- writers of a list of words, each with other opcodes ----
def u(s): return s.encode()
def short_binstring(s): return b'U' + bytes([len(u(s))]) + u(s)
def binstring(s): return b'T' + struct.pack('<i', len(u(s))) + u(s)
def binunicode(s): return b'X' + struct.pack('<I', len(u(s))) + u(s)
def short_binunicode(s): return b'\x8c' + bytes([len(u(s))]) + u(s)
def binunicode8(s): return b'\x8d' + struct.pack('<Q', len(u(s))) + u(s)
def short_binbytes(s): return b'C' + bytes([len(u(s))]) + u(s)
def string(s): return b"S'" + u(s) + b"'\n"
def unicode(s): return b'V' + u(s) + b'\n'

def listing(text, words, proto):
    """As Python 2 at protocol 2: an empty list, its memo, a mark, the members with memos, APPENDS."""
    out = (b'' if proto < 2 else bytes([0x80, proto])) + b']q\x00('
    for i, w in enumerate(words): out += text(w) + b'q' + bytes([i + 1])
    return out + b'e.'
def one_by_one(text, words, proto):
    return (b'' if proto < 2 else bytes([0x80, proto])) + b']' + b''.join(text(w) + b'a' for w in words) + b'.'
def as_tuple(text, words, proto):
    return (b'' if proto < 2 else bytes([0x80, proto])) + b'(' + b''.join(text(w) for w in words) + b'tr\x05\x01\x00\x00.' # LONG_BINPUT
def old_list(text, words, proto):
    return b'(' + b''.join(text(w) for w in words) + b'lp0\n.' # LIST, PUT
def with_gets(text, words, proto):
    """Words that come twice are taken from the memo; something is made and popped again."""
    out, memo = (b'' if proto < 2 else bytes([0x80, proto])) + b'N0](', {}
    for w in words:
        if w in memo: out += b'h' + bytes([memo[w]])
        else:
            memo[w] = len(memo) + 7
            out += text(w) + b'q' + bytes([memo[w]])
    return out + b'2' + b'0e.' # DUP, POP
def with_long_gets(text, words, proto):
    out, memo = (b'' if proto < 2 else bytes([0x80, proto])) + b'](', {}
    for w in words:
        if w in memo: out += b'j' + struct.pack('<I', memo[w])
        else:
            memo[w] = 70000 + len(memo)
            out += text(w) + b'r' + struct.pack('<I', memo[w])
    return out + b'e.'
def framed(text, words, proto):
    body = b']\x94(' + b''.join(text(w) + b'\x94' for w in words) + b'e.'
    return b'\x80' + bytes([max(proto, 4)]) + b'\x95' + struct.pack('<Q', len(body)) + body

TEXTS = {0: [string, unicode], 1: [short_binstring, binstring, binunicode], 2: [short_binstring, binstring, binunicode],
         4: [short_binunicode, binunicode8, binunicode, short_binstring], 5: [short_binunicode, short_binbytes]}
SHAPES = {0: [old_list], 1: [listing, one_by_one, as_tuple, with_gets, with_long_gets],
          2: [listing, one_by_one, as_tuple, with_gets, with_long_gets], 4: [framed, listing], 5: [framed]}

class Raw:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX); self.s.settimeout(20); self.s.connect(path)
    def __call__(self, body, pieces=1):
        message = body + END
        n = max(1, len(message) // pieces)
        for i in range(0, len(message), n): self.s.sendall(message[i:i + n])
        got = b''
        while not got.endswith(END):
            more = self.s.recv(1 << 16)
            if not more: raise ConnectionError('closed')
            got += more
        return got[:-len(END)]

# what any reader of protocol 2 knows, without classes, calls, or extensions
PLAIN = {'PROTO', 'NONE', 'NEWTRUE', 'NEWFALSE', 'BININT', 'BININT1', 'BININT2', 'LONG1', 'BINFLOAT', 'BINUNICODE', 'EMPTY_LIST', 'APPEND',
         'APPENDS', 'LIST', 'EMPTY_TUPLE', 'TUPLE', 'TUPLE1', 'TUPLE2', 'TUPLE3', 'EMPTY_DICT', 'SETITEM', 'SETITEMS', 'MARK', 'STOP',
         'BINPUT', 'LONG_BINPUT', 'BINGET', 'LONG_BINGET'}
def plain(reply):
    ops = list(pickletools.genops(reply))
    used = {op.name for op, _, _ in ops}
    assert used <= PLAIN, used - PLAIN
    assert max(op.proto for op, _, _ in ops) <= 2
    assert ops[0][0].name == 'PROTO' and ops[0][1] == 2
    return pickle.loads(reply)

def ready(jailtop, d):
    e = Engine(jailtop, d)
    e.start()
    for ip in ('192.0.2.1', '2001:db8::1'): e.fail(ip)
    until(lambda: len(e.banned()) == 2, 'two bans')
    return e

def check(ask, e):
    """ask: words -> (code, value)."""
    assert ask(['ping']) == (0, 'pong')
    assert ask(['version']) == (0, '1.0.2')
    assert ask(['status']) == (0, [('Number of jail', 1), ('Jail list', 't')]), ask(['status'])
    code, status = ask(['status', 't'])
    assert code == 0 and status == [
        ('Filter', [('Currently failed', 0), ('Total failed', 2), ('File list', [e.log])]),
        ('Actions', [('Currently banned', 2), ('Total banned', 2), ('Banned IP list', ['192.0.2.1', '2001:db8::1'])])], status
    assert ask(['banned']) == (0, [{'t': ['192.0.2.1', '2001:db8::1']}])
    assert ask(['banned', '192.0.2.1', '192.0.2.1', '192.0.2.9']) == (0, [['t'], ['t'], []])
    code, timed = ask(['get', 't', 'banip', '--with-time'])
    assert code == 0 and len(timed) == 2
    for line in timed:
        m = re.fullmatch(r'(\S+) \t(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \+ 3600 = (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)', line)
        assert m and m[1] in ('192.0.2.1', '2001:db8::1'), line
        begin, end = (time.mktime(time.strptime(m[i], '%Y-%m-%d %H:%M:%S')) for i in (2, 3))
        assert end - begin == 3600, line

def opcodes(jailtop, d):
    e = ready(jailtop, d)
    w, n = Raw(e.sock), 0
    for proto in TEXTS:
        for text in TEXTS[proto]:
            for shape in SHAPES[proto]:
                for pieces in (1, 3, 1000):
                    check(lambda words: plain(w(shape(text, words, proto), pieces)), e)
                n += 1
    # what Python itself writes, all protocols
    for proto in range(pickle.HIGHEST_PROTOCOL + 1):
        check(lambda words: plain(w(pickle.dumps(words, proto))), e)
        check(lambda words: plain(w(pickle.dumps(tuple(words), proto))), e)
    # long words, other kinds of words, bytes that are no UTF-8
    long = 'x' * 70000
    for text in (binstring, binunicode, binunicode8):
        assert plain(w(listing(text, ['echo', long], 2))) == (0, [long])
    assert plain(w(b'\x80\x02](U\x04echoK\x05M\x10\x27J\xff\xff\xff\xff\x8a\x05\x00\x00\x00\x00\x01\x88\x89NG?\xf8\0\0\0\0\0\0e.')) == \
        (0, [5, 10000, -1, 1 << 32, True, False, None, 1.5])
    # refused, and the connection goes on: code, persistent ids, a program of the caller's
    for evil in (b'\x80\x02cos\nsystem\nU\x04true\x85R.', b'\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.', b'cposix\nsystem\n(S\'true\'\ntR.',
                 b'\x80\x02U\x01xQ.', b'Px\n.', b'\x80\x02(U\x01xios\nsystem\n.', b'\x80\x02}U\x01xb.', b'\x80\x02', b'', b'.', b'\x80\x02.', b'garbage'):
        said = pickle.loads(w(evil))
        assert isinstance(said, str) and said.startswith('ERROR: '), (evil, said)
        assert w(b'\x80\x02]U\x04pinga.')
    # many requests in one piece are answered in their order
    w.s.sendall((b'\x80\x02]U\x04pinga.' + END) * 50 + b'\x80\x02]U\x07versiona.' + END)
    got = b''
    while got.count(END) < 51: got += w.s.recv(1 << 16)
    assert [pickle.loads(x) for x in got.split(END)[:-1]] == [(0, 'pong')] * 50 + [(0, '1.0.2')]
    # the closing word ends it
    w.s.sendall(b'<F2B_CLOSE_COMMAND>' + END)
    assert w.s.recv(10) == b''
    e.stop()
    return f'{n} ways to write a request'

def library(jailtop, d):
    """The socket class of the installed fail2ban; what it hands out are Python's own objects."""
    sys.path.append('/usr/lib/python3/dist-packages')
    from fail2ban.client.csocket import CSocket
    from fail2ban.exceptions import UnknownJailException
    e = ready(jailtop, d)
    s = CSocket(e.sock)
    check(lambda words: tuple(s.send(words)), e)
    code, error = s.send(['status', 'nosuch'])
    assert code == 1 and isinstance(error, UnknownJailException) and error.args == ('nosuch',), error
    code, error = s.send(['set', 't', 'maxretry', 'x'])
    assert code == 1 and isinstance(error, ValueError) and "invalid literal for int() with base 10: 'x'" in str(error), error
    code, error = s.send(['get', 't'])
    assert code == 1 and isinstance(error, IndexError), error
    code, error = s.send(['nosuch'])
    assert code == 1 and type(error) is Exception and str(error) == 'Invalid command', error
    assert s.send(['get', 't', 'maxretry']) == [0, 1] or tuple(s.send(['get', 't', 'maxretry'])) == (0, 1)
    s.close()
    s = CSocket(e.sock, timeout=5)
    assert tuple(s.send(['ping'], timeout=3)) == (0, 'pong')
    s.settimeout(7)
    assert tuple(s.send(['unban', '--all'])) == (0, 2)
    s.close()
    e.stop()

def types(jailtop, d):
    """Whatever type an argument has, and wherever one is missing: an answer, and the engine lives on."""
    e = Engine(jailtop, d)
    e.start()
    odd = [None, [], ['x'], {}, {'a': []}, 0, -1, 2**63 - 1, 1.5, True, '']
    options = 'idle ignoreself ignorecommand ignorecache addlogpath dellogpath logencoding addjournalmatch addfailregex ' \
        'delfailregex addignoreregex delignoreregex prefregex datepattern usedns findtime bantime maxretry maxmatches maxlines ' \
        'logtimezone bantime.increment bantime.factor bantime.maxtime bantime.multipliers bantime.formula banip unbanip attempt ' \
        'addaction delaction addignoreip delignoreip cutconnections nosuch'.split()
    commands = [['set', 't', o, '1'] for o in options]
    commands += [['get', 't', o] for o in 'banip banned actions failregex logpath bantime findtime ignoreip'.split()]
    commands += [[verb, 't', 'action', 'rec', p, '1'][:6 if verb == 'set' else 5] for verb in ('set', 'get')
                 for p in ('actionban', 'timeout', 'bantime', 'new', 'ban')]
    commands += [['set', 't', 'banip', '--time', '5', '192.0.2.9'], ['set', 't', 'addignoreip', '--for', '5', '192.0.2.8'],
                 ['set', 'all', 'addignoreip', '--for', '5', '192.0.2.8'], ['set', 'dbpurgeage', '1d'], ['set', 'dbmaxmatches', '5'],
                 ['set', 'loglevel', 'INFO'], ['set', 'thread', {}], ['set', 'hold', 'off'], ['unban', '192.0.2.7'], ['banned', '192.0.2.7'],
                 ['status', 't', 'basic'], ['get', 't', 'actionproperties', 'rec'], ['add', 'v', 'polling'], ['start', 'v'],
                 ['reload', 't', [], []], ['multi-set', 't', 'addignoreip', ['192.0.2.6']], ['server-stream', [['ping']]], ['repair', 'x'],
                 ['echo', 'x'], ['config-error', 'x']]
    many = pickled = 0
    with Wire(e.sock) as w:
        for words in commands:
            for at in range(len(words) + 1):
                for value in odd:
                    changed = words[:at] + [value] + words[at + 1:]
                    answer = w.raw({'id': 1, 'command': changed})
                    assert 'ok' in answer, (changed, answer)
                    many += 1
                w.raw({'id': 1, 'command': words[:at]})
                # and in fail2ban's protocol, which has to write what came of it
                with socket.socket(socket.AF_UNIX) as s:
                    s.settimeout(20); s.connect(e.sock)
                    s.sendall(pickle.dumps(words[:at] + [odd[pickled % len(odd)]]) + END)
                    got = b''
                    while not got.endswith(END):
                        part = s.recv(65536)
                        assert part, words
                        got += part
                    list(pickletools.genops(got[:-len(END)]))
                    pickled += 1
    assert e.ask('ping') == 'pong'
    e.stop()
    return f'{many} commands, {pickled} more in fail2ban\'s protocol'

main(globals())
