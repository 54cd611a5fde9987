// Writing and reading hub messages as hub.proto defines them, over pbf's primitives.
// Whatever is read comes from a stranger: every field has a cap, and nothing may reach beyond its message.
import { PbfReader, PbfWriter } from "pbf";
import { utf8Encode, utf8Show, viewOf, type Bytes } from "../bytes.js";
import { BBError, describeError } from "../errors.js";
import { peerIdBytesMax, peerIdFromBytes, type PeerId } from "../peer-id.js";
import { controlKind, relayHeaderLength, relayKind, type Hello, type HubLimits, type HubMessage, type Member, type SignalBody, type Welcome } from "./messages.js";

/** Longest Hello a hub looks at. */
export const helloMax = 4_096;
/** Longest room name. */
export const roomBytesMax = 128;
const networkIdMax = 32;
const detailMax = 256;
const urlMax = 1_024;
const membersMax = 4_096;
const descriptionMax = 16_384;
const candidateMax = 1_024;
const extraBytesMax = 1_024; // fields that are read over

const varintType = 0;
const bytesType = 2;

function malformed(detail: string, at: number): BBError {
  return new BBError("malformed", detail, { at });
}

function writeLimits(limits: HubLimits, out: PbfWriter): void {
  out.writeVarintField(1, limits.frameMax);
  out.writeVarintField(2, limits.framesPerSecond);
  out.writeVarintField(3, limits.bytesPerSecond);
  out.writeVarintField(4, limits.roomMax);
  out.writeVarintField(5, limits.queueMax);
}

// proto3 leaves out fields that are zero or empty; the generated codecs do, so this one does.
function writeNumber(out: PbfWriter, tag: number, value: number): void {
  if (value !== 0) out.writeVarintField(tag, value);
}

function writeBytes(out: PbfWriter, tag: number, value: Bytes): void {
  if (value.length > 0) out.writeBytesField(tag, value);
}

function writeMember(member: Member, out: PbfWriter): void {
  writeNumber(out, 1, member.session);
  writeBytes(out, 2, member.peerId);
  writeNumber(out, 3, member.caps);
  writeNumber(out, 4, member.sinceMs);
}

function writeBody(message: HubMessage, out: PbfWriter): void {
  switch (message.kind) {
    case "hello":
      writeNumber(out, 1, message.hello.version);
      writeBytes(out, 2, message.hello.networkId);
      writeBytes(out, 3, message.hello.room);
      writeBytes(out, 4, message.hello.peerId);
      writeNumber(out, 8, message.hello.caps);
      return;
    case "welcome":
      writeNumber(out, 1, message.welcome.session);
      writeNumber(out, 3, message.welcome.leaseSeconds);
      out.writeMessage(4, writeLimits, message.welcome.limits);
      for (const member of message.welcome.members) out.writeMessage(5, writeMember, member);
      return;
    case "presence":
      for (const member of message.joined) out.writeMessage(1, writeMember, member);
      if (message.left.length > 0) out.writePackedVarint(2, [...message.left]);
      writeNumber(out, 3, message.revision);
      return;
    case "signal":
      writeNumber(out, 1, message.session);
      writeNumber(out, 2, message.attempt);
      if (message.body.type === "description") out.writeBytesField(3, message.body.bytes);
      else if (message.body.type === "candidate") out.writeBytesField(4, message.body.bytes);
      else out.writeVarintField(5, 1);
      return;
    case "leave":
      writeNumber(out, 1, message.code);
      return;
    case "quota":
      writeNumber(out, 1, message.session);
      writeNumber(out, 2, message.writable);
      return;
    case "error":
      writeNumber(out, 1, message.code);
      writeBytes(out, 2, utf8Encode(message.detail).subarray(0, detailMax));
      writeNumber(out, 3, message.retryAfterMs);
      return;
    case "drain":
      writeNumber(out, 1, message.graceMs);
      writeBytes(out, 2, utf8Encode(message.url));
      return;
    default:
      message satisfies never;
  }
}

const fieldOf = { hello: 1, welcome: 4, presence: 5, signal: 6, leave: 7, quota: 8, error: 9, drain: 10 } as const;
const knownKinds = new Map<number, HubMessage["kind"]>(Object.entries(fieldOf).map(([kind, field]) => [field, kind as HubMessage["kind"]]));
const fieldsMax = 12;

/** A control message with its kind byte, ready to be sent. */
export function encodeControl(message: HubMessage): Uint8Array<ArrayBuffer> {
  const out = new PbfWriter();
  out.writeMessage(fieldOf[message.kind], writeBody, message);
  const body = out.finish();
  const framed = new Uint8Array(1 + body.length);
  framed[0] = controlKind;
  framed.set(body, 1);
  return framed;
}

/** Reads the fields of one message and refuses what leaves its bounds. */
class Fields {
  readonly #in: PbfReader;
  #end: number;

  constructor(reader: PbfReader, end: number) {
    this.#in = reader;
    this.#end = end;
  }

