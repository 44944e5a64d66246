/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* By which transports and on which address an inbound of a V2Ray or Xray configuration listens. */
#ifndef V2METER_KEYS_FORMATS_V2RAY_INBOUND_H
#define V2METER_KEYS_FORMATS_V2RAY_INBOUND_H

#include <stdbool.h>

#include "json/json_doc.h"

/* The transports on which an inbound listens (enum v2m_transport bits). 0: it has no port, as with
 * a unix socket, or none by which the proxy listens. */
unsigned v2m_v2ray_transports(const struct v2m_json_node *inbound);

/* Whether it is SOCKS with UDP, which Xray from 26.6.1 on relays on random ports. */
bool v2m_v2ray_is_socks_udp(const struct v2m_json_node *inbound);

/*
 * Whether the proxy's list of online users has each client of the inbound, with the address from
 * which it is connected. False if a client may claim another address: by the PROXY protocol, or by
 * a header of HTTP, as with WebSocket and XHTTP. False if a user has another level than 0: the
 * policy of that level may leave it out. False if an email holds ">>>": the list has it cut there.
 */
bool v2m_v2ray_lists_clients(const struct v2m_json_node *inbound);

enum v2m_v2ray_listen {
	V2M_LISTEN_ANY,      /* on an address that other machines can reach */
	V2M_LISTEN_LOOPBACK, /* 127.0.0.0/8, ::1, localhost */
	V2M_LISTEN_UNIX,
};
/* Reads the member "listen". *address is its text, "" if it is absent; it lives as long as the
 * document. "env:NAME" stands for the value of the variable. */
enum v2m_v2ray_listen v2m_v2ray_listens(const struct v2m_json_node *inbound, const char **address);

/* Whether an address is that of this host alone: 127.0.0.0/8, ::1, localhost. */
bool v2m_v2ray_is_loopback(const char *address);

#endif
