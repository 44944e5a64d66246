// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/doctor/nat_rules.h"
#include "ctl/doctor/port_set.h"

#define LIST_LEN 512
/* Further rules are of the same kind. */
#define RULES_MAX 8

/* The ports from which the kernel takes those of outgoing connections. */
static bool read_ephemeral(const struct v2m_patient *patient, struct v2m_port_set *set,
			   struct v2m_port_set *reserved)
{
	char text[8192];
	unsigned first;
	unsigned last;

	if (v2m_patient_read(patient, "/proc/sys/net/ipv4/ip_local_port_range", text,
			     sizeof(text)) <= 0 ||
	    sscanf(text, "%u %u", &first, &last) != 2)
		return false;
	v2m_port_set_add(set, first, last);
	v2m_patient_read(patient, "/proc/sys/net/ipv4/ip_local_reserved_ports", text, sizeof(text));
	v2m_port_set_add_text(reserved, text);
	return true;
}

void v2m_check_ephemeral_ports(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	V2M_FREE struct v2m_port_set *sets = calloc(3, sizeof(*sets));
	struct v2m_port_set *keys = sets;
	char list[LIST_LEN];
	char line[4 * LIST_LEN];

	if (!patient->keys)
		return;
	if (!sets) {
		findings->lost = true;
		return;
	}
	v2m_port_set_add_keys(keys, patient->keys);
	if (!read_ephemeral(patient, &sets[1], &sets[2])) {
		v2m_found(findings, V2M_LEVEL_WARN,
			  "which ports the kernel gives to outgoing connections is not known");
		v2m_advise(findings, "mount /proc");
		return;
	}
	v2m_port_set_intersect(keys, &sets[1]);
	v2m_port_set_subtract(keys, &sets[2]);
	if (v2m_port_set_is_empty(keys)) {
		v2m_found(findings, V2M_LEVEL_OK,
			  "the kernel gives no key's port to outgoing connections");
		return;
	}
	v2m_port_set_format(keys, list, sizeof(list));
	for (unsigned port = 0; port < 65536; port++)
		keys->has[port] = keys->has[port] || sets[2].has[port];
	v2m_found(findings, V2M_LEVEL_WARN,
		  "the kernel may give these ports of keys to outgoing connections, and then the "
		  "proxy cannot listen there: %s",
		  list);
	if (v2m_port_set_format(keys, line, sizeof(line)))
		v2m_advise(findings, "add them to net.ipv4.ip_local_reserved_ports");
	else
		v2m_advise(findings,
			   "put this line into /etc/sysctl.d/60-v2meter.conf and run sysctl "
			   "--system: net.ipv4.ip_local_reserved_ports = %s",
			   line);
}

/* A rule that takes packets to a key's port away, or brings others to it. */
static bool check_rule(const char *line, const struct v2m_nat_rule *rule,
		       const struct v2m_port_set *keys, struct v2m_findings *findings)
{
	V2M_FREE struct v2m_port_set *taken = malloc(sizeof(*taken));
	V2M_FREE struct v2m_port_set *brought = malloc(sizeof(*brought));
	char list[LIST_LEN];
	char published[LIST_LEN];

	if (!taken || !brought) {
		findings->lost = true;
		return false;
	}
	*taken = rule->matched;
	v2m_port_set_intersect(taken, keys);
	if (!v2m_port_set_is_empty(taken)) {
		v2m_port_set_format(taken, list, sizeof(list));
		v2m_found(findings, V2M_LEVEL_WARN,
			  "a rule sends packets to port %s %s, and they count for the keys of the "
			  "port: %s",
			  list, rule->to_host ? "to another port" : "to another address", line);
		v2m_advise(findings, "remove the rule if the proxy listens on the port itself");
		return true;
	}
	*brought = rule->target;
	v2m_port_set_intersect(brought, keys);
	if (v2m_port_set_is_empty(brought))
		return false;
	v2m_port_set_format(brought, list, sizeof(list));
	v2m_port_set_format(&rule->matched, published, sizeof(published));
	v2m_found(
		findings, V2M_LEVEL_WARN,
		"packets to port %s are sent on to port %s, whose keys do not get their bytes: %s",
		published, list, line);
	v2m_advise(findings, "let the proxy listen on port %s itself, without the rule", published);
	return true;
}

/* Whether an earlier rule was about the same ports: nft and iptables-save list the same rules. */
static bool is_told(const struct v2m_nat_rule *rule, const struct v2m_port_set *told)
{
	for (unsigned port = 0; port < 65536; port++)
		if (rule->matched.has[port] && !told->has[port])
			return false;
	return true;
}

/* Returns how many rules touch a port of a key, or may do so because they name no port. */
static size_t check_rules(const char *rules, const struct v2m_port_set *keys,
			  struct v2m_findings *findings)
{
	V2M_FREE char *copy = strdup(rules);
	V2M_FREE struct v2m_nat_rule *rule = malloc(sizeof(*rule));
	V2M_FREE struct v2m_port_set *told = calloc(1, sizeof(*told));
	const char *unclear = NULL;
	char *rest = copy;
	size_t found = 0;

	if (!copy || !rule || !told) {
		findings->lost = true;
		return 0;
	}
	for (char *line; found < RULES_MAX && (line = strsep(&rest, "\n"));) {
		line += strspn(line, " \t");
		if (!v2m_nat_rule_read(line, rule))
			continue;
		if (v2m_port_set_is_empty(&rule->matched)) {
			unclear = unclear ? unclear : line;
			continue;
		}
		if (is_told(rule, told) || !check_rule(line, rule, keys, findings))
			continue;
		for (unsigned port = 0; port < 65536; port++)
			told->has[port] = told->has[port] || rule->matched.has[port];
		found++;
	}
	if (unclear) {
		v2m_found(findings, V2M_LEVEL_WARN,
			  "a rule names no single port, so it may take packets to a key's port "
			  "away, or bring others to it: %s",
			  unclear);
		v2m_advise(findings, "exclude the ports of keys from it");
		found++;
	}
	return found;
}

void v2m_check_nat(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	V2M_FREE struct v2m_port_set *keys = calloc(1, sizeof(*keys));

	if (!patient->keys)
		return;
	if (!keys) {
		findings->lost = true;
		return;
	}
	v2m_port_set_add_keys(keys, patient->keys);
	if (patient->rules && check_rules(patient->rules, keys, findings))
		return;
	if (patient->rules_whole) {
		v2m_found(findings, V2M_LEVEL_OK, "no NAT rule touches a key's port");
		return;
	}
	v2m_found(findings, V2M_LEVEL_WARN,
		  "not every NAT rule of this host can be listed, so one may touch a key's port");
	v2m_advise(findings, "run v2meterctl doctor as root, with nft or iptables-save installed");
}
