// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/device_choice.h"

#include <net/if_arp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MOST_LINKS 16

/* A configuration of devices: names and globs, separated by blanks. */
struct names {
	char text[64];
	char *items[8];
	struct v2m_strings list;
};

static const struct v2m_strings *names(struct names *names, const char *text)
{
	char *rest = names->text;

	snprintf(names->text, sizeof(names->text), "%s", text);
	names->list = (struct v2m_strings){ names->items, 0 };
	for (char *name = strtok_r(rest, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		names->items[names->list.count++] = name;
	return &names->list;
}

/* Everything about a topology: devices are named by their place, the first one is 1. */
struct topology {
	struct v2m_link links[MOST_LINKS];
	struct v2m_link_choice choices[MOST_LINKS];
	size_t count;
};

static struct v2m_link *add(struct topology *topology, const char *name, const char *kind)
{
	struct v2m_link *link = &topology->links[topology->count++];

	link->ifindex = (uint32_t)topology->count;
	link->type = ARPHRD_ETHER;
	link->up = true;
	snprintf(link->name, sizeof(link->name), "%s", name);
	snprintf(link->kind, sizeof(link->kind), "%s", kind);
	return link;
}

static struct v2m_link *add_nic(struct topology *topology, const char *name)
{
	struct v2m_link *link = add(topology, name, "");

	link->hardware = true;
	return link;
}

static struct v2m_link *add_uplink(struct topology *topology, const char *name)
{
	struct v2m_link *link = add_nic(topology, name);

	link->default_route = true;
	link->global_address = true;
	return link;
}

static struct v2m_link *add_loopback(struct topology *topology)
{
	struct v2m_link *link = add(topology, "lo", "");

	link->type = ARPHRD_LOOPBACK;
	return link;
}

/* The names of the chosen devices, in order, each followed by a blank. */
static const char *choose(struct topology *topology, const char *interfaces, const char *exclude,
			  bool loopback)
{
	struct names wanted;
	struct names unwanted;
	static char chosen[MOST_LINKS * V2M_DEVICE_NAME_LEN + 1];

	assert_int_equal(v2m_choose_links(topology->links, topology->count,
					  names(&wanted, interfaces), names(&unwanted, exclude),
					  loopback, topology->choices),
			 0);
	chosen[0] = 0;
	for (size_t i = 0; i < topology->count; i++) {
		assert_string_not_equal(topology->choices[i].reason, "");
		if (!topology->choices[i].chosen)
			continue;
		strcat(chosen, topology->links[i].name);
		strcat(chosen, " ");
	}
	return chosen;
}

static const char *choose_auto(struct topology *topology)
{
	return choose(topology, "auto", "", false);
}

static const struct v2m_link_choice *choice(const struct topology *topology,
					    const struct v2m_link *link)
{
	return &topology->choices[link - topology->links];
}

static void a_nic_with_the_default_route_is_an_uplink(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *nic;

	(void)state;
	add_loopback(&t);
	nic = add_uplink(&t, "eth0");
	assert_string_equal(choose_auto(&t), "eth0 ");
	assert_string_equal(choice(&t, nic)->reason, "default route");
	assert_false(choice(&t, nic)->host_only);
	assert_int_equal(choice(&t, nic)->link_header, 14);
}

static void a_nic_with_a_global_address_is_an_uplink_without_a_route(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_nic(&t, "eth0")->global_address = true;
	add_nic(&t, "eth1");
	assert_string_equal(choose_auto(&t), "eth0 ");
}

static void a_virtual_nic_without_kind_and_parent_counts_as_real(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add(&t, "eth0", "")->global_address = true;
	assert_string_equal(choose_auto(&t), "eth0 ");
}

static void a_modem_that_names_a_kind_and_a_parent_is_real(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *modem = add(&t, "wwan0", "wwan");

	(void)state;
	modem->hardware = true;
	modem->global_address = true;
	modem->type = ARPHRD_RAWIP;
	assert_string_equal(choose_auto(&t), "wwan0 ");
	assert_int_equal(choice(&t, modem)->link_header, 0);
}

static void several_uplinks_are_all_chosen(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0");
	add_uplink(&t, "eth1");
	add_nic(&t, "eth2")->default_route = true;
	assert_string_equal(choose_auto(&t), "eth0 eth1 eth2 ");
}

static void a_device_that_is_down_is_left_out_even_if_named(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *nic = add_uplink(&t, "eth0");

	(void)state;
	nic->up = false;
	assert_string_equal(choose(&t, "auto eth0", "", false), "");
	assert_string_equal(choice(&t, nic)->reason, "down");
}

static void of_a_bond_the_master_is_taken_and_not_the_slaves(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *bond;
	struct v2m_link *slave;

	(void)state;
	slave = add_nic(&t, "eth0");
	slave->master = 3;
	slave->global_address = true;
	add_nic(&t, "eth1")->master = 3;
	bond = add(&t, "bond0", "bond");
	bond->global_address = true;
	assert_string_equal(choose_auto(&t), "bond0 ");
	assert_string_equal(choice(&t, slave)->reason, "counted on bond0, its master");
}

static void a_slave_with_the_default_route_stands_for_its_master(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0")->master = 2;
	add(&t, "br0", "bridge");
	assert_string_equal(choose_auto(&t), "br0 ");
	assert_non_null(strstr(t.choices[1].reason, "master of eth0"));
	assert_false(t.choices[1].host_only);
}

static void a_slave_stays_where_its_master_is_excluded(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0")->master = 2;
	add(&t, "br0", "bridge");
	assert_string_equal(choose(&t, "auto", "br*", false), "eth0 ");
}

static void a_bridge_over_a_bond_is_taken_alone(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0")->master = 2;
	add(&t, "bond0", "bond")->master = 3;
	add(&t, "br0", "bridge")->global_address = true;
	assert_string_equal(choose_auto(&t), "br0 ");
}

static void a_member_of_a_vrf_is_taken_and_not_the_vrf(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0")->master = 2;
	add(&t, "vrf-blue", "vrf");
	assert_string_equal(choose_auto(&t), "eth0 ");
}

static void of_a_vlan_the_chosen_lower_device_is_taken(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *vlan;

	(void)state;
	add_uplink(&t, "eth0");
	vlan = add(&t, "eth0.10", "vlan");
	vlan->lower = 1;
	vlan->global_address = true;
	assert_string_equal(choose_auto(&t), "eth0 ");
	assert_string_equal(choice(&t, vlan)->reason, "its traffic is counted on eth0");
}

static void a_vlan_over_a_bare_nic_is_taken_itself(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *vlan;

	(void)state;
	add_nic(&t, "eth0");
	vlan = add(&t, "eth0.10", "vlan");
	vlan->lower = 1;
	vlan->global_address = true;
	assert_string_equal(choose_auto(&t), "eth0.10 ");
}

static void a_vlan_over_a_bond_goes_with_the_bond(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *vlan;

	(void)state;
	add_nic(&t, "eth0")->master = 3;
	add_nic(&t, "eth1")->master = 3;
	add(&t, "bond0", "bond");
	vlan = add(&t, "bond0.7", "vlan");
	vlan->lower = 3;
	vlan->default_route = true;
	assert_string_equal(choose_auto(&t), "bond0.7 ");
	t.links[2].global_address = true;
	assert_string_equal(choose_auto(&t), "bond0 ");
}

static void stacked_vlans_are_counted_at_the_bottom(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0");
	add(&t, "eth0.1", "vlan")->lower = 1;
	add(&t, "eth0.1.2", "vlan")->lower = 2;
	t.links[2].default_route = true;
	assert_string_equal(choose_auto(&t), "eth0 ");
}

static void a_macvlan_over_an_uplink_is_left_out(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0");
	add(&t, "mv0", "macvlan")->lower = 1;
	t.links[1].default_route = true;
	assert_string_equal(choose_auto(&t), "eth0 ");
}

static void a_macvlan_with_its_lower_device_elsewhere_is_taken(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add(&t, "eth0", "macvlan")->default_route = true;
	assert_string_equal(choose_auto(&t), "eth0 ");
}

static void a_bridge_over_a_vlan_of_an_uplink_is_left_out(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *vlan;

	(void)state;
	add_uplink(&t, "eth0");
	vlan = add(&t, "eth0.10", "vlan");
	vlan->lower = 1;
	vlan->master = 3;
	add(&t, "br0", "bridge")->global_address = true;
	assert_string_equal(choose_auto(&t), "eth0 ");
	assert_string_equal(t.choices[2].reason, "its traffic is counted on eth0");
}

static void a_bridge_of_containers_is_no_uplink(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *veth;

	(void)state;
	add_uplink(&t, "eth0");
	add(&t, "docker0", "bridge")->global_address = true;
	veth = add(&t, "veth1a2b", "veth");
	veth->master = 2;
	veth->lower = 1; /* the other end's index in its own namespace */
	assert_string_equal(choose_auto(&t), "eth0 ");
}

static void a_tunnel_over_the_uplink_is_no_uplink(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *tunnel;

	(void)state;
	add_uplink(&t, "eth0");
	tunnel = add(&t, "wg0", "wireguard");
	tunnel->type = ARPHRD_NONE;
	tunnel->global_address = true;
	assert_string_equal(choose_auto(&t), "eth0 ");
	assert_string_equal(choice(&t, tunnel)->reason,
			    "neither an uplink nor named in interfaces");
}

static void a_tunnel_with_a_default_route_is_an_uplink(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *tunnel;

	(void)state;
	add_uplink(&t, "eth0");
	tunnel = add(&t, "sit1", "sit");
	tunnel->type = ARPHRD_SIT;
	tunnel->lower = 1;
	tunnel->default_route = true;
	assert_string_equal(choose_auto(&t), "eth0 sit1 ");
	assert_int_equal(choice(&t, tunnel)->link_header, 0);
	assert_false(choice(&t, tunnel)->host_only);
}

static void a_veth_with_the_default_route_is_an_uplink(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add(&t, "eth0", "veth")->default_route = true;
	add(&t, "veth9", "veth")->global_address = true;
	assert_string_equal(choose_auto(&t), "eth0 ");
}

static void loopback_is_chosen_only_when_asked_for(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *loopback = add_loopback(&t);

	(void)state;
	loopback->global_address = true; /* as with an anycast address on lo */
	add_uplink(&t, "eth0");
	assert_string_equal(choose_auto(&t), "eth0 ");
	assert_string_equal(choose(&t, "auto", "", true), "lo eth0 ");
	assert_int_equal(choice(&t, loopback)->link_header, 14);
	assert_false(choice(&t, loopback)->host_only);
}

static void a_named_device_that_is_no_uplink_counts_the_host_alone(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *tunnel;

	(void)state;
	add_uplink(&t, "eth0");
	tunnel = add(&t, "wg0", "wireguard");
	tunnel->type = ARPHRD_NONE;
	assert_string_equal(choose(&t, "auto wg0", "", false), "eth0 wg0 ");
	assert_true(choice(&t, tunnel)->host_only);
	assert_false(t.choices[0].host_only);
	assert_string_equal(choice(&t, tunnel)->reason, "named in interfaces");
}

static void a_named_uplink_is_not_limited_to_the_host(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0");
	add_uplink(&t, "eth1");
	assert_string_equal(choose(&t, "eth0", "", false), "eth0 ");
	assert_false(t.choices[0].host_only);
}

static void globs_name_devices_and_exclusion_wins(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0");
	add_nic(&t, "eth1");
	add_uplink(&t, "eth2");
	add_uplink(&t, "ens3");
	assert_string_equal(choose(&t, "eth*", "eth[2-9]", false), "eth0 eth1 ");
	assert_string_equal(t.choices[0].reason, "matches \"eth*\" in interfaces");
	assert_string_equal(t.choices[2].reason, "excluded by \"eth[2-9]\"");
	assert_string_equal(choose(&t, "auto", "eth[2-9]", false), "eth0 ens3 ");
}

static void a_vlan_is_taken_where_its_lower_device_is_excluded(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *vlan;

	(void)state;
	add_uplink(&t, "eth0");
	vlan = add(&t, "eth0.10", "vlan");
	vlan->lower = 1;
	vlan->global_address = true;
	assert_string_equal(choose(&t, "auto", "eth0", false), "eth0.10 ");
}

static void named_devices_of_one_stack_are_counted_once(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_nic(&t, "eth0")->master = 2;
	add(&t, "bond0", "bond")->global_address = true;
	add(&t, "bond0.5", "vlan")->lower = 2;
	assert_string_equal(choose(&t, "*", "", false), "bond0 ");
}

static void a_named_slave_is_taken_where_its_master_is_not(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_nic(&t, "eth0")->master = 2;
	add(&t, "bond0", "bond")->global_address = true;
	assert_string_equal(choose(&t, "eth0", "", false), "eth0 ");
}

static void an_unreadable_link_type_is_refused_with_a_reason(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *infiniband = add_uplink(&t, "ib0");

	(void)state;
	infiniband->type = ARPHRD_INFINIBAND;
	assert_string_equal(choose_auto(&t), "");
	assert_true(choice(&t, infiniband)->refused);
	assert_string_equal(choice(&t, infiniband)->reason,
			    "packets of link type 32 cannot be read");
}

static void an_unreadable_device_nobody_wants_is_not_refused(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *can = add(&t, "can0", "vcan");

	(void)state;
	can->type = ARPHRD_CAN;
	assert_string_equal(choose_auto(&t), "");
	assert_false(choice(&t, can)->refused);
}

static void every_readable_link_type_has_its_header_length(void **state)
{
	static const struct {
		uint16_t type;
		uint8_t header;
	} types[] = {
		{ ARPHRD_ETHER, 14 }, { ARPHRD_NONE, 0 },   { ARPHRD_PPP, 0 },
		{ ARPHRD_RAWIP, 0 },  { ARPHRD_TUNNEL, 0 }, { ARPHRD_TUNNEL6, 0 },
		{ ARPHRD_SIT, 0 },    { ARPHRD_IPGRE, 0 },  { 823 /* ARPHRD_IP6GRE */, 0 },
	};

	(void)state;
	for (size_t i = 0; i < V2M_ARRAY_LEN(types); i++) {
		struct topology t = { 0 };

		add(&t, "x0", "x")->default_route = true;
		t.links[0].type = types[i].type;
		assert_string_equal(choose_auto(&t), "x0 ");
		assert_int_equal(t.choices[0].link_header, types[i].header);
	}
}

static void a_loop_in_the_description_ends(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add(&t, "a", "vlan")->lower = 2;
	add(&t, "b", "vlan")->lower = 1;
	add(&t, "c", "bridge")->master = 4;
	add(&t, "d", "bridge")->master = 3;
	for (size_t i = 0; i < t.count; i++)
		t.links[i].global_address = true;
	assert_string_equal(choose_auto(&t), "");
}

static void no_devices_are_no_error(void **state)
{
	struct topology t = { 0 };

	(void)state;
	assert_string_equal(choose_auto(&t), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_nic_with_the_default_route_is_an_uplink),
		cmocka_unit_test(a_nic_with_a_global_address_is_an_uplink_without_a_route),
		cmocka_unit_test(a_virtual_nic_without_kind_and_parent_counts_as_real),
		cmocka_unit_test(a_modem_that_names_a_kind_and_a_parent_is_real),
		cmocka_unit_test(several_uplinks_are_all_chosen),
		cmocka_unit_test(a_device_that_is_down_is_left_out_even_if_named),
		cmocka_unit_test(of_a_bond_the_master_is_taken_and_not_the_slaves),
		cmocka_unit_test(a_slave_with_the_default_route_stands_for_its_master),
		cmocka_unit_test(a_slave_stays_where_its_master_is_excluded),
		cmocka_unit_test(a_bridge_over_a_bond_is_taken_alone),
		cmocka_unit_test(a_member_of_a_vrf_is_taken_and_not_the_vrf),
		cmocka_unit_test(of_a_vlan_the_chosen_lower_device_is_taken),
		cmocka_unit_test(a_vlan_over_a_bare_nic_is_taken_itself),
		cmocka_unit_test(a_vlan_over_a_bond_goes_with_the_bond),
		cmocka_unit_test(stacked_vlans_are_counted_at_the_bottom),
		cmocka_unit_test(a_macvlan_over_an_uplink_is_left_out),
		cmocka_unit_test(a_macvlan_with_its_lower_device_elsewhere_is_taken),
		cmocka_unit_test(a_bridge_over_a_vlan_of_an_uplink_is_left_out),
		cmocka_unit_test(a_bridge_of_containers_is_no_uplink),
		cmocka_unit_test(a_tunnel_over_the_uplink_is_no_uplink),
		cmocka_unit_test(a_tunnel_with_a_default_route_is_an_uplink),
		cmocka_unit_test(a_veth_with_the_default_route_is_an_uplink),
		cmocka_unit_test(loopback_is_chosen_only_when_asked_for),
		cmocka_unit_test(a_named_device_that_is_no_uplink_counts_the_host_alone),
		cmocka_unit_test(a_named_uplink_is_not_limited_to_the_host),
		cmocka_unit_test(globs_name_devices_and_exclusion_wins),
		cmocka_unit_test(a_vlan_is_taken_where_its_lower_device_is_excluded),
		cmocka_unit_test(named_devices_of_one_stack_are_counted_once),
		cmocka_unit_test(a_named_slave_is_taken_where_its_master_is_not),
		cmocka_unit_test(an_unreadable_link_type_is_refused_with_a_reason),
		cmocka_unit_test(an_unreadable_device_nobody_wants_is_not_refused),
		cmocka_unit_test(every_readable_link_type_has_its_header_length),
		cmocka_unit_test(a_loop_in_the_description_ends),
		cmocka_unit_test(no_devices_are_no_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
