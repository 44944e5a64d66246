// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The asking process is this test program itself: the real one, or one that does what the name of
 * its argument says. */
#include "unit/proxyapi/grpc_server.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "asking/asking.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "process/channel.h"
#include "process/child.h"
#include "supply/live_supply.h"

#define LIST  "/xray.app.proxyman.command.HandlerService/ListInbounds"
#define USERS "/xray.app.proxyman.command.HandlerService/GetInboundUsers#"

#define INTERVAL_NS 20000000ull
#define BOB         "user2@example.com"

static void say(uint32_t kind, uint64_t id, const void *data, size_t length)
{
	const struct v2m_message message = {
		.kind = kind, .id = id, .data = data, .length = length, .fd = -1
	};

	while (v2m_channel_send(V2M_CHILD_CHANNEL, &message) == -EAGAIN)
		usleep(1000);
}

/* What a process that was taken over may do. */
static int be_asker(const char *what)
{
	static const char nonsense[] = "nonsense";
	const uint32_t protections = UINT32_MAX;

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(what, V2M_ASKING_ARGUMENT) == 0)
		v2m_asking_run();
	if (strcmp(what, "crash") == 0)
		raise(SIGKILL);
	if (strcmp(what, "nonsense") == 0)
		say(V2M_ASKING_SAID, 0, nonsense, sizeof(nonsense));
	if (strcmp(what, "stranger") == 0)
		say(V2M_ASKING_SAID, 7, NULL, 0);
	if (strcmp(what, "protections") == 0)
		say(V2M_ASKING_READY, 0, &protections, sizeof(protections));
	if (strcmp(what, "unknown") == 0)
		say(99, 0, NULL, 0);
	if (strcmp(what, "malformed") == 0 && write(V2M_CHILD_CHANNEL, "x", 1) == 1)
		pause();
	for (int i = 0; strcmp(what, "connects") == 0 && i < 1000; i++)
		say(V2M_ASKING_CONNECT, 0, NULL, 0);
	for (;;)
		pause();
}

struct scene {
	struct grpc_server *server;
	struct v2m_live_supply *supply;
	struct v2m_live_sources live;
};

static void answer_with_file(struct scene *scene, const char *path, const char *file)
{
	char *data;
	size_t length;

	assert_int_equal(v2m_read_file(file, 65536, &data, &length), 0);
	server_answer(scene->server, path, data, length, 0);
	free(data);
}

static int start(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	v2m_log_set_level(V2M_LOG_ERROR);
	scene->server = server_start();
	answer_with_file(scene, LIST, "../data/proxyapi/inbounds.bin");
	answer_with_file(scene, USERS "vless", "../data/proxyapi/users.bin");
	server_answer(scene->server, USERS "vmess", "", 0, 0);
	server_answer(scene->server, USERS "trojan", "", 0, 0);
	server_answer(scene->server, USERS "tun", "", 0, 2);
	*state = scene;
	return 0;
}

static int stop(void **state)
{
	struct scene *scene = *state;

	prctl(PR_SET_NAME, "live_supply");
	v2m_live_supply_close(scene->supply);
	server_stop(scene->server);
	v2m_live_sources_clear(&scene->live);
	free(scene);
	return 0;
}

static void open_with(struct scene *scene, const char *argument, const char *source)
{
	const struct v2m_live_options options = { argument, INTERVAL_NS, 20 };
	struct v2m_strings sources = { 0 };

	if (source)
		assert_int_equal(v2m_strings_add(&sources, source), 0);
	assert_int_equal(v2m_live_supply_open(&options, &sources, &scene->supply), 0);
	v2m_strings_clear(&sources);
}

static void open_supply(struct scene *scene)
{
	open_with(scene, V2M_ASKING_ARGUMENT, scene->server->name);
}

/* What the first API said last. */
static const struct v2m_live_source *collect(struct scene *scene, bool waits)
{
	v2m_live_sources_clear(&scene->live);
	assert_int_equal(v2m_live_supply_collect(scene->supply, waits, &scene->live), 0);
	assert_int_equal(scene->live.count, 1);
	return &scene->live.items[0];
}

/* Waits until there is news. */
static bool has_news(struct scene *scene, int timeout_ms)
{
	uint64_t end_ns = v2m_clock_mono_ns() + (uint64_t)timeout_ms * 1000000;
	struct pollfd entry = { v2m_live_supply_fd(scene->supply), POLLIN, 0 };

	while (v2m_clock_mono_ns() < end_ns) {
		poll(&entry, 1, 10);
		if (v2m_live_supply_drain(scene->supply))
			return true;
	}
	return false;
}

