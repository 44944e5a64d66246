/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The formats in which keys can be written, one row for each. A new format takes a reader and a
 * row. */
#ifndef V2METER_KEYS_FORMATS_FORMATS_H
#define V2METER_KEYS_FORMATS_FORMATS_H

#include <stdbool.h>
#include <stddef.h>

#include "json/json_doc.h"
#include "keys/formats/database.h"
#include "keys/gathered.h"

struct v2m_key_format {
	const char *kind;        /* for --check and the status, such as "key file" */
	const char *description; /* for errors, such as "a key file (a list)" */
	const char *const
		*endings; /* endings of names by which a directory is searched, up to a NULL */
	const char *const *places; /* paths at which "auto" looks, up to a NULL */
	size_t list; /* offset of the list in struct v2m_gathered to which the keys go */

	/* Places at which other formats look and which are not read if a place of this one exists,
	 * up to a NULL. May be NULL. */
	const char *const *instead_of;

	bool has_api; /* the running proxy may be asked in place of its documents */
	const char
		*config_beside; /* the proxy's configuration in the same directory; may be NULL */

	/* A format is recognised either by the outermost value of a document, or by the columns
	 * that a database has. */
	bool (*is_document)(const json_t *root);
	/* Whether such a document in a directory is meant for us; NULL: always. */
	bool (*is_ours)(const json_t *root);
	bool is_database;
	const char *const *columns; /* pairs of a table and a column, up to a NULL */

	/* One of three functions reads it. The first reads each JSON document alone and strictly.
	 * The second reads all documents of a directory together, JSON or YAML, and notes what gave
	 * no key. The third reads a database, and does the same. The list of keys is empty before.
	 * 0 or -errno with *error. */
	int (*read_document)(const struct v2m_json_doc *doc, struct v2m_key_list *keys,
			     struct v2m_error *error);
	int (*read_documents)(const struct v2m_json_doc *docs, size_t n_docs,
			      struct v2m_key_list *keys, struct v2m_key_notes *notes,
			      struct v2m_error *error);
	int (*read_database)(struct v2m_database *database, struct v2m_key_list *keys,
			     struct v2m_key_notes *notes);
};

/* All formats. A document belongs to the first format that recognises it. */
const struct v2m_key_format *v2m_key_formats(size_t *count);

/* The format of a document; NULL: none. */
const struct v2m_key_format *v2m_key_format_of_document(const json_t *root);
/* The format of a database: the first whose columns it has. NULL: none. */
const struct v2m_key_format *v2m_key_format_of_database(struct v2m_database *database);
/* Whether "auto" passes over one of its places because another one exists. The path is the place
 * behind root, which may be NULL. */
bool v2m_key_place_is_replaced(const char *root, const char *path);

/* Whether the name of a file in a directory has the ending of a format. */
bool v2m_key_format_has_ending(const char *name);
/* Adds the endings of all formats; some occur twice. 0 or -ENOMEM. */
int v2m_key_format_endings(struct v2m_strings *endings);

/* Lists the formats for an error: "a key file (a list), ..., or a panel's database". */
#define V2M_KEY_FORMAT_DESCRIPTIONS_LEN 384
void v2m_key_format_descriptions(char text[static V2M_KEY_FORMAT_DESCRIPTIONS_LEN]);

#endif
