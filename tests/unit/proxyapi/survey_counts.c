// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What makes a survey ask for all users. */
#include "unit/proxyapi/survey_fixture.h"

static void publish_count(struct scene *scene, char count)
{
	const char message[] = { 8, count };

	server_answer(scene->server, COUNT "in", message, sizeof(message), 0);
}

static void all_users_are_asked_for_if_their_number_changes_or_after_some_time(void **state)
{
	struct scene *scene = *state;

	v2m_survey_set_quick(scene->survey, 0);
	v2m_survey_set_age(scene->survey, second_ns);
	publish_one_inbound(scene);
	publish_count(scene, 1);
	assert_int_equal(ask(scene), 1);
	/* The number was not known at the first question. */
	assert_int_equal(ask(scene), 0);
	PUBLISH(scene, "in", { BOB, "bob" });
	assert_int_equal(ask(scene), 0);
	assert_keys(scene, "alice@443");
	publish_count(scene, 2);
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "bob@443");
	PUBLISH(scene, "in", { ALICE, "alice" }, { BOB, "bob" });
	assert_int_equal(ask(scene), 0);
	v2m_survey_set_age(scene->survey, 0);
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "alice@443 bob@443");
}

/* A panel that changes a user removes him and adds him again: the number stays the same. */
static void a_user_in_place_of_another_one_is_seen_at_once_if_the_list_is_short(void **state)
{
	struct scene *scene = *state;

	publish_one_inbound(scene);
	publish_count(scene, 1);
	assert_int_equal(ask(scene), 1);
	assert_int_equal(ask(scene), 0);
	PUBLISH(scene, "in", { BOB, "bob" });
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "bob@443");
}

/* While the list is short, the number goes there and back unseen. */
static void a_list_that_becomes_long_is_compared_with_no_old_number(void **state)
{
	struct scene *scene = *state;

	v2m_survey_set_quick(scene->survey, 0);
	v2m_survey_set_age(scene->survey, second_ns);
	publish_one_inbound(scene);
	publish_count(scene, 1);
	assert_int_equal(ask(scene), 1);
	assert_int_equal(ask(scene), 0);
	v2m_survey_set_quick(scene->survey, UINT64_MAX);
	PUBLISH(scene, "in", { ALICE, "alice" }, { BOB, "bob" });
	publish_count(scene, 2);
	assert_int_equal(ask(scene), 1);
	v2m_survey_set_quick(scene->survey, 0);
	PUBLISH(scene, "in", { CAROL, "carol" });
	publish_count(scene, 1);
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "carol@443");
}

static void an_inbound_that_is_new_or_gone_is_seen_at_once(void **state)
{
	struct scene *scene = *state;
	V2mPb__User *users[] = { user_of(BOB, "bob") };

	v2m_survey_set_quick(scene->survey, 0);
	v2m_survey_set_age(scene->survey, second_ns);
	publish_one_inbound(scene);
	publish_count(scene, 1);
	assert_int_equal(ask(scene), 1);
	assert_int_equal(ask(scene), 0);
	add_inbound(scene, "two", receiver_at(8443, 8443), vless_with(users, 1));
	publish_list(scene);
	PUBLISH(scene, "two", { BOB, "bob" });
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "alice@443 bob@8443");
}

/* A proxy that was restarted may have other users in the same number. */
static void a_restart_is_a_reason_to_ask_for_all_users(void **state)
{
	struct scene *scene = *state;

	v2m_survey_set_quick(scene->survey, 0);
	v2m_survey_set_grace(scene->survey, 0);
	publish_one_inbound(scene);
	publish_count(scene, 1);
	assert_int_equal(ask(scene), 1);
	assert_int_equal(ask(scene), 0);
	server_misbehave(scene->server, FAULT_DIES);
	assert_true(ask(scene) < 0);
	server_misbehave(scene->server, FAULT_NONE);
	PUBLISH(scene, "in", { BOB, "bob" });
	assert_int_equal(ask(scene), 1);
	assert_keys(scene, "bob@443");
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(all_users_are_asked_for_if_their_number_changes_or_after_some_time),
		WITH_SERVER(a_user_in_place_of_another_one_is_seen_at_once_if_the_list_is_short),
		WITH_SERVER(a_list_that_becomes_long_is_compared_with_no_old_number),
		WITH_SERVER(an_inbound_that_is_new_or_gone_is_seen_at_once),
		WITH_SERVER(a_restart_is_a_reason_to_ask_for_all_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
