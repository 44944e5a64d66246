// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/take_off.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "datapath/attach_clsact.h"
#include "datapath/attach_tcx.h"
#include "datapath/map_list.h"
#include "datapath/reassembly.h"
#include "datapath/sizes.h"
#include "base/macros.h"

int v2m_take_off(const struct v2m_pins *pins, uint32_t ifindex)
{
	int by_tcx = v2m_tcx_take_off(pins, ifindex);
	int by_clsact = v2m_clsact_take_off(pins, ifindex);

	return by_tcx ? by_tcx : by_clsact;
}

static bool is_our_pin(const char *name)
{
	for (int i = 0; i < V2M_N_MAPS; i++)
		if (strcmp(name, v2m_map_names[i]) == 0)
			return true;
	return v2m_flow_size_is_pin(name) || v2m_owner_size_is_pin(name) ||
	       v2m_reassembly_is_pin(name) || v2m_pin_ifindex(name) != 0;
}

struct names {
	char items[512][NAME_MAX + 1];
	size_t count;
	bool (*wanted)(const char *name);
};

static int collect(const char *name, void *context)
{
	struct names *names = context;

	if (names->wanted(name) && names->count < V2M_ARRAY_LEN(names->items))
		snprintf(names->items[names->count++], sizeof(names->items[0]), "%s", name);
	return 0;
}

int v2m_pins_remove(const struct v2m_pins *pins)
{
	static struct names names;
	char path[PATH_MAX];
	int result;

	do {
		names.count = 0;
		names.wanted = is_our_pin;
		result = v2m_directory_walk(pins->dir, collect, &names);
		for (size_t i = 0; i < names.count && result == 0; i++) {
			result = v2m_pin_path(pins, names.items[i], path);
			if (result == 0 && unlink(path))
				result = -errno;
		}
	} while (result == 0 && names.count == V2M_ARRAY_LEN(names.items));
	if (result == 0 && rmdir(pins->dir))
		result = -errno;
	return result;
}
