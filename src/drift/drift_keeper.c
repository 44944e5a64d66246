// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "drift/drift_keeper.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "drift/drift_file.h"

static void make_path(const char *state_dir, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/drift.json", state_dir);
}

void v2m_drift_restore(const char *state_dir, struct v2m_drift *drift)
{
	struct v2m_error error = { 0 };
	char path[PATH_MAX];

	make_path(state_dir, path);
	if (v2m_drift_load(path, drift, &error))
		v2m_log_warning("the comparison with the proxies begins anew: %s", error.text);
}

void v2m_drift_keep(const char *state_dir, const struct v2m_drift *drift)
{
	char path[PATH_MAX];
	int result;

	if (!drift->count)
		return;
	make_path(state_dir, path);
	result = v2m_drift_store(path, drift);
	if (result)
		v2m_log_warning("the comparison with the proxies cannot be stored in %s: %s", path,
				strerror(-result));
}
