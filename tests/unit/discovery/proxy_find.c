// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finds proxies in a /proc that the test makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "discovery/command_line.h"
#include "discovery/proxy_find.h"
#include "unit/temporary.h"

#define SERVICE "0::/system.slice/xray.service\n"
#define DOCKER  "0::/system.slice/docker-0123.scope\n"
#define SESSION "0::/user.slice/user-1000.slice/session-1.scope\n"
#define ROOT    "Name:\tx\nUid:\t0\t0\t0\t0\n"
#define NOBODY  "Name:\tx\nUid:\t0\t65534\t65534\t65534\n"
#define PERSON  "Name:\tx\nUid:\t1000\t1000\t1000\t1000\n"

static char proc[] = "proc-XXXXXX";
static struct v2m_proxy_found found;

static void put(const char *name, const char *text, size_t length)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
}

static const char *temporary_name(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	return path;
}

static void make_directory(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void make_link(const char *name, const char *target)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	assert_int_equal(symlink(target, path), 0);
}

static void put_file(unsigned pid, const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "%u/%s", pid, name);
	put(path, text, strlen(text));
}

/* When the process began stands in the 22nd place. */
static void put_stat(unsigned pid, unsigned began)
{
	char text[200];

	snprintf(text, sizeof(text),
		 "%u (x) y) S 1 1 1 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 %u 1 1\n", pid, began);
	put_file(pid, "stat", text);
}

/* A process that has the sockets 100 + pid and 200 + pid. */
static void make_process(unsigned pid, const char *name, const char *status, const char *cgroup)
{
	char path[64];
	char target[64];

	snprintf(path, sizeof(path), "%u", pid);
	make_directory(path);
	snprintf(path, sizeof(path), "%u/fd", pid);
	make_directory(path);
	put_file(pid, "comm", name);
	put_file(pid, "status", status);
	put_file(pid, "cgroup", cgroup);
	put_file(pid, "cmdline", "");
	put_stat(pid, 77);
	snprintf(path, sizeof(path), "%u/ns", pid);
	make_directory(path);
	snprintf(path, sizeof(path), "%u/ns/net", pid);
	make_link(path, "net:[1]");
	snprintf(path, sizeof(path), "%u/root", pid);
	make_link(path, "/");
	for (unsigned i = 1; i <= 2; i++) {
		snprintf(path, sizeof(path), "%u/fd/%u", pid, i);
		snprintf(target, sizeof(target), "socket:[%u]", 100 * i + pid);
		make_link(path, target);
	}
}

#define HEADING "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid\n"
/* A line with the local address, the state, and the inode. */
#define LINE4(local, state, inode)                                                                 \
	"   0: " local " 00000000:0000 " state                                                     \
	" 00000000:00000000 00:00000000 00000000     0     "                                       \
	"   0 " inode " 1 0000000000000000 100 0 0 10 0\n"
#define LINE6(local, state, inode)                                                                 \
	"   0: " local " 00000000000000000000000000000000:0000 " state                             \
	" 00000000:00000000 00:00000000 00000000     0        0 " inode                            \
	" 1 0000000000000000 100 0 0 10 0\n"
#define LINE_UNIX(flags, type, inode, path)                                                        \
	"0000000000000000: 00000002 00000000 " flags " " type " 01 " inode " " path "\n"

static int start(void **state)
{
	static const char tcp[] = HEADING LINE4("0100007F:2765", "0A", "105")
		LINE4("00000000:2766", "0A", "205") LINE4("0100007F:2767", "0A", "999")
			LINE4("0100007F:2768", "01", "205") LINE4("0100007F:2769", "0A", "205");
	static const char tcp6[] =
		HEADING LINE6("00000000000000000000000001000000:276A", "0A", "106")
			LINE6("00000000000000000000000000000000:276B", "0A", "206")
				LINE6("0000000000000000FFFF00000200007F:276C", "0A", "206");
	static const char sockets[] =
		"Num       RefCount Protocol Flags    Type St Inode Path\n" LINE_UNIX(
			"00010000", "0001", "107", "@api")
			LINE_UNIX("00010000", "0001", "108", "@xtls-api-a1b2c3d4e5")
				LINE_UNIX("00000000", "0001", "207", "/run/connected")
					LINE_UNIX("00010000", "0001", "207", "/run/a b.sock")
						LINE_UNIX("00010000", "0001", "998", "/run/other");

	(void)state;
	strcpy(proc, "proc-XXXXXX");
	assert_non_null(mkdtemp(proc));
	make_directory("net");
	make_directory("self");
	make_directory("self/ns");
	make_link("self/ns/net", "net:[1]");
	put("net/tcp", tcp, sizeof(tcp) - 1);
	put("net/tcp6", tcp6, sizeof(tcp6) - 1);
	put("net/unix", sockets, sizeof(sockets) - 1);
	return 0;
}

static int stop(void **state)
{
	char command[100];

	(void)state;
	v2m_proxy_found_clear(&found);
	memset(&found, 0, sizeof(found));
	snprintf(command, sizeof(command), "rm -r %s", proc);
	return system(command);
}

