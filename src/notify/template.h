/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The bodies of webhooks. */
#ifndef V2METER_NOTIFY_TEMPLATE_H
#define V2METER_NOTIFY_TEMPLATE_H

#include <jansson.h>

#include "notify/settings.h"

/* The longest texts that the services take, in UTF-16 units and characters; bytes are at least as
 * many. */
#define V2M_TELEGRAM_MAX 4096
#define V2M_DISCORD_MAX  2000

/* The body for a channel, malloc'd: the event itself, or a message with its title and text in which
 * no character of a name is taken for markup, a mention or a link's target. A text that is too long
 * is cut, and says so. NULL: out of memory. */
char *v2m_template_render(const struct v2m_channel *channel, const json_t *event);

#endif
