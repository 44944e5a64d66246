// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sockets/local_udp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/transport.h"
#include "local_udp.skel.h"

struct v2m_local_udp {
	struct local_udp_bpf *object;
	struct bpf_link *link; /* NULL: the program does not run */
};

struct v2m_local_udp *v2m_local_udp_open(void)
{
	struct v2m_local_udp *made = calloc(1, sizeof(*made));
	int result = -ENOMEM;

	if (made) {
		made->object = local_udp_bpf__open();
		result = made->object ? local_udp_bpf__load(made->object) : -errno;
	}
	if (!result)
		return made;
	v2m_log_info(
		"UDP from sockets of this host without a peer to its own ports is noticed only "
		"if connection tracking is on: %s",
		strerror(-result));
	v2m_local_udp_close(made);
	return NULL;
}

void v2m_local_udp_close(struct v2m_local_udp *udp)
{
	if (!udp)
		return;
	bpf_link__destroy(udp->link);
	local_udp_bpf__destroy(udp->object);
	free(udp);
}

static bool is_wanted(const struct v2m_port_rule *rule)
{
	return rule->transports & V2M_UDP && !rule->loopback;
}

static bool any_is_wanted(const struct v2m_port_rule *rules, size_t n_rules)
{
	for (size_t i = 0; i < n_rules; i++)
		if (is_wanted(&rules[i]))
			return true;
	return false;
}

/* What was noticed before the last stop is no news. */
static int run_program(struct v2m_local_udp *udp, bool wanted)
{
	if (!wanted) {
		bpf_link__destroy(V2M_TAKE(udp->link));
		return 0;
	}
	if (udp->link)
		return 0;
	memset(udp->object->bss->noticed, 0, sizeof(udp->object->bss->noticed));
	udp->link = bpf_program__attach(udp->object->progs.v2m_local_udp);
	return udp->link ? 0 : -errno;
}

static int add_port(struct v2m_local_udp *udp, unsigned port, struct v2m_foreign_flows *flows)
{
	const struct v2m_foreign_flow flow = { .port = (uint16_t)port, .protocol = IPPROTO_UDP };
	bool noticed = __atomic_exchange_n(&udp->object->bss->noticed[port], 0, __ATOMIC_RELAXED);

	return noticed ? v2m_array_add(flows, flow) : 0;
}

int v2m_local_udp_read(struct v2m_local_udp *udp, const struct v2m_port_rule *rules, size_t n_rules,
		       uint32_t netns, struct v2m_foreign_flows *flows)
{
	int result;

	if (!udp)
		return -EOPNOTSUPP;
	result = run_program(udp, any_is_wanted(rules, n_rules));
	udp->object->bss->netns = netns;
	for (size_t i = 0; i < n_rules && !result; i++)
		for (unsigned port = rules[i].first_port;
		     is_wanted(&rules[i]) && port <= rules[i].last_port && !result; port++)
			result = add_port(udp, port, flows);
	return result;
}
