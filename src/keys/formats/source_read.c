// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/source_read.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "keys/formats/key_file.h"
#include "base/log.h"
#include "keys/formats/panel_db.h"
#include "keys/formats/port_file.h"
#include "base/string_list.h"
#include "base/cleanup.h"
#include "keys/formats/v2ray_config.h"

enum kind {
	KIND_UNKNOWN,
	KIND_KEY_FILE,
	KIND_PORT_FILE,
	KIND_V2RAY,
	KIND_PANEL,
};

static const char *const kind_names[] = {
	[KIND_UNKNOWN] = "file",         [KIND_KEY_FILE] = "key file",
	[KIND_PORT_FILE] = "port file",  [KIND_V2RAY] = "V2Ray configuration",
	[KIND_PANEL] = "panel database",
};

/* The first bytes of every SQLite 3 file (sqlite.org, "Database File Format"). */
static const char sqlite_magic[16] = "SQLite format 3";

/* V2Ray configurations that are read together, in their order. */
struct v2ray_docs {
	struct v2m_json_doc *items;
	size_t count;
};

static void v2ray_docs_clear(struct v2ray_docs *docs)
{
	for (size_t i = 0; i < docs->count; i++)
		v2m_json_doc_clear(&docs->items[i]);
	free(docs->items);
	*docs = (struct v2ray_docs){ 0 };
}

/* Takes the document over. */
static int v2ray_docs_add(struct v2ray_docs *docs, struct v2m_json_doc *doc)
{
	struct v2m_json_doc *items =
		reallocarray(docs->items, docs->count + 1, sizeof(*docs->items));

	if (!items)
		return -ENOMEM;
	docs->items = items;
	items[docs->count++] = *doc;
	*doc = (struct v2m_json_doc){ 0 };
	return 0;
}

static enum kind kind_of(const json_t *root)
{
	if (json_is_array(root))
		return KIND_KEY_FILE;
	if (json_object_get(root, "port_assignments"))
		return KIND_PORT_FILE;
	return v2m_v2ray_is_config(root) ? KIND_V2RAY : KIND_UNKNOWN;
}

/* Our own files are read strictly: a member that stands twice is a mistake there. */
static int read_strictly(const struct v2m_json_doc *lenient, enum kind kind,
			 struct v2m_gathered *gathered, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list found = { 0 };
	int result = v2m_json_doc_parse(lenient->path, lenient->text, lenient->length,
					V2M_JSON_STRICT, &doc, error);

	if (!result && kind == KIND_KEY_FILE)
		result = v2m_key_file_read(&doc, &found, error);
	if (!result && kind == KIND_PORT_FILE)
		result = v2m_port_file_read(&doc, &found, error);
	if (result)
		return result;
	if (v2m_key_list_move(kind == KIND_KEY_FILE ? &gathered->customers : &gathered->assignments,
			      &found))
		return v2m_error_set(error, -ENOMEM, "%s: out of memory", lenient->path);
	return 0;
}

static int read_panel_file(const char *path, struct v2m_gathered *gathered, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list found = { 0 };
	int result;

	result = v2m_panel_db_read(path, &found, error);
	if (!result && v2m_key_list_move(&gathered->customers, &found))
		result = v2m_error_set(error, -ENOMEM, "%s: out of memory", path);
	return result;
}

static int is_database(const char *path, struct v2m_error *error)
{
	V2M_FCLOSE FILE *file = fopen(path, "re");
	char start[sizeof(sqlite_magic)];

	if (!file)
		return v2m_error_set(error, -errno, "%s: cannot read it: %s", path,
				     strerror(errno));
	return fread(start, sizeof(start), 1, file) == 1 &&
	       memcmp(start, sqlite_magic, sizeof(start)) == 0;
}

bool v2m_source_is_database(const char *path)
{
	return is_database(path, NULL) > 0;
}

