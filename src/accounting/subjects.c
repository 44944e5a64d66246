// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "accounting/subjects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static struct v2m_table_key key_of_subject(const void *element)
{
	const struct v2m_subject *subject = *(struct v2m_subject *const *)element;

	return (struct v2m_table_key){ subject->id, strlen(subject->id) };
}

static const struct v2m_table_type subjects_by_name = { sizeof(struct v2m_subject *),
							key_of_subject };

struct v2m_subject *v2m_subjects_find(const struct v2m_subjects *subjects, const char *id)
{
	struct v2m_subject **found = v2m_table_find_string(&subjects->by_name, id);

	return found ? *found : NULL;
}

int v2m_subjects_insert(struct v2m_subjects *subjects, const struct v2m_subject *model,
			struct v2m_subject **subject)
{
	V2M_FREE struct v2m_subject *copy = malloc(sizeof(*copy));
	V2M_FREE char *id = strdup(model->id);
	V2M_FREE char *name = model->name ? strdup(model->name) : NULL;

	if (!copy || !id || (model->name && !name))
		return -ENOMEM;
	*copy = *model;
	copy->id = id;
	copy->name = name;
	memset(&copy->parts, 0, sizeof(copy->parts));
	memset(&copy->pending, 0, sizeof(copy->pending));
	subjects->by_name.type = &subjects_by_name;
	if (v2m_array_reserve(&subjects->list, 1) || v2m_table_add(&subjects->by_name, &copy))
		return -ENOMEM;
	subjects->list.items[subjects->list.count++] = copy;
	V2M_TAKE(id);
	V2M_TAKE(name);
	*subject = V2M_TAKE(copy);
	return 0;
}

static void free_subject(struct v2m_subject *subject)
{
	v2m_array_clear(&subject->parts);
	v2m_pending_free(&subject->pending);
	free(subject->id);
	free(subject->name);
	free(subject);
}

void v2m_subjects_remove(struct v2m_subjects *subjects, struct v2m_subject *subject)
{
	struct v2m_subject **items = subjects->list.items;
	size_t i = 0;

	while (items[i] != subject)
		i++;
	memmove(&items[i], &items[i + 1], (--subjects->list.count - i) * sizeof(*items));
	v2m_table_remove(&subjects->by_name,
			 v2m_table_find_string(&subjects->by_name, subject->id));
	free_subject(subject);
}

void v2m_subjects_clear(struct v2m_subjects *subjects)
{
	for (size_t i = 0; i < subjects->list.count; i++)
		free_subject(subjects->list.items[i]);
	v2m_table_clear(&subjects->by_name);
	v2m_array_clear(&subjects->list);
}
