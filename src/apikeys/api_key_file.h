/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The file of the named API keys, <state_dir>/api_keys.json. v2meterctl writes it, and the counting
 * process reads it again whenever it changes:
 *
 *     {"api_keys": [{"name": "grafana", "scopes": ["metrics"], "sha256": "<64 hexadecimal digits>",
 *                    "created_at": "2026-01-31T12:00:00Z"}]}
 */
#ifndef V2METER_APIKEYS_API_KEY_FILE_H
#define V2METER_APIKEYS_API_KEY_FILE_H

#include "apikeys/api_keys.h"
#include "base/error.h"

#define V2M_API_KEY_FILE "api_keys.json"

/* Reads the file of that state directory; a missing file has no keys. Two keys of one name or one
 * hash are an error. A file that others than its owner may write to, or whose owner is neither root
 * nor the user of this process, is refused: they could make keys. 0; -EINVAL or another -errno with
 * the place in *error. *keys is unchanged then. */
int v2m_api_key_file_read(const char *state_dir, struct v2m_api_keys *keys,
			  struct v2m_error *error);
/* Replaces the file, with mode 0600: after a crash the old or the new one is there, whole. The
 * single API key is left out. 0 or -errno with *error. */
int v2m_api_key_file_write(const char *state_dir, const struct v2m_api_keys *keys,
			   struct v2m_error *error);

#endif
