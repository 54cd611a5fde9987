// The vectors of the reference once more, through the developer tools of the TypeScript API.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fromHex, toHex } from "../../../js/package/src/bytes.js";
import type { DecodedEnvelope } from "../../../js/package/src/engine.js";
import { BBError } from "../../../js/package/src/errors.js";
import { peerIdFromBytes, peerIdFromNumber, peerIdFromText, peerIdToText } from "../../../js/package/src/peer-id.js";
import { loadEngine, root } from "../support/engine.js";

const directory = process.env["BB_VECTORS"] ?? join(root, "tests", "vectors");
const engine = await loadEngine();

function read<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(directory, ...path), "utf8")) as T;
}

interface PeerVector { readonly bytes: string; readonly base58: string; readonly identity_u64: string | null }
interface Addresses {
  readonly peer_ids: readonly { readonly from_u64?: string; readonly peer: PeerVector }[];
  readonly peer_id_from_bytes: readonly { readonly name: string; readonly bytes: string; readonly ok: boolean }[];
  readonly addresses: readonly { readonly text: string; readonly bytes: string; readonly bincode: string; readonly text_reparse: string }[];
  readonly parse_str: readonly { readonly input: string; readonly ok: boolean; readonly bytes?: string }[];
  readonly from_bytes_errors: readonly { readonly name: string; readonly bytes: string; readonly ok: boolean; readonly text?: string }[];
}
interface Values {
  readonly types: readonly { readonly type_name: string; readonly type_hash?: string; readonly wire_decoder_registered?: boolean; readonly values: readonly { readonly desc?: string; readonly payload?: string; readonly roundtrip_equal?: boolean | null }[] }[];
  readonly decode_failures: readonly { readonly type: string; readonly type_hash: string; readonly payload: string; readonly ok: boolean }[];
}
interface Envelopes {
  readonly valid: readonly {
    readonly file: string; readonly hex?: string | null; readonly decode_default_caps: { readonly ok: boolean };
    readonly fields: {
      readonly dest_peer_addresses: readonly string[]; readonly fills: readonly { readonly dest_suffix: string; readonly payload: string; readonly type_hash: string; readonly trigger_only: boolean }[];
      readonly remaining_deadline_ns: string; readonly src_peer_bytes: string; readonly schema_version: number; readonly src_peer_addresses: readonly string[];
    };
  }[];
  readonly decode_cases: readonly { readonly file?: string; readonly caps: string; readonly result: { readonly ok: boolean; readonly error?: { readonly kind: string } } }[];
}

const { peer_ids, peer_id_from_bytes, addresses, parse_str, from_bytes_errors } = read<Addresses>("addresses.json");

test("peer ids", () => {
  for (const { from_u64, peer } of peer_ids) {
    const id = peerIdFromBytes(fromHex(peer.bytes));
    assert.equal(peerIdToText(id), peer.base58);
    assert.deepEqual(peerIdFromText(peer.base58), id);
    if (from_u64 !== undefined) assert.deepEqual(peerIdFromNumber(BigInt(from_u64)), id);
  }
  for (const { name, bytes, ok } of peer_id_from_bytes) {
    if (ok) assert.equal(toHex(peerIdFromBytes(fromHex(bytes))), bytes, name);
    else assert.throws(() => peerIdFromBytes(fromHex(bytes)), BBError, name);
  }
});

test("addresses", () => {
  for (const { text, bytes, text_reparse } of addresses) {
    assert.equal(engine.formatAddress(fromHex(bytes)), text);
    if (text_reparse === "equal") assert.equal(toHex(engine.parseAddress(text)), bytes, text);
  }
  for (const { input, ok, bytes } of parse_str) {
    if (ok) assert.equal(toHex(engine.parseAddress(input)), bytes, input);
    else assert.throws(() => engine.parseAddress(input), BBError, input);
  }
  for (const { name, bytes, ok, text } of from_bytes_errors) {
    if (ok) assert.equal(engine.formatAddress(fromHex(bytes)), text, name);
    else assert.throws(() => engine.formatAddress(fromHex(bytes)), BBError, name);
  }
});

test("values", () => {
  const { types, decode_failures } = read<Values>("values.json");
  let compared = 0;
  for (const { type_name, type_hash, wire_decoder_registered, values } of types) {
    if (type_hash === undefined || wire_decoder_registered !== true) continue;
    for (const { desc, payload, roundtrip_equal } of values) {
      if (payload === undefined || roundtrip_equal !== true) continue;
      const bytes = fromHex(payload);
      const again = engine.reencodeValue(BigInt(type_hash), bytes);
      assert.equal(toHex(again.bytes), payload, `${type_name} ${desc ?? ""}`);
      assert.equal(again.typeHash, BigInt(type_hash));
      // And through JavaScript's form of it, where that says as much: the engine's own types do.
      assert.notEqual(engine.decodeValue(BigInt(type_hash), bytes), undefined);
      compared++;
    }
  }
  assert.ok(compared >= 15, `${compared} values`);
  for (const { type, type_hash, payload, ok } of decode_failures) {
    if (!ok) assert.throws(() => engine.decodeValue(BigInt(type_hash), fromHex(payload)), BBError, type);
  }
});

test("envelopes", () => {
  const { valid, decode_cases } = read<Envelopes>("envelopes", "envelopes.json");
  const bytesOf = (file: string): Uint8Array => readFileSync(join(directory, "envelopes", file));
  for (const { file, hex, fields } of valid) {
    if (hex === undefined || hex === null) continue;
    const decoded: DecodedEnvelope = engine.decodeEnvelope(fromHex(hex));
    assert.deepEqual(decoded.destinations, fields.dest_peer_addresses, file);
    assert.deepEqual(decoded.fills.map(({ suffix, payload, typeHash, triggerOnly }) => [suffix, payload, typeHash, triggerOnly]),
      fields.fills.map((fill) => [fill.dest_suffix, fill.payload, BigInt(fill.type_hash), fill.trigger_only]), file);
    assert.deepEqual([decoded.remainingDeadlineNs, decoded.sourcePeer, decoded.schemaVersion], [BigInt(fields.remaining_deadline_ns), fields.src_peer_bytes, fields.schema_version], file);
    assert.deepEqual(decoded.sourceAddresses, fields.src_peer_addresses, file);
  }
  let refused = 0;
  for (const { file, caps, result } of decode_cases) {
    if (file === undefined || caps !== "default") continue;
    if (result.ok) engine.decodeEnvelope(bytesOf(file));
    else {
      assert.throws(() => engine.decodeEnvelope(bytesOf(file)), BBError, file);
      refused++;
    }
  }
  assert.ok(refused >= 10, `${refused} refused`);
});
