// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "devices/links.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "namespace.h"
#include "base/cleanup.h"

static struct v2m_links *links;

/* Chooses by "auto" or one pattern. The caller frees the array. */
static size_t choose_devices(const char *pattern, struct v2m_chosen_device **devices)
{
	char copy[32];
	char *item = copy;
	const struct v2m_strings interfaces = { .items = &item, .count = 1 };
	const struct v2m_strings exclude = { 0 };
	struct v2m_error error = { 0 };
	size_t count = 0;

	snprintf(copy, sizeof(copy), "%s", pattern);
	if (v2m_links_choose(links, &interfaces, &exclude, false, devices, &count, &error))
		fail_msg("%s", error.text);
	return count;
}

/* Returns the names of the chosen devices, each followed by a blank. A device with host_only has a
 * star. */
static const char *choose(const char *pattern)
{
	static char names[256];
	struct v2m_chosen_device *devices = NULL;
	size_t count = choose_devices(pattern, &devices);

	names[0] = 0;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(devices[i].device.ifindex, if_nametoindex(devices[i].device.name));
		strcat(names, devices[i].device.name);
		strcat(names, devices[i].device.host_only ? "* " : " ");
	}
	free(devices);
	return names;
}

static void run(const char *commands)
{
	if (shell("set -e; %s", commands))
		fail_msg("failed: %s", commands);
}

/* Skips the test if the kernel has no such link. */
static void add_or_skip(const char *add)
{
	if (shell("%s 2>/dev/null", add) == 0)
		return;
	print_message("SKIP: this kernel refuses: %s\n", add);
	skip();
}

static void a_default_route_in_any_table_makes_an_uplink(void **state)
{
	(void)state;
	run("ip link add netl0 type veth peer name netl1; ip addr add 10.98.0.1/24 dev netl0;"
	    "ip link set netl0 up; ip link set netl1 up");
	assert_string_equal(choose("auto"), "");
	run("ip route add blackhole default");
	assert_string_equal(choose("auto"), "");
	run("ip route del blackhole default; ip route add default via 10.98.0.2");
	assert_string_equal(choose("auto"), "netl0 ");
	run("ip route del default; ip route add 0.0.0.0/0 dev netl0 table 1234");
	assert_string_equal(choose("auto"), "netl0 ");
	run("ip route del default table 1234");
	assert_string_equal(choose("auto"), "netl0 ");
	run("ip -6 route add default dev netl1 table 99");
	assert_string_equal(choose("auto"), "netl1 ");
	run("ip link set netl1 down");
	assert_string_equal(choose("auto"), "netl1 ");
	run("ip link del netl0");
}

static void every_path_of_a_multipath_route_is_an_uplink(void **state)
{
	(void)state;
	run("ip link add netl0 type veth peer name netl1; ip link add netl2 type veth peer name "
	    "netl3; ip addr add 10.98.0.1/24 dev netl0; ip addr add 10.98.2.1/24 dev netl2;"
	    "for i in 0 1 2 3; do ip link set netl$i up; done;"
	    "ip route add default nexthop via 10.98.0.9 nexthop via 10.98.2.9");
	assert_string_equal(choose("auto"), "netl0 netl2 ");
	run("ip route del default; ip -6 addr add fd98::1/64 dev netl0 nodad;"
	    "ip -6 addr add fd98:2::1/64 dev netl2 nodad;"
	    "ip -6 route add default nexthop via fd98::9 nexthop via fd98:2::9");
	assert_string_equal(choose("auto"), "netl0 netl2 ");
	run("ip link del netl0; ip link del netl2");
}

static void a_bridge_is_chosen_in_place_of_its_ports(void **state)
{
	(void)state;
	add_or_skip("ip link add netlbr type bridge");
	run("ip link add netl0 type veth peer name netl1; ip link set netl0 master netlbr;"
	    "ip addr add 10.98.0.1/24 dev netlbr; ip link set netl0 up; ip link set netl1 up;"
	    "ip link set netlbr up");
	assert_string_equal(choose("auto"), "");
	run("ip route add default via 10.98.0.2");
	assert_string_equal(choose("auto"), "netlbr ");
	assert_string_equal(choose("netl0"), "netl0* ");
	assert_string_equal(choose("netl*"), "netlbr netl1* ");
	run("ip link del netlbr; ip link del netl0");
}

