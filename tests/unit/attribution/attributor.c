// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines of an access log find the owners of flows. */
#include "unit/fixture.h"

#include <netinet/in.h>

#include "attribution/attributor.h"
#include "following/access_line.h"

#define MONO_NS UINT64_C(100000000000000)
#define NOW_US  INT64_C(1795824000000000) /* 2026-11-28 00:00:00 UTC */
#define HOUR_US INT64_C(3600000000)

struct state {
	struct v2m_attributor *attributor;
	struct v2m_keyset *keyset;
	struct v2m_label *labels;
	int64_t offset_us; /* of the log */
};

/* alice and bob on port 443. */
static int setup(void **context)
{
	struct state *state = calloc(1, sizeof(*state));
	const struct key_on keys[] = {
		{ .uuid = "alice", .spans = { { 443, 443, V2M_TCP, false, 0 } } },
		{ .uuid = "bob", .spans = { { 443, 443, V2M_TCP, false, 0 } } }
	};
	uint32_t *owners;
	size_t count;

	state->attributor = v2m_attributor_new();
	state->offset_us = V2M_NO_LOG_OFFSET;
	state->keyset = keyset_on(keys, 2);
	for (size_t i = 0; i < 2; i++)
		v2m_key_add_email(&state->keyset->keys[i], state->keyset->keys[i].uuid);
	assert_int_equal(v2m_attributor_set_keys(state->attributor, state->keyset), 0);
	v2m_attributor_rules(state->attributor, &count, &owners);
	assert_int_equal(count, 2);
	owners[0] = 1;
	owners[1] = 2;
	*context = state;
	return 0;
}

static int teardown(void **context)
{
	struct state *state = *context;

	v2m_attributor_free(state->attributor);
	v2m_keyset_unref(state->keyset);
	free(state);
	return 0;
}

static void take(struct state *state, const char *line)
{
	struct v2m_access_line parsed;
	struct v2m_access_record record;

	assert_int_equal(v2m_access_line_parse(line, strlen(line), &parsed), 0);
	record = v2m_access_line_record(&parsed, state->offset_us);
	v2m_attributor_take_line(state->attributor, &record);
}

