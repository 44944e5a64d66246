/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the operator has changed when SIGHUP comes. */
#ifndef V2METER_DAEMON_RELOAD_H
#define V2METER_DAEMON_RELOAD_H

#include <stdbool.h>

#include "base/hash.h"
#include "config/config.h"

/* Reads the configuration again. Settings that only a restart changes ("listen", "state_dir") stay
 * as they are, with a line in the log. *changed: *fresh and *fresh_key differ from the active ones,
 * and *fresh is the caller's to clear; else both are unchanged. 0, or -errno with a line for the
 * operator: the configuration is wrong, or there is no API key. */
int v2m_reload_read(const char *path, const struct v2m_config *active,
		    const struct v2m_digest *active_key, struct v2m_config *fresh,
		    struct v2m_digest *fresh_key, bool *changed, struct v2m_error *error);

/* Reads the API key, and keeps a digest: the key itself is only ever compared. 0 or -errno. */
int v2m_reload_api_key(const struct v2m_config *config, const char *path, char **text,
		       struct v2m_digest *digest, struct v2m_error *error);

#endif
