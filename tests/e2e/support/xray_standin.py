#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A stand-in for Xray's API: usage xray_standin.py ADDRESS STATE-FILE. grpcio serves, and the messages are encoded by hand.

The state file is read at each call:
{"inbounds": [{"tag", "port", "protocol", "configured": [[uuid, email]], "users": [[uuid, email]]}],
 "counters": {"user>>>EMAIL>>>traffic>>>uplink": bytes},
 "fault": null | "late" | "nonsense" | "error" | "dies", "comm": the name of the process}
"""

import json
import os
import pathlib
import random
import sys
import time
from concurrent import futures

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import xray_messages as message  # noqa: E402

SETTINGS = {"vless": (message.vless, message.vless_user), "vmess": (message.vmess, message.vmess_user),
            "trojan": (message.trojan, message.trojan_user)}


def users_of(inbound, member):
    return [SETTINGS[inbound["protocol"]][1](*user) for user in inbound.get(member, [])]


def describe(inbound):
    settings = SETTINGS[inbound["protocol"]][0](users_of(inbound, "configured"))
    return message.inbound(inbound["tag"], message.receiver([(inbound["port"], inbound["port"])]), settings)


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

    def query_stats(self, request, context):
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
    add("v2ray.core.app.stats.command.StatsService", QueryStats=proxy.query_stats)
    if not server.add_insecure_port(address):
        sys.exit(f"{address} cannot be bound")
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


main()
