/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The configuration file: v2meterd(8). */
#ifndef V2METER_CONFIG_CONFIG_H
#define V2METER_CONFIG_CONFIG_H

#include <stdbool.h>

#include "base/api_bytes.h"
#include "base/string_list.h"
#include "base/error.h"

/* Characters of an API key, at most, wherever it comes from. */
#define V2M_API_KEY_MAX 256

/* Defaults that hold without a configuration, too. */
#define V2M_RETENTION_DAYS  400
#define V2M_RETENTION_HOURS 744

struct v2m_config {
	struct v2m_strings listen; /* "address:port", IPv4 */
	char *api_key;             /* NULL: from the environment or the state directory */
	char *state_dir;
	char *pin_dir;
	struct v2m_strings interfaces;
	struct v2m_strings exclude_interfaces;
	struct v2m_strings key_sources;
	char *netns; /* whose sockets are read, v2m_netns_open(); NULL: our own */
	enum v2m_api_bytes api_bytes;
	bool force_clsact;           /* "attach": "clsact": not tcx, even where the kernel has it */
	unsigned cache_ttl_s;        /* 0 to 3600 */
	unsigned sample_interval_ms; /* 100 to 60000 */
	unsigned rate_window_s;      /* 1 to 300 */
	unsigned flush_interval_s;   /* 1 to 3600 */
	unsigned retention_days;     /* of days, 1 to 100000; totals and months never expire */
	unsigned retention_hours;    /* of hours, 1 to 1000000 */
	unsigned connection_details_max; /* listed for each port, 0 to 100000 */
};

/* The defaults with what the file says. path NULL: the defaults alone. 0, or -errno and one line
 * that names the file, line, column, member and what was expected; *config is untouched then. */
int v2m_config_load(const char *path, struct v2m_config *config, struct v2m_error *error);
void v2m_config_clear(struct v2m_config *config);
/* The configuration as JSON text (api_key as null or "(set)"), for --check. NULL: out of memory. */
char *v2m_config_dump(const struct v2m_config *config);

#endif
