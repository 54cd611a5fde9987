// Reading vector files; errors are left to the runner, which misses what is not there.
#include "golden/vector_directory.h"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace bb::golden {

FileMap read_vector_directory(const std::string& root) {
  namespace fs = std::filesystem;
  FileMap files;
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(root, error); !error && at != fs::recursive_directory_iterator();
       at.increment(error)) {
    const fs::path& path = at->path();
    if (path.extension() != ".json" && path.extension() != ".bin" && path.extension() != ".onnx") continue;
    std::ifstream stream(path, std::ios::binary);
    if (!stream) continue;
    files[path.lexically_relative(root).generic_string()] =
        ByteBuffer(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return files;
}

FileMap read_trace_files(const std::string& repository, const std::string& given) {
  FileMap files = read_vector_directory(repository);
  if (given == repository) return files;
  for (auto& [name, content] : read_vector_directory(given)) files.insert_or_assign(name, std::move(content));
  return files;
}

namespace {

std::vector<VectorFile> listed(const FileMap& files) {
  std::vector<VectorFile> list;
  for (const auto& [name, content] : files) list.push_back({name, content});
  return list;
}

}  // namespace

VectorReport run_vectors(const FileMap& files) { return run_vectors(listed(files)); }
VectorReport run_traces(const FileMap& files) { return run_traces(listed(files)); }

}  // namespace bb::golden
