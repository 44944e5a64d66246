/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The port file: the ports of keys, by uuid. */
#ifndef V2METER_KEYS_FORMATS_PORT_FILE_H
#define V2METER_KEYS_FORMATS_PORT_FILE_H

#include "json/json_doc.h"
#include "keys/key_list.h"

/* A document with the member "port_assignments" is a port file. */
bool v2m_port_file_is_document(const json_t *root);

/* Adds an entry for each assignment to an empty list: a key with uuid, port and source only. The
 * file's "key_id" is not the id of the key. An assignment whose port is null is left out. A port or
 * uuid that occurs twice is an error. 0, -EINVAL with the place in *error, or -ENOMEM; the caller
 * clears the list either way. */
int v2m_port_file_read(const struct v2m_json_doc *doc, struct v2m_key_list *assignments,
		       struct v2m_error *error);

#endif