static void a_bond_is_chosen_in_place_of_its_slaves(void **state)
{
	(void)state;
	add_or_skip("ip link add netlbond type bond");
	run("ip link add netl0 type veth peer name netl1; ip link set netl0 master netlbond;"
	    "ip addr add 10.98.0.1/24 dev netlbond; ip link set netlbond up;"
	    "ip route add default via 10.98.0.2");
	assert_string_equal(choose("netl[b0]*"), "netlbond ");
	run("ip link del netlbond; ip link del netl0");
}

static void a_macvlan_is_left_to_its_chosen_lower_link(void **state)
{
	(void)state;
	run("ip link add netl0 type veth peer name netl1");
	if (shell("ip link add link netl0 name netlmv type macvlan mode bridge 2>/dev/null")) {
		run("ip link del netl0");
		print_message("SKIP: this kernel has no macvlan\n");
		skip();
	}
	run("ip link set netl0 up; ip link set netl1 up; ip link set netlmv up;"
	    "ip addr add 10.98.3.1/24 dev netlmv; ip route add default via 10.98.3.9");
	assert_string_equal(choose("auto"), "netlmv ");
	run("ip route add default dev netl0 table 77");
	assert_string_equal(choose("auto"), "netl0 ");
	run("ip link del netl0");
}

static void both_ends_of_a_veth_pair_can_be_chosen(void **state)
{
	(void)state;
	run("ip link add netl0 type veth peer name netl1; ip link set netl0 up;"
	    "ip link set netl1 up; ip route add default dev netl0;"
	    "ip route add default dev netl1 table 5");
	assert_string_equal(choose("auto"), "netl1 netl0 ");
	run("ip link del netl0");
}

static void a_tun_device_has_no_layer_2_header(void **state)
{
	struct v2m_chosen_device *devices = NULL;

	(void)state;
	add_or_skip("ip tuntap add netltun mode tun");
	run("ip link set netltun up");
	assert_int_equal(choose_devices("netltun", &devices), 1);
	assert_int_equal(devices[0].device.link_header, 0);
	assert_true(devices[0].device.host_only);
	free(devices);
	run("ip route add default dev netltun");
	assert_string_equal(choose("auto"), "netltun ");
	run("ip link del netltun");
}

static void every_link_is_listed_with_a_reason(void **state)
{
	char name[] = "auto";
	char *item = name;
	const struct v2m_strings interfaces = { .items = &item, .count = 1 };
	const struct v2m_strings exclude = { 0 };
	struct v2m_listed_link *devices = NULL;
	struct v2m_error error = { 0 };
	size_t count = 0;

	(void)state;
	run("ip link add netl0 type veth peer name netl1; ip link set netl0 up");
	assert_int_equal(
		v2m_links_list(links, &interfaces, &exclude, true, &devices, &count, &error), 0);
	assert_true(count >= 3);
	for (size_t i = 0; i < count; i++) {
		assert_string_not_equal(devices[i].choice.reason, "");
		assert_true(!i || devices[i - 1].link.ifindex < devices[i].link.ifindex);
		assert_int_equal(devices[i].choice.chosen, strcmp(devices[i].link.name, "lo") == 0);
		if (strcmp(devices[i].link.name, "netl0") == 0)
			assert_string_equal(devices[i].link.kind, "veth");
		if (strcmp(devices[i].link.name, "netl1") == 0)
			assert_string_equal(devices[i].choice.reason, "down");
	}
	free(devices);
	run("ip link del netl0");
}

static void counters_of_a_device_can_be_read_again(void **state)
{
	struct v2m_chosen_device *devices = NULL;
	struct v2m_error error = { 0 };
	struct sockaddr_in target = { .sin_family = AF_INET, .sin_port = htons(9) };
	char payload[1000] = { 0 };
	uint64_t before;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(choose_devices("lo", &devices), 1);
	before = devices[0].tx_bytes;
	assert_int_equal(
		sendto(fd, payload, sizeof(payload), 0, (struct sockaddr *)&target, sizeof(target)),
		sizeof(payload));
	assert_int_equal(v2m_links_read_counters(links, devices, 1, &error), 0);
	assert_true(devices[0].tx_bytes >= before + sizeof(payload) + 28);
	assert_true(devices[0].rx_bytes >= before + sizeof(payload) + 28);
	v2m_closep(&fd);
	free(devices);
}

