// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "datapath/map_list.h"

/* Pinned maps of earlier builds carry this hash. If it changes, these maps are not taken over as
 * they are: change the value here only together with the layout of a map. */
static void the_layout_has_the_hash_of_earlier_builds(void **state)
{
	(void)state;
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	skip(); /* the hash covers the bytes of numbers */
#endif
	assert_true(v2m_abi_hash() == UINT64_C(0x22c9c0e9efd200c8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_layout_has_the_hash_of_earlier_builds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
