// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/source_read.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/string_list.h"
#include "json/yaml_doc.h"
#include "keys/formats/formats.h"
#include "keys/formats/live_read.h"
#include "keys/formats/v2ray_log.h"

/* A document that is read together with others of its format. */
struct collected {
	struct v2m_json_doc doc;
	const struct v2m_key_format *format;
};

struct docs {
	struct collected *items;
	size_t count;
	size_t capacity;
};

static void clear_docs(struct docs *docs)
{
	for (size_t i = 0; i < docs->count; i++)
		v2m_json_doc_clear(&docs->items[i].doc);
	v2m_array_clear(docs);
}

/* Moves the document into the list. */
static int collect_doc(struct docs *docs, const struct v2m_key_format *format,
		       struct v2m_json_doc *doc, struct v2m_error *error)
{
	struct collected item = { *doc, format };

	if (v2m_array_add(docs, item))
		return v2m_error_set(error, -ENOMEM, "%s: out of memory", doc->path);
	*doc = (struct v2m_json_doc){ 0 };
	return 0;
}

/* The state while one source is read. */
struct reading {
	const struct v2m_live_sources *live;
	struct v2m_gathered *gathered;
	struct docs docs;
	bool in_directory; /* files that are not meant for us are passed over there */
	struct v2m_error *error;
};

static int take_keys(struct reading *reading, const struct v2m_key_format *format, const char *path,
		     struct v2m_key_list *found)
{
	struct v2m_key_list *list = (void *)((char *)reading->gathered + format->list);

	if (v2m_key_list_move(list, found))
		return v2m_error_set(reading->error, -ENOMEM, "%s: out of memory", path);
	return 0;
}

/* Reads a file of our own format. A member that occurs twice is a mistake there. */
static int read_strictly(struct reading *reading, const struct v2m_key_format *format,
			 const struct v2m_json_doc *lenient)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list found = { 0 };
	int result = v2m_json_doc_parse(lenient->path, lenient->text, lenient->length,
					V2M_JSON_STRICT, &doc, reading->error);

	if (!result)
		result = format->read_document(&doc, &found, reading->error);
	return result ? result : take_keys(reading, format, lenient->path, &found);
}

static bool ends_in(const char *path, const char *ending)
{
	const char *dot = strrchr(path, '.');

	return dot && strcmp(dot, ending) == 0;
}

static bool is_named_as_database(const char *path)
{
	return ends_in(path, ".db") || ends_in(path, ".sqlite3");
}

static bool is_yaml(const char *path)
{
	return ends_in(path, ".yaml") || ends_in(path, ".yml");
}

static int parse_text(struct reading *reading, const char *path, struct v2m_json_doc *doc)
{
	V2M_FREE char *text = NULL;
	size_t length;
	int result = v2m_json_doc_read(path, &text, &length, reading->error);

	if (result)
		return result;
	if (is_yaml(path))
		return v2m_yaml_doc_parse(path, text, length, doc, reading->error);
	return v2m_json_doc_parse(path, text, length, V2M_JSON_V2RAY, doc, reading->error);
}

/* Only configurations of a proxy may be YAML. Any other YAML in a directory, even with mistakes, is
 * nothing that we know. */
static int refuse_text(struct reading *reading, const char *path, int result)
{
	if (!reading->in_directory || !is_yaml(path) || result != -EINVAL)
		return result;
	v2m_key_note_file(&reading->gathered->notes, V2M_NOTE_MISSING, path,
			  "it is passed over: %s", reading->error->text);
	return 0;
}

/* Reads JSON or YAML. */
static int read_text_file(struct reading *reading, const char *path,
			  const struct v2m_key_format **format)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	const struct v2m_key_format *found;
	int result = parse_text(reading, path, &doc);

	if (result)
		return refuse_text(reading, path, result);
	found = v2m_key_format_of_document(doc.root);
	if (!found || (is_yaml(path) && !found->read_documents))
		return 0;
	if (reading->in_directory && found->is_ours && !found->is_ours(doc.root)) {
		v2m_key_note_file(&reading->gathered->notes, V2M_NOTE_REMARK, path,
				  "it is passed over: it is %s, but has no keys",
				  found->description);
		return 0;
	}
	*format = found;
	if (found->read_documents)
		return collect_doc(&reading->docs, found, &doc, reading->error);
	return read_strictly(reading, found, &doc);
}

