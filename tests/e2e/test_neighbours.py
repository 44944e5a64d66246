# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Other programs on the same device: v2meter leaves them as they are, and counts the packets that it sees."""

import ctypes
import os
import re
import signal
import socket
import struct
import threading
import time

import pytest

from conftest import bpf, kernel_version
from support.lab import wait_until
from test_daemon import query_programs
from support.v2ray import Key

KEY = Key("vmess-tcp", 10001)
ENTRY = {**KEY.entry(), "transport": "both"}
PROG_LOAD, OBJ_GET, PROG_ATTACH, LINK_DETACH = 5, 7, 8, 34
TCX_INGRESS, TCX_EGRESS, BEFORE, AFTER = 46, 47, 1 << 3, 1 << 4
OK, SHOT, UNSPEC = 0, 2, -1


# --- the other programs ---

def load(verdict):
    """Loads a foreign program that returns this value."""
    code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xb7, 0, 0, verdict, 0x95, 0, 0, 0), 16)
    licence = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack("<IIQQIIQII16s", 3, 2, ctypes.addressof(code), ctypes.addressof(licence),
                             0, 0, 0, 0, 0, b"foreign")
    fd, _ = bpf(PROG_LOAD, attributes)
    assert fd >= 0, os.strerror(ctypes.get_errno())
    return fd


def put_tcx(lab, verdict, hook, where):
    fd = load(verdict)
    with lab.server.entered():
        result, _ = bpf(PROG_ATTACH, struct.pack("<IIIIIIQ", socket.if_nametoindex("up0"), fd, hook, where,
                                                 0, 0, 0))
    os.close(fd)
    assert result == 0, os.strerror(ctypes.get_errno())


def put_filters(lab, inwards, outwards):
    """Adds foreign filters in both directions, at priorities 1, 7 and 50000."""
    lab.server.run("tc", "qdisc", "add", "dev", "up0", "clsact")
    for way, verdicts in (("ingress", inwards), ("egress", outwards)):
        for priority, verdict in zip((1, 7, 50000), verdicts):
            lab.server.run("tc", "filter", "add", "dev", "up0", way, "prio", priority, "handle", "7", "bpf",
                           "da", "bytecode", f"1,6 0 0 {verdict & 0xffffffff}")


def tcx_ids(lab, hook):
    with lab.server.entered():
        return list(query_programs(socket.if_nametoindex("up0"), hook))


def seen(lab):
    """Everything that tc and BPF_PROG_QUERY show for the device."""
    words = (("qdisc",), ("class",), ("filter", "ingress"), ("filter", "egress"), ("filter", "parent", "1:"))
    said = [lab.server.run("tc", kind, "show", "dev", "up0", *rest, check=False).stdout
            for kind, *rest in words]
    return said, tcx_ids(lab, TCX_INGRESS), tcx_ids(lab, TCX_EGRESS)


# --- traffic that needs no answer ---

def send(lab, count, way):
    """Sends datagrams. A filter that drops one of them is no error."""
    end, other = (lab.client, lab.server) if way == "rx" else (lab.server, lab.client)
    frame = link_address(other) + link_address(end) + b"\x08\x00" + datagram(
        *((lab.CLIENT[4], lab.SERVER[4], 40000, KEY.port) if way == "rx" else
          (lab.SERVER[4], lab.CLIENT[4], KEY.port, 40000)))
    with end.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("up0", 0))
        for _ in range(count):
            try:
                sender.send(frame)
            except OSError as problem:
                if problem.errno != 105:  # ENOBUFS: a filter dropped it
                    raise
    return count * len(frame)


def link_address(end):
    text = end.ip("link", "show", "up0").stdout
    return bytes.fromhex(re.search(r"link/ether ([0-9a-f:]+)", text)[1].replace(":", ""))


def datagram(source, target, from_port, to_port):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 128, 7, 0, 64, 17, 0, socket.inet_aton(source),
                         socket.inet_aton(target))
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xffff) + (total >> 16)
    return header[:10] + struct.pack("!H", ~total & 0xffff) + header[12:] + struct.pack(
        "!HHHH", from_port, to_port, 108, 0) + bytes(100)


