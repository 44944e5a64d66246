# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Measures all ways to count in turns, in several set-ups, and compares them."""

import contextlib
import math
import os
import random
import shutil
import statistics
import subprocess
import sys

import hook
from wire import BATCH, Control, EmptyTcx, Ours, Stage, Wire

TRAFFIC = [("udp", "out"), ("udp", "in"), ("tcp", "out"), ("tcp", "in")]
BULK_WAYS = [Wire, Control, EmptyTcx, Ours]
FAILURES = (RuntimeError, OSError, ValueError, LookupError, StopIteration, subprocess.TimeoutExpired)
MOST_REPEATS = 3  # of set-ups in which something failed, of one kind
REPEATS = {}  # what failed in each set-up, by its kind
NOT_INSTALLED = "not installed"
FILLER_MAX = 820  # instructions of 5 bytes on x86-64: up to a page


def interval(values):
    """Median and the half width of its 95 % confidence interval: of order statistics, as a neighbour on
    the machine makes a few rounds dear and no round cheap. From 6 values on."""
    ordered, n = sorted(values), len(values)
    tail, rank = 0.5**n, 0
    while tail + math.comb(n, rank + 1) * 0.5**n <= 0.025:
        rank += 1
        tail += math.comb(n, rank) * 0.5**n
    return statistics.median(ordered), (ordered[n - 1 - rank] - ordered[rank]) / 2


@contextlib.contextmanager
def closing_all(wires):
    """Closes all of them, also if one cannot be closed."""
    with contextlib.ExitStack() as stack:
        try:
            yield
        finally:
            for wire in wires:
                stack.callback(wire.close)


def repeated(once, name, tell_failed=lambda result: {}):
    """Calls once(directory name) until nothing fails, at most MOST_REPEATS times more in all calls of one name."""
    while True:
        number = len(repeats := REPEATS.setdefault(name, []))
        try:
            result = once(f"{name}-{number}")
            failed = tell_failed(result)
        except FAILURES as problem:
            result, failed = problem, {"the set-up": reason_of(problem)}
        repeats.append(failed)
        if not failed or sum(map(bool, repeats)) > MOST_REPEATS:
            break
        print(f"set-up repeated: {failed}", file=sys.stderr)
    if isinstance(result, Exception):
        raise result
    return result


def reason_of(problem):
    return " ".join(f"{type(problem).__name__}: {problem}".split())[:200]


def set_up_in_random_places(wires, unavailable):
    """Where the kernel puts a program changes its cost, and set-ups that are all made in one order find the same
    places again. So the order is random, and programs of random lengths lie between."""
    fillers = []
    try:
        for wire in random.sample(wires, len(wires)):
            fillers.append(hook.load_filler(random.randrange(2, FILLER_MAX)))
            try:
                wire.set_up()
            except FAILURES as problem:
                unavailable[wire.name] = reason_of(problem)
    finally:
        for filler in fillers:
            os.close(filler)


def set_up_all(ports, ways, batch, directory, wires, unavailable):
    wires.append(Stage(f"{ports}stage", ports, directory))
    for number, way in enumerate(ways):
        if way.tool and not shutil.which(way.tool):
            unavailable[way.name] = NOT_INSTALLED
        else:
            wires.append(way(f"{ports}{number}", ports, directory))
    for wire in wires:
        wire.batch = batch
    set_up_in_random_places(wires[1:], unavailable)
    return wires[0], [wire for wire in wires[1:] if wire.name not in unavailable]


