// Waits in words.
#include "bb/wait.h"

namespace bb {

std::string_view Wait::kind_name(Kind kind) {
  switch (kind) {
    case Kind::completion: return "completion";
    case Kind::answer: return "answer";
    case Kind::timer: return "timer";
    case Kind::permit: return "permit";
    case Kind::queue: return "queue";
    case Kind::inputs: return "inputs";
    case Kind::slot: return "slot";
    case Kind::bootstrap: return "bootstrap";
    case Kind::credit: return "credit";
  }
  return "wait";
}

std::string Wait::text() const {
  std::string text = kind == Kind::credit ? "envelopes" : target + (op.empty() ? " execution " + std::to_string(exec.v) : "." + op);
  switch (kind) {
    case Kind::completion: text += missing.empty() ? " waits for the host" : " waits for its component at slot"; break;
    case Kind::answer: text += " waits for answers"; break;
    case Kind::timer: text += " sleeps"; break;
    case Kind::permit: text += " is in line for a permit"; break;
    case Kind::queue: text += " is in line for a value"; break;
    case Kind::inputs: text += " lacks"; break;
    case Kind::slot: text += " waits until another execution is done with slot"; break;
    case Kind::bootstrap: text += " waits for the bootstrap"; break;
    case Kind::credit: text += " may not leave yet"; break;
  }
  for (std::size_t i = 0; i < missing.size(); ++i) text += (i == 0 ? " " : ", ") + missing[i];
  for (const Peer& peer : peers)
    text += "; peer " + peer.id.to_text() + ": link " + std::string(peer.link) + ", " + std::to_string(peer.queued) + " queued";
  return text;
}

}  // namespace bb