/* V2Ray configurations are only collected. */
static int read_json_file(const char *path, struct v2m_gathered *gathered, struct v2ray_docs *docs,
			  enum kind *kind, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	V2M_FREE char *text = NULL;
	size_t length;
	int result = v2m_json_doc_read(path, &text, &length, error);

	if (!result)
		result = v2m_json_doc_parse(path, text, length, V2M_JSON_V2RAY, &doc, error);
	if (result)
		return result;
	*kind = kind_of(doc.root);
	if (*kind == KIND_UNKNOWN)
		return 0;
	if (*kind == KIND_V2RAY)
		return v2ray_docs_add(docs, &doc) ? v2m_error_set(error, -ENOMEM, "out of memory")
						  : 0;
	return read_strictly(&doc, *kind, gathered, error);
}

static int read_file(const char *path, struct v2m_gathered *gathered, struct v2ray_docs *docs,
		     enum kind *kind, struct v2m_error *error)
{
	int database = is_database(path, error);

	if (database < 0)
		return database;
	if (!database)
		return read_json_file(path, gathered, docs, kind, error);
	*kind = KIND_PANEL;
	return read_panel_file(path, gathered, error);
}

bool v2m_source_is_candidate(const char *name)
{
	static const char *const endings[] = { ".json", ".jsonc", ".db" };
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && dot != name && i < V2M_ARRAY_LEN(endings); i++)
		if (strcmp(dot, endings[i]) == 0)
			return true;
	return false;
}

static int is_candidate(const struct dirent *entry)
{
	return v2m_source_is_candidate(entry->d_name);
}

/* Names as V2Ray's -confdir orders them: by their bytes. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int list_directory(const char *path, struct v2m_strings *files, struct v2m_error *error)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_candidate, by_bytes);
	int result = 0;

	if (n < 0)
		return v2m_error_set(error, -errno, "%s: cannot read it: %s", path,
				     strerror(errno));
	for (int i = 0; i < n; i++) {
		V2M_FREE char *file = NULL;

		if (asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
			file = NULL;
		if (!result && (!file || v2m_strings_add(files, file)))
			result = v2m_error_set(error, -ENOMEM, "%s: out of memory", path);
		free(entries[i]);
	}
	free(entries);
	return result;
}

static int read_directory(const char *path, struct v2m_gathered *gathered, struct v2ray_docs *docs,
			  struct v2m_error *error)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings files = { 0 };
	int result = list_directory(path, &files, error);

	for (size_t i = 0; i < files.count && !result; i++) {
		enum kind kind = KIND_UNKNOWN;
		struct stat status;

		if (stat(files.items[i], &status) == 0 && S_ISDIR(status.st_mode))
			continue;
		result = read_file(files.items[i], gathered, docs, &kind, error);
		if (!result && kind == KIND_UNKNOWN)
			v2m_log_debug("%s holds no keys", files.items[i]);
	}
	return result;
}

static int read_v2ray(struct v2ray_docs *docs, struct v2m_gathered *gathered,
		      struct v2m_error *error)
{
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list found = { 0 };
	int result = v2m_v2ray_read(docs->items, docs->count, &found, error);

	if (!result && v2m_key_list_move(&gathered->clients, &found))
		result = v2m_error_set(error, -ENOMEM, "out of memory");
	return result;
}

int v2m_source_read(const char *path, struct v2m_gathered *gathered, const char **kind,
		    struct v2m_error *error)
{
	V2M_CLEANUP(v2ray_docs_clear) struct v2ray_docs docs = { 0 };
	enum kind file_kind = KIND_UNKNOWN;
	struct stat status;
	int result;

	*kind = kind_names[KIND_UNKNOWN];
	if (stat(path, &status))
		return v2m_error_set(error, -errno, "%s: cannot read it: %s", path,
				     strerror(errno));
	if (S_ISDIR(status.st_mode)) {
		*kind = "directory";
		result = read_directory(path, gathered, &docs, error);
		return result ? result : read_v2ray(&docs, gathered, error);
	}
	result = read_file(path, gathered, &docs, &file_kind, error);
	*kind = kind_names[file_kind];
	if (!result && file_kind == KIND_UNKNOWN)
		return v2m_error_set(
			error, -EINVAL,
			"%s: expected a key file (a list), a port file "
			"(port_assignments), a V2Ray or Xray configuration (inbounds), "
			"or a panel's database",
			path);
	return result ? result : read_v2ray(&docs, gathered, error);
}
