// Reads a directory of vector files, for the programs that have a file system.
#pragma once

#include <map>
#include <string>

#include "golden/vector_runner.h"

namespace bb::golden {

/// File name below the directory, with `/`, to content.
using FileMap = std::map<std::string, ByteBuffer>;

/// The `.json` and `.bin` files of a directory and the directories in it; what cannot be read is left out, and missed later.
FileMap read_vector_directory(const std::string& root);

/// `run_vectors` over such files.
VectorReport run_vectors(const FileMap& files);

}  // namespace bb::golden
