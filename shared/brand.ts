/**
 * Makes two copies of this package know each other's classes: a CommonJS project that runs TypeScript
 * loads a second one beside that of its worker, and what the one throws the other must recognise.
 */
export function brand(Class: abstract new (...args: never[]) => object): void {
  const mark = Symbol.for(`kaje.${Class.name}`);
  Object.defineProperty(Class.prototype, mark, { value: true });
  Object.defineProperty(Class, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // A user's own subclass inherits this, but is told by its prototype as usual.
      if (this !== Class) return Function.prototype[Symbol.hasInstance].call(this, value);
      return typeof value === 'object' && value !== null && mark in value;
    },
  });
}
