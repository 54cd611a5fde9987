// Rings of recorded values.
#include "framework/record_buffer.h"

namespace bb::framework {

Status RecordBuffer::record(std::uint32_t name, Value value) {
  if (options_.values_max == 0) return {};
  value.release_charge();
  Recorded fresh;
  Recorded* known = rings_.find(name);
  if (!known && rings_.size() >= options_.rings_max) {
    ++name_drops_;
    return fail(Code::over_cap, options_.rings_max);
  }
  Ring<Value>& values = known ? known->values : fresh.values;
  const bool full = values.size() >= options_.values_max;
  if ((!known && !rings_.try_reserve(1)) || (!full && !values.try_reserve(1))) return fail(Code::no_memory);
  if (full) values.pop();
  values.push_reserved(std::move(value));
  if (!known) rings_.insert_reserved(name, std::move(fresh));
  return {};
}

bool RecordBuffer::save(StateWriter& writer) const {
  Array<std::uint64_t> names;
  if (!rings_.sorted_keys(names)) return writer.out_of_memory();
  writer.number(name_drops_);
  writer.number(names.size());
  for (const std::uint64_t name : names) {
    const Ring<Value>& values = rings_.find(name)->values;
    writer.number(name);
    writer.number(values.size());
    for (std::uint32_t i = 0; i < values.size(); ++i)
      if (!save_value(writer, values.at(i))) return false;
  }
  return true;
}

Status RecordBuffer::load(StateReader& reader, Memory& memory) {
  name_drops_ = reader.number();
  const std::uint32_t count = reader.count(options_.rings_max, 3);
  std::uint64_t previous = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t name = reader.number_u32();
    const std::uint32_t values = reader.count(options_.values_max);
    if ((i > 0 && name <= previous) || values == 0) reader.fail(Code::invalid_value);
    BB_CHECK(reader.status());
    previous = name;
    for (std::uint32_t j = 0; j < values; ++j) {
      Value value;
      BB_CHECK(load_value(reader, memory, value));
      BB_CHECK(record(name, std::move(value)));
    }
  }
  return reader.status();
}

}  // namespace bb::framework
