// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/subjects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* FNV-1a, 64 bits. The names are the operator's own. */
static uint64_t hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325u;

	for (; *text; text++)
		value = (value ^ (unsigned char)*text) * 0x100000001b3u;
	return value;
}

/* Where the subject is, or where it would go. The table has a free place. */
static struct v2m_subject **place_of(struct v2m_subject **table, size_t size, const char *id)
{
	size_t i = hash(id) & (size - 1);

	while (table[i] && strcmp(table[i]->id, id) != 0)
		i = (i + 1) & (size - 1);
	return &table[i];
}

struct v2m_subject *v2m_subjects_find(const struct v2m_subjects *subjects, const char *id)
{
	return subjects->table ? *place_of(subjects->table, subjects->size, id) : NULL;
}

static int grow(struct v2m_subjects *subjects)
{
	size_t size = subjects->size ? 2 * subjects->size : 64;
	struct v2m_subject **table = calloc(size, sizeof(struct v2m_subject *));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < subjects->size; i++)
		if (subjects->table[i])
			*place_of(table, size, subjects->table[i]->id) = subjects->table[i];
	free(subjects->table);
	subjects->table = table;
	subjects->size = size;
	return 0;
}

int v2m_subjects_insert(struct v2m_subjects *subjects, const struct v2m_subject *model,
			struct v2m_subject **subject)
{
	V2M_FREE struct v2m_subject *copy = malloc(sizeof(*copy));
	V2M_FREE char *id = strdup(model->id);
	V2M_FREE char *name = model->name ? strdup(model->name) : NULL;

	if (!copy || !id || (model->name && !name))
		return -ENOMEM;
	if (2 * (subjects->count + 1) > subjects->size && grow(subjects))
		return -ENOMEM;
	*copy = *model;
	copy->id = V2M_TAKE(id);
	copy->name = V2M_TAKE(name);
	memset(&copy->pending, 0, sizeof(copy->pending));
	*subject = V2M_TAKE(copy);
	*place_of(subjects->table, subjects->size, (*subject)->id) = *subject;
	subjects->count++;
	return 0;
}

void v2m_subjects_clear(struct v2m_subjects *subjects)
{
	for (size_t i = 0; i < subjects->size; i++) {
		struct v2m_subject *subject = subjects->table[i];

		if (!subject)
			continue;
		v2m_pending_free(&subject->pending);
		free(subject->id);
		free(subject->name);
		free(subject);
	}
	free(subjects->table);
	memset(subjects, 0, sizeof(*subjects));
}
