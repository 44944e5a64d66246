/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The last good key set on disk, for a start with broken sources: <state_dir>/keys.last.json, mode
 * 0600, for uuids are in it. It has the form of a key file, with further members.
 */
#ifndef V2METER_KEYS_KEY_MEMORY_H
#define V2METER_KEYS_KEY_MEMORY_H

#include "keys/keys.h"
#include "base/error.h"

#define V2M_KEY_MEMORY_NAME "keys.last.json"

/* 0 or -errno; the old file stays then. */
int v2m_key_memory_store(const char *path, const struct v2m_keyset *keyset,
			 struct v2m_error *error);
/* 0, -ENOENT where nothing was ever stored, or -errno; *keyset is untouched then. */
int v2m_key_memory_load(const char *path, struct v2m_keyset **keyset, struct v2m_error *error);

#endif
