/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The key file: a JSON array of objects like Key of docs/openapi.yaml. */
#ifndef V2METER_KEYS_FORMATS_KEY_FILE_H
#define V2METER_KEYS_FORMATS_KEY_FILE_H

#include "json/json_doc.h"
#include "keys/key_list.h"

/* A key file is recognised by being a list. */
bool v2m_key_file_is_document(const json_t *root);

/* Adds the keys of a document that v2m_json_doc_load() has read to an empty list. uuid is required.
 * Without an id, the id is the UUIDv5 of the uuid, as for keys of a V2Ray configuration: an id
 * stands in logs, and a uuid must not. Without a name, the name is the id. null is as good as
 * absent. 0, -EINVAL with the place in *error, or -ENOMEM; the list is the caller's to clear either
 * way. */
int v2m_key_file_read(const struct v2m_json_doc *doc, struct v2m_key_list *keys,
		      struct v2m_error *error);

/* One KEY object, and what it leaves out. *key is empty; the caller clears it either way. */
int v2m_key_read(const struct v2m_json_node *node, struct v2m_key *key, struct v2m_error *error);

/* Gives a key the id and name it lacks, and its source. 0 or -ENOMEM. */
int v2m_key_complete(struct v2m_key *key, const char *source);

#endif
