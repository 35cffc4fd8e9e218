# What our own targets need to be built on LibTorch: its libraries, and one precompiled <torch/torch.h> for all of them,
# without which each source costs half a minute.
include(torch)

# What a precompiled header and its users must agree on. -fPIC in executables too: it holds for one code model. Line
# tables alone, since full debug information of LibTorch's templates doubles the time and fills gigabytes.
set(lastgood_torch_options -fPIC $<$<CONFIG:RelWithDebInfo,Debug>:-g1>)

file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/torch_pch.cpp CONTENT "// Compiled once, for its precompiled header.\n")
add_library(lastgood_torch_pch OBJECT ${PROJECT_BINARY_DIR}/torch_pch.cpp)
target_link_libraries(lastgood_torch_pch PRIVATE lastgood_libtorch lastgood_warnings)
target_compile_options(lastgood_torch_pch PRIVATE ${lastgood_torch_options})
target_precompile_headers(lastgood_torch_pch PRIVATE <torch/torch.h>)

# lastgood_use_torch(TARGET [PUBLIC|PRIVATE]) for libraries and executables alike.
function(lastgood_use_torch target)
  set(visibility PRIVATE)
  if(ARGC GREATER 1)
    set(visibility ${ARGV1})
  endif()
  target_link_libraries(${target} ${visibility} $<BUILD_INTERFACE:lastgood_libtorch>
    $<INSTALL_INTERFACE:lastgood::libtorch> PRIVATE $<BUILD_INTERFACE:lastgood_warnings>)
  target_compile_options(${target} PRIVATE ${lastgood_torch_options})
  target_precompile_headers(${target} REUSE_FROM lastgood_torch_pch)
endfunction()
