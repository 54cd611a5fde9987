// Frames as encrypted records, for channels whose bytes others can read: a counter in the clear, then AES-256-GCM under a nonce of it.
// A record that is lost, repeated, out of order or changed ends the link.
import { concatBytes, viewOf, type Bytes } from "../bytes.js";
import { BBError } from "../errors.js";
import type { RecordCipher } from "../identity/crypto.js";

/** Bytes that a record is longer than its frame. */
export const recordOverhead = 24;

const counterBytes = 8;
const version = 1;

function counterOf(counter: number): { readonly nonce: Bytes; readonly additional: Bytes } {
  const nonce = new Uint8Array(12);
  viewOf(nonce).setBigUint64(4, BigInt(counter));
  const additional = new Uint8Array(1 + counterBytes);
  additional[0] = version;
  viewOf(additional).setBigUint64(1, BigInt(counter), true);
  return { nonce, additional };
}

/** Encrypts; records come out in the order of their frames, however long each takes. */
export class RecordSealer {
  readonly #cipher: RecordCipher;
  readonly #out: (record: readonly Bytes[]) => void;
  readonly #failed: (error: BBError) => void;
  #counter = 0;
  #last: Promise<void> | undefined;
  #underWay = 0;

  constructor(cipher: RecordCipher, out: (record: readonly Bytes[]) => void, failed: (error: BBError) => void) {
    this.#cipher = cipher;
    this.#out = out;
    this.#failed = failed;
  }

  /** Records that are being encrypted. */
  get underWay(): number {
    return this.#underWay;
  }

  seal(parts: readonly Bytes[]): void {
    const { nonce, additional } = counterOf(this.#counter++);
    const head = additional.subarray(1);
    const sealed = this.#cipher.seal(nonce, additional, concatBytes(parts));
    if (!(sealed instanceof Promise) && this.#underWay === 0) {
      this.#out([head, sealed]);
      return;
    }
    this.#underWay++;
    const before = this.#last ?? Promise.resolve();
    this.#last = Promise.all([sealed, before]).then(([bytes]) => {
      this.#underWay--;
      this.#out([head, bytes]);
    }, () => {
      this.#underWay--;
      this.#failed(new BBError("crypto", "a record could not be encrypted"));
    });
  }
}

/** Decrypts; frames come out in the order of their records. */
export class RecordOpener {
  readonly #cipher: RecordCipher;
  readonly #out: (frame: Bytes) => void;
  readonly #failed: (error: BBError) => void;
  #counter = 0;
  #last: Promise<void> | undefined;
  #underWay = 0;
  #refused = false;
  #over = false;

  constructor(cipher: RecordCipher, out: (frame: Bytes) => void, failed: (error: BBError) => void) {
    this.#cipher = cipher;
    this.#out = out;
    this.#failed = failed;
  }

  open(record: Bytes): void {
    if (this.#over || this.#refused) return;
    if (record.length < recordOverhead || viewOf(record).getBigUint64(0, true) !== BigInt(this.#counter)) {
      this.#refuse(new BBError("tampered", `a record out of order, number ${this.#counter} belongs here`, { at: 0 }));
      return;
    }
    const { nonce, additional } = counterOf(this.#counter++);
    let opened: Bytes | Promise<Bytes>;
    try {
      opened = this.#cipher.open(nonce, additional, record.subarray(counterBytes));
    } catch {
      this.#refuse(changed());
      return;
    }
    if (!(opened instanceof Promise) && this.#underWay === 0) {
      this.#out(opened);
      return;
    }
    this.#underWay++;
    const before = this.#last ?? Promise.resolve();
    // Settled, so that one that does not open waits for those before it, too.
    const settled = Promise.resolve(opened).then((frame) => frame, () => undefined);
    this.#last = Promise.all([settled, before]).then(([frame]) => {
      this.#underWay--;
      if (frame === undefined) this.#end(changed());
      else if (!this.#over) this.#out(frame);
    });
  }

  /** Nothing comes out any more. */
  close(): void {
    this.#over = true;
  }

  /** After what came before it. */
  #refuse(error: BBError): void {
    this.#refused = true;
    if (this.#underWay === 0) this.#end(error);
    else void this.#last?.then(() => this.#end(error));
  }

  #end(error: BBError): void {
    if (this.#over) return;
    this.#over = true;
    this.#failed(error);
  }
}

function changed(): BBError {
  return new BBError("tampered", "a record was changed on its way", { at: counterBytes });
}
