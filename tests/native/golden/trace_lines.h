// What the reference shows and what this engine shows, as lines of text that compare with `==` and read in a table: one line a step,
// one more for each fill of an envelope.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bb/node.h"
#include "golden/vector_check.h"

namespace bb::golden {

using Lines = std::vector<std::string>;

/// The reference's numbers for this engine's graphs and sites, and its names for the targets.
class TraceNames {
 public:
  /// `setup` is the trace's.
  TraceNames(Checker& check, const Json& setup);
  /// Reads which graph is which from an installed node; again after each install.
  void match(const Node& node);

  std::string op(OpRef op) const;
  std::string site(SiteId site) const;
  /// The base name of the target that a step of the reference is about: it gives a full name, or none.
  std::string target(std::string_view module, std::string_view topic) const;

 private:
  struct Graph {
    std::string base;
    bool target = false;
    std::vector<std::pair<std::uint64_t, std::string>> sites;  // number and value name
  };
  std::vector<Graph> graphs_;          // as the reference numbers them
  std::vector<std::size_t> graph_of_;  // this engine's graph to the reference's, or graphs_.size()
  std::map<std::uint64_t, std::uint64_t> site_of_;
};

/// Envelopes that a node has sent, per destination: their sequence numbers count from 1.
class SentEnvelopes {
 public:
  /// Whether it names its sender as decision G7 asks, after the ones before it.
  bool continues(const Node& node, const SendEnvelope& send, Bytes envelope);
  /// The next envelopes are the reference's own, out of its snapshot: they have neither incarnation nor sequence number.
  void expect_unnumbered(std::uint64_t count) { unnumbered_ = count; }

 private:
  std::map<std::string, std::uint64_t> last_;
  std::uint64_t unnumbered_ = 0;
};

/// A step of the reference; every field of it is compared or skipped with a reason.
void show_reference_step(Checker& check, const TraceNames& names, const Json& step, Lines& out);
/// The same of this engine; what the reference has no word for is left out of the line.
void show_step(Checker& check, const TraceNames& names, const Node& node, SentEnvelopes& sent, const Step& step, Lines& out);

/// The name of an error with the texts and numbers it holds, from the reference's debug form: `OversizePayload 3 2`.
std::string show_reference_error(std::string_view debug);
std::string show_error(const DeliveryError& error);
std::string show_error(const BootstrapError& error);
std::string show_error(const InstallError& error);

/// Hex, or length and hash of what is too long to print.
std::string show_bytes(Bytes bytes);

/// A model's function name without its hash.
std::string_view base_name(std::string_view name);

}  // namespace bb::golden
