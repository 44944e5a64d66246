// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/doctor/ephemeral.h"
#include "ctl/doctor/nat_rules.h"
#include "ctl/doctor/port_set.h"

#define LIST_LEN 512
/* Further rules are of the same kind. */
#define RULES_MAX 8

void v2m_check_ephemeral_ports(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	struct v2m_ephemeral found;
	char range[64];
	char reserved[8192];
	int result;

	if (!patient->keys)
		return;
	v2m_patient_read(patient, V2M_EPHEMERAL_RANGE_FILE, range, sizeof(range));
	v2m_patient_read(patient, V2M_EPHEMERAL_RESERVED_FILE, reserved, sizeof(reserved));
	result = v2m_ephemeral_find(range, reserved, patient->keys, &found);
	if (result == -ENOMEM) {
		findings->lost = true;
		return;
	}
	if (result) {
		v2m_found(findings, V2M_LEVEL_WARN,
			  "which ports the kernel gives to outgoing connections is not known");
		v2m_advise(findings, "mount /proc");
		return;
	}
	if (!*found.ports) {
		v2m_found(findings, V2M_LEVEL_OK,
			  "the kernel gives no key's port to outgoing connections");
		return;
	}
	v2m_found(findings, V2M_LEVEL_WARN,
		  "the kernel may give these ports of keys to outgoing connections, and then the "
		  "proxy cannot listen there: %s",
		  found.ports);
	if (!*found.reserve)
		v2m_advise(findings, "add them to net.ipv4.ip_local_reserved_ports");
	else
		v2m_advise(findings,
			   "put this line into /etc/sysctl.d/60-v2meter.conf and run sysctl "
			   "--system: net.ipv4.ip_local_reserved_ports = %s",
			   found.reserve);
}

/* Whether the daemon counts all of the ports as published ones. aliases: port_aliases of its
 * status.
 */
static bool is_counted(const struct v2m_port_set *ports, const json_t *aliases)
{
	V2M_FREE struct v2m_port_set *left = malloc(sizeof(*left));
	V2M_FREE struct v2m_port_set *known = calloc(1, sizeof(*known));
	json_t *alias;
	size_t i;

	if (!left || !known)
		return false;
	*left = *ports;
	json_array_foreach ((json_t *)aliases, i, alias) {
		const char *text = json_string_value(json_object_get(alias, "ports"));

		v2m_port_set_add_text(known, text ? text : "");
	}
	v2m_port_set_subtract(left, known);
	return v2m_port_set_is_empty(left);
}

/* A rule that takes packets to a key's port away, or brings others to it. */
static bool check_rule(const char *line, const struct v2m_nat_rule *rule,
		       const struct v2m_port_set *keys, const json_t *aliases,
		       struct v2m_findings *findings)
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
	if (is_counted(&rule->matched, aliases)) {
		v2m_found(findings, V2M_LEVEL_OK,
			  "packets to port %s are sent on to port %s, and count for its keys",
			  published, list);
		return true;
	}
	v2m_found(
		findings, V2M_LEVEL_WARN,
		"packets to port %s are sent on to port %s, whose keys do not get their bytes: %s",
		published, list, line);
	v2m_advise(findings,
		   "let the proxy listen on port %s itself, without the rule, or name it in "
		   "port_aliases of the configuration",
		   published);
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
static size_t check_rules(const char *rules, const struct v2m_port_set *keys, const json_t *aliases,
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
		if (is_told(rule, told) || !check_rule(line, rule, keys, aliases, findings))
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
	if (patient->rules &&
	    check_rules(patient->rules, keys, json_object_get(patient->status, "port_aliases"),
			findings))
		return;
	if (patient->rules_whole) {
		v2m_found(findings, V2M_LEVEL_OK, "no NAT rule touches a key's port");
		return;
	}
	v2m_found(findings, V2M_LEVEL_WARN,
		  "not every NAT rule of this host can be listed, so one may touch a key's port");
	v2m_advise(findings, "run v2meterctl doctor as root, with nft or iptables-save installed");
}