/* Xray takes TOML as well. */
static int refuse_toml(struct reading *reading, const char *path)
{
	static const char sentence[] =
		"TOML is not read: its users are not counted. Xray reads the "
		"same configuration as JSON or YAML";

	if (!reading->in_directory)
		return v2m_error_set(reading->error, -EINVAL, "%s: %s", path, sentence);
	v2m_key_note_file(&reading->gathered->notes, V2M_NOTE_MISSING, path, "%s", sentence);
	return 0;
}

/* Whether the file begins as a database. 0 or -errno. */
static int look_at_file(const char *path, bool *is_database, struct v2m_error *error)
{
	V2M_CLOSE int fd = v2m_open_regular(path, error);
	char start[sizeof(V2M_DATABASE_MAGIC)];
	ssize_t taken;

	if (fd < 0)
		return fd;
	taken = read(fd, start, sizeof(start));
	if (taken < 0)
		return v2m_error_set(error, -errno, "%s: cannot read it: %s", path,
				     strerror(errno));
	*is_database =
		taken == sizeof(start) && memcmp(start, V2M_DATABASE_MAGIC, sizeof(start)) == 0;
	return 0;
}

bool v2m_source_is_database(const char *path)
{
	bool is_database = false;

	return look_at_file(path, &is_database, NULL) == 0 && is_database;
}

/* The keys of a database and its format. */
struct database_reading {
	struct reading *reading;
	const struct v2m_key_format **format;
	struct v2m_key_list found;
};

/* Proxies keep databases of their own beside their configurations. */
static int refuse_database(struct reading *reading, const struct v2m_database *database)
{
	static const char sentence[] =
		"its tables are those of no panel that is known (x-ui, s-ui, Marzban, "
		"PasarGuard, or a table \"keys\" with a column \"uuid\")";

	if (!reading->in_directory)
		return v2m_error_set(reading->error, -EINVAL, "%s: %s", database->path, sentence);
	v2m_key_note_file(&reading->gathered->notes, V2M_NOTE_REMARK, database->path,
			  "it is passed over: %s", sentence);
	return 0;
}

static int read_tables(struct v2m_database *database, void *context)
{
	struct database_reading *reading = context;

	*reading->format = v2m_key_format_of_database(database);
	if (!*reading->format)
		return refuse_database(reading->reading, database);
	return (*reading->format)
		->read_database(database, &reading->found, &reading->reading->gathered->notes);
}

/* A panel's database does not say where the proxy logs; the configuration beside it does. One that
 * cannot be read is an error of the database's reader already. */
static int find_log_beside(struct reading *reading, const char *path, const char *name)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	V2M_FREE char *config = NULL;
	const char *slash = strrchr(path, '/');

	if (asprintf(&config, "%.*s%s", slash ? (int)(slash - path + 1) : 0, path, name) < 0) {
		config = NULL;
		return -ENOMEM;
	}
	if (parse_text(&(struct reading){ .error = NULL }, config, &doc))
		return 0;
	return v2m_v2ray_log_find(config, &doc, 1, &reading->gathered->access_logs);
}

static int read_database(struct reading *reading, const char *path,
			 const struct v2m_key_format **format)
{
	struct database_reading tables = { .reading = reading, .format = format };
	int result = v2m_database_read(path, read_tables, &tables, reading->error);

	if (!result && *format)
		result = take_keys(reading, *format, path, &tables.found);
	if (!result && *format && (*format)->config_beside &&
	    find_log_beside(reading, path, (*format)->config_beside))
		result = v2m_error_set(reading->error, -ENOMEM, "%s: out of memory", path);
	v2m_key_list_clear(&tables.found);
	return result;
}

