# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Databases as panels make them, for tests. The tables are those of the panels' public models:

x-ui and 3x-ui   database/model/model.go; the columns have gorm's names
s-ui             database/model/model.go, inbounds.go
Marzban          app/db/models.py, version 0.8
PasarGuard       app/db/models.py, version 5

Each database has the odd rows that real ones have. Ids and passwords belong to nobody.
"""

import json
import sqlite3


def uuid(number):
    return f"00000000-0000-4000-8000-{number:012d}"


def make(path, schema):
    """A database with write-ahead log, as all these panels use it."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(schema)
    return database


def insert(database, table, **row):
    names = ", ".join(f'"{name}"' for name in row)
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


XUI = """
CREATE TABLE users (id integer PRIMARY KEY AUTOINCREMENT, username text, password text);
CREATE TABLE inbounds (id integer PRIMARY KEY AUTOINCREMENT, user_id integer, up integer, down integer,
    total integer, remark text, enable numeric, expiry_time integer, listen text, port integer,
    protocol text, settings text, stream_settings text, tag text, sniffing text{node});
CREATE TABLE client_traffics (id integer PRIMARY KEY AUTOINCREMENT, inbound_id integer, enable numeric,
    email text UNIQUE, up integer, down integer, expiry_time integer, total integer, reset integer DEFAULT 0);
CREATE TABLE settings (id integer PRIMARY KEY AUTOINCREMENT, key text, value text);
"""

XUI_3 = """
CREATE TABLE clients (id integer PRIMARY KEY AUTOINCREMENT, email text NOT NULL, sub_id text, uuid text,
    password text, auth text, flow text, security text, wg_private_key text, wg_public_key text,
    wg_allowed_ips text, total_gb integer, expiry_time integer, enable numeric DEFAULT true);
CREATE TABLE client_inbounds (client_id integer, inbound_id integer, flow_override text,
    created_at integer, PRIMARY KEY (client_id, inbound_id));
CREATE TABLE inbound_fallbacks (id integer PRIMARY KEY AUTOINCREMENT, master_id integer NOT NULL,
    child_id integer NOT NULL, name text, alpn text, path text, dest text, xver integer,
    sort_order integer DEFAULT 0);
"""

TCP = json.dumps({"network": "tcp", "security": "none", "tcpSettings": {"header": {"type": "none"}}})
KCP = json.dumps({"network": "kcp", "security": "none"})


def xui_inbound(database, number, port, protocol, settings, *, enable=1, stream=TCP, **more):
    text = settings if isinstance(settings, str) else json.dumps(settings, indent=2)
    insert(database, "inbounds", id=number, user_id=1, up=0, down=0, total=0, remark=f"remark {number}",
           enable=enable, expiry_time=0, port=port, protocol=protocol, settings=text,
           stream_settings=stream, tag=f"inbound-{port}", sniffing="{}", **{"listen": "", **more})


def xui(path):
    """x-ui and 3x-ui before version 3: users are in the settings of their inbounds."""
    database = make(path, XUI.format(node=""))
    client = lambda number, **more: {"id": uuid(number), "alterId": 0, "email": f"u{number}", "enable": True,
                                     "totalGB": 0, "expiryTime": 0, "limitIp": 0, "tgId": "", **more}
    xui_inbound(database, 1, 443, "vless", {
        "clients": [client(1), client(2, enable=False), client(3), client(4, expiryTime=-86400000)],
        "decryption": "none", "fallbacks": []})
    insert(database, "client_traffics", inbound_id=1, enable=1, email="u1", up=1, down=2)
    insert(database, "client_traffics", inbound_id=1, enable=0, email="u3", up=1, down=2)  # its volume is used up
    xui_inbound(database, 2, 8443, "vmess", {"clients": [client(1)]}, stream=KCP)
    # Switched off: nobody listens there.
    xui_inbound(database, 3, 8444, "vmess", {"clients": [client(5)]}, enable=0)
    # Rows that real databases have: text that is no JSON, an empty text, a user without an email.
    xui_inbound(database, 4, 8445, "vless", '{"clients": [')
    xui_inbound(database, 5, 8446, "vless", "")
    xui_inbound(database, 6, 8447, "trojan", {"clients": [{"password": "secret", "email": ""}]})
    xui_inbound(database, 7, 1080, "socks", {"auth": "password", "accounts": [{"user": "s", "pass": "secret"}]})
    xui_inbound(database, 8, 2053, "Dokodemo-door", {"address": "127.0.0.1", "port": 9, "network": "tcp"})
    xui_inbound(database, 9, 8388, "shadowsocks", {
        "method": "2022-blake3-aes-256-gcm", "password": "secret", "network": "tcp,udp",
        "clients": [{"password": "secret", "email": "ss", "enable": True}]})
    insert(database, "settings", key="xrayTemplateConfig", value=json.dumps({
        "inbounds": [{"listen": "127.0.0.1", "port": 62789, "protocol": "dokodemo-door",
                      "settings": {"address": "127.0.0.1"}, "tag": "api"},
                     {"port": 8450, "protocol": "socks", "tag": "own",
                      "settings": {"auth": "password", "accounts": [{"user": "t", "pass": "secret"}]}}]}))
    insert(database, "settings", key="webPort", value="2053")
    return database