def assert_counts(lab, daemon, count=20):
    for way in ("rx", "tx"):
        before = daemon.port_entry(KEY.port)
        sent = send(lab, count, way)
        wait_until(lambda: daemon.port_entry(KEY.port)[f"{way}_packets"] >= before[f"{way}_packets"] + count,
                   what=f"{way} to be counted")
        after = daemon.port_entry(KEY.port)
        assert after[f"{way}_packets"] == before[f"{way}_packets"] + count
        assert after[f"{way}_bytes"] == before[f"{way}_bytes"] + sent


# --- the tests ---

def put_htb(lab):
    lab.server.run("tc", "qdisc", "add", "dev", "up0", "root", "handle", "1:", "htb", "default", "10")
    lab.server.run("tc", "class", "add", "dev", "up0", "parent", "1:", "classid", "1:10", "htb", "rate",
                   "1gbit")


NEIGHBOURS = {
    "filters that accept, and htb": lambda lab: (put_filters(lab, (OK, OK, OK), (OK, OK, OK)),
                                                 put_htb(lab)),
    "filters that drop and pass on": lambda lab: put_filters(lab, (SHOT, UNSPEC, OK),
                                                             (UNSPEC, UNSPEC, SHOT)),
    "tcx, and filters": lambda lab: (put_tcx(lab, OK, TCX_INGRESS, 0), put_tcx(lab, SHOT, TCX_EGRESS, 0),
                                     put_filters(lab, (OK, OK, OK), (SHOT, OK, OK))),
}


def test_neighbours_stay_as_they_are_and_do_not_starve_us(lab, start_daemon, hook):
    """The foreign programs come one after the other on the same device; each is removed before the next."""
    daemon = start_daemon([ENTRY], running=False, attach=hook)
    for name, put in NEIGHBOURS.items():
        if name.startswith("tcx") and (kernel_version() < (6, 6) or hook == "clsact"):
            continue  # there is no tcx, or its program decides before clsact runs
        put(lab)
        before = seen(lab)
        daemon.start()
        assert_counts(lab, daemon)
        assert daemon.process.stop() == 0
        after = seen(lab)
        for now, then in zip(after[1:], before[1:]):
            assert [number for number in now if number in then] == then, name
        for now, then in zip(after[0], before[0]):
            assert set(then.splitlines()) <= set(now.splitlines()), name
            assert hook == "clsact" or now == then, name
        made = daemon.run("--detach")
        assert made.returncode == 0, made.stderr
        assert seen(lab) == before, name
        assert not lab.pin_dir.exists()
        remove_neighbours(lab)


def remove_neighbours(lab):
    """Deletes the device with everything on it, and makes a new one with the same name."""
    lab.server.ip("link", "delete", "up0")
    make_again(lab)


def make_again(lab):
    lab.wire()
    for end, own in ((lab.server, lab.SERVER), (lab.client, lab.CLIENT)):
        end.ip("address", "add", own[4] + "/24", "dev", "up0")
        end.ip("link", "set", "up0", "up")


def reasons(daemon):
    return [reason["reason"] for reason in daemon.status()["reasons"]]


def assert_outrun(lab, daemon):
    """Packets that a foreign program keeps for itself are not counted, and the health says so."""
    before = daemon.port_entry(KEY.port)["rx_packets"]
    wait_until(lambda: send(lab, 300, "rx") and "outrun" in reasons(daemon), what="the reason outrun")
    detail = daemon.status()["detail"]
    # The minute may hold packets of before.
    assert re.match("up0: (100|9[0-9]) % of the bytes that it received", detail), detail
    assert detail.endswith("a program of somebody else runs before ours and keeps them")
    assert daemon.port_entry(KEY.port)["rx_packets"] == before


def test_a_program_that_goes_before_ours_is_reported(lab, start_daemon):
    if kernel_version() < (6, 6):
        pytest.skip("tcx needs Linux 6.6 or newer")
    daemon = start_daemon([ENTRY])
    put_tcx(lab, UNSPEC, TCX_INGRESS, AFTER)
    assert_counts(lab, daemon)
    assert not daemon.status()["devices"][0]["outrun"]
    put_tcx(lab, UNSPEC, TCX_INGRESS, BEFORE)
    wait_until(lambda: daemon.status()["devices"][0]["outrun"], what="the report")
    assert "another program runs before ours" in daemon.said()
    assert_counts(lab, daemon)
    assert "outrun" not in reasons(daemon)
    put_tcx(lab, OK, TCX_INGRESS, BEFORE)
    assert_outrun(lab, daemon)


