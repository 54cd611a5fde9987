// layer: base
// Errors are values: a code and the position it was found at. Text is made at the edge, from `code_name`.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

namespace bb {

/// Why an input was refused. Names are part of the public surface: TypeScript's `BBError.code` is `code_name(code)`.
enum class Code : std::uint8_t {
  ok,
  // bytes
  truncated,
  trailing_bytes,
  not_minimal,
  overflow,
  unknown_code,
  malformed_string,
  invalid_value,
  invalid_utf8,
  malformed,
  over_cap,
  too_deep,
  bad_version,
  dims_mismatch,
  unknown_type_hash,
  type_mismatch,
  not_encodable,
  // resources
  no_memory,
  budget_exceeded,
  queue_full,
  closed,
  busy,
  // names
  unknown_module,
  unknown_input,
  unknown_peer,
  unknown_site,
  unknown_command,
  unknown_type,
  too_many_inputs,
  oversize_payload,
  duplicate,
  unauthenticated,
  blocked,   // by policy: block list, allow list, quarantine
  silenced,  // the peer sends more than it was asked to
  empty_list,
  bad_argument,
  stale_incarnation,  // of a peer that has begun another life since
};

/// The stable lower-case name of a code.
std::string_view code_name(Code code);

/// A code and the byte offset, index or count that it concerns.
struct [[nodiscard]] Error {
  Code code = Code::ok;
  std::uint32_t at = 0;
  constexpr bool operator==(const Error&) const = default;
};
static_assert(sizeof(Error) == 8);

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

constexpr std::unexpected<Error> fail(Code code, std::uint64_t at = 0) {
  return std::unexpected(Error{code, at > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(at)});
}

}  // namespace bb

#define BB_CONCAT_(a, b) a##b
#define BB_CONCAT(a, b) BB_CONCAT_(a, b)

/// `BB_TRY(name, expression)`: declares `name` as the result's value, or returns its error.
#define BB_TRY(var, expr)                                                                \
  auto BB_CONCAT(var, _result) = (expr);                                                 \
  if (!BB_CONCAT(var, _result)) return std::unexpected(BB_CONCAT(var, _result).error()); \
  auto& var = *BB_CONCAT(var, _result)

/// `BB_CHECK(status)`: returns the error of a `Status`.
#define BB_CHECK(expr)                                                            \
  do {                                                                            \
    if (auto status_ = (expr); !status_) return std::unexpected(status_.error()); \
  } while (false)

namespace bb {
[[noreturn]] void assertion_failed(const char* file, int line, const char* condition);
}

#ifdef __EMSCRIPTEN__
#define BB_CONDITION_TEXT(condition) ""  // the line is enough where every byte is downloaded
#else
#define BB_CONDITION_TEXT(condition) #condition
#endif

/// For what only a bug of ours can break; never for bytes of a peer, a file or a caller. On in release.
#define BB_ASSERT(condition)                                                         \
  do {                                                                               \
    if (!(condition)) [[unlikely]]                                                   \
      ::bb::assertion_failed(__FILE_NAME__, __LINE__, BB_CONDITION_TEXT(condition)); \
  } while (false)
