/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The key file: a JSON list of objects like Key in docs/openapi.yaml. */
#ifndef V2METER_KEYS_FORMATS_KEY_FILE_H
#define V2METER_KEYS_FORMATS_KEY_FILE_H

#include "json/json_doc.h"
#include "keys/key_list.h"

/* A document that is a list is a key file. */
bool v2m_key_file_is_document(const json_t *root);
/* Whether one of its items is an object with a uuid. */
bool v2m_key_file_has_keys(const json_t *root);

/* Adds the keys of a document to an empty list. Each needs a uuid. If the id is missing, it is the
 * UUIDv5 of the uuid, as for keys of a V2Ray configuration: logs show ids, and must not show uuids.
 * If the name is missing, it is the id. A null is the same as a missing member. 0, -EINVAL with the
 * place in *error, or -ENOMEM; the caller clears the list either way. */
int v2m_key_file_read(const struct v2m_json_doc *doc, struct v2m_key_list *keys,
		      struct v2m_error *error);

/* Reads one object of the list and completes the key. *key is empty before; the caller clears it
 * either way. */
int v2m_key_read(const struct v2m_json_node *node, struct v2m_key *key, struct v2m_error *error);

/* Sets the source of a key, and its id and name if they are missing. 0 or -ENOMEM. */
int v2m_key_complete(struct v2m_key *key, const char *source);

/* Reads the member "transport" of a key or a span. If it is missing, both transports are used. 0 or
 * -EINVAL. */
int v2m_key_read_transport(const struct v2m_json_node *key, unsigned *transports,
			   struct v2m_error *error);

#endif
