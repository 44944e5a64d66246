// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "sockets/proc_tcp.h"
#include "sockets/socket_diag.h"

struct v2m_sockets {
	struct v2m_socket_diag diag;
	bool by_proc;
	size_t last_count;
};

static int set_error(int result, struct v2m_error *error)
{
	if (result == -ENOENT || result == -EPROTONOSUPPORT)
		return v2m_error_set(
			error, result,
			"connections cannot be listed: the kernel has no tcp_diag "
			"(CONFIG_INET_TCP_DIAG, module tcp_diag) and no /proc/net/tcp");
	return v2m_error_set(error, result, "cannot list TCP connections: %s", strerror(-result));
}

/* The first errors come from a kernel without the diag modules, the others from a sandbox that
 * forbids netlink. */
static bool is_missing(int result)
{
	return result == -ENOENT || result == -EPROTONOSUPPORT || result == -EAFNOSUPPORT ||
	       result == -EOPNOTSUPP || result == -EPERM || result == -EACCES;
}

int v2m_sockets_open(struct v2m_sockets **sockets, struct v2m_error *error)
{
	struct v2m_sockets *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened)
		return set_error(-ENOMEM, error);
	result = v2m_socket_diag_open(&opened->diag);
	if (is_missing(result) && v2m_proc_tcp_exists()) {
		v2m_log_warning(
			"no tcp_diag (%s): connections are read from /proc/net/tcp, which is "
			"slower and has neither devices nor byte counts",
			strerror(-result));
		opened->by_proc = true;
		result = 0;
	}
	if (result) {
		free(opened);
		return set_error(result, error);
	}
	*sockets = opened;
	return 0;
}

void v2m_sockets_close(struct v2m_sockets *sockets)
{
	if (!sockets)
		return;
	v2m_socket_diag_close(&sockets->diag);
	free(sockets);
}

int v2m_sockets_want_details(struct v2m_sockets *sockets, bool wanted)
{
	if (wanted && sockets->by_proc)
		return -EOPNOTSUPP;
	sockets->diag.details = wanted;
	sockets->diag.states = wanted ? V2M_COUNTED_STATES : V2M_DUMP_STATES;
	return 0;
}

int v2m_sockets_dump(struct v2m_sockets *sockets, const struct v2m_port_rule *rules, size_t n_rules,
		     struct v2m_connection_table **table, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_tcp_slots_clear) struct v2m_tcp_slots slots = { 0 };
	struct v2m_socket_dump dump;
	int result = v2m_tcp_slots_make(rules, n_rules, &slots);

	if (!result)
		result = v2m_socket_dump_begin(&dump, &slots, sockets->last_count);
	if (result)
		return set_error(result, error);
	dump.table->mono_ns = v2m_clock_mono_ns();
	if (sockets->diag.details)
		result = v2m_socket_dump_keep_closing(&dump);
	if (slots.count && !result)
		result = sockets->by_proc ? v2m_proc_tcp_dump(&dump)
					  : v2m_socket_diag_dump(&sockets->diag, &dump);
	if (!result)
		result = v2m_socket_dump_finish(&dump, table);
	v2m_socket_dump_clear(&dump);
	if (result)
		return set_error(result, error);
	sockets->last_count = (*table)->count;
	return 0;
}