static void the_counters_of_a_device_that_is_gone_stay(void **state)
{
	struct v2m_chosen_device device = { .device = { .ifindex = 1000000, .name = "gone" },
					    .rx_bytes = 7,
					    .tx_bytes = 8 };
	struct v2m_error error = { 0 };

	(void)state;
	assert_int_equal(v2m_links_read_counters(links, &device, 1, &error), 0);
	assert_int_equal(device.rx_bytes, 7);
	assert_int_equal(device.tx_bytes, 8);
}

static bool has_address(const char *text)
{
	struct v2m_local_address *addresses = NULL;
	struct v2m_error error = { 0 };
	uint8_t wanted[16];
	size_t count = 0;
	size_t found = 0;

	assert_int_equal(inet_pton(AF_INET6, text, wanted), 1);
	assert_int_equal(v2m_links_addresses(links, &addresses, &count, &error), 0);
	for (size_t i = 0; i < count; i++)
		found += memcmp(addresses[i].address, wanted, sizeof(wanted)) == 0;
	free(addresses);
	assert_true(found <= 1);
	return found;
}

static void addresses_are_this_hosts_own_mapped_and_unique(void **state)
{
	(void)state;
	run("ip link add netl0 type veth peer name netl1;"
	    "ip addr add 10.98.7.1 peer 10.98.7.2/32 dev netl0;"
	    "ip -6 addr add fe80::77/64 dev netl0 nodad;"
	    "ip -6 addr add fe80::77/64 dev netl1 nodad; ip link set netl0 up");
	assert_true(has_address("::ffff:127.0.0.1"));
	assert_true(has_address("::1"));
	assert_true(has_address("::ffff:10.98.7.1"));
	assert_false(has_address("::ffff:10.98.7.2"));
	assert_true(has_address("fe80::77"));
	run("ip link del netl0");
	assert_false(has_address("::ffff:10.98.7.1"));
}

static bool is_readable(void)
{
	struct pollfd event = { .fd = v2m_links_event_fd(links), .events = POLLIN };

	return poll(&event, 1, 0) == 1;
}

/* The kernel announces some changes, such as IPv6 addresses, a little later, from a worker. */
static bool is_noticed(void)
{
	struct pollfd event = { .fd = v2m_links_event_fd(links), .events = POLLIN };

	while (poll(&event, 1, 5000) == 1)
		if (v2m_links_drain(links))
			return true;
	return false;
}

static void changes_wake_and_are_drained(void **state)
{
	static const char *const changes[] = {
		"ip link add netl0 type veth peer name netl1",
		"ip link set netl0 up",
		"ip link set netl1 up",
		"ip addr add 10.98.0.1/24 dev netl0",
		"ip -6 addr add fd98::1/64 dev netl0 nodad",
		"ip route add default via 10.98.0.2",
		"ip -6 route add default via fd98::2",
		"tc qdisc add dev netl0 clsact",
		"tc qdisc del dev netl0 clsact",
		"ip link del netl0",
		"ip link add netl0 type veth peer name netl1",
		"ip link del netl0",
	};

	(void)state;
	v2m_links_drain(links);
	for (size_t i = 0; i < V2M_ARRAY_LEN(changes); i++) {
		if (strncmp(changes[i], "tc ", 3) == 0 && shell("%s 2>/dev/null", changes[i])) {
			print_message("SKIP: this kernel refuses: %s\n", changes[i]);
			continue;
		}
		if (strncmp(changes[i], "tc ", 3))
			run(changes[i]);
		if (!is_noticed())
			fail_msg("not noticed: %s", changes[i]);
	}
}

static void a_link_that_is_made_again_is_another_one(void **state)
{
	unsigned first;

	(void)state;
	for (int round = 0; round < 2; round++) {
		run("ip link add netl0 type veth peer name netl1; ip link set netl0 up;"
		    "ip link set netl1 up; ip route add default dev netl0");
		assert_string_equal(choose("auto"), "netl0 ");
		if (round)
			assert_int_not_equal(if_nametoindex("netl0"), first);
		first = if_nametoindex("netl0");
		run("ip link del netl0");
		assert_string_equal(choose("auto"), "");
	}
}

/* Announcements of links come late. */
static bool is_quiet(void *context)
{
	(void)context;
	return !v2m_links_drain(links);
}

