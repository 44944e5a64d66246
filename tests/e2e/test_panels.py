# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Databases of panels, configurations of sing-box and of Hysteria 2: which keys they give."""

import contextlib
import json
import re
import sqlite3

import pytest

from support import panels
from support.lab import wait_until

LINE = re.compile(r"^ +(\S+)  (tcp|udp|both) +(active|inactive) +(?:(?:shared|lo|behind|no port) +)?(.*) \(\S+\), from ",
                  re.M)


def check(start_daemon, source):
    """What --check says of a key source: its keys, sorted, and the whole text."""
    ended = start_daemon([], running=False, key_sources=[str(source)]).run("--check")
    keys = sorted(f"{name} {ports}/{transports} {state}"
                  for ports, transports, state, name in LINE.findall(ended.stdout))
    assert "secret" not in ended.stdout + ended.stderr
    return keys, ended.stdout


@pytest.mark.parametrize("make, kind, count, expected, notes", (
    (panels.xui, "x-ui database", 9, [
        "inbound-8447 8447/tcp active", "s 1080/tcp active", "ss 8388/both active", "t 8450/tcp active",
        "u1 443/tcp active", "u1 8443/udp active", "u2 -/both inactive", "u3 -/both inactive", "u4 443/tcp active", "u5 8444/tcp inactive"],
     ["not counted {}: its users are not counted: inbound 4, settings:1:"]),
    (panels.xui_3, "x-ui database", 5, [
        "alice 443/tcp active", "alice 443/tcp active", "alice 8443/tcp active", "bob -/both inactive", "carol 443/tcp active", "carol 8443/tcp active",
        "dave 51820/udp active"], []),
    (panels.sui, "s-ui database", 4, [
        "alice 443/tcp active", "alice 443/udp active", "bob -/both inactive", "carol 8388/both active"],
     ["not counted {}: its users are not counted: inbound 5, options:1:",
      "not counted {}: its users are not counted: endpoint 1: the peers of WireGuard on port 51820 are not read"]),
    (panels.marzban, "Marzban database", 4, [
        "1.alice 443/tcp active", "2.bob -/both inactive", "3.carol 8444/tcp active", "4.dave 8443/udp inactive"], []),
    (panels.pasarguard, "PasarGuard database", 3, [
        "1.alice 443/tcp active", "1.alice 8444/tcp active", "1.alice 9443/tcp active", "2.bob -/both inactive"],
     ['remark      {}: inbounds[1]: tag "VMESS KCP": it has no users',
      "remark      {}: it has the configurations of 2 cores: all are read"]),
), ids=("xui", "xui_3", "sui", "marzban", "pasarguard"))
def test_every_panel_gives_its_users_while_it_uses_its_database(lab, start_daemon, make, kind, count, expected,
                                                                     notes):
    path = lab.directory / "panel.db"
    with contextlib.closing(make(path)):
        keys, text = check(start_daemon, path)
    assert keys == expected
    assert re.search(rf"^  {kind} +{count} keys", text, re.M)
    for note in notes:
        assert note.format(path) in text
    assert len(re.findall("^  not counted", text, re.M)) == sum(note.startswith("not counted") for note in notes)


