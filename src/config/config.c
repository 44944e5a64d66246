// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json_doc.h"
#include "base/string_list.h"
#include "base/cleanup.h"

static const char *const member_names[] = {
	"listen",      "api_key",        "state_dir",          "pin_dir",
	"interfaces",  "key_sources",    "exclude_interfaces", "api_bytes",
	"cache_ttl_s", "rate_window_s",  "sample_interval_ms", "flush_interval_s",
	"attach",      "retention_days", "retention_hours",    "connection_details_max",
	"netns",
};

void v2m_config_clear(struct v2m_config *config)
{
	v2m_strings_clear(&config->listen);
	v2m_strings_clear(&config->interfaces);
	v2m_strings_clear(&config->exclude_interfaces);
	v2m_strings_clear(&config->key_sources);
	free(config->api_key);
	free(config->state_dir);
	free(config->pin_dir);
	free(config->netns);
	memset(config, 0, sizeof(*config));
}

/* The defaults. 0 or -ENOMEM. */
static int set_defaults(struct v2m_config *config)
{
	struct v2m_config made = {
		.state_dir = strdup("/var/lib/v2meter"),
		.pin_dir = strdup("/sys/fs/bpf/v2meter"),
		.api_bytes = V2M_API_BYTES_WIRE,
		.cache_ttl_s = 30,
		.sample_interval_ms = 1000,
		.rate_window_s = 10,
		.flush_interval_s = 10,
		.retention_days = V2M_RETENTION_DAYS,
		.retention_hours = V2M_RETENTION_HOURS,
		.connection_details_max = 1000,
	};

	if (!made.state_dir || !made.pin_dir || v2m_strings_add(&made.listen, "127.0.0.1:9469") ||
	    v2m_strings_add(&made.interfaces, "auto") ||
	    v2m_strings_add(&made.key_sources, "auto")) {
		v2m_config_clear(&made);
		return -ENOMEM;
	}
	*config = made;
	return 0;
}

static bool is_endpoint(const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[INET_ADDRSTRLEN];
	struct in_addr address;
	char *end;
	long port;

	if (!colon || colon - text >= INET_ADDRSTRLEN || colon[1] < '1' || colon[1] > '9')
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	port = strtol(colon + 1, &end, 10);
	return *end == 0 && port <= 65535 && inet_pton(AF_INET, host, &address) == 1;
}

/* What a string has to be beyond its length; NULL: anything. */
struct rule {
	bool (*holds)(const char *text);
	const char *what;
};

/* It travels in a header. */
static bool is_header_text(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static const struct rule endpoint_rule = { is_endpoint,
					   "an IPv4 address and port such as 127.0.0.1:9469" };
/* PID_MAX_LIMIT of include/linux/threads.h. */
#define PID_MAX 4194304

static bool is_netns(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return text[0] == '/' || (digits && digits < 10 && !text[digits] && text[0] != '0');
}

static bool is_absolute(const char *text)
{
	return text[0] == '/';
}

static const struct rule absolute_rule = { is_absolute, "an absolute path" };
static const struct rule netns_rule = { is_netns, "an absolute path or a process id" };
static const struct rule header_rule = { is_header_text, "printable ASCII without spaces" };

static int read_string(const struct v2m_json_node *node, size_t max, const struct rule *rule,
		       char **value, struct v2m_error *error)
{
	V2M_FREE char *text = NULL;
	int result = v2m_json_string(node, max, &text, error);

	if (result)
		return result;
	if (rule && !rule->holds(text))
		return v2m_json_expected(node, error, rule->what);
	free(*value);
	*value = V2M_TAKE(text);
	return 0;
}

static int read_items(const struct v2m_json_node *node, const struct rule *rule,
		      struct v2m_strings *list, struct v2m_error *error)
{
	size_t n = json_array_size(node->value);

	list->items = calloc(n + 1, sizeof(*list->items));
	if (!list->items)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		struct v2m_json_node item = v2m_json_item(node, i);
		int result = read_string(&item, PATH_MAX - 1, rule, &list->items[i], error);

		if (result)
			return result;
		list->count++;
	}
	return 0;
}

