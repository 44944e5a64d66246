# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Measures the cost of counting on a device: namespaces with a veth pair between them, and the ways to count
on it. Each way is set up once and says afterwards what it counted and on which path."""

import contextlib
import ctypes
import json
import math
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time

BUILD = pathlib.Path(os.environ.get("V2M_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build"))
FIRST_PORT = 10000
UNUSED_PORT = 60000  # a port that is monitored and never used
SERVER, CLIENT, NOBODY = "10.78.0.1", "10.78.0.2", "02:00:00:00:00:99"
PR_SET_PDEATHSIG, SIGKILL = 1, 9
ASK = """import json, sys, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"X-API-Key": sys.argv[2]})
print(urllib.request.urlopen(request, timeout=10).read().decode())"""

libc = ctypes.CDLL(None)


def run(*words, stdin=None):
    made = subprocess.run([str(word) for word in words], input=stdin, text=True, timeout=120,
                          capture_output=True)
    if made.returncode:
        raise RuntimeError(f"{words[0]}: {made.returncode}: {made.stderr.strip()}")
    return made.stdout


def end_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL)


def interval(values):
    """Median and the half width of its 95 % confidence interval: of order statistics, as a neighbour on
    the machine makes a few rounds dear and no round cheap. From 6 values on."""
    ordered, n = sorted(values), len(values)
    tail, rank = 0.5**n, 0
    while tail + math.comb(n, rank + 1) * 0.5**n <= 0.025:
        rank += 1
        tail += math.comb(n, rank) * 0.5**n
    return statistics.median(ordered), (ordered[n - 1 - rank] - ordered[rank]) / 2


class Wire:
    """A server and a client in namespaces, and nothing that counts."""
    name = "no monitor"
    tool = None  # what has to be installed
    also_in = True  # counts packets that arrive, too

    def __init__(self, number, ports, directory, reachable=False):
        self.ports, self.directory, self.senders = ports, directory / f"{number}", {}
        self.names = [f"v2m-bench-{os.getpid()}-{number}{end}" for end in "sk"]
        self.directory.mkdir()
        self.pins = pathlib.Path("/sys/fs/bpf") / self.names[0]
        for namespace in self.names:
            run("ip", "netns", "add", namespace)
        run("ip", "link", "add", "up0", "netns", self.names[0], "type", "veth", "peer", "name", "up0",
            "netns", self.names[1])
        for namespace, address, other in zip(self.names, (SERVER, CLIENT), (CLIENT, SERVER)):
            run("ip", "-n", namespace, "link", "set", "lo", "up")
            run("ip", "-n", namespace, "link", "set", "up0", "up")
            run("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "up0")
            # Packets are for a host that is not there: the other end throws them away at once.
            if not reachable:
                run("ip", "-n", namespace, "neighbour", "add", other, "lladdr", NOBODY, "dev", "up0",
                    "nud", "permanent")
        self.set_routes()

    def set_routes(self):
        """A device with a default route is an uplink."""
        run("ip", "-n", self.names[0], "route", "add", "default", "via", CLIENT)

    def inside(self, *words, **options):
        return run("nsenter", f"--net=/run/netns/{self.names[0]}", "--", *words, **options)

    def port_numbers(self):
        return range(FIRST_PORT, FIRST_PORT + self.ports)

    def set_up(self):
        pass

    def check_counted(self, sent):
        """Raises if it has not counted all of {direction: packets}, or by another path."""

    def start_sender(self, protocol, way):
        namespace = self.names[0 if way == "out" else 1]
        ends = (SERVER, CLIENT) if way == "out" else (CLIENT, SERVER)
        sender = subprocess.Popen(
            [str(word) for word in ("nsenter", f"--net=/run/netns/{namespace}", "--", BUILD / "bench_send",
                                    protocol, way, *ends, FIRST_PORT, self.ports)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent)
        if sender.stdout.readline() != "ready\n":
            raise RuntimeError("the sender did not start")
        self.senders[protocol, way] = sender

    def measure(self, protocol, way, packets):
        """ns of processor time for one packet. The thread's time has to hold what arrives on the
        other side: it does where the kernel does not account interrupts by themselves."""
        sender = self.senders[protocol, way]
        sender.stdin.write(f"{packets}\n")
        sender.stdin.flush()
        return float(sender.stdout.readline().split()[0])

    def start_streams(self, streams):
        """Bulk TCP from the server's first port; measure_bulk() carries bytes."""
        self.senders[streams] = bulk = subprocess.Popen(
            [str(word) for word in (BUILD / "bench_bulk", *(f"/run/netns/{name}" for name in self.names),
                                    SERVER, FIRST_PORT, streams)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=end_with_parent)
        if bulk.stdout.readline() != "ready\n":
            raise RuntimeError("the streams did not start")

    def measure_bulk(self, streams, size):
        """(ns of processor time, ns that passed) of all ends, the hooks and the device, for size bytes."""
        bulk = self.senders[streams]
        bulk.stdin.write(f"{size}\n")
        bulk.stdin.flush()
        return tuple(float(word) for word in bulk.stdout.readline().split())

    def end_streams(self, streams):
        bulk = self.senders.pop(streams)
        bulk.stdin.close()
        bulk.wait(10)

    def check_carried(self, sent):
        """Raises if it has not counted at least so many bytes that left."""

    def close(self):
        for sender in self.senders.values():
            sender.stdin.close()
            sender.wait(10)
        if self.pins.exists():
            shutil.rmtree(self.pins)
        for namespace in self.names:
            subprocess.run(["ip", "netns", "delete", namespace], check=False)


class Control(Wire):
    """The same set-up twice: its difference is the error of the measurement."""
    name = "no monitor, again"


class EmptyTcx(Wire):
    name = "empty program, tcx"

    def set_up(self):
        self.pins.mkdir()
        for way in ("ingress", "egress"):
            self.inside(BUILD / "bench_attach", BUILD / "bpf" / "variants.bpf.o", "empty", "up0", way,
                        self.pins / f"link_{way}")


class EmptyClsact(Wire):
    name = "empty program, clsact"
    tool = "tc"

    def set_up(self):
        self.pins.mkdir()
        run("bpftool", "prog", "loadall", BUILD / "bpf" / "variants.bpf.o", self.pins)
        self.inside("tc", "qdisc", "add", "dev", "up0", "clsact")
        for way in ("ingress", "egress"):
            self.inside("tc", "filter", "add", "dev", "up0", way, "bpf", "da", "pinned", self.pins / "empty")


class Ours(Wire):
    """The daemon attaches and ends: what is pinned goes on counting."""
    name = "v2meter, tcx"
    attach, host_only, monitored = "tcx", False, True
    daemon = BUILD / "v2meterd"

    def set_up(self):
        numbers = self.port_numbers() if self.monitored else [UNUSED_PORT]
        keys, self.config = self.directory / "keys.json", self.directory / "config.json"
        keys.write_text(json.dumps([{"id": f"k{port}", "name": f"k{port}", "port": port,
                                     "uuid": f"00000000-0000-4000-8000-{port:012d}"} for port in numbers]))
        self.config.write_text(json.dumps({
            "listen": "127.0.0.1:20000", "state_dir": str(self.directory / "state"),
            "pin_dir": str(self.pins), "interfaces": ["up0"], "key_sources": [str(keys)],
            "attach": "clsact" if self.attach == "clsact" else "auto"}))
        daemon = self.start_daemon()
        try:
            self.check_path()
        finally:
            daemon.terminate()
            daemon.wait(10)

    def start_daemon(self):
        with open(self.directory / "log", "w+") as log:
            daemon = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.names[0]}", "--", self.daemon, "--config",
                 self.config], stderr=log, stdout=log, preexec_fn=end_with_parent)
        end = time.monotonic() + 20
        while "counting on up0" not in (said := (self.directory / "log").read_text()):
            if daemon.poll() is not None or time.monotonic() > end:
                daemon.kill()
                raise RuntimeError(said)
            time.sleep(0.05)
        return daemon

    def check_path(self):
        """A figure with a name that is not the path's would be worse than none."""
        secret = (self.directory / "state" / "api_key").read_text().strip()
        status = json.loads(self.inside(sys.executable, "-c", ASK,
                                        "http://127.0.0.1:20000/api/meter/status", secret))
        row = next(device for device in status["devices"] if device["name"] == "up0")
        found = row["attach"], row["host_only"]
        if found != (self.attach, self.host_only):
            raise RuntimeError(f"{self.name}: up0 has attach {found[0]} and host_only {found[1]}, wanted "
                               f"{self.attach} and {self.host_only}")

    def tallies(self, way):
        """{keys, other: {packets, wire_bytes}} of the device."""
        pin = next(self.pins.glob("v*")) / "device_counters"
        said = json.loads(run("bpftool", "-j", "map", "dump", "pinned", pin))
        flows = [copy["value"]["egress" if way == "out" else "ingress"] for device in said
                 for copy in device["formatted"]["values"]]
        return {name: {unit: sum(flow[name][unit] for flow in flows) for unit in ("packets", "wire_bytes")}
                for name in ("keys", "other")}

    def check_counted(self, sent):
        for way, packets in sent.items():
            total = {name: tally["packets"] for name, tally in self.tallies(way).items()}
            if total["keys"] != (packets if self.monitored else 0) or sum(total.values()) < packets:
                raise RuntimeError(f"{self.name}: {total} of {packets} packets {way}")

    def check_carried(self, sent):
        found = self.tallies("out")["keys"]["wire_bytes"]
        if found < sent:
            raise RuntimeError(f"{self.name}: {found} bytes counted where {sent} were carried")

    def close(self):
        if self.pins.exists():
            self.inside(self.daemon, "--config", self.directory / "config.json", "--detach")
        super().close()


