// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "keys/gathered.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static void clear_source(struct v2m_gathered_source *source)
{
	free(source->path);
	free(source->kind);
	free(source->error);
}

bool v2m_sources_have_auto(const struct v2m_strings *sources)
{
	for (size_t i = 0; i < sources->count; i++)
		if (strcmp(sources->items[i], V2M_SOURCE_AUTO) == 0)
			return true;
	return false;
}

int v2m_gathered_add_source(struct v2m_gathered *gathered, const char *path, const char *kind,
			    int result, const struct v2m_error *error)
{
	struct v2m_gathered_source source = {
		.path = strdup(path),
		.kind = strdup(kind),
		.result = result,
		.failure = result ? error->failure : V2M_FAILURE_OTHER,
		.error = result ? strdup(error->text) : NULL,
	};

	if (!source.path || !source.kind || (result && !source.error) ||
	    v2m_array_add(&gathered->sources, source)) {
		clear_source(&source);
		return -ENOMEM;
	}
	return 0;
}

size_t v2m_gathered_count(const struct v2m_gathered *gathered)
{
	return gathered->customers.count + gathered->clients.count + gathered->assignments.count;
}

static size_t count_spans(const struct v2m_key_list *keys, size_t from)
{
	size_t count = 0;

	for (size_t i = from; i < keys->count; i++)
		count += keys->items[i].n_spans;
	return count;
}

size_t v2m_gathered_count_spans(const struct v2m_gathered *gathered, size_t customers,
				size_t clients, size_t assignments)
{
	return count_spans(&gathered->customers, customers) +
	       count_spans(&gathered->clients, clients) +
	       count_spans(&gathered->assignments, assignments);
}

void v2m_gathered_clear(struct v2m_gathered *gathered)
{
	v2m_key_list_clear(&gathered->customers);
	v2m_key_list_clear(&gathered->clients);
	v2m_key_list_clear(&gathered->assignments);
	v2m_key_notes_clear(&gathered->notes);
	for (size_t i = 0; i < gathered->sources.count; i++)
		clear_source(&gathered->sources.items[i]);
	v2m_array_clear(&gathered->sources);
	v2m_strings_clear(&gathered->apis);
	v2m_access_logs_clear(&gathered->access_logs);
	gathered->has_auto = false;
}
