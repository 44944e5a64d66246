# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Measures the cost of counting on a device: namespaces with a veth pair between them, and the ways to count
on it. Each way is set up once and says afterwards what it counted and on which path."""

import collections
import ctypes
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import hook

BUILD = pathlib.Path(os.environ.get("V2M_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build"))
FIRST_PORT = 10000
BATCH = 8  # packets for a port in a system call
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


class Wire:
    """A server and a client in namespaces, and nothing that counts."""
    name = "no monitor"
    tool = None  # what has to be installed
    also_in = True  # counts packets that arrive, too
    on_stage = True  # its programs take turns with those of others on one wire, see Stage
    batch = BATCH
    thinned = 1  # by which it divides the packets of a round, if there are many ports

    def __init__(self, number, ports, directory, reachable=False):
        self.ports, self.directory, self.senders = ports, directory / f"{number}", {}
        self.programs, self.sent = [], collections.Counter()
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

    def take_programs(self, *pins):
        """Keeps the programs of two links, for what arrives and for what leaves."""
        for pin in pins:
            self.programs.append(hook.program_of(pin))

    def check_counted(self):
        """Raises if it has not counted all packets that were sent."""

    def start_sender(self, protocol, way):
        namespace = self.names[0 if way == "out" else 1]
        ends = (SERVER, CLIENT) if way == "out" else (CLIENT, SERVER)
        sender = subprocess.Popen(
            [str(word) for word in ("nsenter", f"--net=/run/netns/{namespace}", "--", BUILD / "bench_send",
                                    protocol, way, *ends, FIRST_PORT, self.ports, self.batch)],
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
        while self.programs:
            os.close(self.programs.pop())
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
        self.take_programs(self.pins / "link_ingress", self.pins / "link_egress")


class EmptyClsact(Wire):
    name = "empty program, clsact"
    tool = "tc"
    on_stage = False

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
        if self.on_stage:
            self.take_programs(*(next(self.pins.glob(f"v*/link_*_{way}")) for way in ("ingress", "egress")))

    def start_daemon(self):
        with open(self.directory / "log", "w+") as log:
            daemon = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.names[0]}", "--", self.daemon, "--config",
                 self.config], stderr=log, stdout=log, preexec_fn=end_with_parent)
        try:
            self.wait_until_counting(daemon)
        except BaseException:
            daemon.kill()
            daemon.wait()
            raise
        return daemon

    def wait_until_counting(self, daemon):
        end = time.monotonic() + 20
        while "counting on up0" not in (said := (self.directory / "log").read_text()):
            if daemon.poll() is not None or time.monotonic() > end:
                raise RuntimeError(said)
            time.sleep(0.05)

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

    def check_counted(self):
        for way, packets in self.sent.items():
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
    on_stage = False


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
    also_in, on_stage = False, False  # what is for another host does not get that far

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

    def check_counted(self):
        said = json.loads(self.inside("nft", "-j", "list", "counters"))
        total = sum(entry["counter"]["packets"] for entry in said["nftables"] if "counter" in entry)
        if total != self.sent["out"]:
            raise RuntimeError(f"{self.name}: {total} of {self.sent['out']} packets")


class Iptables(Wire):
    name = "iptables rules"
    tool = "iptables-restore"
    also_in, on_stage = False, False
    thinned = 20  # a packet takes more than ten times as long as elsewhere

    def set_up(self):
        rules = "".join(f"-A OUTPUT -p {protocol} --sport {port}\n" for port in self.port_numbers()
                        for protocol in ("udp", "tcp"))
        self.inside("iptables-restore", stdin=f"*filter\n{rules}COMMIT\n")

    def check_counted(self):
        said = self.inside("iptables-save", "-c").splitlines()
        total = sum(int(line[1:].split(":")[0]) for line in said if "--sport" in line)
        if total != self.sent["out"]:
            raise RuntimeError(f"{self.name}: {total} of {self.sent['out']} packets")


class Stage(Wire):
    """A wire on which programs that were loaded for other wires take turns, so that these differ in nothing else."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        links = json.loads(self.inside("ip", "-j", "link", "show", "dev", "up0"))
        self.hook = hook.Hook(self.names[0], links[0]["ifindex"])

    def close(self):
        self.hook.clear()
        super().close()


WAYS = [Wire, Control, EmptyTcx, EmptyClsact, Ours, OursClsact, OursHostOnly, OursUnmonitored, Nftables,
        Iptables]
if "V2M_BENCH_DAEMON" in os.environ:
    WAYS += [OursBefore, OursBeforeHostOnly, OursBeforeUnmonitored]


def chosen_ways():
    words = os.environ.get("V2M_BENCH_WAYS")
    names = words.split(";") if words else [way.name for way in WAYS]
    unknown = set(names) - {way.name for way in WAYS}
    if unknown:
        sys.exit(f"V2M_BENCH_WAYS: no such way: {', '.join(sorted(unknown))}")
    return [way for way in WAYS if way.name in names]
