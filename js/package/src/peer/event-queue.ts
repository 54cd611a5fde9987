// Events for one `for await`: bounded, the oldest go first when nobody takes them.

const lengthMax = 1_024;

/** A queue that ends. */
export class EventQueue<T> implements AsyncIterableIterator<T> {
  readonly #onReturn: () => void;
  #items: T[] = [];
  #takers: ((result: IteratorResult<T>) => void)[] = [];
  #ended = false;

  constructor(onReturn: () => void) {
    this.#onReturn = onReturn;
  }

  push(item: T): void {
    if (this.#ended) return;
    const taker = this.#takers.shift();
    if (taker !== undefined) taker({ value: item, done: false });
    else {
      if (this.#items.length >= lengthMax) this.#items.shift();
      this.#items.push(item);
    }
  }

  end(): void {
    this.#ended = true;
    for (const taker of this.#takers.splice(0)) taker({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<T>> {
    const [item] = this.#items;
    if (item !== undefined) {
      this.#items.shift();
      return Promise.resolve({ value: item, done: false });
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  return(): Promise<IteratorResult<T>> {
    this.#onReturn();
    this.#items = [];
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