def test_a_filter_that_goes_before_ours_is_reported(lab, start_daemon):
    lab.server.run("tc", "qdisc", "add", "dev", "up0", "clsact")
    lab.server.run("tc", "filter", "add", "dev", "up0", "ingress", "protocol", "arp",
                   "prio", "1", "bpf", "da", "bytecode", f"1,6 0 0 {UNSPEC & 0xffffffff}")
    daemon = start_daemon([ENTRY], attach="clsact")
    wait_until(lambda: daemon.status()["devices"][0]["outrun"], what="the report")
    assert "another program runs before ours" in daemon.said()
    assert_counts(lab, daemon)
    lab.server.run("tc", "filter", "del", "dev", "up0", "ingress", "prio", "1")
    wait_until(lambda: not daemon.status()["devices"][0]["outrun"], what="the report to end")
    lab.server.run("tc", "filter", "add", "dev", "up0", "ingress", "protocol", "ip", "prio", "1", "bpf", "da",
                   "bytecode", f"1,6 0 0 {OK}")
    assert_outrun(lab, daemon)
    lab.server.run("tc", "filter", "del", "dev", "up0", "ingress", "prio", "1")
    wait_until(lambda: send(lab, 3000, "rx") and "outrun" not in reasons(daemon), what="the end of it")


def delete_filter(lab):
    lab.server.run("tc", "filter", "del", "dev", "up0", "ingress")


def delete_qdisc(lab):
    lab.server.run("tc", "qdisc", "del", "dev", "up0", "clsact")


def detach_link(lab):
    """Detaches our program and leaves its pin."""
    with lab.server.entered():
        index = socket.if_nametoindex("up0")
    path = ctypes.create_string_buffer(str(lab.pin_dir / "v4" / f"link_{index}_ingress").encode())
    fd, _ = bpf(OBJ_GET, struct.pack("<QII", ctypes.addressof(path), 0, 0))
    assert fd >= 0
    result, _ = bpf(LINK_DETACH, struct.pack("<I", fd))
    os.close(fd)
    assert result == 0


@pytest.mark.parametrize("remove", [delete_filter, delete_qdisc, detach_link])
def test_what_somebody_removes_is_back_within_a_second(lab, start_daemon, remove):
    tcx = remove is detach_link
    if tcx and kernel_version() < (6, 6):
        pytest.skip("tcx needs Linux 6.6 or newer")
    daemon = start_daemon([ENTRY], attach="auto" if tcx else "clsact", sample_interval_ms=1000)

    def there():
        return tcx_ids(lab, TCX_INGRESS) if tcx else "v2m_ingress" in lab.server.run(
            "tc", "filter", "show", "dev", "up0", "ingress", check=False).stdout

    wait_until(there, what="our program")
    device = daemon.status()["devices"][0]
    assert (device["repairs"], device["last_repair"], device["last_gap_s"]) == (0, None, 0)
    began = time.monotonic()
    remove(lab)
    wait_until(there, timeout_s=5, what="our program to be back")
    # One second, and the time that a busy machine needs to notice.
    assert time.monotonic() - began < 1.5
    device = wait_until(lambda: [found for found in daemon.status()["devices"] if found["repairs"]],
                        what="the repair in the status")[0]
    assert device["repairs"] == 1 and re.match(r"\d{4}-\d\d-\d\dT", device["last_repair"])
    assert 0 < device["last_gap_s"] < 1.5
    assert daemon.said().count("had been removed and are back") == 1
    assert "programs_removed" in reasons(daemon)
    assert_counts(lab, daemon)
    daemon.process.stop()
    remove(lab)
    daemon.start()
    assert "up0 were gone when the daemon started" in daemon.said()
    assert "programs_removed" in reasons(daemon)


def test_an_ingress_qdisc_is_left_alone_and_the_way_out_is_named(lab, start_daemon):
    """With clsact only: the ingress qdisc has the place of clsact."""
    lab.server.run("tc", "qdisc", "add", "dev", "up0", "ingress")
    before = seen(lab)
    daemon = start_daemon([ENTRY], running=False, attach="clsact", sample_interval_ms=200)
    daemon.start()
    wait_until(lambda: "tc qdisc del dev up0 ingress; tc qdisc add dev up0 clsact" in daemon.said(),
               what="the advice")
    assert seen(lab) == before
    assert daemon.said().count("cannot count on up0") == 1
    assert daemon.status()["devices"][0]["attach"] == "none"
    lab.server.run("tc", "qdisc", "del", "dev", "up0", "ingress")
    lab.server.run("tc", "qdisc", "add", "dev", "up0", "clsact")
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: "v2m_ingress" in lab.server.run(
        "tc", "filter", "show", "dev", "up0", "ingress").stdout, what="our filter")
    wait_until(lambda: daemon.status()["accounting"]["exact"], what="exact counting")
    assert_counts(lab, daemon)


