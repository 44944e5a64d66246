/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the users of a running proxy: what its API said last, in the form of a configuration. */
#ifndef V2METER_KEYS_FORMATS_LIVE_READ_H
#define V2METER_KEYS_FORMATS_LIVE_READ_H

#include "base/error.h"
#include "json/json_doc.h"
#include "keys/gathered.h"
#include "keys/live_source.h"

/* Adds the keys of an API that the settings name as a key source. 0; -EAGAIN: nobody has asked it
 * yet; or another -errno; with *error. */
int v2m_live_read(const char *source, const struct v2m_live_sources *live,
		  struct v2m_gathered *gathered, struct v2m_error *error);

/* Adds the keys of the running proxy in place of those of its configuration, if that names an API
 * which has answered. The configuration may be older, as a panel changes users through the API.
 * An API that nobody has asked yet is added to gathered->apis. path names the source in notes. 0;
 * 1: there is no such API, and the configuration has to be read; or -errno with *error. */
int v2m_live_read_proxy(const char *path, const struct v2m_json_doc *docs, size_t n_docs,
			const struct v2m_live_sources *live, struct v2m_gathered *gathered,
			struct v2m_error *error);

#endif