static void assert_listener(size_t i, const char *source, uint64_t inode)
{
	assert_string_equal(found.listeners.items[i].source, source);
	assert_int_equal(found.listeners.items[i].inode, inode);
}

static void sockets_of_proxies_that_only_this_host_can_reach_are_found(void **state)
{
	uint64_t before;

	(void)state;
	make_process(5, "xray\n", NOBODY, SERVICE);
	make_process(6, "v2ray\n", NOBODY, SERVICE);
	make_process(7, "xray-linux-amd6\n", ROOT, SESSION);
	/* Remnawave's node, in a container with the network of the host. */
	make_process(8, "rw-core\n", ROOT, DOCKER);
	make_process(99, "nginx\n", ROOT, SERVICE);
	assert_int_equal(v2m_proxy_find(proc, true, &found), 0);
	assert_int_equal(found.n_processes, 4);
	assert_int_equal(found.n_hidden, 0);
	assert_int_equal(found.listeners.count, 6);
	assert_listener(0, "xray-api://127.0.0.1:10085", 105);
	assert_listener(1, "xray-api://[::1]:10090", 106);
	assert_listener(2, "xray-api://127.0.0.2:10092", 206);
	assert_listener(3, "xray-api+unix:@api", 107);
	assert_listener(4, "xray-api+unix:@xtls-api-a1b2c3d4e5", 108);
	assert_listener(5, "xray-api+unix:/run/a b.sock", 207);
	/* Sockets are left out if nobody wants them, and the processes are the same. */
	before = found.fingerprint;
	v2m_proxy_found_clear(&found);
	memset(&found, 0, sizeof(found));
	assert_int_equal(v2m_proxy_find(proc, false, &found), 0);
	assert_int_equal(found.listeners.count, 0);
	assert_int_equal(found.fingerprint, before);
	put_stat(7, 78);
	found.fingerprint = 0;
	assert_int_equal(v2m_proxy_find(proc, false, &found), 0);
	assert_int_not_equal(found.fingerprint, before);
	assert_true(v2m_proxy_listens(proc, "xray-api+unix:@api", 107));
	assert_false(v2m_proxy_listens(proc, "xray-api+unix:@api", 207));
	assert_true(v2m_proxy_listens(proc, "xray-api://127.0.0.1:10087", 999));
	assert_false(v2m_proxy_listens(proc, "xray-api://127.0.0.1:10088", 205));
}

/* Somebody may bind any number of sockets to names that forge lines. */
static void forged_lines_do_not_hide_a_socket_that_was_found(void **state)
{
	static const char last[] = LINE_UNIX("00010000", "0001", "107", "@api");
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	for (unsigned i = 0; i < 2 * V2M_PROXY_LISTENERS_MAX; i++)
		fprintf(out, LINE_UNIX("00010000", "0001", "107", "@forged%u"), i);
	fputs(last, out);
	fclose(out);
	put("net/unix", text, length);
	free(text);
	assert_true(v2m_proxy_listens(proc, "xray-api+unix:@api", 107));
}

static void others_are_passed_over(void **state)
{
	(void)state;
	make_process(5, "xrayed\n", ROOT, SERVICE);
	make_process(6, "nginx\n", ROOT, SERVICE);
	/* Anybody can name a process so. */
	make_process(7, "xray\n", NOBODY, SESSION);
	make_process(8, "xray\n", PERSON, "0::/system.slice/cron.service\n");
	make_process(9, "xray\n", "Name:\tx\n", SERVICE);
	assert_int_equal(v2m_proxy_find(proc, true, &found), 0);
	assert_int_equal(found.n_processes, 0);
	assert_int_equal(found.listeners.count, 0);
	assert_int_equal(found.configs.count, 0);
}

