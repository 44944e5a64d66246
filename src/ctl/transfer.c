// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Totals from one server to another, by way of a file. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/render.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "base/file.h"

#define EXPORT_PATH "/api/meter/export"
#define IMPORT_PATH "/api/meter/import"
/* What the server takes. */
#define DOCUMENT_MAX (64u << 20)

static enum v2m_outcome tell_failure(const struct v2m_ctl *ctl, const char *path,
				     const struct v2m_reply *reply)
{
	if (!reply->sent) {
		v2m_note("cannot reach %s: %s", v2m_client_url(ctl->client), reply->text);
		return V2M_UNREACHED;
	}
	if (v2m_reply_detail(reply))
		v2m_note("%s", v2m_reply_detail(reply));
	else
		v2m_note("%s%s: %s", v2m_client_url(ctl->client), path,
			 *reply->text ? reply->text : "an answer of another shape");
	return reply->status >= 400 ? V2M_REFUSED : V2M_UNREACHED;
}

static bool is_document(const struct v2m_reply *reply)
{
	const char *format = json_string_value(json_object_get(reply->json, "format"));

	return reply->status == 200 && format && strcmp(format, "v2meter-totals") == 0;
}

static enum v2m_outcome print_document(const struct v2m_reply *reply)
{
	V2M_FREE char *safe = NULL;

	if (!isatty(STDOUT_FILENO)) {
		/* Whether it could be written is asked when all is flushed. */
		fwrite(reply->body, 1, reply->length, stdout);
		putchar('\n');
		return V2M_DONE;
	}
	safe = v2m_text_clean_json(reply->body);
	if (!safe)
		return v2m_render_done(-ENOMEM);
	puts(safe);
	return V2M_DONE;
}

/* A pipe or a device is written to, never replaced. */
static int write_special(const char *path, const struct v2m_reply *reply)
{
	V2M_FCLOSE FILE *file = fopen(path, "we");

	if (!file)
		return -errno;
	if (fwrite(reply->body, 1, reply->length, file) != reply->length || fflush(file))
		return -errno;
	return 0;
}

/* The file is the old one or the new one, whole; where path is a link, the file it leads to. */
static int write_document(const char *path, const struct v2m_reply *reply)
{
	char resolved[PATH_MAX];
	struct stat status;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return S_ISDIR(status.st_mode) ? -EISDIR : write_special(path, reply);
	return v2m_write_file(realpath(path, resolved) ? resolved : path, reply->body,
			      reply->length, 0600);
}

enum v2m_outcome v2m_ctl_export(const struct v2m_ctl *ctl, const char *file)
{
	V2M_CLEANUP(v2m_reply_clear) struct v2m_reply reply = { 0 };
	int result;

	v2m_client_request(ctl->client, "GET", EXPORT_PATH, &reply);
	if (!is_document(&reply))
		return tell_failure(ctl, EXPORT_PATH, &reply);
	if (!file)
		return print_document(&reply);
	result = write_document(file, &reply);
	if (!result)
		return V2M_DONE;
	v2m_note("%s: %s", file, strerror(-result));
	return V2M_REFUSED;
}

static enum v2m_outcome print_counts(const struct v2m_ctl *ctl, const struct v2m_reply *reply)
{
	static const struct v2m_column pair[] = { { NULL, false }, { NULL, true } };
	static const struct {
		const char *member;
		const char *title;
	} counts[] = {
		{ "added", "Added" },
		{ "known", "Imported before" },
		{ "refused", "Refused" },
	};
	V2M_TABLE *table = v2m_table_new(pair, V2M_ARRAY_LEN(pair));

	for (size_t i = 0; i < V2M_ARRAY_LEN(counts); i++) {
		json_t *count = json_object_get(reply->json, counts[i].member);

		v2m_table_cell(table, V2M_STYLE_TITLE, "%s", counts[i].title);
		v2m_table_cell(table, V2M_STYLE_PLAIN, "%" JSON_INTEGER_FORMAT,
			       json_integer_value(count));
	}
	return v2m_render_done(v2m_table_print(table, stdout, ctl->colour));
}

static enum v2m_outcome take_import(const struct v2m_ctl *ctl, const struct v2m_reply *reply)
{
	enum v2m_outcome outcome =
		ctl->json ? v2m_render_json(reply->json) : print_counts(ctl, reply);

	if (outcome != V2M_DONE || json_integer_value(json_object_get(reply->json, "refused")) == 0)
		return outcome;
	v2m_note("what was refused came in another export of the same server before; its totals "
		 "are here already");
	return V2M_REFUSED;
}

/* What has left us whole may have been done. */
static bool is_uncertain(const struct v2m_reply *reply)
{
	return reply->sent && (reply->status == 0 || reply->status == 502 || reply->status == 504 ||
			       (reply->status == 200 && reply->called_json));
}

enum v2m_outcome v2m_ctl_import(const struct v2m_ctl *ctl, const char *file)
{
	V2M_CLEANUP(v2m_reply_clear) struct v2m_reply reply = { 0 };
	V2M_FREE char *text = NULL;
	size_t length;
	int result = v2m_read_file(file, DOCUMENT_MAX, &text, &length);

	if (result) {
		v2m_note("%s: %s", file,
			 result == -EFBIG ? "larger than 64 MiB" : strerror(-result));
		return V2M_USAGE;
	}
	v2m_client_post(ctl->client, IMPORT_PATH, text, length, &reply);
	if (reply.status == 200 && json_is_integer(json_object_get(reply.json, "added")))
		return take_import(ctl, &reply);
	if (!is_uncertain(&reply))
		return tell_failure(ctl, IMPORT_PATH, &reply);
	v2m_note("the document was sent, but whether it was imported is not known (%s); importing "
		 "the same file again is safe",
		 *reply.text ? reply.text : "an answer of another shape");
	return V2M_UNKNOWN;
}
