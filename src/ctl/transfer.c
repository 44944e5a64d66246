// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/transfer.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/macros.h"
#include "ctl/fallback.h"
#include "ctl/render.h"
#include "ctl/text.h"
#include "ctl/text_table.h"

#define EXPORT_PATH "/api/meter/export"
#define IMPORT_PATH "/api/meter/import"
/* The server's limit. */
#define DOCUMENT_MAX (64u << 20)

static bool is_document(const struct v2m_client_reply *reply)
{
	const char *format = json_string_value(json_object_get(reply->json, "format"));

	return reply->status == 200 && format && strcmp(format, "v2meter-totals") == 0;
}

static enum v2m_outcome print_document(const struct v2m_client_reply *reply)
{
	V2M_FREE char *safe = NULL;

	if (!isatty(STDOUT_FILENO)) {
		/* main() checks for a write error when it flushes stdout. */
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

/* Writes to a pipe or a device. A regular file is replaced instead. */
static int write_special(const char *path, const struct v2m_client_reply *reply)
{
	V2M_FCLOSE FILE *file = fopen(path, "we");

	if (!file)
		return -errno;
	if (fwrite(reply->body, 1, reply->length, file) != reply->length || fflush(file))
		return -errno;
	return 0;
}

/* The file is the old one or the new one, never a part. A symbolic link is followed, not replaced.
 */
static int write_document(const char *path, const struct v2m_client_reply *reply)
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
	V2M_CLEANUP(v2m_client_reply_clear) struct v2m_client_reply reply = { 0 };
	int result;

	v2m_client_request(ctl->client, "GET", EXPORT_PATH, &reply);
	if (!is_document(&reply))
		return v2m_fallback_fail(ctl->client, EXPORT_PATH, &reply);
	if (!file)
		return print_document(&reply);
	result = write_document(file, &reply);
	if (!result)
		return V2M_DONE;
	v2m_note("%s: %s", file, strerror(-result));
	return V2M_REFUSED;
}

static enum v2m_outcome print_counts(const struct v2m_ctl *ctl,
				     const struct v2m_client_reply *reply)
{
	static const struct v2m_text_column pair[] = { { NULL, false }, { NULL, true } };
	static const struct {
		const char *member;
		const char *title;
	} counts[] = {
		{ "added", "Added" },
		{ "known", "Imported before" },
		{ "refused", "Refused" },
	};
	V2M_TEXT_TABLE *table = v2m_text_table_new(pair, V2M_ARRAY_LEN(pair));

	for (size_t i = 0; i < V2M_ARRAY_LEN(counts); i++) {
		json_t *count = json_object_get(reply->json, counts[i].member);

		v2m_text_table_cell(table, V2M_STYLE_TITLE, "%s", counts[i].title);
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%" JSON_INTEGER_FORMAT,
				    json_integer_value(count));
	}
	return v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
}

static enum v2m_outcome report_import(const struct v2m_ctl *ctl,
				      const struct v2m_client_reply *reply)
{
	enum v2m_outcome outcome =
		ctl->json ? v2m_render_json(reply->json) : print_counts(ctl, reply);

	if (outcome != V2M_DONE || json_integer_value(json_object_get(reply->json, "refused")) == 0)
		return outcome;
	v2m_note("the refused totals were imported before, from another export of the same "
		 "server");
	return V2M_REFUSED;
}

/* Whether the import may have happened: the request was sent, and no definite answer came. */
static bool is_uncertain(const struct v2m_client_reply *reply)
{
	return reply->sent && (reply->status == 0 || reply->status == 502 || reply->status == 504 ||
			       (reply->status == 200 && reply->called_json));
}

enum v2m_outcome v2m_ctl_import(const struct v2m_ctl *ctl, const char *file)
{
	V2M_CLEANUP(v2m_client_reply_clear) struct v2m_client_reply reply = { 0 };
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
		return report_import(ctl, &reply);
	if (!is_uncertain(&reply))
		return v2m_fallback_fail(ctl->client, IMPORT_PATH, &reply);
	v2m_note("the document was sent, but whether it was imported is not known (%s); importing "
		 "the same file again is safe",
		 v2m_client_reply_text(&reply));
	return V2M_UNKNOWN;
}
