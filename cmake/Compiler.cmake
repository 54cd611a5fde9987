# Options that every target of the project has: warnings are errors, floating point is the same everywhere, sanitizers on request.
option(BB_SANITIZE "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(BB_FUZZ "Fuzz targets for libFuzzer, and no other test" OFF)
option(BB_COVERAGE "Counters for llvm-cov" OFF)
option(BB_TSAN "ThreadSanitizer, and only tests of what runs beside other threads" OFF)
option(BB_FAULT_INJECTION "Any allocation of the engine can be made to fail (tests)" OFF)

add_library(bb_compiler_options INTERFACE)
target_compile_options(bb_compiler_options INTERFACE
  -Wall -Wextra -Werror
  # A contracted multiply-add rounds once instead of twice, so results would differ between machines.
  -ffp-contract=off)

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # A field that a designated initialiser leaves out has its default: that is what options structs are for.
  target_compile_options(bb_compiler_options INTERFACE -Wno-missing-designated-field-initializers)
  if(NOT EMSCRIPTEN)
    # The stable_sort of libstdc++ 12 calls what it marks as deprecated itself; g++ still reports what is ours.
    target_compile_options(bb_compiler_options INTERFACE -Wno-deprecated-declarations)
  endif()
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A field that a designated initialiser leaves out has its default, here as with clang above.
  # g++ 12 sees overlapping copies in `"literal" + std::string` where there are none (its bug 105651), and with -O3 comparisons of
  # vectors that read past the end of memory.
  target_compile_options(bb_compiler_options INTERFACE -Wno-restrict -Wno-stringop-overread -Wno-missing-field-initializers)
endif()

# A value is copied right behind the stores of its words. One wide load of two stores waits until both are in the cache, so words stay
# words; loops are vectorised all the same.
target_compile_options(bb_compiler_options INTERFACE
  $<IF:$<CXX_COMPILER_ID:GNU>,-fno-tree-slp-vectorize,-fno-slp-vectorize>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  # g++ clears a structure of 48 bytes and more by `rep stos`, which takes longer to start than the stores take.
  target_compile_options(bb_compiler_options INTERFACE "-mmemset-strategy=unrolled_loop:256:noalign,libcall:-1:noalign")
endif()

if(EMSCRIPTEN)
  # All of it is older than the vector instructions in every browser and runtime.
  target_compile_options(bb_compiler_options INTERFACE -msimd128 -mbulk-memory -mnontrapping-fptoint)
endif()

if(BB_FAULT_INJECTION)
  target_compile_definitions(bb_compiler_options INTERFACE BB_FAULT_INJECTION)
endif()

if(BB_SANITIZE)
  # The vptr check needs type information, which the engine is built without.
  set(_bb_sanitizers -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all)
  target_compile_options(bb_compiler_options INTERFACE ${_bb_sanitizers})
  target_link_options(bb_compiler_options INTERFACE ${_bb_sanitizers})
endif()

if(BB_FUZZ)
  # Only the instrumentation: libFuzzer and its main are linked into the fuzz targets alone.
  target_compile_options(bb_compiler_options INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(bb_compiler_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(BB_COVERAGE)
  target_compile_options(bb_compiler_options INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(bb_compiler_options INTERFACE -fprofile-instr-generate)
endif()

if(BB_TSAN)
  target_compile_options(bb_compiler_options INTERFACE -fsanitize=thread)
  target_link_options(bb_compiler_options INTERFACE -fsanitize=thread)
endif()

# Engine, operators and bindings: errors are values, and nothing asks for a type at run time.
add_library(bb_engine_options INTERFACE)
target_link_libraries(bb_engine_options INTERFACE bb_compiler_options)
target_compile_options(bb_engine_options INTERFACE -fno-exceptions -fno-rtti)
if(EMSCRIPTEN)
  target_compile_definitions(bb_engine_options INTERFACE EMSCRIPTEN_HAS_UNBOUND_TYPE_NAMES=0)
endif()

# In WebAssembly every byte is downloaded: sources are compiled for size unless they run per op, per byte or per multiplication.
#   bb_smallest(<target>)                what runs at install, compilation or on errors
#   bb_fastest(<target> <regex>)         sources whose path matches
function(bb_smallest target)
  get_target_property(type ${target} TYPE)
  if(EMSCRIPTEN AND NOT type STREQUAL "INTERFACE_LIBRARY")
    target_compile_options(${target} PRIVATE -Oz)
  endif()
endfunction()

function(bb_fastest target regex)
  if(EMSCRIPTEN)
    get_target_property(sources ${target} SOURCES)
    list(FILTER sources INCLUDE REGEX "${regex}")
    set_property(SOURCE ${sources} TARGET_DIRECTORY ${target} APPEND PROPERTY COMPILE_OPTIONS "-O3")
  endif()
endfunction()
