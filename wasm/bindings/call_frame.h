// The frame of a component call: a header, the inputs, room for the outputs, the parameters (docs/abi.md).
#pragma once

#include "heap.h"
#include "value_transfer.h"

namespace bb::bindings {

struct FrameHeader {
  static constexpr std::uint32_t kNested = 1;  // a sibling calls: the answer must come now

  std::uint32_t size = 0;
  std::uint16_t inputs = 0;
  std::uint16_t outputs = 0;
  std::uint64_t command = UINT64_MAX;
  std::uint64_t exec = UINT64_MAX;
  std::uint64_t now_ns = 0;
  std::uint64_t deadline_ns = 0;
  std::uint32_t source_at = 0;
  std::uint16_t flags = 0;
  std::uint16_t parameters = 0;
};
static_assert(sizeof(FrameHeader) == 48, "shared with JavaScript; change on purpose (docs/abi.md)");

struct Frame {
  static constexpr std::uint32_t kPortsMax = 64;

  std::uint8_t* at = nullptr;

  static std::uint64_t size_of(std::uint64_t inputs, std::uint64_t outputs, std::uint64_t parameters) {
    return sizeof(FrameHeader) + (inputs + outputs) * sizeof(ValueRecord) + parameters * 8;
  }
  FrameHeader& header() const { return *reinterpret_cast<FrameHeader*>(at); }
  ValueRecord* inputs() const { return reinterpret_cast<ValueRecord*>(at + sizeof(FrameHeader)); }
  ValueRecord* outputs() const { return inputs() + header().inputs; }
  std::int64_t* parameters() const { return reinterpret_cast<std::int64_t*>(outputs() + header().outputs); }
};

/// The frame at an address, if it is one that JavaScript filled in soundly.
inline bool find_frame(Address32 address, Frame& frame) {
  if (address % 8 != 0 || !in_heap(address, sizeof(FrameHeader))) return false;
  frame.at = at_address(address);
  const FrameHeader& header = frame.header();
  return header.inputs + header.outputs <= Frame::kPortsMax && header.parameters <= Frame::kPortsMax &&
         header.size == Frame::size_of(header.inputs, header.outputs, header.parameters) && in_heap(address, header.size);
}

}  // namespace bb::bindings
