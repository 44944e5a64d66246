// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ctl/apikey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "apikeys/api_key_file.h"
#include "base/cleanup.h"
#include "base/macros.h"
#include "base/trusted_dir.h"
#include "ctl/render.h"
#include "ctl/text.h"
#include "ctl/text_table.h"

#define DEFAULT_STATE_DIR "/var/lib/v2meter"
#define KEY_BYTES         32

/* The file of keys while this process alone changes it. */
struct key_store {
	const char *state_dir;
	struct v2m_api_keys keys;
	int lock_fd;
};

static enum v2m_outcome refuse(const struct v2m_error *error)
{
	v2m_note("%s", error->text);
	return V2M_REFUSED;
}

/* 0, or -errno with *error. */
static int open_store(const struct v2m_ctl *ctl, struct key_store *store, struct v2m_error *error)
{
	int result;

	store->state_dir = ctl->state_dir ? ctl->state_dir : DEFAULT_STATE_DIR;
	result = v2m_trusted_dir_check("--state-dir", store->state_dir, error);
	if (result == -ENOENT)
		return v2m_error_set(error, result,
				     "%s is not there: name the daemon's state_dir by --state-dir",
				     store->state_dir);
	if (result)
		return result;
	store->lock_fd = open(store->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->lock_fd < 0 || flock(store->lock_fd, LOCK_EX))
		return v2m_error_set(error, -errno, "%s: %s", store->state_dir, strerror(errno));
	return v2m_api_key_file_read(store->state_dir, &store->keys, error);
}

static void close_store(struct key_store *store)
{
	v2m_closep(&store->lock_fd);
}

