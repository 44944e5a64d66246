/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the operator has changed when SIGHUP comes. */
#ifndef V2METER_DAEMON_RELOAD_H
#define V2METER_DAEMON_RELOAD_H

#include <stdbool.h>

#include "apikeys/api_keys.h"
#include "config/config.h"

/* Reads the configuration again. Settings that only a restart changes ("listen", "state_dir") stay
 * as they are, with a line in the log. *changed: *fresh, or the single API key in *fresh_keys,
 * differs from the active one, and *fresh is the caller's to clear; else both are unchanged. The
 * named keys in *fresh_keys are the active ones. 0, or -errno with a line for the operator: the
 * configuration is wrong, or there is no API key. */
int v2m_reload_read(const char *path, const struct v2m_config *active,
		    const struct v2m_api_keys *active_keys, struct v2m_config *fresh,
		    struct v2m_api_keys *fresh_keys, bool *changed, struct v2m_error *error);

/* Reads the single API key into *keys, and keeps its hash: the key itself is only ever compared. 0
 * or -errno. */
int v2m_reload_api_key(const struct v2m_config *config, const char *path, struct v2m_api_keys *keys,
		       struct v2m_error *error);

#endif