/* The child of this process; 0: there is none. */
static pid_t child(void)
{
	char path[64];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "r");
	if (!file || fscanf(file, "%d", &pid) != 1)
		pid = 0;
	if (file)
		fclose(file);
	return pid;
}

static void the_first_answer_is_waited_for_if_wanted(void **state)
{
	struct scene *scene = *state;
	const struct v2m_live_source *said;

	open_supply(scene);
	assert_int_equal(collect(scene, false)->result, -EAGAIN);
	assert_null(scene->live.items[0].text);
	said = collect(scene, true);
	assert_int_equal(said->result, 0);
	assert_non_null(strstr(said->text, BOB));
	assert_int_equal(strlen(said->text), said->length);
	assert_string_equal(said->source, scene->server->name);
	/* All that there is has been collected. */
	assert_false(has_news(scene, 100));
}

static void a_change_is_told_once(void **state)
{
	struct scene *scene = *state;

	open_supply(scene);
	collect(scene, true);
	server_answer(scene->server, USERS "vless", "", 0, 0);
	assert_true(has_news(scene, 5000));
	assert_null(strstr(collect(scene, false)->text, BOB));
	assert_false(has_news(scene, 100));
}

static void a_failure_is_told_if_it_lasts_and_the_text_stays(void **state)
{
	struct scene *scene = *state;

	open_supply(scene);
	collect(scene, true);
	server_misbehave(scene->server, FAULT_503);
	assert_true(has_news(scene, 5000));
	assert_int_equal(collect(scene, false)->result, -EPROTO);
	assert_non_null(strstr(scene->live.items[0].text, BOB));
	assert_true(scene->server->n_calls >= 3);
	server_misbehave(scene->server, FAULT_NONE);
	assert_true(has_news(scene, 5000));
	assert_int_equal(collect(scene, false)->result, 0);
}

static void a_single_failure_is_no_news(void **state)
{
	struct scene *scene = *state;

	open_supply(scene);
	collect(scene, true);
	scene->server->closes = true;
	usleep(50000);
	scene->server->closes = false;
	assert_false(has_news(scene, 100));
	assert_int_equal(collect(scene, false)->result, 0);
}

#define QUERY "/v2ray.core.app.stats.command.StatsService/QueryStats#user>>>"

/* "user>>>bob>>>traffic>>>uplink": 5. */
static const char counters[] = "\x0a\x21\x0a\x1duser>>>bob>>>traffic>>>uplink\x10\x05";

static void counters_are_given_out_once(void **state)
{
	struct scene *scene = *state;
	struct v2m_proxy_stats stats = { 0 };
	uint64_t number = 0;

	server_answer(scene->server, QUERY, counters, sizeof(counters) - 1, 0);
	open_supply(scene);
	for (int i = 0; i < 2; i++) {
		uint64_t before = number;

		while (v2m_live_supply_stats(scene->supply, &stats, &number) == 0)
			has_news(scene, 1);
		assert_int_not_equal(number, before);
		assert_int_equal(stats.count, 1);
		assert_string_equal(stats.items[0].name, "bob");
		assert_int_equal(stats.items[0].rx_bytes, 5);
		v2m_proxy_stats_clear(&stats);
		assert_int_equal(v2m_live_supply_stats(scene->supply, &stats, &number), 0);
		assert_int_equal(stats.count, 0);
	}
}

static void a_process_that_is_killed_is_replaced_and_the_keys_stay(void **state)
{
	struct scene *scene = *state;
	uint64_t began_ns;
	pid_t first;

	open_supply(scene);
	collect(scene, true);
	first = child();
	assert_int_not_equal(first, 0);
	kill(first, SIGKILL);
	began_ns = v2m_clock_mono_ns();
	while ((child() == first || child() == 0) && v2m_clock_mono_ns() - began_ns < 5000000000)
		assert_false(has_news(scene, 1));
	assert_true(v2m_clock_mono_ns() - began_ns < 2000000000);
	assert_non_null(strstr(collect(scene, false)->text, BOB));
	assert_int_equal(scene->live.items[0].result, 0);
	server_answer(scene->server, USERS "vless", "", 0, 0);
	assert_true(has_news(scene, 5000));
	assert_null(strstr(collect(scene, false)->text, BOB));
}

