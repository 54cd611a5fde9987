// The vector runner as a WebAssembly program for Node.js: bb_vectors.cjs DIRECTORY. Ends with 1 when anything failed.
#include <cstdio>

#include "bb/memory.h"
#include "golden/vector_directory.h"

namespace {

// Tensors promise 16-byte alignment, and WebAssembly's allocator alone promises 8.
bool blocks_are_aligned() {
  bb::Memory memory;
  bool aligned = true;
  for (std::size_t bytes = 1; bytes < 400'000; bytes += 1 + bytes / 3) {
    void* blocks[3];
    for (void*& block : blocks) {
      block = memory.allocate(bytes);
      aligned &= block != nullptr && reinterpret_cast<std::uintptr_t>(block) % 16 == 0;
    }
    for (void* block : blocks) memory.release(block, bytes);
  }
  return aligned;
}

}  // namespace

int main(int argc, char** argv) {
  const char* directory = argc > 1 ? argv[1] : BB_TEST_VECTORS;
  const auto report = bb::golden::run_vectors(bb::golden::read_vector_directory(directory));
  std::fputs(bb::golden::report_text(report).c_str(), stdout);
  const auto traces = bb::golden::run_traces(bb::golden::read_trace_files(BB_TEST_VECTORS, directory));
  std::fputs(bb::golden::report_text(traces, "traces").c_str(), stdout);
  if (!blocks_are_aligned()) {
    std::fputs("memory: a block is not 16-byte aligned\n", stdout);
    return 1;
  }
  return report.failed == 0 && traces.failed == 0 ? 0 : 1;
}
