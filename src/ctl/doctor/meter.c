// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/meter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"

/* Drops that matter: the daemon's own threshold, 1 % of the bytes that were sent. */
#define DROPS_PER_SENT 100

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static json_int_t number_of(const json_t *object, const char *outer, const char *inner)
{
	return json_integer_value(json_object_get(json_object_get(object, outer), inner));
}

static const json_t *devices_of(const struct v2m_patient *patient)
{
	return json_object_get(patient->status, "devices");
}

void v2m_check_configuration(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	const char *path = *patient->config_path ? patient->config_path : "the defaults";

	if (!patient->config_error.text[0]) {
		v2m_found(findings, V2M_LEVEL_OK, "the configuration is valid: %s", path);
		return;
	}
	v2m_found(findings, V2M_LEVEL_FAIL,
		  "the configuration cannot be read, so v2meterd does not start again: %s",
		  patient->config_error.text);
	v2m_advise(findings, "correct it; v2meterd --config %s --check tells when it is right",
		   path);
}

void v2m_check_server(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	if (patient->status) {
		v2m_found(findings, V2M_LEVEL_OK, "%s answers, v2meterd %s", patient->url,
			  text_of(patient->status, "version"));
		return;
	}
	v2m_found(findings, V2M_LEVEL_FAIL, "%s does not tell the state of the meter: %s",
		  patient->url, patient->server_problem);
	if (patient->health)
		v2m_advise(findings, "give the API key with --api-key-file");
	else
		v2m_advise(findings, "give the address with --url%s%s%s",
			   patient->config.listen.count ? " http://" : "",
			   patient->config.listen.count ? patient->config.listen.items[0] : "",
			   patient->process.pid ? "" : "; start v2meterd");
}

/* These say that bytes are missing, not stored or not served now. All others are warnings. */
static enum v2m_level level_of(const char *reason)
{
	static const char *const fatal[] = { "counters_unreadable",
					     "ledger_unwritable",
					     "ebpf_unavailable",
					     "delivered_unavailable",
					     "no_device",
					     "device_refused",
					     "outrun",
					     "too_many_ports",
					     "ledger_damaged",
					     "ledger_lost",
					     "traffic_uncounted" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(fatal); i++)
		if (strcmp(reason, fatal[i]) == 0)
			return V2M_LEVEL_FAIL;
	return V2M_LEVEL_WARN;
}

void v2m_check_health(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	const json_t *reasons = json_object_get(patient->status, "reasons");
	json_t *row;
	size_t i;

	if (!patient->status)
		return;
	json_array_foreach (reasons, i, row) {
		const char *reason = text_of(row, "reason");

		v2m_found(findings, level_of(reason), "%s: %s", reason, text_of(row, "detail"));
		v2m_advise(findings, "see %s under DIAGNOSTICS in v2meterd(8)", reason);
	}
	if (json_array_size(reasons) == 0)
		v2m_found(findings, V2M_LEVEL_OK, "v2meterd finds nothing wrong");
}

void v2m_check_accounting(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	const json_t *accounting = json_object_get(patient->status, "accounting");

	if (!patient->status)
		return;
	if (json_is_true(json_object_get(accounting, "exact"))) {
		v2m_found(findings, V2M_LEVEL_OK, "bytes are counted exactly (%s)",
			  text_of(accounting, "mode"));
		return;
	}
	v2m_found(findings, V2M_LEVEL_FAIL, "bytes are not exact (%s): %s",
		  text_of(accounting, "mode"), text_of(accounting, "reason"));
	v2m_advise(findings, "see the checks kernel, btf and capabilities; then systemctl reload "
			     "v2meterd tries again");
}

static bool is_counted_on(const struct v2m_patient *patient, const char *name)
{
	json_t *device;
	size_t i;

	json_array_foreach (devices_of(patient), i, device)
		if (strcmp(text_of(device, "name"), name) == 0)
			return true;
	return false;
}

static bool is_said(const struct v2m_findings *findings, const char *means)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->items[i].means, means) == 0)
			return true;
	return false;
}

/* A default route over a device on which nothing is counted. A VLAN may be counted below it, so
 * this is no proof. A device may have several such routes, as for IPv4 and IPv6. */
static void check_route(const struct v2m_patient *patient, const char *device,
			struct v2m_findings *findings)
{
	char means[128];

	if (is_counted_on(patient, device) || strcmp(device, "lo") == 0)
		return;
	snprintf(means, sizeof(means), "%s has a default route and is not counted on itself",
		 device);
	if (is_said(findings, means))
		return;
	v2m_found(findings, V2M_LEVEL_WARN, "%s", means);
	v2m_advise(
		findings,
		"v2meterd --check says why; if users come in there, add \"%s\" to \"interfaces\"",
		device);
}

