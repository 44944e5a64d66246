/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state directory: the lock that keeps other daemons out, and the API key in it. */
#ifndef V2METER_CONFIG_STATE_DIR_H
#define V2METER_CONFIG_STATE_DIR_H

#include "config/config.h"

/* Makes the directory and its parents if they are missing, and locks it for this process as long as
 * *lock_fd is open. 0; -EBUSY if another process holds it, which the error names by its id; or
 * another -errno. */
int v2m_state_dir_lock(const char *state_dir, int *lock_fd, struct v2m_error *error);

/* Finds the API key: that of the configuration, else $V2METER_API_KEY, else that of
 * <state_dir>/api_key. If the file is missing, a key of 32 random bytes in hexadecimal is written
 * to it with mode 0600. The variable is removed, and its value kept for later calls. The log says
 * where the key is and never shows it. It warns if the key is short, or in a file that others can
 * read: config_path is the file of the configuration, NULL if there is none. 0 or -errno; *api_key
 * is the caller's to free. */
int v2m_api_key_load(const struct v2m_config *config, const char *config_path, char **api_key,
		     struct v2m_error *error);
/* The same warnings about the API key of the configuration, if it has one. */
void v2m_api_key_warn(const struct v2m_config *config, const char *config_path);

#endif
