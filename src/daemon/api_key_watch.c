// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "daemon/api_key_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "apikeys/api_key_file.h"
#include "base/log.h"

struct v2m_api_key_watch {
	char *state_dir;
	struct v2m_api_keys *keys;
	struct v2m_collector *collector;
	sd_event_source *source; /* NULL: changes are seen by SIGHUP only */
};

static bool is_same_key(const struct v2m_api_key *one, const struct v2m_api_key *other)
{
	return strcmp(one->name, other->name) == 0 &&
	       strcmp(one->created_at, other->created_at) == 0 && one->scopes == other->scopes &&
	       memcmp(one->hash, other->hash, sizeof(one->hash)) == 0;
}

static bool are_same_keys(const struct v2m_api_keys *one, const struct v2m_api_keys *other)
{
	if (one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++)
		if (!is_same_key(&one->items[i], &other->items[i]))
			return false;
	return true;
}

/* Names the keys that are there now and were not, and the reverse. */
static void log_changes(const struct v2m_api_keys *before, const struct v2m_api_keys *now)
{
	char scopes[V2M_SCOPES_LEN];

	for (size_t i = 0; i < before->count; i++)
		if (!v2m_api_keys_named(now, before->items[i].name))
			v2m_log_info("the API key \"%s\" is no longer valid",
				     before->items[i].name);
	for (size_t i = 0; i < now->count; i++) {
		const struct v2m_api_key *known = v2m_api_keys_named(before, now->items[i].name);

		if (known && is_same_key(known, &now->items[i]))
			continue;
		v2m_scopes_format(now->items[i].scopes, scopes);
		v2m_log_info("the API key \"%s\" is valid for %s", now->items[i].name, scopes);
	}
}

void v2m_api_key_watch_read(struct v2m_api_key_watch *watch)
{
	struct v2m_api_keys made = { .count = 0 };
	struct v2m_error error = { 0 };

	if (v2m_api_key_file_read(watch->state_dir, &made, &error)) {
		v2m_log_error("%s; the named API keys stay as they were", error.text);
		return;
	}
	memmove(made.items + 1, made.items, made.count * sizeof(*made.items));
	made.items[0] = watch->keys->items[0];
	made.count++;
	if (are_same_keys(&made, watch->keys))
		return;
	log_changes(watch->keys, &made);
	*watch->keys = made;
	v2m_collector_set_api_keys(watch->collector, &made);
}

static int follow_directory(sd_event_source *source, const struct inotify_event *event,
			    void *context)
{
	(void)source;
	if ((event->mask & IN_Q_OVERFLOW) ||
	    (event->len && strcmp(event->name, V2M_API_KEY_FILE) == 0))
		v2m_api_key_watch_read(context);
	return 0;
}

int v2m_api_key_watch_start(sd_event *event, const char *state_dir, struct v2m_api_keys *keys,
			    struct v2m_collector *collector, struct v2m_api_key_watch **watch,
			    struct v2m_error *error)
{
	struct v2m_api_key_watch *made = calloc(1, sizeof(*made));
	int result;

	if (made)
		made->state_dir = strdup(state_dir);
	if (!made || !made->state_dir) {
		free(made);
		return v2m_error_set(error, -ENOMEM, "out of memory");
	}
	made->keys = keys;
	made->collector = collector;
	/* Before the file is read: no change is missed. */
	result = sd_event_add_inotify(event, &made->source, state_dir,
				      IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
					      IN_ATTRIB | IN_ONLYDIR,
				      follow_directory, made);
	if (result < 0)
		v2m_log_warning("%s cannot be watched: API keys that are made or revoked take "
				"effect with the next SIGHUP: %s",
				state_dir, strerror(-result));
	v2m_api_key_watch_read(made);
	*watch = made;
	return 0;
}

void v2m_api_key_watch_stop(struct v2m_api_key_watch *watch)
{
	if (!watch)
		return;
	sd_event_source_unref(watch->source);
	free(watch->state_dir);
	free(watch);
}
