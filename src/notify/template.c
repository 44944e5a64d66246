// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify/template.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

#define CUT "\n..."

/* A message under construction. */
struct message {
	char text[V2M_TELEGRAM_MAX + 1];
	size_t length;
	size_t max; /* bytes of the text */
	bool full;
};

/* Adds the bytes or none of them: an escaped character is never cut. */
static void add_bytes(struct message *message, const char *bytes, size_t length)
{
	if (message->full || message->length + length > message->max) {
		message->full = true;
		return;
	}
	memcpy(message->text + message->length, bytes, length);
	message->length += length;
	message->text[message->length] = 0;
}

static void add(struct message *message, const char *text)
{
	add_bytes(message, text, strlen(text));
}

/* HTML as Telegram reads it: https://core.telegram.org/bots/api#html-style. Telegram takes words
 * after some characters for mentions, tags and commands in any text; a word joiner (U+2060) between
 * them prevents that. */
static const char *escape_html(char character, char buffer[static 8])
{
	(void)buffer;
	switch (character) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '@':
		return "@\xe2\x81\xa0";
	case '#':
		return "#\xe2\x81\xa0";
	case '/':
		return "/\xe2\x81\xa0";
	default:
		return NULL;
	}
}

/* Markdown as Discord reads it takes a backslash before any punctuation. */
static const char *escape_markdown(char character, char buffer[static 8])
{
	if (!strchr("\\*_~`|>#-[]()<@:!&+", character))
		return NULL;
	snprintf(buffer, 8, "\\%c", character);
	return buffer;
}

static void add_escaped(struct message *message, const char *text,
			const char *(*escape)(char character, char buffer[static 8]))
{
	char buffer[8];

	while (*text && !message->full) {
		size_t length = v2m_utf8_decode(text, NULL);
		const char *escaped = length == 1 && *text != '\n' ? escape(*text, buffer) : NULL;

		if (escaped)
			add(message, escaped);
		else if (length)
			add_bytes(message, text, length);
		else
			add(message, "?");
		text += length ? length : 1;
	}
}

static const char *member(const json_t *event, const char *name)
{
	const char *text = json_string_value(json_object_get(event, name));

	return text ? text : "";
}

/* open and close are the marks of a bold text. */
static void write_message(struct message *message, const json_t *event, const char *open,
			  const char *close,
			  const char *(*escape)(char character, char buffer[static 8]))
{
	const size_t max = message->max;

	/* The marks always fit, and so does the sign that something was cut. */
	message->max -= strlen(close) + strlen(CUT);
	add(message, open);
	add_escaped(message, member(event, "server"), escape);
	add(message, ": ");
	add_escaped(message, member(event, "title"), escape);
	if (message->full) {
		message->full = false;
		message->max = max;
		add(message, close);
		add(message, CUT);
		return;
	}
	message->max += strlen(close);
	add(message, close);
	add(message, "\n");
	add_escaped(message, member(event, "text"), escape);
	message->max = max;
	if (message->full) {
		message->full = false;
		add(message, CUT);
	}
}

static json_t *make_telegram(const struct v2m_channel *channel, const json_t *event)
{
	struct message message = { .max = V2M_TELEGRAM_MAX };

	write_message(&message, event, "<b>", "</b>", escape_html);
	return json_pack("{ss ss ss sb}", "chat_id", channel->chat_id, "text", message.text,
			 "parse_mode", "HTML", "disable_web_page_preview", 1);
}

/* No mention may reach anybody, whatever a key is called. */
static json_t *make_discord(const json_t *event)
{
	struct message message = { .max = V2M_DISCORD_MAX };

	write_message(&message, event, "**", "**", escape_markdown);
	return json_pack("{ss s{s[]}}", "content", message.text, "allowed_mentions", "parse");
}

char *v2m_template_render(const struct v2m_channel *channel, const json_t *event)
{
	json_t *body = NULL;
	char *text;

	if (channel->body == V2M_BODY_JSON)
		return json_dumps(event, JSON_COMPACT);
	body = channel->body == V2M_BODY_TELEGRAM ? make_telegram(channel, event)
						  : make_discord(event);
	text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	return text;
}
