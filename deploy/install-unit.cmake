# Run at installation: writes the unit and its settings for the prefix in use.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr" OR CMAKE_INSTALL_PREFIX STREQUAL "/")
  set(CMAKE_INSTALL_FULL_SYSCONFDIR /etc)
else()
  set(CMAKE_INSTALL_FULL_SYSCONFDIR ${CMAKE_INSTALL_PREFIX}/etc)
endif()
set(CMAKE_INSTALL_FULL_BINDIR ${CMAKE_INSTALL_PREFIX}/bin)
# A file for each prefix: two installations may run at once.
string(MD5 prefix_name "${CMAKE_INSTALL_PREFIX}")
set(unit ${PLEGD_BUILD_DIR}/unit-${prefix_name}/plegd.service)
configure_file(${PLEGD_DEPLOY_DIR}/systemd/plegd.service.in ${unit} @ONLY)
file(INSTALL DESTINATION ${CMAKE_INSTALL_PREFIX}/lib/systemd/system TYPE FILE
  FILES ${unit})
file(INSTALL DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/default TYPE FILE
  FILES ${PLEGD_DEPLOY_DIR}/systemd/plegd.default RENAME plegd)
file(INSTALL DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/logrotate.d TYPE FILE
  FILES ${PLEGD_DEPLOY_DIR}/logrotate/plegd)