/* 0, or -errno with *error. */
static int make_key(char text[static 2 * KEY_BYTES + 1], struct v2m_error *error)
{
	uint8_t random[KEY_BYTES];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return v2m_error_set(error, -EIO, "no random bytes: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(text + 2 * i, 3, "%02x", random[i]);
	explicit_bzero(random, sizeof(random));
	return 0;
}

static void append_key(struct v2m_api_keys *keys, const char *name, unsigned scopes,
		       const char *text)
{
	struct v2m_api_key *key = &keys->items[keys->count++];
	time_t now = time(NULL);
	struct tm utc;

	memset(key, 0, sizeof(*key));
	snprintf(key->name, sizeof(key->name), "%s", name);
	strftime(key->created_at, sizeof(key->created_at), "%Y-%m-%dT%H:%M:%SZ",
		 gmtime_r(&now, &utc));
	key->scopes = scopes;
	v2m_sha256(text, strlen(text), key->hash);
}

static enum v2m_outcome store_new_key(struct key_store *store, const char *name, unsigned scopes)
{
	char text[2 * KEY_BYTES + 1];
	struct v2m_error error = { 0 };

	if (v2m_api_keys_named(&store->keys, name)) {
		v2m_note("there is a key \"%s\" already: revoke it first, or take another name",
			 name);
		return V2M_REFUSED;
	}
	if (store->keys.count == V2M_NAMED_KEYS_MAX) {
		v2m_note("there are %d keys, which is the most: revoke one first",
			 V2M_NAMED_KEYS_MAX);
		return V2M_REFUSED;
	}
	if (make_key(text, &error))
		return refuse(&error);
	append_key(&store->keys, name, scopes, text);
	if (v2m_api_key_file_write(store->state_dir, &store->keys, &error))
		return refuse(&error);
	puts(text);
	explicit_bzero(text, sizeof(text));
	v2m_note("this is the only time that the key is shown; it is valid from now on");
	return V2M_DONE;
}

static enum v2m_outcome add(const struct v2m_ctl *ctl)
{
	V2M_CLEANUP(close_store) struct key_store store = { .lock_fd = -1 };
	struct v2m_error error = { 0 };
	unsigned scopes;

	if (!ctl->more[0] || !ctl->more[1] || ctl->more[2]) {
		v2m_note("apikey add takes a name and scopes, such as: apikey add grafana metrics");
		return V2M_USAGE;
	}
	if (!v2m_api_key_name_is_valid(ctl->more[0])) {
		v2m_note("a name has 1 to 64 letters, digits, dots, underscores and dashes, begins "
			 "with a letter or digit, and is not \"" V2M_SINGLE_KEY_NAME "\"");
		return V2M_USAGE;
	}
	if (v2m_scopes_parse(ctl->more[1], &scopes)) {
		v2m_note("scopes are a list such as read,reset of: read, reset, metrics, admin");
		return V2M_USAGE;
	}
	return open_store(ctl, &store, &error) ? refuse(&error)
					       : store_new_key(&store, ctl->more[0], scopes);
}

static enum v2m_outcome revoke_key(const struct v2m_ctl *ctl)
{
	V2M_CLEANUP(close_store) struct key_store store = { .lock_fd = -1 };
	struct v2m_error error = { 0 };
	const struct v2m_api_key *key;
	size_t place;

	if (!ctl->more[0] || ctl->more[1]) {
		v2m_note("apikey revoke takes a name");
		return V2M_USAGE;
	}
	if (open_store(ctl, &store, &error))
		return refuse(&error);
	key = v2m_api_keys_named(&store.keys, ctl->more[0]);
	if (!key) {
		v2m_note("there is no key of that name: see apikey list");
		return V2M_REFUSED;
	}
	place = (size_t)(key - store.keys.items);
	store.keys.count--;
	memmove(store.keys.items + place, store.keys.items + place + 1,
		(store.keys.count - place) * sizeof(*key));
	return v2m_api_key_file_write(store.state_dir, &store.keys, &error) ? refuse(&error)
									    : V2M_DONE;
}

static enum v2m_outcome print_json(const struct v2m_api_keys *keys)
{
	json_t *list = json_array();
	enum v2m_outcome outcome;

	for (size_t i = 0; i < keys->count; i++) {
		const struct v2m_api_key *key = &keys->items[i];
		char scopes[V2M_SCOPES_LEN];

		v2m_scopes_format(key->scopes, scopes);
		json_array_append_new(list, json_pack("{ss ss ss*}", "name", key->name, "scopes",
						      scopes, "created_at",
						      key->created_at[0] ? key->created_at : NULL));
	}
	outcome = list ? v2m_render_json(list) : v2m_render_done(-ENOMEM);
	json_decref(list);
	return outcome;
}

static enum v2m_outcome print_table(const struct v2m_ctl *ctl, const struct v2m_api_keys *keys)
{
	static const struct v2m_text_column columns[] = {
		{ "NAME", false },
		{ "SCOPES", false },
		{ "CREATED", false },
	};
	V2M_TEXT_TABLE *table = v2m_text_table_new(columns, V2M_ARRAY_LEN(columns));

	for (size_t i = 0; i < keys->count; i++) {
		char scopes[V2M_SCOPES_LEN];

		v2m_scopes_format(keys->items[i].scopes, scopes);
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", keys->items[i].name);
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", scopes);
		v2m_text_table_cell(table, V2M_STYLE_PLAIN, "%s", keys->items[i].created_at);
	}
	return v2m_render_done(v2m_text_table_print(table, stdout, ctl->colour));
}

static enum v2m_outcome list(const struct v2m_ctl *ctl)
{
	V2M_CLEANUP(close_store) struct key_store store = { .lock_fd = -1 };
	struct v2m_error error = { 0 };

	if (ctl->more[0]) {
		v2m_note("apikey list takes no argument");
		return V2M_USAGE;
	}
	if (open_store(ctl, &store, &error))
		return refuse(&error);
	return ctl->json ? print_json(&store.keys) : print_table(ctl, &store.keys);
}

enum v2m_outcome v2m_ctl_apikey(const struct v2m_ctl *ctl, const char *action)
{
	if (strcmp(action, "add") == 0)
		return add(ctl);
	if (strcmp(action, "list") == 0)
		return list(ctl);
	if (strcmp(action, "revoke") == 0)
		return revoke_key(ctl);
	v2m_note("apikey takes add, list or revoke, not \"%s\"", action);
	return V2M_USAGE;
}
