# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""With the capabilities of the unit file and no others: the counting, the answering, the reading and the following
process have exactly the rights that they need, and everything that the daemon does still works. There is no systemd here, so
setpriv(1) sets what the unit says."""

import json

import pytest

from daemon import KEY, PIN_DIR, PORT, Daemon, GuestCapture, key, wait_until
from support import unit

EXCHANGE = f"ip netns exec peer traffic tcp {{}} {PORT} 100000 200000"
NEW_DEVICE = """
ip link add v9 type veth peer name r9 netns peer
ethtool -K v9 tso off gso off gro off tx-udp-segmentation off
ip netns exec peer ethtool -K r9 tso off gso off gro off tx-udp-segmentation off
ip addr add 10.79.0.1/24 dev v9
ip -n peer addr add 10.79.0.2/24 dev r9
ip link set v9 up
ip -n peer link set r9 up
"""
PROCESSES = "for p in /proc/[0-9]*; do [ $(readlink $p/exe) = /bin/v2meterd ] && cat $p/status; done; true"
# The reading process lives for some milliseconds after it has given up its rights, so it is stopped there.
CATCH = """
end=$(($(date +%s) + 20))
while [ $(date +%s) -lt $end ]; do
	kill -HUP {main}
	n=0
	while [ $n -lt 200 ]; do
		n=$((n+1))
		read -r children </proc/{main}/task/{main}/children
		for p in $children; do
			read -r name </proc/$p/comm && [ "$name" = v2meter-read ] || continue
			while read -r label value; do
				[ "$label $value" = "Seccomp: 2" ] || continue
				kill -STOP $p && cat /proc/$p/status && kill -CONT $p && exit 0
			done </proc/$p/status
		done
	done 2>/dev/null
done
exit 1
"""


@pytest.fixture(scope="module")
def ids(vm):
    text = vm.check("cat /etc/passwd")
    return {line.split(":")[0]: int(line.split(":")[2]) for line in text.splitlines()}


# Root's alone. A user without the capability can neither enter the directory nor open the file.
LOG_DIRECTORY = "/run/proxy-log"
LOG = f"{LOG_DIRECTORY}/access.log"


@pytest.fixture
def daemon(vm, veth):
    made = Daemon(vm, prefix="ulimit -l unlimited; exec " + " ".join(unit.setpriv()), interfaces=["v0", "v9"])
    try:
        yield made.start()
    finally:
        made.prefix = ""
        made.remove()
        vm.run("ip link del v9")


def test_each_process_has_exactly_its_rights(vm, daemon, ids):
    assert daemon.get("/api/meter/status")["unprotected"] is None, daemon.said()
    texts = ["Name:" + text for text in vm.check(PROCESSES).split("Name:")[1:]]
    assert sorted(unit.check(text, ids) for text in texts) == ["v2meter-answer", "v2meterd"]
    # So that reading takes a while.
    vm.check(f"head -c 3000000 /dev/zero | tr '\\0' ' ' >>{daemon.directory}/keys.json")
    assert unit.check(vm.check(CATCH.format(main=daemon.pid)), ids) == "v2meter-read"


def test_the_process_that_follows_access_logs_has_exactly_its_rights(vm, daemon, ids):
    """It runs while users share a port."""
    daemon.stop()
    clients = [{"id": key(PORT, number)["uuid"], "email": f"user{number}"} for number in range(2)]
    vm.write(f"{daemon.directory}/xray.json", json.dumps({"inbounds": [
        {"port": PORT, "protocol": "vless", "settings": {"clients": clients, "decryption": "none"}}]}))
    daemon.set(key_sources=[f"{daemon.directory}/xray.json"], access_logs=[LOG])
    daemon.start()

    def error():
        row, = (row for row in daemon.get("/api/meter/status")["access_logs"] if row["path"] == LOG)
        return row["error"]

    try:
        wait_until(lambda: error() == "it is not there", daemon.said)
        names = {unit.check("Name:" + text, ids) for text in vm.check(PROCESSES).split("Name:")[1:]}
        assert names == {"v2meterd", "v2meter-answer", "v2meter-follow"}
        vm.check(f"mkdir -m 0700 {LOG_DIRECTORY} && umask 077 && echo begins >{LOG}")
        wait_until(lambda: error() is None, daemon.said)
        assert "runs without" not in daemon.said()
    finally:
        vm.run(f"rm -rf {LOG_DIRECTORY}")


def test_all_that_the_daemon_does_works_with_them(vm, daemon):
    far, near = GuestCapture(vm, "r0", namespace="peer"), None
    try:
        vm.check(EXCHANGE.format("10.77.0.1"))
        vm.check(NEW_DEVICE)
        wait_until(lambda: "v9" in daemon.devices(), daemon.said)
        near = GuestCapture(vm, "r9", namespace="peer")
        vm.check(EXCHANGE.format("10.79.0.1"))
        vm.write(f"{daemon.directory}/keys.json", json.dumps([{**key(PORT), "name": "renamed"}]))
        vm.check(f"kill -HUP {daemon.pid}")
        wait_until(lambda: daemon.entry()["key_name"] == "renamed", daemon.said)
        vm.wait_until(f"! netstat -tn | grep ':{PORT}.*EST'")
        before_reset = daemon.post(f"/api/keys/{KEY}/traffic/simple/reset")["previous_total"]
        daemon.kill()
        # As a version with another layout would have left it.
        vm.check(f"mv {PIN_DIR}/v[0-9]* {PIN_DIR}/v77")
        vm.check(EXCHANGE.format("10.77.0.1"))
        daemon.start()
        assert "carried over the counts of the previous version" in daemon.said()
        vm.check(EXCHANGE.format("10.79.0.1"))
    finally:
        seen = [capture.stop() for capture in (far, near) if capture]
    assert all(captured["super"] == 0 for captured in seen)
    wire = sum(captured[name] for captured in seen for name in ("rx_bytes", "tx_bytes"))
    assert before_reset + daemon.entry()["total_bytes"] == wire
    status = daemon.get("/api/meter/status")
    assert status["accounting"] == {"mode": "ebpf", "exact": True, "reason": None} and status["reasons"] == []
    daemon.stop()
    daemon.detach()
    assert vm.run(f"ls {PIN_DIR}").status != 0
