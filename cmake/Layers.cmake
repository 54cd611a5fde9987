# bb_add_layer: one static library per folder, linked only to the layers it may see.
#
#   bb_add_layer(wire DIR engine/wire LINKS base proto)
#
# makes bb_wire of every .cpp below the folder; adding a file needs no edit. A folder without .cpp is a layer of headers.

function(bb_add_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "DIR" "LINKS")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${arg_DIR}/*.cpp")
  if(sources)
    add_library(bb_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(bb_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(bb_${name} ${scope} "${CMAKE_SOURCE_DIR}/engine/include" "${CMAKE_SOURCE_DIR}/engine")
  foreach(link IN LISTS arg_LINKS)
    target_link_libraries(bb_${name} ${scope} bb_${link})
  endforeach()
  if(sources)
    target_link_libraries(bb_${name} PRIVATE bb_engine_options)
  endif()
endfunction()

# bb_layer_include_directories(<layer> PROJECT_ROOT): only a layer outside engine/ is included by its path from the root.
function(bb_layer_include_directories name)
  get_target_property(type bb_${name} TYPE)
  if(type STREQUAL "INTERFACE_LIBRARY")
    target_include_directories(bb_${name} INTERFACE "${CMAKE_SOURCE_DIR}")
  else()
    target_include_directories(bb_${name} PUBLIC "${CMAKE_SOURCE_DIR}")
  endif()
endfunction()

# bb_layer_link_private(<layer> <target>...): what only the layer's own sources use.
function(bb_layer_link_private name)
  get_target_property(type bb_${name} TYPE)
  if(NOT type STREQUAL "INTERFACE_LIBRARY")
    target_link_libraries(bb_${name} PRIVATE ${ARGN})
  endif()
endfunction()
