// Runs a fuzz target without a fuzzer: on no bytes, on its seeds, and on the files it is given, so that what was found once stays
// fixed under every compiler.
//   fuzz_replay_<target> [FILE or FOLDER...]      a folder that is not there holds nothing
//   fuzz_replay_<target> --write FOLDER           writes the seeds there instead: the corpus a fuzzer starts from
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "bb/hash.h"
#include "fuzz/support/fuzz_target.h"
#include "fuzz/support/vectors.h"

namespace {

namespace fs = std::filesystem;

std::vector<std::string> files_of(const std::string& path) {
  std::vector<std::string> files;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    for (const auto& entry : fs::directory_iterator(path, error))
      if (entry.is_regular_file(error) && entry.path().filename() != "README.md") files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
  } else if (fs::exists(path, error)) {
    files.push_back(path);
  }
  return files;
}

int write_seeds(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  std::size_t written = 0;
  for (const bb::ByteBuffer& seed : bb::fuzz::seeds()) {
    char name[32];
    std::snprintf(name, sizeof name, "seed-%016llx", static_cast<unsigned long long>(bb::fnv1a64(bb::as_text(seed))));
    std::ofstream file(fs::path(folder) / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(seed.data()), static_cast<std::streamsize>(seed.size()));
    if (!file) {
      std::fprintf(stderr, "replay: cannot write %s\n", name);
      return 1;
    }
    ++written;
  }
  std::printf("%zu seeds in %s\n", written, folder.c_str());
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3 && std::string_view(arguments[1]) == "--write") return write_seeds(arguments[2]);
  LLVMFuzzerTestOneInput(nullptr, 0);
  const std::vector<bb::ByteBuffer> seeds = bb::fuzz::seeds();
  if (seeds.empty()) {
    std::fprintf(stderr, "replay: the target has no seeds\n");
    return 1;
  }
  for (const bb::ByteBuffer& seed : seeds) LLVMFuzzerTestOneInput(seed.data(), seed.size());
  std::size_t files = 0;
  for (int i = 1; i < count; ++i) {
    for (const std::string& path : files_of(arguments[i])) {
      // The name first: a program that ends here says by it what ended it.
      std::printf("%s\n", path.c_str());
      std::fflush(stdout);
      const bb::ByteBuffer bytes = bb::fuzz::read_file(path);
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
      ++files;
    }
  }
  std::printf("%zu seeds and %zu files: nothing found\n", seeds.size(), files);
  return 0;
}
