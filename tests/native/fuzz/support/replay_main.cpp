// Runs a fuzz target without a fuzzer: on no bytes, on its seeds, and on the files it is given, so that what was found once stays
// fixed under every compiler.
//   fuzz_replay_<target> [FILE or FOLDER...]      a folder that is not there holds nothing
//   fuzz_replay_<target> --write FOLDER           writes the seeds there instead: the corpus a fuzzer starts from
//   fuzz_replay_<target> --mutate SECONDS FILE    mutates the seeds blindly for so long; FILE holds the input at hand
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "bb/hash.h"
#include "bb/random.h"
#include "fuzz/support/fuzz_target.h"
#include "fuzz/support/vectors.h"

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned int seed)
    __attribute__((weak));

namespace {

bb::RandomStream random_stream(1);

}  // namespace

// What libFuzzer has for it, without its knowledge of what the program did: a few bytes changed, taken out or put in.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size) {
  const auto below = [](std::size_t bound) {
    return static_cast<std::size_t>(random_stream.below(static_cast<std::uint32_t>(bound)));
  };
  for (std::size_t changes = 1 + below(3); changes > 0; --changes) {
    const std::size_t kind = below(6);
    if (size == 0 || (kind == 0 && size < max_size)) {
      const std::size_t at = below(size + 1);
      std::copy_backward(data + at, data + size, data + size + 1);
      data[at] = static_cast<std::uint8_t>(below(256));
      ++size;
    } else if (kind == 1 && size > 1) {
      const std::size_t at = below(size), count = std::min(size - at, 1 + below(4));
      std::copy(data + at + count, data + size, data + at);
      size -= count;
    } else if (kind == 2) {
      const std::size_t from = below(size), to = below(size);
      std::copy_n(data + from, std::min({size - from, size - to, 1 + below(8)}), data + to);
    } else if (kind == 3) {
      data[below(size)] ^= static_cast<std::uint8_t>(1u << below(8));
    } else if (kind == 4) {
      data[below(size)] += static_cast<std::uint8_t>(below(3)) - 1;
    } else {
      constexpr std::uint8_t values[] = {0, 1, 2, 0x7f, 0x80, 0xff};
      data[below(size)] = values[below(std::size(values))];
    }
  }
  return size;
}

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

int mutate(double seconds, const std::string& path) {
  const std::vector<bb::ByteBuffer> seeds = bb::fuzz::seeds();
  const auto start = std::chrono::steady_clock::now();
  random_stream = bb::RandomStream(static_cast<std::uint64_t>(start.time_since_epoch().count()));
  std::size_t runs = 0;
  double elapsed = 0;
  for (; elapsed < seconds; ++runs) {
    bb::ByteBuffer input = seeds[random_stream.below(static_cast<std::uint32_t>(seeds.size()))];
    std::size_t size = input.size();
    input.resize(size + 64);
    auto* const change = LLVMFuzzerCustomMutator;
    for (std::uint32_t times = 1 + random_stream.below(3); times > 0; --times)
      size = change ? change(input.data(), size, input.size(), 0) : LLVMFuzzerMutate(input.data(), size, input.size());
    input.resize(size);
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(size));
    LLVMFuzzerTestOneInput(input.data(), input.size());
    elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  std::printf("%zu inputs, %.0f per second: nothing found\n", runs, static_cast<double>(runs) / elapsed);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3 && std::string_view(arguments[1]) == "--write") return write_seeds(arguments[2]);
  if (count == 4 && std::string_view(arguments[1]) == "--mutate") return mutate(std::atof(arguments[2]), arguments[3]);
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
