# LibTorch as one target, lastgood_libtorch. Installed beside the package's config, so that a user's project gets the
# same target and the same check.
#
# Debian's libtorch-dev is found by itself; any other one with -DCMAKE_PREFIX_PATH=<site-packages>/torch.

include(${CMAKE_CURRENT_LIST_DIR}/torch_is_one.cmake)

if(NOT TARGET lastgood_libtorch)
  find_package(Torch 1.13 REQUIRED)
  lastgood_check_torch_is_one()

  add_library(lastgood_libtorch INTERFACE)
  target_link_libraries(lastgood_libtorch INTERFACE ${TORCH_LIBRARIES})
  target_include_directories(lastgood_libtorch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
endif()
