// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit/devices/topology.h"

static void a_bond_is_chosen_and_its_slaves_are_not(void **state)
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

static void a_bridge_is_chosen_if_its_port_has_the_default_route(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0")->master = 2;
	add(&t, "br0", "bridge");
	assert_string_equal(choose_auto(&t), "br0 ");
	assert_non_null(strstr(t.choices[1].reason, "master of eth0"));
	assert_false(t.choices[1].host_only);
}

static void a_port_is_chosen_if_its_bridge_is_excluded(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0")->master = 2;
	add(&t, "br0", "bridge");
	assert_string_equal(choose(&t, "auto", "br*", false), "eth0 ");
}

static void a_bridge_over_a_bond_is_chosen_alone(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0")->master = 2;
	add(&t, "bond0", "bond")->master = 3;
	add(&t, "br0", "bridge")->global_address = true;
	assert_string_equal(choose_auto(&t), "br0 ");
}

static void a_member_of_a_vrf_is_chosen_and_the_vrf_is_not(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0")->master = 2;
	add(&t, "vrf-blue", "vrf");
	assert_string_equal(choose_auto(&t), "eth0 ");
}

static void a_vlan_is_left_to_its_chosen_lower_link(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *vlan;

	(void)state;
	add_uplink(&t, "eth0");
	vlan = add_vlan(&t, "eth0.10", 1);
	assert_string_equal(choose_auto(&t), "eth0 ");
	assert_string_equal(choice(&t, vlan)->reason, "its traffic is counted on eth0");
}

static void a_vlan_over_a_nic_without_address_is_chosen(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_nic(&t, "eth0");
	add_vlan(&t, "eth0.10", 1);
	assert_string_equal(choose_auto(&t), "eth0.10 ");
}

static void a_vlan_over_a_bond_is_left_to_the_bond_if_that_is_an_uplink(void **state)
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

static void a_macvlan_over_a_link_of_another_namespace_is_chosen(void **state)
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

static void a_vlan_is_chosen_if_its_lower_link_is_excluded(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0");
	add_vlan(&t, "eth0.10", 1);
	assert_string_equal(choose(&t, "auto", "eth0", false), "eth0.10 ");
}

static void named_links_of_one_stack_are_counted_once(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_nic(&t, "eth0")->master = 2;
	add(&t, "bond0", "bond")->global_address = true;
	add(&t, "bond0.5", "vlan")->lower = 2;
	assert_string_equal(choose(&t, "*", "", false), "bond0 ");
}

static void a_named_slave_is_chosen_if_its_bond_is_not(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_nic(&t, "eth0")->master = 2;
	add(&t, "bond0", "bond")->global_address = true;
	assert_string_equal(choose(&t, "eth0", "", false), "eth0 ");
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

static void a_port_is_chosen_if_its_bridge_is_down(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0")->master = 2;
	add(&t, "br0", "bridge")->up = false;
	assert_string_equal(choose_auto(&t), "eth0 ");
}

static void the_topmost_master_is_chosen_for_a_slave(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0")->master = 2;
	add(&t, "bond0", "bond")->master = 3;
	add(&t, "br0", "bridge");
	assert_string_equal(choose_auto(&t), "br0 ");
}

static void a_named_vrf_does_not_replace_its_member(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add_uplink(&t, "eth0")->master = 2;
	add(&t, "vrf-blue", "vrf");
	assert_string_equal(choose(&t, "eth0 vrf-blue", "", false), "eth0 vrf-blue ");
}

static void a_named_link_over_a_loop_in_the_description_is_chosen(void **state)
{
	struct topology t = { 0 };

	(void)state;
	add(&t, "a", "vlan")->lower = 2;
	add(&t, "b", "vlan")->lower = 1;
	add(&t, "c", "vlan")->lower = 1;
	assert_string_equal(choose(&t, "c", "", false), "c ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bond_is_chosen_and_its_slaves_are_not),
		cmocka_unit_test(a_bridge_is_chosen_if_its_port_has_the_default_route),
		cmocka_unit_test(a_port_is_chosen_if_its_bridge_is_excluded),
		cmocka_unit_test(a_bridge_over_a_bond_is_chosen_alone),
		cmocka_unit_test(a_member_of_a_vrf_is_chosen_and_the_vrf_is_not),
		cmocka_unit_test(a_vlan_is_left_to_its_chosen_lower_link),
		cmocka_unit_test(a_vlan_over_a_nic_without_address_is_chosen),
		cmocka_unit_test(a_vlan_over_a_bond_is_left_to_the_bond_if_that_is_an_uplink),
		cmocka_unit_test(stacked_vlans_are_counted_at_the_bottom),
		cmocka_unit_test(a_macvlan_over_an_uplink_is_left_out),
		cmocka_unit_test(a_macvlan_over_a_link_of_another_namespace_is_chosen),
		cmocka_unit_test(a_bridge_over_a_vlan_of_an_uplink_is_left_out),
		cmocka_unit_test(a_bridge_of_containers_is_no_uplink),
		cmocka_unit_test(a_vlan_is_chosen_if_its_lower_link_is_excluded),
		cmocka_unit_test(named_links_of_one_stack_are_counted_once),
		cmocka_unit_test(a_named_slave_is_chosen_if_its_bond_is_not),
		cmocka_unit_test(a_loop_in_the_description_ends),
		cmocka_unit_test(a_port_is_chosen_if_its_bridge_is_down),
		cmocka_unit_test(the_topmost_master_is_chosen_for_a_slave),
		cmocka_unit_test(a_named_vrf_does_not_replace_its_member),
		cmocka_unit_test(a_named_link_over_a_loop_in_the_description_is_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
