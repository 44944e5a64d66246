/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The inbounds of one or more V2Ray or Xray configuration files, merged. */
#ifndef V2METER_KEYS_FORMATS_V2RAY_MERGE_H
#define V2METER_KEYS_FORMATS_V2RAY_MERGE_H

#include "json/json_doc.h"

/* An inbound must not be moved: its nodes point to each other. */
struct v2m_v2ray_inbound {
	struct v2m_json_node root;
	struct v2m_json_node list;
	struct v2m_json_node node;
	struct v2m_json_node port; /* that of the inbound, or that of the whole file (V2Ray 3) */
	const char *tag;           /* NULL if it has none */
};

struct v2m_v2ray_inbounds {
	struct v2m_v2ray_inbound *items;
	size_t count;
};

/* Merges the documents in their order. 0, -EINVAL with the place in *error, or -ENOMEM. */
int v2m_v2ray_merge(const struct v2m_json_doc *docs, size_t n_docs,
		    struct v2m_v2ray_inbounds *inbounds, struct v2m_error *error);
void v2m_v2ray_inbounds_clear(struct v2m_v2ray_inbounds *inbounds);

#endif
