// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "fake/private.h"

static enum v2m_verdict get_verdict(struct fake_meter *fake)
{
	enum v2m_verdict verdict;

	pthread_mutex_lock(&fake->lock);
	verdict = fake->transfer_verdict;
	pthread_mutex_unlock(&fake->lock);
	return verdict;
}

enum v2m_verdict fake_export(void *context, char **text, size_t *length)
{
	enum v2m_verdict verdict = get_verdict(context);

	if (verdict == V2M_OK) {
		*text = strdup(FAKE_DOCUMENT);
		*length = strlen(FAKE_DOCUMENT);
	}
	return verdict;
}

enum v2m_verdict fake_import(void *context, const char *api_key, const char *text, size_t length,
			     struct v2m_import_result *result, struct v2m_error *error)
{
	struct fake_meter *fake = context;
	enum v2m_verdict verdict = fake_allows(fake, api_key) ? get_verdict(fake) : V2M_FORBIDDEN;

	(void)text;
	if (verdict == V2M_OK)
		*result = (struct v2m_import_result){ .added = 1, .known = 2, .refused = 3 };
	if (verdict == V2M_BAD_DOCUMENT)
		v2m_error_set(error, 0, "import:1:2: not JSON");
	pthread_mutex_lock(&fake->lock);
	fake->imported = length;
	pthread_mutex_unlock(&fake->lock);
	return verdict;
}

void fake_meter_set_transfer_verdict(struct fake_meter *fake, enum v2m_verdict verdict)
{
	pthread_mutex_lock(&fake->lock);
	fake->transfer_verdict = verdict;
	pthread_mutex_unlock(&fake->lock);
}

size_t fake_meter_imported(struct fake_meter *fake)
{
	size_t length;

	pthread_mutex_lock(&fake->lock);
	length = fake->imported;
	pthread_mutex_unlock(&fake->lock);
	return length;
}