# --- devices ---

class Flood(threading.Thread):
    """Sends frames from the monitored port while it runs, and counts those that the device accepted."""

    def __init__(self, lab):
        super().__init__()
        self.frame = link_address(lab.client) + link_address(lab.server) + b"\x08\x00" + datagram(
            lab.SERVER[4], lab.CLIENT[4], KEY.port, 40000)
        self.socket = lab.server.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind(("up0", 0))
        self.taken = self.refused = 0
        self.ending = False

    def run(self):
        while not self.ending:
            try:
                self.socket.send(self.frame)
                self.taken += 1
            except OSError:  # ENETDOWN
                self.refused += 1
                time.sleep(0.0002)

    def end(self):
        self.ending = True
        self.join()
        self.socket.close()


def test_a_device_that_goes_down_and_up_under_traffic_loses_nothing(lab, start_daemon):
    daemon = start_daemon([ENTRY], interfaces=["auto"])
    flood = Flood(lab)
    flood.start()
    try:
        for _ in range(4):
            taken = flood.taken
            wait_until(lambda: flood.taken > taken + 100, what="traffic")
            refused = flood.refused
            lab.server.ip("link", "set", "up0", "down")
            wait_until(lambda: flood.refused > refused + 100, what="no traffic")
            # This is long enough for the daemon to notice.
            assert daemon.status()["devices"][0]["name"] == "up0"
            lab.server.ip("link", "set", "up0", "up")
    finally:
        flood.end()
    wait_until(lambda: daemon.port_entry(KEY.port)["tx_packets"] >= flood.taken, what="all of it")
    assert daemon.port_entry(KEY.port)["tx_packets"] == flood.taken
    assert daemon.status()["devices"][0]["repairs"] == 0
    assert "no longer counting" not in daemon.said()


def test_a_device_that_goes_is_let_go_of_and_taken_again_when_it_is_back(lab, start_daemon):
    daemon = start_daemon([ENTRY], interfaces=["auto"])
    for times in (1, 2):
        assert_counts(lab, daemon)
        before = daemon.port_entry(KEY.port)
        lab.server.ip("link", "delete", "up0")
        wait_until(lambda: daemon.get("/health").json() == {"status": "degraded", "reason": "no_device"},
                   timeout_s=2, what="no device")
        assert daemon.port_entry(KEY.port)["total_bytes"] == before["total_bytes"]
        make_again(lab)
        lab.server.ip("route", "add", "default", "via", lab.CLIENT[4])
        wait_until(lambda: daemon.get("/health").json() == {"status": "healthy"}, timeout_s=2,
                   what="the new device")
        assert daemon.said().count("no longer counting on up0 (device ") == times
        assert daemon.said().count("counting on up0 (default route)") == times + 1
    assert_counts(lab, daemon)
    assert daemon.said().count("no device to count on") == 2 and " error " not in daemon.said()


def test_nothing_is_residual_after_a_flood(lab, start_daemon):
    daemon = start_daemon([ENTRY])
    flood = Flood(lab)
    flood.start()
    # During traffic, a reading may contain half of one packet of each processor, but not more.
    for _ in range(10):
        table = daemon.status()["devices"][0]["egress"]
        assert abs(table["residual_bytes"]) <= os.cpu_count() * len(flood.frame)
    wait_until(lambda: flood.taken > 2000, what="traffic")
    flood.end()
    daemon.simple()
    table = daemon.status()["devices"][0]["egress"]
    assert table["residual_bytes"] == 0
    assert table["keys"]["packets"] == flood.taken


def test_a_name_that_no_device_has_is_logged_once(lab, start_daemon):
    daemon = start_daemon([ENTRY], interfaces=["up0", "eth7", "wan*"])
    for _ in range(3):
        lab.server.ip("link", "set", "lo", "down")
        lab.server.ip("link", "set", "lo", "up")
    assert_counts(lab, daemon)
    for name in ("eth7", "wan*"):
        assert daemon.said().count(f'no device matches "{name}" in interfaces') == 1
    assert 'matches "up0"' not in daemon.said()
