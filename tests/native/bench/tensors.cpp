// Tensors of 1 MiB in, out and through kernels: rows vii and viii of the reference's table.
#include "bench/workbench.h"
#include "op/op_context_builder.h"
#include "ops/backends/cpu/cpu_backend.h"
#include "ops/roles.h"
#include "support/bare_envelope.h"

namespace bb::bench {
namespace {

enum class Pattern : std::uint64_t { a = 7'919, b = 104'729 };

Value matrix(Memory& memory, std::uint64_t side, Pattern pattern) {
  std::vector<float> data(side * side);
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<float>((i * static_cast<std::uint64_t>(pattern)) % 1000) / 1000.0f - 0.5f;
  const std::uint64_t shape[] = {side, side};
  return *Value::tensor_f32(memory, shape, data);
}

void codec(Workbench& bench) {
  if (!bench.measure.wants_any("vii_a", "vii_b")) return;
  Memory memory(1u << 30);
  const Value tensor = matrix(memory, 512, Pattern::a);
  ByteBuffer bytes(encoded_size(tensor));
  encode_value_to(tensor, bytes.data());
  bench.measure.row("vii_a", 1, [&] { require(decode_value(memory, tensor.type_hash(), bytes).has_value(), "decode"); });
  bench.measure.row("vii_b", 1, [&] {
    ByteBuffer encoded;
    require(encode_value(tensor, encoded).has_value() && encoded.size() == bytes.size(), "encode");
  });
}

void delivery(Workbench& bench, std::string_view key, const char* model) {
  if (!bench.measure.wants(key)) return;
  Memory memory(1u << 30);
  const Value tensor = matrix(memory, 512, Pattern::a);
  const ByteBuffer destination = Address::p2p(PeerId::from(1)).to_bytes();
  const ByteBuffer suffix = Address().with(SiteId{0}).to_bytes();
  const Bytes destinations[] = {destination};
  const wire::FillFields fills[] = {wire::FillFields::of(suffix, tensor)};
  wire::EnvelopeFields fields;
  fields.destinations = destinations;
  fields.fills = fills;
  fields.has_correlation = true;
  ByteBuffer frame;
  wire::write_envelope(fields, frame);
  std::unique_ptr<Node> node;
  PeerHandle peer;
  bench.measure.row(
      key, 10,
      [&] {
        node = bench.install(model);
        peer = bench.sender(*node);
      },
      [&] {
        for (int i = 0; i < 10; ++i) {
          bench.receive(*node, peer, frame);
          // The op's value is no output of the models, so the op itself is all that is told.
          const Poll result = node->poll(bench.now_ns += 1000, UINT32_MAX);
          require(result.steps.size() == 1 && std::holds_alternative<OpCompleted>(result.steps[0]), "steps of the tensor");
        }
      });
}

void kernel(Workbench& bench, std::string_view key, ops::BackendMethod method, std::uint64_t side) {
  if (!bench.measure.wants(key)) return;
  Memory memory(1u << 30);
  const auto backend = ops::cpu_backend_class().construct({});
  require(backend.has_value(), "the backend");
  OpError error;
  OpContext ctx;
  OpContextBuilder::bind_node(ctx, {.memory = &memory, .error = &error});
  Value values[] = {matrix(memory, side, Pattern::a), matrix(memory, side, Pattern::b), Value()};
  const std::uint32_t inputs[] = {0, 1}, outputs[] = {2};
  const std::uint8_t sole_reader[] = {0, 0};
  OpContextBuilder::bind_op(ctx, {.values = values,
                                  .inputs = inputs,
                                  .outputs = outputs,
                                  .sole_reader = sole_reader,
                                  .input_count = method == ops::BackendMethod::relu ? 1u : 2u,
                                  .output_count = 1});
  bench.measure.row(key, 1, [&] {
    values[2] = {};
    require((*backend)->dispatch(static_cast<std::uint16_t>(method), ctx) == Outcome::done, "the kernel");
  });
}

}  // namespace

void measure_tensors(Workbench& bench) {
  codec(bench);
  delivery(bench, "vii_c", "recv_tensor");
  delivery(bench, "vii_d", "recv_tensor_backend");
  kernel(bench, "viii_matmul_256", ops::BackendMethod::matmul, 256);
  kernel(bench, "viii_matmul_512", ops::BackendMethod::matmul, 512);
  kernel(bench, "viii_add", ops::BackendMethod::add, 512);
  kernel(bench, "viii_relu", ops::BackendMethod::relu, 512);
}

}  // namespace bb::bench
