// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/name_index.h"
#include "keys/formats/v2ray_deep.h"

/* The names of lists of inbounds; "inboundDetour" is that of V2Ray 3. */
static const char *const list_names[] = { "inbounds", "inboundDetour" };

/* The state while documents are merged. */
struct merge {
	struct v2m_v2ray_inbounds made;
	struct v2m_name_index by_tag; /* place of the first inbound with a tag; "" is a tag too */
	struct v2m_key_notes *notes;
	struct v2m_error *error;
	bool is_first;  /* the document: the proxies take it as it is */
	bool keeps_all; /* what was made of another form is no file of a proxy */
	bool follows_v2ray4;
	bool follows_v2ray5;
};

void v2m_v2ray_inbounds_clear(struct v2m_v2ray_inbounds *inbounds)
{
	for (size_t i = 0; i < inbounds->count; i++)
		json_decref(inbounds->items[i].merged);
	free(inbounds->items);
	*inbounds = (struct v2m_v2ray_inbounds){ 0 };
}

static const char *tag_of(const struct v2m_json_node *inbound)
{
	struct v2m_json_node member = v2m_json_member(inbound, "tag");
	const char *tag = json_string_value(member.value);

	return tag && *tag ? tag : NULL;
}

static void replace(struct merge *merge, struct v2m_v2ray_inbound *old,
		    const struct v2m_v2ray_inbound *new)
{
	old->replaced = true;
	v2m_key_note(merge->notes, V2M_NOTE_REMARK, &old->node,
		     old->tag ? "an inbound of %s has the same tag and takes its place"
			      : "an inbound of %s has no tag either and takes its place",
		     new->node.doc->path);
}

/* V2Ray 5: the later inbound goes into the earlier one, whose place it keeps. */
static int merge_into(struct merge *merge, struct v2m_v2ray_inbound *old,
		      struct v2m_v2ray_inbound *new)
{
	int result;

	if (!old->merged)
		old->merged = json_deep_copy(old->node.value);
	if (!old->merged)
		return -ENOMEM;
	result = v2m_v2ray_deep_merge(old->merged, new->node.value);
	if (result == -EINVAL)
		return v2m_json_fail(&new->node, merge->error,
				     "V2Ray 5 merges it with the inbound of %s that has the same "
				     "tag, but a member has another type there",
				     old->node.doc->path);
	if (result)
		return result;
	old->node.value = old->merged;
	old->port = v2m_json_member(&old->node, "port");
	new->replaced = true;
	v2m_key_note(merge->notes, V2M_NOTE_REMARK, &new->node,
		     "V2Ray 5 makes one inbound of it and the one of %s with the same tag",
		     old->node.doc->path);
	return 0;
}

/* Inbounds without a tag stay as they are. */
static int place_deep(struct merge *merge, struct v2m_v2ray_inbound *inbound)
{
	size_t known;

	inbound->tag = v2m_v2ray_deep_tag(inbound->node.value);
	if (!inbound->tag)
		return 0;
	if (v2m_name_index_find(&merge->by_tag, inbound->tag, &known))
		return merge_into(merge, &merge->made.items[known], inbound);
	return v2m_name_index_set(&merge->by_tag, inbound->tag,
				  (size_t)(inbound - merge->made.items));
}

/* Adds an inbound whose nodes are set, in place of an earlier one if it has to be. */
static int place(struct merge *merge, struct v2m_v2ray_inbound *inbound)
{
	const char *tag = inbound->tag ? inbound->tag : "";
	size_t known;
	bool found;

	if (merge->keeps_all)
		return 0;
	if (merge->follows_v2ray5)
		return place_deep(merge, inbound);
	found = v2m_name_index_find(&merge->by_tag, tag, &known);
	if (found && merge->is_first)
		return 0;
	if (found)
		replace(merge, &merge->made.items[known], inbound);
	return v2m_name_index_set(&merge->by_tag, tag, (size_t)(inbound - merge->made.items));
}

static int take_list(struct merge *merge, const struct v2m_json_doc *doc, const char *name)
{
	struct v2m_json_node root = v2m_json_root(doc);
	struct v2m_json_node list = v2m_json_member(&root, name);
	int result;

	if (list.value && !json_is_array(list.value))
		return v2m_json_expected(&list, merge->error, "a list");
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct v2m_v2ray_inbound *inbound = &merge->made.items[merge->made.count];
		struct v2m_json_node item = v2m_json_item(&list, i);

		if (v2m_json_object(&item, merge->error))
			return -EINVAL;
		merge->made.count++;
		inbound->root = root;
		inbound->list = v2m_json_member(&inbound->root, name);
		inbound->node = v2m_json_item(&inbound->list, i);
		inbound->port = v2m_json_member(&inbound->node, "port");
		inbound->tag = tag_of(&inbound->node);
		result = place(merge, inbound);
		if (result)
			return result;
	}
	return 0;
}