/* Opens a supply whose processes do only what the argument says, until that is its answer. */
static void assert_refused(struct scene *scene, const char *argument, const char *why)
{
	open_with(scene, argument, scene->server->name);
	assert_int_equal(collect(scene, true)->result, -EIO);
	if (!strstr(scene->live.items[0].error.text, why))
		fail_msg("%s: %s", argument, scene->live.items[0].error.text);
	assert_null(scene->live.items[0].text);
	v2m_live_supply_close(scene->supply);
	scene->supply = NULL;
}

static void what_a_process_must_not_say_is_its_end(void **state)
{
	struct scene *scene = *state;

	assert_refused(scene, "crash", "signal 9 (Killed)");
	assert_refused(scene, "nonsense", "what it said is not allowed");
	assert_refused(scene, "stranger", "what it said is not allowed");
	assert_refused(scene, "protections", "what it said is not allowed");
	assert_refused(scene, "unknown", "what it said is not allowed");
	assert_refused(scene, "malformed", "what it said is not allowed");
}

/* The server accepts one connection at a time, and its queue is short. */
static void a_process_that_wants_connections_without_end_is_killed(void **state)
{
	struct scene *scene = *state;

	assert_refused(scene, "connects", "it does not read what it is told");
}

/* Such a server costs its own answers, and nobody else's. */
static void a_server_that_closes_after_each_answer_ends_no_process(void **state)
{
	struct scene *scene = *state;
	pid_t first;

	open_supply(scene);
	collect(scene, true);
	first = child();
	scene->server->closes = true;
	for (uint64_t end_ns = v2m_clock_mono_ns() + 1000000000; v2m_clock_mono_ns() < end_ns;)
		has_news(scene, 10);
	assert_true(server_connections(scene->server) > 10);
	assert_true(server_connections(scene->server) <= 32);
	assert_int_equal(child(), first);
	assert_non_null(strstr(collect(scene, false)->text, BOB));
}

/* The number of the listening socket of this process, which is a running proxy from now on. */
static uint64_t become_proxy(const struct scene *scene)
{
	struct stat status;

	assert_int_equal(prctl(PR_SET_NAME, "xray"), 0);
	assert_int_equal(fstat(scene->server->listener, &status), 0);
	return status.st_ino;
}

static size_t count_found(const struct scene *scene)
{
	struct v2m_strings found = { 0 };
	size_t count;

	assert_int_equal(v2m_live_supply_found(scene->supply, &found), 0);
	count = found.count;
	v2m_strings_clear(&found);
	return count;
}

static void a_socket_of_a_running_proxy_that_is_its_api_is_followed(void **state)
{
	struct scene *scene = *state;

	if (geteuid() != 0)
		skip();
	open_with(scene, V2M_ASKING_ARGUMENT, NULL);
	v2m_live_supply_try(scene->supply, scene->server->name, become_proxy(scene));
	assert_int_equal(count_found(scene), 0);
	assert_true(has_news(scene, 5000));
	assert_int_equal(count_found(scene), 1);
	assert_non_null(strstr(collect(scene, false)->text, BOB));
}

static void an_api_that_a_file_names_while_it_is_tried_is_asked_again(void **state)
{
	struct scene *scene = *state;
	struct v2m_strings apis = { 0 };

	if (geteuid() != 0)
		skip();
	open_with(scene, V2M_ASKING_ARGUMENT, NULL);
	server_misbehave(scene->server, FAULT_503);
	v2m_live_supply_try(scene->supply, scene->server->name, become_proxy(scene));
	assert_int_equal(v2m_strings_add(&apis, scene->server->name), 0);
	assert_int_equal(v2m_live_supply_learn(scene->supply, &apis), 1);
	v2m_strings_clear(&apis);
	assert_int_equal(collect(scene, true)->result, -EPROTO);
	server_misbehave(scene->server, FAULT_NONE);
	assert_true(has_news(scene, 5000));
	assert_non_null(strstr(collect(scene, false)->text, BOB));
}

static int bind_abstract(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s", name);

	if (bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) ||
	    listen(fd, 8))
		_exit(3);
	return fd;
}

/* Another process, which listens at the name, and makes the kernel list that socket as one of a
 * proxy. Ends with 0 if somebody connects and says nothing. */
