# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The messages of Xray's API, encoded by hand from the public field numbers of XTLS/Xray-core.

This shares nothing with the daemon: a wrong number in src/proxyapi/messages.proto makes the tests fail.
"""


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    data = value if isinstance(value, bytes) else value.encode()
    return varint(field << 3 | 2) + varint(len(data)) + data


def typed(name, value):
    """A message of the given type, such as "proxy.vless.Account"."""
    return text(1, "xray." + name) + text(2, value)


def user(email, account_type, account, level=0):
    return (number(1, level) if level else b"") + text(2, email) + text(3, typed(account_type, account))


def vless_user(uuid, email, level=0, flow="xtls-rprx-vision"):
    return user(email, "proxy.vless.Account", text(1, uuid) + text(2, flow), level)


def vmess_user(uuid, email, level=0):
    return user(email, "proxy.vmess.Account", text(1, uuid) + text(3, number(1, 2)), level)


def trojan_user(password, email, level=0):
    return user(email, "proxy.trojan.Account", text(1, password), level)


def socket_settings(accept_proxy_protocol):
    return text(6, number(2, 1) + number(7, int(accept_proxy_protocol)))


def receiver(ports, listen=None, protocol="tcp", security=b""):
    """ports: pairs of first and last port. listen: four bytes, or a domain."""
    ranges = b"".join(text(1, number(1, first) + number(2, last)) for first, last in ports)
    message = text(1, ranges) if ports else b""
    if listen is not None:
        message += text(2, text(1, listen) if isinstance(listen, bytes) else text(2, listen))
    message += text(3, text(5, protocol) + security)
    message += text(6, number(1, 1) + text(2, "http"))
    return typed("app.proxyman.ReceiverConfig", message)


def reality(dest, server_names, short_ids):
    message = text(2, dest) + text(3, "tcp") + b"".join(text(5, name) for name in server_names)
    message += text(6, bytes(32)) + b"".join(text(10, short_id) for short_id in short_ids)
    kind = "transport.internet.reality.Config"
    return text(3, "xray." + kind) + text(4, typed(kind, message))


def inbound(tag, receiver_settings, proxy_settings):
    return text(1, tag) + text(2, receiver_settings) + text(3, proxy_settings)


def vless(users, fallbacks=()):
    message = b"".join(text(1, one) for one in users)
    message += b"".join(text(2, text(4, "tcp") + text(5, dest)) for dest in fallbacks)
    return typed("proxy.vless.inbound.Config", message + text(3, "none"))


def vmess(users):
    return typed("proxy.vmess.inbound.Config", b"".join(text(1, one) for one in users) + text(2, number(1, 0)))


def trojan(users):
    return typed("proxy.trojan.ServerConfig", b"".join(text(1, one) for one in users))


def socks(accounts, udp=False):
    entries = b"".join(text(2, text(1, name) + text(2, password)) for name, password in accounts)
    return typed("proxy.socks.ServerConfig", number(1, 1) + entries + number(4, int(udp)))


def shadowsocks_2022(email, key="a secret key"):
    return typed("proxy.shadowsocks_2022.ServerConfig",
                 text(1, "2022-blake3-aes-128-gcm") + text(2, key) + text(3, email) + text(5, b"\x02\x03"))


def relay(port, address=b"\x7f\x00\x00\x01"):
    return typed("proxy.dokodemo.Config", text(1, text(1, address)) + number(2, port) + text(7, b"\x02"))


def inbound_list(inbounds):
    return b"".join(text(1, one) for one in inbounds)


def user_list(users):
    return b"".join(text(1, one) for one in users)


def user_count(n):
    return number(1, n) if n else b""


def tag_list(tags):
    return b"".join(text(1, text(1, tag)) for tag in tags)


def online_addresses(addresses):
    return b"".join(text(2, text(1, address) + number(2, seen)) for address, seen in addresses.items())


def online_users(users):
    return b"".join(text(1, text(1, name) + online_addresses(addresses)) for name, addresses in users.items())


def online_names(names):
    return b"".join(text(1, name) for name in names)


def online_list(addresses):
    """A message with a map: each entry has the address and the second."""
    return text(1, "name") + online_addresses(addresses)


def stat_list(counters):
    return b"".join(text(1, text(1, name) + number(2, value)) for name, value in counters.items())
