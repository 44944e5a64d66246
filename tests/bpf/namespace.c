// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "namespace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int current_namespace(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

bool set_sys_admin(bool allowed)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	const uint32_t bit = 1u << CAP_SYS_ADMIN;
	bool before;

	if (syscall(SYS_capget, &header, sets))
		abort();
	before = sets[0].effective & bit;
	sets[0].effective = allowed ? sets[0].effective | bit : sets[0].effective & ~bit;
	if (before != allowed && syscall(SYS_capset, &header, sets))
		abort();
	return before;
}

void net_enter(int namespace)
{
	bool before = set_sys_admin(true);

	if (setns(namespace, CLONE_NEWNET))
		abort();
	set_sys_admin(before);
}

int command(const char *format, ...)
{
	const char *quiet = getenv("V2M_TEST_VERBOSE") ? "" : " >/dev/null 2>&1";
	char text[1024];
	va_list arguments;
	int status;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text) - 32, format, arguments);
	va_end(arguments);
	strcat(text, quiet);
	status = system(text);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void command_output(char *text, size_t size, const char *format, ...)
{
	char line[1024];
	va_list arguments;
	size_t length = 0;
	FILE *pipe;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	pipe = popen(line, "r");
	if (pipe) {
		length = fread(text, 1, size - 1, pipe);
		pclose(pipe);
	}
	text[length] = 0;
}

/* A process that stays there shows its namespace to ip(8) by its number. */
void net_make_veth(const struct net *net)
{
	net_enter(net->here);
	if (command("ip link add v2m0 type veth peer name v2m1 netns /proc/%d/fd/%d", getpid(),
		    net->there))
		abort();
	command("sysctl -qw net.ipv6.conf.v2m0.accept_dad=0");
	if (command("ip addr add 10.9.0.1/24 dev v2m0 && ip -6 addr add fd09::1/64 dev v2m0 nodad "
		    "&& ip link set v2m0 up"))
		abort();
	net_enter(net->there);
	if (command("ip addr add 10.9.0.2/24 dev v2m1 && ip -6 addr add fd09::2/64 dev v2m1 nodad "
		    "&& ip link set v2m1 up"))
		abort();
	net_enter(net->here);
}

int net_open(struct net *net)
{
	*net = (struct net){ .home = current_namespace(), .here = -1, .there = -1 };
	if (unshare(CLONE_NEWNET))
		return -errno;
	net->there = current_namespace();
	if (unshare(CLONE_NEWNET))
		return -errno;
	net->here = current_namespace();
	if (net->home < 0 || net->here < 0 || net->there < 0)
		return -EBADF;
	command("ip link set lo up");
	net_make_veth(net);
	return 0;
}

void net_close(struct net *net)
{
	net_enter(net->home);
	close(net->here);
	close(net->there);
	close(net->home);
}

/* from 0: any port. */
static void send_all(const struct net *net, uint16_t from, uint16_t port, unsigned count,
		     size_t size)
{
	static const char zeros[65536];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(from) };
	int fd;

	inet_pton(AF_INET, "10.9.0.1", &to.sin_addr);
	net_enter(net->there);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)))
		abort();
	for (unsigned i = 0; i < count; i++)
		/* A refused earlier datagram is reported by the next one, which then is not sent.
		 */
		while (sendto(fd, zeros, size, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			if (errno != ECONNREFUSED && errno != EAGAIN && errno != ENOBUFS)
				abort();
	close(fd);
	net_enter(net->here);
}

void net_send(const struct net *net, uint16_t port, unsigned count, size_t size)
{
	send_all(net, 0, port, count, size);
}

void net_send_from(const struct net *net, uint16_t from, uint16_t port, size_t size)
{
	send_all(net, from, port, 1, size);
}