def measure_round(stage, wire, traffic, packets):
    """ns for one packet, of one way. Packets before those that count bring what the way touches into the caches: half
    as many, and some for each port."""
    packets //= wire.thinned if wire.ports > 1 else 1
    before = packets if wire.thinned > 1 else max(packets // 2, wire.batch * wire.ports)
    wire.sent[traffic[1]] += packets + before
    if wire.on_stage:
        stage.hook.put(wire.programs)
    used = stage if wire.on_stage else wire
    used.measure(*traffic, before)
    return used.measure(*traffic, packets)


def measure_once(ports, directory, rounds, packets, ways, batch):
    """{traffic: {way: [ns for one packet, of each round]}}, and the ways that could not be had. All ways take
    turns within a round, in random order."""
    wires, unavailable, times = [], {}, {}
    directory.mkdir()
    with closing_all(wires):
        stage, usable = set_up_all(ports, ways, batch, directory, wires, unavailable)
        for traffic in TRAFFIC:
            able = [wire for wire in usable if traffic[1] == "out" or wire.also_in]
            for wire in [stage, *(wire for wire in able if not wire.on_stage)]:
                wire.start_sender(*traffic)
            times[traffic] = {wire.name: [] for wire in able}
            for _ in range(rounds):
                for wire in random.sample(able, len(able)):
                    times[traffic][wire.name].append(measure_round(stage, wire, traffic, packets))
        for wire in usable:
            try:
                wire.check_counted()
            except FAILURES as problem:
                unavailable[wire.name] = reason_of(problem)
        return times, unavailable


def measure(ports, directory, set_ups, rounds, packets, ways, batch=BATCH):
    """{traffic: {way: [[ns for one packet, of each round] of each set-up]}}. Where in memory a set-up's parts happen
    to lie changes its figures, so that one set-up tells little, however often it is measured. batch: packets in a
    system call."""
    times, out = {}, {}
    for _ in range(set_ups):
        found, failed = repeated(
            lambda name: measure_once(ports, directory / name, rounds, packets, ways, batch), f"{ports}-{batch}",
            lambda result: {way: reason for way, reason in result[1].items() if reason != NOT_INSTALLED})
        out.update(failed)
        for traffic, by_way in found.items():
            for way, values in by_way.items():
                times.setdefault(traffic, {}).setdefault(way, []).append(values)
    # A way that failed again and again has not the same set-ups as the others.
    return {traffic: {way: values for way, values in by_way.items() if way not in out}
            for traffic, by_way in times.items()}, out


def difference(values, base, of=lambda a, b: a - b):
    """By how much a way differs from another: of each set-up the median of its rounds, then the median of the set-ups
    and the half width of its interval."""
    return interval([statistics.median(map(of, ours, theirs)) for ours, theirs in zip(values, base)])


def measure_bulk_once(streams, directory, size, rounds):
    """{way: [(ns of processor time, ns that passed) of each round]} for size bytes."""
    wires, times = [], {way.name: [] for way in BULK_WAYS}
    directory.mkdir()
    with closing_all(wires):
        wires.append(stage := Stage(f"b{streams}stage", 1, directory, reachable=True))
        for number, way in enumerate(BULK_WAYS):
            wires.append(way(f"b{streams}{number}", 1, directory))
        set_up_in_random_places(wires[1:], failed := {})
        if failed:
            raise RuntimeError(str(failed))
        stage.start_streams(streams)
        for number in range(rounds + 1):
            for wire in random.sample(wires[1:], len(BULK_WAYS)):
                stage.hook.put(wire.programs)
                figures = stage.measure_bulk(streams, size)
                if number:  # the first round warms up
                    times[wire.name].append(figures)
        stage.end_streams(streams)
        for wire in wires[1:]:
            wire.check_carried(size * (1 + rounds))
        return times


def measure_bulk(streams, directory, size, goal, most_set_ups, rounds):
    """{way: [figures as above, of each set-up]}, until the difference between ours and no monitor is known to
    goal (a share of the whole), or most_set_ups."""
    times = {way.name: [] for way in BULK_WAYS}
    for number in range(most_set_ups):
        found = repeated(lambda name: measure_bulk_once(streams, directory / name, size, rounds), f"bulk-{streams}")
        for name, figures in found.items():
            times[name].append(figures)
        if number >= 8 and all(bulk_change(times, Ours.name, at)[1] <= goal for at in (0, 1)):
            break
    return times


def bulk_change(times, way, at, base=Wire.name):
    """By which share a way takes longer than another: median and half width. at: 0 is processor time, 1 the time that
    passed."""
    return difference(times[way], times[base], lambda ours, theirs: ours[at] / theirs[at] - 1)
