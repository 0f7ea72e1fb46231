export interface Asked {
  readonly inFlight: number;
  readonly ms: number;
  readonly warmUpMs: number;
  readonly rate: number;
}
export declare const asked: Asked;
export declare function epoch(): number;
export declare function answer(values: object): Promise<void>;
export declare function closedLoop(
  once: () => Promise<unknown>,
  options?: Pick<Asked, 'inFlight' | 'ms' | 'warmUpMs'>,
): Promise<{ rate: number; cpu: number; total: number }>;
export declare function openLoop(
  once: () => Promise<number>,
  options?: Pick<Asked, 'rate' | 'ms'>,
): Promise<{ starts: number[]; ends: number[] }>;
export declare function load(once: () => Promise<number>): Promise<object>;