static pid_t start_forger(const char *name, uint64_t inode)
{
	char forged[100];
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct pollfd waiting = { .events = POLLIN };

		prctl(PR_SET_NAME, "other");
		alarm(10);
		waiting.fd = bind_abstract(name);
		snprintf(forged, sizeof(forged), "x\n0: 2 0 10000 1 1 %llu @%s",
			 (unsigned long long)inode, name);
		bind_abstract(forged);
		if (write(ready[1], "x", 1) != 1 || poll(&waiting, 1, 5000) != 1)
			_exit(2);
		_exit(read(accept(waiting.fd, NULL, NULL), &byte, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* Every user may bind a socket to a name with a line feed in it. */
static void a_forged_line_in_the_list_of_sockets_gets_no_question(void **state)
{
	struct scene *scene = *state;
	uint64_t inode;
	char source[64];
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	inode = become_proxy(scene);
	open_with(scene, V2M_ASKING_ARGUMENT, NULL);
	snprintf(source, sizeof(source), "xray-api+unix:@forged-%d", getpid());
	pid = start_forger(strchr(source, '@') + 1, inode);
	v2m_live_supply_try(scene->supply, source, inode);
	while (waitpid(pid, &status, WNOHANG) == 0)
		assert_false(has_news(scene, 10));
	assert_int_equal(status, 0);
	assert_int_equal(count_found(scene), 0);
}

static void without_an_api_there_is_no_process(void **state)
{
	struct scene *scene = *state;

	open_with(scene, V2M_ASKING_ARGUMENT, NULL);
	assert_false(has_news(scene, 20));
	assert_int_equal(child(), 0);
}

static void what_is_no_address_is_refused(void **state)
{
	struct scene *scene = *state;

	open_with(scene, V2M_ASKING_ARGUMENT, "xray-api://x");
	assert_int_equal(collect(scene, true)->result, -EINVAL);
	assert_int_equal(child(), 0);
}

static int learn(struct v2m_live_supply *supply, const char *api)
{
	struct v2m_strings apis = { 0 };
	int result;

	assert_int_equal(v2m_strings_add(&apis, api), 0);
	result = v2m_live_supply_learn(supply, &apis);
	v2m_strings_clear(&apis);
	return result;
}

/* The reading process names these APIs, and it may have been taken over by a file. */
static void apis_that_a_reading_names_are_followed_if_they_are_of_this_host(void **state)
{
	struct scene *scene = *state;

	open_with(scene, V2M_ASKING_ARGUMENT, NULL);
	assert_int_equal(learn(scene->supply, "xray-api://192.0.2.1:1"), 0);
	assert_int_equal(learn(scene->supply, "xray-api://[2001:db8::1]:1"), 0);
	assert_int_equal(learn(scene->supply, "/etc/passwd"), 0);
	assert_int_equal(child(), 0);
	assert_int_equal(learn(scene->supply, "xray-api://127.0.0.1:1"), 1);
	assert_int_equal(learn(scene->supply, "xray-api://127.0.0.1:1"), 0);
	assert_int_equal(learn(scene->supply, "xray-api+unix:@x"), 1);
	v2m_live_sources_clear(&scene->live);
	assert_int_equal(v2m_live_supply_collect(scene->supply, true, &scene->live), 0);
	assert_int_equal(scene->live.count, 2);
	assert_int_equal(scene->live.items[0].result, -ECONNREFUSED);
	assert_int_equal(scene->live.items[1].result, -ECONNREFUSED);
}

int main(int argc, char **argv)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(the_first_answer_is_waited_for_if_wanted),
		WITH_SERVER(a_change_is_told_once),
		WITH_SERVER(a_failure_is_told_if_it_lasts_and_the_text_stays),
		WITH_SERVER(a_single_failure_is_no_news),
		WITH_SERVER(counters_are_given_out_once),
		WITH_SERVER(a_process_that_is_killed_is_replaced_and_the_keys_stay),
		WITH_SERVER(what_a_process_must_not_say_is_its_end),
		WITH_SERVER(a_process_that_wants_connections_without_end_is_killed),
		WITH_SERVER(a_server_that_closes_after_each_answer_ends_no_process),
		WITH_SERVER(a_socket_of_a_running_proxy_that_is_its_api_is_followed),
		WITH_SERVER(an_api_that_a_file_names_while_it_is_tried_is_asked_again),
		WITH_SERVER(a_forged_line_in_the_list_of_sockets_gets_no_question),
		WITH_SERVER(without_an_api_there_is_no_process),
		WITH_SERVER(what_is_no_address_is_refused),
		WITH_SERVER(apis_that_a_reading_names_are_followed_if_they_are_of_this_host),
	};

	if (argc > 1)
		return be_asker(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
