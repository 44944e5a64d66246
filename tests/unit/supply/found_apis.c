// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* APIs that are found at the sockets of a running proxy. The proxy is this process. */
#include "unit/supply/live_fixture.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "asking/asking.h"

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
	assert_string_equal(scene->live.items[0].error.text, "");
	/* Its users stay if it does not answer, and somebody is told. */
	server_misbehave(scene->server, FAULT_503);
	assert_true(has_news(scene, 5000));
	assert_non_null(strstr(collect(scene, false)->text, BOB));
	assert_int_equal(scene->live.items[0].result, 0);
	assert_non_null(strstr(scene->live.items[0].error.text, "503"));
}

static void a_socket_with_tls_is_named(void **state)
{
	struct scene *scene = *state;
	uint64_t inode;

	if (geteuid() != 0)
		skip();
	inode = become_proxy(scene);
	open_with(scene, V2M_ASKING_ARGUMENT, NULL);
	server_misbehave(scene->server, FAULT_TLS);
	v2m_live_supply_try(scene->supply, scene->server->name, inode);
	assert_false(v2m_live_supply_has_tls(scene->supply, inode));
	assert_true(has_news(scene, 30000));
	assert_true(v2m_live_supply_has_tls(scene->supply, inode));
	assert_false(v2m_live_supply_has_tls(scene->supply, inode + 1));
	assert_int_equal(count_found(scene), 0);
}

static void a_forged_line_takes_no_socket_away(void **state)
{
	struct scene *scene = *state;
	unsigned before;
	uint64_t inode;

	if (geteuid() != 0)
		skip();
	inode = become_proxy(scene);
	open_with(scene, V2M_ASKING_ARGUMENT, NULL);
	v2m_live_supply_try(scene->supply, scene->server->name, inode);
	assert_true(has_news(scene, 5000));
	v2m_live_supply_try(scene->supply, scene->server->name, inode + 1);
	/* The next question needs another connection. */
	before = server_connections(scene->server);
	server_misbehave(scene->server, FAULT_DIES);
	for (int i = 0; i < 300 && server_connections(scene->server) == before; i++)
		has_news(scene, 10);
	assert_true(server_connections(scene->server) > before);
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

int main(int argc, char **argv)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(a_socket_of_a_running_proxy_that_is_its_api_is_followed),
		WITH_SERVER(a_socket_with_tls_is_named),
		WITH_SERVER(a_forged_line_takes_no_socket_away),
		WITH_SERVER(an_api_that_a_file_names_while_it_is_tried_is_asked_again),
		WITH_SERVER(a_forged_line_in_the_list_of_sockets_gets_no_question),
	};

	if (argc > 1 && strcmp(argv[1], V2M_ASKING_ARGUMENT) == 0)
		v2m_asking_run();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
