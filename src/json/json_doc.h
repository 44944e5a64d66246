/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading JSON that people write: a document is loaded whole, and every complaint names the file,
 * the line, the column, the member and what was expected:
 *
 *     /etc/v2meter/keys.json:12:17: port: expected an integer from 1 to 65535, got 70000
 *
 * Values of strings never appear in a complaint: many of them are credentials.
 */
#ifndef V2METER_JSON_JSON_DOC_H
#define V2METER_JSON_JSON_DOC_H

#include <jansson.h>
#include <stdbool.h>

#include "json/json_place.h"
#include "base/error.h"
#include "base/macros.h"

/* No configuration or key file that a server runs on is anywhere near this. */
#define V2M_JSON_MAX_BYTES (32u << 20)

/* The longest string that a key's member may be: a subject holds it. */
#define V2M_JSON_MAX_STRING 255

struct v2m_json_doc {
	char *path;   /* as shown in errors */
	char *text;   /* as written: lines and columns are those of this */
	char *parsed; /* what was parsed, of the same length: without the comments */
	size_t length;
	json_t *root;
};

enum v2m_json_dialect {
	V2M_JSON_STRICT, /* a name that stands twice in an object is an error */
	V2M_JSON_V2RAY,  /* comments; of a name that stands twice the last one counts, as in Go */
};

/* 0, or -errno with the place in *error; *doc is untouched then. Strict. */
int v2m_json_doc_load(const char *path, struct v2m_json_doc *doc, struct v2m_error *error);
/* The same from memory; the text is copied. */
int v2m_json_doc_parse(const char *path, const char *text, size_t length,
		       enum v2m_json_dialect dialect, struct v2m_json_doc *doc,
		       struct v2m_error *error);
/* Reads a file as v2m_json_doc_load does, for text that is not JSON yet: *text is the caller's. */
int v2m_json_doc_read(const char *path, char **text, size_t *length, struct v2m_error *error);
void v2m_json_doc_clear(struct v2m_json_doc *doc);

/* A value of a document and how one got to it. The chain of parents lives on the caller's stack. */
struct v2m_json_node {
	const struct v2m_json_doc *doc;
	const struct v2m_json_node *parent; /* NULL: the root */
	struct v2m_json_step step;
	json_t *value; /* borrowed; NULL where the member is absent or null */
};

/* The document's outermost value. */
struct v2m_json_node v2m_json_root(const struct v2m_json_doc *doc);
/* The member of an object; its value is NULL where parent is no object, or has none, or null. */
struct v2m_json_node v2m_json_member(const struct v2m_json_node *parent, const char *name);
/* One whose name is a credential: errors show "*". */
struct v2m_json_node v2m_json_hidden_member(const struct v2m_json_node *parent, const char *name);
/* The item of a list; its value is NULL where parent is no list or shorter. */
struct v2m_json_node v2m_json_item(const struct v2m_json_node *parent, size_t index);

/* Line and column; those of the nearest enclosing value where the node has none. */
struct v2m_place v2m_json_node_place(const struct v2m_json_node *node);
/* Fills the error with place, member and the sentence; returns -EINVAL. */
int v2m_json_fail(const struct v2m_json_node *node, struct v2m_error *error, const char *format,
		  ...) V2M_PRINTF(3, 4);
/* The same as "expected WHAT, got ...". */
int v2m_json_expected(const struct v2m_json_node *node, struct v2m_error *error, const char *what);

/* Typed access, each 0, -EINVAL with *error, or -ENOMEM. An absent value is an error: who has a
 * default asks node.value first. */
int v2m_json_object(const struct v2m_json_node *node, struct v2m_error *error);
int v2m_json_array(const struct v2m_json_node *node, struct v2m_error *error);
/* An object without other members than these. */
int v2m_json_only(const struct v2m_json_node *node, const char *const *names, size_t n_names,
		  struct v2m_error *error);
int v2m_json_integer(const struct v2m_json_node *node, long long min, long long max,
		     long long *value, struct v2m_error *error);
int v2m_json_boolean(const struct v2m_json_node *node, bool *value, struct v2m_error *error);
/* A copy of a string of 1 to max bytes; what *value held before is freed. */
int v2m_json_string(const struct v2m_json_node *node, size_t max, char **value,
		    struct v2m_error *error);

#endif
