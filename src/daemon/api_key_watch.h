/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Follows the file of the named API keys, so that one that is made or revoked needs no restart. */
#ifndef V2METER_DAEMON_API_KEY_WATCH_H
#define V2METER_DAEMON_API_KEY_WATCH_H

#include <systemd/sd-event.h>

#include "apikeys/api_keys.h"
#include "collector/collector.h"

struct v2m_api_key_watch;

/* Reads the file now, and again whenever it changes. *keys begins with the single API key, gets the
 * named ones, and has to outlive the watch, as the collector does, which is told of changes. A file
 * that cannot be read leaves the keys as they are, with a line in the log. 0 or -errno. */
int v2m_api_key_watch_start(sd_event *event, const char *state_dir, struct v2m_api_keys *keys,
			    struct v2m_collector *collector, struct v2m_api_key_watch **watch,
			    struct v2m_error *error);
/* Reads the file again. */
void v2m_api_key_watch_read(struct v2m_api_key_watch *watch);
/* Does nothing on NULL. */
void v2m_api_key_watch_stop(struct v2m_api_key_watch *watch);

#endif
