/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The last good key set, for a start with broken sources. It is kept in <state_dir>/keys.last.json,
 * with mode 0600 because of the uuids. The file has the form of a key file with more members.
 */
#ifndef V2METER_KEYS_KEY_MEMORY_H
#define V2METER_KEYS_KEY_MEMORY_H

#include "keys/keys.h"
#include "base/error.h"

#define V2M_KEY_MEMORY_NAME "keys.last.json"

/* Writes the file. 0 or -errno; the old file stays then. */
int v2m_key_memory_store(const char *path, const struct v2m_keyset *keyset,
			 struct v2m_error *error);
/* Reads the file. 0; -ENOENT if there is none; or another -errno. *keyset is unchanged then. */
int v2m_key_memory_load(const char *path, struct v2m_keyset **keyset, struct v2m_error *error);

#endif
