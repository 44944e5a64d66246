/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The last message about an operation that is retried, so that each message is logged once. */
#ifndef V2METER_COLLECTOR_NEWS_H
#define V2METER_COLLECTOR_NEWS_H

#include <stdbool.h>

#include "base/error.h"

/* All zeros: nothing was logged. */
struct v2m_news {
	struct v2m_error last;
};

/* Whether the message differs from the last one. The message is the last one from then on. */
bool v2m_news_differs(struct v2m_news *news, const char *message);
/* The next message is new, whatever it says. */
void v2m_news_forget(struct v2m_news *news);

#endif