# What is agreed with a user, in the form of each panel: 5000 bytes, until 2027-01-15T08:00:00Z.
@pytest.mark.parametrize("make, user, statements", (
    (panels.xui, "u1", ["UPDATE client_traffics SET total = 5000, expiry_time = 1800000000000 WHERE email = 'u1'",
                        "UPDATE client_traffics SET total = 0, expiry_time = -86400000 WHERE email = 'u3'"]),
    (panels.xui_3, "alice", ["UPDATE clients SET total_gb = 5000, expiry_time = 1800000000000 WHERE email = 'alice'"]),
    (panels.sui, "alice", ["UPDATE clients SET volume = 5000, expiry = 1800000000 WHERE name = 'alice'"]),
    (panels.marzban, "1.alice", ["UPDATE users SET data_limit = 5000, expire = 1800000000 WHERE id = 1"]),
    (panels.pasarguard, "1.alice", ["ALTER TABLE users ADD COLUMN data_limit BIGINT",
                                    "ALTER TABLE users ADD COLUMN expire DATETIME",
                                    "UPDATE users SET data_limit = 5000, expire = '2027-01-15 08:00:00.000000' "
                                    "WHERE id = 1"]),
), ids=("xui", "xui_3", "sui", "marzban", "pasarguard"))
def test_what_a_panel_agreed_with_its_users_is_told(lab, start_daemon, make, user, statements):
    path = lab.directory / "panel.db"
    with contextlib.closing(make(path)) as panel:
        for statement in statements:
            panel.execute(statement)
        keys = start_daemon([], key_sources=[str(path)]).get("/api/meter/keys").json()["data"]["keys"]
    terms = {key["name"]: (key["limit_bytes"], key["expires_at_s"]) for key in keys}
    assert terms.pop(user) == (5000, 1800000000)
    assert terms and set(terms.values()) == {(None, None)}


def test_inbounds_that_marzban_leaves_out_have_none_of_its_users(lab, start_daemon):
    path = lab.directory / "db.sqlite3"
    panels.marzban(path).close()
    path.with_name(".env").write_text('XRAY_EXCLUDE_INBOUND_TAGS = "GONE TROJAN"\nSUDO_PASSWORD = "secret"\n')
    keys, _ = check(start_daemon, path)
    assert keys == ["1.alice 443/tcp active", "2.bob -/both inactive", "4.dave 8443/udp inactive"]


def test_a_change_in_a_panel_takes_effect_at_once(lab, start_daemon):
    path = lab.directory / "x-ui.db"
    with contextlib.closing(panels.xui_3(path)) as panel:
        daemon = start_daemon([], key_sources=[str(path)])
        states = lambda: {key["name"]: key["is_active"] for key in daemon.get("/api/keys").json()}
        assert states() == {"alice": True, "bob": False, "carol": True, "dave": True}
        panel.execute("UPDATE clients SET enable = 1 WHERE email = 'bob'")
        wait_until(lambda: states()["bob"], timeout_s=2, what="bob is switched on")
        panel.execute("DELETE FROM client_inbounds WHERE client_id = 4")
        wait_until(lambda: "dave" not in states(), timeout_s=2, what="dave is gone")
        panel.execute("DROP TABLE client_inbounds")
        wait_until(lambda: "old copy" in states(), timeout_s=2, what="the users in the settings")


def test_a_damaged_database_keeps_the_last_good_keys(lab, start_daemon):
    path = lab.directory / "x-ui.db"
    panels.xui(path).close()
    daemon = start_daemon([], key_sources=[str(path)])
    before = daemon.get("/api/keys").json()
    path.write_bytes(path.read_bytes()[:5000])
    health = lambda: daemon.ask("GET", "/health", headers={}).json()
    wait_until(lambda: health().get("reason") == "key_source_broken", what="the reason")
    assert daemon.get("/api/keys").json() == before
    daemon.kill()
    daemon.start()
    assert daemon.get("/api/keys").json() == before


SING_BOX = {
    "log": {"level": "info"},
    "inbounds": [
        {"type": "vless", "tag": "v", "listen": "::", "listen_port": 443,
         "users": [{"name": "alice", "uuid": panels.uuid(1), "flow": ""}, {"uuid": panels.uuid(2)}],
         "tls": {"enabled": True, "server_name": "www.example.com", "reality": {"enabled": True, "short_id": ["ab"]}}},
        {"type": "vmess", "tag": "q", "listen_port": 8443, "users": [{"name": "bob", "uuid": panels.uuid(3)}],
         "transport": {"type": "quic"}},
        {"type": "hysteria2", "tag": "h", "listen": "::", "listen_port": 443,
         "users": [{"name": "carol", "password": "secret"}]},
        {"type": "tuic", "tag": "t", "listen_port": 8444, "users": [{"name": "dave", "uuid": panels.uuid(4)}]},
        {"type": "shadowsocks", "tag": "s", "listen_port": 8388, "method": "aes-128-gcm", "password": "secret"},
        {"type": "shadowsocks", "tag": "s2", "listen_port": 8389, "network": "tcp", "password": "secret",
         "users": [{"name": "erin", "password": "secret"}]},
        {"type": "trojan", "tag": "tr", "listen": "127.0.0.1", "listen_port": 8445,
         "users": [{"name": "frank", "password": "secret"}]},
        {"type": "mixed", "tag": "m", "listen_port": 1080, "users": [{"username": "gina", "password": "secret"}]},
        {"type": "anytls", "tag": "a", "listen_port": 8446, "users": [{"name": "henry", "password": "secret"}]},
        {"type": "tun", "tag": "tun"},
        {"type": "direct", "tag": "d", "listen_port": 53}],
    "endpoints": [{"type": "wireguard", "tag": "wg", "listen_port": 51820, "private_key": "secret",
                   "peers": [{"public_key": "the public key"}]}],
    "route": {"rules": []}}


