/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads YAML 1.1 into the same documents as JSON, so that the readers of key formats need not know
 * which one it was. Xray converts YAML to JSON and then reads that; scalars get the types that its
 * converter gives them. An alias shares the value of its anchor and does not copy it, so nested
 * aliases cost nothing.
 */
#ifndef V2METER_JSON_YAML_DOC_H
#define V2METER_JSON_YAML_DOC_H

#include "json/json_doc.h"

#define V2M_YAML_MAX_DEPTH   64
#define V2M_YAML_MAX_ALIASES 10000

/* Reads the first document of the text, which is copied, in the dialect V2M_JSON_V2RAY. 0, -EINVAL
 * with the place, or -ENOMEM. */
int v2m_yaml_doc_parse(const char *path, const char *text, size_t length, struct v2m_json_doc *doc,
		       struct v2m_error *error);

#endif
