#!/usr/bin/python3
"""turns.py RUNS LABEL COMMAND... -- LABEL COMMAND...: commands turn about; for each "LABEL CPU WALL", medians in ms.

CPU is user and system as the kernel counts them for the process alone: a shell that forks would add its own."""
import os
import statistics
import sys
import time


def run(command, null):
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[
        (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)])
    _, _, used = os.wait4(pid, 0)
    return 1e3 * (used.ru_utime + used.ru_stime), 1e3 * (time.perf_counter() - start)


def main():
    runs, commands = int(sys.argv[1]), [[]]
    for word in sys.argv[2:]:
        if word == "--":
            commands.append([])
        else:
            commands[-1].append(word)
    null = os.open(os.devnull, os.O_WRONLY)
    spent = [[] for _ in commands]
    for _ in range(runs):
        for i, command in enumerate(commands):
            # the first one is the long one; the short ones are noisier
            spent[i] += [run(command[1:], null) for _ in range(1 if i == 0 else 5)]
    for command, one in zip(commands, spent):
        print("%s %.2f %.2f" % (command[0], *(statistics.median(column) for column in zip(*one))))


main()
