/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a proxy writes its access log, by its configuration. */
#ifndef V2METER_KEYS_FORMATS_V2RAY_LOG_H
#define V2METER_KEYS_FORMATS_V2RAY_LOG_H

#include "json/json_doc.h"
#include "keys/access_logs.h"

/*
 * Adds what these documents, which are one configuration, say of the access log. The last document
 * with a "log" counts alone, as in V2Ray 4 and Xray (infra/conf/log.go of both): without "log"
 * there is no access log, without "access" it goes to the standard output, and the level "none"
 * switches it off. V2Ray 5 has an object in place of the path. source names the documents. 0 or
 * -ENOMEM.
 */
int v2m_v2ray_log_find(const char *source, const struct v2m_json_doc *docs, size_t n_docs,
		       struct v2m_access_logs *logs);

#endif
