# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The power fails while the daemon counts and writes. The ledger stays whole, at most one flush
interval is lost, and a reset stays done. A clean reboot loses nothing.

V2METER_POWER_CUTS is the number of power cuts (3), V2METER_POWER_CUT_SEED repeats a run.
"""

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import disk
import initramfs
import kernels
import qemu
from daemon import OTHER_PORT, PORT, Daemon, Server

CUTS = int(os.environ.get("V2METER_POWER_CUTS", "3"))
# Machines that run side by side, each with its own disk and its share of the cuts. A few cuts leave the other
# processor to the tests of a kernel.
MACHINES = 2 if CUTS > 3 else 1
FLUSH_S = 1
SAMPLE_S = 0.2
# A flush starts after its interval and a sample's at the latest, and takes up to 0.8 s under TCG.
LOSS_S = FLUSH_S + SAMPLE_S + 0.8
BURST = "traffic udp 10.77.0.1 {port} 20 1000 0 0 0"
BURST_BYTES = 20 * (1000 + 8 + 20 + 14)
# The most bursts in a second that the sender's pauses allow.
BURSTS_S = 20

NETWORK = """
ip netns add peer
ip link add v0 type veth peer name p0 netns peer
ip addr add 10.77.0.1/24 dev v0
ip link set v0 up
ip -n peer addr add 10.77.0.2/24 dev p0
ip -n peer link set p0 up
mount -t ext4 /dev/vda /mnt
"""
SENDER = ("while :; do ip netns exec peer " + BURST.format(port=PORT)
          + "; usleep 50000; done >/dev/null 2>&1 & echo $!")


@pytest.fixture(scope="module")
def oldest():
    """One kernel is enough to test the ledger. The oldest boots fastest."""
    try:
        return kernels.get("5.10")
    except kernels.Unavailable as error:
        pytest.skip(f"kernel 5.10: {error}")


@pytest.fixture(scope="module")
def machine(oldest, programs, tmp_path_factory):
    """A function that makes a machine with a disk."""
    image = tmp_path_factory.mktemp("initramfs") / "power-cut.cpio"
    initramfs.build(oldest, image, {**programs, "sqlite3": initramfs.host_program("sqlite3")})
    return lambda drive: qemu.Vm(oldest, image, arguments=drive.for_qemu())


class Round:
    """One run of the machine, from power on to power off."""

    def __init__(self, vm):
        self.vm = vm
        vm.boot()
        vm.check(NETWORK)
        self.server = Server(vm)
        self.other = Server(vm, OTHER_PORT)
        self.integrity = self._integrity()
        self.daemon = Daemon(vm, state_dir="/mnt/state", flush_interval_s=FLUSH_S,
                             sample_interval_ms=int(SAMPLE_S * 1000)).start()
        self.first = self.totals()

    def _integrity(self):
        """Checks copies, so that the daemon finds the files as the power cut left them."""
        return self.vm.check(
            "[ -e /mnt/state/ledger.db ] || { echo none; exit 0; }; "
            "cp /mnt/state/ledger.db* /tmp; sqlite3 /tmp/ledger.db 'PRAGMA integrity_check'"
        ).strip()

    def totals(self):
        """The guest's time, the total of the port under traffic, and the total of the port that is reset."""
        data = self.daemon.get("/api/traffic/simple")["data"]
        ports = data["ports"]
        return (data["timestamp"], ports[str(PORT)]["total_bytes"],
                ports[str(OTHER_PORT)]["total_bytes"])

    def send_once(self, port):
        self.vm.check("ip netns exec peer " + BURST.format(port=port))

    def start_sender(self):
        self.vm.check(SENDER)
        return [self.totals()]

    def count_for(self, seconds, readings):
        """Goes on reading until that many seconds have passed in the guest."""
        until_s = readings[-1][0] + seconds
        while readings[-1][0] < until_s:
            readings.append(self.totals())

    def count_until_failure(self, drive, readings, timeout_s=60):
        """Goes on reading until the disk has lost its power. Later readings do not count."""
        deadline_s = time.monotonic() + timeout_s
        while drive.failed_at_s is None:
            assert time.monotonic() < deadline_s, "nothing was written"
            reading = self.totals()
            if drive.failed_at_s is None:
                readings.append(reading)

    def reset_other(self):
        answer = self.daemon.post(f"/api/keys/{self.daemon.keys[1]['id']}/traffic/simple/reset")
        assert answer["previous_total"] == BURST_BYTES


