/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The configuration of v2meter-notify: what it watches, and where alerts go. */
#ifndef V2METER_NOTIFY_SETTINGS_H
#define V2METER_NOTIFY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/string_list.h"

enum v2m_channel_body {
	V2M_BODY_JSON,
	V2M_BODY_TELEGRAM,
	V2M_BODY_DISCORD,
};

/* Where alerts go: a URL or a command. */
struct v2m_channel {
	char *name;
	char *url;                  /* a secret: it may hold a token; NULL for a command */
	unsigned body;              /* enum v2m_channel_body */
	char *chat_id;              /* of Telegram */
	char *proxy;                /* for the URL; a secret, too; NULL: none */
	struct v2m_strings command; /* program and arguments; empty for a URL */
	struct v2m_strings events;  /* words of v2m_event_word(); empty: all */
};

struct v2m_channels {
	struct v2m_channel *items;
	size_t count;
	size_t capacity;
};

/* Numbers in ascending order, without repetition. */
struct v2m_numbers {
	unsigned *items;
	size_t count;
	size_t capacity;
};

enum v2m_key_period {
	V2M_PERIOD_RESET, /* bytes since the key's last reset */
	V2M_PERIOD_MONTH, /* bytes in this calendar month */
};

struct v2m_notify_settings {
	char *daemon; /* the URL of v2meterd */
	char *api_key_file;
	char *state_dir;
	char *server; /* the name of this server in alerts; NULL: that of the host */
	unsigned poll_interval_s;
	unsigned timeout_s;  /* of one request or command */
	unsigned queue_max;  /* alerts in the queue of a channel */
	unsigned keep_hours; /* how long an alert is retried */
	unsigned retry_first_s;
	unsigned retry_max_s;
	uint64_t key_limit_bytes; /* for keys without a limit of their own; 0: none */
	struct v2m_numbers key_percents;
	unsigned key_period; /* enum v2m_key_period */
	struct v2m_numbers key_expiry_days;
	struct v2m_numbers budget_percents;
	bool budget_projected;
	unsigned degraded_after_s;
	unsigned unreachable_after_s;
	unsigned silent_after_min;   /* 0: silence is no alert */
	uint64_t silent_below_bytes; /* a minute */
	bool listeners;
	struct v2m_channels channels;
};

#define V2M_NOTIFY_CONFIG "/etc/v2meter/notify.json"

/* Reads a configuration file; *settings is zeros before. 0, or -errno with file, place and member
 * in *error; *settings is zeros then. */
int v2m_notify_settings_load(const char *path, struct v2m_notify_settings *settings,
			     struct v2m_error *error);
void v2m_notify_settings_clear(struct v2m_notify_settings *settings);
/* As JSON without secrets, malloc'd. NULL: out of memory. */
char *v2m_notify_settings_dump(const struct v2m_notify_settings *settings);

/* Whether the channel gets events with that word. */
bool v2m_channel_takes(const struct v2m_channel *channel, const char *event);

#endif
