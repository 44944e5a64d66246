// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/settings.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "config/setting_table.h"
#include "notify/event.h"

#define CHANNELS_MAX 16
#define NUMBERS_MAX  16
#define PATH_LEN     (PATH_MAX - 1)
#define URL_LEN      2048
#define NAME_LEN     64

static const char *require_url(const char *text)
{
	bool known = strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;

	for (const char *at = text; *at; at++)
		if (*at <= ' ' || *at > '~')
			known = false;
	return known ? NULL : "an http:// or https:// URL of printable ASCII";
}

static const char *require_path(const char *text)
{
	return text[0] == '/' ? NULL : "an absolute path";
}

static const char *require_event(const char *text)
{
	return v2m_event_known(text) ? NULL : "one of the events that v2meter-notify(8) lists";
}

/* A number of bytes that an unsigned cannot hold. */
static int read_bytes(const struct v2m_setting *setting, const struct v2m_json_node *node,
		      void *value, struct v2m_error *error)
{
	long long number;
	int result = v2m_json_integer(node, setting->min, setting->max, &number, error);

	if (!result)
		*(uint64_t *)value = (uint64_t)number;
	return result;
}

static json_t *write_bytes(const struct v2m_setting *setting, const void *value)
{
	uint64_t number = *(const uint64_t *)value;

	(void)setting;
	return number ? json_integer((json_int_t)number) : json_null();
}

static const struct v2m_setting_type setting_bytes = { read_bytes, write_bytes, NULL };

static void clear_numbers(void *value)
{
	struct v2m_numbers *numbers = value;

	v2m_array_clear(numbers);
}

/* Keeps the list in ascending order. 0 or -ENOMEM. */
static int insert_number(struct v2m_numbers *numbers, unsigned number)
{
	size_t at = numbers->count;

	while (at > 0 && numbers->items[at - 1] >= number)
		at--;
	if (at < numbers->count && numbers->items[at] == number)
		return 0;
	if (v2m_array_reserve(numbers, 1))
		return -ENOMEM;
	memmove(numbers->items + at + 1, numbers->items + at,
		(numbers->count - at) * sizeof(*numbers->items));
	numbers->items[at] = number;
	numbers->count++;
	return 0;
}

static int read_numbers(const struct v2m_setting *setting, const struct v2m_json_node *node,
			void *value, struct v2m_error *error)
{
	V2M_CLEANUP(clear_numbers) struct v2m_numbers made = { 0 };
	struct v2m_numbers *place = value;

	if (!json_is_array(node->value) || json_array_size(node->value) > NUMBERS_MAX)
		return v2m_json_expected(
			node, error, "a list of at most " V2M_STRINGIFY(NUMBERS_MAX) " numbers");
	for (size_t i = 0; i < json_array_size(node->value); i++) {
		struct v2m_json_node item = v2m_json_item(node, i);
		long long number;
		int result = v2m_json_integer(&item, setting->min, setting->max, &number, error);

		if (result)
			return result;
		if (insert_number(&made, (unsigned)number))
			return v2m_error_set(error, -ENOMEM, "out of memory");
	}
	clear_numbers(place);
	*place = made;
	made = (struct v2m_numbers){ 0 };
	return 0;
}

static json_t *write_numbers(const struct v2m_setting *setting, const void *value)
{
	const struct v2m_numbers *numbers = value;
	json_t *list = json_array();

	(void)setting;
	for (size_t i = 0; i < numbers->count; i++)
		json_array_append_new(list, json_integer(numbers->items[i]));
	return list;
}

static const struct v2m_setting_type setting_numbers = { read_numbers, write_numbers,
							 clear_numbers };

static int read_command(const struct v2m_setting *setting, const struct v2m_json_node *node,
			void *value, struct v2m_error *error)
{
	return v2m_setting_list.read(setting, node, value, error);
}

/* Arguments may be secrets, so only the program is shown. */
static json_t *write_command(const struct v2m_setting *setting, const void *value)
{
	const struct v2m_strings *command = value;
	json_t *list = json_array();

	(void)setting;
	for (size_t i = 0; i < command->count; i++)
		json_array_append_new(list, json_string(i ? "(set)" : command->items[i]));
	return list;
}

static void clear_command(void *value)
{
	v2m_setting_list.clear(value);
}

static const struct v2m_setting_type setting_command = { read_command, write_command,
							 clear_command };

