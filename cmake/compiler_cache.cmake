# ccache, where it is installed and nothing else was asked for.
#
# pch_defines and time_macros let it keep sources that use a precompiled header. Paths count from the source folder, so
# that a second clone finds what the first one compiled.
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(LASTGOOD_CCACHE ccache)
  if(LASTGOOD_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${LASTGOOD_CCACHE})
    add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  endif()
endif()
