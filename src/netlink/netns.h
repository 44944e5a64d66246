/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Other network namespaces, such as a container's. Entering one needs CAP_SYS_ADMIN. */
#ifndef V2METER_NETLINK_NETNS_H
#define V2METER_NETLINK_NETNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Opens the namespace that the text names: the path of a namespace (/run/netns/name,
 * /proc/<pid>/ns/net), the path of a file with a pid in it, or a pid. *inode identifies the
 * namespace. A descriptor, or -errno: -ENOENT if there is no such namespace at the moment, -EINVAL
 * if the file is not a namespace and holds no pid. */
int v2m_netns_open(const char *text, uint32_t *inode, struct v2m_error *error);
/* The inode of the namespace that the calling thread is in. 0: unknown. */
uint32_t v2m_netns_own(void);

/* Calls run in the namespace, on a thread of its own, and waits for its end. The caller's thread
 * stays in its namespace; sockets that run makes belong to the other one. If netns is below 0, run
 * is called on the caller's thread. The result of run, or -errno if the namespace cannot be entered
 * or the thread cannot be made. */
int v2m_netns_run(int netns, int (*run)(void *context), void *context);

#endif
