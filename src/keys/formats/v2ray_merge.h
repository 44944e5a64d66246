/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The inbounds of one or more V2Ray or Xray configuration files, merged as the proxies do
 * (Config.Override in infra/conf of both). In Xray, an inbound of a later file takes the place of
 * the first one with the same tag, and inbounds without a tag count as having the same one. In
 * V2Ray 4, a later file with several inbounds replaces all earlier ones. V2Ray 5 keeps all, and
 * makes one inbound of those with the same tag (infra/conf/merge). Of documents that were made of
 * another form, all inbounds stay.
 */
#ifndef V2METER_KEYS_FORMATS_V2RAY_MERGE_H
#define V2METER_KEYS_FORMATS_V2RAY_MERGE_H

#include "json/json_doc.h"
#include "keys/key_notes.h"

/* An inbound must not be moved: its nodes point to each other. */
struct v2m_v2ray_inbound {
	struct v2m_json_node root;
	struct v2m_json_node list;
	struct v2m_json_node node;
	struct v2m_json_node port; /* that of the inbound, or that of the whole file (V2Ray 3) */
	const char *tag;           /* NULL if it has none */
	bool replaced;             /* by an inbound of a later file: the proxy does not know it */
	json_t *merged; /* the value of the node if it was made of several (V2Ray 5); else NULL */
};

struct v2m_v2ray_inbounds {
	struct v2m_v2ray_inbound *items;
	size_t count;
};

/* Merges the documents in their order. Inbounds that are replaced are noted. Files in the form of
 * V2Ray 5 follow its rule, and other files in a directory named v2ray follow that of V2Ray 4. 0,
 * -EINVAL with the place in *error, or -ENOMEM. */
int v2m_v2ray_merge(const struct v2m_json_doc *docs, size_t n_docs,
		    struct v2m_v2ray_inbounds *inbounds, struct v2m_key_notes *notes,
		    struct v2m_error *error);
void v2m_v2ray_inbounds_clear(struct v2m_v2ray_inbounds *inbounds);

#endif
