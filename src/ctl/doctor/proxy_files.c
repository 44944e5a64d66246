// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/doctor/proxy_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/string_list.h"
#include "json/yaml_doc.h"

/* The findings so far, over all files. */
struct reading {
	struct v2m_proxy_files *proxy;
	struct v2m_strings blackholes; /* tags of outbounds that drop everything */
	struct v2m_strings blocking;   /* outbound tags of rules for 127.0.0.1 */
};

static bool is_text(const struct v2m_json_node *node, const char *text)
{
	const char *value = json_string_value(node->value);

	return value && strcasecmp(value, text) == 0;
}

static int read_outbounds(const struct v2m_json_node *root, struct reading *reading)
{
	struct v2m_json_node outbounds = v2m_json_member(root, "outbounds");

	for (size_t i = 0; i < json_array_size(outbounds.value); i++) {
		struct v2m_json_node outbound = v2m_json_item(&outbounds, i);
		struct v2m_json_node protocol = v2m_json_member(&outbound, "protocol");
		struct v2m_json_node tag = v2m_json_member(&outbound, "tag");

		if (is_text(&protocol, "freedom") || is_text(&protocol, "direct"))
			reading->proxy->direct = true;
		if ((is_text(&protocol, "blackhole") || is_text(&protocol, "block")) &&
		    json_is_string(tag.value) &&
		    v2m_strings_add(&reading->blackholes, json_string_value(tag.value)))
			return -ENOMEM;
	}
	return 0;
}

/* Whether a rule's list of addresses has 127.0.0.1. */
static bool has_loopback(const struct v2m_json_node *rule)
{
	static const char *const names[] = { "127.0.0.0/8", "127.0.0.1", "127.0.0.1/32",
					     "geoip:private", "0.0.0.0/0" };
	struct v2m_json_node addresses = v2m_json_member(rule, "ip");

	for (size_t i = 0; i < json_array_size(addresses.value); i++) {
		struct v2m_json_node address = v2m_json_item(&addresses, i);

		for (size_t n = 0; n < V2M_ARRAY_LEN(names); n++)
			if (is_text(&address, names[n]))
				return true;
	}
	return false;
}

/* A rule with a further condition holds only for some connections. */
static bool is_unconditional(const struct v2m_json_node *rule)
{
	static const char *const conditions[] = { "port",     "sourcePort", "network",
						  "source",   "user",       "inboundTag",
						  "protocol", "domain",     "domains" };

	for (size_t i = 0; i < V2M_ARRAY_LEN(conditions); i++)
		if (v2m_json_member(rule, conditions[i]).value)
			return false;
	return true;
}

static int read_routing(const struct v2m_json_node *root, struct reading *reading)
{
	struct v2m_json_node routing = v2m_json_member(root, "routing");
	struct v2m_json_node strategy = v2m_json_member(&routing, "domainStrategy");
	struct v2m_json_node rules = v2m_json_member(&routing, "rules");

	if (is_text(&strategy, "IPOnDemand") || is_text(&strategy, "IPIfNonMatch"))
		reading->proxy->resolves_names = true;
	for (size_t i = 0; i < json_array_size(rules.value); i++) {
		struct v2m_json_node rule = v2m_json_item(&rules, i);
		struct v2m_json_node tag = v2m_json_member(&rule, "outboundTag");

		if (has_loopback(&rule) && is_unconditional(&rule) && json_is_string(tag.value) &&
		    v2m_strings_add(&reading->blocking, json_string_value(tag.value)))
			return -ENOMEM;
	}
	return 0;
}

static bool has_ending(const char *path, const char *ending)
{
	size_t length = strlen(path);

	return length > strlen(ending) && strcmp(path + length - strlen(ending), ending) == 0;
}

static int parse(const char *path, struct v2m_json_doc *doc, struct v2m_error *error)
{
	V2M_FREE char *text = NULL;
	size_t length;
	int result = v2m_json_doc_read(path, &text, &length, error);

	if (result)
		return result;
	if (has_ending(path, ".yaml") || has_ending(path, ".yml"))
		return v2m_yaml_doc_parse(path, text, length, doc, error);
	return v2m_json_doc_parse(path, text, length, V2M_JSON_V2RAY, doc, error);
}

static int read_file(const char *path, struct reading *reading)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	struct v2m_json_node root;
	int result = parse(path, &doc, &reading->proxy->error);

	if (result)
		return result;
	root = v2m_json_root(&doc);
	result = read_outbounds(&root, reading);
	return result ? result : read_routing(&root, reading);
}

static bool is_configuration(const char *name)
{
	return has_ending(name, ".json") || has_ending(name, ".jsonc") ||
	       has_ending(name, ".yaml") || has_ending(name, ".yml");
}

static int read_directory(const char *path, struct reading *reading)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int result = 0;

	if (!directory)
		return v2m_error_set(&reading->proxy->error, -errno, "%s", strerror(errno));
	while (!result && (entry = readdir(directory))) {
		char file[PATH_MAX];

		if (!is_configuration(entry->d_name))
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		result = read_file(file, reading);
	}
	closedir(directory);
	return result;
}

static void match_tags(struct reading *reading)
{
	for (size_t b = 0; b < reading->blocking.count; b++)
		for (size_t h = 0; h < reading->blackholes.count; h++)
			if (strcmp(reading->blocking.items[b], reading->blackholes.items[h]) == 0)
				reading->proxy->blocks_loopback = true;
}

void v2m_proxy_files_read(const char *path, struct v2m_proxy_files *proxy)
{
	struct reading reading = { .proxy = proxy };
	struct stat status;
	int result;

	*proxy = (struct v2m_proxy_files){ 0 };
	if (stat(path, &status)) {
		v2m_error_set(&proxy->error, -errno, "%s", strerror(errno));
		return;
	}
	result = S_ISDIR(status.st_mode) ? read_directory(path, &reading)
					 : read_file(path, &reading);
	if (result == -ENOMEM)
		v2m_error_set(&proxy->error, result, "out of memory");
	match_tags(&reading);
	v2m_strings_clear(&reading.blackholes);
	v2m_strings_clear(&reading.blocking);
	proxy->readable = result == 0;
}
