# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Cached answers, resets that end them, and kill -9: no byte is lost or counted twice."""

import threading

import pytest

from support.lab import wait_until

PATHS = ("/api/traffic/simple", "/api/keys/{}/traffic/simple", "/api/keys", "/api/keys/{}")


@pytest.fixture
def scene(lab, start_v2ray, start_daemon):
    """Gives (v2ray, daemon, key). Offloads are off, so the frames of the capture are what has to be counted."""
    lab.offloads(False)
    v2ray = start_v2ray()
    return v2ray, start_daemon([key.entry() for key in v2ray.keys]), v2ray.key("vmess-tcp")


def total(daemon, key):
    return daemon.port_entry(key.port)["total_bytes"]


def on_the_wire(v2ray, capture, key):
    """Waits for the end of the traffic and returns the key's bytes in the capture."""
    v2ray.stop()
    capture.settle()
    counted = capture.tally(key.port)
    return counted.rx.wire + counted.tx.wire


def in_reset(answer):
    assert answer.status == 200, answer.body
    body = answer.json()
    assert body["previous_total"] == body["previous_upload"] + body["previous_download"]
    return body


@pytest.mark.parametrize("path", PATHS)
def test_two_reads_in_a_window_are_byte_identical(scene, path):
    v2ray, daemon, key = scene
    path = path.format(key.id)
    first = daemon.get(path)
    before = total(daemon, key)
    v2ray.download(key, 100000)
    assert total(daemon, key) > before, "no-cache must get a new reading"
    assert daemon.get(path).body == first.body


def test_two_paths_in_a_window_tell_the_same(scene):
    v2ray, daemon, key = scene
    v2ray.download(key, 100000)
    everything = daemon.get("/api/traffic/simple").json()
    v2ray.download(key, 100000)
    one = daemon.get(f"/api/keys/{key.id}/traffic/simple").json()
    assert one["traffic"] == everything["data"]["ports"][str(key.port)]
    assert one["timestamp"] == everything["timestamp"]


def test_a_window_ends_with_its_time(lab, start_v2ray, start_daemon):
    v2ray = start_v2ray()
    daemon = start_daemon([key.entry() for key in v2ray.keys], cache_ttl_s=1)
    first = daemon.get("/api/traffic/simple").body
    v2ray.download(v2ray.key("vmess-tcp"), 100000)
    wait_until(lambda: daemon.get("/api/traffic/simple").body != first, what="another window")


def test_without_a_window_every_read_is_a_reading(lab, start_v2ray, start_daemon):
    v2ray = start_v2ray()
    daemon = start_daemon([key.entry() for key in v2ray.keys], cache_ttl_s=0)
    seen = []
    for _ in range(3):
        v2ray.download(v2ray.key("vmess-tcp"), 10000)
        seen.append(daemon.get("/api/traffic/simple").json()["data"]["total_bytes"])
    assert seen[0] < seen[1] < seen[2]


def live_total(daemon, key):
    data = daemon.get("/api/traffic/live").json()["data"]
    rows = {row[0]: dict(zip(data["columns"], row)) for row in data["rows"]}
    return rows[key.id]["rx_bytes"] + rows[key.id]["tx_bytes"]


def test_a_live_read_is_at_most_a_second_old_and_ends_with_a_reset(scene):
    v2ray, daemon, key = scene
    first = daemon.get("/api/traffic/live").body
    v2ray.download(key, 500000)
    wait_until(lambda: daemon.get("/api/traffic/live").body != first, timeout_s=1.5, what="a newer reading")
    wait_until(lambda: live_total(daemon, key) == total(daemon, key), timeout_s=5, what="the same total")
    assert live_total(daemon, key) > 500000
    in_reset(daemon.reset(key.id))
    assert live_total(daemon, key) < 1000


def test_a_reset_shows_at_once_in_a_cached_read(scene):
    v2ray, daemon, key = scene
    other = v2ray.key("vless-tcp")
    for each in (key, other):
        v2ray.download(each, 500000)
    cached = daemon.get("/api/traffic/simple").json()["data"]["ports"]
    assert cached[str(key.port)]["tx_bytes"] > 500000

    closed = in_reset(daemon.reset(key.id))
    assert closed["previous_total"] >= cached[str(key.port)]["total_bytes"]
    assert (closed["key_id"], closed["uuid"], closed["port"]) == (key.id, key.uuid, key.port)
    after = daemon.get("/api/traffic/simple").json()["data"]["ports"]
    assert after[str(key.port)]["total_bytes"] < 1000
    assert after[str(other.port)]["tx_bytes"] > 500000
    one = daemon.get(f"/api/keys/{key.id}/traffic/simple").json()["traffic"]
    assert one["total_bytes"] == after[str(key.port)]["total_bytes"]


def test_a_key_is_reset_by_its_uuid_in_any_case(scene):
    v2ray, daemon, key = scene
    v2ray.download(key, 100000)
    assert in_reset(daemon.reset(key.uuid.upper()))["previous_download"] > 100000
    assert total(daemon, key) < 1000


def test_resets_in_mid_download_lose_and_double_nothing(lab, scene, capture):
    v2ray, daemon, key = scene
    download = v2ray.start_download(key, 4 << 20, rate=2 << 20)
    closed = []
    while download.running():
        closed.append(in_reset(daemon.reset(key.id))["previous_total"])
    assert download.said() == str(4 << 20)
    assert sum(value > 0 for value in closed) > 5
    assert on_the_wire(v2ray, capture, key) == sum(closed) + total(daemon, key)


def test_resets_at_the_same_time_close_each_byte_once(lab, scene, capture):
    v2ray, daemon, key = scene
    download = v2ray.start_download(key, 4 << 20, rate=2 << 20)
    closed = []

    def reset_again_and_again():
        while download.running():
            closed.append(in_reset(daemon.reset(key.id))["previous_total"])

    threads = [threading.Thread(target=reset_again_and_again) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert on_the_wire(v2ray, capture, key) == sum(closed) + total(daemon, key)


def test_a_killed_daemon_loses_nothing(lab, scene, capture):
    """Resets, kill -9 in the middle of a download, downloads while the daemon is dead, and a restart."""
    v2ray, daemon, key = scene
    v2ray.download(key, 300000)
    closed = in_reset(daemon.reset(key.id))["previous_total"]
    download = v2ray.start_download(key, 3 << 20, rate=2 << 20)
    wait_until(lambda: total(daemon, key) > 1 << 20, what="a part of the download")
    daemon.kill()
    v2ray.download(key, 500000)
    daemon.start()
    download.wait(30)
    assert on_the_wire(v2ray, capture, key) == closed + total(daemon, key)


def test_a_reset_outlives_a_killed_daemon(scene):
    v2ray, daemon, key = scene
    v2ray.download(key, 300000)
    in_reset(daemon.reset(key.id))
    daemon.kill()
    daemon.start()
    assert total(daemon, key) < 1000


def test_a_stopped_daemon_goes_on_counting(lab, scene, capture):
    v2ray, daemon, key = scene
    v2ray.download(key, 100000)
    assert daemon.stop() == 0
    v2ray.download(key, 100000)
    daemon.start()
    v2ray.download(key, 100000)
    assert on_the_wire(v2ray, capture, key) == total(daemon, key)


def test_many_kills_lose_nothing(lab, scene, capture):
    v2ray, daemon, key = scene
    download = None
    for _ in range(5):
        if not download or not download.running():
            download = v2ray.start_download(key, 2 << 20, rate=1 << 20)
        daemon.kill()
        daemon.start()
    download.wait(30)
    assert on_the_wire(v2ray, capture, key) == total(daemon, key)
