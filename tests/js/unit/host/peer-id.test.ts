// Peer ids and byte helpers: known texts, round trips and everything that is not one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareBytes, concatBytes, equalBytes, fromHex, toHex } from "../../../../js/package/src/bytes.js";
import { BBError } from "../../../../js/package/src/errors.js";
import { manualHost } from "../../../../js/package/src/host.js";
import {
  comparePeerIds, peerIdBytesMax, peerIdFromBytes, peerIdFromNumber, peerIdFromText, peerIdToText, randomPeerId, samePeer,
} from "../../../../js/package/src/peer-id.js";

const sha256 = concatBytes([fromHex("1220"), Uint8Array.from({ length: 32 }, (_, index) => index)]);

test("known ids have known texts", () => {
  assert.equal(peerIdToText(peerIdFromNumber(0)), "16uZAbWC1AJvK");
  assert.equal(peerIdToText(peerIdFromNumber(1)), "16uZAbWC1AJvL");
  assert.equal(peerIdToText(peerIdFromNumber(7)), "16uZAbWC1AJvS");
  assert.equal(peerIdToText(peerIdFromNumber(12)), "16uZAbWC1AJvX");
  assert.equal(peerIdToText(peerIdFromBytes(sha256)), "QmNLfbof5rLekrACjeuLk9JmGZD2HDBHCU4z16iYKmx5SE");
});

test("texts are read back, leading zeros too", () => {
  const longest = concatBytes([fromHex("ffffffffffffffffff01"), fromHex("40"), new Uint8Array(64).fill(255)]);
  assert.equal(longest.length, peerIdBytesMax);
  for (const bytes of [fromHex("0000"), fromHex("000200ff"), fromHex("00080000000000000007"), sha256, longest]) {
    const id = peerIdFromBytes(bytes);
    assert.ok(samePeer(peerIdFromText(peerIdToText(id)), id));
  }
  assert.equal(peerIdToText(peerIdFromBytes(fromHex("0000"))), "11");
});

test("what is no peer id is refused", () => {
  for (const [hex, at] of [["", 0], ["000205", 3], ["00010506", 3], ["800000", 1], ["00810001", 2], ["008001", 1], ["ffffffffffffffffffff01", 9]] as const) {
    assert.throws(() => peerIdFromBytes(fromHex(hex)), (error: unknown) => error instanceof BBError && error.code === "bad_peer_id" && error.at === at, hex);
  }
  assert.throws(() => peerIdFromBytes(concatBytes([fromHex("0041"), new Uint8Array(65)])), { code: "bad_peer_id", at: 1 });
  assert.throws(() => peerIdFromText(""), { code: "bad_peer_id" });
  assert.throws(() => peerIdFromText("16uZAbWC1AJv0"), { code: "bad_peer_id", at: 12 });
  assert.throws(() => peerIdFromText("z".repeat(1_000_000)), { code: "bad_peer_id", at: 104 });
  assert.throws(() => peerIdFromText("z".repeat(104)), { code: "bad_peer_id" });
});

test("peers sort by code, size and digest", () => {
  const ids = [peerIdFromBytes(sha256), peerIdFromNumber(300), peerIdFromNumber(2), peerIdFromBytes(fromHex("00020909"))];
  assert.deepEqual(ids.sort(comparePeerIds).map(toHex), ["00020909", "00080000000000000002", "0008000000000000012c", toHex(sha256)]);
  assert.equal(comparePeerIds(peerIdFromNumber(5), peerIdFromNumber(5)), 0);
});

test("random ids are valid and differ", () => {
  const host = manualHost();
  const first = randomPeerId((into) => host.random(into));
  const second = randomPeerId((into) => host.random(into));
  assert.ok(samePeer(peerIdFromBytes(first), first));
  assert.ok(!samePeer(first, second));
});

test("byte helpers", () => {
  assert.throws(() => fromHex("abc"), { code: "bad_hex", at: 3 });
  assert.throws(() => fromHex("ab?d"), { code: "bad_hex", at: 2 });
  assert.equal(toHex(fromHex("00FFa5")), "00ffa5");
  assert.ok(compareBytes(fromHex("01"), fromHex("0100")) < 0);
  assert.ok(compareBytes(fromHex("02"), fromHex("01ff")) > 0);
  assert.ok(equalBytes(fromHex("aa"), fromHex("aa")) && !equalBytes(fromHex("aa"), fromHex("ab")) && !equalBytes(fromHex("aa"), fromHex("aaaa")));
});
