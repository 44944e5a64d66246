// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/v2ray_log.h"

#include <string.h>
#include <strings.h>

static const char *text_of(const struct v2m_json_node *parent, const char *name)
{
	const char *text = json_string_value(v2m_json_member(parent, name).value);

	return text ? text : "";
}

/* A path, or "" for the standard output, or "none". */
static void take_path(const char *path, struct v2m_access_log *log)
{
	if (!*path) {
		log->kind = V2M_ACCESS_LOG_STDOUT;
	} else if (strcmp(path, "none") == 0) {
		log->kind = V2M_ACCESS_LOG_OFF;
	} else {
		log->kind = *path == '/' ? V2M_ACCESS_LOG_FILE : V2M_ACCESS_LOG_RELATIVE;
		log->path = (char *)path;
	}
}

/* V2Ray 5: {"type": "None", "Console" or "File", "path": ...}. */
static void take_object(const struct v2m_json_node *access, struct v2m_access_log *log)
{
	const char *type = text_of(access, "type");

	if (strcasecmp(type, "File") == 0)
		take_path(text_of(access, "path"), log);
	else if (strcasecmp(type, "Console") == 0)
		log->kind = V2M_ACCESS_LOG_STDOUT;
}

static void take_log(const struct v2m_json_node *node, struct v2m_access_log *log)
{
	struct v2m_json_node access = v2m_json_member(node, "access");

	log->kind = V2M_ACCESS_LOG_OFF;
	log->path = NULL;
	if (strcasecmp(text_of(node, "loglevel"), "none") == 0)
		return;
	if (json_is_object(access.value))
		take_object(&access, log);
	else
		take_path(text_of(node, "access"), log);
	log->masked = *text_of(node, "maskAddress");
}

int v2m_v2ray_log_find(const char *source, const struct v2m_json_doc *docs, size_t n_docs,
		       struct v2m_access_logs *logs)
{
	struct v2m_access_log log = { .source = (char *)source, .kind = V2M_ACCESS_LOG_OFF };

	for (size_t i = 0; i < n_docs; i++) {
		struct v2m_json_node root = v2m_json_root(&docs[i]);
		struct v2m_json_node node = v2m_json_member(&root, "log");

		if (json_is_object(node.value))
			take_log(&node, &log);
	}
	return v2m_access_logs_add(logs, &log);
}
