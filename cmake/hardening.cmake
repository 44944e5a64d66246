# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What makes an exploit of the installed programs harder, and their builds reproducible. tests/checks/hardening.sh
# looks for all of this in the programs.
include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# The compiler may define _FORTIFY_SOURCE itself. Level 3 needs GCC 12 or clang 9, and is level 2 for older ones.
target_compile_options(v2m_hardened INTERFACE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
target_link_options(v2m_hardened INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

# Indirect branches lead only to marked places, by CET on x86-64 and by BTI and PAC on arm64. Debian's C library has
# no marks for CET, so the kernel does not enforce it there yet; the code is ready.
foreach(flag -fstack-clash-protection -fcf-protection=full -mbranch-protection=standard)
  string(MAKE_C_IDENTIFIER "V2M_HAS${flag}" known)
  check_c_compiler_flag(${flag} ${known})
  if(${known})
    target_compile_options(v2m_hardened INTERFACE ${flag})
  endif()
endforeach()

# Two builds of one commit are equal wherever they are made: no path of the build's machine is in the programs.
target_compile_options(v2m_hardened INTERFACE
  -ffile-prefix-map=${CMAKE_BINARY_DIR}=build -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
