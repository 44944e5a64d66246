// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* The names of lists of inbounds; "inboundDetour" is that of V2Ray 3. */
static const char *const list_names[] = { "inbounds", "inboundDetour" };

void v2m_v2ray_inbounds_clear(struct v2m_v2ray_inbounds *inbounds)
{
	free(inbounds->items);
	*inbounds = (struct v2m_v2ray_inbounds){ 0 };
}

/* The place for an inbound with that tag: in place of one of an earlier document, of which there
 * are n_earlier, else behind the last. */
static struct v2m_v2ray_inbound *place_for(struct v2m_v2ray_inbounds *inbounds, const char *tag,
					   size_t n_earlier)
{
	for (size_t i = 0; tag && i < n_earlier; i++)
		if (inbounds->items[i].tag && strcmp(inbounds->items[i].tag, tag) == 0)
			return &inbounds->items[i];
	return &inbounds->items[inbounds->count++];
}

static const char *tag_of(const json_t *inbound)
{
	const char *tag = json_string_value(json_object_get(inbound, "tag"));

	return tag && *tag ? tag : NULL;
}

static int take_list(const struct v2m_json_doc *doc, const char *name,
		     struct v2m_v2ray_inbounds *inbounds, size_t n_earlier, struct v2m_error *error)
{
	struct v2m_json_node root = v2m_json_root(doc);
	struct v2m_json_node list = v2m_json_member(&root, name);

	if (list.value && !json_is_array(list.value))
		return v2m_json_expected(&list, error, "a list");
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct v2m_json_node item = v2m_json_item(&list, i);
		struct v2m_v2ray_inbound *inbound;
		int result = v2m_json_object(&item, error);

		if (result)
			return result;
		inbound = place_for(inbounds, tag_of(item.value), n_earlier);
		inbound->root = root;
		inbound->list = v2m_json_member(&inbound->root, name);
		inbound->node = v2m_json_item(&inbound->list, i);
		inbound->port = v2m_json_member(&inbound->node, "port");
		inbound->tag = tag_of(item.value);
	}
	return 0;
}

/* V2Ray 3 has one main inbound, whose port may be beside it. */
static int take_main(const struct v2m_json_doc *doc, struct v2m_v2ray_inbounds *inbounds,
		     size_t n_earlier, struct v2m_error *error)
{
	struct v2m_json_node root = v2m_json_root(doc);
	struct v2m_json_node node = v2m_json_member(&root, "inbound");
	struct v2m_v2ray_inbound *inbound;
	int result;

	if (!node.value)
		return 0;
	result = v2m_json_object(&node, error);
	if (result)
		return result;
	inbound = place_for(inbounds, tag_of(node.value), n_earlier);
	inbound->root = root;
	inbound->node = v2m_json_member(&inbound->root, "inbound");
	inbound->port = v2m_json_member(&inbound->node, "port");
	if (!inbound->port.value)
		inbound->port = v2m_json_member(&inbound->root, "port");
	inbound->tag = tag_of(node.value);
	return 0;
}

static size_t most_inbounds(const struct v2m_json_doc *docs, size_t n_docs)
{
	size_t n = n_docs;

	for (size_t i = 0; i < n_docs; i++)
		for (size_t j = 0; j < V2M_ARRAY_LEN(list_names); j++)
			n += json_array_size(json_object_get(docs[i].root, list_names[j]));
	return n;
}

int v2m_v2ray_merge(const struct v2m_json_doc *docs, size_t n_docs,
		    struct v2m_v2ray_inbounds *inbounds, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_v2ray_inbounds_clear) struct v2m_v2ray_inbounds made = { 0 };

	made.items = calloc(most_inbounds(docs, n_docs) + 1, sizeof(*made.items));
	if (!made.items)
		return v2m_error_set(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n_docs; i++) {
		struct v2m_json_node root = v2m_json_root(&docs[i]);
		size_t n_earlier = made.count;
		int result = v2m_json_object(&root, error);

		if (!result)
			result = take_main(&docs[i], &made, n_earlier, error);
		for (size_t j = 0; !result && j < V2M_ARRAY_LEN(list_names); j++)
			result = take_list(&docs[i], list_names[j], &made, n_earlier, error);
		if (result)
			return result;
	}
	*inbounds = made;
	made = (struct v2m_v2ray_inbounds){ 0 };
	return 0;
}
