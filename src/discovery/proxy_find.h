/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds running proxies: processes named as Xray or V2Ray are, the configurations with which they
 * were started, and the sockets of this host at which they listen. One of these may be the API.
 *
 * Only those in our network namespace count: elsewhere, their ports are others. They are named.
 *
 * A user of this host can name a process as he likes. So a process counts only if it is root's, or
 * has the account of a service and is in no login session. A configuration counts only if it is a
 * file that nobody except root can change or replace.
 */
#ifndef V2METER_DISCOVERY_PROXY_FIND_H
#define V2METER_DISCOVERY_PROXY_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/string_list.h"
#include "discovery/listening.h"

/* All processes together have at most so many. */
#define V2M_PROXY_CONFIGS_MAX 16

/* Proxies in other network namespaces that are named. */
#define V2M_PROXY_FOREIGN_MAX 8

/* Starts as zeros. */
struct v2m_proxy_found {
	struct v2m_strings configs; /* paths of files and directories, without symbolic links */
	struct v2m_proxy_listeners listeners;
	size_t n_processes;
	uint64_t fingerprint; /* of the processes: another one if any has ended or begun */
	/* The first processes in another network namespace: their ports are others. */
	pid_t foreign[V2M_PROXY_FOREIGN_MAX];
	size_t n_foreign; /* all of them */
	pid_t ours;       /* a process in our network namespace; 0: there is none */
	size_t n_hidden;  /* processes whose sockets we may not see: CAP_SYS_PTRACE is missing */
};

/* proc: "/proc". sockets: whether to look for these too, which costs a call for each open file of a
 * proxy. Processes that end meanwhile are left out. 0 or -ENOMEM; *found is the caller's to clear
 * either way. */
int v2m_proxy_find(const char *proc, bool sockets, struct v2m_proxy_found *found);
/* Whether the socket of a proxy that was found still listens at this address. As no other socket
 * has its inode, the processes are not looked at, which may have many open files. A unix socket's
 * name can forge a line of the kernel's list: see v2m_proxy_is(). */
bool v2m_proxy_listens(const char *proc, const char *source, uint64_t inode);
/* Whether the process is a running proxy. */
bool v2m_proxy_is(const char *proc, pid_t pid);
void v2m_proxy_found_clear(struct v2m_proxy_found *found);

#endif