class OursClsact(Ours):
    name = "v2meter, clsact"
    attach = "clsact"


class OursHostOnly(Ours):
    name = "v2meter, tcx, host-only"
    host_only = True

    def set_routes(self):
        pass


class OursUnmonitored(Ours):
    name = "v2meter, tcx, port not monitored"
    monitored = False


class OursBefore(Ours):
    """Another build, as a comparison."""
    name = "other build, tcx"
    daemon = pathlib.Path(os.environ.get("V2M_BENCH_DAEMON", "/nonexistent"))


class OursBeforeHostOnly(OursHostOnly):
    name = "other build, tcx, host-only"
    daemon = OursBefore.daemon


class OursBeforeUnmonitored(OursUnmonitored):
    name = "other build, tcx, port not monitored"
    daemon = OursBefore.daemon


class Nftables(Wire):
    name = "nftables map"
    tool = "nft"
    also_in = False  # what is for another host does not get that far

    def set_up(self):
        counters = "".join(f"counter c{port} {{ }}\n" for port in self.port_numbers())
        elements = ", ".join(f'{port} : "c{port}"' for port in self.port_numbers())
        self.inside("nft", "-f", "-", stdin=f"""table ip count {{
            {counters}
            map ports {{ type inet_service : counter; elements = {{ {elements} }} }}
            chain out {{
                type filter hook output priority 0;
                counter name th sport map @ports
            }}
        }}""")

    def check_counted(self, sent):
        said = json.loads(self.inside("nft", "-j", "list", "counters"))
        total = sum(entry["counter"]["packets"] for entry in said["nftables"] if "counter" in entry)
        if total != sent["out"]:
            raise RuntimeError(f"{self.name}: {total} of {sent['out']} packets")


