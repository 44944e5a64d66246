// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/news.h"

#include <string.h>

bool v2m_news_differs(struct v2m_news *news, const char *message)
{
	struct v2m_error now;

	/* Both are cut off at the same length. */
	v2m_error_set(&now, 0, "%s", message);
	if (strcmp(now.text, news->last.text) == 0)
		return false;
	news->last = now;
	return true;
}

void v2m_news_forget(struct v2m_news *news)
{
	news->last.text[0] = 0;
}