static int read_strings(const struct v2m_json_node *root, const char *name, size_t min,
			const struct rule *rule, struct v2m_strings *strings,
			struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(root, name);
	struct v2m_strings list = { 0 };
	int result;

	if (!json_object_get(root->value, name))
		return 0;
	if (!json_is_array(node.value) || json_array_size(node.value) < min)
		return v2m_json_expected(
			&node, error, min ? "a list of at least one string" : "a list of strings");
	result = read_items(&node, rule, &list, error);
	if (result) {
		v2m_strings_clear(&list);
		return result;
	}
	v2m_strings_clear(strings);
	*strings = list;
	return 0;
}

static int read_listen(const struct v2m_json_node *root, struct v2m_strings *listen,
		       struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(root, "listen");

	if (json_is_string(node.value))
		return read_string(&node, INET_ADDRSTRLEN + 6, &endpoint_rule, &listen->items[0],
				   error);
	if (json_object_get(root->value, "listen") && !json_is_array(node.value))
		return v2m_json_expected(&node, error,
					 "an IPv4 address and port, or a list of them");
	return read_strings(root, "listen", 1, &endpoint_rule, listen, error);
}

static int read_texts(const struct v2m_json_node *root, struct v2m_config *config,
		      struct v2m_error *error)
{
	struct v2m_json_node api_key = v2m_json_member(root, "api_key");
	struct v2m_json_node state_dir = v2m_json_member(root, "state_dir");
	struct v2m_json_node pin_dir = v2m_json_member(root, "pin_dir");
	int result = 0;

	if (api_key.value)
		result = read_string(&api_key, V2M_API_KEY_MAX, &header_rule, &config->api_key,
				     error);
	if (!result && json_object_get(root->value, "state_dir"))
		result = read_string(&state_dir, PATH_MAX - 1, NULL, &config->state_dir, error);
	if (!result && json_object_get(root->value, "pin_dir"))
		result = read_string(&pin_dir, PATH_MAX - 1, &absolute_rule, &config->pin_dir,
				     error);
	return result;
}

/* A pid may be a number as well as text, as --check prints it. */
static int read_netns(const struct v2m_json_node *root, struct v2m_config *config,
		      struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(root, "netns");
	char pid[24];
	long long number;
	int result;

	if (!node.value)
		return 0;
	if (!json_is_integer(node.value))
		return read_string(&node, PATH_MAX - 1, &netns_rule, &config->netns, error);
	result = v2m_json_integer(&node, 1, PID_MAX, &number, error);
	if (result)
		return result;
	snprintf(pid, sizeof(pid), "%lld", number);
	free(config->netns);
	config->netns = strdup(pid);
	return config->netns ? 0 : v2m_error_set(error, -ENOMEM, "out of memory");
}

/* One of two words; *is_second stays as it is where the member is absent. */
static int read_choice(const struct v2m_json_node *root, const char *name, const char *first,
		       const char *second, bool *is_second, struct v2m_error *error)
{
	struct v2m_json_node node = v2m_json_member(root, name);
	const char *text = json_string_value(node.value);
	char expected[64];

	if (!json_object_get(root->value, name))
		return 0;
	if (text && (strcmp(text, first) == 0 || strcmp(text, second) == 0)) {
		*is_second = strcmp(text, second) == 0;
		return 0;
	}
	snprintf(expected, sizeof(expected), "\"%s\" or \"%s\"", first, second);
	return v2m_json_expected(&node, error, expected);
}

static int read_choices(const struct v2m_json_node *root, struct v2m_config *config,
			struct v2m_error *error)
{
	bool payload = config->api_bytes == V2M_API_BYTES_PAYLOAD;
	int result = read_choice(root, "api_bytes", "wire", "payload", &payload, error);

	config->api_bytes = payload ? V2M_API_BYTES_PAYLOAD : V2M_API_BYTES_WIRE;
	if (!result)
		result =
			read_choice(root, "attach", "auto", "clsact", &config->force_clsact, error);
	return result;
}