class Iptables(Wire):
    name = "iptables rules"
    tool = "iptables-restore"
    also_in = False

    def set_up(self):
        rules = "".join(f"-A OUTPUT -p {protocol} --sport {port}\n" for port in self.port_numbers()
                        for protocol in ("udp", "tcp"))
        self.inside("iptables-restore", stdin=f"*filter\n{rules}COMMIT\n")

    def check_counted(self, sent):
        said = self.inside("iptables-save", "-c").splitlines()
        total = sum(int(line[1:].split(":")[0]) for line in said if "--sport" in line)
        if total != sent["out"]:
            raise RuntimeError(f"{self.name}: {total} of {sent['out']} packets")


WAYS = [Wire, Control, EmptyTcx, EmptyClsact, Ours, OursClsact, OursHostOnly, OursUnmonitored, Nftables,
        Iptables]
if "V2M_BENCH_DAEMON" in os.environ:
    WAYS += [OursBefore, OursBeforeHostOnly, OursBeforeUnmonitored]
TRAFFIC = [("udp", "out"), ("udp", "in"), ("tcp", "out"), ("tcp", "in")]


def chosen_ways():
    words = os.environ.get("V2M_BENCH_WAYS")
    names = words.split(";") if words else [way.name for way in WAYS]
    unknown = set(names) - {way.name for way in WAYS}
    if unknown:
        sys.exit(f"V2M_BENCH_WAYS: no such way: {', '.join(sorted(unknown))}")
    return [way for way in WAYS if way.name in names]


