// A set of listeners that one bad listener cannot break.

/** Calls everybody who listens. */
export class Listeners<T> {
  readonly #all = new Set<{ f: (event: T) => void }>();

  /** Adds a listener; the result removes it. */
  add(f: (event: T) => void): () => void {
    const entry = { f };
    this.#all.add(entry);
    return () => void this.#all.delete(entry);
  }

  /** Calls all listeners in the order they came. What one throws is thrown again outside, where the runtime reports it. */
  emit(event: T): void {
    for (const entry of [...this.#all]) {
      try {
        entry.f(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
