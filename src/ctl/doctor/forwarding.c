// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/forwarding.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/macros.h"
#include "ctl/doctor/nat_rules.h"
#include "ctl/doctor/port_set.h"

#define LIST_LEN 512
/* Further rules are of the same kind. */
#define RULES_MAX 8

/* 1: the kernel passes packets on; 0: it does not; -1: not known. */
static int is_forwarding(const struct v2m_patient *patient)
{
	static const char *const switches[] = { "/proc/sys/net/ipv4/ip_forward",
						"/proc/sys/net/ipv6/conf/all/forwarding" };
	int result = -1;

	for (size_t i = 0; i < V2M_ARRAY_LEN(switches); i++) {
		char text[16];

		if (v2m_patient_read(patient, switches[i], text, sizeof(text)) <= 0)
			continue;
		if (strcmp(text, "0") != 0)
			return 1;
		result = 0;
	}
	return result;
}

/* Whether a line belongs to a chain through which forwarded packets go: a rule that iptables-save
 * prints, or one in a chain of nft that has the hook. in_chain is the state between the lines. */
static bool is_forward_rule(const char *line, bool *in_chain)
{
	if (strncmp(line, "-A FORWARD ", strlen("-A FORWARD ")) == 0)
		return true;
	if (strncmp(line, "type ", strlen("type ")) == 0)
		*in_chain = strstr(line, " hook forward ");
	else if (*line == '}' || strncmp(line, "chain ", strlen("chain ")) == 0)
		*in_chain = false;
	else
		return *in_chain;
	return false;
}

/* A rule that lets nothing through harms no figure. */
static bool is_refusing(const char *line)
{
	return strcasestr(line, " drop") || strcasestr(line, " reject");
}

/* Tells each rule about a port of a key once: both tools list the same rules. Returns how many. */
static size_t check_rules(const struct v2m_patient *patient, const struct v2m_port_set *keys,
			  struct v2m_findings *findings)
{
	V2M_FREE char *copy = strdup(patient->rules);
	V2M_FREE struct v2m_port_set *sets = calloc(2, sizeof(*sets));
	struct v2m_port_set *matched = sets;
	struct v2m_port_set *told = sets + 1;
	bool in_chain = false;
	char *rest = copy;
	size_t found = 0;

	if (!copy || !sets) {
		findings->lost = true;
		return 0;
	}
	for (char *line; found < RULES_MAX && (line = strsep(&rest, "\n"));) {
		char list[LIST_LEN];

		line += strspn(line, " \t");
		if (!is_forward_rule(line, &in_chain) || is_refusing(line))
			continue;
		v2m_rule_ports(line, matched);
		v2m_port_set_intersect(matched, keys);
		v2m_port_set_subtract(matched, told);
		if (v2m_port_set_is_empty(matched))
			continue;
		for (unsigned port = 0; port < 65536; port++)
			told->has[port] = told->has[port] || matched->has[port];
		v2m_port_set_format(matched, list, sizeof(list));
		v2m_found(findings, V2M_LEVEL_WARN,
			  "this host passes packets to port %s on to another one, and these are "
			  "nobody's on this proxy: %s",
			  list, line);
		v2m_advise(findings,
			   "let the proxy of this host have the port for itself, or leave the "
			   "device of that traffic out by \"exclude_interfaces\"");
		found++;
	}
	return found;
}

void v2m_check_forwarding(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	V2M_FREE struct v2m_port_set *keys = calloc(1, sizeof(*keys));
	int forwarding = is_forwarding(patient);

	if (!patient->keys)
		return;
	if (!keys) {
		findings->lost = true;
		return;
	}
	v2m_port_set_add_keys(keys, patient->keys);
	if (forwarding < 0) {
		v2m_found(findings, V2M_LEVEL_WARN,
			  "whether this host passes packets on is not known");
		v2m_advise(findings, "mount /proc");
	} else if (!forwarding) {
		v2m_found(findings, V2M_LEVEL_OK, "this host passes no packets on");
	} else if (patient->rules && check_rules(patient, keys, findings)) {
		return;
	} else if (!patient->rules_whole) {
		v2m_found(findings, V2M_LEVEL_WARN,
			  "this host passes packets on, and not every rule for them can be "
			  "listed, so one may be about a key's port");
		v2m_advise(findings,
			   "run v2meterctl doctor as root, with nft or iptables-save installed");
	} else {
		v2m_found(findings, V2M_LEVEL_OK,
			  "this host passes packets on, and no rule for them names a key's port");
	}
}
