/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The rule by which V2Ray 5 makes one configuration of several files (infra/conf/merge there).
 * Inbounds with the same tag become one: objects are merged member by member, lists are joined, and
 * of two other values the later one counts. Used by v2ray_merge.c alone.
 */
#ifndef V2METER_KEYS_FORMATS_V2RAY_DEEP_H
#define V2METER_KEYS_FORMATS_V2RAY_DEEP_H

#include "json/json_doc.h"

/* Whether a document is in the form of V2Ray 5, which no other proxy reads. */
bool v2m_v2ray_is_form_5(const struct v2m_json_doc *doc);

/* The member "tag", else "_tag", which V2Ray 5 takes as well. NULL: it has none. */
const char *v2m_v2ray_deep_tag(const json_t *inbound);

/* Merges the members of source into target, an object that nobody else holds. 0; -EINVAL if a
 * member has another type in both, with which V2Ray 5 does not start; or -ENOMEM. */
int v2m_v2ray_deep_merge(json_t *target, const json_t *source);

#endif