/* Plans for one flow of 192.0.2.2:5000 that began so long ago. Returns how many labels. */
static int plan_flow(struct state *state, int64_t age_us, struct v2m_flow_state flow_state)
{
	struct v2m_flow_entry flow = {
		.key = { .port = 443, .remote_port = 5000, .protocol = IPPROTO_TCP },
		.state = flow_state,
	};
	const struct v2m_moment now = { .mono_ns = MONO_NS, .real_us = NOW_US };

	memcpy(flow.key.remote, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\2", 16);
	flow.state.began_ns = now.mono_ns - (uint64_t)age_us * 1000;
	return v2m_attributor_plan(state->attributor, &flow, 1, &now, &state->labels);
}

/* The same for a connection whose handshake was seen. */
static int plan(struct state *state, int64_t age_us)
{
	return plan_flow(state, age_us, (struct v2m_flow_state){ .answered = 1 });
}

#define LINE(time, name)                                                                           \
	"2026/11/" time " from tcp:192.0.2.2:5000 accepted tcp:a:80 [in] email: " name

static void a_line_labels_the_flow_of_its_client(void **context)
{
	struct v2m_named_slots named = { 0 };
	struct state *state = *context;

	take(state, LINE("27 23:59:59", "bob"));
	assert_int_equal(plan(state, 2000000), 1);
	assert_int_equal(state->labels[0].owner, 2);
	assert_int_equal(state->labels[0].began_ns, MONO_NS - 2000000000);
	assert_true(v2m_attributor_take_named(state->attributor, &named));
	assert_true(v2m_named_slots_get(&named, 443, false));
	assert_false(v2m_attributor_take_named(state->attributor, &named));
}

static void a_line_of_an_earlier_flow_with_the_same_addresses_is_passed_over(void **context)
{
	struct state *state = *context;

	/* The proxy is three hours ahead of UTC. */
	state->offset_us = 3 * HOUR_US;
	take(state, LINE("28 02:50:00", "alice"));
	take(state, LINE("28 02:59:58", "bob"));
	assert_int_equal(plan(state, 5000000), 1);
	assert_int_equal(state->labels[0].owner, 2);
	/* Both are of a flow that is older than they are: the kernel is told of both. */
	take(state, LINE("28 02:50:00", "alice"));
	take(state, LINE("28 02:59:58", "bob"));
	assert_int_equal(plan(state, HOUR_US), 2);
}

static void the_last_line_names_a_connection_that_was_open_before(void **context)
{
	struct state *state = *context;
	const struct v2m_flow_state bobs = { .owner = 2 };
	const struct v2m_flow_state open = { .tx = { 1, 66, 0 } };

	state->offset_us = 0;
	/* Another connection had these addresses before. */
	take(state, LINE("27 22:00:00", "alice"));
	take(state, LINE("27 23:00:00", "bob"));
	assert_int_equal(plan_flow(state, 1000000, open), 1);
	assert_int_equal(state->labels[0].owner, 2);
	/* The lines are read again. */
	take(state, LINE("27 22:00:00", "alice"));
	take(state, LINE("27 23:00:00", "bob"));
	assert_int_equal(plan_flow(state, 60000000, bobs), 0);
	/* Lines of the time that the flow has seen are a dispute. */
	take(state, LINE("27 23:59:58", "alice"));
	take(state, LINE("27 23:59:59", "bob"));
	assert_int_equal(plan_flow(state, 60000000, open), 2);
	/* A SYN that nobody has answered may stand beside the flow of a connection. */
	take(state, LINE("27 22:00:00", "alice"));
	assert_int_equal(plan_flow(state, 1000000, (struct v2m_flow_state){ 0 }), 0);
}

static size_t unknown_of(struct state *state, struct v2m_flow_state flow)
{
	plan_flow(state, 1000000, flow);
	return v2m_attributor_unknown(state->attributor);
}

static void a_connection_that_no_line_names_and_nobody_saw_begin_is_unknown(void **context)
{
	struct state *state = *context;
	const struct v2m_flow sent = { 10, 1000, 800 };

	assert_int_equal(unknown_of(state, (struct v2m_flow_state){ .tx = sent }), 1);
	/* Its line may still come; somebody has it; and the server has sent no data. */
	assert_int_equal(unknown_of(state, (struct v2m_flow_state){ .tx = sent, .answered = 1 }),
			 0);
	assert_int_equal(unknown_of(state, (struct v2m_flow_state){ .tx = sent, .owner = 1 }), 0);
	assert_int_equal(unknown_of(state, (struct v2m_flow_state){ .rx = sent }), 0);
	take(state, LINE("27 22:00:00", "alice"));
	assert_int_equal(unknown_of(state, (struct v2m_flow_state){ .tx = sent }), 0);
	/* A user whose key was removed, until the keys change again. */
	take(state, LINE("27 22:00:00", "mallory"));
	assert_int_equal(unknown_of(state, (struct v2m_flow_state){ .tx = sent }), 0);
	assert_int_equal(unknown_of(state, (struct v2m_flow_state){ .tx = sent }), 0);
	assert_int_equal(v2m_attributor_set_keys(state->attributor, state->keyset), 0);
	assert_int_equal(unknown_of(state, (struct v2m_flow_state){ .tx = sent }), 1);
}

static unsigned gaps_of(struct state *state, const char *line)
{
	take(state, line);
	/* It is tried twice. */
	assert_int_equal(plan(state, 1000000), 0);
	assert_int_equal(plan(state, 1000000), 0);
	return v2m_attributor_take_gaps(state->attributor);
}

static void a_user_whose_address_has_no_connection_is_hidden_by_a_proxy_in_front(void **context)
{
	struct state *state = *context;

	state->offset_us = 0;
	assert_int_equal(
		gaps_of(state, "2026/11/27 23:59:59 from 198.51.100.7:1 accepted a [i] email: bob"),
		1u << V2M_GAP_HIDDEN);
	/* X-Forwarded-For has no port, and a customer may write anything into it. */
	assert_int_equal(
		gaps_of(state, "2026/11/27 23:59:59 from 198.51.100.7:0 accepted a [i] email: bob"),
		1u << V2M_GAP_HIDDEN);
	assert_int_equal(
		gaps_of(state, "2026/11/27 23:59:59 from 127.0.0.1:0 accepted a [i] email: bob"),
		1u << V2M_GAP_HIDDEN);
	/* An old line, a user of no key, no user, and this host itself. */
	assert_int_equal(
		gaps_of(state, "2026/11/27 23:50:00 from 198.51.100.7:1 accepted a [i] email: bob"),
		0);
	assert_int_equal(
		gaps_of(state, "2026/11/27 23:59:59 from 198.51.100.7:1 accepted a [i] email: x"),
		0);
	assert_int_equal(gaps_of(state, "2026/11/27 23:59:59 from 198.51.100.7:1 accepted a [i]"),
			 0);
	assert_int_equal(
		gaps_of(state, "2026/11/27 23:59:59 from 127.0.0.1:1 accepted a [i] email: bob"),
		0);
	assert_int_equal(
		gaps_of(state, "2026/11/27 23:59:59 from [::1]:1 accepted a [i] email: bob"), 0);
	/* A line that is read again for new keys: its connection may have ended before. */
	v2m_attributor_note_again(state->attributor, NOW_US);
	assert_int_equal(
		gaps_of(state, "2026/11/27 23:59:59 from 198.51.100.7:1 accepted a [i] email: bob"),
		0);
}

/* A packet from port 0 makes a flow that such a line would find. */
static void an_address_without_a_port_names_no_flow(void **context)
{
	struct state *state = *context;
	struct v2m_flow_entry flow = { .key = { .port = 443, .protocol = IPPROTO_TCP } };
	const struct v2m_moment now = { .real_us = NOW_US };

	memcpy(flow.key.remote, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\7", 16);
	state->offset_us = 0;
	take(state, "2026/11/27 23:59:59 from 198.51.100.7:0 accepted a [i] email: bob");
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			v2m_attributor_plan(state->attributor, &flow, 1, &now, &state->labels), 0);
	assert_int_equal(v2m_attributor_take_gaps(state->attributor), 1u << V2M_GAP_HIDDEN);
}

/* A proxy has written more than is read at once. */
static void a_flow_lacks_no_line_while_lines_are_not_read_yet(void **context)
{
	const struct v2m_flow sent = { .packets = 1000, .payload_bytes = 2000000 };
	const struct v2m_flow_state large = { .answered = 1, .tx = sent };
	struct state *state = *context;

	v2m_attributor_note_named(state->attributor, 443, IPPROTO_TCP);
	v2m_attributor_note_lag(state->attributor, true);
	assert_int_equal(plan_flow(state, 20000000, large), 0);
	assert_int_equal(v2m_attributor_take_gaps(state->attributor), 0);
	v2m_attributor_note_lag(state->attributor, false);
	/* Its line is the last one. */
	take(state, LINE("27 23:59:59", "bob"));
	assert_int_equal(plan_flow(state, 20000000, large), 1);
	assert_int_equal(v2m_attributor_take_gaps(state->attributor), 0);
	assert_int_equal(plan_flow(state, 20000000, large), 0);
	assert_int_equal(v2m_attributor_take_gaps(state->attributor), 1u << V2M_GAP_NAMELESS_TCP);
}

static void a_user_who_has_a_port_alone_is_not_hidden(void **context)
{
	const struct key_on keys[] = {
		{ .uuid = "alice", .spans = { { 443, 443, V2M_TCP, false, 0 } } },
		{ .uuid = "bob",
		  .spans = { { 443, 443, V2M_TCP, false, 0 }, { 8443, 8443, V2M_TCP, false, 0 } } }
	};
	struct v2m_keyset *keyset = keyset_on(keys, 2);
	struct state *state = *context;

	for (size_t i = 0; i < 2; i++)
		v2m_key_add_email(&keyset->keys[i], keyset->keys[i].uuid);
	state->offset_us = 0;
	assert_int_equal(v2m_attributor_set_keys(state->attributor, keyset), 0);
	v2m_keyset_unref(keyset);
	/* The line may be about port 8443, whose connections have no flows. */
	assert_int_equal(
		gaps_of(state, "2026/11/27 23:59:59 from 198.51.100.7:1 accepted a [i] email: bob"),
		0);
	assert_int_equal(
		gaps_of(state,
			"2026/11/27 23:59:59 from 198.51.100.7:1 accepted a [i] email: alice"),
		1u << V2M_GAP_HIDDEN);
}

static void a_connection_by_a_published_port_is_hidden(void **context)
{
	struct state *state = *context;
	struct v2m_flow_entry flow = {
		.key = { .port = 8443, .remote_port = 5000, .protocol = IPPROTO_TCP }
	};
	const struct v2m_moment now = { .real_us = NOW_US };

	memcpy(flow.key.remote, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\2", 16);
	take(state, LINE("28 00:00:00", "bob"));
	assert_int_equal(v2m_attributor_plan(state->attributor, &flow, 1, &now, &state->labels), 0);
	assert_int_equal(v2m_attributor_take_gaps(state->attributor), 1u << V2M_GAP_HIDDEN);
}

static void a_line_without_a_zone_is_believed(void **context)
{
	struct state *state = *context;

	take(state, LINE("27 12:00:00", "alice"));
	assert_int_equal(plan(state, 1000000), 1);
}

static void a_user_that_no_key_has_names_nothing(void **context)
{
	struct v2m_named_slots named = { 0 };
	struct state *state = *context;

	take(state, LINE("28 00:00:00", "mallory"));
	assert_int_equal(plan(state, 1000000), 0);
	assert_false(v2m_attributor_take_named(state->attributor, &named));
}

static void a_line_that_several_keys_may_have_written_is_a_gap(void **context)
{
	struct state *state = *context;
	struct v2m_key *keys = state->keyset->keys;

	assert_int_equal(gaps_of(state, LINE("28 00:00:00", "carol")), 0);
	v2m_key_add_email(&keys[0], "carol");
	v2m_key_add_email(&keys[1], "carol");
	assert_int_equal(v2m_attributor_set_keys(state->attributor, state->keyset), 0);
	assert_int_equal(gaps_of(state, LINE("28 00:00:00", "carol")), 1u << V2M_GAP_DISPUTED);
	/* All keys have emails, so a line without one is of none of them. */
	assert_int_equal(gaps_of(state, "2026/11/28 00:00:00 192.0.2.2:5000 accepted tcp:a:1 [o]"),
			 0);
	v2m_strings_clear(&keys[0].emails);
	assert_int_equal(v2m_attributor_set_keys(state->attributor, state->keyset), 0);
	assert_int_equal(gaps_of(state, "2026/11/28 00:00:00 192.0.2.2:5000 accepted tcp:a:1 [o]"),
			 1u << V2M_GAP_DISPUTED);
}

static void a_label_that_was_set_is_a_session(void **context)
{
	struct state *state = *context;
	size_t count;
	uint32_t *owners;

	take(state, LINE("28 00:00:00", "bob"));
	assert_int_equal(plan(state, 1000000), 1);
	state->labels[0].result = V2M_LABEL_DONE;
	v2m_attributor_note_results(state->attributor, state->labels, 1);
	owners = v2m_attributor_take_sessions(state->attributor, &count);
	assert_int_equal(count, 1);
	assert_int_equal(owners[0], 2);
	free(owners);
	free(v2m_attributor_take_sessions(state->attributor, &count));
	assert_int_equal(count, 0);
}

static void a_label_that_could_not_be_set_is_a_gap(void **context)
{
	struct v2m_label labels[] = { { .owner = 1, .result = V2M_LABEL_DISPUTED },
				      { .owner = 1, .result = V2M_LABEL_FULL } };
	struct state *state = *context;
	size_t count;

	v2m_attributor_note_results(state->attributor, &labels[0], 1);
	assert_int_equal(v2m_attributor_take_gaps(state->attributor), 1u << V2M_GAP_DISPUTED);
	v2m_attributor_note_results(state->attributor, &labels[1], 1);
	assert_int_equal(v2m_attributor_take_gaps(state->attributor), 1u << V2M_GAP_FULL);
	free(v2m_attributor_take_sessions(state->attributor, &count));
	assert_int_equal(count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_labels_the_flow_of_its_client),
		TEST(a_line_of_an_earlier_flow_with_the_same_addresses_is_passed_over),
		TEST(the_last_line_names_a_connection_that_was_open_before),
		TEST(a_connection_that_no_line_names_and_nobody_saw_begin_is_unknown),
		TEST(a_user_whose_address_has_no_connection_is_hidden_by_a_proxy_in_front),
		TEST(an_address_without_a_port_names_no_flow),
		TEST(a_flow_lacks_no_line_while_lines_are_not_read_yet),
		TEST(a_user_who_has_a_port_alone_is_not_hidden),
		TEST(a_connection_by_a_published_port_is_hidden),
		TEST(a_line_without_a_zone_is_believed),
		TEST(a_user_that_no_key_has_names_nothing),
		TEST(a_line_that_several_keys_may_have_written_is_a_gap),
		TEST(a_label_that_was_set_is_a_session),
		TEST(a_label_that_could_not_be_set_is_a_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
