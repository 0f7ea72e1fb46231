/** A Map for what comes and goes by the thousand each second. */

/**
 * Keeps values by ids. When a Map of V8 has been filled it moves to a new table, and the old one leads to the new:
 * once one of them is old to the garbage collector, each keeps the next alive, with all that was in it, until a full
 * collection. A worker spent a fifth of its CPU on what its tasks had left in such tables. Here they hold numbers.
 */
export class IdMap<T> {
  readonly #places = new Map<string, number>();
  readonly #values: (T | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.size;
  }

  has(id: string): boolean {
    return this.#places.has(id);
  }

  get(id: string): T | undefined {
    const place = this.#places.get(id);
    return place === undefined ? undefined : this.#values[place];
  }

  set(id: string, value: T): void {
    const place = this.#places.get(id) ?? this.#free.pop() ?? this.#values.length;
    this.#places.set(id, place);
    this.#values[place] = value;
  }

  delete(id: string): boolean {
    const place = this.#places.get(id);
    if (place === undefined) return false;
    this.#places.delete(id);
    this.#values[place] = undefined;
    this.#free.push(place);
    return true;
  }

  /** In the order in which they came. */
  ids(): string[] {
    return [...this.#places.keys()];
  }

  /** In the order in which their ids came. */
  values(): T[] {
    const values = [...this.#places.values()].map((place) => this.#values[place]);
    return values.filter((value): value is T => value !== undefined);
  }
}
