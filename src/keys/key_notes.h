/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Notes for a person about key sources that could be read: inbounds without a key, users that are
 * only partly counted, entries that were skipped. The log, --check and the status show the notes.
 */
#ifndef V2METER_KEYS_KEY_NOTES_H
#define V2METER_KEYS_KEY_NOTES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"
#include "json/json_doc.h"

/* Further notes are only counted: they take no memory, and the text is not walked for them. */
#define V2M_KEY_NOTES_MAX 100

enum v2m_note_kind {
	V2M_NOTE_REMARK,  /* nobody's bytes are missing */
	V2M_NOTE_MISSING, /* bytes of some user are not counted, or not all of them */
};

struct v2m_key_note {
	enum v2m_note_kind kind;
	char *file;
	unsigned line; /* 0: the whole file is meant */
	unsigned column;
	char *member; /* the way to the entry, such as "inbounds[2]"; may be "" */
	char *reason;
};

struct v2m_key_notes {
	struct v2m_key_note *items;
	size_t count;
	size_t capacity;
	size_t n_more;    /* that are not in items */
	size_t n_missing; /* of V2M_NOTE_MISSING, those that are not in items too */
};

/* Adds a note about an entry of a document, or about a whole file. A reason never shows a
 * credential. If memory runs out the note is only counted. */
void v2m_key_note(struct v2m_key_notes *notes, enum v2m_note_kind kind,
		  const struct v2m_json_node *entry, const char *format, ...) V2M_PRINTF(4, 5);
void v2m_key_note_file(struct v2m_key_notes *notes, enum v2m_note_kind kind, const char *file,
		       const char *format, ...) V2M_PRINTF(4, 5);

/* Moves all notes of other to the end. */
void v2m_key_notes_move(struct v2m_key_notes *notes, struct v2m_key_notes *other);
/* 0 or -ENOMEM; *copy is the caller's to clear either way. */
int v2m_key_notes_copy(const struct v2m_key_notes *notes, struct v2m_key_notes *copy);
void v2m_key_notes_clear(struct v2m_key_notes *notes);

/* Writes "FILE:LINE:COLUMN: MEMBER: REASON". */
#define V2M_KEY_NOTE_LEN 768
void v2m_key_note_format(const struct v2m_key_note *note, char text[static V2M_KEY_NOTE_LEN]);

#endif
