// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "api/metrics.h"

#include "base/file.h"
#include "unit/api/api_fixture.h"

/* Renders with one device and one reason. The caller frees the text. */
static char *metrics_of(struct world *world, unsigned keys_max, bool names)
{
	struct v2m_status_reason reason = { .word = "ledger_unwritable" };
	struct v2m_status_device device = {
		.name = "eth0",
		.attach = "tcx",
		.ingress = { .keys = { 3, 300 }, .fragments = { 5, 500 }, .other = { 4, 400 } },
		.queue_dropped = { 1, 70 },
		.link_rx_bytes = 900,
		.link_tx_bytes = 901,
		.repairs = 2,
		.outrun = true
	};
	struct v2m_source_entry sources[] = { { .keys = 6 }, { .error = (char *)"gone" } };
	struct v2m_access_log logs[] = { { .is_read = true },
					 { .is_read = true },
					 { .problem = (char *)"it is not there" },
					 { .kind = V2M_ACCESS_LOG_OFF } };
	const struct v2m_status status = {
		.started_us = WHEN_US - 1000000,
		.reasons = &reason,
		.n_reasons = 1,
		.keys = 6,
		.active_keys = 5,
		.sources = { .items = sources,
			     .count = 2,
			     .notes = { .n_missing = 3 },
			     .access_logs = { logs, 4, 4 } },
		.budget = { .set = true, .limit = 1000, .used = 400, .projected = 800 },
		.devices = &device,
		.n_devices = 1
	};
	const struct v2m_metrics_input input = { WHEN_US + 250000, &status, { keys_max, names } };
	struct v2m_body body = { 0 };

	assert_int_equal(v2m_api_metrics(world->snapshot, V2M_API_BYTES_WIRE, &input, &body), 0);
	assert_int_equal(body.status, 200);
	assert_int_equal(strlen(body.data), body.length);
	return body.data;
}

/* Whether the text has exactly this line. */
static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && at[length] == '\n')
			return true;
	return false;
}

static void assert_lines(struct world *world, const char *const *lines, size_t count)
{
	char *text = metrics_of(world, 100, true);

	for (size_t i = 0; i < count; i++)
		if (!has_line(text, lines[i]))
			fail_msg("no line %s in:\n%s", lines[i], text);
	free(text);
}

static void the_figures_of_keys_ports_and_devices_are_there(void **state)
{
	static const char *const lines[] = {
		"v2meter_key_bytes_total{key_id=\"key-1\",port=\"10002\",direction=\"rx\","
		"transport="
		"\"both\"} 1500",
		"v2meter_key_bytes_total{key_id=\"key-1\",port=\"10002\",direction=\"tx\","
		"transport="
		"\"both\"} 3000",
		"v2meter_key_packets_total{key_id=\"key-1\",port=\"10002\",direction=\"tx\","
		"transport=\"both\"} 2",
		"v2meter_port_unattributed_bytes_total{port=\"9002\",direction=\"rx\",transport="
		"\"both\"} 1500",
		"v2meter_port_connections{port=\"10002\",state=\"ESTAB\"} 1",
		"v2meter_port_connections{port=\"10002\",state=\"LAST-ACK\"} 1",
		"v2meter_device_bytes_total{device=\"eth0\",direction=\"rx\",class=\"keys\"} 300",
		"v2meter_device_bytes_total{device=\"eth0\",direction=\"rx\",class=\"fragments\"} "
		"500",
		"v2meter_device_packets_total{device=\"eth0\",direction=\"rx\",class=\"everything_"
		"else\"} 4",
		"v2meter_device_queue_dropped_bytes_total{device=\"eth0\"} 70",
		"v2meter_device_queue_dropped_packets_total{device=\"eth0\"} 1",
		"v2meter_device_link_bytes_total{device=\"eth0\",direction=\"rx\"} 900",
		"v2meter_device_link_bytes_total{device=\"eth0\",direction=\"tx\"} 901",
		"v2meter_device_repairs_total{device=\"eth0\"} 2",
		"v2meter_device_outrun{device=\"eth0\"} 1",
		"v2meter_device_attached{device=\"eth0\",attach=\"tcx\"} 1",
	};

	assert_lines(*state, lines, V2M_ARRAY_LEN(lines));
}