FAILURES = (RuntimeError, OSError, ValueError, LookupError, StopIteration, subprocess.TimeoutExpired)
MOST_REPEATS = 3  # of set-ups in which something failed, of one kind
REPEATS = {}  # what failed in each set-up, by its kind
NOT_INSTALLED = "not installed"


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


def set_up_all(ports, directory, wires, unavailable):
    for number, way in enumerate(chosen_ways()):
        if way.tool and not shutil.which(way.tool):
            unavailable[way.name] = NOT_INSTALLED
            continue
        wire = way(f"{ports}{number}", ports, directory)
        wires.append(wire)
        try:
            wire.set_up()
        except FAILURES as problem:
            unavailable[way.name] = reason_of(problem)
    return [wire for wire in wires if wire.name not in unavailable]


def measure_once(ports, directory, rounds, packets):
    """{traffic: {way: median ns for one packet}}, and the ways that could not be had. All ways take turns
    within a round, in random order."""
    wires, unavailable, medians = [], {}, {}
    directory.mkdir()
    with closing_all(wires):
        usable = set_up_all(ports, directory, wires, unavailable)
        for traffic in TRAFFIC:
            able = [wire for wire in usable if traffic[1] == "out" or wire.also_in]
            for wire in able:
                wire.start_sender(*traffic)
                wire.measure(*traffic, packets)
            times = {wire.name: [] for wire in able}
            for _ in range(rounds):
                for wire in random.sample(able, len(able)):
                    times[wire.name].append(wire.measure(*traffic, packets))
            medians[traffic] = {name: statistics.median(values) for name, values in times.items()}
        sent = dict.fromkeys(("out", "in"), 2 * packets * (rounds + 1))
        for wire in usable:
            try:
                wire.check_counted(sent)
            except FAILURES as problem:
                unavailable[wire.name] = reason_of(problem)
        return medians, unavailable


def measure(ports, directory, set_ups, rounds, packets):
    """{traffic: {way: [ns for one packet, of each set-up]}}. Where in memory a set-up's parts happen to lie
    changes its figures by tens of ns, so that one set-up tells little, however often it is measured."""
    times, out = {}, {}
    for _ in range(set_ups):
        medians, failed = repeated(
            lambda name: measure_once(ports, directory / name, rounds, packets), f"{ports}",
            lambda result: {way: reason for way, reason in result[1].items() if reason != NOT_INSTALLED})
        out.update(failed)
        for traffic, by_way in medians.items():
            for way, median in by_way.items():
                times.setdefault(traffic, {}).setdefault(way, []).append(median)
    # A way that failed again and again has not the same set-ups as the others.
    return {traffic: {way: values for way, values in by_way.items() if way not in out}
            for traffic, by_way in times.items()}, out


BULK_WAYS = [Wire, Control, EmptyTcx, Ours]


def measure_bulk_once(streams, directory, size, rounds):
    """{way: median (ns of processor time, ns that passed)} for size bytes."""
    wires, times = [], {way.name: [] for way in BULK_WAYS}
    directory.mkdir()
    with closing_all(wires):
        for number, way in enumerate(BULK_WAYS):
            wire = way(f"b{streams}{number}", 1, directory, reachable=True)
            wires.append(wire)
            wire.set_up()
            wire.start_streams(streams)
            wire.measure_bulk(streams, size)
        for _ in range(rounds):
            for wire in random.sample(wires, len(wires)):
                times[wire.name].append(wire.measure_bulk(streams, size))
        for wire in wires:
            wire.end_streams(streams)
            wire.check_carried(size * (1 + rounds))
        return {name: tuple(map(statistics.median, zip(*values))) for name, values in times.items()}


def measure_bulk(streams, directory, size, goal, most_set_ups, rounds):
    """{way: [figures as above, of each set-up]}, until the difference between ours and no monitor is known to
    goal (a share of the whole), or most_set_ups."""
    times = {way.name: [] for way in BULK_WAYS}
    for number in range(most_set_ups):
        medians = repeated(lambda name: measure_bulk_once(streams, directory / name, size, rounds), f"bulk-{streams}")
        for name, median in medians.items():
            times[name].append(median)
        if number >= 11 and all(bulk_change(times, Ours.name, at)[1] <= goal for at in (0, 1)):
            break
    return times


def bulk_change(times, way, at):
    """By which share a way takes longer than no monitor, in each set-up: median and half width. at: 0 is
    processor time, 1 the time that passed."""
    return interval([ours[at] / theirs[at] - 1 for ours, theirs in zip(times[way], times[Wire.name])])