static void check_routes(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	char text[65536];
	char device[64];
	char *rest = text;

	v2m_patient_read(patient, "/proc/net/route", text, sizeof(text));
	for (char *line; (line = strsep(&rest, "\n"));)
		if (sscanf(line, "%63s 00000000 %*x %*x %*d %*d %*d 0000000%1[0]", device,
			   (char[2]){ 0 }) == 2)
			check_route(patient, device, findings);
	rest = text;
	v2m_patient_read(patient, "/proc/net/ipv6_route", text, sizeof(text));
	/* Destination, length, source, length, next hop, metric, references, uses, flags, device.
	 * An unreachable default route is always there, on lo. */
	for (char *line; (line = strsep(&rest, "\n"));)
		if (strncmp(line, "00000000000000000000000000000000 00 ", 36) == 0 &&
		    sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %63s", device) == 1)
			check_route(patient, device, findings);
}

void v2m_check_devices(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	size_t counted = 0;
	json_t *device;
	size_t i;

	if (!patient->status)
		return;
	json_array_foreach (devices_of(patient), i, device) {
		const char *name = text_of(device, "name");

		if (strcmp(text_of(device, "attach"), "none") == 0) {
			v2m_found(findings, V2M_LEVEL_FAIL,
				  "no program is attached to %s: nothing is counted there", name);
			v2m_advise(findings, "the log of v2meterd says why");
			continue;
		}
		counted += !json_is_true(json_object_get(device, "loopback"));
		v2m_found(findings, V2M_LEVEL_OK, "%s is counted on by %s: %s", name,
			  text_of(device, "attach"), text_of(device, "reason"));
	}
	if (counted == 0) {
		v2m_found(
			findings, V2M_LEVEL_FAIL,
			"no device to the network is counted on, so users' bytes are not counted");
		v2m_advise(findings, "v2meterd --check says why; set \"interfaces\"");
	}
	check_routes(patient, findings);
}

void v2m_check_foreign_filters(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	bool outrun = false;
	json_t *device;
	size_t i;

	if (!patient->status)
		return;
	json_array_foreach (devices_of(patient), i, device) {
		const char *name = text_of(device, "name");

		if (!json_is_true(json_object_get(device, "outrun")))
			continue;
		outrun = true;
		v2m_found(
			findings, V2M_LEVEL_WARN,
			"somebody else's program runs before ours on %s: packets that it drops or "
			"redirects are not counted",
			name);
		v2m_advise(
			findings,
			"find it by 'bpftool net show dev %s' and 'tc filter show dev %s ingress'; "
			"attach it behind ours",
			name, name);
	}
	if (!outrun)
		v2m_found(findings, V2M_LEVEL_OK, "no program runs before ours");
}

void v2m_check_queues(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	bool drops = false;
	json_t *device;
	size_t i;

	if (!patient->status)
		return;
	json_array_foreach (devices_of(patient), i, device) {
		const json_t *queue = json_object_get(device, "queue");
		json_int_t dropped = number_of(queue, "dropped", "bytes");
		json_int_t sent = number_of(queue, "sent", "bytes");

		if (dropped == 0 || dropped < sent / DROPS_PER_SENT)
			continue;
		drops = true;
		v2m_found(findings, V2M_LEVEL_WARN,
			  "the queue of %s (%s) has dropped %" JSON_INTEGER_FORMAT
			  " bytes and sent %" JSON_INTEGER_FORMAT
			  ": dropped bytes are counted as sent",
			  text_of(device, "name"), text_of(queue, "kind"), dropped, sent);
		v2m_advise(findings, "see 'tc -s qdisc show dev %s': raise the limit or the rate",
			   text_of(device, "name"));
	}
	if (!drops)
		v2m_found(findings, V2M_LEVEL_OK, "no queue drops more than 1 %% of what it sends");
}

/* Users that sources leave out. */
static void check_notes(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	const json_t *first = NULL;
	char line[24] = "";
	size_t missing = 0;
	json_t *note;
	size_t i;

	json_array_foreach (json_object_get(patient->status, "key_notes"), i, note) {
		if (!json_is_true(json_object_get(note, "missing")))
			continue;
		first = first ? first : note;
		missing++;
	}
	if (!missing)
		return;
	/* One about a whole file, or about a running proxy, has none. */
	if (json_integer_value(json_object_get(first, "line")))
		snprintf(line, sizeof(line), ":%" JSON_INTEGER_FORMAT,
			 json_integer_value(json_object_get(first, "line")));
	v2m_found(findings, V2M_LEVEL_WARN,
		  "%zu place%s in the key sources give%s no key, so users' bytes are not counted; "
		  "the first: %s%s: %s",
		  missing, missing == 1 ? "" : "s", missing == 1 ? "s" : "", text_of(first, "file"),
		  line, text_of(first, "reason"));
	v2m_advise(findings, "v2meterd --check lists all of them");
}

void v2m_check_key_sources(const struct v2m_patient *patient, struct v2m_findings *findings)
{
	const json_t *sources = json_object_get(patient->status, "key_sources");
	json_t *source;
	size_t i;

	if (!patient->status)
		return;
	json_array_foreach (sources, i, source) {
		const char *problem = text_of(source, "error");

		if (*problem) {
			v2m_found(findings, V2M_LEVEL_FAIL, "%s cannot be used: %s",
				  text_of(source, "path"), problem);
			v2m_advise(findings,
				   "correct it; until then its last good keys are counted");
			continue;
		}
		v2m_found(findings, V2M_LEVEL_OK, "%s gives %" JSON_INTEGER_FORMAT " keys (%s)",
			  text_of(source, "path"),
			  json_integer_value(json_object_get(source, "keys")),
			  text_of(source, "kind"));
	}
	if (json_integer_value(json_object_get(patient->status, "total_keys")) == 0) {
		v2m_found(findings, V2M_LEVEL_FAIL, "there are no keys, so nothing is counted");
		v2m_advise(
			findings,
			"name the proxy's configuration in \"key_sources\"; v2meterd --key-places "
			"lists where \"auto\" looks");
	}
	check_notes(patient, findings);
}
