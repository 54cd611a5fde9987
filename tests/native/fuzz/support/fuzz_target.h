// What a fuzz target is: the function that libFuzzer calls, the inputs to start from, and how a finding is reported.
#pragma once

#include <string_view>
#include <vector>

#include "bb/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace bb::fuzz {

/// Each target defines it: inputs worth mutating, made of tests/vectors or written as code.
std::vector<ByteBuffer> seeds();

/// An oracle's verdict. A finding ends the program, which is what libFuzzer and the replay look for.
void require(bool holds, std::string_view rule);

}  // namespace bb::fuzz
