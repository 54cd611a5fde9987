// Counters by name.
#include "framework/metrics.h"

namespace bb::framework {

Status Metrics::add(std::uint32_t name, std::uint64_t delta) {
  if (std::uint64_t* counter = counters_.find(name)) {
    *counter += delta;
    return {};
  }
  if (counters_.size() >= names_max_) return fail(Code::over_cap, names_max_);
  return counters_.try_insert(name, delta) ? Status{} : fail(Code::no_memory);
}

std::uint64_t Metrics::value(std::uint32_t name) const {
  const std::uint64_t* counter = counters_.find(name);
  return counter ? *counter : 0;
}

bool Metrics::save(StateWriter& writer) const {
  Array<std::uint64_t> names;
  if (!counters_.sorted_keys(names)) return writer.out_of_memory();
  writer.number(names.size());
  for (const std::uint64_t name : names) {
    writer.number(name);
    writer.number(*counters_.find(name));
  }
  return true;
}

Status Metrics::load(StateReader& reader) {
  const std::uint32_t count = reader.count(names_max_, 2);
  std::uint64_t previous = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t name = reader.number_u32();
    const std::uint64_t value = reader.number();
    if (i > 0 && name <= previous) reader.fail(Code::invalid_value);
    BB_CHECK(reader.status());
    previous = name;
    if (!counters_.try_insert(name, value)) return fail(Code::no_memory, reader.position());
  }
  return reader.status();
}

}  // namespace bb::framework
