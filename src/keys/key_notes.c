// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/key_notes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

#define REASON_LEN 512

static void clear_note(struct v2m_key_note *note)
{
	free(note->file);
	free(note->member);
	free(note->reason);
}

static int add(struct v2m_key_notes *notes, const struct v2m_key_note *note)
{
	struct v2m_key_note copy = *note;

	copy.file = strdup(note->file);
	copy.member = strdup(note->member);
	copy.reason = strdup(note->reason);
	if (!copy.file || !copy.member || !copy.reason || v2m_array_add(notes, copy)) {
		clear_note(&copy);
		return -ENOMEM;
	}
	return 0;
}

/* A reason that is too long ends behind a character. */
V2M_PRINTF(2, 0)
static void write_reason(char reason[static REASON_LEN], const char *format, va_list arguments)
{
	if (vsnprintf(reason, REASON_LEN, format, arguments) >= REASON_LEN)
		reason[v2m_utf8_cut(reason, REASON_LEN - 2)] = 0;
}

static bool is_full(struct v2m_key_notes *notes, enum v2m_note_kind kind)
{
	notes->n_missing += kind == V2M_NOTE_MISSING;
	if (notes->count < V2M_KEY_NOTES_MAX)
		return false;
	notes->n_more++;
	return true;
}

void v2m_key_note(struct v2m_key_notes *notes, enum v2m_note_kind kind,
		  const struct v2m_json_node *entry, const char *format, ...)
{
	struct v2m_key_note note = { .kind = kind, .file = entry->doc->path };
	char member[V2M_JSON_PATH_LEN];
	char reason[REASON_LEN];
	struct v2m_place place;
	va_list arguments;

	if (is_full(notes, kind))
		return;
	va_start(arguments, format);
	write_reason(reason, format, arguments);
	va_end(arguments);
	v2m_json_node_path(entry, member);
	place = v2m_json_node_place(entry);
	note.line = place.line;
	note.column = place.column;
	note.member = member;
	note.reason = reason;
	notes->n_more += add(notes, &note) != 0;
}

void v2m_key_note_file(struct v2m_key_notes *notes, enum v2m_note_kind kind, const char *file,
		       const char *format, ...)
{
	char member[] = "";
	struct v2m_key_note note = { .kind = kind, .file = (char *)file, .member = member };
	char reason[REASON_LEN];
	va_list arguments;

	if (is_full(notes, kind))
		return;
	va_start(arguments, format);
	write_reason(reason, format, arguments);
	va_end(arguments);
	note.reason = reason;
	notes->n_more += add(notes, &note) != 0;
}

void v2m_key_notes_move(struct v2m_key_notes *notes, struct v2m_key_notes *other)
{
	for (size_t i = 0; i < other->count; i++) {
		if (notes->count < V2M_KEY_NOTES_MAX && !v2m_array_add(notes, other->items[i]))
			continue;
		clear_note(&other->items[i]);
		notes->n_more++;
	}
	notes->n_more += other->n_more;
	notes->n_missing += other->n_missing;
	v2m_array_clear(other);
	*other = (struct v2m_key_notes){ 0 };
}

int v2m_key_notes_copy(const struct v2m_key_notes *notes, struct v2m_key_notes *copy)
{
	*copy = (struct v2m_key_notes){ .n_more = notes->n_more, .n_missing = notes->n_missing };
	for (size_t i = 0; i < notes->count; i++)
		if (add(copy, &notes->items[i]))
			return -ENOMEM;
	return 0;
}

void v2m_key_notes_clear(struct v2m_key_notes *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		clear_note(&notes->items[i]);
	v2m_array_clear(notes);
	*notes = (struct v2m_key_notes){ 0 };
}

void v2m_key_note_format(const struct v2m_key_note *note, char text[static V2M_KEY_NOTE_LEN])
{
	const char *separator = *note->member ? ": " : "";

	if (note->line)
		snprintf(text, V2M_KEY_NOTE_LEN, "%s:%u:%u: %s%s%s", note->file, note->line,
			 note->column, note->member, separator, note->reason);
	else
		snprintf(text, V2M_KEY_NOTE_LEN, "%s: %s%s%s", note->file, note->member, separator,
			 note->reason);
}
