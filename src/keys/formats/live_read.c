// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/formats/live_read.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/name_index.h"
#include "base/uuid.h"
#include "keys/formats/v2ray_api.h"
#include "keys/formats/v2ray_config.h"

static int read_text(const char *source, const char *text, size_t length, struct v2m_key_list *keys,
		     struct v2m_key_notes *notes, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	int result = v2m_json_doc_parse(source, text, length, V2M_JSON_V2RAY, &doc, error);

	return result ? result : v2m_v2ray_read(&doc, 1, keys, notes, error);
}

static int take_keys(const char *source, struct v2m_key_list *keys, struct v2m_gathered *gathered,
		     struct v2m_error *error)
{
	if (v2m_key_list_move(&gathered->clients, keys))
		return v2m_error_set(error, -ENOMEM, "%s: out of memory", source);
	return 0;
}

int v2m_live_read(const char *source, const struct v2m_live_sources *live,
		  struct v2m_gathered *gathered, struct v2m_error *error)
{
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list keys = { 0 };
	const struct v2m_live_source *said = v2m_live_sources_find(live, source);
	int result;

	if (!said)
		return v2m_error_set(error, -EAGAIN, "%.200s: it has not been asked yet", source);
	if (said->result) {
		*error = said->error;
		return said->result;
	}
	if (*said->error.text)
		v2m_key_note_file(&gathered->notes, V2M_NOTE_MISSING, source,
				  "%s: the users that it had last are used", said->error.text);
	result = read_text(source, said->text, said->length, &keys, &gathered->notes, error);
	return result ? result : take_keys(source, &keys, gathered, error);
}

/* Notes where the users come from: the running proxy, what it said earlier, or the file. A proxy
 * that is not running is no fault. */
static void note_origin(const char *path, const struct v2m_live_source *said,
			struct v2m_gathered *gathered)
{
	bool is_down =
		said->result == -ECONNREFUSED || said->result == -ENOENT || said->result == -EAGAIN;

	if (!said->result)
		v2m_key_note_file(&gathered->notes, V2M_NOTE_REMARK, path,
				  "its users are those of the running proxy, by %s", said->source);
	else
		v2m_key_note_file(&gathered->notes,
				  said->text && !is_down ? V2M_NOTE_MISSING : V2M_NOTE_REMARK, path,
				  "%s: %s", said->error.text,
				  said->text ? "the users that it had last are used"
					     : "the users of the file are used");
}

/* Gives the key what it has in the file. */
static void take_identity(struct v2m_key *key, struct v2m_key *of_file)
{
	free(key->id);
	free(key->uuid);
	free(key->identity);
	key->id = V2M_TAKE(of_file->id);
	key->uuid = V2M_TAKE(of_file->uuid);
	key->identity = V2M_TAKE(of_file->identity);
}

/* The API names a user whose id in the file is no UUID by the UUID that the proxy makes of it. The
 * key keeps the id that it has by the file, so that its totals go on. 0 or -ENOMEM. */
static int keep_short_ids(const struct v2m_json_doc *docs, size_t n_docs, struct v2m_key_list *keys)
{
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list of_file = { 0 };
	V2M_CLEANUP(v2m_key_notes_clear) struct v2m_key_notes notes = { 0 };
	V2M_CLEANUP(v2m_name_index_clear) struct v2m_name_index short_ids = { 0 };
	char mapped[V2M_UUID_LEN];
	size_t place;

	/* A file with mistakes names nobody: only the running proxy counts. */
	if (v2m_v2ray_read(docs, n_docs, &of_file, &notes, NULL))
		return 0;
	for (size_t i = 0; i < of_file.count; i++)
		if (v2m_uuid_of_v2ray_id(of_file.items[i].uuid, mapped) &&
		    v2m_name_index_set(&short_ids, mapped, i))
			return -ENOMEM;
	for (size_t i = 0; i < keys->count && short_ids.table.count; i++)
		if (v2m_name_index_find(&short_ids, keys->items[i].uuid, &place) &&
		    of_file.items[place].uuid)
			take_identity(&keys->items[i], &of_file.items[place]);
	return 0;
}

int v2m_live_read_proxy(const char *path, const struct v2m_json_doc *docs, size_t n_docs,
			const struct v2m_live_sources *live, struct v2m_gathered *gathered,
			struct v2m_error *error)
{
	V2M_CLEANUP(v2m_key_list_clear) struct v2m_key_list keys = { 0 };
	const struct v2m_live_source *said;
	struct v2m_v2ray_api api;
	int result;

	if (!v2m_v2ray_api_find(docs, n_docs, &api) || (!api.has_handler && !api.has_stats))
		return 1;
	said = v2m_live_sources_find(live, api.source);
	if (!said && v2m_strings_add(&gathered->apis, api.source))
		return v2m_error_set(error, -ENOMEM, "%s: out of memory", path);
	/* An API that only has counters is asked for them. */
	if (!said || !api.has_handler)
		return 1;
	note_origin(path, said, gathered);
	if (!said->text)
		return 1;
	result = read_text(api.source, said->text, said->length, &keys, &gathered->notes, error);
	if (!result && keep_short_ids(docs, n_docs, &keys))
		result = v2m_error_set(error, -ENOMEM, "%s: out of memory", path);
	return result ? result : take_keys(api.source, &keys, gathered, error);
}