def xui_3(path):
    """3x-ui from version 3 on: users are in tables of their own, and settings keep an old copy."""
    database = make(path, XUI.format(node=", node_id integer") + XUI_3)
    xui_inbound(database, 1, 443, "vless", {"clients": [{"id": uuid(9), "email": "old copy"}], "decryption": "none"})
    xui_inbound(database, 2, 8443, "trojan", {"clients": []}, listen="127.0.0.1")
    xui_inbound(database, 3, 51820, "wireguard", {"secretKey": "secret", "clients": []}, stream="")
    # An inbound of another server.
    xui_inbound(database, 4, 8444, "vless", {"clients": [], "decryption": "none"}, node_id=7)
    for number, email, enable in ((1, "alice", 1), (2, "bob", 0), (3, "carol", 1), (4, "dave", 1)):
        insert(database, "clients", id=number, email=email, uuid=uuid(number), password="secret", enable=enable,
               wg_public_key=f"key of {email}")
    # Trojan does not know alice's id, so she is a key of her own there.
    for user, inbound in ((1, 1), (1, 2), (2, 1), (3, 2), (4, 3), (1, 4), (99, 1)):
        insert(database, "client_inbounds", client_id=user, inbound_id=inbound, created_at=0)
    insert(database, "inbound_fallbacks", master_id=1, child_id=2, path="/t", dest="")
    return database


def sui(path):
    database = make(path, """
CREATE TABLE inbounds (id integer PRIMARY KEY AUTOINCREMENT, type text, tag text, tls_id integer, addrs text,
    out_json text, options text);
CREATE TABLE clients (id integer PRIMARY KEY AUTOINCREMENT, enable numeric, name text, config text,
    inbounds text, links text, volume integer, expiry integer, down integer, up integer, "desc" text,
    "group" text);
CREATE TABLE endpoints (id integer PRIMARY KEY AUTOINCREMENT, type text, tag text, options text, ext text);
""")
    # A server, and the client of another server.
    for number, options in ((1, {"listen_port": 51820, "peers": [{"public_key": "of nobody"}]}), (2, {"peers": []})):
        insert(database, "endpoints", id=number, type="wireguard", tag=f"wg-{number}", options=json.dumps(options))
    inbound = lambda number, kind, **options: insert(
        database, "inbounds", id=number, type=kind, tag=f"{kind}-{number}", tls_id=0, addrs="[]",
        options=json.dumps({"listen": "::", **options}).encode())
    inbound(1, "vless", listen_port=443)
    inbound(2, "hysteria2", listen_port=443)
    inbound(3, "shadowsocks", listen_port=8388, method="2022-blake3-aes-128-gcm", password="secret")
    inbound(4, "tun")
    insert(database, "inbounds", id=5, type="vmess", tag="broken", options="{")
    for number, name, enable, inbounds in ((1, "alice", 1, "[1,2]"), (2, "bob", 0, "[1]"), (3, "carol", 1, "[3]"),
                                           (4, "dave", 1, "[77]"), (5, "erin", 1, None)):
        config = {kind: {"name": name, "password": "secret"} for kind in ("hysteria2", "shadowsocks", "trojan")}
        config |= {kind: {"name": name, "uuid": uuid(number)} for kind in ("vless", "vmess", "tuic")}
        insert(database, "clients", enable=enable, name=name, config=json.dumps(config), inbounds=inbounds)
    return database


XRAY_CONFIG = {"log": {"loglevel": "warning"}, "outbounds": [{"protocol": "freedom", "tag": "direct"}], "inbounds": [
    {"tag": "VLESS TCP", "listen": "0.0.0.0", "port": 443, "protocol": "vless",
     "settings": {"clients": [], "decryption": "none"}, "streamSettings": {"network": "tcp"}},
    {"tag": "VMESS KCP", "port": 8443, "protocol": "vmess", "settings": {"clients": []},
     "streamSettings": {"network": "kcp"}},
    {"tag": "TROJAN", "port": 8444, "protocol": "trojan"},
    {"tag": "RELAY", "port": 8445, "protocol": "dokodemo-door", "settings": {"address": "192.0.2.1", "port": 9}}]}


