# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The BPF tests of tests/bpf on each kernel; the differential test with fewer packets."""

import re

import pytest

from conftest import BPF_TESTS

# The kernel of this machine gets the full million.
DIFFERENTIAL_COUNT = 20000
SWAPS = 20
FLOW_PACKETS = 500
FLOWS = 1000


@pytest.mark.parametrize("name", BPF_TESTS)
def test_bpf(vm, bpf_programs, name):
    """V2METER_VM_THOROUGH adds the tests that make devices and send traffic."""
    if not bpf_programs:
        pytest.skip("the programs of tests/bpf are not built: scripts/build debug makes them")
    assert name in bpf_programs, f"bpf_{name} is not built, and others are"
    result = vm.run(f"V2M_DIFF_COUNT={DIFFERENTIAL_COUNT} V2M_SWAPS={SWAPS} V2M_FLOW_PACKETS={FLOW_PACKETS} "
                    f"V2M_FLOWS={FLOWS} bpf_{name}", 120)
    assert result.status == 0, result.output
    assert re.search(r"\[  PASSED  \] [1-9]\d* test", result.output), result.output
