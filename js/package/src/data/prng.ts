// A small seeded generator whose numbers are the same in every runtime: 32-bit integer arithmetic only.
//
// Algorithm: xoshiro128** by Blackman and Vigna (state of four 32-bit words a b c d; each step yields
// rotl(b * 5, 7) * 9, then t = b << 9, c ^= a, d ^= b, b ^= c, a ^= d, c ^= t, d = rotl(d, 11)). The four words are filled
// from the 32-bit seed by a counter stepping by 0x9e3779b9 and mixed with the finaliser of MurmurHash3
// (h ^= h >>> 16, h *= 0x85ebca6b, h ^= h >>> 13, h *= 0xc2b2ae35, h ^= h >>> 16).

function mix(word: number): number {
  let hash = word;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

/**
 * A stream of repeatable random numbers; not for secrets.
 *
 * ```ts
 * const stream = new RandomStream(42);
 * stream.below(10); // the same digit everywhere
 * ```
 */
export class RandomStream {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** Only the low 32 bits of the seed count. */
  constructor(seed: number) {
    this.#a = mix((seed + 0x9e3779b9) | 0);
    this.#b = mix((seed + Math.imul(0x9e3779b9, 2)) | 0);
    this.#c = mix((seed + Math.imul(0x9e3779b9, 3)) | 0);
    this.#d = mix((seed + Math.imul(0x9e3779b9, 4)) | 0);
  }

  /** The next 32 bits, as an unsigned number. */
  next(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  /** A number in [0, 1) with 32 bits. */
  unit(): number {
    return this.next() / 4_294_967_296;
  }

  /** A number in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.unit();
  }

  /** An integer in [0, limit), without bias; `limit` is 1 to 2^32. */
  below(limit: number): number {
    const unbiased = 4_294_967_296 - (4_294_967_296 % limit);
    for (;;) {
      const word = this.next();
      if (word < unbiased) return word % limit;
    }
  }

  /** Roughly normal (mean 0, deviation 1, within ±3.5): a sum of four uniforms, so no library function is involved. */
  normal(): number {
    return (this.unit() + this.unit() + this.unit() + this.unit() - 2) * 1.7320508075688772;
  }

  /** A stream for another purpose: drawing from it does not move this one. */
  fork(purpose: number): RandomStream {
    return new RandomStream(mix(this.#a ^ mix(purpose | 0)));
  }
}