static void the_state_of_the_meter_is_there(void **state)
{
	static const char *const lines[] = {
		"v2meter_build_info{version=\"" V2M_VERSION "\"} 1",
		"v2meter_start_time_seconds 1754307938.255796",
		"v2meter_healthy 0",
		"v2meter_degraded{reason=\"ledger_unwritable\"} 1",
		"v2meter_ledger_writable 0",
		"v2meter_accounting_exact{mode=\"ebpf\"} 1",
		"v2meter_sample_timestamp_seconds 1754307939.255796",
		"v2meter_sample_age_seconds 0.250000",
		"v2meter_keys{state=\"inactive\"} 1",
		"v2meter_key_sources{state=\"good\"} 1",
		"v2meter_key_sources{state=\"broken\"} 1",
		"v2meter_key_notes 3",
		"v2meter_access_logs{state=\"followed\"} 2",
		"v2meter_access_logs{state=\"unread\"} 1",
		"v2meter_keys_omitted 0",
		"v2meter_budget_limit_bytes 1000",
		"v2meter_budget_used_bytes 400",
		"v2meter_budget_projected_bytes 800",
	};

	assert_lines(*state, lines, V2M_ARRAY_LEN(lines));
}

/* The same with the users of the shared ports told apart. */
static char *metrics_of_told_users(struct world *world)
{
	const struct v2m_slots *slots = &world->snapshot->keyset->slots;

	for (size_t i = 0; i < slots->count; i++)
		if (slots->items[i].n_keys > 1)
			world->snapshot->slots[i].attribution.method = V2M_BY_ACCESS_LOG;
	return metrics_of(world, 100, true);
}

static void bytes_of_no_key_are_a_gauge_where_users_are_told_apart(void **state)
{
	char *text = metrics_of_told_users(*state);

	assert_true(has_line(text, "v2meter_port_unattributed_bytes{port=\"9002\",direction="
				   "\"rx\",transport=\"both\"} 1500"));
	assert_null(strstr(text, "v2meter_port_unattributed_bytes_total{port=\"9002\""));
	free(text);
}

static bool has_sample(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = text; (at = strstr(at, name)); at++)
		if (at > text && at[-1] == '\n' && (at[length] == '{' || at[length] == ' '))
			return true;
	return false;
}

/* Each has a sample, too, so that one that is never told is seen here. */
static void each_metric_is_in_the_documents(void **state)
{
	static const char heading[] = "\n# TYPE ";
	char *text = metrics_of(*state, 100, true);
	char *told = metrics_of_told_users(*state);
	char *documents = NULL;
	size_t length;
	unsigned count = 0;

	assert_int_equal(v2m_read_file("../../docs/metrics.md", 1 << 20, &documents, &length), 0);
	for (const char *at = text; (at = strstr(at, heading)); count++) {
		char name[128];
		char quoted[sizeof(name) + 2];

		at += strlen(heading);
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, " "), at);
		snprintf(quoted, sizeof(quoted), "`%s`", name);
		if (!strstr(documents, quoted))
			fail_msg("docs/metrics.md does not have %s", name);
		if (!has_sample(text, name) && !has_sample(told, name))
			fail_msg("%s has no sample", name);
	}
	assert_true(count > 20);
	free(documents);
	free(told);
	free(text);
}

static void names_are_told_only_on_demand_and_escaped(void **state)
{
	struct world *world = *state;
	char **name = &world->snapshot->keyset->keys[0].name;
	char *text;

	free(*name);
	*name = strdup("a \"quote\", a \\ and\na line");
	text = metrics_of(world, 100, false);
	assert_null(strstr(text, "quote"));
	assert_null(strstr(text, "@example.com"));
	free(text);
	text = metrics_of(world, 100, true);
	assert_true(has_line(text,
			     "v2meter_key_info{key_id=\"key-0\",name=\"a \\\"quote\\\", a \\\\ "
			     "and\\na line\",active=\"true\"} 1"));
	free(text);
}