/* A row for a member of the struct that OWNER names. */
#define ROW(owner, member, type_, default_value, least, most, ...)                                 \
	{                                                                                          \
		.name = #member, .type = &(type_), .offset = offsetof(struct owner, member),       \
		.preset = default_value, .min = least, .max = most, ##__VA_ARGS__                  \
	}
#define CHANNEL(...) ROW(v2m_channel, __VA_ARGS__)
#define SETTING(...) ROW(v2m_notify_settings, __VA_ARGS__)

static const struct v2m_setting channel_rows[] = {
	CHANNEL(name, v2m_setting_text, "null", 1, NAME_LEN),
	CHANNEL(url, v2m_setting_secret, "null", 1, URL_LEN, .required = require_url),
	CHANNEL(body, v2m_setting_choice, "\"json\"", 0, 2,
		.words = { [V2M_BODY_JSON] = "json",
			   [V2M_BODY_TELEGRAM] = "telegram",
			   [V2M_BODY_DISCORD] = "discord" }),
	CHANNEL(chat_id, v2m_setting_text, "null", 1, NAME_LEN),
	CHANNEL(proxy, v2m_setting_secret, "null", 1, URL_LEN),
	CHANNEL(command, setting_command, "[]", 0, PATH_LEN),
	CHANNEL(events, v2m_setting_list, "[]", 0, NAME_LEN, .required = require_event),
};
static const struct v2m_setting_table channel_table = { channel_rows, V2M_ARRAY_LEN(channel_rows) };

static void clear_channel(struct v2m_channel *channel)
{
	v2m_settings_clear(&channel_table, channel);
}

static void clear_channels(void *value)
{
	struct v2m_channels *channels = value;

	for (size_t i = 0; i < channels->count; i++)
		clear_channel(&channels->items[i]);
	v2m_array_clear(channels);
}

/* Checks what a row alone cannot. 0 or -EINVAL. */
static int check_channel(const struct v2m_json_node *node, const struct v2m_channel *channel,
			 const struct v2m_channels *others, struct v2m_error *error)
{
	struct v2m_json_node name = v2m_json_member(node, "name");
	struct v2m_json_node chat = v2m_json_member(node, "chat_id");
	struct v2m_json_node command = v2m_json_member(node, "command");

	if (!channel->name)
		return v2m_json_fail(node, error, "expected a member \"name\"");
	for (size_t i = 0; i < others->count; i++)
		if (strcmp(others->items[i].name, channel->name) == 0)
			return v2m_json_fail(&name, error, "another channel has this name");
	if (!channel->url == !channel->command.count)
		return v2m_json_fail(node, error,
				     "expected either \"url\" or \"command\" in a channel");
	if (channel->command.count && channel->command.items[0][0] != '/')
		return v2m_json_fail(&command, error,
				     "expected the absolute path of a program as the first string");
	if (channel->body == V2M_BODY_TELEGRAM && !channel->chat_id)
		return v2m_json_fail(node, error, "expected \"chat_id\", which Telegram needs");
	if (channel->body != V2M_BODY_TELEGRAM && channel->chat_id)
		return v2m_json_fail(&chat, error, "expected \"body\": \"telegram\" beside it");
	if (channel->command.count && (channel->body != V2M_BODY_JSON || channel->proxy))
		return v2m_json_fail(node, error,
				     "expected no \"body\" and no \"proxy\" beside \"command\"");
	return 0;
}

static int read_channel(const struct v2m_json_node *node, struct v2m_channels *channels,
			struct v2m_error *error)
{
	V2M_CLEANUP(clear_channel) struct v2m_channel made = { 0 };
	int result = v2m_settings_preset(&channel_table, &made, error);

	if (!result)
		result = v2m_settings_read(&channel_table, node, &made, error);
	if (!result)
		result = check_channel(node, &made, channels, error);
	if (result)
		return result;
	if (v2m_array_add(channels, made))
		return v2m_error_set(error, -ENOMEM, "out of memory");
	made = (struct v2m_channel){ 0 };
	return 0;
}

static int read_channels(const struct v2m_setting *setting, const struct v2m_json_node *node,
			 void *value, struct v2m_error *error)
{
	V2M_CLEANUP(clear_channels) struct v2m_channels made = { 0 };
	struct v2m_channels *place = value;

	(void)setting;
	if (!json_is_array(node->value) || json_array_size(node->value) > CHANNELS_MAX)
		return v2m_json_expected(
			node, error, "a list of at most " V2M_STRINGIFY(CHANNELS_MAX) " channels");
	for (size_t i = 0; i < json_array_size(node->value); i++) {
		struct v2m_json_node item = v2m_json_item(node, i);
		int result = read_channel(&item, &made, error);

		if (result)
			return result;
	}
	clear_channels(place);
	*place = made;
	made = (struct v2m_channels){ 0 };
	return 0;
}

