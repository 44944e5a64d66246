/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The addresses that the server listens on, and which process holds one that is taken. */
#ifndef V2METER_HTTP_LISTEN_H
#define V2METER_HTTP_LISTEN_H

#include "base/string_list.h"
#include "base/error.h"

/* Checks that every "address:port" is well-formed IPv4 and can be bound now. civetweb gives no
 * reason if it cannot bind. 0; -EINVAL; -EADDRINUSE, with the holder's name and pid if /proc shows
 * them; or another -errno. */
int v2m_listen_check(const struct v2m_strings *listen, struct v2m_error *error);
/* The addresses in the form of civetweb's listening_ports. The caller frees the text. NULL: out of
 * memory. */
char *v2m_listen_join(const struct v2m_strings *listen);

#endif
