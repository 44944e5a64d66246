# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Run by cpack when the files of each package are in a directory of their own: adds copyright, changelog, documents,
# configuration and overrides of lintian, and compresses as Debian's policy wants it.
set(here ${CMAKE_CURRENT_LIST_DIR})
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
string(TIMESTAMP DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)

foreach(component daemon client)
  string(TOUPPER ${component} upper)
  set(NAME ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  set(tree ${root}/${component})
  set(doc ${tree}/usr/share/doc/${NAME})
  file(WRITE ${doc}/changelog.Debian
       "v2meter (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) stable; urgency=medium\n\n"
       "  * Release ${CPACK_PACKAGE_VERSION}. Its changes: /usr/share/doc/${NAME}/changelog.gz\n\n"
       " -- ${CPACK_PACKAGE_CONTACT}  ${DATE}\n")
  file(COPY_FILE ${CPACK_V2M_SOURCE_DIR}/CHANGELOG.md ${doc}/changelog)
  file(COPY ${here}/copyright DESTINATION ${doc})
  file(COPY ${here}/${component}/lintian-overrides DESTINATION ${tree}/usr/share/lintian/overrides)
  file(RENAME ${tree}/usr/share/lintian/overrides/lintian-overrides ${tree}/usr/share/lintian/overrides/${NAME})
endforeach()

set(tree ${root}/daemon)
set(doc ${tree}/usr/share/doc/v2meterd)
file(COPY ${here}/daemon/v2meterd.default DESTINATION ${tree}/etc/default)
file(RENAME ${tree}/etc/default/v2meterd.default ${tree}/etc/default/v2meterd)
file(COPY ${here}/daemon/v2meter.json DESTINATION ${tree}/etc/v2meter)
file(COPY ${CPACK_V2M_SOURCE_DIR}/packaging/examples DESTINATION ${doc})
# A module to copy. As a program in /usr/share/v2meter it would make the package depend on Python.
file(RENAME ${tree}/usr/share/v2meter/v2meter_client.py ${doc}/examples/v2meter_client.py)
file(GLOB documents ${CPACK_V2M_SOURCE_DIR}/docs/*.md ${CPACK_V2M_SOURCE_DIR}/docs/openapi.yaml)
file(COPY ${documents} DESTINATION ${doc}/docs)

file(GLOB_RECURSE compressed ${root}/*/usr/share/man/* ${root}/*/usr/share/doc/*/changelog*)
execute_process(COMMAND gzip -9n ${compressed} COMMAND_ERROR_IS_FATAL ANY)
# Modes do not depend on the umask of the one who builds.
execute_process(COMMAND chmod -R u=rwX,go=rX ${root} COMMAND_ERROR_IS_FATAL ANY)
