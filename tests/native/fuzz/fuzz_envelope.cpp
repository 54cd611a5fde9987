// The envelope reader under four sets of caps, and against protobuf's generated class: what it accepts has protobuf's fields, what it
// refuses protobuf refuses, too, or a cap, the version or one of the known stricter rules is the reason.
#include "fuzz/support/fuzz_target.h"
#include "fuzz/support/vectors.h"
#include "support/envelope_oracle.h"

namespace bb::fuzz {
namespace {

using Kind = EnvelopeError::Kind;
using wire::EnvelopeView;

// Small enough that short inputs reach each of them.
constexpr EnvelopeCaps kTight{.total_bytes_max = 1024,
                              .fills_max = 2,
                              .fill_bytes_max = 8,
                              .suffix_bytes_max = 4,
                              .source_addresses_max = 2,
                              .source_address_bytes_max = 4,
                              .destinations_max = 2,
                              .reports_max = 1};

void check_refusal(const EnvelopeError& error, Bytes bytes) {
  require(!error.text().empty(), "a refusal has a text");
  if (error.kind == Kind::malformed) {
    require(error.at < bytes.size(), "a malformed field is within the bytes");
  } else {
    require(error.got > error.cap, "what is over a cap is over it");
  }
}

bool within(Bytes part, Bytes whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_caps(const EnvelopeView& view, Bytes bytes, const EnvelopeCaps& caps) {
  require(bytes.size() <= caps.total_bytes_max && view.fills.size() <= caps.fills_max &&
              view.source_addresses.size() <= caps.source_addresses_max && view.destinations.size() <= caps.destinations_max &&
              view.reports.size() <= caps.reports_max && view.schema_version <= wire::kSchemaVersion,
          "an accepted envelope keeps to the caps");
  for (const wire::FillView& fill : view.fills)
    require(fill.payload.size() <= caps.fill_bytes_max && fill.suffix.size() <= caps.suffix_bytes_max &&
                within(fill.payload, bytes) && within(fill.suffix, bytes),
            "an accepted fill keeps to the caps and lies within the bytes");
  for (const Bytes address : view.source_addresses)
    require(address.size() <= caps.source_address_bytes_max && within(address, bytes), "a source address keeps to its cap");
  for (const Bytes destination : view.destinations) require(within(destination, bytes), "a destination lies within the bytes");
  require(within(view.source_peer, bytes), "the source lies within the bytes");
}

}  // namespace

std::vector<ByteBuffer> seeds() { return read_vectors("envelopes", ".bin"); }

}  // namespace bb::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bb;
  using namespace bb::fuzz;
  const Bytes bytes(data, size);
  core::WireEnvelope message;
  const bool oracle = message.ParseFromArray(data, static_cast<int>(size));

  // One view for all, as a node has: what an earlier envelope left in it must not show.
  static EnvelopeView view;
  const auto free = view.parse(bytes, test::kNoCaps);
  const bool well_formed = free || free.error().kind != Kind::malformed;
  if (!free) check_refusal(free.error(), bytes);
  if (well_formed != oracle) {
    const test::Walk walk = test::Walker(bytes).walk();
    require(oracle ? walk.stricter : walk.laxer, "protobuf and we differ only by the known rules");
  } else if (well_formed) {
    require(test::same_envelope(message, view), "protobuf and we read the same fields");
    const ByteBuffer out = test::written(view);
    EnvelopeView again;
    const auto second = again.parse(out, test::kNoCaps);
    require(second || second.error().kind == Kind::version_mismatch, "a written envelope reads");
    require(test::same_envelope(message, again), "a written envelope has the same fields");
  }

  bool accepted_before = free.has_value();
  for (const EnvelopeCaps& caps : {EnvelopeCaps{}, EnvelopeCaps::edge(), kTight}) {
    const auto parsed = view.parse(bytes, caps);
    // Each set of caps is within the one before it.
    require(!parsed || accepted_before, "lower caps accept no more than higher ones");
    accepted_before = parsed.has_value();
    if (!parsed) {
      check_refusal(parsed.error(), bytes);
      require(parsed.error().kind != Kind::malformed || !well_formed, "caps do not change what is malformed");
      require(well_formed || parsed.error().kind == Kind::malformed || parsed.error().kind == Kind::oversize_envelope,
              "what is malformed is said to be so");
    } else {
      check_caps(view, bytes, caps);
      require(!oracle || test::same_envelope(message, view), "caps do not change what is read");
    }
  }
  return 0;
}
