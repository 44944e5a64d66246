// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads the input as the configuration. An error names the file, a value that is taken is in its
 * range, and what
 * --check prints can be read again and is then the same.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "config/config.h"
#include "scratch.h"

static void check_error(const struct v2m_error *error, const char *path)
{
	size_t length = strlen(path);

	FUZZ_CHECK(strncmp(error->text, path, length) == 0 && error->text[length] == ':');
}

static void check_ranges(const struct v2m_config *config)
{
	size_t count;
	const struct v2m_setting *settings = v2m_config_settings(&count);

	for (size_t i = 0; i < count; i++) {
		const void *value = (const char *)config + settings[i].offset;

		if (settings[i].type == &v2m_setting_number)
			FUZZ_CHECK(*(const unsigned *)value >= settings[i].min &&
				   *(const unsigned *)value <= settings[i].max);
		if (settings[i].type == &v2m_setting_list)
			FUZZ_CHECK(((const struct v2m_strings *)value)->count >=
				   (size_t)settings[i].min);
	}
	FUZZ_CHECK(config->listen.count > 0 && *config->state_dir && *config->pin_dir == '/');
}

static void check_dump(const struct v2m_config *config)
{
	V2M_CLEANUP(v2m_config_clear) struct v2m_config again = { 0 };
	V2M_FREE char *text = v2m_config_dump(config);
	V2M_FREE char *text_again = NULL;
	struct v2m_error error = { 0 };
	const char *path;

	FUZZ_CHECK(text);
	path = scratch_file("again", text, strlen(text));
	if (v2m_config_load(path, &again, &error)) {
		fprintf(stderr, "%s\n%s\n", error.text, text);
		FUZZ_CHECK(!"what --check prints can be read");
	}
	text_again = v2m_config_dump(&again);
	FUZZ_CHECK(text_again && strcmp(text, text_again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_config_clear) struct v2m_config config = { 0 };
	const char *path = scratch_file("config", data, size);
	struct v2m_error error = { 0 };

	v2m_log_set_level(V2M_LOG_ERROR);
	if (v2m_config_load(path, &config, &error)) {
		check_error(&error, path);
		return 0;
	}
	check_ranges(&config);
	check_dump(&config);
	return 0;
}