def test_sing_box_gives_its_users_with_the_transports_of_their_protocols(lab, start_daemon):
    path = lab.directory / "config.json"
    path.write_text(json.dumps(SING_BOX, indent=1))
    keys, text = check(start_daemon, path)
    assert keys == ["alice 443/tcp active", "bob 8443/udp active", "carol 443/udp active", "dave 8444/udp active",
                    "erin 8389/tcp active", "frank 8445/tcp active", "gina 1080/tcp active", "henry 8446/tcp active",
                    "s 8388/both active", "v 443/tcp active", "wg 51820/udp active"]
    assert re.search(r"^  sing-box configuration +11 keys", text, re.M)
    line = json.dumps(SING_BOX, indent=1)[:json.dumps(SING_BOX, indent=1).index('"type": "direct"')].count("\n")
    assert f'{path}:{line}:3: inbounds[10]: tag "d": a relay has no users' in text


def test_a_directory_of_sing_box_joins_the_inbounds_of_its_files(lab, start_daemon):
    directory = lab.directory / "sing-box"
    directory.mkdir()
    inbound = lambda port, name: {"type": "trojan", "listen_port": port, "users": [{"name": name, "password": "secret"}]}
    (directory / "1.json").write_text(json.dumps({"inbounds": [inbound(443, "alice")]}))
    (directory / "2.json").write_text(json.dumps({"inbounds": [inbound(444, "bob"), inbound(445, "alice")]}))
    (directory / "3.json").write_text(json.dumps({"route": {}, "outbounds": []}))
    # What sing-box itself keeps there.
    (directory / "cache.db").write_bytes(bytes(4096))
    with contextlib.closing(sqlite3.connect(directory / "other.db")) as other:
        other.execute("CREATE TABLE other (x)")
    keys, text = check(start_daemon, directory)
    assert "cache.db: it is passed over: it is no SQLite file" in text
    assert "other.db: it is passed over: its tables are those of no panel that is known" in text
    assert keys == ["alice 443/tcp active", "alice 445/tcp active", "bob 444/tcp active"]


@pytest.mark.parametrize("text, expected", (
    ("listen: :8443\nauth: {type: userpass, userpass: {Alice: secret, bob: secret}}\ntls: {cert: c, key: k}\n",
     ["alice 8443/udp active", "bob 8443/udp active"]),
    ("acme: {domains: [example.com]}\nauth:\n  type: password\n  password: secret\n", ["hysteria2-443 443/udp active"]),
    ("listen: '[::]:20000-20100'\nauth:\n  type: userpass\n  userpass: {alice: secret}\n",
     ["alice 20000-20100/udp active"]),
    ("listen: 127.0.0.1:443\nauth:\n  type: http\n  http: {url: 'http://127.0.0.1/'}\n",
     ["hysteria2-443 443/udp active"]),
))
def test_hysteria_gives_a_key_for_each_user_that_it_names(lab, start_daemon, text, expected):
    path = lab.directory / "config.yaml"
    path.write_text(text)
    keys, shown = check(start_daemon, path)
    assert keys == expected and "Hysteria configuration" in shown
    assert ('auth.type is "http"' in shown) == ("url" in text)
