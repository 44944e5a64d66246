# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The Debian packages v2meterd and v2meterctl, made by `cpack`. scripts/package calls it.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME v2meter)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
# Each package has a summary of its own.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
set(CPACK_PACKAGE_CONTACT "v2meter maintainers <maintainers@v2meter.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL daemon client)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
if(CMAKE_CROSSCOMPILING)
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE ${V2M_DEBIAN_ARCHITECTURE})
endif()

set(CPACK_DEBIAN_DAEMON_PACKAGE_NAME v2meterd)
set(CPACK_DEBIAN_DAEMON_DESCRIPTION "traffic meter for V2Ray and Xray servers
v2meterd counts every byte of every key of a V2Ray or Xray server in the
kernel, by eBPF programs on the network devices, and serves the figures as a
JSON API and as a page. It finds the keys where panels and proxies keep them.
Counting goes on while the daemon is stopped or upgraded.")
# systemd brings systemd-sysusers and systemd-tmpfiles too, which the package calls.
set(CPACK_DEBIAN_DAEMON_PACKAGE_DEPENDS "systemd (>= 247)")
set(CPACK_DEBIAN_DAEMON_PACKAGE_RECOMMENDS v2meterctl)
set(scripts ${CMAKE_CURRENT_LIST_DIR}/daemon)
set(conffiles ${CMAKE_BINARY_DIR}/debian/conffiles)
file(WRITE ${conffiles} "/etc/default/v2meterd\n/etc/v2meter/v2meter.json\n")
set(CPACK_DEBIAN_DAEMON_PACKAGE_CONTROL_EXTRA ${scripts}/postinst ${scripts}/prerm ${scripts}/postrm ${conffiles})

set(CPACK_DEBIAN_CLIENT_PACKAGE_NAME v2meterctl)
set(CPACK_DEBIAN_CLIENT_DESCRIPTION "command-line client of the traffic meter v2meterd
v2meterctl shows the traffic of the keys of a V2Ray or Xray server, live or as
tables, resets a key, and moves totals and history to another server. It asks
v2meterd on this host or on another one.")
set(CPACK_DEBIAN_CLIENT_PACKAGE_SUGGESTS v2meterd)

# Adds what a package has and `cmake --install` does not install.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/complete.cmake)
set(CPACK_V2M_SOURCE_DIR ${CMAKE_SOURCE_DIR})
include(CPack)
