// Reads a directory of vector files, for the programs that have a file system.
#pragma once

#include <map>
#include <string>

#include "golden/vector_runner.h"

namespace bb::golden {

/// File name below the directory, with `/`, to content.
using FileMap = std::map<std::string, ByteBuffer>;

/// The `.json`, `.bin` and `.onnx` files of a directory and the directories in it; what cannot be read is left out, and missed later.
FileMap read_vector_directory(const std::string& root);

/// The vectors of the repository, with the files of another directory of the same layout in place of theirs. What the traces need
/// besides the reference's own files is only here.
FileMap read_trace_files(const std::string& repository, const std::string& given);

/// `run_vectors` and `run_traces` over such files.
VectorReport run_vectors(const FileMap& files);
VectorReport run_traces(const FileMap& files);

}  // namespace bb::golden
