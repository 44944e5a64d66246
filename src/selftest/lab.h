/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Two network namespaces with a veth pair between them, and a bpffs that only this process sees.
 * Nothing of it is visible outside, and the kernel removes all of it when the process ends.
 */
#ifndef V2METER_SELFTEST_LAB_H
#define V2METER_SELFTEST_LAB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Where the bpffs is mounted, which hides the one that was there. */
#define V2M_LAB_BPFFS "/sys/fs/bpf"
/* The addresses of both ends. */
#define V2M_LAB_HERE4  "192.0.2.1"
#define V2M_LAB_THERE4 "192.0.2.2"
#define V2M_LAB_HERE6  "2001:db8::1"
#define V2M_LAB_THERE6 "2001:db8::2"

struct v2m_lab {
	int here;               /* the server's namespace, which the process is in */
	int there;              /* the client's namespace */
	uint32_t here_ifindex;  /* of the server's device */
	uint32_t there_ifindex; /* of the client's device */
	bool ipv6;              /* false: the kernel has no IPv6, or it is switched off */
};

/* Name of the server's device. */
#define V2M_LAB_DEVICE "v2m0"

/* Moves the calling process, which must have one thread, into the lab for the rest of its life. 0;
 * -EPERM without CAP_SYS_ADMIN and CAP_NET_ADMIN; or another -errno. */
int v2m_lab_enter(struct v2m_lab *lab, struct v2m_error *error);

/* Makes a socket in one of the namespaces. A descriptor or -errno. */
int v2m_lab_socket(const struct v2m_lab *lab, int namespace, int family, int type, int protocol);

#endif
