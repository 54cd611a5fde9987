# Every fuzz_<target>.cpp of this folder is a target: adding a file needs no edit. With BB_FUZZ it becomes the libFuzzer program
# fuzz_<target>; everywhere it becomes fuzz_replay_<target>, which runs the seeds of the target and what was once found, without
# libFuzzer and under any compiler: as a test, and with `--write DIR` to write the seeds down as a corpus.
file(GLOB fuzz_support CONFIGURE_DEPENDS "${native}/fuzz/support/*.cpp")
list(REMOVE_ITEM fuzz_support "${native}/fuzz/support/replay_main.cpp")
add_library(bb_fuzz_support STATIC ${fuzz_support})
target_link_libraries(bb_fuzz_support PUBLIC bb_test_options bb_engine_options ${layers})
add_library(bb_fuzz_replay OBJECT "${native}/fuzz/support/replay_main.cpp")
target_link_libraries(bb_fuzz_replay PUBLIC bb_fuzz_support)

file(GLOB fuzz_sources CONFIGURE_DEPENDS "${native}/fuzz/fuzz_*.cpp")
foreach(source IN LISTS fuzz_sources)
  get_filename_component(program "${source}" NAME_WE)
  string(REGEX REPLACE "^fuzz_" "" target "${program}")
  add_library(${program}_object OBJECT "${source}")
  target_link_libraries(${program}_object PUBLIC bb_fuzz_support)

  # The linker's language cannot be told from object libraries alone.
  add_executable(fuzz_replay_${target})
  target_link_libraries(fuzz_replay_${target} PRIVATE ${program}_object bb_fuzz_replay)
  set_target_properties(fuzz_replay_${target} PROPERTIES LINKER_LANGUAGE CXX)
  add_test(NAME fuzz_replay_${target} COMMAND fuzz_replay_${target} "${CMAKE_CURRENT_SOURCE_DIR}/vectors/fuzz/${target}")
  set_tests_properties(fuzz_replay_${target} PROPERTIES TIMEOUT 600 ENVIRONMENT "${sanitizer_environment}" LABELS fuzz)

  if(BB_FUZZ)
    add_executable(${program})
    target_link_libraries(${program} PRIVATE ${program}_object)
    target_link_options(${program} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${program} PROPERTIES LINKER_LANGUAGE CXX)
  endif()
endforeach()
