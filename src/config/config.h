/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The configuration file: v2meter.json(5). */
#ifndef V2METER_CONFIG_CONFIG_H
#define V2METER_CONFIG_CONFIG_H

#include "base/api_bytes.h"
#include "base/string_list.h"
#include "config/alias_terms.h"
#include "config/budget_terms.h"
#include "config/setting.h"

/* The most characters of an API key, from the configuration, environment or file. */
#define V2M_API_KEY_MAX 256

/* Defaults that also hold without a configuration. */
#define V2M_RETENTION_DAYS  400
#define V2M_RETENTION_HOURS 744

enum v2m_attach {
	V2M_ATTACH_AUTO,   /* tcx if the kernel has it, else clsact */
	V2M_ATTACH_CLSACT, /* always clsact */
};

/* The values. Their ranges and defaults are in the table in config.c. */
struct v2m_config {
	struct v2m_strings listen; /* "address:port", IPv4 */
	struct v2m_strings hosts;  /* names that clients reach the server by; "*": any */
	char *api_key;             /* NULL: from the environment or the state directory */
	char *state_dir;
	char *pin_dir;
	struct v2m_strings interfaces;
	struct v2m_strings exclude_interfaces;
	struct v2m_strings key_sources;
	struct v2m_strings access_logs; /* of the proxies, for users on shared ports */
	char *netns; /* whose sockets are read, for v2m_netns_open(); NULL: our own */
	enum v2m_api_bytes api_bytes;
	enum v2m_attach attach;
	unsigned cache_ttl_s;
	unsigned sample_interval_ms;
	unsigned rate_window_s;
	unsigned flush_interval_s;
	unsigned cross_check_s;
	unsigned retention_days;  /* days that the totals of a day are kept; lifetime totals and
				     months never expire */
	unsigned retention_hours; /* hours that the totals of an hour are kept */
	unsigned connection_details_max; /* connections that an answer lists for each port */
	unsigned shared_flows_max;       /* connections of shared ports that can have an owner */
	unsigned shared_users_max;       /* users of shared ports that can be owners */
	unsigned metrics_keys_max;       /* keys that have metrics of their own */
	bool metrics_key_names;          /* the metrics tell the names of keys */
	struct v2m_budget_terms budget;
	struct v2m_alias_terms port_aliases;
};

/* Reads the defaults and then the file; path NULL stands for the defaults alone. 0, or -errno and
 * one line that names the file, line, column and member, and what was expected. *config is
 * unchanged then. */
int v2m_config_load(const char *path, struct v2m_config *config, struct v2m_error *error);
void v2m_config_clear(struct v2m_config *config);
/* The configuration as JSON text for --check; api_key is null or "(set)". NULL: out of memory. */
char *v2m_config_dump(const struct v2m_config *config);

/* All settings, in the order of the manual. */
const struct v2m_setting *v2m_config_settings(size_t *count);

#endif
