// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "selftest/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "netlink/netlink.h"

#define PEER        "v2m1"
#define REQUEST_MAX 1024

static int ignore_message(const struct nlmsghdr *message, void *context)
{
	(void)message;
	(void)context;
	return 0;
}

static int ask(struct nlmsghdr *request)
{
	const struct v2m_netlink_visitor visitor = { .visit = ignore_message };
	struct v2m_netlink netlink;
	int result = v2m_netlink_open(NETLINK_ROUTE, &netlink);

	if (result)
		return result;
	result = v2m_netlink_ask(&netlink, request, &visitor);
	v2m_netlink_close(&netlink);
	return result;
}

static struct nlmsghdr *begin(char buffer[static REQUEST_MAX], uint16_t type, uint16_t flags)
{
	struct nlmsghdr *request;

	memset(buffer, 0, REQUEST_MAX);
	request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = type;
	request->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	return request;
}

/* Makes the pair; the other end is in the namespace there. */
static int make_pair(int there)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_MAX];
	struct nlmsghdr *request = begin(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info;
	struct nlattr *data;
	struct nlattr *peer;

	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(request, IFLA_IFNAME, V2M_LAB_DEVICE);
	info = mnl_attr_nest_start(request, IFLA_LINKINFO);
	mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(request, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(request, IFLA_IFNAME, PEER);
	mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)there);
	mnl_attr_nest_end(request, peer);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, info);
	return ask(request);
}

static int bring_up(uint32_t ifindex)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_MAX];
	struct nlmsghdr *request = begin(buffer, RTM_NEWLINK, 0);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(request, sizeof(*link));

	link->ifi_index = (int)ifindex;
	link->ifi_flags = IFF_UP;
	link->ifi_change = IFF_UP;
	return ask(request);
}

static int add_address(uint32_t ifindex, int family, const char *text)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_MAX];
	struct nlmsghdr *request = begin(buffer, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	struct ifaddrmsg *address = mnl_nlmsg_put_extra_header(request, sizeof(*address));
	size_t length = family == AF_INET ? 4 : 16;
	uint8_t bytes[16];

	inet_pton(family, text, bytes);
	address->ifa_family = (uint8_t)family;
	address->ifa_prefixlen = family == AF_INET ? 24 : 64;
	/* An address whose duplicates are looked for cannot be used for a second. */
	address->ifa_flags = family == AF_INET ? 0 : IFA_F_NODAD;
	address->ifa_index = ifindex;
	mnl_attr_put(request, IFA_LOCAL, length, bytes);
	mnl_attr_put(request, IFA_ADDRESS, length, bytes);
	return ask(request);
}

/* Sets up the end of the pair that is in the current namespace. */
static int set_up_end(const char *name, const char *ipv4, const char *ipv6, uint32_t *ifindex,
		      bool *has_ipv6)
{
	int result;

	*ifindex = if_nametoindex(name);
	if (*ifindex == 0)
		return -errno;
	result = add_address(*ifindex, AF_INET, ipv4);
	if (result)
		return result;
	*has_ipv6 = add_address(*ifindex, AF_INET6, ipv6) == 0;
	return bring_up(*ifindex);
}

/* A new namespace, which the process enters. A descriptor or -errno. */
static int new_namespace(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		return -errno;
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int make_network(struct v2m_lab *lab)
{
	bool ipv6_here = false;
	bool ipv6_there = false;
	int result;

	lab->there = new_namespace();
	if (lab->there < 0)
		return lab->there;
	lab->here = new_namespace();
	if (lab->here < 0)
		return lab->here;
	result = make_pair(lab->there);
	if (!result)
		result = set_up_end(V2M_LAB_DEVICE, V2M_LAB_HERE4, V2M_LAB_HERE6,
				    &lab->here_ifindex, &ipv6_here);
	if (!result && setns(lab->there, CLONE_NEWNET))
		result = -errno;
	if (!result)
		result = set_up_end(PEER, V2M_LAB_THERE4, V2M_LAB_THERE6, &lab->there_ifindex,
				    &ipv6_there);
	if (setns(lab->here, CLONE_NEWNET) && !result)
		result = -errno;
	lab->ipv6 = ipv6_here && ipv6_there;
	return result;
}

int v2m_lab_enter(struct v2m_lab *lab, struct v2m_error *error)
{
	int result;

	*lab = (struct v2m_lab){ .here = -1, .there = -1 };
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return v2m_error_set(error, -errno,
				     "no mount namespace can be made for the self-test: %s",
				     strerror(errno));
	if (mount("bpf", V2M_LAB_BPFFS, "bpf", 0, "mode=0700"))
		return v2m_error_set(error, -errno, "no bpffs can be mounted on %s: %s",
				     V2M_LAB_BPFFS, strerror(errno));
	result = make_network(lab);
	return result ? v2m_error_set(error, result, "no network for the self-test can be made: %s",
				      strerror(-result))
		      : 0;
}

int v2m_lab_socket(const struct v2m_lab *lab, int namespace, int family, int type, int protocol)
{
	int fd;

	if (setns(namespace, CLONE_NEWNET))
		return -errno;
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		fd = -errno;
	if (setns(lab->here, CLONE_NEWNET)) {
		int result = -errno;

		if (fd >= 0)
			close(fd);
		return result;
	}
	return fd;
}
