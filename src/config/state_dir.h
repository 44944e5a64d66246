/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state directory: who owns it, and the API key that lives there. */
#ifndef V2METER_CONFIG_STATE_DIR_H
#define V2METER_CONFIG_STATE_DIR_H

#include "config/config.h"

/* Makes the directory (mode 0700, parents too) if need be and locks it for this process: the lock
 * is held as long as *lock_fd is open. 0; -EBUSY with the holder's pid; or another -errno. */
int v2m_state_dir_lock(const char *state_dir, int *lock_fd, struct v2m_error *error);

/* The API key: the configuration's, else $V2METER_API_KEY, else that of <state_dir>/api_key, which
 * is made of 32 random bytes (in hexadecimal, mode 0600) if it is absent. Logs where it is, never
 * what it is. 0 or -errno; *api_key is the caller's to free. */
int v2m_api_key_load(const struct v2m_config *config, char **api_key, struct v2m_error *error);

#endif
