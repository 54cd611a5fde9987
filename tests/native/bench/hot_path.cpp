// Dispatch, envelopes in and out, events: rows 0 to v of the reference's table, on the very models it was measured with.
#include "bench/workbench.h"
#include "support/bare_envelope.h"

namespace bb::bench {
namespace {

void idle(Workbench& bench) {
  if (!bench.measure.wants("0")) return;
  const auto node = bench.install("idle");
  bench.measure.row("0", 10'000, [&] {
    for (int i = 0; i < 10'000; ++i) bench.poll(*node);
  });
}

void chain(Workbench& bench, std::string_view key, std::size_t bytes, StepMask mask) {
  if (!bench.measure.wants(key)) return;
  const auto node = bench.install("chain1000", mask);
  bench.measure.row(key, 1000, [&] {
    bench.deliver(*node, "chain1000", "x", bytes);
    require(bench.poll(*node) == (mask.ops ? 1001u : 1u), "steps of the chain");
  });
}

void fan_out(Workbench& bench) {
  if (!bench.measure.wants("ii_a")) return;
  const auto node = bench.install("fanout100");
  bench.measure.row("ii_a", 20 * 102, [&] {
    for (int i = 0; i < 20; ++i) {
      bench.deliver(*node, "fanout100", "x", 8);
      require(bench.poll(*node) == 103, "steps of the fan-out");
    }
  });
}

void diamonds(Workbench& bench) {
  if (!bench.measure.wants("ii_b")) return;
  const auto node = bench.install("diamond250");
  bench.measure.row("ii_b", 750, [&] {
    bench.deliver(*node, "diamond250", "x", 8);
    require(bench.poll(*node) == 751, "steps of the diamonds");
  });
}

void inbound(Workbench& bench, std::string_view key, int batch) {
  if (!bench.measure.wants(key)) return;
  const auto node = bench.install("recv_bare");
  const PeerHandle peer = bench.sender(*node);
  const ByteBuffer bytes = test::BareEnvelope().bytes();
  require(bytes.size() == 61, "the envelope is not 61 bytes");
  bench.measure.row(key, 1024, [&] {
    for (int i = 0; i < 1024; i += batch) {
      for (int k = 0; k < batch; ++k) bench.receive(*node, peer, bytes);
      require(bench.poll(*node) == 2u * static_cast<std::size_t>(batch), "steps of the envelopes");
    }
  });
}

// Every payload is new, also between repetitions.
void gated(Workbench& bench) {
  if (!bench.measure.wants("iii_b")) return;
  const auto node = bench.install("recv_gated");
  const PeerHandle peer = bench.sender(*node);
  std::vector<ByteBuffer> frames(1024, test::BareEnvelope().bytes());
  std::uint64_t next = 0;
  const std::uint8_t content[8] = {7, 7, 7, 7, 7, 7, 7, 7};
  const auto at = std::search(frames[0].begin(), frames[0].end(), content, content + 8) - frames[0].begin();
  require(at > 0 && at + 8 < 61, "the content of the envelope");
  bench.measure.row(
      "iii_b", 1024,
      [&] {
        for (ByteBuffer& frame : frames) store_le(frame.data() + at, ++next);
      },
      [&] {
        for (const ByteBuffer& frame : frames) {
          bench.receive(*node, peer, frame);
          require(bench.poll(*node) == 5, "steps of the gates");
        }
      });
}

void decode(Workbench& bench) {
  const ByteBuffer bytes = test::BareEnvelope().bytes();
  wire::EnvelopeView view;
  bench.measure.row("iii_c", 10'000, [&] {
    for (int i = 0; i < 10'000; ++i) require(view.parse(bytes, {}).has_value(), "parse");
  });
}

void send(Workbench& bench, std::string_view key, int fan, int invokes) {
  if (!bench.measure.wants(key)) return;
  const auto node = bench.install("send1");
  std::vector<PeerId> ids;
  for (int i = 0; i < fan; ++i) {
    ids.push_back(PeerId::from(100 + static_cast<std::uint64_t>(i)));
    const Address address = Address::p2p(ids.back());
    require(node->add_peer(ids.back(), {&address, 1}).has_value(), "add_peer");
  }
  bench.measure.row(key, invokes * fan, [&] {
    for (int i = 0; i < invokes; ++i) {
      NamedValue inputs[] = {{"x", bench.payload(*node, 8)}, {"peers", *Value::peers(node->memory(), ids)}};
      require(node->invoke("send1", inputs).has_value(), "invoke");
      const Poll result = node->poll(bench.now_ns += 1000, UINT32_MAX);
      std::size_t bytes = 0;
      for (const Step& step : result.steps)
        if (const auto* sent = std::get_if<SendEnvelope>(&step)) bytes += sent->bytes().size();
      require(bytes > 0, "nothing was sent");
    }
  });
}

void encode(Workbench& bench) {
  const test::BareEnvelope envelope;
  ByteBuffer bytes;
  bench.measure.row("iv_b", 10'000, [&] {
    for (int i = 0; i < 10'000; ++i) {
      bytes.clear();
      wire::write_envelope(envelope.fields(), bytes);
    }
    require(bytes.size() == 61, "the envelope is not 61 bytes");
  });
}

void events(Workbench& bench, std::string_view key, int batch) {
  if (!bench.measure.wants(key)) return;
  const auto node = bench.install("ev1");
  bench.measure.row(key, 2048, [&] {
    for (int i = 0; i < 2048; i += batch) {
      for (int k = 0; k < batch; ++k) bench.deliver(*node, "ev1", "x", 1024);
      require(bench.poll(*node) == 2u * static_cast<std::size_t>(batch), "steps of the events");
    }
  });
}

}  // namespace

void measure_hot_path(Workbench& bench) {
  idle(bench);
  chain(bench, "i_8", 8, StepMask::all());
  chain(bench, "i_masked", 8, StepMask{});
  chain(bench, "i_1024", 1024, StepMask::all());
  fan_out(bench);
  diamonds(bench);
  inbound(bench, "iii_a_1", 1);
  inbound(bench, "iii_a_64", 64);
  gated(bench);
  decode(bench);
  send(bench, "iv_1", 1, 1024);
  send(bench, "iv_16", 16, 64);
  encode(bench);
  events(bench, "v_1", 1);
  events(bench, "v_64", 64);
  events(bench, "v_1024", 1024);
}

}  // namespace bb::bench