  each(read: (field: number) => boolean): void {
    for (;;) {
      const start = this.#in.pos;
      const field = this.#in.nextField(this.#end);
      if (field === 0) {
        if (this.#in.pos !== this.#end) throw malformed("a field reaches beyond its message", start);
        return;
      }
      if (this.#in.pos > this.#end) throw malformed("a field number is cut short", start);
      const known = read(field);
      // `nextField` steps over what `read` left alone.
      if (known && this.#in.pos > this.#end) throw malformed("a field reaches beyond its message", start);
    }
  }

  number(max: number): number {
    const at = this.#in.pos;
    if (this.#in.type !== varintType) throw malformed("a number has another type", at);
    const value = this.#in.readVarint();
    if (this.#in.pos > this.#end) throw malformed("a number is cut short", at);
    if (!(value <= max)) throw malformed(`a number is ${value}, at most ${max} is legal`, at);
    return value;
  }

  u32(): number {
    return this.number(0xffffffff);
  }

  u64(): number {
    return this.number(Number.MAX_SAFE_INTEGER);
  }

  #length(max: number): number {
    const at = this.#in.pos;
    if (this.#in.type !== bytesType) throw malformed("a byte field has another type", at);
    const length = this.#in.readVarint();
    if (this.#in.pos > this.#end || !(length <= this.#end - this.#in.pos)) throw malformed("a byte field reaches beyond its message", at);
    if (length > max) throw malformed(`a byte field of ${length} bytes, at most ${max} are legal`, at);
    return length;
  }

  bytes(max: number): Bytes {
    const length = this.#length(max);
    const start = this.#in.pos;
    this.#in.pos = start + length;
    return this.#in.buf.slice(start, start + length);
  }

  peerId(): PeerId {
    const at = this.#in.pos;
    try {
      return peerIdFromBytes(this.bytes(peerIdBytesMax));
    } catch (error) {
      if (error instanceof BBError && error.code === "malformed") throw error;
      throw malformed(describeError(error), at);
    }
  }

  inside<T>(read: (fields: Fields) => T): T {
    const length = this.#length(Number.MAX_SAFE_INTEGER);
    return read(new Fields(this.#in, this.#in.pos + length));
  }

  /** Repeated numbers come packed, and one by one from old writers. */
  numbers(into: number[], countMax: number): void {
    if (this.#in.type === varintType) into.push(this.u32());
    else {
      const end = this.#length(Number.MAX_SAFE_INTEGER) + this.#in.pos;
      while (this.#in.pos < end) {
        const at = this.#in.pos;
        const value = this.#in.readVarint();
        if (this.#in.pos > end || !(value <= 0xffffffff)) throw malformed("a packed number is wrong", at);
        into.push(value);
        if (into.length > countMax) break;
      }
    }
    if (into.length > countMax) throw malformed(`more than ${countMax} entries`, this.#in.pos);
  }
}

function readHello(fields: Fields): HubMessage {
  let version = 0;
  let networkId: Bytes = new Uint8Array(0);
  let room: Bytes = new Uint8Array(0);
  let peerId: PeerId | undefined;
  let caps = 0;
  fields.each((field) => {
    switch (field) {
      case 1: version = fields.u32(); return true;
      case 2: networkId = fields.bytes(networkIdMax); return true;
      case 3: room = fields.bytes(roomBytesMax); return true;
      case 4: peerId = fields.peerId(); return true;
      case 5: case 6: case 7: case 9: fields.bytes(extraBytesMax); return true;
      case 8: caps = fields.u32(); return true;
      default: return false;
    }
  });
  if (peerId === undefined) throw malformed("a Hello without a peer id", 1);
  const hello: Hello = { version, networkId, room, peerId, caps };
  return { kind: "hello", hello };
}

function readMember(fields: Fields): Member {
  let session = 0;
  let peerId: PeerId | undefined;
  let caps = 0;
  let sinceMs = 0;
  fields.each((field) => {
    switch (field) {
      case 1: session = fields.u32(); return true;
      case 2: peerId = fields.peerId(); return true;
      case 3: caps = fields.u32(); return true;
      case 4: sinceMs = fields.u64(); return true;
      default: return false;
    }
  });
  if (peerId === undefined || session === 0) throw malformed("a member without a session or a peer id", 1);
  return { session, peerId, caps, sinceMs };
}

function addMember(fields: Fields, into: Member[]): true {
  if (into.length >= membersMax) throw malformed(`more than ${membersMax} members`, 1);
  into.push(fields.inside(readMember));
  return true;
}

function readLimits(fields: Fields): HubLimits {
  const found = { frameMax: 0, framesPerSecond: 0, bytesPerSecond: 0, roomMax: 0, queueMax: 0 };
  fields.each((field) => {
    switch (field) {
      case 1: found.frameMax = fields.u32(); return true;
      case 2: found.framesPerSecond = fields.u32(); return true;
      case 3: found.bytesPerSecond = fields.u64(); return true;
      case 4: found.roomMax = fields.u32(); return true;
      case 5: found.queueMax = fields.u64(); return true;
      default: return false;
    }
  });
  return found;
}

function readWelcome(fields: Fields): HubMessage {
  let session = 0;
  let leaseSeconds = 0;
  let limits: HubLimits | undefined;
  const members: Member[] = [];
  fields.each((field) => {
    switch (field) {
      case 1: session = fields.u32(); return true;
      case 3: leaseSeconds = fields.u32(); return true;
      case 4: limits = fields.inside(readLimits); return true;
      case 5: return addMember(fields, members);
      default: return false;
    }
  });
  if (session === 0 || limits === undefined) throw malformed("a Welcome without a session or limits", 1);
  const welcome: Welcome = { session, leaseSeconds, limits, members };
  return { kind: "welcome", welcome };
}

function readPresence(fields: Fields): HubMessage {
  const joined: Member[] = [];
  const left: number[] = [];
  let revision = 0;
  fields.each((field) => {
    switch (field) {
      case 1: return addMember(fields, joined);
      case 2: fields.numbers(left, membersMax); return true;
      case 3: revision = fields.u64(); return true;
      default: return false;
    }
  });
  return { kind: "presence", joined, left, revision };
}

function readSignal(fields: Fields): HubMessage {
  let session = 0;
  let attempt = 0;
  let body: SignalBody | undefined;
  fields.each((field) => {
    switch (field) {
      case 1: session = fields.u32(); return true;
      case 2: attempt = fields.u32(); return true;
      case 3: body = { type: "description", bytes: fields.bytes(descriptionMax) }; return true;
      case 4: body = { type: "candidate", bytes: fields.bytes(candidateMax) }; return true;
      case 5:
        if (fields.u32() !== 0) body ??= { type: "end" };
        return true;
      default: return false;
    }
  });
  if (session === 0 || body === undefined) throw malformed("a Signal without a session or a body", 1);
  return { kind: "signal", session, attempt, body };
}

/** Reads a message of up to three fields: a number, a text or a number, a number. */
function readSmall(fields: Fields, textMax: number): { first: number; second: number; text: string; third: number } {
  const found = { first: 0, second: 0, text: "", third: 0 };
  fields.each((field) => {
    switch (field) {
      case 1: found.first = fields.u32(); return true;
      case 2:
        if (textMax === 0) found.second = fields.u64();
        else found.text = utf8Show(fields.bytes(textMax));
        return true;
      case 3: found.third = fields.u32(); return true;
      default: return false;
    }
  });
  return found;
}

function readKind(kind: HubMessage["kind"], fields: Fields): HubMessage {
  switch (kind) {
    case "hello": return readHello(fields);
    case "welcome": return readWelcome(fields);
    case "presence": return readPresence(fields);
    case "signal": return readSignal(fields);
    case "leave": return { kind, code: readSmall(fields, 0).first };
    case "quota": {
      const { first, second } = readSmall(fields, 0);
      return { kind, session: first, writable: second };
    }
    case "error": {
      const { first, text, third } = readSmall(fields, detailMax);
      return { kind, code: first, detail: text, retryAfterMs: third };
    }
    case "drain": {
      const { first, text } = readSmall(fields, urlMax);
      return { kind, graceMs: first, url: text };
    }
    default: return kind satisfies never;
  }
}

/**
 * Reads a control message with its kind byte. Throws `malformed` with the byte position, or `unsupported` for a message of the
 * schema that this version does not speak.
 */
export function decodeControl(message: Bytes): HubMessage {
  if (message[0] !== controlKind) throw malformed("not a control message", 0);
  const reader = new PbfReader(message);
  reader.pos = 1;
  const fields = new Fields(reader, message.length);
  let found: HubMessage | undefined;
  try {
    fields.each((field) => {
      const kind = knownKinds.get(field);
      if (kind !== undefined) {
        found = fields.inside((body) => readKind(kind, body));
        return true;
      }
      if (field <= fieldsMax) throw new BBError("unsupported", `message kind ${field} is not spoken here`, { at: 1 });
      return false;
    });
  } catch (error) {
    if (error instanceof BBError) throw error;
    throw malformed(describeError(error), Math.min(reader.pos, message.length));
  }
  if (found === undefined) throw malformed("an empty message", 1);
  return found;
}

/** Header fields of a relay message. */
export interface RelayHeader {
  readonly lane: 0 | 1;
  readonly session: number;
}

/** Writes a relay header to the first eight bytes. */
export function writeRelayHeader(message: Bytes, lane: 0 | 1, session: number): void {
  const view = viewOf(message);
  view.setUint8(0, relayKind);
  view.setUint8(1, lane);
  view.setUint16(2, 0, true);
  view.setUint32(4, session, true);
}

/** Reads and checks a relay header. Throws `malformed` with the byte position. */
export function readRelayHeader(message: Bytes): RelayHeader {
  if (message.length < relayHeaderLength) throw malformed("a relay message is shorter than its header", message.length);
  const view = viewOf(message);
  if (view.getUint8(0) !== relayKind) throw malformed("not a relay message", 0);
  const lane = view.getUint8(1);
  if (lane !== 0 && lane !== 1) throw malformed(`lane ${lane}`, 1);
  if (view.getUint16(2, true) !== 0) throw malformed("the reserved bytes of a relay header are not zero", 2);
  return { lane, session: view.getUint32(4, true) };
}
