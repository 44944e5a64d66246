// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collector/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"

/* What is told while these two hold, which may be the same. */
static struct v2m_health tell(struct v2m_conditions *conditions, int one, int other)
{
	struct v2m_health health;

	v2m_conditions_set(conditions, (enum v2m_condition)one, NULL);
	v2m_conditions_set(conditions, (enum v2m_condition)other, NULL);
	v2m_conditions_tell(conditions, &health, NULL);
	v2m_conditions_clear(conditions, (enum v2m_condition)one);
	v2m_conditions_clear(conditions, (enum v2m_condition)other);
	return health;
}

/* GET /health answers 503 with the first reason: it has to be one for which answers are refused. */
static void a_refusal_is_explained_by_what_refuses(void **state)
{
	int pulse_fd;
	struct v2m_pulse *pulse = v2m_pulse_new(1000, &pulse_fd);
	struct v2m_conditions *conditions;

	(void)state;
	v2m_log_set_level(V2M_LOG_ERROR);
	assert_non_null(pulse);
	conditions = v2m_conditions_new(pulse);
	assert_non_null(conditions);
	for (int one = 0; one < V2M_N_CONDITIONS; one++)
		for (int other = 0; other < V2M_N_CONDITIONS; other++) {
			struct v2m_health alone = tell(conditions, one, one);
			struct v2m_health both = tell(conditions, one, other);

			if (!both.can_serve && strcmp(both.reason, alone.reason) == 0)
				assert_false(alone.can_serve);
			if (!alone.can_serve)
				assert_false(both.can_serve);
		}
	v2m_conditions_free(conditions);
	v2m_pulse_unmap(pulse);
	close(pulse_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_is_explained_by_what_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
