// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "daemon/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "config/state_dir.h"

static bool is_same_list(const struct v2m_strings *one, const struct v2m_strings *other)
{
	if (one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++)
		if (strcmp(one->items[i], other->items[i]) != 0)
			return false;
	return true;
}

static int copy_list(const struct v2m_strings *from, struct v2m_strings *to)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings made = { 0 };

	for (size_t i = 0; i < from->count; i++)
		if (v2m_strings_add(&made, from->items[i]))
			return -ENOMEM;
	v2m_strings_clear(to);
	*to = made;
	made = (struct v2m_strings){ 0 };
	return 0;
}

/* The sockets stay open, so that no client is refused. The state directory stays locked. */
static int keep_what_stays(const struct v2m_config *active, struct v2m_config *fresh)
{
	char *state_dir;

	if (!is_same_list(&active->listen, &fresh->listen)) {
		v2m_log_warning("\"listen\" has changed: this takes effect with the next restart");
		if (copy_list(&active->listen, &fresh->listen))
			return -ENOMEM;
	}
	if (strcmp(active->state_dir, fresh->state_dir) == 0)
		return 0;
	v2m_log_warning("\"state_dir\" has changed: this takes effect with the next restart");
	state_dir = strdup(active->state_dir);
	if (!state_dir)
		return -ENOMEM;
	free(fresh->state_dir);
	fresh->state_dir = state_dir;
	return 0;
}

static bool is_same_config(const struct v2m_config *one, const struct v2m_config *other)
{
	V2M_FREE char *one_text = v2m_config_dump(one);
	V2M_FREE char *other_text = v2m_config_dump(other);

	return one_text && other_text && strcmp(one_text, other_text) == 0;
}

int v2m_reload_api_key(const struct v2m_config *config, const char *path, struct v2m_api_keys *keys,
		       struct v2m_error *error)
{
	V2M_FREE char *text = NULL;
	int result = v2m_api_key_load(config, path, &text, error);

	if (result)
		return result;
	v2m_api_keys_set_single(keys, text);
	explicit_bzero(text, strlen(text));
	return 0;
}

int v2m_reload_read(const char *path, const struct v2m_config *active,
		    const struct v2m_api_keys *active_keys, struct v2m_config *fresh,
		    struct v2m_api_keys *fresh_keys, bool *changed, struct v2m_error *error)
{
	struct v2m_api_keys keys = *active_keys;
	struct v2m_config made;
	int result = v2m_config_load(path, &made, error);

	*changed = false;
	if (result)
		return result;
	result = keep_what_stays(active, &made);
	if (result)
		v2m_error_set(error, result, "out of memory");
	else
		result = v2m_reload_api_key(&made, path, &keys, error);
	if (!result)
		*changed =
			!is_same_config(active, &made) ||
			memcmp(keys.items[0].hash, active_keys->items[0].hash, V2M_SHA256_LEN) != 0;
	if (*changed) {
		*fresh = made;
		*fresh_keys = keys;
	} else {
		v2m_config_clear(&made);
	}
	return result;
}
