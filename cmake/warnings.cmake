# lastgood_warnings: what every target of ours is compiled with.
add_library(lastgood_warnings INTERFACE)
target_compile_options(lastgood_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  -Wnon-virtual-dtor -Woverloaded-virtual $<$<BOOL:${LASTGOOD_WERROR}>:-Werror>)
