// Values put aside.
#include "framework/hold_table.h"

namespace bb::framework {

Status HoldTable::stash(std::uint32_t name, Value value) {
  value.release_charge();
  if (Value* held = held_.find(name)) {
    *held = std::move(value);
    return {};
  }
  if (held_.size() >= names_max_) {
    ++drops_;
    return fail(Code::over_cap, names_max_);
  }
  return held_.try_insert(name, std::move(value)) ? Status{} : fail(Code::no_memory);
}

Value HoldTable::flush(std::uint32_t name) {
  Value value;
  if (Value* held = held_.find(name)) {
    value = std::move(*held);
    held_.erase(name);
  }
  return value;
}

bool HoldTable::save(StateWriter& writer) const {
  Array<std::uint64_t> names;
  if (!held_.sorted_keys(names)) return writer.out_of_memory();
  writer.number(drops_);
  writer.number(names.size());
  for (const std::uint64_t name : names) {
    writer.number(name);
    if (!save_value(writer, *held_.find(name))) return false;
  }
  return true;
}

Status HoldTable::load(StateReader& reader, Memory& memory) {
  drops_ = reader.number();
  const std::uint32_t count = reader.count(names_max_, 2);
  std::uint64_t previous = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t name = reader.number_u32();
    if (i > 0 && name <= previous) reader.fail(Code::invalid_value);
    previous = name;
    Value value;
    BB_CHECK(load_value(reader, memory, value));
    if (!held_.try_insert(name, std::move(value))) return fail(Code::no_memory, reader.position());
  }
  return reader.status();
}

}  // namespace bb::framework