static void assert_configs(const char *words, size_t length, const char *const *expected, size_t n)
{
	struct v2m_strings configs = { 0 };

	assert_int_equal(v2m_command_line_configs(words, length, &configs), 0);
	assert_int_equal(configs.count, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(configs.items[i], expected[i]);
	v2m_strings_clear(&configs);
}

#define ASSERT_CONFIGS(words, ...)                                                                 \
	do {                                                                                       \
		const char *const expected_[] = { __VA_ARGS__ };                                   \
		assert_configs(words, sizeof(words), expected_,                                    \
			       sizeof(expected_) / sizeof(*expected_));                            \
	} while (0)

#define ASSERT_NONE(words) assert_configs(words, sizeof(words), NULL, 0)

static void command_lines_name_configurations(void **state)
{
	(void)state;
	ASSERT_CONFIGS("xray\0run\0-c\0/etc/a.json", "/etc/a.json");
	ASSERT_CONFIGS("xray\0-config=/etc/a.json\0--config\0/etc/b.json\0-confdir\0/etc/c",
		       "/etc/a.json", "/etc/b.json", "/etc/c");
	ASSERT_CONFIGS("xray\0-c\0-c\0/etc/a.json\0--confdir=/x=y", "/x=y");
	ASSERT_NONE("xray\0run\0-config\0stdin:");
	ASSERT_NONE("xray\0-c\0a.json\0-c=http://x/y\0-test\0/etc/z\0-");
	assert_configs("xray\0-c\0/etc/cut-off", 20, NULL, 0);
	ASSERT_NONE("xray\0-c\0/etc/\xff\0-c\0/a\nb");
	assert_configs("", 0, NULL, 0);
}

static void a_configuration_of_our_network_counts_if_only_root_can_change_it(void **state)
{
	char name[300];
	char command[400];
	char *directory = realpath(proc, NULL);
	int length;

	(void)state;
	snprintf(name, sizeof(name), "%s/config.json", directory);
	free(directory);
	put("config.json", "{}", 2);
	make_process(5, "xray\n", ROOT, SERVICE);
	length = snprintf(command, sizeof(command), "xray%c-c%c%s", 0, 0, name);
	put("5/cmdline", command, (size_t)length + 1);
	assert_int_equal(v2m_proxy_find(proc, true, &found), 0);
	if (geteuid() == 0) {
		assert_int_equal(found.configs.count, 1);
		assert_string_equal(found.configs.items[0], name);
	}
	v2m_proxy_found_clear(&found);
	assert_int_equal(unlink(temporary_name("5/ns/net")), 0);
	make_link("5/ns/net", "net:[2]");
	assert_int_equal(v2m_proxy_find(proc, true, &found), 0);
	assert_int_equal(found.configs.count, 0);
	assert_int_equal(found.n_foreign, 1);
	assert_int_equal(found.foreign[0], 5);
	assert_int_equal(unlink(temporary_name("5/ns/net")), 0);
	v2m_proxy_found_clear(&found);
	memset(&found, 0, sizeof(found));
	/* Nobody may see where it is. */
	assert_int_equal(v2m_proxy_find(proc, true, &found), 0);
	assert_int_equal(found.n_foreign, 0);
	make_link("5/ns/net", "net:[1]");
	assert_int_equal(chmod(name, 0666), 0);
	assert_int_equal(v2m_proxy_find(proc, true, &found), 0);
	assert_int_equal(found.configs.count, 0);
}

static void start_with(const char *path)
{
	char command[400];
	int length = snprintf(command, sizeof(command), "xray%c-c%c%s", 0, 0, path);

	put("5/cmdline", command, (size_t)length + 1);
	v2m_proxy_found_clear(&found);
	memset(&found, 0, sizeof(found));
	assert_int_equal(v2m_proxy_find(proc, false, &found), 0);
}

/* Somebody could put another one there when it has been looked at. */
static void a_configuration_that_somebody_else_can_replace_is_passed_over(void **state)
{
	char *directory = realpath(proc, NULL);
	char path[300];

	(void)state;
	if (geteuid() != 0) {
		free(directory);
		skip();
	}
	make_process(5, "xray\n", ROOT, SERVICE);
	make_directory("place");
	put("place/config.json", "{}", 2);
	make_link("link", "place");
	snprintf(path, sizeof(path), "%s/link/config.json", directory);
	start_with(path);
	assert_int_equal(found.configs.count, 1);
	assert_null(strstr(found.configs.items[0], "link"));
	assert_int_equal(chmod(temporary_name("place"), 01777), 0);
	start_with(path);
	assert_int_equal(found.configs.count, 1);
	assert_int_equal(chmod(temporary_name("place"), 0777), 0);
	start_with(path);
	assert_int_equal(found.configs.count, 0);
	assert_int_equal(chmod(temporary_name("place"), 0755), 0);
	assert_int_equal(chown(temporary_name("place"), 1000, 0), 0);
	start_with(path);
	assert_int_equal(found.configs.count, 0);
	free(directory);
}

/* In a container, the path is that of another file. */
static void a_configuration_that_only_the_process_sees_is_passed_over(void **state)
{
	static const char command[] = "xray\0-c\0/etc/passwd";
	char path[100];

	(void)state;
	make_process(5, "xray\n", ROOT, SERVICE);
	put("5/cmdline", command, sizeof(command));
	snprintf(path, sizeof(path), "%s/5/root", proc);
	assert_int_equal(unlink(path), 0);
	make_directory("5/root");
	make_directory("5/root/etc");
	put("5/root/etc/passwd", "x", 1);
	assert_int_equal(v2m_proxy_find(proc, true, &found), 0);
	assert_int_equal(found.n_processes, 1);
	assert_int_equal(found.configs.count, 0);
}

int main(void)
{
#define WITH_PROC(test) cmocka_unit_test_setup_teardown(test, start, stop)
	const struct CMUnitTest tests[] = {
		WITH_PROC(sockets_of_proxies_that_only_this_host_can_reach_are_found),
		WITH_PROC(forged_lines_do_not_hide_a_socket_that_was_found),
		WITH_PROC(others_are_passed_over),
		cmocka_unit_test(command_lines_name_configurations),
		WITH_PROC(a_configuration_of_our_network_counts_if_only_root_can_change_it),
		WITH_PROC(a_configuration_that_somebody_else_can_replace_is_passed_over),
		WITH_PROC(a_configuration_that_only_the_process_sees_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