def check_survivors(before, readings, after):
    """before: the total at the start of a run; readings: those of the run; after: the total at the start
    of the next run."""
    last_s, last, _ = readings[-1]
    durable = max([before] + [total for at_s, total, _ in readings if at_s <= last_s - LOSS_S])
    assert durable <= after, f"{durable - after} bytes older than {LOSS_S} s were lost"
    most = last + BURSTS_S * BURST_BYTES
    assert after <= most, f"{after - most} bytes more than were sent"


def check_start(life, expected):
    """Checks the start of a run against the run before. expected is None for the first run."""
    if expected is None:
        assert life.integrity == "none" and life.first[1:] == (0, 0)
        return
    before, readings, possible = expected
    assert life.integrity == "ok"
    check_survivors(before, readings, life.first[1])
    assert life.first[2] in possible, "a reset that was answered is undone"


def live_until_power_fails(life, drive, chance):
    """Returns the readings of the run, and the totals that the other port may have after it."""
    life.send_once(OTHER_PORT)
    readings = life.start_sender()
    life.count_for(LOSS_S, readings)
    possible = {0}
    if chance.random() < 0.5:
        life.reset_other()
        drive.fail_after(chance.randint(1, 12))
    else:
        drive.fail_after(chance.randint(1, 12))
        life.reset_other()
        # The power failed before the answer, so the reset may be undone.
        if drive.failed_at_s is not None:
            possible.add(BURST_BYTES)
    life.count_until_failure(drive, readings)
    life.vm.cut_power()
    return readings, possible


def cut_again_and_again(machine, cuts, seed):
    """Runs machines on one disk. Returns how many blocks that were not flushed were lost and kept."""
    chance = random.Random(seed)
    lost = kept = 0
    expected = None
    with disk.Disk(seed) as drive:
        for _ in range(cuts):
            with machine(drive) as vm:
                life = Round(vm)
                check_start(life, expected)
                before = life.first[1]
                if life.first[2]:
                    life.reset_other()
                readings, possible = live_until_power_fails(life, drive, chance)
                expected = (before, readings, possible)
            blocks = drive.cut_power()
            lost, kept = lost + blocks[0], kept + blocks[1]
        # The start after the last power cut, and then a clean end.
        with machine(drive) as vm:
            life = Round(vm)
            check_start(life, expected)
            life.send_once(PORT)
            life.daemon.stop()
            vm.power_off()
        assert drive.cut_power()[0] == 0
        with machine(drive) as vm:
            again = Round(vm)
            assert again.integrity == "ok"
            assert again.first[1:] == (life.first[1] + BURST_BYTES, life.first[2])
    return lost, kept


def test_a_power_cut_costs_at_most_one_flush_interval(machine):
    seed = int(os.environ.get("V2METER_POWER_CUT_SEED", random.randrange(1 << 32)))
    print(f"V2METER_POWER_CUT_SEED={seed}")
    shares = [CUTS // MACHINES + (i < CUTS % MACHINES) for i in range(MACHINES)]
    with ThreadPoolExecutor(MACHINES) as pool:
        blocks = list(pool.map(lambda i: cut_again_and_again(machine, shares[i], seed + i),
                               range(MACHINES)))
    print(f"{CUTS} cuts: of the blocks not flushed {sum(lost for lost, _ in blocks)} lost, "
          f"{sum(kept for _, kept in blocks)} kept")


def test_a_disk_that_does_not_flush_is_noticed(machine):
    """Shows that the checks of the test above fail if the disk does not flush."""
    with disk.Disk(1, honest=False) as drive:
        with machine(drive) as vm:
            life = Round(vm)
            readings = life.start_sender()
            life.count_for(LOSS_S + 0.5, readings)
            vm.cut_power()
        drive.pending = []
        drive.cut_power()
        with machine(drive) as vm:
            after = Round(vm)
            with pytest.raises(AssertionError, match="were lost"):
                check_survivors(life.first[1], readings, after.first[1])
