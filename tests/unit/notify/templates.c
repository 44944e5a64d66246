// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "notify/event.h"
#include "notify/template.h"

static json_t *render(unsigned body, const char *title, const char *text)
{
	struct v2m_channel channel = { .body = body, .chat_id = (char *)"-100" };
	json_t *event = v2m_event_new(V2M_EVENT_TEST, V2M_STATE_RAISED, "host<1>", 0, title);
	V2M_FREE char *rendered = NULL;
	json_t *json;

	assert_non_null(event);
	assert_int_equal(v2m_event_line(event, "%s", text), 0);
	rendered = v2m_template_render(&channel, event);
	json_decref(event);
	assert_non_null(rendered);
	json = json_loads(rendered, 0, NULL);
	assert_non_null(json);
	return json;
}

static const char *text_of(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static void telegram_takes_no_name_for_markup_or_a_mention(void **state)
{
	json_t *json = render(V2M_BODY_TELEGRAM, "key </b><a href=\"x\">&", "a<b\x01\xff\"c\"");

	(void)state;
	assert_string_equal(text_of(json, "chat_id"), "-100");
	assert_string_equal(text_of(json, "parse_mode"), "HTML");
	assert_string_equal(
		text_of(json, "text"),
		"<b>host&lt;1&gt;: key &lt;/\u2060b&gt;&lt;a href=&quot;x&quot;&gt;&amp;"
		"</b>\na&lt;b ?&quot;c&quot;");
	json_decref(json);
	json = render(V2M_BODY_TELEGRAM, "@alice #tag", "/ban http://evil");
	assert_string_equal(text_of(json, "text"), "<b>host&lt;1&gt;: @\u2060alice #\u2060tag</b>\n"
						   "/\u2060ban http:/\u2060/\u2060evil");
	json_decref(json);
}

static void discord_takes_no_name_for_markup_or_a_mention(void **state)
{
	json_t *json = render(V2M_BODY_DISCORD, "**@everyone**", "[x](http://y) `z`");
	json_t *mentions = json_object_get(json, "allowed_mentions");

	(void)state;
	assert_string_equal(text_of(json, "content"), "**host\\<1\\>: \\*\\*\\@everyone\\*\\***\n"
						      "\\[x\\]\\(http\\://y\\) \\`z\\`");
	assert_int_equal(json_array_size(json_object_get(mentions, "parse")), 0);
	assert_true(json_is_array(json_object_get(mentions, "parse")));
	json_decref(json);
}

static void a_text_that_is_too_long_is_cut_between_characters(void **state)
{
	static const struct {
		unsigned body;
		const char *member;
		size_t max;
	} bodies[] = {
		{ V2M_BODY_TELEGRAM, "text", V2M_TELEGRAM_MAX },
		{ V2M_BODY_DISCORD, "content", V2M_DISCORD_MAX },
	};
	char text[3 * 3000 + 1];

	(void)state;
	for (size_t i = 0; i < 3000; i++)
		memcpy(text + 3 * i, i % 2 ? "\xe2\x82\xac" : "<&>", 3);
	text[sizeof(text) - 1] = 0;
	for (size_t i = 0; i < 4; i++) {
		const char *title = i < 2 ? "short" : text;
		json_t *json = render(bodies[i % 2].body, title, text);
		const char *made = text_of(json, bodies[i % 2].member);
		const char *at = made;

		assert_in_range(strlen(made), bodies[i % 2].max - 20, bodies[i % 2].max);
		assert_string_equal(made + strlen(made) - 4, "\n...");
		/* No entity and no escaped character is cut in two. */
		assert_true(made[strlen(made) - 5] != '\\' || made[strlen(made) - 6] == '\\');
		while (i % 2 == 0 && (at = strchr(at, '&')))
			assert_true(strspn(++at, "ltgamp") > 1 && at[strspn(at, "ltgamp")] == ';');
		json_decref(json);
	}
}

static void the_event_itself_is_the_body_for_programs(void **state)
{
	json_t *json = render(V2M_BODY_JSON, "a\nb", "\"quoted\"\\");

	(void)state;
	assert_string_equal(text_of(json, "event"), "test");
	assert_string_equal(text_of(json, "state"), "raised");
	assert_string_equal(text_of(json, "severity"), "info");
	assert_string_equal(text_of(json, "time"), "1970-01-01T00:00:00Z");
	assert_string_equal(text_of(json, "title"), "a b");
	assert_string_equal(text_of(json, "text"), "\"quoted\"\\");
	assert_int_equal(strlen(text_of(json, "id")), 32);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(telegram_takes_no_name_for_markup_or_a_mention),
		cmocka_unit_test(discord_takes_no_name_for_markup_or_a_mention),
		cmocka_unit_test(a_text_that_is_too_long_is_cut_between_characters),
		cmocka_unit_test(the_event_itself_is_the_body_for_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