/* Reads a file. *format is NULL if it holds no keys. */
static int read_file(struct reading *reading, const char *path,
		     const struct v2m_key_format **format)
{
	bool is_database = false;
	int result = look_at_file(path, &is_database, reading->error);

	*format = NULL;
	if (result)
		return result;
	if (is_database)
		return read_database(reading, path, format);
	if (ends_in(path, ".toml"))
		return refuse_toml(reading, path);
	if (reading->in_directory && is_named_as_database(path)) {
		v2m_key_note_file(&reading->gathered->notes, V2M_NOTE_REMARK, path,
				  "it is passed over: it is no SQLite file");
		return 0;
	}
	return read_text_file(reading, path, format);
}

static int is_candidate(const struct dirent *entry)
{
	return v2m_key_format_has_ending(entry->d_name);
}

/* Orders names by their bytes, as V2Ray's -confdir does. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int list_directory(const char *path, struct v2m_strings *files, struct v2m_error *error)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_candidate, compare_names);
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

static int read_directory(struct reading *reading, const char *path)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings files = { 0 };
	int result = list_directory(path, &files, reading->error);

	reading->in_directory = true;
	for (size_t i = 0; i < files.count && !result; i++) {
		const struct v2m_key_format *format = NULL;
		struct stat status;

		if (stat(files.items[i], &status) == 0 && S_ISDIR(status.st_mode))
			continue;
		result = read_file(reading, files.items[i], &format);
		if (!result && !format)
			v2m_log_debug("%s holds no keys", files.items[i]);
	}
	return result;
}

/* Reads the documents of one format that a source has. */
static int read_together(struct reading *reading, const char *path,
			 const struct v2m_key_format *format, const struct v2m_json_doc *docs,
			 size_t n_docs)
{
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list found = { 0 };
	int result = 1;

	if (format->has_api &&
	    v2m_v2ray_log_find(path, docs, n_docs, &reading->gathered->access_logs))
		return v2m_error_set(reading->error, -ENOMEM, "%s: out of memory", path);
	if (format->has_api)
		result = v2m_live_read_proxy(path, docs, n_docs, reading->live, reading->gathered,
					     reading->error);
	if (result <= 0)
		return result;
	result = format->read_documents(docs, n_docs, &found, &reading->gathered->notes,
					reading->error);
	return result ? result : take_keys(reading, format, path, &found);
}

/* Reads what was collected, the documents of each format in their order. */
static int read_collected(struct reading *reading, const char *path)
{
	const struct docs *docs = &reading->docs;
	V2M_FREE struct v2m_json_doc *same = calloc(docs->count + 1, sizeof(*same));
	size_t n_formats;
	const struct v2m_key_format *formats = v2m_key_formats(&n_formats);
	int result = 0;

	if (!same)
		return v2m_error_set(reading->error, -ENOMEM, "%s: out of memory", path);
	for (size_t i = 0; i < n_formats && !result; i++) {
		size_t n = 0;

		for (size_t k = 0; k < docs->count; k++)
			if (docs->items[k].format == &formats[i])
				same[n++] = docs->items[k].doc;
		if (n)
			result = read_together(reading, path, &formats[i], same, n);
	}
	return result;
}

static int read_source(struct reading *reading, const char *path, const char **kind)
{
	const struct v2m_key_format *format = NULL;
	char descriptions[V2M_KEY_FORMAT_DESCRIPTIONS_LEN];
	struct stat status;
	int result;

	if (stat(path, &status))
		return v2m_error_set(reading->error, -errno, "%s: cannot read it: %s", path,
				     strerror(errno));
	if (S_ISDIR(status.st_mode)) {
		*kind = "directory";
		return read_directory(reading, path);
	}
	result = read_file(reading, path, &format);
	if (format)
		*kind = format->kind;
	if (result || format)
		return result;
	v2m_key_format_descriptions(descriptions);
	return v2m_error_set(reading->error, -EINVAL, "%s: expected %s", path, descriptions);
}

int v2m_source_read(const char *path, const struct v2m_live_sources *live,
		    struct v2m_gathered *gathered, const char **kind, struct v2m_error *error)
{
	struct reading reading = { .live = live, .gathered = gathered, .error = error };
	int result;

	if (v2m_is_live_source(path)) {
		*kind = "proxy API";
		return v2m_live_read(path, live, gathered, error);
	}
	*kind = "file";
	result = read_source(&reading, path, kind);
	if (!result)
		result = read_collected(&reading, path);
	clear_docs(&reading.docs);
	return result;
}