/* Metrics go into systems that many people read. */
static void no_credential_and_no_address_of_a_client_is_told(void **state)
{
	struct world *world = *state;
	struct v2m_key *keys = world->snapshot->keyset->keys;
	char *text;

	free(keys[0].id);
	keys[0].id = strdup(keys[0].uuid);
	free(keys[1].id);
	free(keys[1].uuid);
	keys[1].id = strdup("1c2d3e4f-0000-5000-8000-000000000001");
	keys[1].uuid = strdup(keys[1].id);
	text = metrics_of(world, 100, true);
	assert_null(strstr(text, "00000000-0000-4000-8000-"));
	assert_null(strstr(text, "198.51.100"));
	assert_null(strstr(text, "2001:db8"));
	/* Such an id is made of a name, and is no credential. */
	assert_non_null(strstr(text, "key_id=\"1c2d3e4f-0000-5000-8000-000000000001\""));
	free(text);
}

static void the_busiest_keys_are_chosen_if_there_are_too_many(void **state)
{
	struct world *world = *state;
	char *text;

	((struct v2m_share *)world->snapshot->keys[1].shares)->ever.rx.wire_bytes = 1u << 30;
	text = metrics_of(world, 1, true);
	assert_non_null(strstr(text, "v2meter_key_bytes_total{key_id=\"key-1\""));
	assert_null(strstr(text, "key-0"));
	assert_true(has_line(text, "v2meter_keys_omitted 5"));
	free(text);
	text = metrics_of(world, 0, true);
	assert_null(strstr(text, "key_id="));
	free(text);
}

static void bytes_of_former_ports_have_a_sample_of_their_own(void **state)
{
	struct world *world = *state;
	char *text;

	world->snapshot->keys[0].ever_elsewhere.tx.wire_bytes = 7;
	text = metrics_of(world, 100, false);
	assert_true(has_line(text,
			     "v2meter_key_bytes_total{key_id=\"key-0\",port=\"former\",direction="
			     "\"tx\",transport=\"both\"} 7"));
	free(text);
}

/* A sample of 0 would say that the key has used nothing. */
static void a_key_has_no_sample_for_a_port_that_it_shares(void **state)
{
	char *text = metrics_of(*state, 100, true);

	assert_non_null(strstr(text, "v2meter_key_info{key_id=\"shared-a\""));
	assert_null(strstr(text, "key_id=\"shared-a\",port="));
	free(text);
}

/* A reset starts the figures of the API at 0, and those of the metrics go on. */
static void a_reset_does_not_touch_the_counters(void **state)
{
	struct world *world = *state;
	char *text;

	((struct v2m_share *)world->snapshot->keys[1].shares)->since_reset =
		(struct v2m_totals){ 0 };
	world->snapshot->keys[1].since_reset = (struct v2m_totals){ 0 };
	world->snapshot->keys[1].lifetime = (struct v2m_totals){ 0 };
	text = metrics_of(world, 100, false);
	assert_non_null(strstr(text, "{key_id=\"key-1\",port=\"10002\",direction=\"rx\",transport="
				     "\"both\"} 1500\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(the_figures_of_keys_ports_and_devices_are_there),
		WORLD_TEST(the_state_of_the_meter_is_there),
		WORLD_TEST(bytes_of_no_key_are_a_gauge_where_users_are_told_apart),
		WORLD_TEST(each_metric_is_in_the_documents),
		WORLD_TEST(names_are_told_only_on_demand_and_escaped),
		WORLD_TEST(no_credential_and_no_address_of_a_client_is_told),
		WORLD_TEST(the_busiest_keys_are_chosen_if_there_are_too_many),
		WORLD_TEST(bytes_of_former_ports_have_a_sample_of_their_own),
		WORLD_TEST(a_key_has_no_sample_for_a_port_that_it_shares),
		WORLD_TEST(a_reset_does_not_touch_the_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
