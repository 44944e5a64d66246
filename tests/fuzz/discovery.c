// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the input as the command line of a proxy, as the kernel's lists of sockets, in which every
 * user of the host can choose names, and as Marzban's file of settings. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "discovery/command_line.h"
#include "discovery/listening.h"
#include "keys/formats/marzban_env.h"
#include "scratch.h"

static void read_command_line(const uint8_t *data, size_t size)
{
	V2M_CLEANUP(v2m_strings_clear) struct v2m_strings configs = { 0 };
	/* A copy of that length, so that a read beyond it is found. */
	V2M_FREE char *text = malloc(size + !size);

	memcpy(text, data, size);
	FUZZ_CHECK(v2m_command_line_configs(text, size, &configs) == 0);
	for (size_t i = 0; i < configs.count; i++)
		FUZZ_CHECK(configs.items[i][0] == '/' && v2m_is_utf8(configs.items[i]) &&
			   !strpbrk(configs.items[i], "\n\r\t\x1b"));
}

static void read_lists(const uint8_t *data, size_t size)
{
	static const char *const lists[] = { "net/tcp", "net/tcp6", "net/unix" };
	uint64_t numbers[] = { 207, 107 };
	const struct v2m_inodes inodes = { .items = numbers, .count = 2 };
	struct v2m_proxy_listeners listeners = { 0 };
	char path[80];

	snprintf(path, sizeof(path), "%s/net", scratch());
	mkdir(path, 0700);
	for (size_t i = 0; i < 3; i++)
		scratch_file(lists[i], data, size);
	FUZZ_CHECK(v2m_listening_find(scratch(), &inodes, NULL, &listeners) == 0);
	FUZZ_CHECK(listeners.count <= V2M_PROXY_LISTENERS_MAX);
	for (size_t i = 0; i < listeners.count; i++) {
		struct v2m_proxy_listener *listener = &listeners.items[i];

		FUZZ_CHECK(strncmp(listener->source, "xray-api", 8) == 0 &&
			   v2m_is_utf8(listener->source));
		FUZZ_CHECK(listener->inode == 107 || listener->inode == 207);
		free(listener->source);
	}
	free(listeners.items);
}

static void read_env(const uint8_t *data, size_t size)
{
	V2M_FREE char *text = malloc(size + 1);
	V2M_FREE char *value = NULL;

	memcpy(text, data, size);
	text[size] = 0;
	value = v2m_marzban_env_find(text, "XRAY_EXCLUDE_INBOUND_TAGS");
	FUZZ_CHECK(!value || !strchr(value, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_command_line(data, size);
	read_lists(data, size);
	read_env(data, size);
	return 0;
}
