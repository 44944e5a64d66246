// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/kernel_offsets.h"

#include <bpf/btf.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"

/* SOCK_BINDPORT_LOCK of the kernel's net/sock.h: bind() asked for the port. */
#define BINDPORT_LOCK 8

/* Bits from the start of a struct to a member of it, also one in an unnamed struct or union within.
 * -1: none. */
static int64_t find_member(const struct btf *btf, int type, const char *name)
{
	const struct btf_type *outer = type > 0 ? btf__type_by_id(btf, (uint32_t)type) : NULL;
	const struct btf_member *member;

	if (!outer || !btf_is_composite(outer))
		return -1;
	member = btf_members(outer);
	for (uint32_t i = 0; i < btf_vlen(outer); i++, member++) {
		int64_t offset = btf_member_bit_offset(outer, i);
		const char *found = btf__name_by_offset(btf, member->name_off);
		int64_t inner;

		if (found && strcmp(found, name) == 0)
			return offset;
		if (found && *found)
			continue;
		inner = find_member(btf, (int)member->type, name);
		if (inner >= 0)
			return offset + inner;
	}
	return -1;
}

static void read_offsets(struct v2m_device_config *found)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int64_t conntrack;
	int64_t locks;

	if (!btf)
		return;
	conntrack =
		find_member(btf, btf__find_by_name_kind(btf, "sk_buff", BTF_KIND_STRUCT), "_nfct");
	locks = find_member(btf, btf__find_by_name_kind(btf, "sock", BTF_KIND_STRUCT),
			    "sk_userlocks");
	btf__free(btf);
	if (conntrack > 0 && conntrack / 8 <= UINT16_MAX)
		found->conntrack_offset = (uint16_t)(conntrack / 8);
		/* Bits of a field are numbered from the other end on big-endian machines. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (locks > 0 && locks / 8 <= UINT16_MAX && locks % 8 <= 4) {
		found->bound_offset = (uint16_t)(locks / 8);
		found->bound_mask = (uint8_t)(BINDPORT_LOCK << locks % 8);
	}
#else
	(void)locks;
#endif
}

void v2m_kernel_offsets_fill(struct v2m_device_config *config)
{
	static struct v2m_device_config found;
	static bool was_read;

	if (!was_read) {
		read_offsets(&found);
		v2m_log_debug("the kernel's offsets: conntrack %u, bound %u (%#x)",
			      found.conntrack_offset, found.bound_offset, found.bound_mask);
	}
	was_read = true;
	config->conntrack_offset = found.conntrack_offset;
	config->bound_offset = found.bound_offset;
	config->bound_mask = found.bound_mask;
}