static json_t *write_channels(const struct v2m_setting *setting, const void *value)
{
	const struct v2m_channels *channels = value;
	json_t *list = json_array();

	(void)setting;
	for (size_t i = 0; i < channels->count; i++)
		if (json_array_append_new(
			    list, v2m_settings_write(&channel_table, &channels->items[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static const struct v2m_setting_type setting_channels = { read_channels, write_channels,
							  clear_channels };

/* Reading, checking, the defaults and the output of --check follow from this table. A test compares
 * the manual with it. */
static const struct v2m_setting rows[] = {
	SETTING(daemon, v2m_setting_text, "\"http://127.0.0.1:9469\"", 1, URL_LEN,
		.required = require_url),
	SETTING(api_key_file, v2m_setting_text, "\"/etc/v2meter/notify.key\"", 1, PATH_LEN,
		.required = require_path),
	SETTING(state_dir, v2m_setting_text, "\"/var/lib/v2meter-notify\"", 1, PATH_LEN,
		.required = require_path),
	SETTING(server, v2m_setting_text, "null", 1, NAME_LEN),
	SETTING(poll_interval_s, v2m_setting_number, "30", 1, 3600),
	SETTING(timeout_s, v2m_setting_number, "10", 1, 120),
	SETTING(queue_max, v2m_setting_number, "1000", 10, 100000),
	SETTING(keep_hours, v2m_setting_number, "168", 1, 8760),
	SETTING(retry_first_s, v2m_setting_number, "5", 1, 3600),
	SETTING(retry_max_s, v2m_setting_number, "900", 1, 86400),
	SETTING(key_limit_bytes, setting_bytes, "null", 1, LLONG_MAX),
	SETTING(key_percents, setting_numbers, "[80, 100]", 1, 1000),
	SETTING(key_period, v2m_setting_choice, "\"reset\"", 0, 1,
		.words = { [V2M_PERIOD_RESET] = "reset", [V2M_PERIOD_MONTH] = "month" }),
	SETTING(key_expiry_days, setting_numbers, "[0, 3]", 0, 365),
	SETTING(budget_percents, setting_numbers, "[50, 80, 95]", 1, 1000),
	SETTING(budget_projected, v2m_setting_boolean, "true", 0, 0),
	SETTING(degraded_after_s, v2m_setting_number, "60", 0, 86400),
	SETTING(unreachable_after_s, v2m_setting_number, "60", 0, 86400),
	SETTING(silent_after_min, v2m_setting_number, "15", 0, 1440),
	SETTING(silent_below_bytes, setting_bytes, "20000", 1, LLONG_MAX),
	SETTING(listeners, v2m_setting_boolean, "true", 0, 0),
	SETTING(channels, setting_channels, "[]", 0, 0),
};
static const struct v2m_setting_table table = { rows, V2M_ARRAY_LEN(rows) };

void v2m_notify_settings_clear(struct v2m_notify_settings *settings)
{
	v2m_settings_clear(&table, settings);
	memset(settings, 0, sizeof(*settings));
}

int v2m_notify_settings_load(const char *path, struct v2m_notify_settings *settings,
			     struct v2m_error *error)
{
	V2M_CLEANUP(v2m_notify_settings_clear) struct v2m_notify_settings made = { 0 };
	V2M_CLEANUP(v2m_json_doc_clear) struct v2m_json_doc doc = { 0 };
	struct v2m_json_node root;
	int result = v2m_json_doc_load(path, &doc, error);

	if (!result)
		result = v2m_settings_preset(&table, &made, error);
	if (result)
		return result;
	root = v2m_json_root(&doc);
	result = v2m_settings_read(&table, &root, &made, error);
	if (!result && !made.channels.count)
		result = v2m_json_fail(&root, error,
				       "expected at least one channel in \"channels\"");
	if (result)
		return result;
	*settings = made;
	made = (struct v2m_notify_settings){ 0 };
	return 0;
}

char *v2m_notify_settings_dump(const struct v2m_notify_settings *settings)
{
	json_t *json = v2m_settings_write(&table, settings);
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

	json_decref(json);
	return text;
}

bool v2m_channel_takes(const struct v2m_channel *channel, const char *event)
{
	return !channel->events.count || v2m_strings_have(&channel->events, event);
}
