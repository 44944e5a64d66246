// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the input as an access log, each line alone, and as what is left of one that was cut
 * anywhere. Customers choose parts of these lines. */
#include <stdlib.h>
#include <string.h>

#include "following/access_line.h"
#include "fuzz.h"

static void check_part(const struct v2m_access_text *part, const char *start, size_t length)
{
	FUZZ_CHECK(!part->length ||
		   (part->start >= start && part->start + part->length <= start + length));
}

static void check_line(const char *text, size_t length)
{
	struct v2m_access_line line;
	struct v2m_access_record record;

	if (v2m_access_line_parse(text, length, &line))
		return;
	check_part(&line.tags, text, length);
	check_part(&line.email, text, length);
	if (!line.accepted)
		FUZZ_CHECK(!line.tags.length && !line.email.length);
	record = v2m_access_line_record(&line, 0);
	v2m_access_record_names(&record, "in");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *end = text + size;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t length = (size_t)((newline ? newline : end) - text);

		/* A copy of that length, so that a read beyond it is found. */
		char *line = malloc(length + !length);

		memcpy(line, text, length);
		check_line(line, length);
		if (length)
			check_line(line, length / 2);
		free(line);
		text += length + 1;
	}
	return 0;
}
