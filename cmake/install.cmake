# The installed package: find_package(lastgood COMPONENTS store monitor recovery timeout torch monitor_torch
# recovery_torch timeout_torch loop), the command and its completion.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lastgood)

# lastgood_install(TARGET COMPONENT HEADERS): each component has its own export, so that one can be had without another.
function(lastgood_install target component headers)
  install(TARGETS ${target} EXPORT lastgood_${component} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT lastgood_${component} NAMESPACE lastgood:: DESTINATION ${package_dir} FILE lastgood-${component}.cmake)
  install(DIRECTORY ${headers}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
endfunction()

lastgood_install(lastgood_store store ${PROJECT_SOURCE_DIR}/store/include)
lastgood_install(lastgood_monitor monitor ${PROJECT_SOURCE_DIR}/monitor/include)
lastgood_install(lastgood_timeout timeout ${PROJECT_SOURCE_DIR}/timeout/include)
lastgood_install(lastgood_recovery recovery ${PROJECT_SOURCE_DIR}/recovery/include)
install(FILES ${PROJECT_BINARY_DIR}/include/lastgood/version.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lastgood)
if(TARGET lastgood_torch)
  lastgood_install(lastgood_torch torch ${PROJECT_SOURCE_DIR}/store/torch/include)
  lastgood_install(lastgood_monitor_torch monitor_torch ${PROJECT_SOURCE_DIR}/monitor/torch/include)
  lastgood_install(lastgood_recovery_torch recovery_torch ${PROJECT_SOURCE_DIR}/recovery/torch/include)
  lastgood_install(lastgood_timeout_torch timeout_torch ${PROJECT_SOURCE_DIR}/timeout/torch/include)
  lastgood_install(lastgood_loop loop ${PROJECT_SOURCE_DIR}/loop/torch/include)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/torch.cmake ${PROJECT_SOURCE_DIR}/cmake/torch_is_one.cmake
    DESTINATION ${package_dir})
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lastgoodConfig.cmake.in
  ${PROJECT_BINARY_DIR}/lastgoodConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lastgoodConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lastgoodConfig.cmake ${PROJECT_BINARY_DIR}/lastgoodConfigVersion.cmake
  DESTINATION ${package_dir})

if(TARGET lastgood_cli)
  install(TARGETS lastgood_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # Printed by the command itself, so that the two cannot differ.
  set(completion ${PROJECT_BINARY_DIR}/completion.bash)
  add_custom_command(OUTPUT ${completion} COMMAND lastgood_cli completion bash > ${completion} DEPENDS lastgood_cli
    COMMENT "Writing the bash completion")
  add_custom_target(lastgood_completion ALL DEPENDS ${completion})
  install(FILES ${completion} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME lastgood)
endif()