static void routes_other_than_default_routes_do_not_matter(void **state)
{
	(void)state;
	assert_true(wait_until(is_quiet, NULL));
	run("ip route add blackhole 10.77.0.0/16");
	assert_true(is_readable());
	assert_false(v2m_links_drain(links));
	assert_false(is_readable());
	run("ip route del blackhole 10.77.0.0/16");
}

static void lost_messages_count_as_a_change(void **state)
{
	int least = 1;

	(void)state;
	assert_true(wait_until(is_quiet, NULL));
	assert_int_equal(
		setsockopt(v2m_links_event_fd(links), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)),
		0);
	run("for i in $(seq 1 40); do echo route add blackhole 10.78.$i.0/24; done | ip -batch -");
	assert_true(v2m_links_drain(links));
	assert_false(v2m_links_drain(links));
}

/* Removes what a test left, also after a failure. */
static int remove_links(void **state)
{
	(void)state;
	return shell("for d in $(ip -o link show | grep -o 'netl[a-z0-9]*' | sort -u); do"
		     "  ip link del $d 2>/dev/null || true; done;"
		     "ip route flush table all scope global >/dev/null 2>&1 || true");
}

static int open_links(void **state)
{
	struct v2m_error error = { 0 };

	(void)state;
	if (v2m_links_open(&links, &error) == 0)
		return 0;
	print_error("%s\n", error.text);
	return -1;
}

static int close_links(void **state)
{
	(void)state;
	v2m_links_close(links);
	return 0;
}

static void links_over_a_device_are_found_with_their_tags(void **state)
{
	struct v2m_chosen_device *devices = NULL;
	struct v2m_stacked_link *stacked = NULL;
	struct v2m_error error = { 0 };
	size_t n_devices;
	size_t count = 0;

	(void)state;
	run("ip link add netl0 type veth peer name netl1; ip link set netl0 up");
	add_or_skip("ip link add link netl0 name netl0.5 type vlan id 5");
	run("ip link add link netl0.5 name netl0.5.6 type vlan id 6");
	n_devices = choose_devices("netl0", &devices);
	assert_int_equal(n_devices, 1);
	if (v2m_links_stacked(links, devices, n_devices, &stacked, &count, &error))
		fail_msg("%s", error.text);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(stacked[i].device, if_nametoindex("netl0"));
		assert_int_equal(stacked[i].ifindex,
				 if_nametoindex(stacked[i].tags == 1 ? "netl0.5" : "netl0.5.6"));
	}
	assert_int_equal(stacked[0].tags + stacked[1].tags, 3);
	free(stacked);
	free(devices);
	run("ip link del netl0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(links_over_a_device_are_found_with_their_tags,
					  remove_links),
		cmocka_unit_test_teardown(a_default_route_in_any_table_makes_an_uplink,
					  remove_links),
		cmocka_unit_test_teardown(every_path_of_a_multipath_route_is_an_uplink,
					  remove_links),
		cmocka_unit_test_teardown(a_bridge_is_chosen_in_place_of_its_ports, remove_links),
		cmocka_unit_test_teardown(a_bond_is_chosen_in_place_of_its_slaves, remove_links),
		cmocka_unit_test_teardown(a_macvlan_is_left_to_its_chosen_lower_link, remove_links),
		cmocka_unit_test_teardown(both_ends_of_a_veth_pair_can_be_chosen, remove_links),
		cmocka_unit_test_teardown(a_tun_device_has_no_layer_2_header, remove_links),
		cmocka_unit_test_teardown(every_link_is_listed_with_a_reason, remove_links),
		cmocka_unit_test_teardown(counters_of_a_device_can_be_read_again, remove_links),
		cmocka_unit_test_teardown(the_counters_of_a_device_that_is_gone_stay, remove_links),
		cmocka_unit_test_teardown(addresses_are_this_hosts_own_mapped_and_unique,
					  remove_links),
		cmocka_unit_test_teardown(changes_wake_and_are_drained, remove_links),
		cmocka_unit_test_teardown(a_link_that_is_made_again_is_another_one, remove_links),
		cmocka_unit_test_teardown(routes_other_than_default_routes_do_not_matter,
					  remove_links),
		cmocka_unit_test_teardown(lost_messages_count_as_a_change, remove_links),
	};

	enter_own_namespace();
	if (shell("ip link set lo up"))
		return 1;
	return cmocka_run_group_tests(tests, open_links, close_links);
}
