// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/proxy.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/macros.h"
#include "ctl/doctor/proxy_files.h"

#define KIND "V2Ray configuration"

#define ACCESS_LOG "\"log\": {\"access\": \"/var/log/xray/access.log\"}"
#define STATISTICS                                                                                 \
	"\"stats\": {}, \"policy\": {\"levels\": {\"0\": {\"statsUserUplink\": true, "             \
	"\"statsUserDownlink\": true}}}"
#define API                                                                                        \
	"\"api\": {\"tag\": \"api\", \"services\": [\"StatsService\"]}; in \"inbounds\": "         \
	"{\"tag\": \"api\", \"listen\": \"127.0.0.1\", \"port\": 10085, \"protocol\": "            \
	"\"dokodemo-door\", \"settings\": {\"address\": \"127.0.0.1\"}}; first in "                \
	"\"routing\".\"rules\": {\"type\": \"field\", \"inboundTag\": [\"api\"], "                 \
	"\"outboundTag\": \"api\"}"
#define BLOCKED                                                                                    \
	"in \"outbounds\": {\"tag\": \"blocked\", \"protocol\": \"blackhole\"}; in "               \
	"\"routing\": \"domainStrategy\": \"IPOnDemand\", and first in \"rules\": {\"type\": "     \
	"\"field\", \"outboundTag\": \"blocked\", \"ip\": [\"0.0.0.0/8\", \"10.0.0.0/8\", "        \
	"\"100.64.0.0/10\", \"127.0.0.0/8\", \"169.254.0.0/16\", \"172.16.0.0/12\", "              \
	"\"192.168.0.0/16\", \"::/127\", \"fc00::/7\", \"fe80::/10\", \"::ffff:0:0/96\"]}"

static const char *path_of(const json_t *source)
{
	const char *kind = json_string_value(json_object_get(source, "kind"));
	const char *path = json_string_value(json_object_get(source, "path"));

	return kind && path && strcmp(kind, KIND) == 0 ? path : NULL;
}

/* Counts the ports whose users are not told apart. */
static size_t shared_ports(const struct v2m_patient *patient, const char **first)
{
	const json_t *data = json_object_get(patient->traffic, "data");
	size_t count = 0;
	const char *port;
	json_t *entry;

	json_object_foreach (json_object_get(data, "ports"), port, entry) {
		if (!json_is_true(json_object_get(entry, "shared")))
			continue;
		*first = *first ? *first : port;
		count++;
	}
	return count;
}

/* Says what the proxy would have to write down so that users can be told apart. */
static void check_statistics(const char *path, size_t shared, const char *port,
			     struct v2m_findings *findings)
{
	struct v2m_proxy_files proxy;

	v2m_proxy_files_read(path, &proxy);
	if (!proxy.readable) {
		v2m_found(findings, V2M_LEVEL_WARN, "%s cannot be read: %s", path,
			  proxy.error.text);
		v2m_advise(findings, "run v2meterctl doctor as root");
		return;
	}
	v2m_found(findings, V2M_LEVEL_WARN,
		  "%zu port%s %s several users on the same transport, such as %s: only %s sum is "
		  "known. The proxy (%s) has %s access log, %s per user and %s",
		  shared, shared == 1 ? "" : "s", shared == 1 ? "has" : "have", port,
		  shared == 1 ? "the" : "each", path, proxy.access_log ? "an" : "no",
		  proxy.user_statistics ? "statistics" : "no statistics",
		  proxy.statistics_api ? "an API for them" : "no API for them");
	v2m_advise(findings, "give each user a port of his own%s%s%s",
		   proxy.access_log ? "" : "; for an access log add " ACCESS_LOG,
		   proxy.user_statistics ? "" : "; for statistics per user add " STATISTICS,
		   proxy.statistics_api ? "" : "; for their API add " API);
}

void v2m_check_shared_ports(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	const char *first = NULL;
	size_t shared = shared_ports(patient, &first);
	json_t *source;
	bool told = false;
	size_t i;

	if (!patient->traffic)
		return;
	if (!shared) {
		v2m_found(findings, V2M_LEVEL_OK, "no users share a port by the same transport");
		return;
	}
	json_array_foreach (json_object_get(patient->status, "key_sources"), i, source) {
		if (!path_of(source))
			continue;
		check_statistics(path_of(source), shared, first, findings);
		told = true;
	}
	if (told)
		return;
	v2m_found(
		findings, V2M_LEVEL_WARN,
		"%zu port%s several users on the same transport, such as %s: only the sum is known",
		shared, shared == 1 ? " has" : "s have", first);
	v2m_advise(findings, "give each user a port of his own");
}

static void check_routing(const char *path, struct v2m_findings *findings)
{
	struct v2m_proxy_files proxy;

	v2m_proxy_files_read(path, &proxy);
	if (!proxy.readable) {
		v2m_found(findings, V2M_LEVEL_WARN, "%s cannot be read: %s", path,
			  proxy.error.text);
		v2m_advise(findings, "run v2meterctl doctor as root");
	} else if (!proxy.direct) {
		v2m_found(findings, V2M_LEVEL_OK, "%s sends nothing out of this host directly",
			  path);
	} else if (!proxy.blocks_loopback) {
		v2m_found(
			findings, V2M_LEVEL_WARN,
			"customers of %s reach 127.0.0.1 of this server, so also the API, a panel "
			"and the provider's metadata",
			path);
		v2m_advise(findings, "%s", BLOCKED);
	} else if (!proxy.resolves_names) {
		v2m_found(
			findings, V2M_LEVEL_WARN,
			"%s blocks 127.0.0.1, but a customer who asks for localhost, or for a name "
			"of such an address, reaches it",
			path);
		v2m_advise(findings, "set \"domainStrategy\": \"IPOnDemand\" in \"routing\"");
	} else {
		v2m_found(findings, V2M_LEVEL_OK, "%s keeps its customers from 127.0.0.1", path);
	}
}

void v2m_check_proxy_routing(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	json_t *source;
	size_t n = 0;
	size_t i;

	if (!patient->status)
		return;
	json_array_foreach (json_object_get(patient->status, "key_sources"), i, source) {
		if (!path_of(source))
			continue;
		check_routing(path_of(source), findings);
		n++;
	}
	if (n == 0) {
		v2m_found(findings, V2M_LEVEL_WARN,
			  "no configuration of a proxy is among the key sources, so whether its "
			  "customers reach 127.0.0.1 is not known");
		v2m_advise(findings,
			   "compare its routing with docs/api-server.md, \"Customers of the "
			   "proxy\"");
	}
}
