/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The formats in which keys can be written, one row for each. A new format takes a reader and a
 * row. */
#ifndef V2METER_KEYS_FORMATS_FORMATS_H
#define V2METER_KEYS_FORMATS_FORMATS_H

#include <stdbool.h>
#include <stddef.h>

#include "json/json_doc.h"
#include "keys/gathered.h"

struct v2m_key_format {
	const char *kind;        /* for --check and the status, such as "key file" */
	const char *description; /* for errors, such as "a key file (a list)" */
	const char *const
		*endings; /* endings of names by which a directory is searched, up to a NULL */
	const char *const *places; /* paths at which "auto" looks, up to a NULL */
	size_t list; /* offset of the list in struct v2m_gathered to which the keys go */

	/* A format is recognised either by the outermost value of a JSON document, or by the first
	 * bytes of the file. */
	bool (*is_document)(const json_t *root);
	/* Whether such a document in a directory is meant for us; NULL: always. */
	bool (*is_ours)(const json_t *root);
	const char *magic;
	size_t magic_length;

	/* One of three functions reads it. The first reads each JSON document alone and strictly.
	 * The second reads all documents of a directory together, as V2Ray takes them, and notes
	 * what gave no key; only one format may have it. The third reads a file that is not JSON.
	 * The list of keys is empty before. 0 or -errno with *error. */
	int (*read_document)(const struct v2m_json_doc *doc, struct v2m_key_list *keys,
			     struct v2m_error *error);
	int (*read_documents)(const struct v2m_json_doc *docs, size_t n_docs,
			      struct v2m_key_list *keys, struct v2m_key_notes *notes,
			      struct v2m_error *error);
	int (*read_file)(const char *path, struct v2m_key_list *keys, struct v2m_error *error);
};

/* All formats. A document belongs to the first format that recognises it. */
const struct v2m_key_format *v2m_key_formats(size_t *count);

/* The format of a JSON document, or of a file that begins with these bytes. NULL: none. */
const struct v2m_key_format *v2m_key_format_of_document(const json_t *root);
const struct v2m_key_format *v2m_key_format_of_bytes(const char *start, size_t length);
/* The most bytes that a format is recognised by. */
#define V2M_KEY_FORMAT_MAGIC_MAX 16

/* Whether the name of a file in a directory has the ending of a format. */
bool v2m_key_format_has_ending(const char *name);
/* Adds the endings of all formats; some occur twice. 0 or -ENOMEM. */
int v2m_key_format_endings(struct v2m_strings *endings);

/* Lists the formats for an error: "a key file (a list), ..., or a panel's database". */
#define V2M_KEY_FORMAT_DESCRIPTIONS_LEN 256
void v2m_key_format_descriptions(char text[static V2M_KEY_FORMAT_DESCRIPTIONS_LEN]);

#endif
