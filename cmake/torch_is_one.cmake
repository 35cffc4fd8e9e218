# The folders that the parts of LibTorch come from. TorchConfig looks for libc10 in the whole system, so a prefix that it
# does not expect gives one LibTorch with the libc10 of another, and every program that links both aborts at its start.
function(lastgood_check_torch_is_one)
  set(places "")
  foreach(library IN LISTS TORCH_LIBRARIES ITEMS torch torch_cpu c10)
    if(TARGET ${library})
      get_target_property(file ${library} LOCATION)
    else()
      set(file ${library})
    endif()
    if(IS_ABSOLUTE "${file}" AND file MATCHES "lib(torch|torch_cpu|c10)\\.(so|dylib)")
      get_filename_component(file ${file} REALPATH)
      get_filename_component(place ${file} DIRECTORY)
      list(APPEND places ${place})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES places)
  list(LENGTH places count)
  if(count GREATER 1)
    list(JOIN places "\n    " places)
    message(FATAL_ERROR "Two LibTorch are mixed: libtorch, libtorch_cpu and libc10 come from\n    ${places}\n"
      "A program that links them aborts at its start. Name one LibTorch by the folder that holds its include/, lib/ and "
      "share/: -DCMAKE_PREFIX_PATH=<site-packages>/torch (not a folder below it), or none for the system's; then "
      "configure an empty build folder, since CMake remembers what it found.")
  endif()
endfunction()
