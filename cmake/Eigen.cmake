# BB::eigen: the headers alone, from their own folder, so that WebAssembly builds never see the system's other headers.
add_library(bb_eigen INTERFACE)
find_path(BB_EIGEN_INCLUDE_DIR Eigen/Core
  PATHS /usr/include/eigen3 /usr/local/include/eigen3 REQUIRED NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
target_include_directories(bb_eigen SYSTEM INTERFACE "${BB_EIGEN_INCLUDE_DIR}")
# One thread, and no allocation on the stack that depends on a caller's sizes.
target_compile_definitions(bb_eigen INTERFACE EIGEN_DONT_PARALLELIZE EIGEN_STACK_ALLOCATION_LIMIT=16384)
add_library(BB::eigen ALIAS bb_eigen)
