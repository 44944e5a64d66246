#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A stand-in for Xray's API: usage xray_standin.py ADDRESS STATE-FILE. grpcio serves, and the messages are encoded by hand.

The state file is read at each call:
{"inbounds": [{"tag", "port", "protocol", "configured": [[uuid, email]], "users": [[uuid, email]]}],
 "counters": {"user>>>EMAIL>>>traffic>>>uplink": bytes},
 "online": {EMAIL: {ADDRESS: second}}, or the path of the access log of a V2Ray, whose open connections are told then,
           and NOBODY elsewhere,
 "idle": {EMAIL: ADDRESS}: these users are listed so, with a second of long ago, whatever "online" says,
 "fault": null | "late" | "nonsense" | "error" | "dies", "comm": the name of the process}
"""

import ipaddress
import json
import os
import pathlib
import random
import re
import socket
import struct
import sys
import time
from concurrent import futures

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import xray_messages as message  # noqa: E402

LINE = re.compile(r"^(\S+ \d+:\d+:\d+)\S* (?:from )?(?:tcp:|udp:)?\[?([0-9a-fA-F.:]+?)\]?:(\d+) accepted \S+ .*"
                  r"email: (.*)$")

# Once the daemon has this user, it takes the lists.
NOBODY = {"nobody": {"192.0.2.1": 0}}

SETTINGS = {"vless": (message.vless, message.vless_user), "vmess": (message.vmess, message.vmess_user),
            "trojan": (message.trojan, message.trojan_user)}


def users_of(inbound, member):
    return [SETTINGS[inbound["protocol"]][1](*user, level=inbound.get("level", 0)) for user in inbound.get(member, [])]


def describe(inbound):
    settings = SETTINGS[inbound["protocol"]][0](users_of(inbound, "configured"))
    receiver = message.receiver([(inbound["port"], inbound["port"])],
                                security=message.socket_settings(inbound.get("accepts_proxy_protocol", False)))
    return message.inbound(inbound["tag"], receiver, settings)


def open_connections():
    """The addresses and ports of those who are connected to this host."""
    found = set()
    for family, name in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            remote, state = line.split()[2:4]
            words, port = remote.split(":")
            raw = b"".join(struct.pack("=I", int(words[i:i + 8], 16)) for i in range(0, len(words), 8))
            address = ipaddress.ip_address(socket.inet_ntop(family, raw))
            if state == "01":
                found.add((str(getattr(address, "ipv4_mapped", None) or address), int(port, 16)))
    return found


def online_in(path):
    """The users with open connections, as Xray counts them: a connection from its request to its end."""
    connected, online = open_connections(), dict(NOBODY)
    for line in pathlib.Path(path).read_text().splitlines():
        found = LINE.match(line)
        if not found:
            continue
        address = str(getattr(ipaddress.ip_address(found[2]), "ipv4_mapped", None) or found[2])
        if (address, int(found[3])) in connected:
            seen = int(time.mktime(time.strptime(found[1], "%Y/%m/%d %H:%M:%S")))
            addresses = online.setdefault(found[4], {})
            addresses[address] = max(seen, addresses.get(address, 0))
    return online


def idle_in(state):
    return {email: {address: 1} for email, address in state.get("idle", {}).items()}


class Proxy:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.known = None, None

    def state(self, context):
        """The state of now, after the fault that it asks for. It is parsed once: a proxy has it in memory."""
        version = self.path.stat().st_mtime_ns, self.path.stat().st_ino
        if version != self.known[0]:
            self.known = version, json.loads(self.path.read_text())
        state = self.known[1]
        fault = state.get("fault")
        if fault == "late":
            time.sleep(5)
        if fault == "dies":
            os._exit(1)
        if fault == "error":
            context.abort(grpc.StatusCode.INTERNAL, "the stand-in is told to fail")
        return state

    def list_inbounds(self, request, context):
        state = self.state(context)
        if state.get("fault") == "nonsense":
            return bytes(range(256)) * 10
        if request == b"\x08\x01":
            return message.tag_list([inbound["tag"] for inbound in state["inbounds"]])
        inbounds = [describe(inbound) for inbound in state["inbounds"]]
        random.shuffle(inbounds)
        return message.inbound_list(inbounds)

    def inbound_of(self, request, context):
        tag = request[2:2 + request[1]].decode()
        for inbound in self.state(context)["inbounds"]:
            if inbound["tag"] == tag:
                return inbound
        return context.abort(grpc.StatusCode.UNKNOWN, f"failed to get handler: {tag}")

    def get_inbound_users(self, request, context):
        # Xray lists the users that have an email, in no order.
        users = users_of(self.inbound_of(request, context), "users")
        random.shuffle(users)
        return message.user_list(users)

    def get_inbound_users_count(self, request, context):
        return message.user_count(len(self.inbound_of(request, context).get("users", [])))

    def online(self, context):
        state = self.state(context)
        online = state.get("online", {})
        return (online if isinstance(online, dict) else online_in(online)) | idle_in(state)

    def get_users_stats(self, request, context):
        if self.state(context).get("is_old"):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "unknown method")
        print("asked who is online", flush=True)
        return message.online_users(self.online(context))

    def get_all_online_users(self, request, context):
        print("asked who is online", flush=True)
        return message.online_names(f"user>>>{email}>>>online" for email in self.online(context))

    def get_stats_online_ip_list(self, request, context):
        email = request[2:2 + request[1]].decode().split(">>>")[1]
        return message.online_list(self.online(context).get(email, {}))

    def query_stats(self, request, context):
        print("asked for counters", flush=True)
        return message.stat_list(self.state(context).get("counters", {}))


def main():
    address, path = sys.argv[1:]
    proxy = Proxy(path)
    comm = json.loads(proxy.path.read_text()).get("comm")
    if comm:
        pathlib.Path("/proc/self/comm").write_text(comm)
    server = grpc.server(futures.ThreadPoolExecutor(4))

    def add(service, **methods):
        handlers = {name: grpc.unary_unary_rpc_method_handler(method) for name, method in methods.items()}
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])

    add("xray.app.proxyman.command.HandlerService", ListInbounds=proxy.list_inbounds,
        GetInboundUsers=proxy.get_inbound_users, GetInboundUsersCount=proxy.get_inbound_users_count)
    add("xray.app.stats.command.StatsService", GetUsersStats=proxy.get_users_stats,
        GetAllOnlineUsers=proxy.get_all_online_users, GetStatsOnlineIpList=proxy.get_stats_online_ip_list)
    add("v2ray.core.app.stats.command.StatsService", QueryStats=proxy.query_stats)
    if not server.add_insecure_port(address):
        sys.exit(f"{address} cannot be bound")
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


main()
