// Collected parts to recorder calls, and their results to a list that JavaScript reads.
#include "recorder_binding.h"

#include <cmath>

#include "heap.h"

namespace bb::bindings {

std::int64_t RecorderBinding::whole(double number) {
  if (!(number > -0x1p63)) return INT64_MIN;
  return number >= 0x1p63 ? INT64_MAX : static_cast<std::int64_t>(number);
}

std::int32_t RecorderBinding::refuse(const RecordError& error) {
  JsonWriter json;
  json.object().field("code", error.code).field("detail", error.message).field("pass", "record");
  json.field("node", error.node).end_object();
  return engine_.fail(json.take());
}

std::int32_t RecorderBinding::one(const compiler::Recorded<compiler::ValueId>& recorded) {
  results_.clear();
  if (!recorded) return refuse(recorded.error());
  results_.push_back({{}, *recorded});
  return 0;
}

std::int32_t RecorderBinding::input(std::string name, std::string type) { return one(recorder_.input(name, type)); }
std::int32_t RecorderBinding::lookup_output(std::string name) { return one(recorder_.lookup_output(name)); }

std::int32_t RecorderBinding::begin_module(std::string name, bool bootstrap) {
  const auto arguments = std::exchange(arguments_, {});
  return done(recorder_.begin_module(name, arguments, bootstrap));
}

std::int32_t RecorderBinding::end_module() {
  results_.clear();
  auto ports = recorder_.end_module();
  if (!ports) return refuse(ports.error());
  results_ = std::move(*ports);
  return 0;
}

std::int32_t RecorderBinding::net_out(std::uint32_t peers, std::string to, double deadline_ms) {
  results_.clear();
  const auto fields = std::exchange(arguments_, {});
  const std::uint64_t deadline_ns = deadline_ms > 0 ? static_cast<std::uint64_t>(whole(deadline_ms * 1e6)) : 0;
  const auto sent = recorder_.net_out(fields, peers, {.to = std::move(to), .deadline_ns = deadline_ns});
  if (!sent) return refuse(sent.error());
  for (const compiler::ValueId value : sent->values) results_.push_back({{}, value});
  results_.push_back({{}, sent->sender});
  results_.push_back({{}, sent->handle});
  return 0;
}

std::int32_t RecorderBinding::net_in(std::string port, std::string type) {
  results_.clear();
  const auto received = recorder_.net_in(port, type);
  if (!received) return refuse(received.error());
  results_.push_back({{}, received->value});
  results_.push_back({{}, received->sender});
  return 0;
}

void RecorderBinding::op_integer(std::string name, std::uint32_t low, std::uint32_t high) {
  call_.attributes.emplace_back(std::move(name), static_cast<std::int64_t>((std::uint64_t{high} << 32) | low));
}

void RecorderBinding::op_bytes(std::string name, std::uint32_t at, std::uint32_t size) {
  call_.attributes.emplace_back(std::move(name), std::string(as_text(heap_bytes(at, size))));
}

void RecorderBinding::op_integers(std::string name, std::uint32_t at, std::uint32_t count) {
  const Bytes bytes = count <= UINT32_MAX / 8 ? heap_bytes(at, count * 8) : Bytes();
  std::vector<std::int64_t> numbers(bytes.size() / 8);
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
  call_.attributes.emplace_back(std::move(name), std::move(numbers));
}

void RecorderBinding::op_tensor(std::string name, std::uint32_t dims_at, std::uint32_t rank, std::uint32_t data_at,
                                std::uint32_t count) {
  TensorLiteral tensor;
  const Bytes dims = rank <= kRankMax ? heap_bytes(dims_at, rank * 8) : Bytes();
  const Bytes data = count <= UINT32_MAX / 4 ? heap_bytes(data_at, count * 4) : Bytes();
  tensor.dims.resize(dims.size() / 8);
  tensor.data.resize(data.size() / 4);
  if (!tensor.dims.empty()) std::memcpy(tensor.dims.data(), dims.data(), dims.size());
  if (!tensor.data.empty()) std::memcpy(tensor.data.data(), data.data(), data.size());
  call_.attributes.emplace_back(std::move(name), std::move(tensor));
}

std::int32_t RecorderBinding::record(std::string domain, std::string op_type, std::string slot) {
  results_.clear();
  compiler::OpCall call = std::exchange(call_, {});
  call.domain = std::move(domain);
  call.op_type = std::move(op_type);
  call.slot = std::move(slot);
  const auto values = recorder_.record(call);
  if (!values) return refuse(values.error());
  for (const compiler::ValueId value : *values) results_.push_back({{}, value});
  return 0;
}

}  // namespace bb::bindings
