# Run by CPack on what it has installed: Debian wants neither symbols nor notes of the compiler.
file(GLOB programs ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/bin/*)
foreach(program IN LISTS programs)
  execute_process(COMMAND strip --strip-unneeded -R .comment -R .note ${program} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