static int read_numbers(const struct v2m_json_node *root, struct v2m_config *config,
			struct v2m_error *error)
{
	const struct {
		const char *name;
		long long min;
		long long max;
		unsigned *value;
	} numbers[] = {
		{ "cache_ttl_s", 0, 3600, &config->cache_ttl_s },
		{ "sample_interval_ms", 100, 60000, &config->sample_interval_ms },
		{ "rate_window_s", 1, 300, &config->rate_window_s },
		{ "flush_interval_s", 1, 3600, &config->flush_interval_s },
		{ "retention_days", 1, 100000, &config->retention_days },
		{ "retention_hours", 1, 1000000, &config->retention_hours },
		{ "connection_details_max", 0, 100000, &config->connection_details_max },
	};

	for (size_t i = 0; i < V2M_ARRAY_LEN(numbers); i++) {
		struct v2m_json_node node = v2m_json_member(root, numbers[i].name);
		long long value;
		int result;

		if (!json_object_get(root->value, numbers[i].name))
			continue;
		result = v2m_json_integer(&node, numbers[i].min, numbers[i].max, &value, error);
		if (result)
			return result;
		*numbers[i].value = (unsigned)value;
	}
	return 0;
}

static int read_members(const struct v2m_json_node *root, struct v2m_config *config,
			struct v2m_error *error)
{
	int result = v2m_json_object(root, error);

	if (!result)
		result = v2m_json_only(root, member_names, V2M_ARRAY_LEN(member_names), error);
	if (!result)
		result = read_listen(root, &config->listen, error);
	if (!result)
		result = read_texts(root, config, error);
	if (!result)
		result = read_strings(root, "interfaces", 1, NULL, &config->interfaces, error);
	if (!result)
		result = read_strings(root, "exclude_interfaces", 0, NULL,
				      &config->exclude_interfaces, error);
	if (!result)
		result = read_strings(root, "key_sources", 1, NULL, &config->key_sources, error);
	if (!result)
		result = read_netns(root, config, error);
	if (!result)
		result = read_choices(root, config, error);
	if (!result)
		result = read_numbers(root, config, error);
	return result;
}

int v2m_config_load(const char *path, struct v2m_config *config, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	struct v2m_config made;
	struct v2m_json_node root;
	int result = path ? v2m_json_doc_load(path, &doc, error) : 0;

	if (result)
		return result;
	if (set_defaults(&made))
		return v2m_error_set(error, -ENOMEM, "out of memory");
	root = v2m_json_root(&doc);
	result = path ? read_members(&root, &made, error) : 0;
	if (result) {
		v2m_config_clear(&made);
		return result;
	}
	*config = made;
	return 0;
}

static json_t *dump_strings(const struct v2m_strings *strings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < strings->count; i++)
		json_array_append_new(list, json_string(strings->items[i]));
	return list;
}

char *v2m_config_dump(const struct v2m_config *config)
{
	json_t *json = json_pack(
		"{s:o, s:s?, s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, "
		"s:s?}",
		"listen",
		config->listen.count == 1 ? json_string(config->listen.items[0])
					  : dump_strings(&config->listen),
		"api_key", config->api_key ? "(set)" : NULL, "state_dir", config->state_dir,
		"pin_dir", config->pin_dir, "interfaces", dump_strings(&config->interfaces),
		"exclude_interfaces", dump_strings(&config->exclude_interfaces), "key_sources",
		dump_strings(&config->key_sources), "api_bytes",
		config->api_bytes == V2M_API_BYTES_WIRE ? "wire" : "payload", "attach",
		config->force_clsact ? "clsact" : "auto", "cache_ttl_s", (int)config->cache_ttl_s,
		"sample_interval_ms", (int)config->sample_interval_ms, "rate_window_s",
		(int)config->rate_window_s, "flush_interval_s", (int)config->flush_interval_s,
		"retention_days", (int)config->retention_days, "retention_hours",
		(int)config->retention_hours, "connection_details_max",
		(int)config->connection_details_max, "netns", config->netns);
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

	json_decref(json);
	return text;
}