/* V2Ray 3 has one main inbound, whose port may be beside it. */
static int take_main(struct merge *merge, const struct v2m_json_doc *doc)
{
	struct v2m_json_node root = v2m_json_root(doc);
	struct v2m_json_node node = v2m_json_member(&root, "inbound");
	struct v2m_v2ray_inbound *inbound = &merge->made.items[merge->made.count];

	if (!node.value)
		return 0;
	if (v2m_json_object(&node, merge->error))
		return -EINVAL;
	merge->made.count++;
	inbound->root = root;
	inbound->node = v2m_json_member(&inbound->root, "inbound");
	inbound->port = v2m_json_member(&inbound->node, "port");
	if (!inbound->port.value)
		inbound->port = v2m_json_member(&inbound->root, "port");
	inbound->tag = tag_of(&inbound->node);
	return place(merge, inbound);
}

static size_t count_inbounds(const struct v2m_json_doc *doc)
{
	struct v2m_json_node root = v2m_json_root(doc);
	size_t n = 1;

	for (size_t i = 0; i < V2M_ARRAY_LEN(list_names); i++) {
		struct v2m_json_node list = v2m_json_member(&root, list_names[i]);

		n += json_array_size(list.value);
	}
	return n;
}

/* V2Ray 4: a later file with several inbounds replaces the whole list. */
static void drop_earlier(struct merge *merge, const struct v2m_json_doc *doc)
{
	struct v2m_json_node root = v2m_json_root(doc);
	struct v2m_json_node list = v2m_json_member(&root, "inbounds");

	if (!merge->follows_v2ray4 || merge->is_first || json_array_size(list.value) < 2)
		return;
	for (size_t i = 0; i < merge->made.count; i++) {
		struct v2m_v2ray_inbound *old = &merge->made.items[i];

		if (old->replaced)
			continue;
		old->replaced = true;
		v2m_key_note(merge->notes, V2M_NOTE_REMARK, &old->node,
			     "%s has several inbounds, and with V2Ray 4 they take the place of all "
			     "earlier ones. For another proxy, name the files one by one in "
			     "key_sources",
			     doc->path);
	}
	v2m_name_index_clear(&merge->by_tag);
}

static int take_doc(struct merge *merge, const struct v2m_json_doc *doc)
{
	struct v2m_json_node root = v2m_json_root(doc);
	int result = v2m_json_object(&root, merge->error);

	if (result)
		return result;
	if (!doc->made && v2m_json_doc_has_rest(doc))
		v2m_key_note_file(merge->notes, V2M_NOTE_REMARK, doc->path,
				  "V2Ray and Xray ignore the text behind the last closing brace");
	drop_earlier(merge, doc);
	result = take_main(merge, doc);
	for (size_t i = 0; !result && i < V2M_ARRAY_LEN(list_names); i++)
		result = take_list(merge, doc, list_names[i]);
	return result;
}

static int merge_docs(struct merge *merge, const struct v2m_json_doc *docs, size_t n_docs)
{
	size_t n = 0;
	int result = 0;

	for (size_t i = 0; i < n_docs; i++)
		n += count_inbounds(&docs[i]);
	merge->made.items = calloc(n + 1, sizeof(*merge->made.items));
	if (!merge->made.items)
		return -ENOMEM;
	for (size_t i = 0; i < n_docs; i++) {
		merge->keeps_all = merge->keeps_all || docs[i].made;
		merge->follows_v2ray5 = merge->follows_v2ray5 || v2m_v2ray_is_form_5(&docs[i]);
	}
	merge->follows_v2ray4 =
		n_docs > 1 && !merge->follows_v2ray5 && strstr(docs[0].path, "/v2ray/");
	for (size_t i = 0; i < n_docs && !result; i++) {
		merge->is_first = i == 0;
		result = take_doc(merge, &docs[i]);
	}
	return result;
}

int v2m_v2ray_merge(const struct v2m_json_doc *docs, size_t n_docs,
		    struct v2m_v2ray_inbounds *inbounds, struct v2m_key_notes *notes,
		    struct v2m_error *error)
{
	struct merge merge = { .notes = notes, .error = error };
	int result = merge_docs(&merge, docs, n_docs);

	v2m_name_index_clear(&merge.by_tag);
	if (result == -ENOMEM)
		v2m_error_set(error, result, "out of memory");
	if (result)
		v2m_v2ray_inbounds_clear(&merge.made);
	else
		*inbounds = merge.made;
	return result;
}
