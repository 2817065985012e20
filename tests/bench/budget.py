#!/usr/bin/python3
"""budget.py JAILTOP: what a line costs that an expression never gets done with, by the JIT, and by the interpreter, which is left where
executable memory is refused. Ends with 1 when one costs 5 ms of cpu, or is not reported as over its budget."""
import ctypes, json, os, resource, subprocess, sys, tempfile

JAILTOP = os.path.realpath(sys.argv[1])
PR_SET_MDWE, REFUSE = 65, 1
TIMES = 100
PATTERNS = [r"^ (\w+\s?)+$", r"^ (a+)+$", r"^ (a|aa)+$", r"^ (a|a?)+$", r"^ (.*a){20}$", r"^ ([a-z]+)*\d$", r"^ (([a-z])+.)+[A-Z]([a-z])+$"]


def refuse():
    ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE, 0, 0, 0)


def cpu(log, pattern, before):
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run([JAILTOP, "regex", "--json", "--usedns=no", log, pattern + " ?<HOST>?"], preexec_fn=before,
                         stdout=subprocess.PIPE, check=False).stdout
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime, json.loads(out)


def main():
    ok = True
    work = tempfile.mkdtemp(prefix="budget-")
    line = "2026-11-22 08:00:00 " + "a" * 60 + "!\n"
    for name, times in (("one", 1), ("many", TIMES + 1)):
        with open(f"{work}/{name}", "w") as f:
            f.write(line * times)
    for pattern in PATTERNS:
        row = []
        for before in (None, refuse):
            once, _ = min((cpu(f"{work}/one", pattern, before) for _ in range(3)), key=lambda x: x[0])
            many, told = min((cpu(f"{work}/many", pattern, before) for _ in range(3)), key=lambda x: x[0])
            ms = (many - once) * 1000 / TIMES
            row.append(f"{ms:5.2f} ms{'' if told['limit'] else ' (not over)'}")
            ok = ok and ms < 5
        print(f"budget: {pattern:40} JIT {row[0]}, interpreter {row[1]}", flush=True)
    subprocess.run(["rm", "-r", work], check=True)
    if not ok:
        print("a goal was missed: a line over its budget costs 5 ms or more")
    sys.exit(not ok)


main()
