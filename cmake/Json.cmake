# BB::json: the headers alone, through a folder of their own, so that WebAssembly builds never see the system's other
# headers. Only tests read JSON; the engine and its bindings do not link it.
add_library(bb_json INTERFACE)
find_path(BB_JSON_INCLUDE_DIR nlohmann/json.hpp
  PATHS /usr/include /usr/local/include REQUIRED NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/json")
file(CREATE_LINK "${BB_JSON_INCLUDE_DIR}/nlohmann" "${CMAKE_BINARY_DIR}/json/nlohmann" SYMBOLIC)
target_include_directories(bb_json SYSTEM INTERFACE "${CMAKE_BINARY_DIR}/json")
# Without exceptions; iostreams and filesystem conversions would only cost size.
target_compile_definitions(bb_json INTERFACE JSON_NOEXCEPTION JSON_NO_IO)
add_library(BB::json ALIAS bb_json)
