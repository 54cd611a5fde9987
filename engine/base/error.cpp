// Stable names of error codes.
#include "bb/error.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace bb {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::ok: return "ok";
    case Code::truncated: return "truncated";
    case Code::trailing_bytes: return "trailing_bytes";
    case Code::not_minimal: return "not_minimal";
    case Code::overflow: return "overflow";
    case Code::unknown_code: return "unknown_code";
    case Code::malformed_string: return "malformed_string";
    case Code::invalid_value: return "invalid_value";
    case Code::invalid_utf8: return "invalid_utf8";
    case Code::malformed: return "malformed";
    case Code::over_cap: return "over_cap";
    case Code::too_deep: return "too_deep";
    case Code::bad_version: return "bad_version";
    case Code::dims_mismatch: return "dims_mismatch";
    case Code::unknown_type_hash: return "unknown_type_hash";
    case Code::type_mismatch: return "type_mismatch";
    case Code::not_encodable: return "not_encodable";
    case Code::no_memory: return "no_memory";
    case Code::budget_exceeded: return "budget_exceeded";
    case Code::queue_full: return "queue_full";
    case Code::closed: return "closed";
    case Code::busy: return "busy";
    case Code::unknown_module: return "unknown_module";
    case Code::unknown_input: return "unknown_input";
    case Code::unknown_peer: return "unknown_peer";
    case Code::unknown_site: return "unknown_site";
    case Code::unknown_command: return "unknown_command";
    case Code::unknown_type: return "unknown_type";
    case Code::too_many_inputs: return "too_many_inputs";
    case Code::oversize_payload: return "oversize_payload";
    case Code::duplicate: return "duplicate";
    case Code::unauthenticated: return "unauthenticated";
    case Code::blocked: return "blocked";
    case Code::silenced: return "silenced";
    case Code::empty_list: return "empty_list";
    case Code::bad_argument: return "bad_argument";
    case Code::stale_incarnation: return "stale_incarnation";
  }
  return "unknown";
}

void assertion_failed(const char* file, int line, const char* condition) {
  const std::string text = std::string(file) + ":" + std::to_string(line) + ": assertion failed: " + condition + "\n";
  std::fputs(text.c_str(), stderr);
  std::abort();
}

}  // namespace bb
