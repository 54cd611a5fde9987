// Values to wire bytes: measured first, then written once into memory of exactly that size (spec A §8).
#include "wire/carriers.h"
#include "wire/value_block.h"

namespace bb {
namespace {

std::uint64_t peer_size(const PeerId& peer) {
  const auto code_bytes = (static_cast<std::uint64_t>(std::bit_width(peer.code | 1)) + 6) / 7;
  return 8 + code_bytes + 1 + peer.size;  // the size, at most 64, is one byte
}

void write_peer(wire::BincodeWriter& writer, const PeerId& peer) {
  std::uint8_t buffer[PeerId::kBytesMax];
  writer.lengthy({buffer, peer.write(buffer)});
}

std::uint64_t tensor_size(const TensorView& tensor) {
  if (tensor.dtype == DType::f32) return 1 + 8 + 8 * tensor.shape.size() + 8 + tensor.data.size() + 8 + 8 * tensor.shape.size();
  return 1 + 8 + 8 * tensor.shape.size() + 8 + tensor.data.size();
}

void write_dims(wire::BincodeWriter& writer, std::span<const std::uint64_t> shape) {
  writer.number<std::uint64_t>(shape.size());
  for (const std::uint64_t dim : shape) writer.number(dim);
}

void write_tensor(wire::BincodeWriter& writer, const TensorView& tensor) {
  if (tensor.dtype == DType::f32) {
    writer.number<std::uint8_t>(1);
    write_dims(writer, tensor.shape);
    writer.number<std::uint64_t>(tensor.elements);
    writer.raw(tensor.data);
    write_dims(writer, tensor.shape);
    return;
  }
  writer.number(static_cast<std::uint8_t>(tensor.dtype));
  write_dims(writer, tensor.shape);
  writer.lengthy(tensor.data);
}

}  // namespace

namespace wire {

std::uint64_t address_bincode_size(const Address& address) {
  std::uint64_t size = 8;
  for (const Address::Segment& segment : address.segments()) {
    size += 4;
    if (const auto* peer = std::get_if<PeerId>(&segment)) {
      size += peer_size(*peer);
    } else if (std::holds_alternative<SiteId>(segment)) {
      size += 8;
    } else if (std::holds_alternative<ComponentRef>(segment)) {
      size += 4;
    } else {
      size += 8 + std::get<Address::Op>(segment).name.size();
    }
  }
  return size;
}

void write_address(BincodeWriter& writer, const Address& address) {
  writer.number<std::uint64_t>(address.segments().size());
  for (const Address::Segment& segment : address.segments()) {
    writer.number(static_cast<std::uint32_t>(segment.index()));
    if (const auto* peer = std::get_if<PeerId>(&segment)) {
      write_peer(writer, *peer);
    } else if (const auto* site = std::get_if<SiteId>(&segment)) {
      writer.number(site->v);
    } else if (const auto* component = std::get_if<ComponentRef>(&segment)) {
      writer.number(component->v);
    } else {
      writer.lengthy(as_bytes(std::get<Address::Op>(segment).name));
    }
  }
}

}  // namespace wire

std::uint64_t encoded_size(const Value& value) {
  switch (value.carrier()) {
    case Carrier::absent:
    case Carrier::trigger:
    case Carrier::unit: return 0;
    case Carrier::peer: return peer_size(value.as_peer());
    case Carrier::peers: {
      std::uint64_t size = 8;
      for (const PeerId& peer : value.as_peers()) size += peer_size(peer);
      return size;
    }
    case Carrier::request_id:
    case Carrier::command_id:
    case Carrier::timestamp:
    case Carrier::correlation_token:
    case Carrier::u64_value:
    case Carrier::u64:
    case Carrier::i64:
    case Carrier::f64: return 8;
    case Carrier::u32:
    case Carrier::f32: return 4;
    case Carrier::boolean: return 1;
    case Carrier::bytes:
    case Carrier::text: return 8 + value.as_bytes().size();
    case Carrier::address:
    case Carrier::addresses:
    case Carrier::foreign: return value.as_bytes().size();
    case Carrier::composite: return value.as_u64();
    case Carrier::tensor: return tensor_size(value.as_tensor());
    case Carrier::fed_avg_meta: return value.as_fed_avg_meta().round == FedAvgMeta::kCurrentRound ? 8 : 16;
    case Carrier::search_results: return 8 + 12 * value.as_search_results().size();
  }
  return 0;
}

void encode_value_to(const Value& value, std::uint8_t* out) {
  wire::BincodeWriter writer(out);
  switch (value.carrier()) {
    case Carrier::absent:
    case Carrier::trigger:
    case Carrier::unit: return;
    case Carrier::peer: return write_peer(writer, value.as_peer());
    case Carrier::peers: {
      const auto peers = value.as_peers();
      writer.number<std::uint64_t>(peers.size());
      for (const PeerId& peer : peers) write_peer(writer, peer);
      return;
    }
    case Carrier::request_id:
    case Carrier::command_id:
    case Carrier::timestamp:
    case Carrier::correlation_token:
    case Carrier::u64_value:
    case Carrier::u64:
    case Carrier::i64:
    case Carrier::f64: return writer.number(value.as_u64());
    case Carrier::u32:
    case Carrier::f32: return writer.number(static_cast<std::uint32_t>(value.as_u64()));
    case Carrier::boolean: return writer.number(static_cast<std::uint8_t>(value.as_u64() != 0));
    case Carrier::bytes:
    case Carrier::text: return writer.lengthy(value.as_bytes());
    case Carrier::address:
    case Carrier::addresses:
    case Carrier::foreign: return writer.raw(value.as_bytes());
    case Carrier::composite: {
      const auto children = value.as_composite();
      writer.number<std::uint64_t>(children.size());
      for (const Value& child : children) {
        const std::uint64_t size = encoded_size(child);
        writer.number(child.type_hash());
        writer.number(size);
        encode_value_to(child, writer.at());
        writer.skip(size);
      }
      return;
    }
    case Carrier::tensor: return write_tensor(writer, value.as_tensor());
    case Carrier::fed_avg_meta: {
      const FedAvgMeta meta = value.as_fed_avg_meta();
      writer.number(meta.samples);
      if (meta.round != FedAvgMeta::kCurrentRound) writer.number(meta.round);
      return;
    }
    case Carrier::search_results: {
      const auto results = value.as_search_results();
      writer.number<std::uint64_t>(results.size());
      for (const auto& [id, distance] : results) {
        writer.number(id);
        writer.number(distance);
      }
      return;
    }
  }
}

Status encode_value(const Value& value, ByteBuffer& out) {
  if (!value.present()) return fail(Code::not_encodable);
  const std::size_t start = out.size();
  out.resize(start + static_cast<std::size_t>(encoded_size(value)));
  encode_value_to(value, out.data() + start);
  return {};
}

}  // namespace bb
