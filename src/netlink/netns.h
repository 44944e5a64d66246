/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Another network namespace than our own, such as a container's. Entering one needs CAP_SYS_ADMIN.
 */
#ifndef V2METER_NETLINK_NETNS_H
#define V2METER_NETLINK_NETNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Opens the namespace that the text names: the path of a namespace (/run/netns/name,
 * /proc/<pid>/ns/net), the path of a file with a pid in it, or a pid. *inode is its number. A
 * descriptor, or -errno: -ENOENT where there is none at the moment, -EINVAL for a file that holds
 * neither. */
int v2m_netns_open(const char *text, uint32_t *inode, struct v2m_error *error);
/* The number of the namespace that the caller is in; 0: unknown. */
uint32_t v2m_netns_own(void);

/* Calls run in the namespace, on a thread of its own, and waits for it: the caller stays where it
 * is, and sockets that run makes stay there. With a descriptor below 0 it is simply called. What
 * run returns, or -errno where the namespace cannot be entered. */
int v2m_netns_run(int netns, int (*run)(void *context), void *context);

#endif
