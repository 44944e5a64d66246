/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading JSON that people write. Each error names the file, line, column and member, and what was
 * expected:
 *
 *     /etc/v2meter/keys.json:12:17: port: expected an integer from 1 to 65535, got 70000
 *
 * An error never shows the value of a string, because many are credentials.
 */
#ifndef V2METER_JSON_JSON_DOC_H
#define V2METER_JSON_JSON_DOC_H

#include <jansson.h>
#include <stdbool.h>

#include "json/json_place.h"
#include "json/value_places.h"
#include "base/error.h"
#include "base/macros.h"

/* Far more than the configuration or the keys of any server. */
#define V2M_JSON_MAX_BYTES (32u << 20)

/* The most values in one text, members of objects and items of lists together. Each takes some 150
 * bytes of memory while the text is read. */
#define V2M_JSON_MAX_VALUES (2u << 20)

/* The longest string that the member of a key may have. A subject has room for it. */
#define V2M_JSON_MAX_STRING 255

enum v2m_json_dialect {
	V2M_JSON_STRICT, /* a name that an object has twice is an error */
	/* As V2Ray and Xray read it, with Go's encoding/json: comments are allowed, the case of
	 * names does not matter, the last of several equal names counts, and text behind the
	 * outermost value is ignored. Numbers that do not fit become fractions. */
	V2M_JSON_V2RAY,
};

struct v2m_json_doc {
	char *path;   /* for errors */
	char *text;   /* as in the file; lines and columns refer to it */
	char *parsed; /* what was parsed: the text with spaces in place of comments */
	size_t length;
	size_t end; /* offset behind the outermost value */
	enum v2m_json_dialect dialect;
	json_t *root;
	struct v2m_value_places *places; /* of a YAML text; NULL for JSON */
	/* The root was made by us of another form, which text is, or of a database, and text is
	 * NULL. */
	bool made;
};

/* Reads a file strictly. 0, or -errno with the place in *error; *doc is unchanged then. */
int v2m_json_doc_load(const char *path, struct v2m_json_doc *doc, struct v2m_error *error);
/* Reads a text, which is copied. */
int v2m_json_doc_parse(const char *path, const char *text, size_t length,
		       enum v2m_json_dialect dialect, struct v2m_json_doc *doc,
		       struct v2m_error *error);
/* Reads the text of a regular file, which need not be JSON. *text is the caller's to free. 0 or
 * -errno with *error. */
int v2m_json_doc_read(const char *path, char **text, size_t *length, struct v2m_error *error);
void v2m_json_doc_clear(struct v2m_json_doc *doc);

/* A value in a document and the way to it from the root. The parents are variables of the caller.
 */
struct v2m_json_node {
	const struct v2m_json_doc *doc;
	const struct v2m_json_node *parent; /* NULL for the root */
	struct v2m_json_step step;
	json_t *value; /* belongs to the document; NULL if the member is absent or null */
};

/* The outermost value. */
struct v2m_json_node v2m_json_root(const struct v2m_json_doc *doc);
/* A member of an object, by the rules of the document's dialect. Its value is NULL if parent is no
 * object, or if the member is absent or null. */
struct v2m_json_node v2m_json_member(const struct v2m_json_node *parent, const char *name);
/* A member whose name is a credential: errors show "*" in its place. */
struct v2m_json_node v2m_json_hidden_member(const struct v2m_json_node *parent, const char *name);
/* An item of a list. Its value is NULL if parent is no list or too short. */
struct v2m_json_node v2m_json_item(const struct v2m_json_node *parent, size_t index);

/* Line and column of the value; zeros if the document has no text. If the value is absent, those of
 * the nearest value around it. Walks the
 * text: a caller that reports many places has to set itself a limit. */
struct v2m_place v2m_json_node_place(const struct v2m_json_node *node);
/* The way to the value, such as "inbounds[2].port". "" for the root. */
#define V2M_JSON_PATH_LEN 128
void v2m_json_node_path(const struct v2m_json_node *node, char path[static V2M_JSON_PATH_LEN]);
/* Whether anything but blanks and comments stands behind the outermost value. */
bool v2m_json_doc_has_rest(const struct v2m_json_doc *doc);
/* Sets the error to place, member and the sentence. Returns -EINVAL. */
int v2m_json_fail(const struct v2m_json_node *node, struct v2m_error *error, const char *format,
		  ...) V2M_PRINTF(3, 4);
/* The same with the sentence "expected WHAT, got ...". */
int v2m_json_expected(const struct v2m_json_node *node, struct v2m_error *error, const char *what);

/* Typed access: 0, -EINVAL with *error, or -ENOMEM. An absent value is an error. A caller with a
 * default looks at node.value first. */
int v2m_json_object(const struct v2m_json_node *node, struct v2m_error *error);
int v2m_json_array(const struct v2m_json_node *node, struct v2m_error *error);
/* Checks that an object has no other members than these. */
int v2m_json_only(const struct v2m_json_node *node, const char *const *names, size_t n_names,
		  struct v2m_error *error);
int v2m_json_integer(const struct v2m_json_node *node, long long min, long long max,
		     long long *value, struct v2m_error *error);
int v2m_json_boolean(const struct v2m_json_node *node, bool *value, struct v2m_error *error);
/* Copies a string of 1 to max bytes, and frees what *value held before. */
int v2m_json_string(const struct v2m_json_node *node, size_t max, char **value,
		    struct v2m_error *error);

#endif
