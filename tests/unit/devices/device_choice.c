// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/macros.h"
#include "unit/devices/topology.h"

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

static void a_link_that_is_down_is_left_out_even_if_named(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *nic = add_uplink(&t, "eth0");

	(void)state;
	nic->up = false;
	assert_string_equal(choose(&t, "auto eth0", "", false), "");
	assert_string_equal(choice(&t, nic)->reason, "down");
}

static void a_counted_device_that_goes_down_stays(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *nic = add_uplink(&t, "eth0");
	struct v2m_link *lan = add(&t, "lan0", "veth");

	(void)state;
	nic->up = lan->up = false;
	nic->counted = lan->counted = nic->uplink_before = true;
	nic->default_route = nic->global_address = false;
	assert_string_equal(choose(&t, "auto lan0", "", false), "eth0 lan0 ");
	assert_false(choice(&t, nic)->host_only);
	assert_true(choice(&t, lan)->host_only);
	assert_string_equal(choose(&t, "lan0", "", false), "lan0 ");
	assert_string_equal(choose(&t, "auto lan0", "eth0 lan0", false), "");
}

static void a_counted_device_that_goes_down_and_joins_a_bond_is_left_to_the_bond(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *nic = add_uplink(&t, "eth0");
	struct v2m_link *bond = add(&t, "bond0", "bond");

	(void)state;
	nic->up = false;
	nic->counted = nic->uplink_before = true;
	nic->master = bond->ifindex;
	assert_string_equal(choose_auto(&t), "bond0 ");
}

static void an_uplink_stays_one_until_another_link_has_the_default_route(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *before = add(&t, "veth0", "veth");
	struct v2m_link *other = add(&t, "veth1", "veth");

	(void)state;
	assert_string_equal(choose_auto(&t), "");
	before->counted = before->uplink_before = true;
	assert_string_equal(choose_auto(&t), "veth0 ");
	other->default_route = true;
	assert_string_equal(choose_auto(&t), "veth1 ");
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

static void on_a_named_device_that_is_not_an_uplink_only_the_hosts_packets_count(void **state)
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

static void globs_name_links_and_exclusion_has_priority(void **state)
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

static void an_unreadable_link_that_nobody_wants_is_not_refused(void **state)
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

static void no_links_are_not_an_error(void **state)
{
	struct topology t = { 0 };

	(void)state;
	assert_string_equal(choose_auto(&t), "");
}

static void the_loopback_link_can_be_named_and_excluded(void **state)
{
	struct topology t = { 0 };
	struct v2m_link *loopback = add_loopback(&t);

	(void)state;
	assert_string_equal(choose(&t, "lo", "", false), "lo ");
	assert_false(choice(&t, loopback)->host_only);
	assert_string_equal(choose(&t, "auto", "lo", true), "");
	assert_string_equal(choice(&t, loopback)->reason, "excluded by \"lo\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_nic_with_the_default_route_is_an_uplink),
		cmocka_unit_test(a_nic_with_a_global_address_is_an_uplink_without_a_route),
		cmocka_unit_test(a_virtual_nic_without_kind_and_parent_counts_as_real),
		cmocka_unit_test(a_modem_that_names_a_kind_and_a_parent_is_real),
		cmocka_unit_test(several_uplinks_are_all_chosen),
		cmocka_unit_test(a_link_that_is_down_is_left_out_even_if_named),
		cmocka_unit_test(a_counted_device_that_goes_down_stays),
		cmocka_unit_test(
			a_counted_device_that_goes_down_and_joins_a_bond_is_left_to_the_bond),
		cmocka_unit_test(an_uplink_stays_one_until_another_link_has_the_default_route),
		cmocka_unit_test(a_tunnel_over_the_uplink_is_no_uplink),
		cmocka_unit_test(a_tunnel_with_a_default_route_is_an_uplink),
		cmocka_unit_test(a_veth_with_the_default_route_is_an_uplink),
		cmocka_unit_test(loopback_is_chosen_only_when_asked_for),
		cmocka_unit_test(
			on_a_named_device_that_is_not_an_uplink_only_the_hosts_packets_count),
		cmocka_unit_test(a_named_uplink_is_not_limited_to_the_host),
		cmocka_unit_test(globs_name_links_and_exclusion_has_priority),
		cmocka_unit_test(an_unreadable_link_type_is_refused_with_a_reason),
		cmocka_unit_test(an_unreadable_link_that_nobody_wants_is_not_refused),
		cmocka_unit_test(every_readable_link_type_has_its_header_length),
		cmocka_unit_test(no_links_are_not_an_error),
		cmocka_unit_test(the_loopback_link_can_be_named_and_excluded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
