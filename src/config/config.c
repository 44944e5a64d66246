// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config/config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "config/endpoint.h"
#include "config/setting_table.h"
#include "v2meter/bpf_abi.h"

/* PID_MAX_LIMIT of include/linux/threads.h. */
#define PID_MAX 4194304

#define ENDPOINT "an IPv4 address and port such as 127.0.0.1:9469"

/* Debian's civetweb, which serves the API, is built without IPv6 and without unix sockets. */
static const char *require_endpoint(const char *text)
{
	struct sockaddr_in address;

	if (v2m_endpoint_parse(text, &address) == 0 && address.sin_port)
		return NULL;
	if (*text == '/' || *text == '@' || strncmp(text, "unix:", 5) == 0)
		return ENDPOINT " (the HTTP server has no unix sockets)";
	if (*text == '[' || strchr(text, ':') != strrchr(text, ':'))
		return ENDPOINT " (the HTTP server has no IPv6; a proxy in front of it may)";
	return ENDPOINT;
}

/* The key travels in an HTTP header. */
static const char *require_header(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return "printable ASCII without spaces";
	return NULL;
}

static const char *require_host(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._";

	if (strcmp(text, "*") == 0 || !text[strspn(text, allowed)])
		return NULL;
	return "a host name without scheme and port, or \"*\"";
}

static const char *require_path(const char *text)
{
	return text[0] == '/' ? NULL : "an absolute path";
}

static const char *require_log(const char *text)
{
	return text[0] == '/' || strcmp(text, "auto") == 0 ? NULL : "an absolute path or \"auto\"";
}

static const char *require_netns(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (text[0] == '/' || (digits && digits < 10 && !text[digits] && text[0] != '0'))
		return NULL;
	return "an absolute path or a process id";
}

/* A setting has the name of its member of struct v2m_config. */
#define SETTING(member, kind, default_value, least, most, ...)                                     \
	{                                                                                          \
		.name = #member, .type = &v2m_setting_##kind,                                      \
		.offset = offsetof(struct v2m_config, member), .preset = default_value,            \
		.min = least, .max = most, ##__VA_ARGS__                                           \
	}
#define PATH_LEN (PATH_MAX - 1)
#define HOST_LEN 253

/* Reading, checking, the defaults and the output of --check follow from this table. A test compares
 * the manual and the README with it. */
static const struct v2m_setting settings[] = {
	SETTING(listen, endpoints, "\"127.0.0.1:9469\"", 1, PATH_LEN, .required = require_endpoint),
	SETTING(hosts, list, "[]", 0, HOST_LEN, .required = require_host),
	SETTING(api_key, secret, "null", 1, V2M_API_KEY_MAX, .required = require_header),
	SETTING(state_dir, text, "\"/var/lib/v2meter\"", 1, PATH_LEN),
	SETTING(pin_dir, text, "\"/sys/fs/bpf/v2meter\"", 1, PATH_LEN, .required = require_path),
	SETTING(interfaces, list, "[\"auto\"]", 1, PATH_LEN),
	SETTING(exclude_interfaces, list, "[]", 0, PATH_LEN),
	SETTING(key_sources, list, "[\"auto\"]", 1, PATH_LEN),
	SETTING(access_logs, list, "[\"auto\"]", 0, PATH_LEN, .required = require_log),
	SETTING(api_bytes, choice, "\"wire\"", 0, 2,
		.words = { [V2M_API_BYTES_WIRE] = "wire",
			   [V2M_API_BYTES_PAYLOAD] = "payload",
			   [V2M_API_BYTES_DELIVERED] = "delivered" }),
	SETTING(attach, choice, "\"auto\"", 0, 1,
		.words = { [V2M_ATTACH_AUTO] = "auto", [V2M_ATTACH_CLSACT] = "clsact" }),
	SETTING(cache_ttl_s, number, "30", 0, 3600),
	SETTING(sample_interval_ms, number, "1000", 100, 60000),
	SETTING(rate_window_s, number, "10", 1, 300),
	SETTING(flush_interval_s, number, "10", 1, 3600),
	SETTING(cross_check_s, number, "600", 2, 86400),
	SETTING(retention_days, number, V2M_STRINGIFY(V2M_RETENTION_DAYS), 1, 100000),
	SETTING(retention_hours, number, V2M_STRINGIFY(V2M_RETENTION_HOURS), 1, 1000000),
	SETTING(connection_details_max, number, "1000", 0, 100000),
	SETTING(shared_flows_max, number, V2M_STRINGIFY(V2M_MAX_FLOWS), 64, 262144),
	SETTING(shared_users_max, number, "16383", 1, V2M_OWNERS_LIMIT - 1),
	SETTING(metrics_keys_max, number, "10000", 0, 262144),
	SETTING(metrics_key_names, boolean, "false", 0, 0),
	SETTING(budget, budget, "null", 0, 0),
	SETTING(port_aliases, aliases, "null", 0, 0),
	SETTING(netns, process, "null", 1, PID_MAX, .required = require_netns),
};

const struct v2m_setting *v2m_config_settings(size_t *count)
{
	*count = V2M_ARRAY_LEN(settings);
	return settings;
}

static const struct v2m_setting_table table = { settings, V2M_ARRAY_LEN(settings) };

void v2m_config_clear(struct v2m_config *config)
{
	v2m_settings_clear(&table, config);
	memset(config, 0, sizeof(*config));
}

int v2m_config_load(const char *path, struct v2m_config *config, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	V2M_CLEANUP(v2m_config_clear) struct v2m_config made = { 0 };
	struct v2m_json_node root;
	int result = path ? v2m_json_doc_load(path, &doc, error) : 0;

	if (!result)
		result = v2m_settings_preset(&table, &made, error);
	if (result)
		return result;
	root = v2m_json_root(&doc);
	result = path ? v2m_settings_read(&table, &root, &made, error) : 0;
	if (result)
		return result;
	*config = made;
	made = (struct v2m_config){ 0 };
	return 0;
}

char *v2m_config_dump(const struct v2m_config *config)
{
	json_t *json = v2m_settings_write(&table, config);
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

	json_decref(json);
	return text;
}
