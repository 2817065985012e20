"""fail2ban's wire, for the tests and benchmarks that speak it from Python: a pickled list of words, a pickled reply."""
import pickle, socket

END = b"<F2B_END_COMMAND>"


def exchange(s, *words):
    """Its reply [code, value] to one request on an open connection; None when it hangs up instead."""
    s.sendall(pickle.dumps(list(words), 2) + END)
    data = b""
    while not data.endswith(END):
        part = s.recv(1 << 20)
        if not part:
            return None
        data += part
    return pickle.loads(data[:-len(END)])


def ask(path, *words, seconds=60):
    """The same on a connection of its own to the socket at `path`."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(seconds)
        s.connect(path)
        return exchange(s, *words)