def marzban(path):
    """The database, and xray_config.json beside it."""
    path.with_name("xray_config.json").write_text("// Marzban takes comments\n" + json.dumps(XRAY_CONFIG, indent=1))
    database = make(path, """
CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, username VARCHAR(34) COLLATE NOCASE, status VARCHAR(8) NOT NULL,
    used_traffic BIGINT, data_limit BIGINT, expire INTEGER, admin_id INTEGER, created_at DATETIME);
CREATE TABLE proxies (id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER, type VARCHAR(11) NOT NULL,
    settings JSON NOT NULL);
CREATE TABLE inbounds (id INTEGER NOT NULL PRIMARY KEY, tag VARCHAR(256) NOT NULL);
CREATE TABLE exclude_inbounds_association (proxy_id INTEGER, inbound_tag VARCHAR(256));
""")
    for number, name, status in ((1, "alice", "active"), (2, "bob", "disabled"), (3, "carol", "on_hold"),
                                 (4, "dave", "expired")):
        insert(database, "users", id=number, username=name, status=status)
    proxy = lambda user, kind, **settings: insert(database, "proxies", user_id=user, type=kind,
                                                  settings=json.dumps(settings))
    proxy(1, "VLESS", id=uuid(1), flow="")
    proxy(1, "VMess", id=uuid(11))
    proxy(2, "VLESS", id=uuid(2))
    proxy(3, "Trojan", password="secret")
    proxy(4, "VMess", id=uuid(4))
    proxy(99, "VLESS", id=uuid(99))  # its user is gone
    insert(database, "exclude_inbounds_association", proxy_id=2, inbound_tag="VMESS KCP")
    return database


def pasarguard(path):
    database = make(path, """
CREATE TABLE core_configs (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(256), config JSON,
    type VARCHAR(9) DEFAULT 'xray', exclude_inbound_tags VARCHAR(2048), fallbacks_inbound_tags VARCHAR(2048));
CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, username VARCHAR(128), proxy_settings JSON, status VARCHAR(8));
CREATE TABLE groups (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(64), is_disabled BOOLEAN DEFAULT 0);
CREATE TABLE inbounds (id INTEGER NOT NULL PRIMARY KEY, tag VARCHAR(256));
CREATE TABLE users_groups_association (user_id INTEGER, groups_id INTEGER, PRIMARY KEY (user_id, groups_id));
CREATE TABLE inbounds_groups_association (inbound_id INTEGER, group_id INTEGER, PRIMARY KEY (inbound_id, group_id));
""")
    insert(database, "core_configs", id=1, name="default", config=json.dumps(XRAY_CONFIG),
           exclude_inbound_tags="NONE,VMESS KCP", fallbacks_inbound_tags="")
    insert(database, "core_configs", id=2, name="other", type="wg", config=json.dumps({"inbounds": [
        {"port": 9, "protocol": "socks", "settings": {"accounts": [{"user": "of no Xray", "pass": "secret"}]}}]}))
    # The same tags as in the first one.
    insert(database, "core_configs", id=3, name="second", exclude_inbound_tags="TROJAN", config=json.dumps({"inbounds": [
        {**XRAY_CONFIG["inbounds"][0], "port": 9443}, {**XRAY_CONFIG["inbounds"][2], "port": 9444}]}))
    for number, tag in enumerate(("VLESS TCP", "VMESS KCP", "TROJAN", "GONE"), 1):
        insert(database, "inbounds", id=number, tag=tag)
    for number, disabled, tags in ((1, 0, (1, 2, 3, 4)), (2, 0, (1,)), (3, 1, (2,))):
        insert(database, "groups", id=number, name=f"group {number}", is_disabled=disabled)
        for tag in tags:
            insert(database, "inbounds_groups_association", inbound_id=tag, group_id=number)
    for number, name, status, groups in ((1, "alice", "active", (1, 2, 3)), (2, "bob", "limited", (2,)),
                                         (3, "carol", "active", (3,)), (4, "dave", "active", ())):
        settings = {"vless": {"id": uuid(number), "flow": ""}, "vmess": {"id": uuid(10 + number)},
                    "trojan": {"password": "secret"}, "shadowsocks": {"password": "secret"}}
        insert(database, "users", id=number, username=name, status=status, proxy_settings=json.dumps(settings))
        for group in groups:
            insert(database, "users_groups_association", user_id=number, groups_id=group)
    return database
