/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Under which names the server answers. A page on the internet can let its name point to an address
 * of this server (DNS rebinding): a browser then takes our answers for those of that page. Such a
 * page has a name. An address, or no Host header at all, is therefore never foreign.
 */
#ifndef V2METER_HTTP_HOST_H
#define V2METER_HTTP_HOST_H

#include <stdbool.h>

#include "base/string_list.h"

/* Whether a Host header is an address, "localhost", or one of the names, each with or without a
 * port. NULL, no header, is ours. "*" among the names stands for all. */
bool v2m_host_is_ours(const char *host, const struct v2m_strings *names);

#endif
