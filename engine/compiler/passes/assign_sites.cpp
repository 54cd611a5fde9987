// Stable addresses: a site's key is FNV-1a-64 of `<target>/<port>`, stamped on the Recv and, as an address, on the Send (decisions G2).
#include "bb/hash.h"
#include "compiler/program.h"

namespace bb::compiler {
namespace {

namespace key = ir::key;

/// The address `/site/<key>`: code 0xE2 as a varint, then the key, big endian.
std::string site_suffix(std::uint64_t site) {
  std::string suffix = "\xe2\x01";
  for (int shift = 56; shift >= 0; shift -= 8) suffix += static_cast<char>(site >> shift);
  return suffix;
}

/// Where payload `position` of a Send goes: what `to` says, else the port of the receivers' partition.
std::string site_name(const Program& program, const onnx::NodeProto& send, int position) {
  const std::vector<std::string> ports = ir::split(ir::metadata_or(send, key::kWirePorts), ',');
  const auto at = static_cast<std::size_t>(position);
  const std::string port = at < ports.size() ? ports[at] : send.output(position);
  if (const std::string* to = ir::find_metadata(send, key::kWireTo))
    return to->find('/') != std::string::npos ? *to : *to + "/" + port;
  const auto peer_class = program.destinations.find(send.name());
  return partition_base(program.module,
                        peer_class == program.destinations.end() ? ir::kSelfClass : std::string_view(peer_class->second)) +
         "/" + port;
}

}  // namespace

PassResult assign_sites(Program& program) {
  std::map<std::pair<std::string, std::string>, std::string> synthesized;  // (wire id, port) → site name
  for (Partition& part : program.partitions) {
    for (auto& node : *part.function.mutable_node()) {
      if (!ir::is_send(node)) continue;
      const std::vector<std::string> ports = ir::split(ir::metadata_or(node, key::kWirePorts), ',');
      for (int p = 0; p < ir::peers_index(node); ++p) {
        const std::string site = site_name(program, node, p);
        ir::set_attribute(node, ir::concat(ir::attribute::kDestSuffixPrefix, node.input(p)), site_suffix(fnv1a64(site)));
        if (static_cast<std::size_t>(p) < ports.size())
          synthesized.emplace(std::pair(std::string(ir::metadata_or(node, key::kWireId)), ports[static_cast<std::size_t>(p)]),
                              site);
      }
    }
  }
  std::map<std::uint64_t, std::string> sites;
  for (Partition& part : program.partitions) {
    for (auto& node : *part.function.mutable_node()) {
      if (!ir::is_recv(node)) continue;
      const std::string port(ir::metadata_or(node, key::kWirePorts, node.output_size() > 0 ? node.output(0) : std::string()));
      const auto from = synthesized.find({std::string(ir::metadata_or(node, key::kWireId, "-")), port});
      const std::string site = from == synthesized.end() ? part.base + "/" + port : from->second;
      const std::uint64_t number = fnv1a64(site);
      const auto [at, added] = sites.emplace(number, site);
      if (!added || number <= UINT32_MAX) {
        return program.wrong("SiteKeyConflict", &part.function, &node,
                             added ? "the key of '" + site + "' is in the range of numbered sites; rename the port"
                                   : "two ports are addressed as '" + site + "'",
                             {{"site", site}, {"other", at->second}, {"key", std::to_string(number)}});
      }
      ir::stamp_metadata(node, key::kSiteId, std::to_string(number));
    }
  }
  return {};
}

}  // namespace bb::compiler
