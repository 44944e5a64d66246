// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connections without sock_diag: a seccomp filter forbids it to this program and to the ss that it
 * runs, which then reads /proc by its own code. */
#include "connections.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "namespace.h"

#define ARGUMENT(n) (offsetof(struct seccomp_data, args) + 8 * (n))
#define LOAD(at)    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
/* Goes on if the loaded word is the value; else jumps that many statements ahead. */
#define EXPECT(value, end) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (end))

static int forbid_sock_diag(void)
{
	/* Reads the lower half of each argument, which comes first on a little-endian machine. All
	 * machines that we build for are. */
	struct sock_filter code[] = {
		LOAD(offsetof(struct seccomp_data, nr)),
		EXPECT(SYS_socket, 5),
		LOAD(ARGUMENT(0)),
		EXPECT(AF_NETLINK, 3),
		LOAD(ARGUMENT(2)),
		EXPECT(NETLINK_SOCK_DIAG, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { V2M_ARRAY_LEN(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -errno : 0;
}

static void connections_are_as_ss_prints_them(void **state)
{
	const uint16_t ports[] = { 5001, 5002, 5003 };
	int v4 = listen_on("0.0.0.0", 5001, "");
	int v6 = listen_on("::1", 5002, "");
	int dual = listen_on("::", 5003, "");
	struct pair pairs[] = { connect_to(v4, "127.0.0.1", 5001, ""),
				connect_to(v6, "::1", 5002, ""),
				connect_to(dual, "127.0.0.2", 5003, "") };

	(void)state;
	assert_same_as_ss(ports, 3, 3);
	assert_same_as_ss(ports, 2, 2);
	assert_int_equal(shutdown(pairs[0].client, SHUT_WR), 0);
	assert_int_equal(recv(pairs[0].server, &(char){ 0 }, 1, 0), 0);
	assert_int_equal(count_state(5001, "CLOSE-WAIT"), 1);
	assert_same_as_ss(ports, 3, 3);
	for (size_t i = 0; i < 3; i++)
		cut(pairs[i]);
	assert_same_as_ss(ports, 3, 0);
	close(v4);
	close(v6);
	close(dual);
}

static void details_are_refused(void **state)
{
	(void)state;
	assert_int_equal(v2m_sockets_want_details(sockets, true), -EOPNOTSUPP);
	assert_int_equal(v2m_sockets_want_details(sockets, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_are_as_ss_prints_them),
		cmocka_unit_test(details_are_refused),
	};

	enter_own_namespace();
	if (shell("ip link set lo up"))
		return 1;
	if (forbid_sock_diag()) {
		fprintf(stderr, "SKIP: the kernel has no seccomp filters\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, open_sockets, close_sockets);
}
