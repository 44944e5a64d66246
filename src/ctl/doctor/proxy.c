// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/proxy.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/macros.h"
#include "ctl/doctor/proxy_files.h"

#define KIND "V2Ray configuration"

#define ACCESS_LOG "\"log\": {\"access\": \"/var/log/xray/access.log\", \"loglevel\": \"warning\"}"
#define ONLINE_USERS                                                                               \
	"\"stats\": {}, \"policy\": {\"levels\": {\"0\": {\"statsUserOnline\": true}}}, \"api\": " \
	"{\"tag\": \"api\", \"listen\": \"127.0.0.1:10085\", \"services\": [\"HandlerService\", "  \
	"\"StatsService\"]}"
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

struct shared {
	size_t ports;      /* with several users on one transport */
	size_t unknown;    /* of these, whose users are not told apart */
	const char *first; /* one of them */
};

static struct shared count_shared(const struct v2m_patient *patient)
{
	const json_t *data = json_object_get(patient->traffic, "data");
	struct shared shared = { 0 };
	const char *port;
	json_t *entry;

	json_object_foreach (json_object_get(data, "ports"), port, entry) {
		if (!json_is_true(json_object_get(entry, "shared")))
			continue;
		shared.ports++;
		if (json_object_get(json_object_get(entry, "accounting"), "attribution"))
			continue;
		shared.unknown++;
		shared.first = shared.first ? shared.first : port;
	}
	return shared;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* A log that the daemon follows, and which has not named a user of such a port. */
static void judge_followed(const json_t *log, struct v2m_findings *findings)
{
	v2m_found(findings, V2M_LEVEL_WARN,
		  "the access log %s has named no user of such a port yet", text_of(log, "path"));
	if (json_is_true(json_object_get(log, "masked")))
		v2m_advise(findings,
			   "in %s take \"maskAddress\" out of \"log\", and restart the proxy",
			   text_of(log, "source"));
	else
		v2m_advise(findings,
			   "wait until a user connects; if the log stays silent, restart the "
			   "proxy. Each "
			   "user needs an \"email\" of his own in %s",
			   text_of(log, "source"));
}

/* Says what an access log lacks so that it can be followed. */
static void judge_log(const json_t *log, struct v2m_findings *findings)
{
	const char *kind = text_of(log, "kind");
	const char *problem = text_of(log, "error");
	const char *source = text_of(log, "source");
	const char *path = text_of(log, "path");

	if (json_is_true(json_object_get(log, "followed"))) {
		judge_followed(log, findings);
	} else if (strcmp(kind, "file") == 0) {
		v2m_found(findings, V2M_LEVEL_WARN, "the access log %s is not followed%s%s", path,
			  *problem ? ": " : "", problem);
		v2m_advise(findings,
			   "create its directory for the proxy. If the proxy runs in a container, "
			   "name "
			   "the file as this host sees it: \"access_logs\": [\"...\"] in the "
			   "configuration of v2meterd");
	} else {
		v2m_found(findings, V2M_LEVEL_WARN, "the proxy of %s writes %s", source,
			  strcmp(kind, "stdout") == 0 ? "its access log to its standard output"
			  : strcmp(kind, "off") == 0  ? "no access log"
						      : "its access log to a relative path");
		v2m_advise(findings, "in %s: %s; then restart the proxy", source, ACCESS_LOG);
	}
}

/* The second way, if no log is followed. */
static void advise_online_users(const json_t *logs, struct v2m_findings *findings)
{
	const json_t *log;
	size_t i;

	json_array_foreach (logs, i, log)
		if (json_is_true(json_object_get(log, "followed")))
			return;
	v2m_found(findings, V2M_LEVEL_WARN,
		  "no list of online users tells the users of such a port apart");
	v2m_advise(findings,
		   "an access log is better; without one, in the configuration of Xray 25.8 or "
		   "later: %s; and \"xray-api://127.0.0.1:10085\" in \"key_sources\". It works "
		   "for TCP without HTTP and PROXY protocol, and users with an \"email\" and "
		   "level 0 (docs/shared-ports.md)",
		   ONLINE_USERS);
}

void v2m_check_shared_ports(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	const json_t *logs = json_object_get(patient->status, "access_logs");
	struct shared shared = count_shared(patient);
	json_t *log;
	size_t i;

	if (!patient->traffic)
		return;
	if (!shared.unknown) {
		v2m_found(findings, V2M_LEVEL_OK, "%s",
			  shared.ports ? "the proxy tells the users of shared ports apart"
				       : "no users share a port by the same transport");
		return;
	}
	v2m_found(
		findings, V2M_LEVEL_WARN,
		"%zu port%s several users on the same transport, such as %s: only the sum is known",
		shared.unknown, shared.unknown == 1 ? " has" : "s have", shared.first);
	v2m_advise(findings,
		   json_array_size(logs)
			   ? "see the next lines, or give each user a port of his own"
			   : "give each user a port of his own, or name the proxy's access log in "
			     "\"access_logs\"");
	json_array_foreach (logs, i, log)
		judge_log(log, findings);
	advise_online_users(logs, findings);
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
