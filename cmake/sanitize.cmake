# LASTGOOD_SANITIZE: sanitizers for everything that is compiled here, as -fsanitize takes them.
set(LASTGOOD_SANITIZE "" CACHE STRING "Sanitizers to build with, such as address,undefined or thread")
if(LASTGOOD_SANITIZE)
  add_compile_options(-fsanitize=${LASTGOOD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${LASTGOOD_SANITIZE})
  # GCC's own instrumentation makes it see uninitialised values that are none (in std::regex, for one).
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
if(LASTGOOD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
