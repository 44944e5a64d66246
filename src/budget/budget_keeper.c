// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "budget/budget_keeper.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "budget/budget_file.h"

struct v2m_budget_keeper {
	const struct v2m_budget_terms *terms;
	struct v2m_budget budget;
	char path[PATH_MAX];
	bool failing; /* the last store failed */
};

static void load(struct v2m_budget_keeper *keeper)
{
	struct v2m_error error = { 0 };
	char aside[PATH_MAX + 16];

	if (v2m_budget_load(keeper->path, &keeper->budget, &error) == 0)
		return;
	snprintf(aside, sizeof(aside), "%s.damaged", keeper->path);
	v2m_log_error("the budget begins anew: %s%s", error.text,
		      rename(keeper->path, aside) ? "" : "; the file has .damaged behind its name");
}

int v2m_budget_keeper_open(const struct v2m_config *config, struct v2m_budget_keeper **keeper)
{
	struct v2m_budget_keeper *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->terms = &config->budget;
	snprintf(made->path, sizeof(made->path), "%s/budget.json", config->state_dir);
	if (made->terms->set)
		load(made);
	*keeper = made;
	return 0;
}

void v2m_budget_keeper_close(struct v2m_budget_keeper *keeper)
{
	if (!keeper)
		return;
	v2m_budget_clear(&keeper->budget);
	free(keeper);
}

void v2m_budget_keeper_take(struct v2m_budget_keeper *keeper, const struct v2m_sample *sample)
{
	if (keeper->terms->set && v2m_budget_add(&keeper->budget, keeper->terms, sample))
		v2m_log_error("a device is in the budget with the next reading: out of memory");
}

void v2m_budget_keeper_flush(struct v2m_budget_keeper *keeper)
{
	int result;

	if (!keeper->terms->set || !keeper->budget.dirty)
		return;
	result = v2m_budget_store(keeper->path, &keeper->budget);
	if (result && !keeper->failing)
		v2m_log_error("the budget cannot be stored in %s: %s", keeper->path,
			      strerror(-result));
	else if (!result && keeper->failing)
		v2m_log_info("the budget is stored again");
	keeper->failing = result != 0;
}

void v2m_budget_keeper_look(const struct v2m_budget_keeper *keeper, struct v2m_budget_view *view)
{
	v2m_budget_look(&keeper->budget, keeper->terms, view);
}
