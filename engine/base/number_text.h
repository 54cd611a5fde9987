// A number for an error's text.
#pragma once

#include <string>

namespace bb {

/// At most six decimals, without trailing zeros; `inf`, `-inf` from 1e15 on, and for what is no number. The library's formatting of
/// doubles would be ten kilobytes of WebAssembly.
std::string number_text(double number);

}  // namespace bb
